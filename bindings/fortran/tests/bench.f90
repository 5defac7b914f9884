! SPDX-License-Identifier: MIT
! What one small call costs: add of 8 floats, release included, through the type and through the
! interface of C alone.
program bench
  use, intrinsic :: iso_fortran_env, only: int64, real64
  use tapegrad
  implicit none
  integer(int64), parameter :: rounds = 1000000
  type(tensor) :: x, y
  integer(int64) :: i, start, finish, rate, handle
  integer :: repeat
  x = copied([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
  do repeat = 1, 3
    call system_clock(start, rate)
    do i = 1, rounds
      y = x + x
    end do
    call system_clock(finish)
    print '(a,f8.1)', 'fortran add_8_floats type ns ', nanoseconds()
    call system_clock(start)
    do i = 1, rounds
      handle = 0
      call check(tg_add(x%handle, x%handle, handle))
      call check(tg_release(handle))
    end do
    call system_clock(finish)
    print '(a,f8.1)', 'fortran add_8_floats interface ns ', nanoseconds()
  end do
contains
  real(real64) function nanoseconds()
    nanoseconds = real(finish - start, real64) / real(rate, real64) / real(rounds, real64) * 1d9
  end function
end program
