# SPDX-License-Identifier: MIT
"""One page of ordinary code gives the same under torch and tapegrad. ordinary.txt is what PyTorch 1.13.1
printed; where torch is installed it is asked again."""

import importlib.util
import pathlib
import re
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
NUMBER = re.compile(r"(?<![\w.])-?\d+\.?\d*(?:e[-+]?\d+)?(?![\w])")


def output(name):
    run = subprocess.run([sys.executable, HERE / "ordinary.py", name], capture_output=True, text=True, timeout=300)
    if run.returncode:
        raise AssertionError(run.stderr)
    return run.stdout


class Ordinary(unittest.TestCase):
    def compare(self, expected, found):
        self.assertEqual(NUMBER.sub("#", found), NUMBER.sub("#", expected))
        for a, b in zip(NUMBER.findall(expected), NUMBER.findall(found)):
            self.assertLessEqual(abs(float(a) - float(b)), 1e-5 * max(1, abs(float(a))), f"{a} and {b}")

    def test_the_output_is_that_of_pytorch(self):
        self.compare((HERE / "ordinary.txt").read_text(encoding="utf-8"), output("tapegrad"))

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed")
    def test_the_output_is_that_of_the_torch_here(self):
        self.compare(output("torch"), output("tapegrad"))


if __name__ == "__main__":
    unittest.main()
