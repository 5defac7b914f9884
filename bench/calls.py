#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What one small call costs from each language: add of 8 floats, its result released, in each mode.

Each language is measured by its binding's own benchmark, bindings/NAME/test.sh bench, which prints
"way/mode nanoseconds". A round runs all of them, each in processes of its own, in changing order;
figures are medians of the rounds.
"""

import argparse
import datetime
import os
import statistics
import subprocess
import sys

import compare
import report
import targets

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINDINGS = ("cpp", "fortran", "lua", "python", "go", "javascript", "perl")
MARK = "table of scripts/bench --calls"
# The rows P of the targets: Python beside PyTorch and numpy.
LINES = [
    *[("P1", mode, "PyTorch", target) for mode, target in zip(targets.MODES, (4, 4, 6))],
    *[("P1", mode, "numpy", 1) for mode in targets.MODES],
    *[("P2", f"with {mode}()", "PyTorch", 4) for mode in ("inference_mode", "no_grad")],
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, help="directory of the bench programs")
    parser.add_argument("--calls", action="store_true", help="the table of this program")
    parser.add_argument("--only", default=",".join(BINDINGS), help="only these: lua,python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--update", metavar="PAGE", help="write the table into this page")
    return parser.parse_args()


def figures(command):
    """What a benchmark says: way: {mode: ns}. One that fails must not cost the others."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
    if done.returncode != 0:
        compare.log(f"{' '.join(command)}: status {done.returncode}")
        return {}
    found = {}
    for line in done.stdout.splitlines():
        name, _, nanoseconds = line.rpartition(" ")
        way, slash, mode = name.partition("/")
        if slash:
            found.setdefault(way, {})[mode] = float(nanoseconds)
    return found


def typical(rounds, way, mode):
    values = [one[way][mode] for one in rounds if mode in one.get(way, {})]
    return statistics.median(values) if values else None


def by_language(rounds):
    rows = [("add of 8 floats, ns", *targets.MODES)]
    for way in dict.fromkeys(way for one in rounds for way in one):
        cells = [typical(rounds, way, mode) for mode in targets.MODES]
        rows.append((way, *("" if cell is None else f"{cell:.0f}" for cell in cells)))
    return report.table(rows)


def against(rounds):
    """Entries of the rows P, a reference's time over the binding's."""
    for row, mode, other, target in LINES:
        ratios = [one[f"Python, {other}"][mode] / one["Python"][mode] for one in rounds
                  if mode in one.get(f"Python, {other}", {}) and mode in one.get("Python", {})]
        if ratios:
            case = mode if row == "P2" else f"add8/{mode}"
            yield report.Entry(row, case, f"{other} from Python",
                               report.nanoseconds(typical(rounds, f"Python, {other}", mode)),
                               report.nanoseconds(typical(rounds, "Python", mode)), ratios, target,
                               statistics.median(ratios) >= target)


def main():
    options = arguments()
    commands = [[os.path.join(options.build, "by_name")]]
    for name in options.only.split(","):
        if name not in BINDINGS:
            raise SystemExit(f"no such binding: {name}; there are {', '.join(BINDINGS)}")
        commands.append(["bash", f"{ROOT}/bindings/{name}/test.sh", "bench"])
    rounds = []
    for turn in range(options.rounds):
        compare.log(f"round {turn + 1} of {options.rounds}")
        # The first round goes in the order of the table, the others begin elsewhere.
        start = turn % len(commands)
        found = {}
        for command in commands[start:] + commands[:start]:
            found |= figures(command)
        rounds.append(found)
    entries = list(against(rounds))
    text = by_language(rounds)
    if entries:
        text += f"\n\n{report.render(entries)}"
    text += (f"\n\n{options.rounds} rounds. {datetime.date.today().isoformat()}, "
             f"{compare.processor()}, {os.cpu_count()} processors.")
    print(text)
    if options.update:
        report.replace_table(options.update, text, MARK)


if __name__ == "__main__":
    sys.exit(main())
