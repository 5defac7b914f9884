# SPDX-License-Identifier: MIT
"""Module: what layers and networks have in common."""

from collections import OrderedDict

from .. import _core
from .._arguments import check_device, without_recording
from .._core import Tensor, capi, failure


class Parameter(Tensor):
    """A tensor that a Module counts among its parameters; it requires grad unless said."""

    def __new__(cls, data=None, requires_grad=True):
        parameter = Tensor.__new__(cls, _core.tensor([]) if data is None else data.detach())
        return parameter.requires_grad_() if requires_grad else parameter

    @classmethod
    def of_handle(cls, tensor):
        """The Parameter of a tensor that the library made as one."""
        return Tensor.__new__(cls, tensor)

    def __reduce_ex__(self, protocol):
        return _rebuild, (Tensor.__reduce_ex__(self.detach(), protocol), self.requires_grad)

    def __repr__(self):
        return "Parameter containing:\n" + Tensor.__repr__(self)


def _rebuild(recipe, requires_grad):
    make, arguments = recipe
    return Parameter(make(*arguments), requires_grad)


class Structure:
    """Counts the changes of what any module is made of, so that chains of layers know when to look again."""

    changes = 0


class IncompatibleKeys(tuple):
    """What load_state_dict found missing and unexpected."""

    __slots__ = ()

    def __new__(cls, missing, unexpected):
        return tuple.__new__(cls, (missing, unexpected))

    missing_keys = property(lambda self: self[0])
    unexpected_keys = property(lambda self: self[1])

    def __repr__(self):
        if not self[0] and not self[1]:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


