# SPDX-License-Identifier: MIT
"""torch.utils: checkpoints."""

from . import checkpoint  # noqa: F401

__all__ = ["checkpoint"]
