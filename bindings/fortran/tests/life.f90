! SPDX-License-Identifier: MIT
! What the type tensor promises: operators, ends of life, errors, modes of blocks, shared arrays.
program life
  use, intrinsic :: iso_fortran_env, only: error_unit, int64, real32, real64
  use tapegrad
  implicit none
  integer :: failures = 0

  call operators()
  call expect(tg_live_handles() == 0, 'every tensor has ended after operators')
  call errors()
  call modes()
  call arrays()
  call expect(tg_live_handles() == 0, 'every tensor has ended after arrays')
  call many_tensors()
  call expect(tg_live_handles() == 0, 'every tensor has ended')
  if (failures > 0) error stop 1
  print '(a)', 'life: all as promised'

contains

  subroutine expect(holds, what)
    logical, intent(in) :: holds
    character(*), intent(in) :: what
    if (holds) return
    failures = failures + 1
    write (error_unit, '(2a)') 'does not hold: ', what
  end subroutine

  subroutine operators()
    type(tensor) :: x, y, z, same
    real(real64) :: back(2, 2)
    x = copied(reshape([1d0, 2d0, 3d0, 4d0], [2, 2]), requires_grad=.true.)
    y = x * x + 2 * x - x / 2d0 + (1 - x) * 3.0 - x**2 + 6 / x + (-x)
    z = y%sum()
    ! 2x - x/2 + 3 - 3x + 6/x - x, over 1 2 3 4
    call expect(abs(z%item() - (12 - 2.5d0 * 10 + 6 * (1 + 1/2d0 + 1/3d0 + 1/4d0))) < 1d-9, 'values')
    call z%backward()
    call to_array(x%grad(), back)
    call expect(abs(back(1, 2) - (-2.5d0 - 6/9d0)) < 1d-9, 'the gradient at the third element')
    same = x
    call expect(tg_live_handles() == 4, 'four variables have four handles')
    y = x .mm. x
    call expect(same%text() == x%text(), 'a copy is the same tensor')
    x = x * 2d0
    x = x ! a copy of itself
    y = x%sum()
    call expect(abs(y%item() - 20) < 1d-9, 'a variable may stand on both sides')
    call expect(all(x%shape() == [2, 2]), 'the shape')
    call x%release()
    call x%release()
    call expect(x%handle == 0, 'release may be called twice')
  end subroutine

  subroutine errors()
    type(tensor) :: a, b, product
    a = copied(reshape([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [2, 3]))
    b = copied(reshape([1.0, 2.0, 3.0, 4.0], [4, 1]))
    call stop_at_errors(.false.)
    product = a .mm. b
    call expect(error_code() == TG_ERROR_SHAPE, 'the code of shapes that do not fit')
    call expect(index(error_message(), '[2, 3]') > 0, 'the message names the shape')
    call expect(product%handle == 0, 'a failed result is empty')
    product = product + a
    call expect(error_code() == TG_ERROR_SHAPE, 'the first error stands')
    call clear_error()
    call expect(error_code() == TG_OK .and. error_message() == '', 'an error can be cleared')
    product = product + a
    call expect(error_code() == TG_ERROR_INVALID_HANDLE, 'an empty tensor is no operand')
    call clear_error()
    call stop_at_errors(.true.)
  end subroutine

  subroutine modes()
    type(tensor) :: x, y
    x = copied([1.0, 2.0], requires_grad=.true.)
    block
      type(mode) :: guard
      call guard%inference()
      y = x * 2
      call expect(tg_is_inference_mode_enabled() == 1, 'the mode is on in its block')
    end block
    call expect(tg_is_inference_mode_enabled() == 0, 'the mode ends with its block')
    call expect(.not. y%requires_grad() .and. .not. y%is_leaf(), 'a tensor of inference mode')
    block
      type(mode) :: guard
      call guard%no_grad()
      y = x * 2
      call guard%set_grad_enabled(.true.) ! instead
      call expect(tg_is_grad_enabled() == 1, 'a guard can change its mode')
      call guard%enable_grad()
    end block
    call expect(y%is_leaf() .and. tg_is_grad_enabled() == 1, 'a tensor of no_grad')
  end subroutine

  ! Both sides write, and both see it.
  subroutine arrays()
    real(real64), target :: a(3, 4)
    integer(int64), target :: counts(5)
    real(real32), target :: cube(2, 3, 4), empty(0, 3)
    type(tensor) :: x, row, turned
    integer :: i, j
    integer(int64) :: handle
    a = reshape([(real(i, real64), i=1, 12)], [3, 4])
    x = shared(a)
    call expect(all(x%shape() == [3, 4]), 'the shape is the array''s')
    handle = 0
    call check(tg_select(x%handle, 0_int64, 1_int64, handle)) ! a(2, :)
    row = owned(handle)
    call expect(row%text() == 'tensor([ 2.,  5.,  8., 11.], dtype=float64)', 'a row: ' // row%text())
    a(2, 3) = -8
    call expect(row%text() == 'tensor([ 2.,  5., -8., 11.], dtype=float64)', 'Fortran wrote')
    call check(tg_mul_scalar_(row%handle, 10d0))
    call expect(all(a(2, :) == [20d0, 50d0, -80d0, 110d0]) .and. a(1, 3) == 7, 'the library wrote')
    turned = shared(a(3:1:-2, 2:4:2)) ! rows 3 and 1, columns 2 and 4
    call expect(turned%text() == 'tensor([[ 6., 12.],' // new_line('a') // &
      '        [ 4., 10.]], dtype=float64)', 'a turned section: ' // turned%text())
    call check(tg_fill_(turned%handle, 0d0))
    call expect(all(a(3:1:-2, 2:4:2) == 0) .and. a(2, 2) == 50 .and. a(3, 3) == 9, 'a section alone')
    counts = [1, 2, 3, 4, 5]
    x = shared(counts(::2))
    call expect(text_of_sum(x) == 9, 'integers')
    do j = 1, 4
      cube(:, :, j) = j
    end do
    x = shared(cube)
    call expect(all(x%shape() == [2, 3, 4]) .and. text_of_sum(x) == 60, 'three dimensions')
    x = shared(empty)
    call expect(all(x%shape() == [0, 3]), 'an empty array')
  end subroutine

  real(real64) function text_of_sum(x)
    type(tensor), intent(in) :: x
    type(tensor) :: total
    total = x%sum()
    text_of_sum = total%item()
  end function

  integer function resident_kib()
    character(200) :: line
    integer :: unit, status
    resident_kib = 0
    open (newunit=unit, file='/proc/self/status', action='read')
    do
      read (unit, '(a)', iostat=status) line
      if (status /= 0) exit
      if (line(:6) == 'VmRSS:') read (line(7:), *) resident_kib
    end do
    close (unit)
  end function

  subroutine one_of_many(number)
    integer, intent(in) :: number
    type(tensor) :: x
    integer(c_int64_t) :: handle
    handle = 0
    call check(tg_ones(TG_FLOAT32, [1024_int64], 1_c_int32_t, handle))
    x = owned(handle)
    x = x * number + 1
  end subroutine

  subroutine many_tensors()
    integer :: i, before
    before = 0
    do i = 1, 110000 ! 10,000 to warm up; three tensors of 4 KiB each time
      if (i == 10001) before = resident_kib()
      call one_of_many(i)
    end do
    call expect(resident_kib() - before < 8192, 'memory stays flat over 100,000 times')
  end subroutine
end program
