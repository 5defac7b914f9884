# SPDX-License-Identifier: MIT
"""Methods of Tensor that take PyTorch's optional arguments, or are called seldom."""

import math

from . import _core, _functions, _memory
from ._arguments import as_tensor_like, check_device
from ._core import Tensor, capi, dtype as dtype_type, failure


def _rebuild(data, dtype, shape, requires_grad):
    tensor = capi.tensor_create(data, dtype, list(shape), False)
    return tensor.requires_grad_() if requires_grad else tensor


def __reduce_ex__(self, protocol):
    """Pickled by value; requires_grad is kept, the graph is not."""
    return _rebuild, (self.tobytes(), self.dtype, tuple(self.shape), self.requires_grad)


def __deepcopy__(self, memo):
    if not self.is_leaf and self.requires_grad:
        raise failure(capi.ERROR_AUTOGRAD, "deepcopy: the tensor is not a leaf; copy tensor.detach()")
    copy = _core.tensor(self)
    copy = type(self)(copy) if type(self) is not Tensor else copy
    copy = copy.requires_grad_(self.requires_grad) if self.requires_grad or type(self) is not Tensor else copy
    memo[id(self)] = copy
    return copy


def __format__(self, specification):
    if self.ndim == 0 and specification:
        return format(self.item(), specification)
    return format(repr(self), specification)


def __array__(self, dtype=None, copy=None):
    return _memory.to_array(self, dtype, copy)


def __contains__(self, element):
    return bool(_functions.any_(self == element))


def __rpow__(self, base):
    import math
    return (self * math.log(base)).exp()


def __ipow__(self, exponent):
    return self.copy_(self**exponent)


def numpy(self, *, force=False):
    """A numpy array over the same memory. A tensor that requires grad is refused while recording is on."""
    return _memory.to_numpy(self, force=force)


def backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of this tensor to the .grad of the leaves that it was computed from."""
    from .autograd import backward as run
    run(self, gradient, retain_graph, create_graph, inputs)


def to(self, *arguments, dtype=None, device=None, copy=False, non_blocking=False):
    """The tensor with another dtype; itself where it has it."""
    for argument in arguments:
        if isinstance(argument, dtype_type):
            dtype = argument
        elif isinstance(argument, Tensor):
            dtype = argument.dtype
        elif isinstance(argument, bool):
            copy = argument
        else:
            device = argument
    check_device(device)
    if dtype is None or dtype is self.dtype:
        return self.clone() if copy else self
    return capi.to_dtype(self, dtype)


def type_(self, dtype=None):
    """The tensor with another dtype."""
    return self.dtype if dtype is None else self.to(dtype)


def type_as(self, other):
    """The tensor with the dtype of another."""
    return self.to(other.dtype)


def cpu(self):
    """The tensor: it is there already."""
    return self


def _cast(dtype):
    def cast(self):
        return self if self.dtype is dtype else capi.to_dtype(self, dtype)

    cast.__doc__ = f"The tensor as {dtype}."
    return cast


def _comparison(function):
    def method(self, other):
        return function(self, other)

    return method


def _in_place(operate):
    def method(self, other, *, alpha=1):
        made = operate(self, other if alpha == 1 else other * alpha)
        if made is NotImplemented:
            raise TypeError("the operand must be a Tensor or a number")
        return made

    return method


add_ = _in_place(Tensor.__iadd__)
sub_ = _in_place(Tensor.__isub__)
mul_ = _in_place(Tensor.__imul__)
div_ = _in_place(Tensor.__itruediv__)


def pow_(self, exponent):
    """Raises each element to a power in place."""
    capi.pow_scalar_(self, exponent)
    return self


def clamp_(self, min=None, max=None):
    """Brings each element into [min, max] in place."""
    capi.clamp_(self, -math.inf if min is None else min, math.inf if max is None else max)
    return self


def addmm_(self, mat1, mat2, *, beta=1, alpha=1):
    """beta * self + alpha * (mat1 @ mat2) in place."""
    capi.addmm_(self, mat1, mat2, beta, alpha)
    return self


def copy_(self, source, non_blocking=False):
    """Copies elements into this tensor, broadcast and converted."""
    capi.copy_(self, as_tensor_like(source, self))
    return self


def fill_(self, value):
    """Sets all elements to one value."""
    if isinstance(value, Tensor):
        capi.copy_(self, value)
    elif isinstance(value, int):
        capi.fill_int64_(self, value)
    else:
        capi.fill_(self, value)
    return self


def normal_(self, mean=0.0, std=1.0, *, generator=None):
    """Fills the tensor with normal random numbers."""
    return self.copy_(capi.randn(generator, self.dtype, list(self.shape)) * std + mean)


def uniform_(self, low=0.0, high=1.0, *, generator=None):
    """Fills the tensor with uniform random numbers from low to high."""
    return self.copy_(capi.rand(generator, self.dtype, list(self.shape)) * (high - low) + low)


def element_size(self):
    """Bytes of one element."""
    return self.dtype.itemsize


def is_floating_point(self):
    """Whether the dtype is a floating one."""
    return self.dtype.is_floating_point


def transpose(self, dim0, dim1):
    """A view with two dimensions exchanged."""
    return capi.transpose(self, dim0, dim1)


def unsqueeze(self, dim):
    """A view with a dimension of size 1 more."""
    return capi.unsqueeze(self, dim)


def select(self, dim, index):
    """One slice of a dimension, a view."""
    return capi.select(self, dim, index)


def narrow(self, dim, start, length):
    """A part of a dimension, a view."""
    return capi.narrow(self, dim, start, length)


def index_select(self, dim, index):
    """The slices of a dimension that index names."""
    return capi.index_select(self, dim, index)


def gather(self, dim, index):
    """Elements chosen along a dimension by index."""
    return capi.gather(self, dim, index)


def masked_fill(self, mask, value):
    """A copy with value where mask is true."""
    return _functions.where(mask, value, self)


def where(self, condition, other):
    """This tensor where condition is true, else other."""
    return _functions.where(condition, self, other)


def _where(self, a, b):
    return capi.where(self, a, b)


def norm(self):
    """The square root of the sum of squares."""
    return (self * self).sum().sqrt()


def equal(self, other):
    """Whether shapes and elements are the same."""
    return _functions.equal(self, other)


def new_zeros(self, *size, dtype=None):
    """Zeros of the dtype of this tensor."""
    return _functions.zeros(*size, dtype=dtype or self.dtype)


def new_ones(self, *size, dtype=None):
    """Ones of the dtype of this tensor."""
    return _functions.ones(*size, dtype=dtype or self.dtype)


def new_tensor(self, data, *, dtype=None):
    """A tensor of data with the dtype of this one."""
    return _core.tensor(data, dtype=dtype or self.dtype)


def repeat(self, *sizes):
    """The tensor side by side, so often along each dimension."""
    sizes = list(sizes[0]) if len(sizes) == 1 and not isinstance(sizes[0], int) else list(sizes)
    made = self.reshape([1] * (len(sizes) - self.ndim) + list(self.shape))
    for dim, times in enumerate(sizes):
        if times != 1:
            made = _functions.cat([made] * times, dim) if times else made.narrow(dim, 0, 0)
    return made


def _device(self):
    """There is one device."""
    return "cpu"


def _grad_fn(self):
    """The node that recorded the call which made the tensor, or None."""
    node = capi.tensor_grad_fn(self)
    if node is None:
        return None
    from .autograd import GraphNode
    return GraphNode(node)


def _data(self):
    """The same elements without history."""
    return self.detach()


def _name(self):
    """A name for messages and printed graphs."""
    return capi.tensor_name(self)


def install():
    """Puts the methods of this module, and those that are functions of the package, onto Tensor."""
    for name, value in list(globals().items()):
        if callable(value) and getattr(value, "__module__", None) == __name__ and name not in (
                "install", "_rebuild", "_cast", "_comparison", "_in_place", "_device", "_grad_fn", "_data", "_name",
                "type_"):
            setattr(Tensor, name, value)
    for name in ("add", "sub", "mul", "div", "pow", "clamp", "max", "min", "argmax", "argmin", "softmax",
                 "log_softmax", "addmm", "flatten", "squeeze", "split", "chunk", "unbind", "var", "std", "square",
                 "allclose", "isclose", "isnan", "isinf", "isfinite", "as_strided"):
        setattr(Tensor, name, getattr(_functions, name))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Tensor, name, _comparison(getattr(_core, "_" + name)))
    from .autograd import _hooks, _pictures
    for name in ("register_hook", "register_post_accumulate_grad_hook"):
        setattr(Tensor, name, getattr(_hooks, name))
    for name in ("explain", "_repr_svg_", "_repr_html_"):
        setattr(Tensor, name, getattr(_pictures, name))
    Tensor.any, Tensor.all = _functions.any_, _functions.all_
    for name, dtype in (("double", "float64"), ("float", "float32"), ("half", "float16"), ("bfloat16", "bfloat16"),
                        ("char", "int8"), ("short", "int16"), ("int", "int32"), ("long", "int64"),
                        ("byte", "uint8"), ("bool", "bool")):
        setattr(Tensor, name, _cast(getattr(_core, dtype)))
    Tensor.type = type_
    Tensor.__dlpack__ = _memory.to_dlpack
    Tensor.__dlpack_device__ = _memory.device
    Tensor.__array_priority__ = 1000
    Tensor.device = property(_device)
    Tensor.grad_fn = property(_grad_fn)
    Tensor.data = property(_data)
    Tensor.name = property(_name, lambda self, name: capi.tensor_set_name(self, name or ""))
    Tensor.itemsize = property(element_size)
