# SPDX-License-Identifier: MIT
"""First values of parameters, written in place: torch.nn.init."""

import math

from .._arguments import without_recording


def zeros_(tensor):
    """Zeros."""
    with without_recording():
        return tensor.zero_()


def ones_(tensor):
    """Ones."""
    with without_recording():
        return tensor.fill_(1)


def constant_(tensor, val):
    """One value."""
    with without_recording():
        return tensor.fill_(val)


def uniform_(tensor, a=0.0, b=1.0):
    """Uniform random numbers from a to b."""
    with without_recording():
        return tensor.uniform_(a, b)


def normal_(tensor, mean=0.0, std=1.0):
    """Normal random numbers."""
    with without_recording():
        return tensor.normal_(mean, std)


def xavier_uniform_(tensor, gain=1.0):
    """Uniform within +-gain sqrt(6 / (fan in + fan out)) (Glorot and Bengio, 2010)."""
    fan_out, fan_in = tensor.shape
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound)
