# SPDX-License-Identifier: MIT
"""Modes as decorators. A decorated generator runs in its mode and leaves the caller's alone: the
mode is entered each time that it goes on, and left each time that it gives something out."""

import functools

_GENERATOR, _COROUTINE, _ASYNC_GENERATOR = 0x20, 0x80, 0x200  # flags of a code object


def decorate(mode, function):
    """`function` with each call inside of `mode`."""
    if isinstance(function, type) or not callable(function):
        raise TypeError(f"{mode!r} decorates functions, not {function!r}")
    inner = function
    while isinstance(inner, functools.partial):
        inner = inner.func
    flags = getattr(getattr(inner, "__code__", None), "co_flags", 0)
    if flags & _GENERATOR:
        return _generator(mode, function)
    if flags & _COROUTINE:
        return _coroutine(mode, function)
    if flags & _ASYNC_GENERATOR:
        return _async_generator(mode, function)

    @functools.wraps(function)
    def in_mode(*arguments, **keywords):
        with mode:
            return function(*arguments, **keywords)

    return in_mode


def _generator(mode, function):
    @functools.wraps(function)
    def in_mode(*arguments, **keywords):
        generator = function(*arguments, **keywords)
        try:
            with mode:
                given = generator.send(None)
            while True:
                try:
                    sent = yield given
                except GeneratorExit:
                    with mode:
                        generator.close()
                    raise
                except BaseException as error:
                    with mode:
                        given = generator.throw(error)
                else:
                    with mode:
                        given = generator.send(sent)
        except StopIteration as end:
            return end.value

    return in_mode


def _coroutine(mode, function):
    # The modes of a task are its own: other tasks that run meanwhile do not see this one's.
    @functools.wraps(function)
    async def in_mode(*arguments, **keywords):
        with mode:
            return await function(*arguments, **keywords)

    return in_mode


def _async_generator(mode, function):
    @functools.wraps(function)
    async def in_mode(*arguments, **keywords):
        generator = function(*arguments, **keywords)
        try:
            with mode:
                given = await generator.asend(None)
            while True:
                try:
                    sent = yield given
                except GeneratorExit:
                    with mode:
                        await generator.aclose()
                    raise
                except BaseException as error:
                    with mode:
                        given = await generator.athrow(error)
                else:
                    with mode:
                        given = await generator.asend(sent)
        except StopAsyncIteration:
            return

    return in_mode
