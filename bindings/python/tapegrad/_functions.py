# SPDX-License-Identifier: MIT
"""The functions of the package, with PyTorch's names and arguments, over the C interface."""

import builtins
import math
from collections import namedtuple

from . import _core
from ._arguments import as_tensor_like, check_device, dtype_or_default, finish, sizes
from ._core import Tensor, capi, failure

values_and_indices = namedtuple("values_and_indices", "values indices")


# ---- making ----

def _filled(call):
    def factory(*size, dtype=None, requires_grad=False, device=None, out=None):
        check_device(device)
        return finish(call(dtype_or_default(dtype), sizes(size)), requires_grad)

    return factory


def _named(function, name, text):
    function.__name__ = function.__qualname__ = name
    function.__doc__ = text
    function.__module__ = "tapegrad"
    return function


zeros = _named(_filled(capi.zeros), "zeros", "A tensor of zeros.")
ones = _named(_filled(capi.ones), "ones", "A tensor of ones.")
empty = _named(_filled(capi.empty), "empty", "A tensor whose elements have no defined value yet.")


def _random(call):
    def factory(*size, generator=None, dtype=None, requires_grad=False, device=None):
        check_device(device)
        return finish(call(generator, dtype_or_default(dtype), sizes(size)), requires_grad)

    return factory


rand = _named(_random(capi.rand), "rand", "Uniform random numbers in [0, 1).")
randn = _named(_random(capi.randn), "randn", "Normal random numbers of mean 0 and deviation 1.")


def randint(low, high=None, size=None, *, generator=None, dtype=None, device=None):
    """Uniform random integers from low (0 if it is left out) to high - 1."""
    check_device(device)
    if size is None:
        low, high, size = 0, low, high
    return capi.randint(generator, low, high, _core.int64 if dtype is None else dtype, sizes((size,)))


def randperm(n, *, generator=None, device=None):
    """The numbers 0 to n - 1 in random order."""
    check_device(device)
    return capi.randperm(generator, n)


def full(size, fill_value, *, dtype=None, requires_grad=False, device=None):
    """A tensor whose elements all have one value."""
    check_device(device)
    if dtype is None:
        if isinstance(fill_value, builtins.bool):
            dtype = _core.bool
        else:
            dtype = _core.int64 if isinstance(fill_value, int) else _core.get_default_dtype()
    call = capi.full_int64 if isinstance(fill_value, int) else capi.full
    return finish(call(fill_value, dtype, sizes((size,))), requires_grad)


def eye(n, m=None, *, dtype=None, requires_grad=False, device=None):
    """The identity matrix."""
    check_device(device)
    return finish(capi.eye(dtype_or_default(dtype), n, n if m is None else m), requires_grad)


def arange(start, end=None, step=1, *, dtype=None, requires_grad=False, device=None):
    """The numbers start, start + step, ... before end."""
    check_device(device)
    if end is None:
        start, end = 0, start
    if dtype is None:
        whole = all(isinstance(number, int) for number in (start, end, step))
        dtype = _core.int64 if whole else _core.get_default_dtype()
    return finish(capi.arange(start, end, step, dtype), requires_grad)


def linspace(start, end, steps, *, dtype=None, requires_grad=False, device=None):
    """steps numbers from start to end, both included."""
    check_device(device)
    if steps == 1:
        return finish(_core.tensor([start], dtype=dtype_or_default(dtype)), requires_grad)
    step = (end - start) / (steps - 1)
    half = steps // 2  # from both ends, so that the last number is exactly end
    made = [start + step * i if i < half else end - step * (steps - 1 - i) for i in range(steps)]
    return finish(_core.tensor([float(number) for number in made], dtype=dtype_or_default(dtype)), requires_grad)


def _like(call, fill=None):
    def like(input, *, dtype=None, requires_grad=False, device=None):
        check_device(device)
        made = call(input) if dtype is None else call(capi.empty(dtype, list(input.shape)))
        return finish(made, requires_grad)

    return like


zeros_like = _named(_like(capi.zeros_like), "zeros_like", "Zeros of the shape and dtype of another tensor.")
ones_like = _named(_like(capi.ones_like), "ones_like", "Ones of the shape and dtype of another tensor.")


def empty_like(input, *, dtype=None, requires_grad=False, device=None):
    """A tensor of the shape and dtype of another, of undefined values."""
    check_device(device)
    return finish(capi.empty(dtype or input.dtype, list(input.shape)), requires_grad)


