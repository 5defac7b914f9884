# SPDX-License-Identifier: MIT
"""Operators of one's own, as torch.autograd.Function has them. A subclass is an operator of the library, one for
each number of results; what forward leaves in ctx is kept by the node that the call records."""

import functools
import itertools
import threading

from .._arguments import direct
from .._core import Error, Tensor, capi, failure, no_grad

__all__ = ["Function", "FunctionCtx", "once_differentiable"]


def _check_tensors(name, tensors):
    for tensor in tensors:
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"{name} takes Tensors and None, not {type(tensor).__name__}")
    return tensors


class FunctionCtx:
    """One call of a Function: what forward leaves here is there in backward. Names that do not begin with _ are the
    caller's."""

    def __init__(self, function, arguments):
        self._function = function
        self._places = _places([isinstance(a, Tensor) for a in arguments])
        self._inputs = [a for a in arguments if isinstance(a, Tensor)]  # until forward has ended
        self._running = {}  # by thread: the context there, and what saved_tensors reads in it
        self._to_save, self._to_save_forward = (), ()
        self._dirty, self._non_differentiable = [], []
        self._materialize = True

    # ---- for forward ----

    def save_for_backward(self, *tensors):
        """Saves tensors, or None, for saved_tensors in backward. A later call takes the place of an earlier one."""
        self._to_save = _check_tensors("save_for_backward", tensors)

    def save_for_forward(self, *tensors):
        """Saves tensors for saved_tensors in jvp; without it, jvp has those of save_for_backward."""
        self._to_save_forward = _check_tensors("save_for_forward", tensors)

    def mark_dirty(self, *tensors):
        """Says, before the first write, that forward changes these inputs in place. It gives them back as results."""
        for tensor in _check_tensors("mark_dirty", tensors):
            places = [i for i, x in enumerate(self._inputs or ()) if tensor is not None and capi.is_same(x, tensor)]
            if not places:
                raise failure(capi.ERROR_INVALID_ARGUMENT, "mark_dirty takes inputs of this call, in forward alone")
            for place in places:
                capi.context_mark_dirty(self._context, place)
            self._dirty += places

    def mark_non_differentiable(self, *tensors):
        """Says that these results have no gradient."""
        self._non_differentiable += _check_tensors("mark_non_differentiable", tensors)

    def set_materialize_grads(self, value):
        """False: backward has None, and not zeros, where no gradient came."""
        self._materialize = bool(value)

    # ---- for backward and jvp ----

    @property
    def saved_tensors(self):
        """What was saved. Reading it in backward fails if a tensor was changed in place since."""
        if self._to_save is not None:
            return self._to_save
        context, saved = self._run_here()
        return tuple(None if place is None else capi.context_saved_tensor(context, place) for place in saved)

    @property
    def needs_input_grad(self):
        """For each argument of forward: whether its gradient is asked for."""
        return tuple(place is not None and capi.context_needs_input_grad(self._context, place)
                     for place in self._places)

    # ---- for this file ----

    def _run_here(self):
        try:
            return self._running[threading.get_ident()]
        except KeyError:
            raise failure(capi.ERROR_MODE, "ctx does this inside of forward, backward and jvp alone") from None

    @property
    def _context(self):
        return self._run_here()[0]

    def _run(self, context, saved, call):
        """call(), where ctx has the context."""
        thread = threading.get_ident()
        around = self._running.get(thread)
        self._running[thread] = context, saved
        try:
            return call()
        finally:
            if around is None:
                del self._running[thread]
            else:
                self._running[thread] = around

    def _finish(self, context, results):
        """What forward left here becomes the library's; no tensor is held here from now on."""
        tensors = [x for x in results if isinstance(x, Tensor)]
        for marked in self._non_differentiable:
            for number, tensor in enumerate(tensors):
                if marked is not None and capi.is_same(marked, tensor):
                    capi.context_mark_non_differentiable(context, number)
        saved = self._to_save + self._to_save_forward
        capi.context_save_for_backward(context, [x for x in saved if x is not None])
        places = _places([x is not None for x in saved])
        count = len(self._to_save)
        self._saved, self._saved_forward = places[:count], places[count:] or places
        self._result_places = _places([isinstance(x, Tensor) for x in results])
        # Where backward or jvp may have to be given zeros.
        self._result_shapes = _shapes(tensors) if len(tensors) > 1 else None
        self._input_shapes = _shapes(self._inputs) if self._function.jvp is not Function.jvp else None
        self._inputs = self._to_save = self._to_save_forward = self._non_differentiable = None
        capi.context_set_data(context, self)

    def _spread(self, given, places, shapes):
        """One for each place: a tensor, zeros where none came, None where no tensor stands."""
        return [None if place is None
                else given[place] if given[place] is not None or not self._materialize
                else capi.zeros(shapes[place][1], shapes[place][0]) for place in places]

    def _gather(self, name, made, places):
        """The tensors of what backward or jvp gave, which has one thing for each place."""
        made = made if isinstance(made, (tuple, list)) else (made,)
        name = f"{self._function.__name__}.{name}"
        if len(made) < len(places) or any(x is not None for x in made[len(places):]):
            raise ValueError(f"{name} gave {len(made)} gradients where there are {len(places)} to give")
        for x, place in zip(_check_tensors(name, made), places):
            if x is not None and place is None:
                raise ValueError(f"{name} must give None for what is no Tensor")
        return [x for x, place in zip(made, places) if place is not None]


def _places(are_there):
    """The number of each thing among those that are there, None for the others."""
    places, number = [], 0
    for there in are_there:
        places.append(number if there else None)
        number += there
    return places


