# SPDX-License-Identifier: MIT
"""The four examples that the project grew from print what the page says, byte for byte."""

import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
EXPECTED = """\
在 inference_mode 中: False
在 no_grad 中: False
在 inference_mode 中: False
在 no_grad 中: True
输出形状: torch.Size([100, 5])
输出 requires_grad: False
装饰器方式 - 输出形状: torch.Size([100, 5])
不使用任何上下文管理器:

使用 no_grad:

使用 inference_mode:
"""


class Seed(unittest.TestCase):
    def test_the_page_prints_its_lines(self):
        run = subprocess.run([sys.executable, "-X", "utf8", str(HERE / "seed_page.py")], capture_output=True, timeout=120)
        self.assertEqual(run.stderr.decode(), "")
        self.assertEqual(run.stdout, EXPECTED.encode())


if __name__ == "__main__":
    unittest.main()
