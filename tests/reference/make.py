#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes operators.txt: values and gradients of every operator as PyTorch computes them.

Run with a Python that has torch (Debian: python3-torch 1.13.1):  python3 make.py > operators.txt
The inputs come from a small generator of their own, so that the file does not depend on a seed of
PyTorch's. The scalar that is differentiated is sum(output * c) with c[i] = cos(i).

A case is:  case NAME, then lines `in DTYPE SHAPE : VALUES`, `arg VALUE`, `out DTYPE SHAPE : VALUES`
and `grad INDEX : VALUES` for each input that requires grad, then `end`.
"""
import math
import torch

state = 12345


def number(low, high):
    global state
    state = (state * 1103515245 + 12345) % 2**31
    return low + (high - low) * state / 2**31


def real(*shape, low=-2.0, high=2.0):
    n = math.prod(shape)
    x = torch.tensor([number(low, high) for _ in range(n)], dtype=torch.float64).reshape(shape)
    return x.requires_grad_()


def index(limit, *shape):
    n = math.prod(shape)
    return torch.tensor([int(number(0, limit)) for _ in range(n)], dtype=torch.int64).reshape(shape)


NAMES = {torch.float64: "float64", torch.int64: "int64", torch.bool: "bool", torch.float32: "float32"}


def text(x):
    values = " ".join(repr(v) if isinstance(v, float) else str(int(v)) for v in x.reshape(-1).tolist())
    shape = ",".join(str(s) for s in x.shape) if x.dim() else "-"
    return f"{NAMES[x.dtype]} {shape} : {values}"


def case(name, function, inputs, *arguments):
    outs = function(*inputs, *arguments)
    outs = outs if isinstance(outs, (tuple, list)) else (outs,)
    print("case", name)
    for x in inputs:
        print("in", text(x.detach()))
    for value in arguments:
        values = value if isinstance(value, (list, tuple)) else [value]
        print("arg", " ".join(repr(float(v)) for v in values))
    total = 0
    for out in outs:
        print("out", text(out.detach()))
        if out.requires_grad:
            c = torch.cos(torch.arange(out.numel(), dtype=torch.float64)).reshape(out.shape)
            total = total + (out * c).sum()
    wanted = [x for x in inputs if x.requires_grad]
    if wanted and torch.is_tensor(total):
        grads = torch.autograd.grad(total, wanted, allow_unused=True)
        for x, grad in zip(wanted, grads):
            place = next(i for i, y in enumerate(inputs) if y is x)
            grad = torch.zeros_like(x) if grad is None else grad
            print("grad", place, ":", " ".join(repr(v) for v in grad.reshape(-1).tolist()))
    print("end")


a, b = real(3, 4), real(3, 4)
row, column = real(4), real(3, 1)
positive = real(3, 4, low=0.2, high=3.0)
for name in ("add", "sub", "mul", "maximum", "minimum"):
    case(name, getattr(torch, name), (a, b))
    case(name, getattr(torch, name), (a, row))
    case(name, getattr(torch, name), (column, row))
    case(name, getattr(torch, name), (a.t(), column.t().expand(4, 3)))
    case(name, getattr(torch, name), (real(0, 3), real(3)))
case("div", torch.div, (a, positive))
case("div", torch.div, (column, real(4, low=0.5, high=2.0)))
for name in ("eq", "ne", "lt", "le", "gt", "ge"):
    x = torch.tensor([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]], dtype=torch.float64)
    y = torch.tensor([2.0, 2.0, 3.0], dtype=torch.float64)
    case(name, getattr(torch, name), (x, y))
    case(name + "_scalar", getattr(torch, name), (x,), 2.0)
case("add_scalar", torch.add, (a,), 1.5)
case("sub_scalar", torch.sub, (a,), 1.5)
case("mul_scalar", torch.mul, (a,), -2.5)
case("div_scalar", torch.div, (a,), 4.0)
for p in (2.0, 3.0, 0.5, -1.0, 0.0, 2.5):
    case("pow_scalar", torch.pow, (positive,), p)
for name in ("neg", "abs", "exp", "sin", "cos", "tanh", "sigmoid", "relu"):
    case(name, getattr(torch, name), (a,))
    case(name, getattr(torch, name), (real(2, 3).t(),))
for name in ("log", "sqrt"):
    case(name, getattr(torch, name), (positive,))
case("clamp", torch.clamp, (a,), -0.7, 1.1)
case("where", torch.where, (torch.tensor([[True], [False], [True]]), a, row))
for dims, keep in (([0], 0), ([1], 1), ([0, 1], 0), ([-1], 0)):
    case("sum_dims", lambda x, d, k: torch.sum(x, [int(i) for i in d], bool(k)), (a,), dims, keep)
    case("mean_dims", lambda x, d, k: torch.mean(x, [int(i) for i in d], bool(k)), (a,), dims, keep)
for name in ("sum", "mean", "max", "min", "argmax", "argmin"):
    case(name, getattr(torch, name), (a,))
case("sum", torch.sum, (real(0, 3),))
for dim in (0, 1):
    for keep in (0, 1):
        for name in ("max", "min"):
            case(name + "_dim", lambda x, d, k: tuple(getattr(torch, name)(x, d, bool(k))), (a,), dim, keep)
        for name in ("argmax", "argmin"):
            case(name + "_dim", lambda x, d, k: getattr(torch, name)(x, d, bool(k)), (a,), dim, keep)
    case("softmax", torch.softmax, (real(3, 4, 2),), dim)
    case("log_softmax", torch.log_softmax, (real(3, 4, 2),), dim)
case("mm", torch.mm, (real(3, 4), real(4, 2)))
case("mm", torch.mm, (real(4, 3).t(), real(2, 4).t()))
case("mm", torch.mm, (real(3, 0), real(0, 2)))
case("bmm", torch.bmm, (real(2, 3, 4), real(2, 4, 2)))
case("mv", torch.mv, (real(3, 4), real(4)))
case("dot", torch.dot, (real(5), real(5)))
for left, right in (((3,), (3,)), ((3, 4), (4,)), ((4,), (4, 2)), ((3, 4), (4, 2)), ((2, 3, 4), (4, 2)),
                    ((2, 1, 3, 4), (5, 4, 2)), ((2, 3, 4), (4,))):
    case("matmul", torch.matmul, (real(*left), real(*right)))
case("addmm", lambda x, p, q, beta, alpha: torch.addmm(x, p, q, beta=beta, alpha=alpha),
     (real(3, 2), real(3, 4), real(4, 2)), 0.5, 2.0)
case("addmm", lambda x, p, q, beta, alpha: torch.addmm(x, p, q, beta=beta, alpha=alpha),
     (real(2), real(3, 4), real(4, 2)), 1.0, 1.0)
linear = torch.nn.functional.linear
case("linear", linear, (real(3, 4), real(2, 4), real(2)))
case("linear", linear, (real(2, 3, 4), real(2, 4), real(2)))
case("linear", linear, (real(4), real(2, 4), real(2)))
case("reshape", lambda x, s: torch.reshape(x, [int(i) for i in s]), (a.t(),), [2, 6])
case("view", lambda x, s: x.view([int(i) for i in s]), (a,), [2, -1])
case("flatten", lambda x, s, e: torch.flatten(x, s, e), (real(2, 3, 2),), 1, 2)
case("t", torch.t, (a,))
case("transpose", torch.transpose, (real(2, 3, 2),), 0, 2)
case("permute", lambda x, d: torch.permute(x, [int(i) for i in d]), (real(2, 3, 2),), [2, 0, 1])
case("expand", lambda x, s: x.expand([int(i) for i in s]), (column,), [2, 3, 4])
case("squeeze", torch.squeeze, (real(1, 3, 1),))
case("squeeze_dim", torch.squeeze, (real(1, 3, 1),), 0)
case("unsqueeze", torch.unsqueeze, (a,), 1)
case("select", torch.select, (a,), 1, -1)
case("narrow", torch.narrow, (a,), 1, 1, 2)
case("slice", lambda x, d, s, e, step: x[:, s:e:step], (a,), 1, 0, 4, 3)
case("as_strided", lambda x, s, t, o: torch.as_strided(x, [int(i) for i in s], [int(i) for i in t], o),
     (real(3, 4),), [3, 2], [2, 1], 1)
case("split", lambda x, n, d: torch.split(x, n, d), (real(5, 2),), 2, 0)
case("cat", lambda x, y, d: torch.cat([x, y], d), (real(2, 3), real(1, 3)), 0)
case("stack", lambda x, y, d: torch.stack([x, y], d), (real(2, 3), real(2, 3)), 1)
case("index_select", lambda x, i, d: torch.index_select(x, d, i), (a, index(4, 5)), 1)
case("gather", lambda x, i, d: torch.gather(x, d, i), (a, index(4, 3, 2)), 1)
f = torch.nn.functional
REDUCTIONS = ("none", "mean", "sum")
for r in (0, 1, 2):
    case("mse_loss", lambda x, y, k: f.mse_loss(x, y, reduction=REDUCTIONS[k]), (a, b), r)
    case("nll_loss", lambda x, t, w, i, k: f.nll_loss(x, t, w, ignore_index=i, reduction=REDUCTIONS[k]),
         (real(5, 3), index(3, 5), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)), 1, r)
    for smoothing in (0.0, 0.3):
        case("cross_entropy",
             lambda x, t, w, i, k, s: f.cross_entropy(x, t, w, ignore_index=i, reduction=REDUCTIONS[k],
                                                      label_smoothing=s),
             (real(5, 3), index(3, 5), torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)), 1, r, smoothing)
        case("cross_entropy",
             lambda x, t, w, i, k, s: f.cross_entropy(x, t, w, ignore_index=i, reduction=REDUCTIONS[k],
                                                      label_smoothing=s),
             (real(2, 3, 4), index(3, 2, 4), torch.ones(3, dtype=torch.float64)), -100, r, smoothing)
case("clone", torch.clone, (a.t(),))
case("contiguous", lambda x: x.contiguous(), (a.t(),))
