# SPDX-License-Identifier: MIT
"""The operators of random programs: how each finds its operands, and what it is in PyTorch.

A table's key is the step's name, as tests/capi/programs.cpp knows it. find(program) gives the
step's arguments, tensors among them as At; it may add steps that make an operand, and raises
LookupError where nothing fits. run takes the arguments, tensors instead of their numbers.
"""

import math
from dataclasses import dataclass
from typing import Callable

import torch
from torch.nn import functional

from pytorch import Gather, Scale, memory

MARGIN = 1e-3  # values stay so far from where a result or a derivative jumps


class At(int):
    """A tensor of the program, by its number; below 0: none."""


@dataclass
class Operator:
    weight: int
    find: Callable
    run: Callable = None  # torch's function or method of the same name
    saves_result: bool = False  # which is to be the very tensor that comes out
    piecewise: bool = False  # has a derivative that is piecewise constant
    keeps_order: bool = False  # the result lies in memory as the operand does, here too


# ---- what fits ----

def away_from(x, value, distance=MARGIN):
    return float((x.detach() - value).abs().min()) > distance


def positive(x):
    return float(x.detach().min()) > 0.1


def below_3(x):
    return float(x.detach().max()) < 3


def broadcasts(x, y):
    try:
        torch.broadcast_shapes(x.shape, y.shape)
    except RuntimeError:
        return False
    return True


def holds(x, y):
    """y can be broadcast to x, and shares no memory with it: overlaps have tests of their own."""
    return memory(x) != memory(y) and broadcasts(x, y) and \
        torch.broadcast_shapes(x.shape, y.shape) == x.shape


def dry(x):
    """A view made where nothing records, so that no gradient flows to it."""
    return getattr(x, "made_dry", False)


def multiplies(x, y):
    """torch.matmul takes the two."""
    if not x.dim() or not y.dim() or x.shape[-1] != y.shape[-2 if y.dim() > 1 else 0]:
        return False
    return x.dim() < 3 or y.dim() < 3 or broadcasts(x[..., 0, 0], y[..., 0, 0])


def one_extreme(which):
    def fits(x):
        ends = torch.topk(x.detach().reshape(-1), min(2, x.numel()), largest=which == "max").values
        return x.numel() == 1 or float((ends[0] - ends[1]).abs()) > MARGIN
    return fits


def ranks(*wanted):
    return lambda x: x.dim() in wanted


# ---- finding operands ----

def one(fits=lambda x: True):
    return lambda p: [p.pick(fits)]


def pair(first, second):
    """second(x, y): whether y fits x."""
    def find(p):
        i = p.pick(first)
        x = p.tensors[i]
        return [i, p.pick(lambda y: second(x, y))]
    return find


def two(fits=lambda x, y: True):
    """Of one shape, or broadcast to each other."""
    def find(p):
        alike = p.rng.random() < 0.7
        return pair(lambda x: True, lambda x, y: fits(x, y) and
                    (x.shape == y.shape if alike else broadcasts(x, y)))(p)
    return find


def target(fits=lambda y: True):
    """What is changed in place by another tensor."""
    def find(p):
        alike = p.rng.random() < 0.7
        return pair(lambda x: True, lambda x, y: fits(y) and holds(x, y) and
                    (not alike or x.shape == y.shape))(p)
    return find


def number(fits=lambda x: True):
    return lambda p: [p.pick(fits), p.number()]


def power(p):
    return [p.pick(), p.rng.choice((2.0, 3.0))]


def bounds(p):
    i = p.pick()
    low, high = sorted((p.number() + 0.125, p.number() + 0.125))  # no number that fill_ writes
    if low == high or not away_from(p.tensors[i], low) or not away_from(p.tensors[i], high):
        raise LookupError
    return [i, low, high]


def threshold(p):
    value = p.number()
    return [p.pick(lambda x: away_from(x, value)), value]


def detachable(p):
    # An inference tensor's may be written in PyTorch outside inference mode: rule T16.
    return [p.pick(lambda x: not x.is_inference() or p.mode == "inference")]


def along(p):
    i = p.pick(lambda x: x.dim() > 0)
    return [i, p.rng.randrange(p.tensors[i].dim())]


def dims(p):
    i = p.pick(lambda x: x.dim() > 0)
    rank = p.tensors[i].dim()
    return [i, p.rng.randrange(2)] + p.rng.sample(range(rank), p.rng.randint(1, rank))


