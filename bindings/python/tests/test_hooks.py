# SPDX-License-Identifier: MIT
"""Hooks, and operators whose functions are Python's, as the C interface has them."""

import gc
import unittest
import weakref

import tapegrad as torch
from tapegrad import capi


class Hooks(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], requires_grad=True)

    def test_a_hook_on_a_tensor_sees_and_replaces_its_gradient(self):
        seen = []
        y = self.x * 3
        hooks = [capi.tensor_hook(y, lambda tensor, grad: seen.append((tensor.tolist(), grad.tolist()))),
                 capi.tensor_hook(y, lambda tensor, grad: grad * 10)]
        y.sum().backward(retain_graph=True)
        self.assertEqual((seen, self.x.grad.tolist()), ([([3, 6], [1, 1])], [30, 30]))
        del hooks[1]  # the object owns the hook
        y.sum().backward()
        self.assertEqual((len(seen), self.x.grad.tolist()), (2, [33, 33]))

    def test_what_a_hook_is_handed_outlives_it(self):
        kept = []
        hook = capi.tensor_hook(self.x, lambda tensor, grad: kept.extend((tensor, grad)))
        (self.x * 2).sum().backward()
        self.assertEqual([tensor.tolist() for tensor in kept], [[1, 2], [2, 2]])
        self.assertTrue(capi.is_same(kept[0], self.x))
        del hook

    def test_a_hook_on_a_tensor_that_is_gone(self):
        seen = []
        y = self.x * 2
        hook = capi.tensor_hook(y, lambda tensor, grad: seen.append(tensor))
        total = y.sum()
        del y
        total.backward()
        self.assertEqual(seen, [None])
        del hook

    def test_a_hook_after_accumulation_changes_grad_itself(self):
        seen = []

        def halve(leaf, grad):
            seen.append(grad.tolist())
            grad.mul_(0.5)

        hook = capi.post_accumulate_grad_hook(self.x, halve)
        (self.x * 2).sum().backward()
        self.assertEqual((seen, self.x.grad.tolist()), ([[2, 2]], [1, 1]))
        hook = capi.post_accumulate_grad_hook(self.x, lambda leaf, grad: grad)
        with self.assertRaisesRegex(torch.Error, "leave \\*out 0"):
            (self.x * 2).sum().backward()
        del hook

    def test_hooks_on_nodes(self):
        y = self.x * torch.tensor([3.0, 4.0])
        node, seen = capi.tensor_grad_fn(y), []

        def before(node, grad_inputs, grad_outputs):
            seen.append((capi.node_name(node), grad_inputs, [g.tolist() for g in grad_outputs]))
            return (grad_outputs[0] * 2,)

        def after(node, grad_inputs, grad_outputs):
            seen.append(([None if g is None else g.tolist() for g in grad_inputs], [g.tolist() for g in grad_outputs]))
            return [grad_inputs[0] + 1, None]

        hooks = capi.node_hook(node, capi.BEFORE, before), capi.node_hook(node, capi.AFTER, after)
        y.sum().backward()
        self.assertEqual(seen, [("MulBackward", None, [[1, 1]]), ([[6, 8], None], [[2, 2]])])
        self.assertEqual(self.x.grad.tolist(), [7, 9])
        del hooks

    def test_a_hook_after_a_leaf_has_no_gradients_to_replace(self):
        seen = []
        leaf = capi.node_inputs(capi.tensor_grad_fn(self.x * 2))[0]
        hook = capi.node_hook(leaf, capi.AFTER, lambda node, inputs, outputs: seen.append((inputs, len(outputs))))
        (self.x * 2).sum().backward()
        self.assertEqual(seen, [((), 1)])
        del hook
        hook = capi.node_hook(leaf, capi.AFTER, lambda node, inputs, outputs: outputs)
        with self.assertRaisesRegex(torch.Error, "1 results, 0 are wanted"):
            (self.x * 2).sum().backward()
        del hook

    def test_what_a_hook_raises_is_the_cause(self):
        def broken(*arguments):
            raise LookupError("lost")

        y = self.x * 2
        for make in (lambda: capi.tensor_hook(y, broken), lambda: capi.post_accumulate_grad_hook(self.x, broken),
                     lambda: capi.node_hook(capi.tensor_grad_fn(y), capi.BEFORE, broken),
                     lambda: capi.node_hook(capi.tensor_grad_fn(y), capi.AFTER, broken)):
            hook = make()
            with self.assertRaisesRegex(torch.Error, "lost") as caught:
                y.sum().backward(retain_graph=True)
            self.assertIsInstance(caught.exception.__cause__, LookupError)
            self.assertEqual(caught.exception.code, torch.ERROR_CALLBACK)
            del hook
        self.x.grad = None
        y.sum().backward()
        self.assertEqual(self.x.grad.tolist(), [2, 2])

    def test_wrong_results_and_arguments(self):
        node = capi.tensor_grad_fn(self.x * 2)
        for wrong in ("text", 1.5, object(), (self.x, self.x)):
            hook = capi.tensor_hook(self.x, lambda tensor, grad: wrong)
            with self.assertRaises(torch.Error):
                (self.x * 2).sum().backward()
            del hook
        self.assertIsNone(self.x.grad)
        for code, call in ((torch.ERROR_INVALID_ARGUMENT, lambda: capi.tensor_hook(self.x, None)),
                           (torch.ERROR_AUTOGRAD, lambda: capi.tensor_hook(torch.ones(1), print)),
                           (torch.ERROR_AUTOGRAD, lambda: capi.post_accumulate_grad_hook(self.x * 2, print)),
                           (torch.ERROR_INVALID_ARGUMENT, lambda: capi.node_hook(node, 7, print)),
                           (torch.ERROR_INVALID_HANDLE, lambda: capi.node_hook(self.x, capi.AFTER, print))):
            with self.assertRaises(torch.Error) as caught:
                call()
            self.assertEqual(caught.exception.code, code)
        with self.assertRaises(TypeError):
            capi.node_hook(node, "after", print)

    def test_a_hook_that_ends_lets_go_of_its_function(self):
        def function(tensor, grad):
            return None

        gone = weakref.ref(function)
        hooks = [capi.tensor_hook(self.x, function), capi.node_hook(capi.tensor_grad_fn(self.x * 2), capi.AFTER, function)]
        del function
        gc.collect()
        self.assertIsNotNone(gone())
        hooks.clear()
        gc.collect()
        self.assertIsNone(gone())