class Module:
    """A part of a network: parameters, buffers, further modules, and forward()."""

    training = True

    def __init__(self):
        self.__dict__.update(_parameters=OrderedDict(), _buffers=OrderedDict(), _modules=OrderedDict(),
                             training=True)

    def forward(self, *inputs):
        """What the module computes; each subclass says."""
        raise NotImplementedError(f"{type(self).__name__} has no forward()")

    def __call__(self, *inputs, **keywords):
        return self.forward(*inputs, **keywords)

    # ---- what it is made of ----

    def __setattr__(self, name, value):
        parts = self.__dict__
        if "_parameters" not in parts:
            if isinstance(value, (Parameter, Module)):
                raise AttributeError("call Module.__init__() before giving it parts")
            object.__setattr__(self, name, value)
            return
        Structure.changes += 1
        for kind, group in ((Parameter, "_parameters"), (Module, "_modules")):
            if isinstance(value, kind):
                for other in ("_parameters", "_buffers", "_modules"):
                    parts[other].pop(name, None)
                parts.pop(name, None)
                parts[group][name] = value
                return
        for group in ("_parameters", "_modules", "_buffers"):
            if name in parts[group]:
                if value is not None and group != "_buffers":
                    raise TypeError(f"{name} is a {group[1:-1]}: it takes one, or None")
                parts[group][name] = value
                return
        object.__setattr__(self, name, value)

    def __getattr__(self, name):
        for group in ("_parameters", "_modules", "_buffers"):
            parts = self.__dict__.get(group)
            if parts is not None and name in parts:
                return parts[name]
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def __delattr__(self, name):
        Structure.changes += 1
        for group in ("_parameters", "_modules", "_buffers"):
            if name in self.__dict__.get(group, ()):
                del self.__dict__[group][name]
                return
        object.__delattr__(self, name)

    def register_parameter(self, name, parameter):
        """Adds a parameter, or None in its place."""
        Structure.changes += 1
        self._parameters[name] = parameter

    def register_buffer(self, name, tensor):
        """Adds a tensor that is kept with the parameters but not trained."""
        self._buffers[name] = tensor

    def add_module(self, name, module):
        """Adds a module."""
        Structure.changes += 1
        self._modules[name] = module

    def children(self):
        """The modules directly in it."""
        return (module for module in self._modules.values() if module is not None)

    def named_children(self):
        """The modules directly in it, with their names."""
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def named_modules(self, memo=None, prefix=""):
        """This module and all within it, each once, with their names."""
        memo = set() if memo is None else memo
        if self not in memo:
            memo.add(self)
            yield prefix, self
            for name, module in self.named_children():
                yield from module.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self):
        """This module and all within it, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, group, recurse=True):
        seen = set()
        for prefix, module in self.named_modules() if recurse else [("", self)]:
            for name, tensor in module.__dict__[group].items():
                if tensor is not None and tensor not in seen:
                    seen.add(tensor)
                    yield f"{prefix}.{name}" if prefix else name, tensor

    def named_parameters(self, recurse=True):
        """The parameters with their names, such as "0.weight"."""
        return self._named("_parameters", recurse)

    def parameters(self, recurse=True):
        """The parameters."""
        return (parameter for _, parameter in self.named_parameters(recurse))

    def named_buffers(self, recurse=True):
        """The buffers with their names."""
        return self._named("_buffers", recurse)

    def buffers(self, recurse=True):
        """The buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse))

    # ---- what is done with all of it ----

    def train(self, mode=True):
        """Says that the module is being trained, or not."""
        for module in self.modules():
            module.__dict__["training"] = bool(mode)
        return self

    def eval(self):
        """Says that the module is being used, not trained."""
        return self.train(False)

    def requires_grad_(self, requires_grad=True):
        """Says of all parameters whether they collect gradients."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none=True):
        """Takes the gradients of all parameters away, or sets them to 0."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                with without_recording():
                    parameter.grad.zero_()

    def apply(self, function):
        """Calls a function with each module, the innermost first."""
        for module in self.children():
            module.apply(function)
        function(self)
        return self

    def to(self, *arguments, dtype=None, device=None):
        """Converts the parameters and buffers of floating dtypes."""
        for argument in arguments:
            if isinstance(argument, _core.dtype):
                dtype = argument
            else:
                device = argument
        check_device(device)
        if dtype is not None:
            for module in self.modules():
                for name, parameter in list(module._parameters.items()):
                    if parameter is not None and parameter.dtype is not dtype:
                        setattr(module, name, Parameter(parameter.detach().to(dtype), parameter.requires_grad))
                for name, buffer in list(module._buffers.items()):
                    if buffer is not None and buffer.is_floating_point():
                        module._buffers[name] = buffer.to(dtype)
        return self

    def double(self):
        """Converts to float64."""
        return self.to(_core.float64)

    def float(self):
        """Converts to float32."""
        return self.to(_core.float32)

    def cpu(self):
        """The module: it is there already."""
        return self

    def state_dict(self):
        """Parameters and buffers by name, detached; they share their storage with the module."""
        state = OrderedDict()
        for prefix, module in self.named_modules():
            for group in ("_parameters", "_buffers"):
                for name, tensor in module.__dict__[group].items():
                    if tensor is not None:
                        state[f"{prefix}.{name}" if prefix else name] = tensor.detach()
        return state

    def load_state_dict(self, state_dict, strict=True):
        """Copies tensors by name into parameters and buffers, all of them or none."""
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        wrong = [f"{name}: {list(state_dict[name].shape)} given, {list(own[name].shape)} here" for name in own
                 if name in state_dict and state_dict[name].shape != own[name].shape]
        if wrong:
            raise failure(capi.ERROR_SHAPE, "load_state_dict: " + "; ".join(wrong))
        if strict and (missing or unexpected):
            raise failure(capi.ERROR_NOT_FOUND, f"load_state_dict: missing {missing}, unexpected {unexpected}")
        with without_recording():
            for name, tensor in own.items():
                if name in state_dict:
                    tensor.copy_(state_dict[name])
        return IncompatibleKeys(missing, unexpected)

    def extra_repr(self):
        """What stands between the brackets of the module's repr."""
        return ""

    def __repr__(self):
        lines = [f"({name}): " + repr(module).replace("\n", "\n  ") for name, module in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"

    def __getstate__(self):
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_native")}

    def __setstate__(self, state):
        self.__dict__.update(state)
        Structure.changes += 1
