# SPDX-License-Identifier: MIT
"""Tensors, automatic differentiation by a tape, and inference mode, with PyTorch's names:

    import tapegrad as torch
    import tapegrad.nn as nn

What PyTorch has no name for carries the one of the C interface without tg_, such as live_handles(). The
whole C interface is in tapegrad.capi. Every failure of a call is a tapegrad.Error.
"""

import sys as _sys

from . import _core
from ._core import *  # noqa: F403
from ._core import _eq, _ge, _gt, _le, _lt, _ne, capi, failure  # noqa: F401

_sys.modules[__name__ + ".capi"] = capi

from . import _functions, _memory, _tensor  # noqa: E402
from ._functions import *  # noqa: E402,F403
from ._size import Size  # noqa: E402,F401

_tensor.install()

from . import autograd, nn, optim, safetensors, utils  # noqa: E402,F401

__version__ = capi.version_string()

eq, ne, lt, le, gt, ge = _eq, _ne, _lt, _le, _gt, _ge
float, double, half = _core.float32, _core.float64, _core.float16
short, int, long = _core.int16, _core.int32, _core.int64
all, any = _functions.all_, _functions.any_
from_numpy, from_dlpack = _memory.from_array, _memory.from_dlpack




if hasattr(capi, "memory_pressure_set"):  # where memory is refused, objects in rings are ended first
    import contextlib as _contextlib
    import gc as _gc

    with _contextlib.suppress(Error):  # noqa: F405
        capi.memory_pressure_set(lambda current, wanted: _gc.collect() < 0, 2**64 - 1)

for _name in dir(capi):  # what PyTorch has no name for: the C interface's
    if not _name.startswith("_"):
        globals().setdefault(_name, getattr(capi, _name))
del _name
