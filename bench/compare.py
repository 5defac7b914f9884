#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures tapegrad beside libtorch, OpenBLAS and the limits of the machine, and prints the table.

A round runs every side once, each in its own process, in changing order. The figure is the median
of the rounds' ratios. Results are compared before anything is timed.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys

import figures
import measure
import report
import targets

SPREAD = 1.3  # greatest over least ratio above which more rounds are run


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="directory of the bench programs")
    parser.add_argument("--rows", default="", help="only these rows: S1,S2")
    parser.add_argument("--quick", action="store_true", help="fewer, shorter rounds")
    parser.add_argument("--update", metavar="PAGE", help="write the table into this page")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--no-instructions", action="store_true", help="do not run callgrind")
    return parser.parse_args()


def log(text):
    print(text, file=sys.stderr, flush=True)


class Family:
    """Rows that run together in one process: the lines whose subjects begin alike."""

    def __init__(self, name, lines):
        self.name = name
        self.lines = lines
        self.sides = {"tapegrad", *(line.side for line in lines)}
        self.rounds = []  # {side: {row name: ns}}
        self.wrong = {}  # row name: what differs

    def threads(self):
        return (1, 2) if any("threads" in line.subject for line in self.lines) else (1,)

    def compare_results(self, programs):
        if not programs.has("tapegrad"):
            return
        ours, theirs = {}, {}
        for threads in self.threads():
            ours |= programs.results("tapegrad", [self.name], threads)
            for side in ("raw", "torch"):  # libtorch last: its numbers stand where both have some
                if programs.has(side):
                    theirs |= programs.results(side, [self.name], threads)
        for name, numbers in theirs.items():
            if name in ours:
                difference = measure.disagreement(name, ours[name], numbers)
                if difference:
                    self.wrong[name] = difference
                    log(f"WRONG {difference}")

    def run_round(self, programs):
        sides = sorted(side for side in self.sides if programs.has(side))
        turn = len(self.rounds)
        sides = sides[turn % len(sides):] + sides[:turn % len(sides)]
        if turn % 2 == 1:
            sides.reverse()
        times = {}
        for side in sides:
            times[side] = {}
            for threads in self.threads():
                times[side] |= programs.times(side, [self.name], threads)
        self.rounds.append(times)

    def ratios(self, line):
        found = []
        for times in self.rounds:
            reference = times.get(line.side, {}).get(line.reference)
            ours = times.get("tapegrad", {}).get(line.subject)
            if reference and ours:
                found.append(reference / ours)
        return found

    def typical(self, side, name):
        values = [t[side][name] for t in self.rounds if name in t.get(side, {})]
        return statistics.median(values) if values else None

    def spread(self):
        return max((max(r) / min(r) for r in map(self.ratios, self.lines) if r), default=1)


def entry(line, family, kernels, counts, tag):
    target = line.target[kernels] if isinstance(line.target, dict) else line.target
    ratios = family.ratios(line)
    reference = family.typical(line.side, line.reference)
    ours = family.typical("tapegrad", line.subject)
    holds = bool(ratios) and statistics.median(ratios) >= target
    instructions = ""
    count = counts.get(line.subject)
    if line.instructions and count:
        ratio = line.instructions / count
        holds = holds and ratio >= line.instructions_target
        instructions = f"{line.instructions:.0f} / {count:.0f} = {ratio:.3g}"
        if line.instructions_target != line.target:
            instructions += f" (target {line.instructions_target:.4g})"
    against = {"torch": "libtorch", "raw": "OpenBLAS", "tapegrad": "itself"}[line.side]
    if line.note:
        against = line.note
    case = line.subject.partition("/")[2]
    return report.Entry(line.row, case + tag, against,
                        "" if reference is None else report.nanoseconds(reference),
                        "" if ours is None else report.nanoseconds(ours), ratios, target, holds,
                        instructions, family.wrong.get(line.subject, ""))


