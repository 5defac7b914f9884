# SPDX-License-Identifier: MIT
"""Memory shared with numpy, without a copy. numpy itself is imported by the caller alone: the exchange
goes through the description that each array has as `__array_interface__`."""

from . import _core
from ._core import capi, failure

_TYPES = {"f4": 1, "f8": 2, "f2": 3, "i1": 5, "i2": 6, "i4": 7, "i8": 8, "u1": 9, "b1": 10}
_NAMES = {code: name for name, code in _TYPES.items()}


def from_array(array):
    """A tensor over the memory of a numpy array, or of any object with `__array_interface__`."""
    about = array.__array_interface__
    kind = about["typestr"]
    code = _TYPES.get(kind[1:])
    if code is None or kind[0] == ">":
        raise failure(capi.ERROR_DTYPE, f"from_numpy: elements of type {kind} have no dtype here")
    size = int(kind[2:])
    strides = about.get("strides")
    if strides is not None:
        if any(stride % size for stride in strides):
            raise failure(capi.ERROR_DTYPE, "from_numpy: strides must be whole elements")
        strides = [stride // size for stride in strides]
    address, read_only = about["data"]
    return capi.tensor_from_memory(address, code, list(about["shape"]), strides,
                                   capi.READ_ONLY if read_only else 0, (array, about))


class _Lent:
    """What numpy holds of a tensor: the description of its memory, and the tensor."""

    def __init__(self, tensor):
        code = tensor.dtype.code
        if code not in _NAMES:
            raise TypeError(f"numpy has no {tensor.dtype}: convert it first, as by .float()")
        size = tensor.dtype.itemsize
        self.tensor = tensor
        self.__array_interface__ = {
            "version": 3,
            "shape": tuple(tensor.shape),
            "typestr": ("|" if size == 1 else "<") + _NAMES[code],
            "data": (tensor.data_ptr() or 1, False),
            "strides": tuple(stride * size for stride in tensor.stride()),
        }


def to_numpy(tensor, *, force=False):
    """A numpy array over the memory of the tensor. force: also of one that requires grad."""
    import numpy

    if tensor.requires_grad and not force and _core.is_grad_enabled():
        raise failure(capi.ERROR_AUTOGRAD,
                      "numpy: the tensor requires grad, and numpy records nothing: use tensor.detach().numpy()")
    if tensor.numel() == 0:
        return numpy.zeros(tuple(tensor.shape), "<" + _NAMES[tensor.dtype.code])
    return numpy.asarray(_Lent(tensor.detach()))


def to_array(tensor, dtype=None, copy=None):
    """What numpy.asarray(tensor) asks for."""
    array = to_numpy(tensor)
    if copy is False and dtype is not None and array.dtype != dtype:
        raise ValueError("the dtype asked for needs a copy")
    if dtype is not None and array.dtype != dtype:
        return array.astype(dtype)
    return array.copy() if copy else array


# ---- DLPack ----

_CPU = (1, 0)


def device(tensor):
    """The device by DLPack's numbers: the CPU."""
    return _CPU


def to_dlpack(tensor, *, stream=None, max_version=None, dl_device=None, copy=None):
    """A capsule that holds the memory of the tensor, for another library."""
    if stream is not None:
        raise failure(capi.ERROR_INVALID_ARGUMENT, "__dlpack__: the CPU has no streams")
    if dl_device is not None and tuple(dl_device) != _CPU:
        raise failure(capi.ERROR_UNSUPPORTED, "__dlpack__: tensors live in the memory of the CPU alone")
    versioned = max_version is not None and max_version[0] >= 1
    flags = (capi.DLPACK_VERSIONED if versioned else 0) | (capi.DLPACK_COPY if copy else 0)
    return _core.capsule(capi.to_dlpack(tensor, flags), versioned)


def from_dlpack(source, *, copy=None):
    """A tensor over the memory of another library's, by its __dlpack__ or by a capsule of it."""
    capsule = source
    if hasattr(source, "__dlpack__"):
        if hasattr(source, "__dlpack_device__") and source.__dlpack_device__()[0] != _CPU[0]:
            raise failure(capi.ERROR_UNSUPPORTED, "from_dlpack: only memory of the CPU can be taken in")
        try:
            capsule = source.__dlpack__(max_version=(1, 0))
        except TypeError:  # a library of before version 1
            capsule = source.__dlpack__()
    address, versioned = _core.open_capsule(capsule)
    flags = (capi.DLPACK_VERSIONED if versioned else 0) | (capi.DLPACK_COPY if copy else 0)
    tensor = capi.from_dlpack(address, flags)
    _core.use_capsule(capsule)
    return tensor
