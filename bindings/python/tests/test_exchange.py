# SPDX-License-Identifier: MIT
"""DLPack in both directions, and what a host lends and hears."""

import gc
import importlib.util
import subprocess
import sys
import threading
import unittest

import numpy

import tapegrad as torch
from tapegrad import capi


def has(*names):
    return unittest.skipUnless(all(hasattr(capi, name) for name in names), f"this library has no {', '.join(names)}")


@has("to_dlpack", "from_dlpack")
class DLPack(unittest.TestCase):
    def test_numpy_takes_a_tensor_and_both_see_writes(self):
        x = torch.arange(6.0).view(2, 3).t()
        a = numpy.from_dlpack(x)
        self.assertEqual((a.tolist(), a.strides), (x.tolist(), (4, 12)))
        x[0, 0] = 100
        self.assertEqual(a[0, 0], 100)
        del x
        gc.collect()
        self.assertEqual(a[0, 0], 100)

    def test_a_tensor_takes_an_array_and_both_see_writes(self):
        a = numpy.arange(6, dtype=numpy.float64).reshape(2, 3)
        x = torch.from_dlpack(a)
        self.assertEqual((x.tolist(), x.dtype, x.stride()), (a.tolist(), torch.float64, (3, 1)))
        a[1, 2] = 7
        x[0, 0] = 8
        self.assertEqual((x[1, 2].item(), a[0, 0]), (7, 8))
        base = sys.getrefcount(a)
        del x
        gc.collect()
        self.assertEqual(sys.getrefcount(a), base - 1)

    def test_both_forms_and_copies(self):
        before = torch.memory_current()
        for version in (None, (0, 8), (1, 0), (2, 0)):
            for copy in (None, True):
                x = torch.tensor([[1, 2], [3, 4]], dtype=torch.int16)
                capsule = x.__dlpack__(max_version=version, copy=copy)
                y = torch.from_dlpack(capsule)
                x[0, 0] = 9
                self.assertEqual(y[0, 0].item(), 1 if copy else 9)
                with self.assertRaises(torch.Error) as caught:
                    torch.from_dlpack(capsule)
                self.assertIn("used already", str(caught.exception))
                x.__dlpack__(max_version=version)  # a capsule that nobody takes
        del x, y, capsule
        gc.collect()
        self.assertEqual(torch.memory_current(), before)
        self.assertEqual(torch.ones(1).__dlpack_device__(), (1, 0))

    def test_what_is_refused(self):
        x = torch.ones(2, requires_grad=True)
        for mode in (torch.enable_grad(), torch.no_grad(), torch.inference_mode()):
            with mode, self.assertRaises(torch.Error) as caught:
                x.__dlpack__()
            self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)
        for wrong in (lambda: x.detach().__dlpack__(stream=1), lambda: x.detach().__dlpack__(dl_device=(2, 0)),
                      lambda: torch.from_dlpack(7)):
            with self.assertRaises(torch.Error):
                wrong()
        array = numpy.ones(2)
        array.flags.writeable = False
        read_only = torch.from_numpy(array)
        with self.assertRaises(torch.Error):
            read_only.__dlpack__()
        again = torch.from_dlpack(read_only)  # the versioned form says that it is read-only
        with self.assertRaises(torch.Error):
            again += 1

    @unittest.skipUnless(importlib.util.find_spec("torch"), "torch is not installed")
    def test_torch_and_tapegrad_share_memory(self):
        program = """if True:
            import torch, tapegrad
            x = tapegrad.arange(6.0).view(2, 3)
            y = torch.from_dlpack(x)
            y[0, 0] = 5; x[1, 2] = 6
            assert x[0, 0].item() == 5 and y[1, 2].item() == 6
            z = torch.arange(4).t()
            w = tapegrad.from_dlpack(z)
            w[0] = 7
            assert z[0].item() == 7 and w.tolist() == z.tolist()
            del z, y
            print(w.tolist(), x.tolist())
        """
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
        self.assertEqual((run.returncode, run.stdout), (0, "[7, 1, 2, 3] [[5.0, 1.0, 2.0], [3.0, 4.0, 6.0]]\n"), run.stderr)


