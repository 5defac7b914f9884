# SPDX-License-Identifier: MIT
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from ._core import Tensor

_L = TypeVar("_L")
_Parameters = Iterable[Tensor] | Iterable[dict[str, Any]]

class Optimizer:
    param_groups: list[dict[str, Any]]
    defaults: dict[str, Any]
    def __init__(self, params: _Parameters, defaults: dict[str, Any]) -> None: ...
    def add_param_group(self, group: dict[str, Any]) -> None: ...
    def step(self, closure: Callable[[], _L] | None = None) -> _L | None: ...
    def zero_grad(self, set_to_none: bool = True) -> None: ...
    def state_dict(self) -> dict[str, Tensor]: ...
    def load_state_dict(self, state_dict: Mapping[str, Tensor]) -> None: ...

class SGD(Optimizer):
    def __init__(self, params: _Parameters, lr: float = 1e-3, momentum: float = 0, dampening: float = 0,
                 weight_decay: float = 0, nesterov: bool = False) -> None: ...

class Adam(Optimizer):
    def __init__(self, params: _Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 0) -> None: ...

class AdamW(Adam):
    def __init__(self, params: _Parameters, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999),
                 eps: float = 1e-8, weight_decay: float = 1e-2) -> None: ...