def run_families(programs, options, lines, tag, counts, archive):
    rounds = 3 if options.quick else 5
    entries = []
    names = list(dict.fromkeys(line.family for line in lines))
    for name in names:
        family = Family(name, [line for line in lines if line.family == name])
        log(f"{name}{tag}")
        if not any(programs.has(side) for side in family.sides):
            continue
        family.compare_results(programs)
        for _ in range(rounds):
            family.run_round(programs)
        while not options.quick and family.spread() > SPREAD and len(family.rounds) < 15:
            family.run_round(programs)
        core = programs.libraries.get(("raw", programs.core), "").rpartition(" ")[2]
        kernels = "avx512" if core in targets.AVX512_CORES else "avx2"
        archive.append({"family": name, "core": core, "rounds": family.rounds})
        entries += [entry(line, family, kernels, counts, tag) for line in family.lines]
    return entries



def measured_figures(row, programs, rounds):
    """One row that cannot be measured must not cost the others."""
    try:
        return list(figures.BY_ROW[row](programs, rounds))
    except (OSError, ValueError, KeyError, ZeroDivisionError, subprocess.SubprocessError) as error:
        log(f"{row}: {error!r}")
        return [report.Entry(row, "could not be measured", "", "", "")]


def core_that_fits(programs):
    """OpenBLAS takes its oldest kernels on a processor that it does not know. A reference that is
    slow for that reason would flatter every row, so it is told which kernels the processor has."""
    if programs.openblas_core() not in targets.OLDEST_CORES:
        return ""
    flags = processor("flags").split()
    return "SkylakeX" if "avx512vl" in flags else "Haswell" if "avx2" in flags else ""


def main():
    options = arguments()
    programs = measure.Programs(options.build, 0.03 if options.quick else 0.1)
    wanted = [row for row in options.rows.split(",") if row]
    order = list(dict.fromkeys(
        [line.row for line in targets.LINES] + list(targets.FIGURE_ROWS)))
    unknown = set(wanted) - set(order)
    if unknown:
        raise SystemExit(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(order)}")
    if wanted and options.update:
        raise SystemExit("--update writes the whole table, so that no row is lost: without --rows")
    lines = [line for line in targets.LINES if not wanted or line.row in wanted]
    figure_rows = [row for row in targets.FIGURE_ROWS if not wanted or row in wanted]

    counts = {}
    counted = sorted({line.family for line in lines if line.instructions})
    if counted and programs.has("tapegrad") and not options.no_instructions:
        log("instructions: " + " ".join(counted))
        counts = programs.instructions("tapegrad", counted)
    archive = []
    first_core = core_that_fits(programs)
    programs.core = first_core
    entries = run_families(programs, options, lines, "", counts, archive)
    if programs.openblas_core() in targets.AVX512_CORES:
        programs.core = "Haswell"
        second = [line for line in lines if line.row in targets.AVX2_ROWS]
        entries += run_families(programs, options, second, ", AVX2 kernels", {}, archive)
        programs.core = first_core
    if programs.has("tapegrad"):
        for row in figure_rows:
            log(row)
            entries += measured_figures(row, programs, 3 if options.quick else 5)

    rank = {row: place for place, row in enumerate(
        sorted(order, key=lambda row: ("STMXKERLF".index(row[0]), row)))}
    entries.sort(key=lambda one: rank[one.row])
    short = [one for one in entries if one.verdict != "pass"]
    sides = sorted({text for (_, core), text in programs.libraries.items() if core == first_core})
    text = "\n".join([
        report.render(entries), "",
        f"{len(entries) - len(short)} of {len(entries)} lines hold. "
        f"{datetime.date.today().isoformat()}, {processor()}, {os.cpu_count()} processors; "
        + "; ".join(sides) + "."
        + (f" OpenBLAS does not know this processor and was told to use its {first_core} kernels."
           if first_core else "")])
    print(text)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": archive, "instructions": counts,
                       "entries": [one.cells() for one in entries]}, file, indent=1)
    if options.update:
        report.replace_table(options.update, text)
    return 1 if any(one.verdict == "wrong" for one in entries) else 0


def processor(what="model name"):
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.partition(":")[0].strip() == what:
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.machine()


if __name__ == "__main__":
    sys.exit(main())
