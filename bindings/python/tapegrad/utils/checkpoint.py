# SPDX-License-Identifier: MIT
"""Memory for time: functions that run again in backward, and keep their inputs alone until then. As
torch.utils.checkpoint without reentrant backward."""

from .._arguments import direct
from .._core import Tensor, capi, failure
from ..nn import Sequential

__all__ = ["checkpoint", "checkpoint_sequential"]


class _Call:
    """The function as the library runs it: first with the caller's own arguments, then with tensors in their places.
    What it gives the first time, of any form, is recorded as it stands, and goes to the caller past the library."""

    def __init__(self, function, arguments, keywords):
        self.function = function
        self.first = arguments, keywords
        self.names = tuple(keywords)
        # In place of each tensor: None, and its number is among the tensors.
        flat = [*arguments, *keywords.values()]
        self.tensors = [i for i, x in enumerate(flat) if isinstance(x, Tensor)]
        self.others = [None if isinstance(x, Tensor) else x for x in flat]

    def __call__(self, *inputs):
        if self.first is not None:
            (arguments, keywords), self.first = self.first, None
            self.made = self.function(*arguments, **keywords)
        else:
            flat = list(self.others)
            for place, x in zip(self.tensors, inputs):
                flat[place] = x
            count = len(flat) - len(self.names)
            self.function(*flat[:count], **dict(zip(self.names, flat[count:])))
        return capi.zeros(capi.FLOAT32, [])  # the library wants one result


def checkpoint(function, *args, use_reentrant=False, preserve_rng_state=True, **kwargs):
    """function(*args, **kwargs), recorded without what its operators save: where backward reads some of that, the
    function runs again and gives it all. It must call the same operators each time, and may not change its
    arguments in place. Random numbers are the same again; the generator is put back afterwards."""
    if use_reentrant:
        raise failure(capi.ERROR_UNSUPPORTED, "checkpoint with use_reentrant=True: backward does not run inside of "
                      "backward here; leave it False, which gives the same gradients")
    if not preserve_rng_state:
        raise failure(capi.ERROR_UNSUPPORTED, "checkpoint with preserve_rng_state=False: random numbers are the same "
                      "when the function runs again, always; leave it True")
    call = _Call(function, args, kwargs)
    inputs = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
    try:
        direct(capi.checkpoint, call, inputs, 1)
        return call.made
    finally:  # the graph holds the call: it may hold neither the graph nor the arguments
        call.first = call.made = None


def checkpoint_sequential(functions, segments, input, use_reentrant=False, preserve_rng_state=True):
    """The functions, or the children of a Sequential, one after the other, in so many checkpoints of the same length;
    the last of them, with what is left over, is none: backward begins there."""
    functions = list(functions.children()) if isinstance(functions, Sequential) else list(functions)
    if not 1 <= segments <= len(functions):
        raise failure(capi.ERROR_INVALID_ARGUMENT, f"checkpoint_sequential: segments is {segments}; it may be 1 to the "
                      f"number of functions, which is {len(functions)}")
    length = len(functions) // segments

    def run(start, end):
        def segment(x):
            for function in functions[start:end]:
                x = function(x)
            return x

        return segment

    last = length * (segments - 1)
    for start in range(0, last, length):
        input = checkpoint(run(start, start + length), input, use_reentrant=use_reentrant,
                           preserve_rng_state=preserve_rng_state)
    return run(last, len(functions))(input)
