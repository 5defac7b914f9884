# SPDX-License-Identifier: MIT
"""Derivatives of functions of tensors: torch.autograd.functional. One tensor stands for a tuple of one. The
function runs in grad mode, whatever the mode of the caller; no .grad changes."""

from .._arguments import direct
from .._core import Tensor, capi, enable_grad, failure

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def _tuple(things, name):
    """A tuple of tensors, and what makes the same thing of such a tuple."""
    if isinstance(things, Tensor):
        return (things,), lambda found: found[0]
    if not isinstance(things, (tuple, list)) or not all(isinstance(x, Tensor) for x in things):
        raise TypeError(f"{name} must be a Tensor or a tuple of Tensors, not {type(things).__name__}")
    return tuple(things), tuple


def _wrong(text):
    return failure(capi.ERROR_INVALID_ARGUMENT, text)


def _vectors(v, like, name):
    """v, one for each of `like`; without one, 1 for the single number that there is."""
    if v is None:
        if len(like) != 1 or like[0].numel() != 1:
            raise _wrong(f"v may be None only where {name} is one tensor of one element")
        return (capi.ones_like(like[0]),)
    v, _ = _tuple(v, "v")
    if len(v) != len(like):
        raise _wrong(f"v has {len(v)} tensors, {name} {len(like)}")
    return v


class _Once:
    """The function for one call of the library, which wants `count` results; they are kept, detached."""

    def __init__(self, function, count, name="v"):
        self.function, self.count, self.name = function, count, name

    def __call__(self, *inputs):
        outs, self.shape_of = _tuple(self.function(*inputs), "what the function gives")
        self.outs = [x.detach() for x in outs]
        if self.count is None:
            return _packed(outs)
        if len(outs) != self.count:
            raise _wrong(f"the function gave {len(outs)} tensors where {self.name} has {self.count}")
        return outs

    def outputs(self):
        return self.shape_of(self.outs)


def _common_dtype(tensors):
    dtypes = {x.dtype for x in tensors}
    return dtypes.pop() if len(dtypes) == 1 else capi.FLOAT64


def _packed(tensors):
    """One tensor for all, since how many a function gives is not known before it has run."""
    if len(tensors) == 1:
        return tensors
    dtype = _common_dtype(tensors)
    return (capi.cat([capi.to_dtype(x.reshape(-1), dtype) for x in tensors], 0),)


def _unpacked(packed, like):
    if len(like) == 1:
        return [packed]
    found, start = [], 0
    for x in like:
        part = packed.narrow(0, start, x.numel()).reshape(x.shape)
        found.append(part.clone() if part.dtype is x.dtype else part.to(x.dtype))
        start += x.numel()
    return found


# ---- with create_graph or strict: by autograd.grad ----


def _leaves(inputs, create_graph):
    """Inputs by which the function is differentiated; with create_graph they have a past."""
    return tuple(x.view_as(x) if create_graph and x.requires_grad else x.detach().requires_grad_() for x in inputs)


def _grad(outs, inputs, v, create_graph, retain_graph=None):
    """Gradients, None where nothing depends on an input."""
    from . import grad
    kept = [i for i, x in enumerate(outs) if x is not None and x.requires_grad]
    if not kept:
        return [None] * len(inputs)
    return grad([outs[i] for i in kept], inputs, None if v is None else [v[i] for i in kept], retain_graph,
                create_graph, allow_unused=True)


def _complete(found, like, strict, create_graph, text):
    """Zeros for what is missing, or with strict an error."""
    for number, x in enumerate(found):
        if x is None and strict:
            raise failure(capi.ERROR_AUTOGRAD, f"{text} {number}; without strict that gives zeros")
    found = [capi.zeros_like(x) if y is None else y for x, y in zip(like, found)]
    return found if create_graph else [x.detach() for x in found]


def _run(function, inputs, create_graph):
    leaves = _leaves(inputs, create_graph)
    outs, outs_shape = _tuple(function(*leaves), "what the function gives")
    return leaves, outs, lambda: outs_shape(outs if create_graph else [x.detach() for x in outs])


def _one_number(outs):
    if len(outs) != 1 or outs[0].numel() != 1:
        raise failure(capi.ERROR_AUTOGRAD, "a Hessian is that of a function which gives one tensor of one element")


