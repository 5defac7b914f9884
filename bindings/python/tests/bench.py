#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py tapegrad|torch|numpy: what one small call costs from Python by that library, in each mode:
add of 8 floats, its result dropped, and a `with` of the mode. Prints "way/mode nanoseconds", the least
of several rounds in processor time."""

import importlib
import sys
import time
import timeit

WAYS = {"tapegrad": "Python", "torch": "Python, PyTorch", "numpy": "Python, numpy"}


def measure(way, mode, statement, names):
    calls = 5000
    rounds = timeit.repeat(statement, globals=names, number=calls, repeat=40, timer=time.process_time)
    print(f"{way}/{mode} {min(rounds) / calls * 1e9:.1f}")


def measure_library(name):
    library, way = importlib.import_module(name), WAYS[name]
    if name == "numpy":  # the same in each mode: it has none
        a, b = library.ones(8, library.float32), library.ones(8, library.float32)
        for mode in ("inference", "no_grad", "grad"):
            measure(way, mode, "a + b", {"a": a, "b": b})
        return
    if name == "torch":
        library.set_num_threads(1)
    else:
        library.num_threads_set(1)
    leaf, b = library.ones(8, requires_grad=True), library.ones(8)
    with library.inference_mode():
        c, d = library.ones(8), library.ones(8)
        assert (c + d).tolist() == [2.0] * 8
        measure(way, "inference", "c + d", {"c": c, "d": d})
    with library.no_grad():
        measure(way, "no_grad", "leaf + b", {"leaf": leaf, "b": b})
    measure(way, "grad", "leaf + b", {"leaf": leaf, "b": b})
    for mode in ("inference_mode", "no_grad"):
        measure(way, f"with {mode}()", "with mode(): pass", {"mode": getattr(library, mode)})


if len(sys.argv) != 2 or sys.argv[1] not in WAYS:
    sys.exit(__doc__)
measure_library(sys.argv[1])