def _shapes(tensors):
    return [(x.shape, x.dtype) for x in tensors]


class _OtherCount(Exception):
    """forward gave another number of tensors than the operator has: there is one for each number."""


class _Call:
    """One call of apply, until it ends."""

    under_way = {}  # by the number that forward gets as its argument
    numbers = itertools.count(1)

    def __init__(self, function, arguments):
        self.function, self.arguments = function, arguments
        self.ctx = FunctionCtx(function, arguments)
        self.inputs = self.ctx._inputs
        self.results = None  # of forward, while they wait for the operator of their number

    def run(self):
        operators = self.function.__dict__.get("_operators")
        if operators is None:
            operators = self.function._operators = {}
        number = next(self.numbers)
        self.under_way[number] = self
        try:
            self.count = operators.get("last", 1)
            try:
                outs = self.apply(operators, number)
            except Error as error:
                if not isinstance(error.__cause__, _OtherCount):
                    raise
                outs = None
            if outs is None and self.count > 0:
                outs = self.apply(operators, number)
        finally:
            del self.under_way[number]
        if outs is None:  # nothing to record
            return self.results[0] if self.single else self.results
        for place in self.ctx._dirty:  # these are the caller's own objects
            outs = [self.inputs[place] if capi.is_same(x, self.inputs[place]) else x for x in outs]
        outs = [x if place is None else outs[place] for x, place in zip(self.others, self.ctx._result_places)]
        return outs[0] if self.single else tuple(outs)

    def apply(self, operators, number):
        operator = operators.get(self.count)
        if operator is None:
            operator = operators[self.count] = _operator(self.function, self.count)
        operators["last"] = self.count
        return capi.operator_apply(operator, self.inputs, [number], self.count)

    def forward(self, context):
        return self.ctx._run(context, None, lambda: self.results_in(context))

    def results_in(self, context):
        ctx, results = self.ctx, self.results
        if results is None:
            results = _run_forward(self.function, ctx, self.arguments)
            self.single = not isinstance(results, tuple)
            results = (results,) if self.single else results
        else:
            for place in ctx._dirty:
                capi.context_mark_dirty(context, place)
        tensors = [x for x in results if isinstance(x, Tensor)]
        if len(tensors) != self.count:
            self.count, self.results = len(tensors), results
            raise _OtherCount
        ctx._finish(context, results)
        self.others, self.results = [None if isinstance(x, Tensor) else x for x in results], None
        return tensors


def _run_forward(function, ctx, arguments):
    if function.setup_context is Function.setup_context:
        return function.forward(ctx, *arguments)
    results = function.forward(*arguments)
    function.setup_context(ctx, arguments, results)
    return results


# The operators refer to no subclass, so that one that nobody uses any more ends.


def _forward(context, inputs, arguments):
    return _Call.under_way[arguments[0]].forward(context)


def _backward(context, gradients):
    ctx = capi.context_data(context)
    gradients = ctx._spread(gradients, ctx._result_places, ctx._result_shapes)
    made = ctx._run(context, ctx._saved, lambda: ctx._function.backward(ctx, *gradients))
    return ctx._gather("backward", made, ctx._places)


def _jvp(context, tangents):
    ctx = capi.context_data(context)
    tangents = ctx._spread(tangents, ctx._places, ctx._input_shapes)
    made = ctx._run(context, ctx._saved_forward, lambda: ctx._function.jvp(ctx, *tangents))
    return ctx._gather("jvp", made, ctx._result_places)


def _operator(function, count):
    once = getattr(function.backward, "_once_differentiable", False)
    name = function.__name__.encode()[:100].decode(errors="ignore")
    return capi.operator_create({
        "name": name, "out_count": count, "forward": _forward, "backward": _backward,
        "jvp": None if function.jvp is Function.jvp else _jvp,
        "flags": capi.OPERATOR_THREAD_SAFE | (capi.OPERATOR_ONCE_DIFFERENTIABLE if once else 0)})


class Function:
    """An operator of one's own: a subclass with forward and backward, called by apply.

        class Cube(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, grad):
                (x,) = ctx.saved_tensors
                return grad * 3 * x * x

        y = Cube.apply(x)
    """

    def __init__(self):
        raise TypeError(f"{type(self).__name__} is called by {type(self).__name__}.apply(...); it has no objects")

    @staticmethod
    def forward(ctx, *arguments):
        """Gives the results, a Tensor or a tuple. Not recorded. With setup_context it gets no ctx."""
        raise NotImplementedError("a Function needs a forward")

    @staticmethod
    def setup_context(ctx, inputs, output):
        """Where a subclass has it, it prepares ctx after forward."""
        raise NotImplementedError

    @staticmethod
    def backward(ctx, *grad_outputs):
        """Gives a gradient for each argument of forward, from those of its results; None for no gradient."""
        raise NotImplementedError("a Function needs a backward to be differentiated")

    @staticmethod
    def jvp(ctx, *tangents):
        """Gives the tangents of the results, from those of the arguments. Without it: by two backward passes."""
        raise NotImplementedError

    @classmethod
    def apply(cls, *arguments):
        """Calls forward, whose other arguments and results pass through as they are. So does what it raises."""
        return direct(_Call(cls, arguments).run)


def once_differentiable(function):
    """Decorates a backward whose gradients cannot be differentiated: who tries gets an error, no wrong number."""
    @functools.wraps(function)
    def backward(ctx, *gradients):
        with no_grad():
            return function(ctx, *gradients)

    backward._once_differentiable = True
    return backward
