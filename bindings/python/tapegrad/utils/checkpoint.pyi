# SPDX-License-Identifier: MIT
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from .._core import Tensor
from ..nn import Sequential

__all__ = ["checkpoint", "checkpoint_sequential"]

_T = TypeVar("_T")

def checkpoint(function: Callable[..., _T], *args: Any, use_reentrant: bool | None = False,
               preserve_rng_state: bool = True, **kwargs: Any) -> _T: ...
def checkpoint_sequential(functions: Sequential | Sequence[Callable[..., Any]], segments: int, input: Any,
                          use_reentrant: bool | None = False, preserve_rng_state: bool = True) -> Any: ...
