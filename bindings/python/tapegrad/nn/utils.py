# SPDX-License-Identifier: MIT
"""torch.nn.utils."""

from .. import _core
from .._arguments import tensors
from .._core import capi


def clip_grad_norm_(parameters, max_norm, norm_type=2.0):
    """Scales the gradients so that their norm is at most max_norm; gives the norm that they had."""
    with_grad = [p for p in tensors(parameters) if p.grad is not None]
    if not with_grad:
        return _core.tensor(0.0)
    return _core.tensor(capi.clip_grad_norm_(with_grad, float(max_norm), float(norm_type)))