class Host(unittest.TestCase):
    @has("log_set")
    def test_failures_are_logged(self):
        lines = []
        capi.log_set(lambda level, text: lines.append((level, text)))
        try:
            with self.assertRaises(torch.Error) as caught:
                torch.ones(2) @ torch.ones(3)
        finally:
            capi.log_set(None)
        self.assertEqual(lines, [(torch.LOG_ERROR, str(caught.exception))])

    @has("memory_pressure_set")
    def test_the_collector_runs_before_memory_is_refused(self):
        class Ring(torch.Tensor):
            pass

        gc.collect()
        gc.disable()
        torch.memory_limit_set(torch.memory_current() + 1_000_000)
        try:
            for _ in range(20):
                ring = Ring(torch.zeros(100_000))  # 400,000 bytes, in a ring that only the collector ends
                ring.itself = ring
            with self.assertRaises(MemoryError):
                torch.zeros(1_000_000)
        finally:
            torch.memory_limit_set(0)
            gc.enable()

    @has("token_create")
    def test_a_cancelled_token_stops_calls(self):
        token = capi.token_create()
        x = torch.ones(3, requires_grad=True)
        y = (x * x).sum()
        capi.token_use(token)
        try:
            threading.Thread(target=lambda: capi.token_cancel(token)).start()
            while not capi.token_is_cancelled(token):
                pass
            with self.assertRaises(torch.Error) as caught:
                y.backward()
        finally:
            capi.token_use(None)
        self.assertEqual(caught.exception.name, "TG_ERROR_CANCELLED")
        y.backward()

    @has("parallel_for_set")
    def test_threads_of_python_can_be_lent(self):
        from concurrent.futures import ThreadPoolExecutor
        x = torch.ones(600, 600)
        expected = (x.exp() + x).sum().item()
        seen = []
        with ThreadPoolExecutor(2) as pool:
            def parallel_for(count, run):
                seen.append((count, run))
                list(pool.map(run, range(count)))

            threads = torch.num_threads()
            torch.num_threads_set(2)
            capi.parallel_for_set(parallel_for)
            try:
                big = torch.ones(2000, 2000)
                self.assertEqual((x.exp() + x).sum().item(), expected)
                self.assertEqual((big + big)[0, 0].item(), 2)
            finally:
                capi.parallel_for_set(None)
                torch.num_threads_set(threads)
        for _, run in seen:
            with self.assertRaises(torch.Error):
                run(0)


class Named(unittest.TestCase):
    @has("call", "describe")
    def test_functions_are_called_by_their_names(self):
        x = torch.tensor([1.0, 2.0])
        (y,) = capi.call("tg_add", [x, x])
        self.assertEqual((type(y), y.tolist()), (torch.Tensor, [2, 4]))
        self.assertEqual(capi.call("tg_mul_scalar", [x, 3.0])[0].tolist(), [3, 6])
        self.assertEqual(capi.call("tg_zeros", [capi.FLOAT32, [2, 3]])[0].shape, (2, 3))
        self.assertEqual(capi.call("tg_version_string", []), [torch.__version__])
        self.assertEqual(capi.call("tg_tensor_size", [x, 0]), [2])
        room = bytearray(16)
        self.assertEqual(capi.call("tg_tensor_name", [x, room]), [0])
        for name, arguments, code in (("tg_no_such", [], torch.ERROR_NOT_FOUND), ("tg_add", [x], torch.ERROR_INVALID_ARGUMENT),
                                      ("tg_add", [x, 1.0], torch.ERROR_INVALID_ARGUMENT),
                                      ("tg_add", [x, torch.ones(3)], torch.ERROR_SHAPE)):
            with self.assertRaises(torch.Error) as caught:
                capi.call(name, arguments)
            self.assertEqual(caught.exception.code, code, name)
        self.assertIn("tg_add", capi.describe("tg_add"))
        self.assertGreater(len(capi.describe(None)), 10_000)

    @has("ffi_operator", "operator_apply")
    def test_a_function_of_the_c_library_is_an_operator(self):
        sine = capi.ffi_operator({"name": "sine", "library": "libm.so.6", "symbol": "sin", "signature": "f64 -> f64",
                                  "backward_symbol": "cos", "backward_signature": "f64 -> f64"})
        x = torch.tensor([0.0, 1.0], dtype=torch.double, requires_grad=True)
        (y,) = capi.operator_apply(sine, [x], [], 1)
        y.sum().backward()
        self.assertTrue(torch.allclose(y, x.sin()))
        self.assertTrue(torch.allclose(x.grad, x.cos()))
        with self.assertRaises(TypeError):
            capi.ffi_operator({"no such field": 1})
        with self.assertRaises(torch.Error) as caught:
            capi.ffi_operator({"name": "x", "library": "no.such.library", "symbol": "sin", "signature": "f64 -> f64"})
        self.assertEqual(caught.exception.code, torch.ERROR_NOT_FOUND)


if __name__ == "__main__":
    unittest.main()
