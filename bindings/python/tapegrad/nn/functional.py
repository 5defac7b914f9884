# SPDX-License-Identifier: MIT
"""Layers and losses as functions: torch.nn.functional."""

from .. import _functions
from .._core import capi, failure

softmax, log_softmax = _functions.softmax, _functions.log_softmax


def relu(input, inplace=False):
    """max(x, 0)."""
    return input.relu_() if inplace else input.relu()


def sigmoid(input):
    """1 / (1 + e^-x)."""
    return input.sigmoid()


def tanh(input):
    """The hyperbolic tangent."""
    return input.tanh()


def linear(input, weight, bias=None):
    """input times the transposed weight, plus bias."""
    return capi.linear(input, weight, bias)


def _reduction(name):
    names = {"none": capi.REDUCTION_NONE, "mean": capi.REDUCTION_MEAN, "sum": capi.REDUCTION_SUM}
    if name not in names:
        raise failure(capi.ERROR_INVALID_ARGUMENT, f"reduction must be none, mean or sum, not {name!r}")
    return names[name]


def mse_loss(input, target, reduction="mean"):
    """The squares of the differences."""
    return capi.mse_loss(input, target, _reduction(reduction))


def nll_loss(input, target, weight=None, ignore_index=-100, reduction="mean"):
    """Minus the log-probability of each target class."""
    return capi.nll_loss(input, target, weight, ignore_index, _reduction(reduction))


def cross_entropy(input, target, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    """Minus the logarithm of softmax at each target class."""
    return capi.cross_entropy(input, target, weight, ignore_index, _reduction(reduction), label_smoothing)
