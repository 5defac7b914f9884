# SPDX-License-Identifier: MIT
"""Optimizers: torch.optim."""

from . import _core
from ._core import Tensor, capi, failure


class _Group(dict):
    """One group of parameters and its settings; a setting that is changed is changed in the library."""

    def __init__(self, native, parameters, settings, native_names):
        self.native, self.native_names = native, native_names
        super().__init__(params=parameters)
        for name, value in settings.items():
            self[name] = value

    def __setitem__(self, name, value):
        for native_name, number in self.native_names(name, value):
            capi.optimizer_set(self.native, native_name, float(number))
        super().__setitem__(name, value)


class Optimizer:
    """Changes parameters by their gradients. Each group of parameters may have its own settings."""

    def __init__(self, params, defaults):
        groups = list(params)
        if not groups:
            raise failure(capi.ERROR_INVALID_ARGUMENT, "an optimizer needs parameters")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.defaults = defaults
        self.param_groups = []
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, group):
        """Adds parameters with settings of their own."""
        group = dict(group)
        parameters = group.pop("params")
        parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
        settings = {**self.defaults, **group}
        native = type(self)._make(parameters, float(settings["lr"]))
        self.param_groups.append(_Group(native, parameters, settings, type(self)._native_names))

    @staticmethod
    def _native_names(name, value):
        """The settings of the library that one of PyTorch's stands for."""
        return [(name, value)]

    def step(self, closure=None):
        """Changes the parameters. closure computes the loss, with its gradients, and gives it."""
        loss = None
        if closure is not None:
            with _core.enable_grad():
                loss = closure()
        for group in self.param_groups:
            capi.optimizer_step(group.native)
        return loss

    def zero_grad(self, set_to_none=True):
        """Takes the gradients away, or sets them to 0."""
        for group in self.param_groups:
            if set_to_none:
                capi.optimizer_zero_grad(group.native)
            else:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.zero_()

    def state_dict(self):
        """The state as tensors by name, a group after the other; safetensors can save it."""
        from ._dict import to_python
        state = {}
        for number, group in enumerate(self.param_groups):
            prefix = "" if len(self.param_groups) == 1 else f"{number}."
            state.update((prefix + name, tensor)
                         for name, tensor in to_python(capi.optimizer_state_dict(group.native)).items())
        return state

    def load_state_dict(self, state_dict):
        """Takes over a state that state_dict gave."""
        from ._dict import to_native
        for number, group in enumerate(self.param_groups):
            prefix = "" if len(self.param_groups) == 1 else f"{number}."
            part = {name[len(prefix):]: tensor for name, tensor in state_dict.items() if name.startswith(prefix)}
            capi.optimizer_load_state_dict(group.native, to_native(part))
            for name in list(group):
                if name != "params":
                    dict.__setitem__(group, name, self._setting(group, name))

    def _setting(self, group, name):
        value = group[name]
        numbers = [capi.optimizer_get(group.native, native) for native, _ in self._native_names(name, value)]
        if isinstance(value, tuple):
            return tuple(numbers)
        return bool(numbers[0]) if isinstance(value, bool) else numbers[0]

    def __repr__(self):
        text = f"{type(self).__name__} (\n"
        for number, group in enumerate(self.param_groups):
            settings = "".join(f"    {name}: {value}\n" for name, value in group.items() if name != "params")
            text += f"Parameter Group {number}\n" + settings
        return text + ")"


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, weight decay and Nesterov's form of it."""

    _make = staticmethod(capi.optim_sgd)

    def __init__(self, params, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False):
        super().__init__(params, {"lr": lr, "momentum": momentum, "dampening": dampening,
                                  "weight_decay": weight_decay, "nesterov": nesterov})


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2015)."""

    _make = staticmethod(capi.optim_adam)

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0):
        super().__init__(params, {"lr": lr, "betas": tuple(betas), "eps": eps, "weight_decay": weight_decay})

    @staticmethod
    def _native_names(name, value):
        return [("beta1", value[0]), ("beta2", value[1])] if name == "betas" else [(name, value)]


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter, 2019)."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=1e-2):
        super().__init__(params, lr, betas, eps, weight_decay)

    def add_param_group(self, group):
        super().add_param_group(group)
        capi.optimizer_set(self.param_groups[-1].native, "decoupled", 1.0)
