# SPDX-License-Identifier: MIT
"""Random calls of the whole interface with random arguments: exceptions or results, nothing else, and no handle
left. What takes an address is left out: an address that is wrong is the caller's fault."""

import gc
import inspect
import os
import random
import resource
import subprocess
import sys
import tempfile
import unittest

import tapegrad as torch
from tapegrad import capi

ADDRESSES = {"tensor_from_memory", "from_dlpack", "ffi_operator", "call"}
# These change what the calls after them mean: the limit that keeps them small, where callbacks run.
SETTINGS = {"memory_limit_set", "shutdown", "drain_set", "parallel_for_set", "memory_pressure_set", "log_set"}


def functions():
    for name in sorted(dir(capi)):
        function = getattr(capi, name)
        if callable(function) and not name.startswith("_") and name not in ADDRESSES | SETTINGS:
            yield function


def pool(chance):
    leaf = torch.randn(2, 3, requires_grad=True)
    handles = [leaf, leaf * 2, torch.ones(3), torch.tensor([[1, 0], [0, 1]]), torch.tensor(2.0), torch.ones(2, 2, dtype=torch.double),
               torch.tensor([True, False]), capi.nn_linear(3, 2, True, 1), capi.dict_create(), capi.generator_create(1),
               (leaf * 2).grad_fn._node, 12345, 2**53 - 1]
    plain = [None, 0, 1, -1, 2, 3, 7, 2**31, -(2**63), 2**63, 2**64, 0.5, -1.0, float("nan"), float("inf"), True, "x", "weight", "",
             "a\0b", b"", b"12345678", bytearray(24), [], [1], [2, 3], [-1, 2], [10**9, 10**9], [2**62, 4], [0.5], ["x"],
             torch.float32, object(), lambda *values: None, lambda *values: values[0], lambda *values: 1 / 0]
    return lambda: chance.choice(handles) if chance.random() < 0.5 else (
        [chance.choice(handles) for _ in range(chance.randrange(4))] if chance.random() < 0.2 else chance.choice(plain))


def play(seed, count):
    chance = random.Random(seed)
    called = list(functions())
    give, kinds = pool(chance), {}
    for _ in range(count):
        function = chance.choice(called)
        signature = inspect.signature(function)
        arguments = [give() for _ in range(max(0, len(signature.parameters) + (chance.random() < 0.1) - (chance.random() < 0.1)))]
        if function.__name__ in ("release", "release_many"):
            continue  # of what the pool holds; other tests release
        try:
            function(*arguments)
            kinds["result"] = kinds.get("result", 0) + 1
        except (torch.Error, TypeError, ValueError, OverflowError, MemoryError) as error:
            name = "Error" if isinstance(error, (torch.Error, MemoryError)) else type(error).__name__
            kinds[name] = kinds.get(name, 0) + 1
        if chance.random() < 0.01:
            torch.state_set(0)
            if chance.random() < 0.5:
                give = pool(chance)
    return kinds


def main(seed, count):
    resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))  # some calls ask for room for 2^31 results
    torch.memory_limit_set(1 << 24)
    play(seed, 1000)
    torch.state_set(0)
    gc.collect()
    before = torch.live_handles()
    kinds = play(seed + 1, count)
    torch.state_set(0)
    gc.collect()
    scopes = torch.live_handles() - before  # scopes that were entered and not left are alive
    print(sorted(kinds), scopes < count // 50, min(kinds.values()) > 10)


class Random(unittest.TestCase):
    def test_random_calls_end_in_results_and_exceptions(self):
        # Some calls save files under the words they are given.
        with tempfile.TemporaryDirectory() as room:
            self.runs_in(room)

    def runs_in(self, room):
        for seed in (1, 2, 3):
            run = subprocess.run([sys.executable, os.path.abspath(__file__), "play", str(seed)], cwd=room, capture_output=True,
                                 text=True, timeout=300)
            self.assertEqual((run.returncode, run.stdout, run.stderr),
                             (0, "['Error', 'OverflowError', 'TypeError', 'ValueError', 'result'] True True\n", ""), f"seed {seed}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["play"]:
        main(int(sys.argv[2]), 20_000)
    else:
        unittest.main()
