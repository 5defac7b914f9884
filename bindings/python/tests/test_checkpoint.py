# SPDX-License-Identifier: MIT
"""Checkpoints by PyTorch's names."""

import asyncio
import gc
import threading
import unittest
import weakref

import tapegrad as torch
from tapegrad import capi, nn
from tapegrad.utils import checkpoint as module
from tapegrad.utils.checkpoint import checkpoint, checkpoint_sequential


def settle():
    gc.collect()
    return torch.live_handles(), torch.memory_current()


class Checkpoints(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], requires_grad=True)
        self.w = torch.tensor([3.0, 4.0], requires_grad=True)
        self.runs = 0

    def layer(self, x):
        self.runs += 1
        return (x * self.w).sin().exp()

    def gradients(self, call):
        self.x.grad = self.w.grad = None
        y = call(self.x * 2)
        y.sum().backward()
        return y.tolist(), self.x.grad.tolist(), self.w.grad.tolist()

    def test_the_same_as_without_and_the_function_runs_twice(self):
        plain = self.gradients(self.layer)
        self.assertEqual(self.runs, 1)
        self.assertEqual(self.gradients(lambda x: checkpoint(self.layer, x, use_reentrant=False)), plain)
        self.assertEqual(self.runs, 3)
        self.assertEqual(self.gradients(lambda x: checkpoint(lambda y: checkpoint(self.layer, y), x)), plain)

    def test_less_is_kept(self):
        x = torch.ones(1000, 100, requires_grad=True)
        layers = [torch.sin, torch.exp, torch.tanh] * 4

        def peak(run):
            x.grad = None
            start = settle()[1]
            capi.memory_peak_reset()
            y = x * 1
            for i in range(4):
                y = run(layers[3 * i:3 * i + 3], y)
            y.sum().backward()
            return capi.memory_peak() - start

        def group(layers, y):
            for layer in layers:
                y = layer(y)
            return y

        plain, saving = peak(group), peak(lambda layers, y: checkpoint(group, layers, y))
        self.assertLess(saving, plain * 0.75)

    def test_arguments_and_results_of_any_form(self):
        seen = []

        def function(number, x, *more, scale, name="none"):
            seen.append((number, name, [type(y) for y in more]))
            return {"product": x * more[1] * scale, "rest": [name, None, (x * number,)]}

        nested = [self.w, "text"]
        made = checkpoint(function, 5, self.x, nested, self.w, scale=self.x * 3, name="given")
        self.assertEqual(made["product"].tolist(), [9, 48])
        self.assertEqual((made["rest"][:2], made["rest"][2][0].tolist()), (["given", None], [5, 10]))
        made["product"].sum().backward()
        self.assertEqual(self.x.grad.tolist(), [18, 48])
        self.assertEqual(self.w.grad.tolist(), [3, 12])
        self.assertEqual(seen, [(5, "given", [list, torch.Tensor])] * 2)

    def test_the_function_has_the_callers_own_objects_and_may_give_them_back(self):
        given = []

        def function(x, other):
            given.append(x)
            return x, other, x.exp()

        other = object()
        x, back, y = checkpoint(function, self.x, other)
        self.assertIs(x, self.x)
        self.assertIs(given[0], self.x)
        self.assertIs(back, other)
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), y.tolist())

    def test_without_tensors_and_without_results(self):
        self.assertIsNone(checkpoint(lambda: None))
        self.assertEqual(checkpoint(lambda text: text * 2, "ab"), "abab")
        y = checkpoint(lambda: self.x.exp())
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), y.tolist())

    def test_random_numbers_are_the_same_again(self):
        masks = []

        def drop(x):
            mask = torch.rand(2)
            masks.append(mask.tolist())
            return (x * mask).exp()

        torch.manual_seed(7)
        y = checkpoint(drop, self.x)
        after = torch.rand(3)
        torch.manual_seed(7)
        torch.rand(2)
        self.assertEqual(torch.rand(3).tolist(), after.tolist())
        y.sum().backward()
        self.assertEqual(masks[0], masks[1])
        self.assertTrue(torch.allclose(self.x.grad, y * torch.tensor(masks[0])))
        following = torch.rand(3).tolist()
        torch.manual_seed(7)
        torch.rand(2), torch.rand(3)
        self.assertEqual(torch.rand(3).tolist(), following)

    def test_higher_derivatives(self):
        y = checkpoint(lambda x: x**3, self.x).sum()
        (first,) = torch.autograd.grad(y, self.x, create_graph=True)
        (second,) = torch.autograd.grad(first.sum(), self.x)
        self.assertEqual((first.tolist(), second.tolist()), ([3, 12], [6, 12]))

    def test_modules(self):
        net = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))
        net(self.x).sum().backward()
        plain = [parameter.grad.tolist() for parameter in net.parameters()]
        for run in (lambda: checkpoint(net, self.x), lambda: checkpoint_sequential(net, 2, self.x),
                    lambda: checkpoint_sequential(list(net.children()), 3, self.x, use_reentrant=False),
                    lambda: checkpoint_sequential(net, 1, self.x)):
            net.zero_grad()
            run().sum().backward()
            self.assertEqual([parameter.grad.tolist() for parameter in net.parameters()], plain)

    def test_the_last_part_of_a_sequence_runs_once(self):
        runs = [0] * 5

        def function(number):
            def run(x):
                runs[number] += 1
                return x.sin()
            return run

        checkpoint_sequential([function(i) for i in range(5)], 2, self.x).sum().backward()
        self.assertEqual(runs, [2, 2, 1, 1, 1])
        for segments in (0, -1, 6):
            with self.assertRaisesRegex(torch.Error, "segments") as caught:
                checkpoint_sequential([function(i) for i in range(5)], segments, self.x)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_ARGUMENT)

    def test_nothing_is_kept_where_nothing_records(self):
        for mode in (torch.no_grad(), torch.inference_mode()):
            with mode:
                y = checkpoint(self.layer, self.x)
            self.assertFalse(y.requires_grad)
        self.assertEqual(self.runs, 2)
        self.assertTrue(y.is_inference())

    def test_what_the_function_raises(self):
        problems = [LookupError("first"), None, LookupError("again"), torch.Error("of its own")]

        def function(x):
            problem = problems.pop(0)
            if problem is not None:
                raise problem
            return x.exp()

        start = settle()
        with self.assertRaisesRegex(LookupError, "first"):
            checkpoint(function, self.x)
        self.assertEqual(settle(), start)
        y = checkpoint(function, self.x)
        for kind in (LookupError, torch.Error):
            with self.assertRaisesRegex(torch.Error, "again|of its own") as caught:
                y.sum().backward(retain_graph=True)
            self.assertIsInstance(caught.exception.__cause__, kind)
        self.assertIsNone(self.x.grad)
        problems.append(None)
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), y.tolist())

    def test_a_function_that_does_not_do_the_same_again(self):
        def function(x):
            self.runs += 1
            return x.exp() if self.runs == 1 else x.sin().exp()

        y = checkpoint(function, self.x)
        with self.assertRaisesRegex(torch.Error, "same operators each time"):
            y.sum().backward()

    def test_arguments_that_change(self):
        with self.assertRaises(torch.Error) as caught:
            checkpoint(lambda x: x.mul_(2).exp(), self.x * 1)
        self.assertEqual(caught.exception.code, torch.ERROR_UNSUPPORTED)
        x = self.x * 1
        y = checkpoint(torch.exp, x)
        x.mul_(2)
        with self.assertRaises(torch.Error) as caught:
            y.sum().backward()
        self.assertEqual(caught.exception.code, torch.ERROR_VERSION)

    def test_wrong_arguments(self):
        for keywords in ({"use_reentrant": True}, {"preserve_rng_state": False}):
            with self.assertRaisesRegex(torch.Error, next(iter(keywords))) as caught:
                checkpoint(torch.exp, self.x, **keywords)
            self.assertEqual(caught.exception.code, torch.ERROR_UNSUPPORTED)
        self.assertEqual(checkpoint(torch.exp, self.x, use_reentrant=None).tolist(), self.x.exp().tolist())
        for arguments in ((), (None, self.x), (5,), (torch.exp,), (torch.exp, self.x, self.x, self.x)):
            with self.assertRaises(TypeError):
                checkpoint(*arguments)
        with torch.inference_mode():
            inference = torch.ones(2)
        with self.assertRaises(torch.Error) as caught:
            checkpoint(lambda x, y: (x * y).exp(), self.x, inference)
        self.assertEqual(caught.exception.code, torch.ERROR_MODE)
        for arguments in ((None, [self.x], 1), (torch.exp, [self.x], 0)):
            with self.assertRaises(torch.Error) as caught:
                capi.checkpoint(*arguments)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_ARGUMENT)
        for wrong in (None, "text", (self.x, self.x)):
            with self.assertRaises(torch.Error):
                capi.checkpoint(lambda x: wrong, [self.x], 1)

    def test_the_checkpoint_of_the_c_interface(self):
        outs = capi.checkpoint(lambda x, y: [x * y, x + y], [self.x, self.w], 2)
        self.assertEqual([out.tolist() for out in outs], [[3, 8], [4, 6]])
        (outs[0] * outs[1]).sum().backward()
        self.assertEqual(self.x.grad.tolist(), (2 * self.x * self.w + self.w * self.w).tolist())

    def test_everything_ends_with_the_graph(self):
        class Data:
            pass

        start = settle()
        data = Data()
        gone = weakref.ref(data)
        y = checkpoint(lambda x, data, scale: (x * scale).exp(), self.x, data, scale=self.w * 2)
        del data
        gc.collect()
        self.assertIsNotNone(gone())
        y.sum().backward()
        gc.collect()
        self.assertIsNone(gone())
        del y
        self.x.grad = self.w.grad = None
        self.assertEqual(settle(), start)
        checkpoint(torch.exp, self.x)  # dropped without a backward
        self.assertEqual(settle(), start)

    def test_the_graph_holds_the_arguments_for_the_function(self):
        x, scale = self.x * 2, self.w * 2
        gone = weakref.ref(x), weakref.ref(scale)
        y = checkpoint(lambda x, scale: (x * scale).exp(), x, scale=scale)
        del x, scale
        gc.collect()
        self.assertEqual([reference() for reference in gone], [None, None])  # an outer checkpoint may free them
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), (y * self.w * 4).tolist())

    def test_many_checkpoints_leave_the_memory_flat(self):
        def some(count):
            for i in range(count):
                y = checkpoint(lambda x, i: (x * 2).exp(), self.x, i)
                if i % 2:
                    y.sum().backward()
            self.x.grad = None

        some(100)
        start = settle()
        some(10000)
        self.assertEqual(settle(), start)

    def test_threads(self):
        failures = []

        def work(number):
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            for _ in range(200):
                x.grad = None
                y = checkpoint(lambda x: (x * number).exp(), x)
                y.sum().backward()
                if x.grad.tolist() != (y * number).tolist():
                    failures.append(number)

        threads = [threading.Thread(target=work, args=(number,)) for number in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])

    def test_modes_in_tasks(self):
        modes = []

        def function(x):
            modes.append((torch.is_grad_enabled(), torch.is_inference_mode_enabled()))
            with torch.no_grad():
                y = x.exp()
            with torch.inference_mode():
                x.exp()
            return y * x

        async def work(number):
            x = torch.tensor([1.0 + number], requires_grad=True)
            with torch.no_grad(), torch.enable_grad():
                await asyncio.sleep(0)
                y = checkpoint(function, x)
                await asyncio.sleep(0)
            with torch.no_grad():
                y.backward()
                self.assertEqual(torch.is_grad_enabled(), False)
                await asyncio.sleep(0)
            return x.grad.tolist() == x.exp().tolist()

        async def main():
            return await asyncio.gather(*(work(i) for i in range(5)))

        self.assertEqual(asyncio.run(main()), [True] * 5)
        self.assertEqual(modes, [(True, False)] * 10)

    def test_names(self):
        self.assertIs(torch.utils.checkpoint, module)
        self.assertEqual(sorted(module.__all__), ["checkpoint", "checkpoint_sequential"])


if __name__ == "__main__":
    unittest.main()