# ---- the calls ----


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """What func gives, and v times its Jacobian: the gradients by inputs, weighted by v."""
    inputs, shape = _tuple(inputs, "inputs")
    if create_graph or strict:
        with enable_grad():
            leaves, outs, outputs = _run(func, inputs, create_graph)
            found = _grad(outs, leaves, _vectors(v, outs, "what the function gives"), create_graph)
            found = _complete(found, leaves, strict, create_graph, "what the function gives does not depend on input")
        return outputs(), shape(found)
    weights = (None,) if v is None else _tuple(v, "v")[0]
    once = _Once(func, len(weights))
    _, found = direct(capi.vjp, once, inputs, weights)
    return once.outputs(), shape(found)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """What func gives, and its Jacobian times v: how that changes when the inputs move along v."""
    inputs, _ = _tuple(inputs, "inputs")
    v = _vectors(v, inputs, "inputs")
    if create_graph or strict:
        with enable_grad():
            leaves, outs, outputs = _run(func, inputs, create_graph)
            weights = tuple(capi.zeros_like(x).requires_grad_() for x in outs)
            found = _grad(outs, leaves, weights, True)
            _complete(found, leaves, strict, True, "what the function gives does not depend on input")
            found = _complete(_grad(found, weights, v, create_graph), outs, strict, create_graph,
                              "the inputs have no part in result")
        kept = outputs()
        return kept, found[0] if isinstance(kept, Tensor) else tuple(found)
    once = _Once(func, None)
    _, (packed,) = direct(capi.jvp, once, inputs, v, 1)
    return once.outputs(), once.shape_of(_unpacked(packed, once.outs))


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """What func gives, one number, and its Hessian times v."""
    inputs, shape = _tuple(inputs, "inputs")
    v = _vectors(v, inputs, "inputs")
    if create_graph or strict:
        with enable_grad():
            leaves, outs, outputs = _run(func, inputs, create_graph)
            _one_number(outs)
            found = _grad(outs, leaves, None, True)
            _complete(found, leaves, strict, True, "what the function gives does not depend on input")
            found = _complete(_grad(found, leaves, v, create_graph), leaves, strict, create_graph,
                              "the gradient does not depend on input")
        return outputs(), shape(found)
    once = _Once(func, 1, "a Hessian")
    found = direct(capi.hvp, once, inputs, v)
    return once.outputs(), shape(found)


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """What func gives, one number, and v times its Hessian: the same as hvp, for a Hessian is symmetric."""
    return hvp(func, inputs, v, create_graph, strict)


def jacobian(func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"):
    """The Jacobian of func, for each result by each input: of the result's shape and then the input's."""
    inputs, shape = _tuple(inputs, "inputs")
    if strategy != "reverse-mode":
        raise failure(capi.ERROR_UNSUPPORTED, f"jacobian: strategy {strategy!r}; there is 'reverse-mode' alone")
    with enable_grad():
        leaves, outs, outputs = _run(func, inputs, create_graph)
        rows = [[_complete(_grad((element,), leaves, None, create_graph, True), leaves, strict, create_graph,
                           f"result {number} does not depend on input") for element in out.reshape(-1).unbind()]
                for number, out in enumerate(outs)]
        found = [shape([capi.stack([row[i] for row in of_out], 0).reshape([*out.shape, *x.shape]) if of_out
                        else capi.zeros(x.dtype, [*out.shape, *x.shape]) for i, x in enumerate(leaves)])
                 for of_out, out in zip(rows, outs)]
    return found[0] if isinstance(outputs(), Tensor) else tuple(found)


def hessian(func, inputs, create_graph=False, strict=False, vectorize=False, outer_jacobian_strategy="reverse-mode"):
    """The Hessian of func, which gives one number: for each input by each."""
    inputs, shape = _tuple(inputs, "inputs")

    def gradient(*leaves):
        def one(*again):
            outs, _ = _tuple(func(*again), "what the function gives")
            _one_number(outs)
            return outs[0].reshape([])

        return jacobian(one, leaves, create_graph=True, strict=strict)

    found = jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)
    return shape([shape(row) for row in found])
