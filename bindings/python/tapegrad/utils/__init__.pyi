# SPDX-License-Identifier: MIT
from . import checkpoint as checkpoint

__all__ = ["checkpoint"]
