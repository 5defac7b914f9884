# SPDX-License-Identifier: MIT
from collections.abc import Iterable

from .._core import Tensor

def clip_grad_norm_(parameters: Tensor | Iterable[Tensor], max_norm: float, norm_type: float = 2.0) -> Tensor: ...