def full_like(input, fill_value, *, dtype=None, requires_grad=False, device=None):
    """A tensor of the shape and dtype of another, of one value."""
    return full(list(input.shape), fill_value, dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def rand_like(input, *, dtype=None, requires_grad=False, device=None):
    """Uniform random numbers in the shape of another tensor."""
    return rand(list(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def randn_like(input, *, dtype=None, requires_grad=False, device=None):
    """Normal random numbers in the shape of another tensor."""
    return randn(list(input.shape), dtype=dtype or input.dtype, requires_grad=requires_grad, device=device)


def as_tensor(data, *, dtype=None, device=None):
    """data as a tensor; a tensor of the dtype wanted is given back as it is."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else capi.to_dtype(data, dtype)
    return _core.tensor(data, dtype=dtype)


def manual_seed(seed):
    """Sets the default generator to a seed."""
    capi.manual_seed(seed % 2**64)


def initial_seed():
    """The seed of the default generator."""
    return capi.generator_state_get(None)[0]


# ---- arithmetic ----

def _arithmetic(plain, into, name):
    def operator(input, other, *, out=None):
        if out is None:
            return plain(input, other)
        other = as_tensor_like(other, input)
        if into is not None:
            into(input, other, out)
        else:
            _refuse_recording(name, input, other, out)
            out.copy_(_same_shape(name, plain(input, other), out))
        return out

    return operator


def _with_alpha(operator):
    def scaled(input, other, *, alpha=1, out=None):
        return operator(input, other if alpha == 1 else other * alpha, out=out)

    return scaled


def _refuse_recording(name, *tensors):
    """Results with out= never record, as in the C interface."""
    if _core.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
        raise failure(capi.ERROR_AUTOGRAD, f"{name}: out= does not record, and a tensor here requires grad: use no_grad, or no out")


def _same_shape(name, made, out):
    if made.shape != out.shape:
        raise failure(capi.ERROR_SHAPE, f"{name}: out has shape {list(out.shape)}, the result {list(made.shape)}")
    return made


add = _named(_with_alpha(_arithmetic(_core._add, capi.add_out, "add")), "add", "The sum: input + alpha * other.")
sub = _named(_with_alpha(_arithmetic(_core._sub, capi.sub_out, "sub")), "sub", "The difference: input - alpha * other.")
mul = _named(_arithmetic(_core._mul, capi.mul_out, "mul"), "mul", "The product, elementwise.")
div = _named(_arithmetic(_core._div, capi.div_out, "div"), "div", "The quotient, elementwise.")
subtract, multiply, divide, true_divide = sub, mul, div, div


def mm(input, mat2, *, out=None):
    """The product of two matrices."""
    if out is None:
        return capi.mm(input, mat2)
    capi.mm_out(input, mat2, out)
    return out


def pow(input, exponent):
    """Each element raised to a power."""
    return input**exponent


def clamp(input, min=None, max=None):
    """Each element, but not under min nor over max."""
    return capi.clamp(input, -math.inf if min is None else min, math.inf if max is None else max)


def where(condition, input, other):
    """input where condition is true, else other."""
    if not isinstance(input, Tensor):
        like = other if isinstance(other, Tensor) else _core.tensor(other)
        input = as_tensor_like(input, like)
    return capi.where(condition, input, as_tensor_like(other, input))


def square(input):
    """The square of each element."""
    return input * input


# ---- reductions ----

def sum(input, dim=None, keepdim=False, *, dtype=None):
    """The sum of all elements, or along dimensions."""
    return input.sum(dim, keepdim, dtype)


def mean(input, dim=None, keepdim=False, *, dtype=None):
    """The mean of all elements, or along dimensions."""
    return input.mean(dim, keepdim, dtype)


def _extreme(whole, along, pair):
    def reduction(input, dim=None, keepdim=False):
        if dim is None:
            return whole(input)
        if isinstance(dim, Tensor):
            return pair(input, dim)
        return values_and_indices(*along(input, dim, keepdim))

    return reduction


max = _named(_extreme(capi.max, capi.max_dim, capi.maximum), "max",
             "The greatest element; along a dimension values and indices; of two tensors elementwise.")
min = _named(_extreme(capi.min, capi.min_dim, capi.minimum), "min",
             "The smallest element; along a dimension values and indices; of two tensors elementwise.")


def argmax(input, dim=None, keepdim=False):
    """Where the greatest element stands."""
    return capi.argmax(input) if dim is None else capi.argmax_dim(input, dim, keepdim)


def argmin(input, dim=None, keepdim=False):
    """Where the smallest element stands."""
    return capi.argmin(input) if dim is None else capi.argmin_dim(input, dim, keepdim)


def softmax(input, dim, dtype=None):
    """e^x over the sum of e^x along a dimension."""
    return capi.softmax(input if dtype is None else capi.to_dtype(input, dtype), dim)


def log_softmax(input, dim, dtype=None):
    """The logarithm of softmax."""
    return capi.log_softmax(input if dtype is None else capi.to_dtype(input, dtype), dim)


def all_(input):
    """Whether all elements are true."""
    return (input != 0).to(_core.int64).min().ne(0) if input.numel() else _core.tensor(True)


def any_(input):
    """Whether an element is true."""
    return (input != 0).to(_core.int64).max().ne(0) if input.numel() else _core.tensor(False)


def var(input, dim=None, keepdim=False, *, unbiased=True):
    """The variance of all elements, or along dimensions."""
    center = input - input.mean(dim, keepdim=True)
    squares = (center * center).sum(dim, keepdim)
    count = input.numel() / builtins.max(squares.numel(), 1)
    return squares / (count - 1 if unbiased else count)


def std(input, dim=None, keepdim=False, *, unbiased=True):
    """The standard deviation of all elements, or along dimensions."""
    return var(input, dim, keepdim, unbiased=unbiased).sqrt()


# ---- products ----

def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta * input + alpha * (mat1 @ mat2)."""
    return capi.addmm(input, mat1, mat2, beta, alpha)


# ---- shape ----

def reshape(input, shape):
    """The elements in another shape; a view where possible."""
    return input.reshape(shape)


def flatten(input, start_dim=0, end_dim=-1):
    """The dimensions from start_dim to end_dim as one."""
    return capi.flatten(input, start_dim, end_dim)


def permute(input, dims):
    """A view with the dimensions in this order."""
    return input.permute(dims)


def squeeze(input, dim=None):
    """A view without the dimensions of size 1, or without one of them."""
    return capi.squeeze(input) if dim is None else capi.squeeze_dim(input, dim)


def split(tensor, split_size_or_sections, dim=0):
    """Pieces of a dimension, as views."""
    if isinstance(split_size_or_sections, int):
        return tuple(capi.split(tensor, split_size_or_sections, dim))
    pieces, start = [], 0
    for length in split_size_or_sections:
        pieces.append(capi.narrow(tensor, dim, start, length))
        start += length
    return tuple(pieces)


def chunk(input, chunks, dim=0):
    """A dimension cut into at most this many pieces, as views."""
    return split(input, builtins.max(1, -(-input.size(dim) // chunks)), dim)


def unbind(input, dim=0):
    """The slices along a dimension, as views."""
    return tuple(capi.select(input, dim, i) for i in range(input.size(dim)))


def cat(tensors, dim=0):
    """Tensors one after the other along a dimension."""
    return capi.cat(list(tensors), dim)


def stack(tensors, dim=0):
    """Tensors side by side along a new dimension."""
    return capi.stack(list(tensors), dim)


def as_strided(input, size, stride, storage_offset=0):
    """A view with these sizes and strides."""
    return capi.as_strided(input, list(size), list(stride), storage_offset)


# ---- questions ----

def is_tensor(obj):
    """Whether it is a Tensor."""
    return isinstance(obj, Tensor)


def is_inference(input):
    """Whether the tensor was made in inference mode."""
    return input.is_inference()


def is_floating_point(input):
    """Whether the dtype is a floating one."""
    return input.dtype.is_floating_point


def numel(input):
    """The number of elements."""
    return input.numel()


def equal(input, other):
    """Whether shapes and elements are the same."""
    if input.shape != other.shape:
        return False
    return input.numel() == 0 or bool_of(all_(input == other))


def bool_of(tensor):
    return builtins.bool(tensor)


def isclose(input, other, rtol=1e-05, atol=1e-08):
    """Elementwise |input - other| <= atol + rtol |other|."""
    return (input - other).abs() <= other.abs() * rtol + atol


def allclose(input, other, rtol=1e-05, atol=1e-08):
    """Whether all elements are close."""
    return bool_of(all_(isclose(input.detach(), other.detach(), rtol, atol)))


def isnan(input):
    """Where the elements are no numbers."""
    return input != input


def isinf(input):
    """Where the elements are infinite."""
    return input.abs() == math.inf


def isfinite(input):
    """Where the elements are finite numbers."""
    return input.abs() < math.inf


__all__ = [name for name, value in list(globals().items())
           if callable(value) and getattr(value, "__module__", "") in (__name__, "tapegrad")
           and not name.startswith("_") and name not in ("all_", "any_", "bool_of", "values_and_indices")]
