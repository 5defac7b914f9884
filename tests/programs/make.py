#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random programs of 5 to 40 steps with PyTorch's answers, as text for tests/capi/programs.cpp.

    python3 tests/programs/make.py --count 1000 --seed 1 > tests/programs/programs.txt

needs PyTorch (Debian's python3-torch, 1.13.1, made the stored set). A program is a list of steps
over numbered tensors: operators, views, in-place changes, views of views, modes, detach, hooks on
gradients and on saved tensors, checkpoints, backward, grad, and both of them again through what
they gave. Each step stands with what PyTorch said: its flags, or that it failed; where PyTorch may
have written before it failed, the program ends. The last lines hold every tensor's values and
gradient, and what hooks saw.

Left out is what docs/modes.md decides otherwise, or where 1.13.1 differs from later versions:
inference tensors that require grad (T33) or are given gradients (B40), nested modes (M20), clamp
at a bound (B18), gradients retained beside in-place changes (I9) or in grad() (B6c), detach_ and
retained gradients of hooked tensors that change, changing a gradient in a hook (H15), hooks after
accumulation (H5), changing what a checkpoint reads, where nodes that save nothing run again (B3b),
create_graph through operators whose derivative is piecewise constant (B9), or through a view's
change that saves its result (here that is not the view, in PyTorch it is), and the same result
packed without a copy and changed again (here it is packed before it is written).
What 1.13.1 does otherwise but can be led to, is done in its place: hooks that are registered after
a change belong to the new value (H11), gradients are retained after all hooks (H3), and grad()
runs the hooks of its input (H10, H22). A view's grad_fn is read before the view is changed, since
PyTorch's answer depends on whether somebody did.
"""

import argparse
import gc
import math
import os
import random
import warnings

import torch

from pytorch import CHECKPOINTED, PACKS, Hook, Scale, memory, of_hooks, reaches, saved_again

warnings.filterwarnings("ignore")

SIZES = (1, 2, 3)
SAME_MEMORY = ("clone", "detach", "narrow", "select", "transpose", "unsqueeze", "flat", "expand",
               "slice", "split", "contiguous", "leaf")  # their results keep their operand's layout
SAVES_RESULT = ("tanh", "sigmoid", "relu", "exp", "sigmoid_", "relu_")
PIECEWISE = ("relu", "abs", "maximum", "minimum", "relu_")
LARGEST = 50  # values beyond are given up: errors of rounding would grow with them


class Wrong(Exception):
    """The program is of no use: its numbers ran away, or its answer is not the rule's."""


class Program:
    def __init__(self, rng, dtype):
        self.rng, self.dtype = rng, dtype
        self.tensors, self.lines, self.made_in = [], [], []
        self.mode = None
        self.higher = rng.random() < 0.5  # with create_graph
        self.hooks, self.packing = [], []
        self.held = set()  # memory that checkpoints read
        self.packed = set()  # results of in-place changes, packed as they are
        self.freed = False  # a pass has freed what nodes saved
        self.through_view = False  # something was changed in place through a view
        self.dry = False  # a view that requires grad was made where nothing records

    # ---- choosing ----

    def pick(self, want=lambda x: True):
        """The number of a tensor, later ones more often."""
        fitting = [i for i, x in enumerate(self.tensors) if want(x)]
        if not fitting:
            raise LookupError
        return fitting[max(self.rng.randrange(len(fitting)) for _ in range(2))]

    def same_shape(self, i):
        shape = self.tensors[i].shape
        return self.pick(lambda x: x.shape == shape)

    def number(self):
        return self.rng.choice((-1.5, -0.5, 0.25, 0.5, 1.5, 2.0))

    # ---- telling ----

    def say(self, text, run, spoils=False):
        """One step: run gives a tensor, a list of tensors, or nothing. spoils: a failure may have
        left something behind in PyTorch, so it ends the program."""
        try:
            result = run()
        except (RuntimeError, IndexError, ValueError) as error:
            self.lines.append(f"{text} = fails{self.why(str(error))}")
            if os.environ.get("TG_WHY"): print(text, "fails:", str(error).splitlines()[0])
            self.check_failure(str(error))
            return not spoils
        made = [] if result is None else result if isinstance(result, (list, tuple)) else [result]
        # Results here are row-major; PyTorch's keep the order of their operands' dimensions.
        if not text.startswith(SAME_MEMORY):
            made = [x.contiguous() for x in made]
        if self.mode is not None:
            self.dry = self.dry or any(x._is_view() and x.requires_grad for x in made)
        self.lines.append(f"{text} = " + " ".join(["ok"] + [self.flags(x) for x in made]))
        for x in made:
            self.tensors.append(x)
            self.check(x)
        return True

    def check_failure(self, message):
        # Errors that are PyTorch's alone. Its CopySlices cannot run twice, though they save nothing,
        # and derivatives of these two save a number.
        again = "a second time" in message and (self.dry or self.through_view or self.higher and any(
            line.startswith(("mul_scalar_", "mean")) for line in self.lines))
        # PyTorch runs nodes that no gradient flows through, and looks at what they saved.
        # Its grad() behind a CopySlices runs nodes that it does not need.
        dry = "modified by an inplace operation" in message and (
            self.dry or self.through_view and self.lines[-1].startswith("grad"))
        own = ("INTERNAL ASSERT", "could not compute gradients for some functions",
               "Expected a proper Tensor but got None", "dependency not found",
               "moved into the graph interior",  # rule I21
               "Attempt to retrieve a tensor saved by autograd multiple times")
        if again or dry or any(text in message for text in own):
            raise Wrong

    def why(self, message):
        """The reason, where nothing else can have been met first."""
        if "modified by an inplace operation" in message and not self.freed:
            return " version"
        changed = any("_ " in line for line in self.lines)
        return " freed" if "a second time" in message and not changed else ""

    @staticmethod
    def flags(x):
        inference = x.is_inference()
        try:
            leaf = int(x.is_leaf and not inference)
        except RuntimeError:
            leaf = "x"  # stale: Python's is_leaf fails
        return f"{int(x.requires_grad)}{leaf}{int(inference)}"

    @staticmethod
    def check(x):
        values = x.detach()
        if values.numel() and not bool(torch.isfinite(values).all() and values.abs().max() < LARGEST):
            raise Wrong

    # ---- steps ----

    def leaf(self):
        shape = [self.rng.choice(SIZES) for _ in range(self.rng.choice((1, 1, 2, 2, 3)))]
        values = [round(self.rng.uniform(-2, 2), 3) for _ in range(math.prod(shape))]
        wants = int(self.mode != "inference" and self.rng.random() < 0.6)
        name = "x".join(map(str, shape))
        text = f"leaf {name} {wants} " + " ".join(map(repr, values))
        return self.say(text, lambda: torch.tensor(values, dtype=self.dtype).reshape(shape)
                        .clone().requires_grad_(bool(wants)))

    def unary(self):
        op = self.rng.choice(("sin", "cos", "tanh", "sigmoid", "relu", "neg", "abs", "clone",
                              "contiguous", "detach", "sum", "mean", "exp"))
        i = self.pick()
        x = self.tensors[i]
        if self.higher and op in PIECEWISE:
            op = "tanh"
        if op == "exp" and x.numel() and float(x.detach().max()) > 3:
            op = "sin"
        if op == "detach" and x.is_inference() and self.mode != "inference":
            raise LookupError  # it may be written in PyTorch: rule T16
        if op == "contiguous" and x.is_contiguous():
            op = "clone"  # else the very same tensor comes back
        if op in SAVES_RESULT:  # which is to be the very tensor that comes out
            return self.say(f"{op} {i}", lambda: getattr(x.contiguous(), op)())
        return self.say(f"{op} {i}", lambda: getattr(x, op)())

    def scalar(self):
        i, value = self.pick(), self.number()
        op = self.rng.choice(("add_scalar", "mul_scalar"))
        x = self.tensors[i]
        if op == "add_scalar":
            return self.say(f"{op} {i} {value}", lambda: x.add(value))
        return self.say(f"{op} {i} {value}", lambda: Scale.apply(x, value))

    def binary(self):
        op = self.rng.choice(("add", "sub", "mul", "mul", "maximum", "minimum"))
        i = self.pick()
        j = self.same_shape(i) if self.rng.random() < 0.7 else self.pick()
        if op in PIECEWISE and (i == j or self.higher):
            op = "mul"
        a, b = self.tensors[i], self.tensors[j]
        try:
            torch.broadcast_shapes(a.shape, b.shape)
        except RuntimeError:
            raise LookupError from None
        return self.say(f"{op} {i} {j}", lambda: getattr(torch, op)(a, b))

    def product(self):
        i = self.pick(lambda x: x.dim() == 2)
        j = self.pick(lambda x: x.dim() == 2 and x.shape[0] == self.tensors[i].shape[1])
        return self.say(f"mm {i} {j}", lambda: torch.mm(self.tensors[i], self.tensors[j]))

    def join(self):
        i = self.pick(lambda x: x.dim() > 0)
        j = self.same_shape(i)
        op = self.rng.choice(("cat", "stack"))
        if self.tensors[i].is_inference() and self.tensors[j].is_inference():
            op = "cat"  # PyTorch's stack may give a view of them: rule V1c
        d = self.rng.randrange(self.tensors[i].dim())
        return self.say(f"{op} {i} {j} {d}",
                        lambda: getattr(torch, op)([self.tensors[i], self.tensors[j]], d))

    def softmax(self):
        i = self.pick(lambda x: x.dim() > 0)
        d = self.rng.randrange(self.tensors[i].dim())
        return self.say(f"softmax {i} {d}", lambda: torch.softmax(self.tensors[i].contiguous(), d))

    def view(self):
        i = self.pick(lambda x: x.dim() > 0)
        x = self.tensors[i]
        d = self.rng.randrange(x.dim())
        size = x.shape[d]
        op = self.rng.choice(("narrow", "narrow", "narrow", "select", "select", "transpose",
                              "unsqueeze", "flat", "expand", "slice", "split"))
        if op == "narrow":
            start = self.rng.randrange(size)
            length = self.rng.randint(1, size - start)
            return self.say(f"narrow {i} {d} {start} {length}",
                            lambda: x.narrow(d, start, length))
        if op == "select":
            at = self.rng.randrange(size)
            return self.say(f"select {i} {d} {at}", lambda: x.select(d, at))
        if op == "transpose":
            e = self.rng.randrange(x.dim())
            return self.say(f"transpose {i} {d} {e}", lambda: x.transpose(d, e))
        if op == "unsqueeze":
            if x.dim() > 3:
                raise LookupError
            return self.say(f"unsqueeze {i} {d}", lambda: x.unsqueeze(d))
        if op == "flat":
            if not x.is_contiguous():
                raise LookupError
            return self.say(f"flat {i}", lambda: x.view(-1))
        if op == "expand":
            if x.dim() > 3:
                raise LookupError
            return self.say(f"expand {i}", lambda: x.expand([2] + list(x.shape)))
        if op == "slice":
            return self.say(f"slice {i} {d} 0 {size} 2",
                            lambda: x[tuple([slice(None)] * d + [slice(0, size, 2)])])
        return self.say(f"split {i} 1 {d}", lambda: list(x.split(1, d)))

    def in_place(self):
        i = self.pick()
        x = self.tensors[i]
        if x._is_view() and torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            try:
                x.grad_fn  # as somebody who looks at it: modes.md 11
            except RuntimeError:
                pass
        at = memory(x)
        if at in self.held | self.packed or any(y.retains_grad and memory(y) == at for y in self.tensors):
            raise LookupError  # 1.13.1 differs (rule I9)
        spoils = x.is_inference()
        self.through_view = self.through_view or x._is_view()
        op = self.rng.choice(("mul_scalar_", "mul_scalar_", "add_scalar_", "add_", "mul_", "sub_",
                              "copy_", "fill_", "zero_", "sigmoid_", "relu_"))
        if self.higher and op in SAVES_RESULT:
            op = "add_scalar_" if x._is_view() else "sigmoid_"
        if op == "mul_scalar_" and x._is_view() and self.packs() == "double":
            op = "add_scalar_"  # PyTorch packs the number
        if op in SAVES_RESULT and self.packs() == "same":
            self.packed.add(at)
        if op in ("sigmoid_", "relu_", "zero_"):
            return self.say(f"{op} {i}", lambda: self.nothing(getattr(x, op)()), spoils)
        if op in ("mul_scalar_", "add_scalar_", "fill_"):
            value = self.number()
            # mul_ saves the number; what a view does in place cannot run twice for other reasons.
            times = lambda: x.mul_(value) if x._is_view() else x.sub_(x, alpha=1 - value)
            runs = {"add_scalar_": lambda: x.add_(value), "fill_": lambda: x.fill_(value),
                    "mul_scalar_": times}
            return self.say(f"{op} {i} {value}", lambda: self.nothing(runs[op]()), spoils)
        j = self.same_shape(i) if self.rng.random() < 0.7 else self.pick()
        y = self.tensors[j]
        if memory(x) == memory(y) or x.dim() < y.dim():
            raise LookupError  # overlapping memory has rules and tests of its own
        try:
            if torch.broadcast_shapes(x.shape, y.shape) != x.shape:
                raise LookupError
        except RuntimeError:
            raise LookupError from None
        return self.say(f"{op} {i} {j}", lambda: self.nothing(getattr(x, op)(y)), spoils)

    def nothing(self, x):
        self.check(x)

    def flag(self):
        op = self.rng.choice(("requires_grad_1", "requires_grad_0", "retain_grad", "detach_",
                              "zero_grad"))
        i = self.pick(lambda x: not x.is_inference())
        x = self.tensors[i]
        x.grad_fn  # what is_leaf says depends on whether somebody looked
        hooked = x._backward_hooks is not None
        if memory(x) in self.held and op not in ("zero_grad", "retain_grad"):
            raise LookupError
        if op == "zero_grad":
            def run():
                x.grad = None
        elif op == "retain_grad":
            if x.is_leaf:
                raise LookupError
            def run():
                if not x.retains_grad:
                    Hook("read", None).put_on(x)  # so that it stands after all hooks
                x.retain_grad()
        elif op == "detach_":
            if torch.is_inference_mode_enabled() or x.retains_grad or hooked:
                raise LookupError  # rule T13b; a retained gradient comes all the same
            run = lambda: self.nothing(x.detach_())
        elif op == "requires_grad_1" and x._is_view():
            raise LookupError  # it stays a leaf whatever becomes of its base: rule V25
        else:
            run = lambda: self.nothing(x.requires_grad_(op[-1] == "1"))
        return self.say(f"{op} {i}", run)

    def change_mode(self):
        if self.mode is not None:
            self.guard.__exit__(None, None, None)
            text, self.mode = f"exit {self.mode}", None
            return self.say(text, lambda: None)
        self.mode = self.rng.choice(("no_grad", "no_grad", "inference"))
        self.guard = torch.no_grad() if self.mode == "no_grad" else torch.inference_mode()
        self.guard.__enter__()
        return self.say(f"enter {self.mode}", lambda: None)

    def root(self):
        return self.pick(lambda x: not x.is_inference() and
                         (x.requires_grad or self.rng.random() < 0.02))

    def seed(self, i):
        """A given gradient for tensor i: ones, or another tensor."""
        x = self.tensors[i]
        if self.rng.random() < 0.7:
            return -1, torch.ones_like(x.detach())
        k = self.pick(lambda y: y.shape == x.shape and not y.is_inference())
        return k, self.tensors[k]

    def kept(self):
        """retain_graph, create_graph"""
        create = self.higher and not self.dry and self.rng.random() < 0.7
        retain = self.rng.random() < 0.5
        return retain, create

    def packs(self):
        return self.packing[-1][0] if self.packing else None

    def backward(self):
        if self.mode == "inference":
            raise LookupError
        i = self.root()
        k, seed = self.seed(i)
        retain, create = self.kept()
        x = self.tensors[i]

        def run():
            # Without create_graph .grad may share the given gradient's memory: rule B7b.
            x.backward(seed if create else seed.detach().clone(), retain_graph=retain or create, create_graph=create)
            for y in self.tensors:
                if y.grad is not None:
                    self.check(y.grad)

        going_on = self.say(f"backward {i} {k} {retain:d} {create:d}", run,
                            spoils=x.requires_grad)
        self.freed = self.freed or not (retain or create)
        return going_on

    def grad(self):
        if self.mode == "inference":
            raise LookupError
        if any(x.retains_grad for x in self.tensors):
            raise LookupError  # 1.13.1 fills .grad of those (rule B6c)
        i = self.root()
        j = self.pick(lambda x: x.requires_grad and not x.is_inference())
        if not reaches(self.tensors[i], self.tensors[j]) and self.rng.random() < 0.9:
            raise LookupError
        k, seed = self.seed(i)
        retain, create = self.kept()
        x, y = self.tensors[i], self.tensors[j]
        if i == j or any(z is not y and z.grad_fn is y.grad_fn and z._backward_hooks
                         for z in self.tensors if y.grad_fn):
            raise LookupError  # hooks of outputs beside the input do not run in 1.13.1 (rule H22)

        def run():
            found, = torch.autograd.grad(x, y, seed, retain_graph=retain or create,
                                         create_graph=create, allow_unused=True)
            if found is None:
                return []
            with torch.set_grad_enabled(create):
                found = of_hooks(y, found if create else found.detach())
            return [found.clone()]

        going_on = self.say(f"grad {i} {j} {k} {retain:d} {create:d}", run,
                            spoils=x.requires_grad)
        self.freed = self.freed or not (retain or create)
        return going_on

    def take_grad(self):
        """The very tensor that .grad holds; a retained one's is replaced in PyTorch: its clone."""
        i = self.pick(lambda x: x.grad is not None)
        x = self.tensors[i]
        if x.is_leaf:
            return self.say(f"take_grad {i}", lambda: x.grad)
        return self.say(f"copy_grad {i}", lambda: x.grad.clone())

    def hook(self):
        kind = self.rng.choice(("read", "read", "double", "twice", "square", "by"))
        i = self.pick(lambda x: x.requires_grad or self.rng.random() < 0.1)
        x = self.tensors[i]
        x.grad_fn
        k = self.same_shape(i) if kind == "by" else -1
        made = Hook(kind, self.tensors[k] if kind == "by" else None)

        def run():
            made.put_on(x)
            self.hooks.append(made)

        return self.say(f"hook_{kind} {i} {k}", run)

    def unhook(self):
        if not self.hooks:
            raise LookupError
        h = self.rng.randrange(len(self.hooks))
        return self.say(f"unhook {h}", self.hooks[h].handle.remove)

    def pack(self):
        if len(self.packing) == 2 or self.packing and self.rng.random() < 0.6:
            self.packing.pop()[1].__exit__()
            return self.say("unpack 0", lambda: None)
        kind = self.rng.choice(("clone", "same") if self.higher else tuple(PACKS))
        hooks = torch.autograd.graph.saved_tensors_hooks(PACKS[kind], lambda x: x)
        hooks.__enter__()
        self.packing.append((kind, hooks))
        return self.say(f"pack_{kind} 0", lambda: None)

    def checkpoint(self):
        if self.packs() == "double":
            raise LookupError  # its inputs are packed, but not in 1.13.1
        grads = [memory(x.grad) for x in self.tensors if x.grad is not None]
        fits = lambda x: not x.is_inference() and memory(x) not in grads
        i = self.pick(fits)
        shape = self.tensors[i].shape
        j = self.pick(lambda x: fits(x) and x.shape == shape)
        kind = self.rng.randrange(len(CHECKPOINTED))
        self.held |= {memory(self.tensors[i]), memory(self.tensors[j])}
        return self.say(f"checkpoint {i} {j} {kind}",
                        lambda: saved_again(kind, self.tensors[i], self.tensors[j]))

    STEPS = ((unary, 12), (scalar, 8), (binary, 14), (product, 3), (join, 3), (softmax, 2),
             (view, 20), (in_place, 20), (flag, 5), (change_mode, 6), (backward, 6), (grad, 5),
             (take_grad, 2), (hook, 6), (unhook, 1), (pack, 3), (checkpoint, 1), (leaf, 5))

    def run(self):
        try:
            for _ in range(self.rng.randint(1, 3)):
                self.leaf()
            length = self.rng.randint(5, 40)
            choices = [step for step, weight in self.STEPS for _ in range(weight)]
            choices += [Program.grad, Program.take_grad] * (6 if self.higher else 0)
            alive = True
            while alive and len(self.lines) < length:
                try:
                    alive = self.rng.choice(choices)(self)
                except (LookupError, RuntimeError):  # also a question to a stale view
                    continue
                for x in self.tensors:
                    self.check(x)
        finally:
            if self.mode is not None:
                self.guard.__exit__(None, None, None)
            for _, hooks in reversed(self.packing):
                hooks.__exit__()
        if alive:
            without = []
            for i, x in enumerate(self.tensors):
                self.lines.append(f"tensor {i} {self.flags(x)} {numbers(x)}")
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    try:
                        grad = x.grad
                    except RuntimeError:
                        continue  # stale: rule T5
                if grad is None:
                    without.append(str(i))
                else:
                    self.lines.append(f"grad {i} {grad.requires_grad:d} {numbers(grad)}")
            self.lines.append(" ".join(["without_grad"] + without))
            for h, hook in enumerate(self.hooks):
                seen = "" if hook.last is None else " " + numbers(hook.last)
                self.lines.append(f"seen {h} {hook.runs}{seen}")
        return self.lines


def numbers(x):
    digits = 9 if x.dtype == torch.float32 else 15
    return " ".join(f"{v:.{digits}g}" for v in x.detach().clone().reshape(-1).tolist())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    made, number = 0, 0
    while made < options.count:
        rng = random.Random(options.seed * 1000003 + number)
        number += 1
        dtype = rng.choice((torch.float32, torch.float64))
        program = Program(rng, dtype)
        try:
            lines = program.run()
        except Wrong:
            continue
        finally:
            for x in program.tensors:  # else a gradient with a graph keeps itself alive
                x.grad = None
            if number % 100 == 0:
                gc.collect()
        made += 1
        print(f"program {number - 1} {str(dtype).split('.')[1]}")
        print("\n".join(lines))


if __name__ == "__main__":
    main()
