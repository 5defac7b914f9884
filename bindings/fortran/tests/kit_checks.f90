! SPDX-License-Identifier: MIT
! What the generated replay of the conformance kit calls and compares with. The first difference
! ends the program with the number of its step.
module kit_checks
  use, intrinsic :: iso_fortran_env, only: error_unit
  use tapegrad
  implicit none
  integer, parameter :: room = 65536
  integer :: at = 0 ! number of the step
  integer(c_int64_t) :: start
  character(1000) :: folder ! for the kit's files
  ! Places for results and buffers.
  integer(c_int32_t) :: i32(9)
  integer(c_int64_t) :: i64(9)
  integer(c_size_t) :: sizes(9)
  real(c_double) :: doubles(9)
  type(c_ptr) :: pointers(9)
  character(kind=c_char, len=room) :: letters
  integer(c_int64_t) :: items(room / 8)
  integer(c_int8_t) :: bytes(room)

contains

  subroutine begin()
    start = tg_live_handles()
    call get_command_argument(1, folder)
  end subroutine

  subroutine finish(last)
    integer, intent(in) :: last
    print '(i0,a)', last + 1, ' steps without a difference'
  end subroutine

  subroutine expect(holds, what)
    logical, intent(in) :: holds
    character(*), intent(in) :: what
    if (holds) return
    write (error_unit, '(a,i0,2a)') 'step ', at, ': expected ', what
    error stop 1
  end subroutine

  subroutine expect_status(status, wanted, message)
    integer(c_int32_t), intent(in) :: status
    integer, intent(in) :: wanted
    character(*), intent(in) :: message
    if (status /= wanted) then
      write (error_unit, '(a,i0,a,i0,2a)') 'step ', at, ': status ', status, ': ', &
        text_of(tg_last_error_message())
      call expect(.false., 'another status')
    end if
    if (status /= TG_OK .and. message /= '') &
      call expect(index(text_of(tg_last_error_message()), message) > 0, 'the message ' // message &
      // ', not ' // text_of(tg_last_error_message()))
  end subroutine

  subroutine expect_integer(got, wanted)
    integer(c_int64_t), intent(in) :: got, wanted
    character(60) :: said
    write (said, '(i0,a,i0)') wanted, ', not ', got
    call expect(got == wanted, said)
  end subroutine

  logical function near(got, wanted, tolerance)
    real(c_double), intent(in) :: got, wanted, tolerance
    near = got == wanted .or. (got /= got .and. wanted /= wanted) .or. &
      abs(got - wanted) <= tolerance * max(1d0, abs(wanted))
  end function

  subroutine expect_double(got, wanted, tolerance)
    real(c_double), intent(in) :: got, wanted, tolerance
    character(80) :: said
    write (said, '(g0,a,g0)') wanted, ', not ', got
    call expect(near(got, wanted, tolerance), said)
  end subroutine

  subroutine expect_text(got, wanted)
    character(*), intent(in) :: got, wanted
    call expect(got == wanted .and. len(got) == len(wanted), wanted // ', not ' // got)
  end subroutine

  subroutine expect_letters(wanted)
    character(*), intent(in) :: wanted
    call expect_text(letters(:index(letters, c_null_char) - 1), wanted)
  end subroutine

  subroutine expect_items(wanted)
    integer(c_int64_t), intent(in) :: wanted(:)
    integer :: i
    do i = 1, size(wanted)
      call expect_integer(items(i), wanted(i))
    end do
  end subroutine

  subroutine expect_values(memory, dtype, wanted, tolerance)
    integer(c_int8_t), intent(in) :: memory(:)
    character(*), intent(in) :: dtype
    real(c_double), intent(in) :: wanted(:), tolerance
    integer :: i
    do i = 1, size(wanted)
      call expect_double(element(memory, dtype, i), wanted(i), tolerance)
    end do
  end subroutine

  real(c_double) function element(memory, dtype, i) result(value)
    integer(c_int8_t), intent(in) :: memory(:)
    character(*), intent(in) :: dtype
    integer, intent(in) :: i
    select case (dtype)
    case ('float32')
      value = real(transfer(memory(4*i - 3:4*i), 0.0), c_double)
    case ('float64')
      value = transfer(memory(8*i - 7:8*i), 0d0)
    case ('int64')
      value = real(transfer(memory(8*i - 7:8*i), 0_c_int64_t), c_double)
    case ('int32')
      value = real(transfer(memory(4*i - 3:4*i), 0_c_int32_t), c_double)
    case ('int16')
      value = real(transfer(memory(2*i - 1:2*i), 0_c_int16_t), c_double)
    case ('int8')
      value = real(memory(i), c_double)
    case default ! uint8, bool
      value = real(iand(int(memory(i)), 255), c_double)
    end select
  end function

  subroutine expect_tensor(handle, dtype, wanted_sizes, values, tolerance, flags)
    integer(c_int64_t), intent(in) :: handle, wanted_sizes(:)
    character(*), intent(in) :: dtype
    real(c_double), intent(in) :: values(:), tolerance
    integer, intent(in) :: flags(3)
    character(8), parameter :: names(10) = [character(8) :: 'float32', 'float64', 'float16', &
      'bfloat16', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool']
    integer(c_int32_t) :: number, rank, got(3)
    integer(c_int64_t) :: total
    call check(tg_tensor_dtype(handle, number))
    call expect_text(trim(names(number)), dtype)
    call check(tg_tensor_shape(handle, items, 16_c_int32_t, rank))
    call expect_integer(int(rank, c_int64_t), size(wanted_sizes, kind=c_int64_t))
    call expect_items(wanted_sizes)
    call check(tg_tensor_requires_grad(handle, got(1)))
    call check(tg_tensor_is_leaf(handle, got(2)))
    call check(tg_tensor_is_inference(handle, got(3)))
    call expect(all(got == flags), 'other flags')
    call check(tg_tensor_nbytes(handle, total))
    call expect(total <= room, 'a tensor of at most 64 KiB')
    call check(tg_tensor_copy_out(handle, bytes, total))
    call expect_values(bytes, dtype, values, tolerance)
  end subroutine
end module kit_checks
