# SPDX-License-Identifier: MIT
"""Looking for errors: anomaly mode, and sites."""

import asyncio
import subprocess
import sys
import threading
import unittest

import tapegrad as torch
from tapegrad import capi, nn
from tapegrad.autograd import Function, detect_anomaly, functional, set_detect_anomaly, sites
from tapegrad.utils.checkpoint import checkpoint

HERE = __file__


def line():
    """The caller's."""
    return sys._getframe(1).f_lineno


def makes_infinity():
    try:
        torch.zeros(1).log()
    except torch.Error as error:
        if error.code != torch.ERROR_AUTOGRAD:
            raise
        return True
    return False


class Anomalies(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([0.0, 4.0], requires_grad=True)

    def tearDown(self):
        self.assertFalse(makes_infinity())
        self.assertFalse(is_sited())

    def test_the_first_infinity_in_forward(self):
        self.x.log()
        with detect_anomaly() as given, self.assertRaisesRegex(torch.Error, "makes an infinity") as caught:
            self.assertIsNone(given)
            self.x.exp()
            here = line(); self.x.log()
        self.assertIn(f"{HERE}:{here} ", str(caught.exception))
        self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)

    def test_the_first_infinity_in_backward(self):
        with detect_anomaly():
            here = line(); y = self.x.sqrt()
            with self.assertRaisesRegex(torch.Error, "SqrtBackward") as caught:
                y.sum().backward()
        self.assertIn(f"recorded at {HERE}:{here},", str(caught.exception))
        self.assertIsNone(self.x.grad)

    def test_nothing_changes(self):
        y = torch.zeros(2)
        with detect_anomaly(), self.assertRaises(torch.Error):
            y.div_(torch.zeros(2))
        self.assertEqual((y.tolist(), y._version), ([0, 0], 0))

    def test_managers_inside_each_other(self):
        again = detect_anomaly(check_nan=True)
        with again:
            with again, detect_anomaly():
                self.assertTrue(makes_infinity())
                with set_detect_anomaly(False):
                    self.assertFalse(makes_infinity())
                    self.assertFalse(is_sited())
                self.assertTrue(makes_infinity())
            self.assertTrue(makes_infinity())
            self.assertTrue(is_sited())
        with self.assertRaises(ZeroDivisionError), detect_anomaly():
            1 / 0

    def test_set_detect_anomaly_holds_from_its_call_on(self):
        set_detect_anomaly(True)
        set_detect_anomaly(True)
        self.assertTrue(makes_infinity())
        self.assertTrue(is_sited())
        set_detect_anomaly(False)
        self.assertFalse(makes_infinity())
        set_detect_anomaly(False)
        with set_detect_anomaly(mode=True):
            self.assertTrue(makes_infinity())
        self.assertFalse(makes_infinity())

    def test_wrong_arguments(self):
        for call in (lambda: detect_anomaly(False).__enter__(), lambda: set_detect_anomaly(True, check_nan=False)):
            with self.assertRaisesRegex(torch.Error, "sites") as caught:
                call()
            self.assertEqual(caught.exception.code, torch.ERROR_UNSUPPORTED)
        with self.assertRaises(TypeError):
            set_detect_anomaly()
        with self.assertRaises(torch.Error) as caught:
            capi.anomaly_mode_exit()
        self.assertEqual(caught.exception.code, torch.ERROR_MODE)
        for arguments, kind in (((5, 1), TypeError), (("a\0b", 1), ValueError), (("file", "1"), TypeError),
                                (("file", 1 << 40), OverflowError), (("file", -1), torch.Error)):
            with self.assertRaises(kind):
                capi.site_set(*arguments)

    def test_a_thread_and_a_task_have_their_own(self):
        seen = []

        def work():
            seen.append(makes_infinity())
            with detect_anomaly():
                seen.append(makes_infinity())

        with detect_anomaly():
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            self.assertTrue(makes_infinity())
        self.assertEqual(seen, [False, True])

        async def task(looks, depth):
            for _ in range(depth):
                if looks:
                    with detect_anomaly():
                        await asyncio.sleep(0)
                        with torch.no_grad():
                            await asyncio.sleep(0)
                            found = makes_infinity()
                        if not (found and makes_infinity()):
                            return False
                await asyncio.sleep(0)
                if makes_infinity():
                    return False
            return True

        async def main():
            return await asyncio.gather(*(task(i % 2, 3 + i % 3) for i in range(8)))

        self.assertEqual(asyncio.run(main()), [True] * 8)

    def test_a_task_starts_with_its_makers(self):
        async def inner():
            await asyncio.sleep(0)
            return makes_infinity()

        async def main():
            with detect_anomaly():
                started = asyncio.create_task(inner())
            return await started, makes_infinity()

        self.assertEqual(asyncio.run(main()), (True, False))

    def test_it_comes_along_to_what_a_checkpoint_and_a_function_call(self):
        class Root(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x.exp()

            @staticmethod
            def backward(ctx, gradient):
                (x,) = ctx.saved_tensors
                return gradient / x

        with detect_anomaly():
            with self.assertRaisesRegex(torch.Error, "infinity"):
                checkpoint(lambda x: x.log(), self.x)
            y = Root.apply(self.x)
            with self.assertRaisesRegex(torch.Error, "infinity"):
                y.sum().backward()


def is_sited():
    """Whether a message names a line of this file."""
    x = torch.ones(1, requires_grad=True) * 1
    y = x * x
    x.mul_(2)
    try:
        y.backward()
    except torch.Error as error:
        return f"{HERE}:" in str(error)
    raise AssertionError


class Sites(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 4.0], requires_grad=True)

    def tearDown(self):
        self.assertFalse(is_sited())

    def test_an_error_of_a_change_in_place_names_both_lines(self):
        for change in (lambda x: x.mul_(2), lambda x: x.__setitem__(0, 1.0), lambda x: x.add_(x),
                       lambda x: torch.relu_(x)):
            with sites() as given:
                self.assertIsNone(given)
                y = self.x * 1
                saved = line(); z = y * y
                changed = change.__code__.co_firstlineno; change(y)
                with self.assertRaises(torch.Error) as caught:
                    z.sum().backward()
            self.assertIn(f"saved for backward at {HERE}:{saved} was changed in place at {HERE}:{changed}:",
                          str(caught.exception))
            self.assertEqual(caught.exception.code, torch.ERROR_VERSION)

    def test_they_hold_from_their_call_on(self):
        sites(True)
        self.assertTrue(is_sited())
        with sites(False):
            self.assertFalse(is_sited())
        self.assertTrue(is_sited())
        sites(mode=False)
        self.assertFalse(is_sited())
        with sites(), sites():
            self.assertTrue(is_sited())

    def test_the_line_is_of_the_innermost_frame_outside_of_the_package(self):
        net = nn.Sequential(nn.Linear(2, 2), nn.ReLU())

        class Double(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * 2

            @staticmethod
            def backward(ctx, gradient):
                self.lines[:] = [line()]; return gradient.log()

        def fails(x):
            self.lines[:] = [line()]; return x.log()

        self.lines = []
        zero = torch.zeros(2, requires_grad=True)
        nan = torch.tensor([0.0, 1.0], requires_grad=True) * 1
        for call in (lambda: fails(zero), lambda: functional.vjp(fails, zero, torch.ones(2)),
                     lambda: checkpoint(fails, zero), lambda: checkpoint(checkpoint, fails, zero),
                     lambda: (Double.apply(nan) * zero).sum().backward()):
            with detect_anomaly(), self.assertRaisesRegex(torch.Error, "infinity") as caught:
                call()
            self.assertIn(f"{HERE}:{self.lines[0]} ", str(caught.exception))
        with sites():
            here = line(); y = net(self.x)  # the package's own frames lie between
            net[0].weight.detach().mul_(2)
            with self.assertRaises(torch.Error) as caught:
                y.sum().backward()
        self.assertIn(f"saved for backward at {HERE}:{here} was changed in place at {HERE}:{here + 1}:",
                      str(caught.exception))

    def test_hooks_have_their_own_lines(self):
        def hook(gradient):
            self.lines = [line()]; return (gradient * 0).log()

        y = self.x * 1
        with y.register_hook(hook), detect_anomaly(), self.assertRaises(torch.Error) as caught:
            y.sum().backward()
        self.assertIn(f"{HERE}:{self.lines[0]} ", str(caught.exception.__cause__))

    def test_strange_files(self):
        for file, found in (("<string>", "<string>:"), ("a/é/model.py", "a/é/model.py:"), ("", "line 3"),
                            ("bad\udcff.py", None), (HERE, HERE)):
            code = compile("\n\ndef call(x): return x.log()\n", file, "exec")
            names = {}
            exec(code, names)
            with detect_anomaly(), self.assertRaisesRegex(torch.Error, "infinity") as caught:
                names["call"](torch.zeros(1))
            if found is None:
                self.assertIn("Log makes", str(caught.exception))
            else:
                self.assertIn(f" at {found}", str(caught.exception))

    def test_threads(self):
        found = []

        def work():
            found.append(is_sited())
            sites()
            found.append(is_sited())  # and the thread ends with them

        for _ in range(3):
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()
            found.append(is_sited())
        self.assertEqual(found, [False, True, False] * 3)

    def test_they_may_be_on_to_the_end_of_the_program(self):
        program = """
import atexit
import tapegrad as torch
torch.autograd.sites()
x = torch.ones(3, requires_grad=True)
y = (x * 2).exp()
atexit.register(lambda: y.sum().backward())
"""
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, cwd="/")
        self.assertEqual((run.returncode, run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
