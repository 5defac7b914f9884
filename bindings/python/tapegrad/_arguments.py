# SPDX-License-Identifier: MIT
"""Arguments that PyTorch takes in several forms."""

import contextlib

from . import _core
from ._core import Tensor, capi, failure


def sizes(arguments):
    """Sizes given one by one or as one sequence."""
    if len(arguments) == 1 and not isinstance(arguments[0], int):
        one = arguments[0]
        return list(one) if hasattr(one, "__iter__") and not (isinstance(one, Tensor) and one.ndim == 0) else [one]
    return list(arguments)


def dtype_or_default(dtype):
    return _core.get_default_dtype() if dtype is None else dtype


def check_device(device):
    """There is one device."""
    if device is not None and str(device) not in ("cpu", "cpu:0"):
        raise failure(capi.ERROR_UNSUPPORTED, f"device {device}: tensors live in the memory of the CPU alone")


def tensors(one_or_more):
    """A list of tensors, also of one."""
    return [one_or_more] if isinstance(one_or_more, Tensor) else list(one_or_more)


def as_tensor_like(value, like):
    """A number as a tensor of rank 0 beside `like`, by PyTorch's promotion; a tensor as it is."""
    if isinstance(value, Tensor):
        return value
    dtype = like.dtype
    if isinstance(value, float) and not dtype.is_floating_point:
        dtype = _core.get_default_dtype()
    elif isinstance(value, int) and not isinstance(value, bool) and dtype is _core.bool:
        dtype = _core.int64
    return _core.tensor(value, dtype=dtype)


def without_recording():
    """A context in which nothing is recorded, also where inference mode is on already."""
    return contextlib.nullcontext() if _core.is_inference_mode_enabled() else _core.no_grad()


def finish(tensor, requires_grad):
    return tensor.requires_grad_() if requires_grad else tensor



def direct(call, *arguments):
    """call(*arguments); what a function of the caller raises inside of it comes out as it is."""
    try:
        return call(*arguments)
    except _core.Error as error:
        raised = error if error.__cause__ is None else error.__cause__
    try:
        raise raised
    finally:
        del raised
