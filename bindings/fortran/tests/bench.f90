! SPDX-License-Identifier: MIT
! What one small call costs: add of 8 floats in each mode, its result released. Prints
! "way/mode nanoseconds", the least of several rounds in processor time.
program bench
  use, intrinsic :: iso_fortran_env, only: real64
  use tapegrad
  implicit none
  block
    type(mode) :: guard
    call guard%inference()
    call measure('inference', .false.)
  end block
  block
    type(mode) :: guard
    call guard%no_grad()
    call measure('no_grad', .true.)
  end block
  call measure('grad', .true.)
contains
  subroutine measure(name, requires_grad)
    character(*), intent(in) :: name
    logical, intent(in) :: requires_grad
    integer, parameter :: calls = 200000
    type(tensor) :: x, y, z
    real(real64) :: start, finish, best
    integer :: i, round
    x = copied([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], requires_grad=requires_grad)
    y = copied([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0])
    best = huge(best)
    do round = 1, 10
      call cpu_time(start)
      do i = 1, calls
        z = x + y
      end do
      call cpu_time(finish)
      best = min(best, (finish - start) / calls * 1e9_real64)
    end do
    print '(3a,f0.1)', 'Fortran/', name, ' ', best
  end subroutine
end program
