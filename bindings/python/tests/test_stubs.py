# SPDX-License-Identifier: MIT
"""The type stubs: mypy takes ordinary code, refuses what is wrong, and finds in the package what they say."""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

import tapegrad

HERE = pathlib.Path(__file__).resolve().parent
SITE = str(pathlib.Path(tapegrad.__file__).parents[1])
WRONG = ('torch.tensor([1.0]).no_such_method()', 'torch.zeros("2")', 'x: int = torch.ones(1).shape',
         'torch.nn.Linear("a", 2)', 'torch.optim.Adam(1)', 'torch.capi.add(torch.ones(1))', 'torch.no_grad(1)',
         'torch.no_such_function()')


def mypy(*arguments, module="mypy"):
    with tempfile.TemporaryDirectory() as cache:
        return subprocess.run([sys.executable, "-m", module, *arguments], capture_output=True, text=True, timeout=600,
                              cwd=cache, env={**os.environ, "MYPYPATH": SITE, "PYTHONPATH": SITE, "MYPY_CACHE_DIR": cache})


class Stubs(unittest.TestCase):
    def test_ordinary_code_is_taken(self):
        run = mypy("--strict", str(HERE / "typed.py"))
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)

    def test_wrong_code_is_refused(self):
        with tempfile.NamedTemporaryFile("w", suffix=".py") as file:
            file.write("import tapegrad as torch\n" + "\n".join(WRONG) + "\n")
            file.flush()
            run = mypy("--strict", file.name)
        for line, text in enumerate(WRONG, 2):
            self.assertIn(f":{line}: error", run.stdout, text)

    def test_the_package_has_what_the_stubs_say(self):
        with tempfile.NamedTemporaryFile("w") as allowed:
            allowed.write("tapegrad\\._.*\ntapegrad\\.nn\\._.*\n")  # files that are the package's own affair
            allowed.flush()
            run = mypy("--concise", "--ignore-missing-stub", "--ignore-unused-allowlist", "--allowlist", allowed.name,
                       "tapegrad", module="mypy.stubtest")
        self.assertEqual(run.returncode, 0, run.stdout + run.stderr)


if __name__ == "__main__":
    unittest.main()
