! SPDX-License-Identifier: MIT
! Linked with a library in which every status is 9999: the type keeps the number, and nothing stops.
program invented
  use, intrinsic :: iso_fortran_env, only: error_unit
  use tapegrad
  implicit none
  type(tensor) :: x, y
  type(mode) :: guard
  call stop_at_errors(.false.)
  x = copied([1.0, 2.0])
  if (error_code() /= 9999) call fail('a new tensor')
  call clear_error()
  y = x * x + 2
  if (error_code() /= 9999 .or. y%handle /= 0) call fail('operators')
  call clear_error()
  call guard%inference()
  if (error_code() /= 9999 .or. error_message() == '') call fail('a mode')
  call guard%leave()
  call clear_error()
  if (y%text() /= '') call fail('a text')
  if (error_code() /= 9999) call fail('the code of a text')
  print '(a)', 'invented status: the type keeps the number'
contains
  subroutine fail(what)
    character(*), intent(in) :: what
    write (error_unit, '(2a,i0)') what, ': the code is ', error_code()
    error stop 1
  end subroutine
end program
