# SPDX-License-Identifier: MIT
"""Layers. Linear, ReLU and a Sequential of such are modules of the library too: a chain of them is one
call, which keeps no more of what lies between them than it must. A layer that was copied or given
other parameters has none, and is computed operator by operator."""

from . import functional
from .._arguments import check_device
from .._core import capi, get_default_dtype
from ._module import Module, Parameter, Structure


class Linear(Module):
    """x times the transposed weight, plus bias; drawn from the default generator."""

    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        check_device(device)
        super().__init__()
        native = capi.nn_linear(in_features, out_features, bool(bias), get_default_dtype() if dtype is None else dtype)
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter.of_handle(capi.module_parameter_at(native, 0))
        if bias:
            self.bias = Parameter.of_handle(capi.module_parameter_at(native, 1))
        else:
            self.register_parameter("bias", None)
        self.__dict__["_native"] = (native, self.weight, self.bias)

    def native(self):
        """The library's own module of this one, or None."""
        native, weight, bias = self.__dict__.get("_native", (None, None, None))
        parts = self._parameters
        return native if native is not None and parts["weight"] is weight and parts["bias"] is bias else None

    def forward(self, input):
        return functional.linear(input, self.weight, self.bias)

    def extra_repr(self):
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class ReLU(Module):
    """max(x, 0)."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace

    def native(self):
        """The library's own module of this one, or None."""
        if self.inplace:
            return None
        if "_native" not in self.__dict__:
            self.__dict__["_native"] = capi.nn_relu()
        return self.__dict__["_native"]

    def forward(self, input):
        return functional.relu(input, self.inplace)

    def extra_repr(self):
        return "inplace=True" if self.inplace else ""


class _Elementwise(Module):
    def forward(self, input):
        return self.function(input)


class Sigmoid(_Elementwise):
    """1 / (1 + e^-x)."""

    function = staticmethod(functional.sigmoid)


class Tanh(_Elementwise):
    """The hyperbolic tangent."""

    function = staticmethod(functional.tanh)


class Identity(Module):
    """x."""

    def __init__(self, *arguments, **keywords):
        super().__init__()

    def forward(self, input):
        return input


class Flatten(Module):
    """The dimensions from start_dim to end_dim as one."""

    def __init__(self, start_dim=1, end_dim=-1):
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input):
        return input.flatten(self.start_dim, self.end_dim)


class Softmax(Module):
    """e^x over the sum of e^x along a dimension."""

    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, input):
        return functional.softmax(input, self.dim)


class LogSoftmax(Softmax):
    """The logarithm of softmax."""

    def forward(self, input):
        return functional.log_softmax(input, self.dim)


class Function(Module):
    """A function of one tensor as a layer without parameters."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def native(self):
        """The library's own module of this one, which calls the function back."""
        if "_native" not in self.__dict__:
            self.__dict__["_native"] = capi.nn_function(self.function)
        return self.__dict__["_native"]

    def forward(self, input):
        return self.function(input)


class _Numbered(Module):
    """Modules under the names "0", "1" and so on."""

    def __len__(self):
        return len(self._modules)

    def __iter__(self):
        return iter(self._modules.values())

    def __getitem__(self, index):
        modules = list(self._modules.values())
        return type(self)(*modules[index]) if isinstance(index, slice) else modules[index]

    def __setitem__(self, index, module):
        setattr(self, list(self._modules)[index], module)

    def append(self, module):
        """Adds a module at the end."""
        self.add_module(str(len(self)), module)
        return self


class ModuleList(_Numbered):
    """A list of modules, which count as parts of the module that has it."""

    def __init__(self, modules=()):
        super().__init__()
        for module in modules:
            self.append(module)

    def __getitem__(self, index):
        modules = list(self._modules.values())[index]
        return ModuleList(modules) if isinstance(index, slice) else modules


class Sequential(_Numbered):
    """Modules one after the other."""

    def __init__(self, *modules):
        super().__init__()
        named = modules[0].items() if len(modules) == 1 and isinstance(modules[0], dict) else enumerate(modules)
        for name, module in named:
            self.add_module(str(name), module)
        self.__dict__["_native_chain"] = (-1, None)

    def native(self):
        """The library's own chain of these modules, or None where one of them has none."""
        known, chain = self.__dict__.get("_native_chain", (-1, None))
        if known != Structure.changes:
            changes = Structure.changes
            parts = []
            for module in self._modules.values():
                overridden = type(module) not in (Linear, ReLU, Function, Sequential)
                parts.append(None if overridden else module.native())
            chain = capi.nn_sequential(parts) if parts and None not in parts else None
            self.__dict__["_native_chain"] = (changes, chain)
        return chain

    def forward(self, input):
        chain = self.native()
        if chain is not None:
            return capi.module_forward(chain, input)
        for module in self._modules.values():
            input = module(input)
        return input


class _Loss(Module):
    def __init__(self, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
        super().__init__()
        self.register_buffer("weight", weight)
        self.ignore_index, self.reduction, self.label_smoothing = ignore_index, reduction, label_smoothing


class CrossEntropyLoss(_Loss):
    """Minus the logarithm of softmax at each target class."""

    def forward(self, input, target):
        return functional.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction,
                                        self.label_smoothing)


class NLLLoss(_Loss):
    """Minus the log-probability of each target class."""

    def forward(self, input, target):
        return functional.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(Module):
    """The squares of the differences."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction = reduction

    def forward(self, input, target):
        return functional.mse_loss(input, target, self.reduction)