class Operators(unittest.TestCase):
    def square(self, **fields):
        def forward(context, inputs, arguments):
            capi.context_save_for_backward(context, inputs)
            capi.context_set_data(context, arguments)
            return inputs[0] * inputs[0]

        def backward(context, grad_outputs):
            return grad_outputs[0] * capi.context_saved_tensor(context, 0) * capi.context_data(context)[0]

        return capi.operator_create({"name": "square", "out_count": 1, "forward": forward, "backward": backward, **fields})

    def test_an_operator_is_recorded_and_differentiated(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        (y,) = capi.operator_apply(self.square(), [x], [2.0], 1)
        self.assertEqual((y.tolist(), y.grad_fn.name()), ([1, 4], "squareBackward"))
        y.sum().backward()
        self.assertEqual(x.grad.tolist(), [2, 4])

    def test_forward_gets_every_kind_of_argument(self):
        seen = []
        x = torch.ones(1)
        operator = self.square(forward=lambda context, inputs, arguments: seen.extend(arguments) or inputs[0] * 1)
        given = [1, 2.5, "text", None, [1, 2], [1.5], b"abc", x, [x, x]]
        capi.operator_apply(operator, [x], given, 1)
        self.assertEqual(seen[:7], given[:7])
        self.assertTrue(all(capi.is_same(x, tensor) for tensor in (seen[7], *seen[8])))

    def test_a_context_is_dead_when_its_function_has_returned(self):
        contexts = []
        operator = self.square(forward=lambda context, inputs, arguments: contexts.append(context) or inputs[0] * 1)
        capi.operator_apply(operator, [torch.ones(1)], [], 1)
        with self.assertRaises(torch.Error) as caught:
            capi.context_data(contexts[0])
        self.assertEqual(caught.exception.code, torch.ERROR_INVALID_HANDLE)

    def test_what_a_function_raises_is_the_cause(self):
        def broken(*arguments):
            raise LookupError("lost")

        x = torch.ones(1, requires_grad=True)
        with self.assertRaisesRegex(torch.Error, "lost") as caught:
            capi.operator_apply(self.square(forward=broken), [x], [], 1)
        self.assertIsInstance(caught.exception.__cause__, LookupError)
        (y,) = capi.operator_apply(self.square(backward=broken), [x], [2.0], 1)
        with self.assertRaisesRegex(torch.Error, "lost") as caught:
            y.backward()
        self.assertIsInstance(caught.exception.__cause__, LookupError)
        for wrong in (None, "text", (x, x), ()):
            with self.assertRaises(torch.Error):
                capi.operator_apply(self.square(forward=lambda *arguments: wrong), [x], [], 1)

    def test_wrong_definitions(self):
        for fields in ({"name": ""}, {"out_count": 0}, {"forward": None}, {"flags": 1 << 20}, {"name": None}):
            with self.assertRaises(torch.Error) as caught:
                self.square(**fields)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_ARGUMENT, fields)
        for fields in ({"nome": "x"}, {"forward": 1}, {"name": 1}, {"out_count": "1"}):
            with self.assertRaises(TypeError):
                self.square(**fields)
        with self.assertRaises(TypeError):
            capi.operator_create("square")

    def test_an_operator_and_its_data_end_with_the_graph(self):
        class Data:
            pass

        data, gone = Data(), []
        gone.append(weakref.ref(data))

        def forward(context, inputs, arguments):
            capi.context_set_data(context, data_of.pop())
            return inputs[0] * 1

        gone.append(weakref.ref(forward))
        data_of = [data]
        operator = self.square(forward=forward)
        (y,) = capi.operator_apply(operator, [torch.ones(1, requires_grad=True)], [], 1)
        del operator, forward, data
        gc.collect()
        self.assertTrue(all(one() is not None for one in gone))
        del y
        gc.collect()
        self.assertEqual([one() for one in gone], [None, None])


if __name__ == "__main__":
    unittest.main()
