# SPDX-License-Identifier: MIT
"""What the graph keeps for backward: torch.autograd.graph's hooks on saved tensors."""

from .._core import capi

__all__ = ["save_on_cpu", "saved_tensors_hooks"]


class saved_tensors_hooks:
    """`with saved_tensors_hooks(pack_hook, unpack_hook):` each tensor that this thread's operators save goes to
    pack_hook, and the graph keeps what that gives, any object; unpack_hook of it gives a tensor of the same dtype
    and shape where backward reads it. The innermost hooks alone are asked."""

    def __init__(self, pack_hook, unpack_hook):
        for hook in (pack_hook, unpack_hook):
            if not callable(hook):
                raise TypeError(f"a hook must be a function, not {type(hook).__name__}")
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._entered = []

    def __enter__(self):
        self._entered.append(capi.saved_tensor_hooks_enter(self.pack_hook, self.unpack_hook))

    def __exit__(self, *exception):
        capi.saved_tensor_hooks_exit(self._entered[-1])
        self._entered.pop()


class save_on_cpu:
    """Saved tensors are in the CPU's memory always: this changes nothing."""

    def __init__(self, pin_memory=False, device_type="cpu"):
        pass

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        pass
