# SPDX-License-Identifier: MIT
"""Runs the bench programs, each in a process of its own, and reads what they print."""

import glob
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time

import targets


class Programs:
    """The programs in a build directory; a side is tapegrad, torch or raw."""

    def __init__(self, directory, min_time):
        self.directory = directory
        self.min_time = min_time
        self.core = ""  # OPENBLAS_CORETYPE; empty: OpenBLAS chooses
        self.libraries = {}  # what each side says of itself

    def path(self, name):
        return os.path.join(self.directory, name)

    def has(self, side):
        return os.path.exists(self.path(f"bench_{side}"))

    def environment(self, threads=1, **more):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads),
                           OPENBLAS_NUM_THREADS=str(threads), LD_BIND_NOW="1", **more)
        environment.pop("OPENBLAS_CORETYPE", None)
        if self.core:
            environment["OPENBLAS_CORETYPE"] = self.core
        return environment

    def run(self, command, environment):
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        if done.returncode != 0:
            sys.stderr.write(f"{' '.join(command)}: status {done.returncode}\n{done.stderr}\n")
            return None
        return done.stdout

    def times(self, side, rows, threads=1):
        """Nanoseconds a piece of work by row name; empty where the program failed."""
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            printed = self.run(
                [self.path(f"bench_{side}"), f"--rows={','.join(rows)}", f"--threads={threads}",
                 f"--benchmark_min_time={self.min_time}", f"--benchmark_out={out.name}",
                 "--benchmark_out_format=json"], self.environment(threads))
            text = out.read()
        if printed is None or not text:
            return {}
        report = json.loads(text)
        self.libraries[side, self.core] = report["context"]["library"]
        return {
            entry["name"].removesuffix("/manual_time"): entry["real_time"] / entry["items"]
            for entry in report["benchmarks"]
        }

    def openblas_core(self):
        """The name of the kernels that OpenBLAS uses now; empty where it cannot be asked."""
        if ("raw", self.core) not in self.libraries:
            self.times("raw", ["M5"])
        return self.libraries.get(("raw", self.core), "").rpartition(" ")[2]

    def results(self, side, rows, threads=1):
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            printed = self.run(
                [self.path(f"bench_{side}"), f"--rows={','.join(rows)}", f"--threads={threads}",
                 f"--results={out.name}"], self.environment(threads))
            return {} if printed is None else json.loads(out.read())

    def figure(self, side, name, threads=1, count_allocations=False):
        more = {"LD_PRELOAD": self.path("libbench_allocations.so")} if count_allocations else {}
        printed = self.run([self.path(f"bench_{side}"), f"--figure={name}",
                            f"--threads={threads}"], self.environment(threads, **more))
        return {} if printed is None else json.loads(printed)

    def allocations(self, side, rows):
        printed = self.run(
            [self.path(f"bench_{side}"), f"--rows={','.join(rows)}", "--count=allocations"],
            self.environment(LD_PRELOAD=self.path("libbench_allocations.so")))
        return {} if printed is None else json.loads(printed)

    def instructions(self, side, rows):
        """Instructions a call by row name, counted by callgrind."""
        counts = {}
        with tempfile.TemporaryDirectory() as directory:
            out = os.path.join(directory, "callgrind")
            printed = self.run(
                ["valgrind", "--tool=callgrind", "--instr-atstart=no",
                 f"--callgrind-out-file={out}", self.path(f"bench_{side}"),
                 f"--rows={','.join(rows)}", "--count=instructions"], self.environment())
            if printed is None:
                return {}
            for name in glob.glob(f"{out}*"):
                with open(name, encoding="utf-8", errors="replace") as file:
                    text = file.read()
                label = re.search(r"^desc: Trigger: Client Request: (\S+) (\d+)$", text, re.M)
                total = re.search(r"^totals: (\d+)", text, re.M)
                if label and total:
                    counts[label[1]] = int(total[1]) / int(label[2])
        return counts

    def linked_tapegrad(self):
        """The shared library that bench_tapegrad loads."""
        printed = self.run(["ldd", self.path("bench_tapegrad")], self.environment()) or ""
        found = re.search(r"libtapegrad\S* => (\S+)", printed)
        return os.path.realpath(found[1]) if found else ""


def disagreement(name, ours, theirs):
    """What differs between two results, or an empty text."""
    if ours["count"] != theirs["count"]:
        return f"{name}: {ours['count']} numbers instead of {theirs['count']}"
    of_element, of_size = targets.tolerance(name)
    values = theirs["values"]
    size = math.sqrt(sum(value * value for value in values) / max(1, len(values)))
    for index, (a, b) in enumerate(zip(ours["values"], values)):
        if not abs(a - b) <= of_element * abs(b) + of_size * size:
            return f"{name}: element {index} of the sample is {a:.9g} instead of {b:.9g}"
    if not abs(ours["sum"] - theirs["sum"]) <= of_element * theirs["sum"]:
        return f"{name}: the sum of magnitudes is {ours['sum']:.9g} instead of {theirs['sum']:.9g}"
    return ""


def process_seconds(command, environment):
    begin = time.perf_counter()
    process = os.posix_spawn(command[0], command, environment)
    _, status = os.waitpid(process, 0)
    return time.perf_counter() - begin if status == 0 else math.nan
