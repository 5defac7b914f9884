# SPDX-License-Identifier: MIT
"""Memory shared with numpy; objects that come and go; finalizers on other threads."""

import gc
import threading
import unittest

import numpy

import tapegrad as torch
from tapegrad import capi


class Numpy(unittest.TestCase):
    def test_writing_on_one_side_shows_on_the_other(self):
        x = torch.arange(6.0).view(2, 3)
        a = x.numpy()
        a[0, 0] = 100
        x[1, 2] = 200
        self.assertEqual((x[0, 0].item(), a[1, 2]), (100, 200))
        b = numpy.arange(6, dtype=numpy.float64)
        y = torch.from_numpy(b)
        b[0] = 5
        y[1] = 6
        self.assertEqual((y[0].item(), b[1]), (5, 6))
        self.assertIs(y.dtype, torch.float64)

    def test_strides_go_along(self):
        base = numpy.arange(24).reshape(2, 3, 4)
        for array in (base, base.T, base[:, ::2], base[::-1], base[:, :0], numpy.broadcast_to(base[0, 0], (2, 4))):
            x = torch.from_numpy(array)
            self.assertEqual((x.tolist(), x.shape), (array.tolist(), array.shape))
            if array.size:
                self.assertEqual(tuple(s * 8 for s in x.stride()), array.strides)
            self.assertEqual(x.numpy().tolist(), array.tolist())
        x = torch.arange(6).view(2, 3).t()
        self.assertEqual(x.numpy().strides, (8, 24))

    def test_every_dtype(self):
        for name in ("float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "bool"):
            array = numpy.array([0, 1, 2]).astype(name)
            x = torch.from_numpy(array)
            self.assertEqual((str(x.dtype), x.numpy().dtype, x.tolist()), (f"torch.{name}", array.dtype, array.tolist()))
            self.assertEqual(torch.tensor(array).tolist(), array.tolist())
        for wrong in (numpy.array([1 + 2j]), numpy.array([1], dtype=">f4"), numpy.array(["a"]),
                      numpy.array([1], dtype=numpy.uint32)):
            with self.assertRaises(torch.Error) as caught:
                torch.from_numpy(wrong)
            self.assertEqual(caught.exception.code, torch.ERROR_DTYPE)
        with self.assertRaises(TypeError):
            torch.ones(1, dtype=torch.bfloat16).numpy()

    def test_a_copy_is_made_by_tensor(self):
        array = numpy.ones(3, dtype=numpy.float32)
        x = torch.tensor(array)
        array[0] = 5
        self.assertEqual(x.tolist(), [1, 1, 1])
        self.assertEqual(torch.tensor([array, array]).shape, (2, 3))
        self.assertEqual(torch.tensor(numpy.float32(2)).item(), 2)
        self.assertEqual((torch.ones(1) * numpy.float64(2)).item(), 2)
        self.assertEqual((torch.ones(1) + numpy.int64(2)).item(), 3)

    def test_read_only_memory_is_not_written(self):
        array = numpy.ones(3, dtype=numpy.float32)
        array.flags.writeable = False
        x = torch.from_numpy(array)
        with self.assertRaises(torch.Error) as caught:
            x += 1
        self.assertEqual(caught.exception.code, torch.ERROR_UNSUPPORTED)
        self.assertEqual((x + 1).tolist(), [2, 2, 2])

    def test_a_tensor_that_requires_grad_is_refused_while_recording_is_on(self):
        x = torch.ones(2, requires_grad=True)
        for call in (x.numpy, lambda: numpy.asarray(x), (x * 2).numpy):
            with self.assertRaises(torch.Error) as caught:
                call()
            self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)
        with torch.no_grad():
            self.assertEqual(x.numpy().tolist(), [1, 1])
        with torch.inference_mode():
            self.assertEqual(x.numpy().tolist(), [1, 1])
        self.assertEqual(x.detach().numpy().tolist(), [1, 1])
        self.assertEqual(x.numpy(force=True).tolist(), [1, 1])

    def test_functions_of_numpy_take_tensors(self):
        x = torch.tensor([[1.0, 2.0]])
        self.assertEqual(numpy.asarray(x).tolist(), [[1, 2]])
        self.assertEqual(numpy.array(x, dtype=numpy.int64).tolist(), [[1, 2]])
        self.assertEqual(numpy.sum(numpy.asarray(x)), 3)

    def test_each_side_keeps_the_memory_alive(self):
        gc.collect()
        before = torch.memory_current()
        array = torch.ones(1000).numpy()
        gc.collect()
        self.assertEqual(array.sum(), 1000)
        self.assertEqual(torch.memory_current() - before, 4000)
        view = array[10:]
        del array
        self.assertEqual(view.sum(), 990)
        del view
        gc.collect()
        self.assertEqual(torch.memory_current(), before)

        class Watched(numpy.ndarray):
            gone = []

            def __del__(self):
                if type(self.base) is not Watched:
                    Watched.gone.append(1)

        x = torch.from_numpy(numpy.ones(4).view(Watched))
        y = x[1:]
        del x
        gc.collect()
        self.assertEqual((y.sum().item(), Watched.gone), (3, []))
        del y
        gc.collect()
        self.assertEqual(Watched.gone, [1])


