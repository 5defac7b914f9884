# SPDX-License-Identifier: MIT
"""What the graph keeps: hooks on saved tensors."""

import asyncio
import gc
import os
import tempfile
import threading
import unittest
import weakref

import tapegrad as torch
from tapegrad import capi
from tapegrad.autograd.graph import save_on_cpu, saved_tensors_hooks


def settle():
    gc.collect()
    return torch.live_handles(), torch.memory_current()


def same(x):
    return x


class SavedTensorsHooks(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], requires_grad=True)

    def test_what_is_packed_stands_for_the_saved_tensors(self):
        packed, unpacked = [], []

        def pack(x):
            packed.append((x.tolist(), x.requires_grad, torch.is_grad_enabled()))
            return x.tolist(), x.dtype

        def unpack(kept):
            unpacked.append(kept[0])
            return torch.tensor(kept[0], dtype=kept[1])

        with saved_tensors_hooks(pack, unpack) as given:
            self.assertIsNone(given)
            y = (self.x * 3).exp()
            z = y * y
        self.assertEqual([elements for elements, *_ in packed[1:]], [y.tolist()] * len(packed[1:]))
        self.assertTrue(all(rest == [False, False] for _, *rest in packed))
        count = len(packed)
        z = z * z  # outside
        self.assertEqual((len(packed), unpacked), (count, []))
        z.sum().backward()
        self.assertGreater(len(unpacked), 0)
        again = torch.tensor([1.0, 2.0], requires_grad=True)
        y = (again * 3).exp()
        y = y * y
        (y * y).sum().backward()
        self.assertEqual(self.x.grad.tolist(), again.grad.tolist())

    def test_saved_tensors_in_files(self):
        with tempfile.TemporaryDirectory() as folder:
            def pack(x):
                path = os.path.join(folder, str(len(os.listdir(folder))))
                torch.safetensors.save_file({"x": x}, path)
                return path

            with saved_tensors_hooks(pack, lambda path: torch.safetensors.load_file(path)["x"]):
                total = (self.x * self.x).sin().sum()
            self.assertEqual(len(os.listdir(folder)), 3)
            total.backward()
        self.assertTrue(torch.allclose(self.x.grad, (self.x * self.x).cos() * 2 * self.x))

    def test_the_innermost_hooks_alone_are_asked(self):
        asked = []
        outer = saved_tensors_hooks(lambda x: asked.append("outer") or x, same)
        inner = saved_tensors_hooks(lambda x: asked.append("inner") or x, same)
        with outer:
            self.x.exp()
            with inner:
                self.x.exp()
                with outer:  # once more
                    self.x.exp()
                self.x.exp()
            self.x.exp()
        self.x.exp()
        self.assertEqual(asked, ["outer", "inner", "outer", "inner", "outer"])

    def test_nothing_is_packed_where_nothing_records(self):
        packed = []
        with saved_tensors_hooks(packed.append, same):
            for mode in (torch.no_grad(), torch.inference_mode()):
                with mode:
                    self.x.exp()
            torch.ones(2).exp()
        self.assertEqual(packed, [])

    def test_what_hooks_call_is_not_packed(self):
        depth = []

        def pack(x):
            depth.append(1)
            with torch.enable_grad():
                (x.requires_grad_() * 2).exp()
            return x.detach()

        with saved_tensors_hooks(pack, lambda kept: kept.exp().log()):
            y = self.x.exp()
        self.assertEqual(len(depth), 1)
        y.sum().backward()
        self.assertTrue(torch.allclose(self.x.grad, self.x.exp()))

    def test_a_change_after_packing_is_no_error(self):
        with saved_tensors_hooks(torch.Tensor.clone, same):
            y = self.x * 1
            z = y * y
        y.mul_(10)
        z.sum().backward()
        self.assertEqual(self.x.grad.tolist(), [2, 4])

    def test_what_pack_raises_is_the_cause(self):
        def broken(x):
            raise LookupError("no room")

        start = settle()
        for call in (self.x.exp, lambda: self.x * self.x, lambda: self.x @ self.x):
            with saved_tensors_hooks(broken, same), self.assertRaisesRegex(torch.Error, "no room") as caught:
                call()
            self.assertIsInstance(caught.exception.__cause__, LookupError)
            self.assertEqual(caught.exception.code, torch.ERROR_CALLBACK)
            del caught
        y = torch.tensor([1.0]).requires_grad_() * 1
        with saved_tensors_hooks(broken, same), self.assertRaises(torch.Error):
            y.exp_()
        self.assertEqual((y.tolist(), y._version), ([1], 0))  # nothing has changed
        del y
        self.assertEqual(settle(), start)

    def test_what_unpack_raises_is_the_cause_and_backward_may_be_tried_again(self):
        answers = [LookupError("lost"), torch.Error("lost too"), None]

        def unpack(kept):
            answer = answers.pop(0) if answers else None
            if answer is not None:
                raise answer
            return kept

        with saved_tensors_hooks(same, unpack):
            y = self.x.exp()
        for kind in (LookupError, torch.Error):
            with self.assertRaisesRegex(torch.Error, "lost") as caught:
                y.sum().backward(retain_graph=True)
            self.assertIsInstance(caught.exception.__cause__, kind)
            self.assertIsNone(self.x.grad)
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), y.tolist())

    def test_a_keyboard_interrupt_passes_as_it_is(self):
        def interrupted(x):
            raise KeyboardInterrupt

        with saved_tensors_hooks(interrupted, same), self.assertRaises(KeyboardInterrupt):
            self.x.exp()
        with saved_tensors_hooks(same, interrupted):
            y = self.x.exp()
        with self.assertRaises(KeyboardInterrupt):
            y.sum().backward()

    def test_wrong_results_of_unpack(self):
        with torch.inference_mode():
            inference = torch.ones(2)
        for wrong in (None, "text", 1.5, object(), [self.x], (self.x, self.x), [], capi.token_create(), torch.ones(3),
                      torch.ones(2, 1), torch.ones(2, dtype=torch.float64), inference):
            with saved_tensors_hooks(same, lambda kept: wrong):
                y = self.x.exp()
            with self.assertRaises(torch.Error) as caught:
                y.sum().backward()
            self.assertEqual(isinstance(caught.exception.__cause__, TypeError), not isinstance(wrong, torch.Tensor))
        self.assertIsNone(self.x.grad)

    def test_wrong_arguments(self):
        for arguments in ((1, same), (same, None), ("pack", "unpack")):
            with self.assertRaises(TypeError):
                saved_tensors_hooks(*arguments)
        for arguments in ((), (same,), (same, same, same)):
            with self.assertRaises(TypeError):
                capi.saved_tensor_hooks_enter(*arguments)
        for arguments in ((None, same), (same, None)):
            with self.assertRaises(torch.Error) as caught:
                capi.saved_tensor_hooks_enter(*arguments)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_ARGUMENT)

    def test_hooks_end_in_their_order_and_on_their_thread(self):
        outer, inner = saved_tensors_hooks(same, same), saved_tensors_hooks(same, same)
        failed = []

        def leave():
            try:
                outer.__exit__(None, None, None)
            except torch.Error as error:
                failed.append(error.code)

        outer.__enter__()
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join()
        inner.__enter__()
        leave()
        self.assertEqual(failed, [torch.ERROR_MODE] * 2)
        inner.__exit__(None, None, None)
        outer.__exit__(None, None, None)
        for manager in (inner, outer):
            with self.assertRaises((torch.Error, IndexError)):
                manager.__exit__(None, None, None)
        hooks = capi.saved_tensor_hooks_enter(same, same)
        with self.assertRaises(torch.Error) as caught:
            capi.release(hooks.handle)
        self.assertEqual(caught.exception.code, torch.ERROR_MODE)
        capi.saved_tensor_hooks_exit(hooks)
        for wrong in (hooks, self.x, None, 12345):
            with self.assertRaises(torch.Error) as caught:
                capi.saved_tensor_hooks_exit(wrong)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_HANDLE)

    def test_what_was_packed_ends_with_the_graph_and_hooks_with_it(self):
        class Kept:
            def __init__(self, x):
                self.x = x

        kept = []

        def pack(x):
            thing = Kept(x.clone())
            kept.append(weakref.ref(thing))
            return thing

        def unpack(thing):
            return thing.x

        gone = weakref.ref(pack), weakref.ref(unpack)
        start = settle()
        with saved_tensors_hooks(pack, unpack):
            y = self.x * self.x
        del pack, unpack
        gc.collect()
        self.assertTrue(all(reference() is not None for reference in [*kept, *gone]))
        y.sum().backward()  # which frees what was saved
        gc.collect()
        self.assertEqual([reference() for reference in [*kept, *gone]], [None] * 4)
        del y
        self.x.grad = None
        self.assertEqual(settle(), start)

    def test_a_graph_that_is_dropped_lets_go_of_what_was_packed(self):
        kept = []

        def pack(x):
            kept.append(weakref.ref(x))
            return x

        start = settle()
        with saved_tensors_hooks(pack, same):
            y = self.x.exp().exp()
        del y
        self.assertEqual([reference() for reference in kept], [None, None])
        self.assertEqual(settle(), start)

    def test_a_hundred_thousand_hooks_leave_the_memory_flat(self):
        def some(count):
            for _ in range(count):
                with saved_tensors_hooks(lambda x: (x,), lambda kept: kept[0]):
                    y = self.x.exp()
                y.sum().backward()
            self.x.grad = None

        some(1000)
        before = *settle(), resident()
        some(100000)
        handles, memory, size = *settle(), resident()
        self.assertEqual((handles, memory), before[:2])
        self.assertLess(size - before[2], 2 << 20)

    def test_hooks_belong_to_their_thread(self):
        packed = []
        with saved_tensors_hooks(packed.append, same):
            thread = threading.Thread(target=self.x.exp)
            thread.start()
            thread.join()
        self.assertEqual(packed, [])

    def test_backward_on_another_thread(self):
        threads = []
        with saved_tensors_hooks(same, lambda kept: threads.append(threading.get_ident()) or kept):
            y = self.x.exp()
        thread = threading.Thread(target=y.sum().backward)
        thread.start()
        thread.join()
        self.assertEqual((threads, self.x.grad.tolist()), ([thread.ident], y.tolist()))

    def test_hooks_leave_a_tasks_modes_alone(self):
        def pack(x):
            torch.inference_mode().__enter__()
            return x.tolist()

        async def work():
            with torch.inference_mode(), torch.inference_mode(False):
                await asyncio.sleep(0)
                with saved_tensors_hooks(pack, torch.tensor):
                    with self.assertRaises(torch.Error) as caught:
                        self.x.exp()
                    self.assertEqual(caught.exception.code, torch.ERROR_MODE)
                    await asyncio.sleep(0)  # the other's modes are put in place, and this one's again
                    self.assertEqual((torch.is_grad_enabled(), torch.is_inference_mode_enabled()), (True, False))
                with saved_tensors_hooks(torch.Tensor.tolist, torch.tensor):
                    y = self.x.exp()
                y.sum().backward()
                await asyncio.sleep(0)
                self.assertEqual((torch.is_grad_enabled(), torch.is_inference_mode_enabled()), (True, False))
            return self.x.grad.tolist()

        async def other():
            for _ in range(9):
                with torch.no_grad():
                    await asyncio.sleep(0)
                    self.assertFalse(torch.is_grad_enabled())

        async def main():
            return await asyncio.gather(work(), other())

        self.assertEqual(asyncio.run(main())[0], self.x.exp().tolist())

    def test_save_on_cpu_changes_nothing(self):
        with save_on_cpu(pin_memory=True):
            self.x.exp().sum().backward()
        self.assertEqual(self.x.grad.tolist(), self.x.exp().tolist())


def resident():
    gc.collect()
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    unittest.main()
