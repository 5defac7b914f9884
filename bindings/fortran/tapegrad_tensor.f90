! SPDX-License-Identifier: MIT
! The type tensor: one handle that releases itself, with operators; guards of modes; errors.
!
! A tensor that an expression makes on its way (x*y in x*y + z) has no name, and Fortran's compilers
! do not agree on when such a one ends. So it is marked, and the operator or assignment that takes
! it ends it: a marked one may be used once. In a procedure of your own an argument may be marked;
! give it a name first (y = x) if you use it twice.
module tapegrad_tensor
  use, intrinsic :: iso_fortran_env, only: error_unit
  use tapegrad_c
  implicit none
  private

  type, public :: tensor
    integer(c_int64_t) :: handle = 0
    logical, private :: marked = .false.
  contains
    procedure, private :: assign
    generic :: assignment(=) => assign
    procedure, private :: add, subtract, multiply, divide, negative, matrix_product
    generic :: operator(+) => add
    generic :: operator(-) => subtract, negative
    generic :: operator(*) => multiply
    generic :: operator(/) => divide
    generic :: operator(.mm.) => matrix_product
    procedure :: release
    procedure :: item
    procedure :: shape => shape_of
    procedure :: text
    procedure :: backward
    procedure :: grad
    procedure :: requires_grad
    procedure :: is_leaf
    procedure :: sum => sum_of
    final :: finish
  end type

  ! A mode that is on until the guard ends, at the end of its block:
  !   block
  !     type(mode) :: guard
  !     call guard%inference()
  !     y = x * 2
  !   end block
  type, public :: mode
    integer, private :: entered = 0
  contains
    procedure :: inference => enter_inference
    procedure :: no_grad => enter_no_grad
    procedure :: enable_grad => enter_enable_grad
    procedure :: set_grad_enabled => enter_set_grad_enabled
    procedure :: leave
    final :: leave_at_end
  end type

  public :: check, stop_at_errors, error_code, error_message, clear_error, owned, text_of
  public :: memory, row_major_copy, overwrite, hand_out, by_number, of_number ! for module tapegrad

  abstract interface
    function unary_function(x, out) result(status) bind(c)
      import
      integer(c_int64_t), value :: x
      integer(c_int64_t), intent(inout) :: out
      integer(c_int32_t) :: status
    end function
    function binary_function(a, b, out) result(status) bind(c)
      import
      integer(c_int64_t), value :: a, b
      integer(c_int64_t), intent(inout) :: out
      integer(c_int32_t) :: status
    end function
    function number_function(x, value, out) result(status) bind(c)
      import
      integer(c_int64_t), value :: x
      real(c_double), value :: value
      integer(c_int64_t), intent(inout) :: out
      integer(c_int32_t) :: status
    end function
  end interface

  ! What went wrong first since clear_error, where errors do not stop the program.
  logical :: stops = .true.
  integer(c_int32_t) :: first_code = 0
  character(:), allocatable :: first_message
  !$omp threadprivate(stops, first_code, first_message)