def joined(p):
    i = p.pick(lambda x: x.dim() > 0 and x.numel() <= 9)
    return [i, p.same_shape(i), p.rng.randrange(p.tensors[i].dim())]


def stacked(p):
    i, j, d = joined(p)
    if p.tensors[i].is_inference() and p.tensors[j].is_inference():
        raise LookupError  # PyTorch's stack may give a view of them: rule V1c
    return [i, j, d]


def selected(p):
    i, d = along(p)
    return [i, d, p.index([p.rng.randint(1, 3)], p.tensors[i].shape[d])]


def gathered(p):
    i, d = along(p)
    shape = [p.rng.randint(1, size) for size in p.tensors[i].shape]
    return [i, d, p.index(shape, p.tensors[i].shape[d])]


def chosen(p):
    i, j = two()(p)
    x, y = p.tensors[i], p.tensors[j]
    shape = torch.broadcast_shapes(x.shape, y.shape)
    fits = lambda m: m.shape in (shape, x.shape, y.shape)
    if p.rng.random() < 0.3 or not p.fitting(fits, torch.bool):
        k = p.rng.choice((i, j))
        value = p.number()
        if not away_from(p.tensors[k], value):
            raise LookupError
        p.apply("gt_scalar", FUNCTIONAL["gt_scalar"], [k, value])
    return [p.pick(fits, torch.bool), i, j]


def added_product(in_place):
    """x, a, b, beta, alpha: x can be broadcast to the product's shape, or has it and is changed."""
    def find(p):
        i, j = pair(ranks(2), lambda a, b: b.dim() == 2 and a.shape[1] == b.shape[0])(p)
        a, b = p.tensors[i], p.tensors[j]
        shape = torch.Size((a.shape[0], b.shape[1]))
        apart = lambda x: x.shape == shape and memory(x) not in (memory(a), memory(b))
        sizes = lambda x: zip(x.shape[::-1], shape[::-1])
        fits = lambda x: x.dim() <= 2 and all(size in (1, whole) for size, whole in sizes(x))
        return [p.pick(apart if in_place else fits), i, j, p.factor(), p.factor()]
    return find


def layer(p):
    """x, weight and perhaps a bias."""
    rows = lambda x: x.dim() == 2 or x.dim() == 3 and x.is_contiguous() and not dry(x)
    i, j = pair(rows, lambda x, w: w.dim() == 2 and w.shape[1] == x.shape[-1] and not dry(w))(p)
    size = p.tensors[j].shape[0]
    bias = lambda b: b.shape == (size,)
    return [i, j, p.pick(bias) if p.rng.random() < 0.7 and p.fitting(bias) else At(-1)]


def loss(p):
    i = p.pick()
    return [i, p.same_shape(i), p.rng.randrange(3)]


# ---- views ----

def part(p):
    i, d = along(p)
    size = p.tensors[i].shape[d]
    start = p.rng.randrange(size)
    return [i, d, start, p.rng.randint(1, size - start)]


def place(p):
    i, d = along(p)
    return [i, d, p.rng.randrange(p.tensors[i].shape[d])]


def two_dims(p):
    i, d = along(p)
    return [i, d, p.rng.randrange(p.tensors[i].dim())]


def order(p):
    i = p.pick(lambda x: x.dim() > 0)
    rank = p.tensors[i].dim()
    return [i] + p.rng.sample(range(rank), rank)


def low_rank_along(p):
    i = p.pick(ranks(1, 2, 3))
    return [i, p.rng.randrange(p.tensors[i].dim())]


def every_second(p):
    i, d = along(p)
    return [i, d, 0, p.tensors[i].shape[d], 2]


def parts(p):
    i, d = along(p)
    return [i, p.rng.randint(1, 2), d]


def other_shape(p):
    i = p.pick()
    rest, shape = p.tensors[i].numel(), []
    while not shape or rest > 1 and len(shape) < 3:
        shape.append(p.rng.choice([n for n in range(1, rest + 1) if rest % n == 0]))
        rest //= shape[-1]
    return [i] + shape[:-1] + [shape[-1] * rest]


