# SPDX-License-Identifier: MIT
"""The programs in the README print what stands below them."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import tapegrad

SITE = str(pathlib.Path(tapegrad.__file__).resolve().parents[1])
README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


class Readme(unittest.TestCase):
    def test_each_program_prints_its_output(self):
        programs = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
        self.assertGreater(len(programs), 0)
        for program, expected in programs:
            with tempfile.TemporaryDirectory() as folder:
                run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=folder, timeout=120,
                                     env={**os.environ, "PYTHONPATH": SITE})
            self.assertEqual((run.stdout, run.stderr), (expected, ""))


if __name__ == "__main__":
    unittest.main()
