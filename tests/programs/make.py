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
inference tensors that require grad (T33) or are given gradients (B40), nested modes (M20), clamp at
a bound (B18), gradients retained beside in-place changes (I9) or in grad() (B6c), detach_ and
retained gradients of hooked tensors that change (H3, H11), changing a gradient in a hook (H15),
hooks after accumulation (H5), changing what a checkpoint reads, where nodes that save nothing run
again (B3b), create_graph through operators whose derivative is piecewise constant (B9), and behind
tensors that began to require grad (I21: an older graph goes on with them as they were; in PyTorch
what it saved of them does, too), linear and matmul of views that were made where nothing records
(section 5 names what one operator saves; in PyTorch their parts record each by itself), the same
result packed without a copy and changed again (here it is packed before it is written), fill_ and
zero_ over expanded elements (V9), targets of another shape, and overlaps but of the very same
elements.
Also left out is what 1.13.1 does by itself: grad() that writes .grad or runs hooks twice behind a
change through a view, softmax into a target that is not row-major (it writes past it), and, with
create_graph, factors of addmm (its derivative saves numbers: B3b).
What 1.13.1 does otherwise but can be led to, is done in its place: hooks that are registered after
a change belong to the new value (H11), gradients are retained after all hooks (H3), grad() runs the
hooks of its input (H10, H22), a product with a number saves no number, a mean over dimensions and
gather do not save their operand, matmul and linear give no view, and softmax into a target minds
that its operand requires grad (I11). A view's grad_fn is read before the view is changed, since
PyTorch's answer depends on whether somebody did.

Where a result or a derivative jumps, values stay away from there; programs in float32 are kept
where float64 gives nearly the same: else rounding alone would tell the answers apart.
"""

import argparse
import gc
import math
import os
import random
import warnings

import torch

from operators import ELEMENTWISE, FUNCTIONAL, IN_PLACE, OUT, VIEWS, At
from pytorch import CHECKPOINTED, PACKS, Hook, memory, of_hooks, reaches, saved_again

warnings.filterwarnings("ignore")

SIZES = (1, 2, 3)
MOST = 9  # elements of a tensor that a program begins with
LARGEST = 30  # values beyond are given up: errors of rounding would grow with them


class Wrong(Exception):
    """The program is of no use: its numbers ran away, or its answer is not the rule's."""