VIEWS = {
    "narrow": Operator(6, part),
    "select": Operator(4, place),
    "transpose": Operator(2, two_dims),
    "t": Operator(1, one(ranks(0, 1, 2))),
    "permute": Operator(2, order, lambda x, *dims: x.permute(dims)),
    "unsqueeze": Operator(2, low_rank_along),
    "squeeze": Operator(1, one()),
    "squeeze_dim": Operator(1, along, lambda x, d: x.squeeze(d)),
    "flat": Operator(2, one(lambda x: x.is_contiguous()), lambda x: x.view(-1)),
    "reshape": Operator(2, other_shape, lambda x, *shape: x.reshape(shape)),
    "expand": Operator(2, one(lambda x: x.dim() < 4 and x.numel() <= 9),
                       lambda x: x.expand([2] + list(x.shape))),
    "slice": Operator(2, every_second, lambda x, d, start, end, step:
                      x[tuple([slice(None)] * d + [slice(start, end, step)])]),
    "split": Operator(2, parts, lambda x, size, d: list(x.split(size, d))),
}
for view in VIEWS.values():
    view.keeps_order = True

# ---- functions ----


def no_view(function):
    """Of products of more than two dimensions PyTorch gives a view of what it computed."""
    def run(*operands):
        made = function(*operands)
        return made.clone() if made._is_view() else made
    return run



REDUCTIONS = ("none", "mean", "sum")

FUNCTIONAL = {
    "sin": Operator(4, one()),
    "cos": Operator(4, one()),
    "tanh": Operator(4, one(), saves_result=True),
    "sigmoid": Operator(4, one(), saves_result=True),
    "relu": Operator(4, one(), saves_result=True, piecewise=True),
    "neg": Operator(4, one()),
    "abs": Operator(4, one(), piecewise=True),
    "exp": Operator(4, one(below_3), saves_result=True),
    "log": Operator(4, one(positive)),
    "sqrt": Operator(4, one(positive), saves_result=True),
    "clone": Operator(4, one()),
    "contiguous": Operator(4, one(lambda x: not x.is_contiguous())),  # else x itself
    "detach": Operator(4, detachable, keeps_order=True),
    "sum": Operator(4, one()),
    "mean": Operator(4, one()),
    "max": Operator(3, one(one_extreme("max")), piecewise=True),
    "min": Operator(3, one(one_extreme("min")), piecewise=True),
    # Means over dimensions save their operand in 1.13.1.
    "sum_dims": Operator(4, dims, lambda x, keep, *d: x.sum(d, bool(keep))),
    "mean_dims": Operator(4, dims, lambda x, keep, *d: Scale.apply(
        x.sum(d, bool(keep)), 1 / math.prod(x.shape[k] for k in d))),
    "softmax": Operator(5, along, saves_result=True),
    "log_softmax": Operator(5, along, saves_result=True),

    "add_scalar": Operator(12, number(), lambda x, value: x.add(value)),
    "mul_scalar": Operator(12, number(), Scale.apply),
    "sub_scalar": Operator(5, number(), lambda x, value: x.sub(value)),
    "div_scalar": Operator(5, number(), lambda x, value: Scale.apply(x, 1 / value)),
    "pow_scalar": Operator(6, power, lambda x, exponent: x.pow(exponent)),
    "clamp": Operator(5, bounds, piecewise=True),

    "add": Operator(9, two()),
    "sub": Operator(9, two()),
    "mul": Operator(18, two()),
    "div": Operator(9, two(lambda x, y: away_from(y, 0, 0.25))),
    "maximum": Operator(8, two(lambda x, y: x is not y), piecewise=True),
    "minimum": Operator(8, two(lambda x, y: x is not y), piecewise=True),
    "where": Operator(8, chosen),
    "gt": Operator(4, two(lambda x, y: away_from(x, y.detach()))),
    "gt_scalar": Operator(4, threshold, lambda x, value: x.gt(value)),
    "mse_loss": Operator(6, loss, lambda x, y, reduction: functional.mse_loss(
        x, y, reduction=REDUCTIONS[reduction])),

    "mm": Operator(7, pair(ranks(2), lambda x, y: y.dim() == 2 and multiplies(x, y))),
    "bmm": Operator(8, pair(ranks(3), lambda x, y: y.dim() == 3 and x.shape[0] == y.shape[0] and
                            multiplies(x, y))),
    "mv": Operator(6, pair(ranks(2), lambda x, y: y.dim() == 1 and multiplies(x, y))),
    "dot": Operator(4, pair(ranks(1), lambda x, y: y.shape == x.shape)),
    "matmul": Operator(8, pair(lambda x: x.dim() > 0 and not dry(x),
                               lambda x, y: multiplies(x, y) and not dry(y)),
                       no_view(torch.matmul)),
    "addmm": Operator(6, added_product(in_place=False), lambda x, a, b, beta, alpha:
                      torch.addmm(x, a, b, beta=beta, alpha=alpha)),
    "linear": Operator(6, layer, no_view(functional.linear)),

    "cat": Operator(6, joined, lambda x, y, d: torch.cat([x, y], d)),
    "stack": Operator(5, stacked, lambda x, y, d: torch.stack([x, y], d)),
    "index_select": Operator(6, selected),
    "gather": Operator(6, gathered, Gather.apply),
}

