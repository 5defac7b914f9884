! SPDX-License-Identifier: MIT
! The four examples of examples/c in Fortran: they print the lines that the C programs print.
program seed
  use, intrinsic :: iso_fortran_env, only: int64
  use tapegrad
  implicit none

  call example_1()
  call example_2()
  call example_3()
  call example_4()

contains

  function truth(value) result(word)
    logical, intent(in) :: value
    character(:), allocatable :: word
    word = trim(merge('True ', 'False', value))
  end function

  type(tensor) function randn(shape) result(x)
    integer(int64), intent(in) :: shape(:)
    call check(tg_randn(0_int64, TG_FLOAT32, shape, size(shape), x%handle))
    call hand_out(x)
  end function

  subroutine example_1()
    type(tensor) :: x, y, z
    x = copied([1.0, 2.0, 3.0], requires_grad=.true.)
    block
      type(mode) :: guard
      call guard%inference()
      y = x * 2
    end block
    print '(2a)', '在 inference_mode 中: ', truth(y%requires_grad())
    block
      type(mode) :: guard
      call guard%no_grad()
      z = x * 2
    end block
    print '(2a)', '在 no_grad 中: ', truth(z%requires_grad())
  end subroutine

  type(tensor) function tenfold_product() result(total)
    type(tensor) :: x
    integer :: i
    x = randn([100_int64, 100_int64])
    do i = 1, 10
      x = x .mm. x
    end do
    total = x%sum()
    call hand_out(total)
  end function

  subroutine example_2()
    type(tensor) :: inferred, plain
    block
      type(mode) :: guard
      call guard%inference()
      inferred = tenfold_product()
    end block
    print '(2a)', '在 inference_mode 中: ', truth(inferred%is_leaf())
    block
      type(mode) :: guard
      call guard%no_grad()
      plain = tenfold_product()
    end block
    print '(2a)', '在 no_grad 中: ', truth(plain%is_leaf())
  end subroutine

  ! A network of linear layers between the given sizes, with relu between them.
  integer(int64) function make_net(sizes) result(net)
    integer(int64), intent(in) :: sizes(:)
    integer(int64) :: layers(2 * size(sizes) - 3)
    integer :: i
    net = 0
    layers = 0
    do i = 1, size(layers)
      if (mod(i, 2) == 1) then
        call check(tg_nn_linear(sizes(i/2 + 1), sizes(i/2 + 2), 1, TG_FLOAT32, layers(i)))
      else
        call check(tg_nn_relu(layers(i)))
      end if
    end do
    call check(tg_nn_sequential(layers, size(layers, kind=c_size_t), net))
    call check(tg_release_many(layers, size(layers, kind=c_size_t)))
  end function

  type(tensor) function forward(net, x) result(y)
    integer(int64), intent(in) :: net
    type(tensor), intent(in) :: x
    call check(tg_module_forward(net, x%handle, y%handle))
    call hand_out(y)
  end function

  ! The decorator form: a function whose whole body is in the mode.
  type(tensor) function predict(net, x) result(y)
    integer(int64), intent(in) :: net
    type(tensor), intent(in) :: x
    type(mode) :: guard
    call guard%inference()
    y = forward(net, x)
    call hand_out(y)
  end function

  function size_text(x) result(text)
    type(tensor), intent(in) :: x
    character(:), allocatable :: text
    character(200) :: line
    write (line, '("torch.Size([",*(i0,:,", "))') x%shape()
    text = trim(line) // '])'
  end function

  subroutine example_3()
    type(tensor) :: x, y
    integer(int64) :: net
    net = make_net([10_int64, 20_int64, 5_int64])
    call check(tg_module_eval(net))
    x = randn([100_int64, 10_int64])
    block
      type(mode) :: guard
      call guard%inference()
      y = forward(net, x)
    end block
    print '(2a)', '输出形状: ', size_text(y)
    print '(2a)', '输出 requires_grad: ', truth(y%requires_grad())
    y = predict(net, x)
    print '(2a)', '装饰器方式 - 输出形状: ', size_text(y)
    call check(tg_release(net))
  end subroutine

  subroutine measure_forward(net, x)
    integer(int64), intent(in) :: net
    type(tensor), intent(in) :: x
    type(tensor) :: y
    integer(int64) :: before
    call tg_memory_peak_reset()
    before = tg_memory_current()
    y = forward(net, x)
    print '(a,i0,a,i0,a)', 'peak ', tg_memory_peak() - before, ' bytes, kept ', &
      tg_memory_current() - before, ' bytes'
  end subroutine

  subroutine example_4()
    type(tensor) :: x
    type(mode) :: guard
    integer(int64) :: net
    net = make_net([1000_int64, 1000_int64, 1000_int64, 10_int64])
    x = randn([50_int64, 1000_int64])
    print '(a)', '不使用任何上下文管理器:'
    call measure_forward(net, x)
    print '(/a)', '使用 no_grad:'
    call guard%no_grad()
    call measure_forward(net, x)
    call guard%leave()
    print '(/a)', '使用 inference_mode:'
    call guard%inference()
    call measure_forward(net, x)
    call guard%leave()
    call check(tg_release(net))
  end subroutine
end program