def resident():
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


class Life(unittest.TestCase):
    def test_a_hundred_thousand_tensors_leave_the_memory_flat(self):
        """Also in rings, which only the garbage collector ends."""
        class Ring(torch.Tensor):
            pass

        def make(count):
            for i in range(count):
                x = torch.ones(50)
                if i % 100 == 0:
                    ring = Ring(x)
                    ring.itself = ring
                (x * 2).sum()
                torch.randn(10, requires_grad=True).exp().sum().backward()

        make(2000)
        gc.collect()
        handles, size = torch.live_handles(), resident()
        make(25_000)
        gc.collect()
        self.assertEqual(torch.live_handles(), handles)
        self.assertLess(resident() - size, 2 << 20)

    def test_finalizers_on_other_threads_under_load(self):
        """Objects end on threads that did not make them, while others compute with what is left of them."""
        gc.collect()
        handles = torch.live_handles()
        basket, lock, stop, failures = [], threading.Lock(), threading.Event(), []

        def make():
            x = torch.randn(200, 200, requires_grad=True)
            while not stop.is_set():
                try:
                    y = x @ x  # large: the GIL is let go meanwhile
                    parts = [y[i] for i in range(20)] + [y, (y * 2).sum()]
                    with lock:
                        basket.extend(parts)
                    parts[-1].backward()
                except Exception as error:
                    failures.append(error)
                    return

        def drop():
            while not stop.is_set():
                with lock:
                    dropped, basket[:] = basket[:], []
                del dropped
                gc.collect(0)

        threads = [threading.Thread(target=work) for work in (make, make, drop, drop)]
        for thread in threads:
            thread.start()
        made = 0
        while made < 300 and not failures:
            (torch.ones(300, 300) @ torch.ones(300, 300)).sum().item()
            made += 1
        stop.set()
        for thread in threads:
            thread.join()
        basket.clear()
        gc.collect()
        self.assertEqual(failures, [])
        self.assertEqual(torch.live_handles(), handles)

    def test_a_release_in_the_middle_of_a_call_is_an_error_or_nothing(self):
        x = torch.randn(400, 400)
        results = []

        def call():
            for _ in range(30):
                try:
                    results.append(capi.mm(x, x).shape)
                except torch.Error as error:
                    results.append(error.code)

        thread = threading.Thread(target=call)
        thread.start()
        capi.release(x)
        thread.join()
        self.assertEqual(set(results) - {(400, 400), torch.ERROR_INVALID_HANDLE}, set())
        self.assertEqual(results[-1], torch.ERROR_INVALID_HANDLE)

    def test_destructors_can_wait_for_drain(self):
        woken = []
        capi.drain_set(lambda: woken.append(1))
        try:
            array = numpy.ones(4)
            x = torch.from_numpy(array)
            del x
            gc.collect()
            self.assertEqual(woken, [1])
            capi.drain()
        finally:
            capi.drain_set(None)


if __name__ == "__main__":
    unittest.main()
