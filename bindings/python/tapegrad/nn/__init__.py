# SPDX-License-Identifier: MIT
"""Layers, and what they are made of: torch.nn."""

from . import functional, init, utils
from ._module import Module, Parameter
from ._layers import (CrossEntropyLoss, Flatten, Function, Identity, Linear, LogSoftmax, ModuleList, MSELoss,
                      NLLLoss, ReLU, Sequential, Sigmoid, Softmax, Tanh)

__all__ = ["CrossEntropyLoss", "Flatten", "Function", "Identity", "Linear", "LogSoftmax", "MSELoss", "Module",
           "ModuleList", "NLLLoss", "Parameter", "ReLU", "Sequential", "Sigmoid", "Softmax", "Tanh", "functional",
           "init", "utils"]
