# SPDX-License-Identifier: MIT
"""Hooks as PyTorch has them. One stays, handle or no handle, as long as it can run: until it is removed, or what
it hangs on is gone."""

import itertools
import weakref

from .._core import Hook, Tensor, capi

_numbers = itertools.count()
_kept: dict[int, Hook] = {}  # the library's hooks, which end with their objects


class _Held:
    """What the library calls. When it lets go of this, the hook has ended, and its object may go."""

    def __init__(self, function, call, number):
        self._function, self._call, self._number = function, call, number

    def __call__(self, *arguments):
        return self._call(self._function, *arguments)

    def __del__(self, kept=_kept):
        kept.pop(self._number, None)


class RemovableHandle:
    """Takes a hook away: by remove(), or at the end of a `with`."""

    __slots__ = ("id", "__weakref__")

    def __init__(self, number):
        self.id = number

    def remove(self):
        """Takes the hook away; a second time does nothing."""
        _kept.pop(self.id, None)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


def _register(function, call, hang):
    if not callable(function):
        raise TypeError(f"a hook must be a function, not {type(function).__name__}")
    number = next(_numbers)
    _kept[number] = hang(_Held(function, call, number))
    return RemovableHandle(number)


def _gradient(made, name):
    if made is not None and not isinstance(made, Tensor):
        raise TypeError(f"{name} must give a Tensor or None, not {type(made).__name__}")
    return made


def _gradients(made, name, lent):
    if made is None:
        return None
    made = (made,) if isinstance(made, Tensor) else made
    if not isinstance(made, (tuple, list)):
        raise TypeError(f"{name} must give a tuple of Tensors, or None, not {type(made).__name__}")
    if len(made) != len(lent):
        raise ValueError(f"{name} gave {len(made)} gradients where there are {len(lent)}")
    return [_gradient(gradient, name) for gradient in made]


def _call_tensor_hook(function, tensor, gradient):
    return _gradient(function(gradient), "the hook of a tensor")


def _call_before(function, node, inputs, outputs):
    return _gradients(function(outputs), "the prehook of a node", outputs)


def _call_after(function, node, inputs, outputs):
    return _gradients(function(inputs, outputs), "the hook of a node", inputs)


def register_hook(self, hook):
    """Lets hook(grad) see this tensor's gradient whenever it is computed, and give another one in its place.
    The handle that is given takes the hook away. A hook that refers to the tensor keeps it until then."""
    return _register(hook, _call_tensor_hook, lambda held: capi.tensor_hook(self, held))


def register_post_accumulate_grad_hook(self, hook):
    """Lets hook(leaf) run after backward has written the .grad of this leaf."""
    reference = weakref.ref(self)

    def call(function, leaf, gradient):
        here = reference()  # the caller's own object, where it still is
        made = function(leaf if here is None else here)
        if made is not None:
            raise TypeError("a post-accumulate-grad hook must give None; it may change .grad itself")

    return _register(hook, call, lambda held: capi.post_accumulate_grad_hook(self, held))


def register_node_prehook(node, hook):
    return _register(hook, _call_before, lambda held: capi.node_hook(node, capi.BEFORE, held))


def register_node_hook(node, hook):
    return _register(hook, _call_after, lambda held: capi.node_hook(node, capi.AFTER, held))
