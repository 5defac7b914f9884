# SPDX-License-Identifier: MIT
"""What make.py calls in PyTorch where its own calls are not enough, or 1.13.1 is to be led to what
later versions do."""

import torch
from torch.utils.checkpoint import checkpoint


class Scale(torch.autograd.Function):
    """x times a number; PyTorch's own saves the number as a tensor (rule B3b)."""

    @staticmethod
    def forward(context, x, factor):
        context.factor = factor
        context.set_materialize_grads(False)
        return x * factor

    @staticmethod
    def backward(context, gradient):
        return None if gradient is None else Scale.apply(gradient, context.factor), None


class Gather(torch.autograd.Function):
    """x.gather; PyTorch's own saves x too, of which its derivative needs the shape alone."""

    @staticmethod
    def forward(context, x, dim, index):
        context.dim, context.shape = dim, x.shape
        context.save_for_backward(index)
        context.set_materialize_grads(False)
        return x.gather(dim, index)

    @staticmethod
    def backward(context, gradient):
        if gradient is None:
            return None, None, None
        index, = context.saved_tensors
        zeros = gradient.new_zeros(context.shape)
        return zeros.scatter_add(context.dim, index, gradient), None, None


CHECKPOINTED = (
    lambda a, b: a.sin() * b,
    lambda a, b: (a * b).tanh() * b,
    lambda a, b: (a * b).add_(0.5).sigmoid_() * a,
    lambda a, b: saved_again(0, a, b).sin() * a,
)


def saved_again(kind, a, b):
    return checkpoint(CHECKPOINTED[kind], a, b, use_reentrant=False)


PACKS = {"clone": lambda x: x.clone(), "same": lambda x: x,
         "double": lambda x: x * 2 if x.is_floating_point() else x}


class Hook:
    """One hook on a tensor: what it gives for a gradient, how often it ran, what it saw last."""

    def __init__(self, kind, by):
        self.kind, self.by, self.runs, self.last = kind, by, 0, None

    def __call__(self, gradient):
        if gradient is None:
            return None
        self.runs, self.last = self.runs + 1, gradient.detach().clone()
        if self.kind == "double":
            return Scale.apply(gradient, 2)
        if self.kind == "twice":
            return gradient + gradient
        if self.kind == "square":
            return gradient * gradient
        if self.kind == "by":
            return gradient * self.by
        return None

    def put_on(self, x):
        """PyTorch's list of hooks stays with the value that x had when it was made: begin anew."""
        if not x.is_leaf and getattr(x, "hooked_at", None) is not x.grad_fn:
            x._backward_hooks, x.hooked_at = None, x.grad_fn
        self.handle = x.register_hook(self)


def of_hooks(x, gradient):
    """What the hooks of x make of a gradient that grad() found."""
    if x._backward_hooks is None or not x.is_leaf and x.hooked_at is not x.grad_fn:
        return gradient
    for hook in list(x._backward_hooks.values()):
        given = hook(gradient)
        gradient = gradient if given is None else given
    return gradient


def reaches(x, y):
    """Whether a path leads from x back to y."""
    nodes, seen = [x.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        if node is y.grad_fn or getattr(node, "variable", None) is y:
            return True
        seen.add(node)
        nodes += [child for child, _ in node.next_functions]
    return False


def memory(x):
    return x.storage().data_ptr()
