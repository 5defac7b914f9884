# SPDX-License-Identifier: MIT
"""Rows that are no time of a call: bytes, depths, counts, loading. Each gives table entries."""

import os
import re
import statistics
import subprocess
import tempfile

import measure
import targets
from report import Entry, nanoseconds


def median(values):
    return statistics.median(values) if values else float("nan")


def worst(values):
    return max(values, default=float("nan"))


def amount(value, unit):
    return nanoseconds(value) if unit == "ns" else f"{value:.4g} {unit}".strip()


def ratio_entry(row, case, unit, theirs, ours, target):
    """Pairs of the rounds: reference over ours must reach the target."""
    ratios = [a / b for a, b in zip(theirs, ours) if b]
    if not ratios:
        return limit_entry(row, case, unit, median(theirs), median(ours), None)
    return Entry(row, case, "libtorch", amount(median(theirs), unit), amount(median(ours), unit),
                 ratios, target, median(ratios) >= target)


def limit_entry(row, case, unit, theirs, ours, limit, against="limit"):
    """A figure that must not exceed a limit."""
    reference = "" if theirs != theirs else amount(theirs, unit)
    holds = limit is not None and ours <= limit
    wanted = "" if limit is None else f"<= {amount(limit, unit)}"
    return Entry(row, case, against, reference, amount(ours, unit), [], wanted, holds)


def both(programs, name, key, rounds, **options):
    """A figure on libtorch and tapegrad, in changing order."""
    found = {"torch": [], "tapegrad": []}
    for number in range(rounds):
        order = ("torch", "tapegrad") if number % 2 == 0 else ("tapegrad", "torch")
        for side in order:
            if programs.has(side):
                value = programs.figure(side, name, **options).get(key)
                if value is not None:
                    found[side].append(value)
    return found["torch"], found["tapegrad"]


def s8(programs, rounds):
    rows = ["S1", "S2", "S3", "S4", "S5", "S6"]
    counts = {side: programs.allocations(side, rows) if programs.has(side) else {}
              for side in ("torch", "tapegrad")}
    for mode in targets.MODES:
        of = {side: [n for name, n in counts[side].items() if name.endswith("/" + mode)]
              for side in counts}
        yield limit_entry("S8", f"allocator calls an operator, {mode}", "calls",
                          worst(of["torch"]), worst(of["tapegrad"]), 0, "most of S1 to S6")


def t4(programs, rounds):
    theirs, ours = both(programs, "long_graph", "bytes_per_node", min(3, rounds))
    yield ratio_entry("T4", "bytes a node, 10^6 nodes", "B", theirs, ours, 6)


def t5(programs, rounds):
    theirs, ours = both(programs, "long_graph", "free_ns_per_node", rounds)
    yield ratio_entry("T5", "free a node, 10^6 nodes", "ns", theirs, ours, 10)


def t6(programs, rounds):
    lengths = (1000, 10000, 100000, 1000000)
    runs = {}
    for side in ("torch", "tapegrad"):
        if not programs.has(side):
            continue
        # Round by round through all lengths: a machine that slows down meanwhile does it to each.
        # Ours are many, for they are held against a limit and take a third of a second.
        runs[side] = {n: [] for n in lengths}
        for _ in range(rounds if side == "torch" else 8 * rounds):
            for n in lengths:
                run = programs.figure(side, f"run_times_{n}")
                if run:
                    runs[side][n].append(run)

    def typical(side, value):
        return {n: median([value(run) for run in runs[side][n]]) for n in lengths}

    fresh = programs.times("raw", ["T6"]).get("T6/fresh_byte", float("nan"))
    node_bytes = programs.figure("tapegrad", "long_graph").get("bytes_per_node", float("nan"))
    for way in ("forward", "backward"):
        second = {side: typical(side, lambda run: run[f"second_{way}_ns"]) for side in runs}
        spread = {side: max(per.values()) / min(per.values()) for side, per in second.items()}
        yield limit_entry("T6", f"{way}: slowest over fastest length, second run", "",
                          spread.get("torch", float("nan")),
                          spread.get("tapegrad", float("nan")), 1.25)
        excess = max(typical("tapegrad", lambda run: run[f"first_{way}_ns"] -
                             run[f"second_{way}_ns"]).values())
        yield limit_entry("T6", f"{way}: first run over second", "ns", float("nan"), excess,
                          1.3 * node_bytes * fresh, "fresh memory")


def t7(programs, rounds):
    depths = programs.figure("tapegrad", "stack_depths")
    ten, million = depths.get("nodes10", float("nan")), depths.get("nodes1000000", float("nan"))
    # A road through a refill of the free lists is allowed; one that grows with the graph is not.
    yield limit_entry("T7", "stack of backward and free, 10^6 nodes", "B", ten, million, ten + 512,
                      "10 nodes")


def t8(programs, rounds):
    worst_ratios = []
    for _ in range(rounds):
        per = [value for name, value in programs.times("tapegrad", ["T8"]).items()]
        if per:
            worst_ratios.append(max(per) / min(per))
    yield limit_entry("T8", "add_out an element: slowest over fastest size", "", float("nan"),
                      median(worst_ratios), 1.5)


def x4t(programs, rounds):
    theirs, ours = both(programs, "idle_work", "cpu_ms_in_100_ms", 1, threads=2)
    yield limit_entry("X4t", "processor used in 100 ms after the last call", "ms", median(theirs),
                      median(ours), 1)