contains

  ! ---- errors ----

  ! Takes what a function of C returned. An error stops the program with its message, or, after
  ! stop_at_errors(.false.), is kept until it is asked for: results are then empty tensors, and the
  ! first error stands, as the flags of floating point do.
  subroutine check(status)
    integer(c_int32_t), intent(in) :: status
    if (status == TG_OK) return
    if (stops) then
      write (error_unit, '(a)') text_of(tg_last_error_message())
      error stop 1
    end if
    if (first_code /= TG_OK) return
    first_code = status
    first_message = text_of(tg_last_error_message())
  end subroutine

  subroutine stop_at_errors(yes)
    logical, intent(in) :: yes
    stops = yes
  end subroutine

  integer(c_int32_t) function error_code() ! TG_OK: nothing went wrong since clear_error
    error_code = first_code
  end function

  function error_message() result(message)
    character(:), allocatable :: message
    message = ''
    if (first_code /= TG_OK) message = first_message
  end function

  subroutine clear_error()
    first_code = TG_OK
  end subroutine

  ! A text of C that ends with NUL.
  function text_of(address) result(text)
    type(c_ptr), intent(in) :: address
    character(:), allocatable :: text
    character(kind=c_char), pointer :: letters(:)
    integer :: length
    if (.not. c_associated(address)) then
      text = ''
      return
    end if
    call c_f_pointer(address, letters, [huge(0)])
    length = 0
    do while (letters(length + 1) /= c_null_char)
      length = length + 1
    end do
    allocate (character(length) :: text)
    text = transfer(letters(:length), text)
  end function

  ! ---- life ----

  ! Takes over a handle that a function of C gave.
  type(tensor) function owned(handle)
    integer(c_int64_t), intent(in) :: handle
    owned%handle = handle
    owned%marked = .true.
  end function

  impure elemental subroutine finish(x)
    type(tensor), intent(inout) :: x
    if (.not. x%marked) call x%release()
  end subroutine

  impure elemental subroutine release(x)
    class(tensor), intent(inout) :: x
    integer(c_int32_t) :: status
    if (x%handle /= 0) status = tg_release(x%handle)
    x%handle = 0
  end subroutine

  ! Ends an operand that has no name.
  subroutine spend(x)
    class(tensor), intent(in) :: x
    integer(c_int32_t) :: status
    if (x%marked .and. x%handle /= 0) status = tg_release(x%handle)
  end subroutine

  ! A result that a function made in a local variable leaves it as one without a name.
  subroutine hand_out(x)
    type(tensor), intent(inout) :: x
    x%marked = .true.
  end subroutine

  ! Two variables may be the same tensor: each has a handle of its own.
  impure elemental subroutine assign(to, from)
    class(tensor), intent(inout) :: to
    class(tensor), intent(in) :: from
    integer(c_int64_t) :: handle
    handle = 0
    if (from%marked) then
      handle = from%handle
    else if (from%handle /= 0) then
      call check(tg_alias(from%handle, handle))
    end if
    call to%release()
    to%handle = handle
    to%marked = .false.
  end subroutine

  ! ---- operators ----

  type(tensor) function unary(f, x)
    procedure(unary_function) :: f
    class(tensor), intent(in) :: x
    call check(f(x%handle, unary%handle))
    call spend(x)
    call hand_out(unary)
  end function

  type(tensor) function binary(f, a, b)
    procedure(binary_function) :: f
    class(tensor), intent(in) :: a, b
    call check(f(a%handle, b%handle, binary%handle))
    call spend(a)
    call spend(b)
    call hand_out(binary)
  end function

  ! x + 2, x**2 and so on; the module tapegrad has them for each kind of number.
  type(tensor) function by_number(f, x, number)
    procedure(number_function) :: f
    class(tensor), intent(in) :: x
    real(c_double), intent(in) :: number
    call check(f(x%handle, number, by_number%handle))
    call spend(x)
    call hand_out(by_number)
  end function

  ! The number as a tensor of x's dtype: the left operand of 2 - x and 2/x.
  type(tensor) function of_number(number, x)
    real(c_double), intent(in) :: number
    class(tensor), intent(in) :: x
    integer(c_int32_t) :: dtype
    dtype = TG_FLOAT32
    call check(tg_tensor_dtype(x%handle, dtype))
    call check(tg_scalar(number, dtype, of_number%handle))
    call hand_out(of_number)
  end function

  type(tensor) function add(a, b)
    class(tensor), intent(in) :: a, b
    add = binary(tg_add, a, b)
    call hand_out(add)
  end function

  type(tensor) function subtract(a, b)
    class(tensor), intent(in) :: a, b
    subtract = binary(tg_sub, a, b)
    call hand_out(subtract)
  end function

  type(tensor) function multiply(a, b)
    class(tensor), intent(in) :: a, b
    multiply = binary(tg_mul, a, b)
    call hand_out(multiply)
  end function

  type(tensor) function divide(a, b)
    class(tensor), intent(in) :: a, b
    divide = binary(tg_div, a, b)
    call hand_out(divide)
  end function

  type(tensor) function matrix_product(a, b)
    class(tensor), intent(in) :: a, b
    matrix_product = binary(tg_matmul, a, b)
    call hand_out(matrix_product)
  end function

  type(tensor) function negative(x)
    class(tensor), intent(in) :: x
    negative = unary(tg_neg, x)
    call hand_out(negative)
  end function

  type(tensor) function sum_of(x)
    class(tensor), intent(in) :: x
    sum_of = unary(tg_sum, x)
    call hand_out(sum_of)
  end function

  ! ---- asking ----

  real(c_double) function item(x)
    class(tensor), intent(in) :: x
    item = 0
    call check(tg_tensor_item(x%handle, item))
    call spend(x)
  end function

  function shape_of(x) result(sizes)
    class(tensor), intent(in) :: x
    integer(c_int64_t), allocatable :: sizes(:)
    integer(c_int64_t) :: places(16) ! no tensor has more dimensions
    integer(c_int32_t) :: rank
    rank = 0
    call check(tg_tensor_shape(x%handle, places, 16_c_int32_t, rank))
    call spend(x)
    sizes = places(:rank)
  end function

  ! As PyTorch prints it.
  function text(x) result(printed)
    class(tensor), intent(in) :: x
    character(:), allocatable :: printed
    integer(c_size_t) :: length
    integer(c_int32_t) :: status
    length = 0
    status = tg_tensor_format(x%handle, capacity=0_c_size_t, length=length)
    allocate (character(length + 1) :: printed)
    if (status == TG_OK) status = tg_tensor_format(x%handle, printed, length + 1, length)
    call check(status)
    call spend(x)
    printed = printed(:length)
  end function

  logical function requires_grad(x)
    class(tensor), intent(in) :: x
    integer(c_int32_t) :: yes
    yes = 0
    call check(tg_tensor_requires_grad(x%handle, yes))
    call spend(x)
    requires_grad = yes /= 0
  end function

  logical function is_leaf(x)
    class(tensor), intent(in) :: x
    integer(c_int32_t) :: yes
    yes = 0
    call check(tg_tensor_is_leaf(x%handle, yes))
    call spend(x)
    is_leaf = yes /= 0
  end function

  ! ---- gradients ----

  subroutine backward(x)
    class(tensor), intent(in) :: x
    call check(tg_backward(x%handle))
    call spend(x)
  end subroutine

  type(tensor) function grad(x) ! empty (handle 0) where there is none
    class(tensor), intent(in) :: x
    grad = unary(tg_tensor_grad, x)
    call hand_out(grad)
  end function

  ! ---- memory of arrays ----

  type(tensor) function memory(first, dtype, sizes, strides)
    type(c_ptr), intent(in) :: first
    integer(c_int32_t), intent(in) :: dtype
    integer(c_int64_t), intent(in) :: sizes(:), strides(:)
    call check(tg_tensor_from_memory(first, dtype, sizes, strides, size(sizes, kind=c_int32_t), &
      0_c_int32_t, c_null_funptr, c_null_ptr, memory%handle))
    call hand_out(memory)
  end function

  type(tensor) function row_major_copy(x, requires_grad)
    class(tensor), intent(in) :: x
    logical, intent(in), optional :: requires_grad
    type(tensor) :: elements
    integer(c_int32_t) :: dtype
    dtype = TG_FLOAT32
    call check(tg_tensor_dtype(x%handle, dtype))
    elements = owned(empty_like(x, dtype))
    call check(tg_copy_(elements%handle, x%handle))
    call spend(x)
    if (present(requires_grad)) &
      call check(tg_tensor_set_requires_grad(elements%handle, merge(1, 0, requires_grad)))
    row_major_copy = elements
    call hand_out(row_major_copy)
  end function

  integer(c_int64_t) function empty_like(x, dtype)
    class(tensor), intent(in) :: x
    integer(c_int32_t), intent(in) :: dtype
    integer(c_int64_t) :: sizes(16)
    integer(c_int32_t) :: rank
    rank = 0
    empty_like = 0
    call check(tg_tensor_shape(x%handle, sizes, 16_c_int32_t, rank))
    call check(tg_empty(dtype, sizes, rank, empty_like))
  end function

  subroutine overwrite(to, from)
    class(tensor), intent(in) :: to, from
    call check(tg_copy_(to%handle, from%handle))
    call spend(from)
  end subroutine

  ! ---- modes ----

  subroutine enter(guard, status, number)
    class(mode), intent(inout) :: guard
    integer(c_int32_t), intent(in) :: status
    integer, intent(in) :: number
    call check(status)
    if (status == TG_OK) guard%entered = number
  end subroutine

  subroutine enter_inference(guard, on)
    class(mode), intent(inout) :: guard
    logical, intent(in), optional :: on
    call guard%leave()
    if (present(on)) then
      call enter(guard, tg_inference_mode_enter(merge(1, 0, on)), 1)
    else
      call enter(guard, tg_inference_mode_enter(1_c_int32_t), 1)
    end if
  end subroutine

  subroutine enter_no_grad(guard)
    class(mode), intent(inout) :: guard
    call guard%leave()
    call enter(guard, tg_no_grad_enter(), 2)
  end subroutine

  subroutine enter_enable_grad(guard)
    class(mode), intent(inout) :: guard
    call guard%leave()
    call enter(guard, tg_enable_grad_enter(), 3)
  end subroutine

  subroutine enter_set_grad_enabled(guard, on)
    class(mode), intent(inout) :: guard
    logical, intent(in) :: on
    call guard%leave()
    call enter(guard, tg_set_grad_enabled_enter(merge(1, 0, on)), 4)
  end subroutine

  subroutine leave(guard)
    class(mode), intent(inout) :: guard
    integer :: number
    number = guard%entered
    guard%entered = 0
    select case (number)
    case (1)
      call check(tg_inference_mode_exit())
    case (2)
      call check(tg_no_grad_exit())
    case (3)
      call check(tg_enable_grad_exit())
    case (4)
      call check(tg_set_grad_enabled_exit())
    end select
  end subroutine

  subroutine leave_at_end(guard)
    type(mode), intent(inout) :: guard
    call guard%leave()
  end subroutine
end module tapegrad_tensor
