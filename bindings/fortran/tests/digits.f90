! SPDX-License-Identifier: MIT
! The network of examples/c/digits.c, trained from seed 0: prints the bits of the loss that it ends
! with, as bindings/kit/digits.c does.
!     digits examples/data/digits.csv
program digits
  use, intrinsic :: iso_fortran_env, only: int64, real32, real64
  use tapegrad
  implicit none
  integer, parameter :: rows = 1437, pixels = 64, batch = 32, epochs = 50
  real(real32) :: image(rows, pixels)
  integer(int64) :: truth(rows), net, adam, layers(3), parameters(4)
  type(tensor) :: images, labels
  real(real64) :: loss
  integer(c_size_t) :: i, count
  integer :: epoch

  call read_images()
  images = copied(image)
  labels = copied(truth)
  call check(tg_manual_seed(0_int64))
  call check(tg_nn_linear(64_int64, 128_int64, 1, TG_FLOAT32, layers(1)))
  call check(tg_nn_relu(layers(2)))
  call check(tg_nn_linear(128_int64, 10_int64, 1, TG_FLOAT32, layers(3)))
  call check(tg_nn_sequential(layers, 3_c_size_t, net))
  call check(tg_module_parameter_count(net, count))
  do i = 1, count
    call check(tg_module_parameter_at(net, i - 1, parameters(i)))
  end do
  call check(tg_optim_adam(parameters, count, 5d-3, adam))
  call check(tg_module_train(net, 1))
  do epoch = 1, epochs
    call one_epoch()
  end do
  print '(z16.16)', transfer(loss, 0_int64)
  call check(tg_release_many([layers, parameters, net, adam], 9_c_size_t))

contains

  subroutine read_images()
    character(200) :: path
    integer :: unit, row, numbers(pixels + 1)
    call get_command_argument(1, path)
    open (newunit=unit, file=trim(path), action='read')
    do row = 1, rows
      read (unit, *) numbers
      image(row, :) = real(numbers(:pixels), real32) / 16
      truth(row) = numbers(pixels + 1)
    end do
    close (unit)
  end subroutine

  subroutine one_epoch()
    type(tensor) :: order
    integer(int64) :: start, length
    real(real64) :: total
    call check(tg_randperm(0_int64, int(rows, int64), order%handle))
    total = 0
    do start = 0, rows - 1, batch
      length = min(int(batch, int64), rows - start)
      total = total + train_step(order, start, length) * real(length, real64)
    end do
    loss = total / rows
  end subroutine

  real(real64) function train_step(order, start, length) result(value)
    type(tensor), intent(in) :: order
    integer(int64), intent(in) :: start, length
    type(tensor) :: chosen, x, y, scores, step
    call check(tg_narrow(order%handle, 0_int64, start, length, chosen%handle))
    call check(tg_index_select(images%handle, 0_int64, chosen%handle, x%handle))
    call check(tg_index_select(labels%handle, 0_int64, chosen%handle, y%handle))
    call check(tg_module_forward(net, x%handle, scores%handle))
    call check(tg_cross_entropy(scores%handle, y%handle, 0_int64, -100_int64, TG_REDUCTION_MEAN, &
      0d0, step%handle))
    call check(tg_optimizer_zero_grad(adam))
    call step%backward()
    call check(tg_optimizer_step(adam))
    value = step%item()
  end function
end program