class Program:
    def __init__(self, rng, dtype):
        self.rng, self.dtype = rng, dtype
        self.tensors, self.lines = [], []
        self.mode = None
        self.higher = rng.random() < 0.5  # with create_graph
        self.hooks, self.packing = [], []
        self.held = set()  # memory that checkpoints read
        self.packed = set()  # results of in-place changes, packed as they are
        self.freed = False  # a pass has freed what nodes saved
        self.through_view = False  # something was changed in place through a view
        self.dry = False  # a view that requires grad was made where nothing records

    # ---- choosing ----

    def pick(self, want=lambda x: True, dtype=None):
        """A tensor's number, later ones more often; one of floats, if no dtype is given."""
        fitting = self.fitting(want, dtype)
        if not fitting:
            raise LookupError
        return fitting[max(self.rng.randrange(len(fitting)) for _ in range(2))]

    def fitting(self, want, dtype=None):
        dtype = dtype or self.dtype
        return [At(i) for i, x in enumerate(self.tensors) if x.dtype == dtype and want(x)]

    def same_shape(self, i):
        shape = self.tensors[i].shape
        return self.pick(lambda x: x.shape == shape)

    def number(self):
        return self.rng.choice((-1.5, -0.5, 0.25, 0.5, 1.5, 2.0))

    def factor(self):
        """A number that is saved by its derivative in PyTorch."""
        return 1.0 if self.higher else self.number()

    def choose(self, table):
        weights = [operator.weight for operator in table.values()]
        return self.rng.choices(list(table.items()), weights)[0]

    def values(self, arguments):
        """The arguments, with tensors instead of their numbers."""
        return [a if not isinstance(a, At) else self.tensors[a] if a >= 0 else None
                for a in arguments]

    # ---- telling ----

    def say(self, text, run, spoils=False, keeps_order=False):
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
        if not keeps_order:
            made = [x.contiguous() for x in made]
        if self.mode is not None:
            self.dry = self.dry or any(x._is_view() and x.requires_grad for x in made)
            for x in made:
                x.made_dry = x._is_view()
        self.lines.append(f"{text} = " + " ".join(["ok"] + [self.flags(x) for x in made]))
        for x in made:
            self.tensors.append(x)
            self.check(x)
        return True

    def check_failure(self, message):
        # Errors that are PyTorch's alone. Its CopySlices cannot run twice, though they save nothing,
        # and derivatives of these two save a number.
        again = "a second time" in message and (self.dry or self.through_view or self.higher and any(
            line.startswith(("mul_scalar_", "div_scalar_", "mean ")) for line in self.lines))
        # PyTorch runs nodes that no gradient flows through, and looks at what they saved.
        # Its grad() behind a CopySlices runs nodes that it does not need.
        step, *named = self.lines[-1].split(" = ")[0].split()
        dry = "modified by an inplace operation" in message and (
            self.dry or self.through_view and step == "grad")
        # Where that is a view gone stale, and not what was asked for.
        if self.dry and step in ("backward", "grad") and "has been modified inplace" in message:
            asked = named[:2] if step == "grad" else named[:1]
            dry = dry or not any("x" in self.flags(self.tensors[int(i)]) for i in asked)
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
        if x.is_floating_point() and not float(x.detach().abs().max()) < LARGEST:
            raise Wrong

    # ---- steps ----

    def leaf(self, shape=None):
        while shape is None:
            shape = [self.rng.choice(SIZES) for _ in range(self.rng.choice((1, 1, 2, 2, 3)))]
            shape = shape if math.prod(shape) <= MOST else None
        values = [round(self.rng.uniform(-2, 2), 3) for _ in range(math.prod(shape))]
        wants = int(self.mode != "inference" and self.rng.random() < 0.6)
        text = f"leaf {named(shape)} {wants} " + " ".join(map(repr, values))
        return self.say(text, lambda: torch.tensor(values, dtype=self.dtype).reshape(shape)
                        .clone().requires_grad_(bool(wants)))

    def index(self, shape, size):
        """A tensor of places below size."""
        shape = torch.Size(shape)
        fits = lambda x: x.shape == shape and int(x.max()) < size
        if self.rng.random() < 0.3 or not self.fitting(fits, torch.int64):
            places = [self.rng.randrange(size) for _ in range(shape.numel())]
            self.say(f"index {named(shape)} " + " ".join(map(str, places)),
                     lambda: torch.tensor(places).reshape(shape))
        return self.pick(fits, torch.int64)

    def apply(self, name, operator, arguments):
        values = self.values(arguments)

        def result():
            if operator.saves_result:
                values[0] = values[0].contiguous()
            return operator.run(*values)

        return self.say(written(name, arguments), result, keeps_order=operator.keeps_order)

    def function(self):
        name, operator = self.choose(FUNCTIONAL)
        if operator.piecewise and self.higher:
            raise LookupError
        arguments = operator.find(self)
        return self.apply(name, operator, arguments)

    def view(self):
        name, operator = self.choose(VIEWS)
        return self.apply(name, operator, operator.find(self))

    def in_place(self):
        name, operator = self.choose(IN_PLACE)
        arguments = operator.find(self)
        x, *others = self.values(arguments)
        if x._is_view() and torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            try:
                x.grad_fn  # as somebody who looks at it: modes.md 11
            except RuntimeError:
                pass
        self.check_target(x)
        if any(step == 0 and size > 1 for step, size in zip(x.stride(), x.shape)):
            raise LookupError  # fill_ and zero_ fail in PyTorch's backward (rule V9)
        if self.higher and operator.piecewise:
            raise LookupError
        if name in ("mul_scalar_", "div_scalar_") and x._is_view() and self.packs() == "double":
            raise LookupError  # PyTorch packs the number
        self.through_view = self.through_view or x._is_view()
        if operator.saves_result and self.packs() == "same":
            self.packed.add(memory(x))
        return self.say(written(name, arguments), lambda: self.nothing(operator.run(x, *others)),
                        x.is_inference())

    def out_form(self):
        name = self.rng.choice(list(OUT))
        arguments = FUNCTIONAL[name].find(self)
        values = self.values(arguments)
        operands = [y for y in values if isinstance(y, torch.Tensor)]
        plain = [y.detach() if isinstance(y, torch.Tensor) else y for y in values]
        with torch.no_grad():
            shape = FUNCTIONAL[name].run(*plain).shape

        def fits(x):
            if x.shape != shape:
                return False
            over = [y for y in operands if memory(y) == memory(x)]
            if name in ELEMENTWISE:
                return all(lies_as(x, y) for y in over)
            # 1.13.1 writes softmax as if the target were row-major.
            return not over and 0 not in x.stride() and ("softmax" not in name or x.is_contiguous())

        if self.rng.random() < 0.2 or not self.fitting(fits):
            self.leaf(shape)
        i = self.pick(fits)
        x = self.tensors[i]
        self.check_target(x)
        return self.say(written(f"{name}_out", arguments + [i]),
                        lambda: self.nothing(OUT[name](*values, out=x)), x.is_inference())

    def change_places(self):
        """An index or a condition, which somebody may have saved."""
        i = self.pick(dtype=self.rng.choice((torch.int64, torch.bool)))
        x = self.tensors[i]
        return self.say(f"zero_ {i}", lambda: self.nothing(x.zero_()), x.is_inference())

    def check_target(self, x):
        at = memory(x)
        retained = [y for y in self.tensors if y.retains_grad and memory(y) == at]
        if retained or at in self.held | self.packed:
            raise LookupError  # 1.13.1 differs (rule I9)

    def nothing(self, x):
        self.check(x)

    def flag(self):
        op = self.rng.choice(("requires_grad_1", "requires_grad_0", "retain_grad", "detach_",
                              "zero_grad"))
        i = self.pick(lambda x: not x.is_inference())
        x = self.tensors[i]
        if op.startswith("requires_grad"):
            x.grad_fn  # what is_leaf says depends on whether somebody looked
        hooked = x._backward_hooks is not None
        views = [y for y in self.tensors if y is not x and y._is_view() and memory(y) == memory(x)]
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
        elif op == "requires_grad_1" and self.higher and not x.requires_grad:
            raise LookupError  # also where it was saved in PyTorch
        else:
            if op == "requires_grad_1" and views and not x.requires_grad:
                # The views require grad now, and get none (rule T29).
                self.dry = True
                for y in views:
                    y.made_dry = True
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
        create = self.higher and self.rng.random() < 0.7
        retain = self.rng.random() < 0.5
        return retain, create

    def packs(self):
        return self.packing[-1][0] if self.packing else None

    def backward(self):
        if self.mode == "inference":
            raise LookupError
        i = self.root()
        retain, create = self.kept()
        k, seed = self.seed(i)
        x = self.tensors[i]

        def run():
            # Without create_graph .grad may share the given gradient's memory: rule B7b.
            x.backward(seed if create else seed.detach().clone(),
                       retain_graph=retain or create, create_graph=create)
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
        retain, create = self.kept()
        k, seed = self.seed(i)
        x, y = self.tensors[i], self.tensors[j]
        if i == j or any(z is not y and z.grad_fn is y.grad_fn and z._backward_hooks
                         for z in self.tensors if y.grad_fn):
            raise LookupError  # hooks of outputs beside the input do not run in 1.13.1 (rule H22)

        def run():
            before = [self.grad_of(z) for z in self.tensors]
            versions = [g is not None and g._version for g in before]
            hooks = list((y._backward_hooks or {}).values())
            runs = [hook.runs for hook in hooks]
            found, = torch.autograd.grad(x, y, seed, retain_graph=retain or create,
                                         create_graph=create, allow_unused=True)
            after = [self.grad_of(z) for z in self.tensors]
            if any(g is not h or g is not None and g._version != version
                   for g, h, version in zip(before, after, versions)) or \
                    runs != [hook.runs for hook in hooks]:
                raise Wrong  # 1.13.1 writes .grad behind a CopySlices (rule B6c)
            if found is None:
                return []
            with torch.set_grad_enabled(create):
                found = of_hooks(y, found if create else found.detach())
            return [found.clone()]

        going_on = self.say(f"grad {i} {j} {k} {retain:d} {create:d}", run,
                            spoils=x.requires_grad)
        self.freed = self.freed or not (retain or create)
        return going_on

    @staticmethod
    def grad_of(x):
        try:
            return x.grad
        except RuntimeError:
            return None  # stale: rule T5

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

    STEPS = ((function, 45), (view, 20), (in_place, 20), (out_form, 6), (change_places, 1), (flag, 5),
             (change_mode, 6), (backward, 6), (grad, 5), (take_grad, 2), (hook, 6), (unhook, 1),
             (pack, 3), (checkpoint, 1), (leaf, 5))

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
                flags, grad = self.flags(x), self.grad_of(x)
                self.lines.append(f"tensor {i} {flags} {numbers(x)}")
                if grad is not None:
                    self.lines.append(f"grad {i} {grad.requires_grad:d} {numbers(grad)}")
                elif "x" not in flags:  # not stale
                    without.append(str(i))
            self.lines.append(" ".join(["without_grad"] + without))
            for h, hook in enumerate(self.hooks):
                seen = "" if hook.last is None else " " + numbers(hook.last)
                self.lines.append(f"seen {h} {hook.runs}{seen}")
        return self.lines


