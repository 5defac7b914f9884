#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one small call costs from Python: rows P1 and P2, beside torch and numpy where they are installed.

    PYTHONPATH=build/site python3 bindings/python/tests/bench.py [--rounds 5]

Each round runs each library in a process of its own, one after the other; the table has medians.
"""

import argparse
import importlib
import importlib.util
import statistics
import subprocess
import sys
import timeit

ROWS = ("P1 add of 8 floats, inference", "P1 add of 8 floats, no_grad", "P1 add of 8 floats, grad",
        "P2 with inference_mode()", "P2 with no_grad()")


def nanoseconds(statement, names, number=5000):
    return min(timeit.repeat(statement, globals=names, number=number, repeat=40)) / number * 1e9


def measure(name):
    """One process: the rows of one library."""
    library = importlib.import_module(name)
    if name == "numpy":
        x = library.ones(8, library.float32)
        return [nanoseconds("x + x", {"x": x})]
    if name == "torch":
        library.set_num_threads(1)
    else:
        library.num_threads_set(1)
    a, b = library.ones(8), library.ones(8)
    leaf = library.ones(8, requires_grad=True)
    assert (a + b).tolist() == [2.0] * 8
    figures = []
    with library.inference_mode():
        c = library.ones(8)
        figures.append(nanoseconds("c + c", {"c": c}))
    with library.no_grad():
        figures.append(nanoseconds("leaf + b", {"leaf": leaf, "b": b}))
    figures.append(nanoseconds("leaf + b", {"leaf": leaf, "b": b}))
    figures.append(nanoseconds("with inference_mode(): pass", {"inference_mode": library.inference_mode}))
    figures.append(nanoseconds("with no_grad(): pass", {"no_grad": library.no_grad}))
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(*measure(options.measure))
        return
    libraries = [name for name in ("tapegrad", "torch", "numpy") if importlib.util.find_spec(name)]
    rounds = {name: [] for name in libraries}
    for number in range(options.rounds):
        for name in libraries if number % 2 == 0 else libraries[::-1]:
            run = subprocess.run([sys.executable, __file__, "--measure", name], capture_output=True, text=True, check=True)
            rounds[name].append([float(figure) for figure in run.stdout.split()])
    print("| row | " + " | ".join(f"{name} ns" for name in libraries) + (" | torch / tapegrad |" if "torch" in rounds else " |"))
    print("| --- |" + " --- |" * (len(libraries) + ("torch" in rounds)))
    for row, text in enumerate(ROWS):
        cells = []
        for name in libraries:
            figures = [figure[row] for figure in rounds[name] if row < len(figure)]
            cells.append(f"{statistics.median(figures):.0f}" if figures else "")
        if "torch" in rounds:
            ratios = [other[row] / own[row] for own, other in zip(rounds["tapegrad"], rounds["torch"])]
            cells.append(f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})")
        print(f"| {text} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
