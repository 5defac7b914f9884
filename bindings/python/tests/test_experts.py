# SPDX-License-Identifier: MIT
"""Hooks by PyTorch's names."""

import gc
import subprocess
import sys
import unittest
import weakref

import tapegrad as torch
from tapegrad.autograd import RemovableHandle, grad


def settle():
    gc.collect()
    return torch.live_handles(), torch.memory_current()


class Hooks(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], requires_grad=True)

    def test_register_hook(self):
        seen = []
        handle = self.x.register_hook(lambda gradient: seen.append(gradient.tolist()))
        self.assertIsInstance(handle, RemovableHandle)
        self.x.register_hook(lambda gradient: gradient * 10)  # stays without its handle
        (self.x * 3).sum().backward()
        self.assertEqual((seen, self.x.grad.tolist()), ([[3, 3]], [30, 30]))
        handle.remove()
        handle.remove()
        (self.x * 3).sum().backward()
        self.assertEqual((len(seen), self.x.grad.tolist()), (1, [60, 60]))

    def test_a_hook_stays_with_the_graph_when_its_tensor_is_gone(self):
        y = self.x * 2
        y.register_hook(lambda gradient: gradient * 5)
        y.grad_fn.register_hook(lambda inputs, outputs: tuple(None if g is None else g + 1 for g in inputs))
        total = y.sum()
        del y
        gc.collect()
        total.backward()
        self.assertEqual(self.x.grad.tolist(), [11, 11])

    def test_a_handle_ends_its_hook_at_the_end_of_a_with(self):
        with self.x.register_hook(lambda gradient: gradient * 10):
            self.x.sum().backward()
        self.x.sum().backward()
        self.assertEqual(self.x.grad.tolist(), [11, 11])

    def test_register_post_accumulate_grad_hook_gets_the_object_itself(self):
        seen = []
        self.x.register_post_accumulate_grad_hook(lambda leaf: seen.append((leaf is self.x, leaf.grad.tolist())))
        self.x.sum().backward()
        self.assertEqual(seen, [(True, [1, 1])])
        grad(self.x.sum(), self.x)
        self.assertEqual(len(seen), 1)

    def test_an_optimizer_inside_of_backward(self):
        optimizers = {self.x: torch.optim.SGD([self.x], lr=0.5)}

        def step(leaf):
            optimizers[leaf].step()
            optimizers[leaf].zero_grad()

        with self.x.register_post_accumulate_grad_hook(step):
            (self.x * 2).sum().backward()
        self.assertEqual((self.x.tolist(), self.x.grad), ([0, 1], None))

    def test_hooks_of_nodes(self):
        y = self.x * 2
        node, seen = y.grad_fn, []
        node.register_prehook(lambda outputs: seen.append(("pre", outputs[0].tolist())) or (outputs[0] * 3,))
        handle = node.register_hook(lambda inputs, outputs: seen.append((inputs[0].tolist(), outputs[0].tolist())))
        y.sum().backward(retain_graph=True)
        self.assertEqual(seen, [("pre", [1, 1]), ([6, 6], [3, 3])])
        handle.remove()
        y.sum().backward()
        self.assertEqual((len(seen), self.x.grad.tolist()), (3, [12, 12]))
        leaf = node.next_functions[0][0]
        self.assertEqual(leaf.name(), "AccumulateGrad")
        leaf.register_hook(lambda inputs, outputs: seen.append(inputs))
        self.x.sum().backward()
        self.assertEqual(seen[-1], ())

    def test_a_hook_that_removes_itself_or_calls_backward(self):
        seen = []

        def once(gradient):
            handle.remove()
            inner = torch.ones(1, requires_grad=True)
            with torch.enable_grad():
                (inner * 4).backward()
            seen.append(inner.grad.item())

        handle = self.x.register_hook(once)
        for _ in range(2):
            self.x.sum().backward()
        self.assertEqual((seen, self.x.grad.tolist()), ([4], [2, 2]))

    def test_with_create_graph_a_hook_is_part_of_the_graph(self):
        modes, x = [], self.x
        with x.register_hook(lambda gradient: modes.append(torch.is_grad_enabled()) or gradient * x):
            (slope,) = grad((x * 3).sum(), x, create_graph=True)
            grad((x * 3).sum(), x)
        self.assertEqual((modes, grad(slope.sum(), x)[0].tolist()), ([True, False], [3, 3]))

    def test_a_hook_that_raises_at_each_point(self):
        def broken(*arguments):
            raise LookupError("lost")

        for hang in (lambda y: self.x.register_hook(broken), lambda y: y.register_hook(broken),
                     lambda y: self.x.register_post_accumulate_grad_hook(broken),
                     lambda y: y.grad_fn.register_prehook(broken), lambda y: y.grad_fn.register_hook(broken),
                     lambda y: y.grad_fn.next_functions[0][0].register_hook(broken)):
            y = self.x * 2
            before = settle()
            with hang(y), self.assertRaisesRegex(torch.Error, "lost") as caught:
                y.sum().backward(retain_graph=True)
            self.assertIsInstance(caught.exception.__cause__, LookupError)
            self.x.grad = caught = None
            self.assertEqual(settle(), before)
            y.sum().backward()
            self.assertEqual(self.x.grad.tolist(), [2, 2])
            self.x.grad = y = None

    def test_wrong_hooks(self):
        with self.assertRaises(TypeError):
            self.x.register_hook(3)
        with self.assertRaises(torch.Error):
            torch.ones(1).register_hook(print)
        with self.assertRaises(torch.Error):
            (self.x * 2).register_post_accumulate_grad_hook(print)
        y = self.x * 2
        node = y.grad_fn
        ones = torch.ones(2)
        for hang, wrong in ((self.x.register_hook, "text"), (self.x.register_hook, torch.ones(3)),
                            (self.x.register_hook, ones.double()), (self.x.register_hook, 5),
                            (self.x.register_post_accumulate_grad_hook, ones), (node.register_hook, "text"),
                            (node.register_hook, (1,)), (node.register_hook, (ones,) * 3),
                            (node.register_prehook, (torch.ones(3),))):
            with hang(lambda *arguments: wrong), self.assertRaises(torch.Error):
                y.sum().backward(retain_graph=True)
        self.x.grad = None
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), [2, 2])

    def test_a_hundred_thousand_hooks_leave_nothing(self):
        """Half of them removed, half forgotten with their graph."""
        def work():
            y = self.x * 2
            y.register_hook(lambda gradient: None).remove()
            y.register_hook(lambda gradient: gradient)
            y.grad_fn.register_hook(lambda inputs, outputs: None).remove()
            y.grad_fn.register_prehook(lambda outputs: None)

        work()
        before = settle()
        objects = len(gc.get_objects())
        for _ in range(25_000):
            work()
        self.assertEqual(settle(), before)
        self.assertLess(len(gc.get_objects()) - objects, 100)

    def test_a_hook_ends_with_its_leaf(self):
        class Seen:
            def __call__(self, gradient):
                pass

        seen = Seen()
        gone = weakref.ref(seen)
        self.x.register_hook(seen)
        self.x.register_post_accumulate_grad_hook(seen)
        del seen
        self.x.sum().backward()
        self.assertIsNotNone(gone())
        self.x = None
        self.assertIsNone(gone())

    def test_a_program_may_end_with_hooks_and_functions_in_use(self):
        program = """if True:
            import tapegrad as torch
            from tapegrad.autograd import Function
            class Twice(Function):
                @staticmethod
                def forward(ctx, x):
                    ctx.x = x
                    return x * 2
                @staticmethod
                def backward(ctx, gradient):
                    return gradient * 2
            x = torch.ones(2, requires_grad=True)
            y = Twice.apply(x)
            y.register_hook(lambda gradient: print(y))
            x.register_post_accumulate_grad_hook(lambda leaf: print(y))
            y.grad_fn.register_hook(lambda inputs, outputs: print(y))
            class Late:
                def __del__(self):
                    y.sum().backward()
            late = Late()
            print("end", flush=True)
        """
        run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
        self.assertEqual((run.returncode, run.stdout.split("\n")[0], run.stderr), (0, "end", ""))


if __name__ == "__main__":
    unittest.main()