def x4m(programs, rounds):
    found = programs.figure("tapegrad", "example_bytes")
    for key, wanted in targets.EXAMPLE_BYTES.items():
        ours = found.get(key, float("nan"))
        yield Entry("X4m", f"bytes, {key.replace('_', ' ').replace('no grad', 'no_grad')}",
                    "by hand", f"{wanted} B", f"{ours:.0f} B", [], f"= {wanted} B", ours == wanted)


def _allocations(programs, row, figure, what):
    found = {side: programs.figure(side, figure, count_allocations=True)
             for side in ("torch", "tapegrad") if programs.has(side)}
    for case, ours in found.get("tapegrad", {}).items():
        if row == "X4a" and case == "grad":
            continue
        theirs = found.get("torch", {}).get(case, float("nan"))
        yield limit_entry(row, f"{what}, {case}", "calls", theirs, ours, 0, "libtorch")


def x4a(programs, rounds):
    yield from _allocations(programs, "X4a", "second_forward_allocations",
                            "allocator calls of the second forward")


def r4(programs, rounds):
    yield from _allocations(programs, "R4", "third_step_allocations",
                            "allocator calls of the third step")


def e9(programs, rounds):
    theirs, ours = both(programs, "first_large_result", "ns", rounds)
    yield ratio_entry("E9", "first result of 40 MB", "ns", theirs, ours, 2.5)


def l1(programs, rounds):
    environment = programs.environment()
    kinds = [kind for kind in ("empty", "tapegrad", "openblas", "torch")
             if os.path.exists(programs.path(f"load_{kind}"))]
    seconds = {kind: [] for kind in kinds}
    for number in range(3 * rounds):
        for kind in kinds if number % 2 == 0 else reversed(kinds):
            if kind != "torch" or number < rounds:
                seconds[kind].append(
                    measure.process_seconds([programs.path(f"load_{kind}")], environment))
    typical = {kind: median(found) for kind, found in seconds.items()}
    empty = typical["empty"]
    ours = (typical.get("tapegrad", float("nan")) - empty) * 1e3
    if "torch" in typical:
        theirs = (typical["torch"] - empty) * 1e3
        yield Entry("L1", "process with one mm 2x2, less an empty one", "libtorch",
                    f"{theirs:.4g} ms", f"{ours:.4g} ms", [theirs / ours], 100,
                    theirs / ours >= 100)
    if "openblas" in typical:
        raw = (typical["openblas"] - empty) * 1e3
        yield limit_entry("L1", "process with one mm 2x2, less an empty one", "ms", raw, ours,
                          1.3 * raw, "OpenBLAS")


def l2(programs, rounds):
    paths = {"tapegrad": programs.linked_tapegrad(), "openblas": "libopenblas.so.0"}
    found = {side: [] for side in paths}
    threads = {}
    for _ in range(3 * rounds):
        for side, path in paths.items():
            printed = programs.run([programs.path("load_open"), path], programs.environment(2))
            if printed:
                nanoseconds, threads[side] = printed.split()
                found[side].append(float(nanoseconds))
    ours, theirs = median(found["tapegrad"]), median(found["openblas"])
    yield limit_entry("L2", "dlopen", "ns", theirs, ours, theirs / 3, "OpenBLAS")
    yield limit_entry("L2", "threads after dlopen", "", float(threads.get("openblas", "nan")),
                      float(threads.get("tapegrad", "nan")), 1, "OpenBLAS")


def l3(programs, rounds):
    def resident(kind, n):
        if not os.path.exists(programs.path(f"load_{kind}")):
            return float("nan")
        printed = programs.run([programs.path(f"load_{kind}"), str(n), "print"],
                               programs.environment())
        return float(printed.split()[0]) / 1024 if printed else float("nan")

    for n, limit in ((2, 8), (512, 20)):
        yield limit_entry("L3", f"resident after mm {n}x{n}", "MiB", resident("torch", n),
                          resident("tapegrad", n), limit, "libtorch")


def l4(programs, rounds):
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "-o", stripped.name, programs.linked_tapegrad()], check=True)
        megabytes = os.path.getsize(stripped.name) / 1e6
    yield limit_entry("L4", "stripped shared library", "MB", float("nan"), megabytes, 3)


def k1(programs, rounds):
    """Peak and instructions of 64 layers in checkpoints of eight, over those without."""
    # Valgrind does not know the instructions of OpenBLAS's latest kernels.
    environment = {**programs.environment(), "TG_BLAS": "none"}

    def peak(how):
        printed = programs.run([programs.path("checkpoint"), how, "1"], environment)
        return float(printed) if printed else float("nan")

    def instructions(how, passes):
        with tempfile.NamedTemporaryFile() as out:
            if programs.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out.name}",
                             programs.path("checkpoint"), how, str(passes)],
                            environment) is None:
                return float("nan")
            total = re.search(r"^totals: (\d+)", out.read().decode(), re.M)
        return float(total[1]) if total else float("nan")

    # Of the second pass: the first also makes what the library keeps.
    counts = {how: instructions(how, 2) - instructions(how, 1) for how in ("plain", "eights")}
    yield limit_entry("K1", "64 layers in checkpoints of 8: peak over the plain one", "",
                      float("nan"), peak("eights") / peak("plain"), 0.4)
    yield limit_entry("K1", "64 layers in checkpoints of 8: instructions over the plain ones", "",
                      float("nan"), counts["eights"] / counts["plain"], 1.4)


BY_ROW = {"S8": s8, "T4": t4, "T5": t5, "T6": t6, "T7": t7, "T8": t8, "X4t": x4t, "X4m": x4m,
          "X4a": x4a, "K1": k1, "E9": e9, "R4": r4, "L1": l1, "L2": l2, "L3": l3, "L4": l4}  # fmt: skip