def named(shape):
    return "x".join(map(str, shape)) or "scalar"


def written(name, arguments):
    return " ".join([name] + [str(a) for a in arguments])


def lies_as(x, y):
    """Element for element in the same memory."""
    return x.data_ptr() == y.data_ptr() and x.shape == y.shape and x.stride() == y.stride()


def numbers(x):
    digits = 7 if x.dtype == torch.float32 else 14
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
        seed = options.seed * 1000003 + number
        dtype = torch.float64 if number % 2 else torch.float32
        lines = answers(seed, dtype)
        if lines and dtype == torch.float32 and not close(lines, answers(seed, torch.float64)):
            lines = None
        if lines:
            made += 1
            print(f"program {number} {str(dtype).split('.')[1]}")
            print("\n".join(lines))
        number += 1
        if number % 100 == 0:
            gc.collect()


def answers(seed, dtype):
    """A program's lines, or nothing where it is of no use."""
    program = Program(random.Random(seed), dtype)
    try:
        return program.run()
    except Wrong:
        return None
    finally:
        for x in program.tensors:  # else a gradient with a graph keeps itself alive
            x.grad = None


def close(lines, others):
    """Whether two answers are the same but for a little rounding."""
    if others is None or len(lines) != len(others):
        return False
    for line, other in zip(lines, others):
        if line == other:
            continue
        (*head, values), (*their_head, theirs) = line.split(" ", 3), other.split(" ", 3)
        if "=" in line or head != their_head:
            return False
        pairs = [(float(a), float(b)) for a, b in zip(values.split(), theirs.split())]
        scale = max([1] + [abs(a) for a, _ in pairs])
        if any(abs(a - b) > 3e-6 * scale for a, b in pairs):
            return False
    return True


if __name__ == "__main__":
    main()
