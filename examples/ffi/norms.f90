! SPDX-License-Identifier: MIT
! The Euclidean norm of each column, and the gradient of it: d norms(j) / d a(i, j) is
! a(i, j) / norms(j).
subroutine column_norms(m, n, a, norms)
  implicit none
  integer, intent(in) :: m, n
  double precision, intent(in) :: a(m, n)
  double precision, intent(out) :: norms(n)
  integer :: j
  do j = 1, n
    norms(j) = sqrt(sum(a(:, j)**2))
  end do
end subroutine

subroutine column_norms_backward(m, n, a, norms, g, grad_a)
  implicit none
  integer, intent(in) :: m, n
  double precision, intent(in) :: a(m, n), norms(n), g(n)
  double precision, intent(out) :: grad_a(m, n)
  integer :: j
  do j = 1, n
    grad_a(:, j) = a(:, j) * (g(j) / norms(j))
  end do
end subroutine