# ---- in place: the first argument is the target ----


def times(x, factor):
    # mul_ saves the number; what a view does in place cannot run twice for other reasons.
    return x.mul_(factor) if x._is_view() else x.sub_(x, alpha=1 - factor)


IN_PLACE = {
    "mul_scalar_": Operator(8, number(), times),
    "div_scalar_": Operator(3, number(), lambda x, value: times(x, 1 / value)),
    "add_scalar_": Operator(4, number(), lambda x, value: x.add_(value)),
    "sub_scalar_": Operator(3, number(), lambda x, value: x.sub_(value)),
    "pow_scalar_": Operator(4, power, lambda x, exponent: x.pow_(exponent)),
    "clamp_": Operator(3, bounds, piecewise=True),
    "fill_": Operator(3, number()),
    "zero_": Operator(3, one()),
    "sin_": Operator(3, one()),
    "cos_": Operator(3, one()),
    "neg_": Operator(3, one()),
    "abs_": Operator(3, one(), piecewise=True),
    "log_": Operator(2, one(positive)),
    "tanh_": Operator(3, one(), saves_result=True),
    "sigmoid_": Operator(3, one(), saves_result=True),
    "relu_": Operator(3, one(), saves_result=True, piecewise=True),
    "exp_": Operator(3, one(below_3), saves_result=True),
    "sqrt_": Operator(2, one(positive), saves_result=True),
    "add_": Operator(4, target()),
    "sub_": Operator(4, target()),
    "mul_": Operator(4, target()),
    "div_": Operator(3, target(lambda y: away_from(y, 0, 0.25))),
    "copy_": Operator(4, target()),
    "addmm_": Operator(9, added_product(in_place=True), lambda x, a, b, beta, alpha:
                       x.addmm_(a, b, beta=beta, alpha=alpha)),
}

for table in (VIEWS, FUNCTIONAL, IN_PLACE):
    for name, operator in table.items():
        operator.run = operator.run or getattr(torch, name, None) or getattr(torch.Tensor, name)

# ---- into a given tensor ----
# Of these the target may lie where an operand lies, element by element.
ELEMENTWISE = ("add", "sub", "mul", "div", "sin", "neg", "exp", "add_scalar", "mul_scalar",
               "pow_scalar", "clamp", "maximum", "where")


OUT = {
    "add_scalar": torch.add,
    "mul_scalar": torch.mul,
    "pow_scalar": torch.pow,
    "sum_dims": lambda x, keep, *d, out: torch.sum(x, d, bool(keep), out=out),
    "mean_dims": lambda x, keep, *d, out: torch.mean(x, d, bool(keep), out=out),
    "cat": lambda x, y, d, out: torch.cat([x, y], d, out=out),
    "stack": lambda x, y, d, out: torch.stack([x, y], d, out=out),
    "addmm": lambda x, a, b, beta, alpha, out: torch.addmm(x, a, b, beta=beta, alpha=alpha, out=out),
    # PyTorch's softmax itself does not see that its operand requires grad.
    "softmax": lambda x, d, out: torch._softmax(x, d, False, out=out),
    "log_softmax": lambda x, d, out: torch._log_softmax(x, d, False, out=out),
    **{name: getattr(torch, name) for name in (
        "add", "sub", "mul", "div", "sin", "neg", "exp", "clamp", "maximum", "where", "mm", "bmm",
        "mv", "index_select", "gather")},
}
