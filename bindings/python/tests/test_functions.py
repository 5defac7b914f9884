# SPDX-License-Identifier: MIT
"""Operators of one's own: autograd.Function. What PyTorch 1.13.1 was seen to do, here too."""

import gc
import threading
import unittest
import weakref

import tapegrad as torch
from tapegrad.autograd import Function, grad
from tapegrad.autograd.function import once_differentiable


def settle():
    gc.collect()
    return torch.live_handles(), torch.memory_current()


class Cube(Function):
    @staticmethod
    def forward(ctx, x, exponent=3):
        ctx.save_for_backward(x, None)
        ctx.exponent = exponent
        return x**exponent

    @staticmethod
    def backward(ctx, gradient):
        x, nothing = ctx.saved_tensors
        assert nothing is None
        slope = gradient * ctx.exponent * x ** (ctx.exponent - 1)
        return (slope, None) if len(ctx.needs_input_grad) > 1 else slope


def function(**methods):
    """A Function of these methods; those that are not given double their tensors."""
    methods.setdefault("forward", lambda ctx, x: x * 2)
    methods.setdefault("backward", lambda ctx, gradient: gradient * 2)
    return type("Own", (Function,), {name: staticmethod(method) for name, method in methods.items()})


class Functions(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], requires_grad=True)

    def of(self, made):
        (found,) = grad(made.sum(), self.x, allow_unused=True)
        return None if found is None else found.tolist()

    def test_forward_and_backward_of_any_order(self):
        y = Cube.apply(self.x)
        self.assertEqual((y.tolist(), y.grad_fn.name(), y.is_leaf), ([1, 8], "CubeBackward", False))
        (first,) = grad(y.sum(), self.x, create_graph=True)
        (second,) = grad(first.sum(), self.x, create_graph=True)
        (third,) = grad(second.sum(), self.x)
        self.assertEqual((first.tolist(), second.tolist(), third.tolist()), ([3, 12], [6, 12], [6, 6]))
        self.assertEqual(self.of(Cube.apply(self.x, 2)), [2, 4])

    def test_modes(self):
        with torch.no_grad():
            self.assertFalse(Cube.apply(self.x).requires_grad)
        with torch.inference_mode():
            self.assertTrue(Cube.apply(self.x).is_inference())
        inside = []
        function(forward=lambda ctx, x: inside.append(torch.is_grad_enabled()) or x * 2).apply(self.x)
        self.assertEqual(inside, [False])

    def test_results_and_arguments_that_are_no_tensors_pass_through(self):
        own = function(forward=lambda ctx, x, n, text: (text, x * n, None, x + n),
                       backward=lambda ctx, text, a, none, b: (a * 10 + b, None, None))
        for _ in range(2):  # the number of tensors is known the second time
            text, a, none, b = own.apply(self.x, 3, "text")
            self.assertEqual((text, a.tolist(), none, b.tolist()), ("text", [3, 6], None, [4, 5]))
            self.assertEqual(self.of(a + b), [11, 11])
        self.assertEqual(function(forward=lambda ctx, x: [3]).apply(self.x), [3])

    def test_gradients_that_did_not_come_are_zeros_or_none(self):
        for materialize, wanted in ((True, [[1, 1], [0, 0]]), (False, [[1, 1], None])):
            seen = []

            def forward(ctx, x):
                ctx.set_materialize_grads(materialize)
                return x * 2, x * 3

            def backward(ctx, *gradients):
                seen.extend(None if g is None else g.tolist() for g in gradients)
                return gradients[0]

            y, z = function(forward=forward, backward=backward).apply(self.x)
            y.sum().backward()
            self.assertEqual(seen, wanted)

    def test_needs_input_grad(self):
        seen = []

        def forward(ctx, x, n, y):
            seen.append(ctx.needs_input_grad)
            return x * y

        def backward(ctx, gradient):
            seen.append(ctx.needs_input_grad)
            return gradient, None, None

        function(forward=forward, backward=backward).apply(self.x, 3, torch.ones(2)).sum().backward()
        self.assertEqual(seen, [(True, False, False)] * 2)

    def test_mark_dirty(self):
        def double_(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        own = function(forward=double_)
        z = self.x * 1
        self.assertIs(own.apply(z), z)
        self.assertEqual((z.tolist(), z.grad_fn.name(), self.of(z)), ([2, 4], "OwnBackward", [2, 2]))
        with self.assertRaisesRegex(torch.Error, "leaf that requires grad"):
            own.apply(self.x)
        self.assertEqual(self.x.tolist(), [1, 2])
        several = function(forward=lambda ctx, x: (double_(ctx, x), x + 1), backward=lambda ctx, a, b: a * 2 + b)
        z = self.x * 1
        first, second = several.apply(z)
        self.assertIs(first, z)
        self.assertEqual((self.of(first + second), second.tolist()), ([3, 3], [3, 5]))

    def test_mark_non_differentiable(self):
        def forward(ctx, x):
            a, b = x * 2, x * 3
            ctx.mark_non_differentiable(b)
            return a, b

        a, b = function(forward=forward, backward=lambda ctx, a, b: a * 2).apply(self.x)
        self.assertEqual((a.requires_grad, b.requires_grad), (True, False))
        self.assertFalse(function(forward=lambda ctx, x: x.long()).apply(self.x).requires_grad)

    def test_an_input_that_is_given_back_is_a_view(self):
        y = function(forward=lambda ctx, x: x).apply(self.x)
        self.assertEqual((y is self.x, y.requires_grad, y._is_view(), self.of(y)), (False, True, True, [2, 2]))

    def test_setup_context(self):
        class Square(Function):
            @staticmethod
            def forward(x, factor):
                return x * x * factor

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.save_for_backward(inputs[0])
                ctx.factor = inputs[1]

            @staticmethod
            def backward(ctx, gradient):
                return gradient * 2 * ctx.saved_tensors[0] * ctx.factor, None

        self.assertEqual(self.of(Square.apply(self.x, 5)), [10, 20])

    def test_once_differentiable(self):
        seen = []

        @once_differentiable
        def backward(ctx, gradient):
            seen.append(torch.is_grad_enabled())
            return gradient * 2

        y = function(backward=backward).apply(self.x)
        (first,) = grad((y * y).sum(), self.x, create_graph=True)
        self.assertEqual((first.tolist(), seen), ([8, 16], [False]))
        with self.assertRaises(torch.Error) as caught:
            grad(first.sum(), self.x)
        self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)

    def test_jvp_is_used_in_forward_mode(self):
        def forward(ctx, x, n):
            ctx.save_for_forward(x)
            ctx.n = n
            return x**n

        def jvp(ctx, tangent, none):
            self.assertIsNone(none)
            return tangent * ctx.saved_tensors[0] * 100

        own = function(forward=forward, jvp=jvp, backward=lambda ctx, gradient: (gradient, None))
        value, along = torch.autograd.functional.jvp(lambda x: own.apply(x, 2), self.x, torch.ones(2))
        self.assertEqual((value.tolist(), along.tolist()), ([1, 4], [100, 200]))

    def test_what_was_saved_and_changed_is_found(self):
        z = self.x * 1
        y = Cube.apply(z)
        z.mul_(2)
        with self.assertRaises(torch.Error) as caught:
            y.sum().backward()
        self.assertEqual(caught.exception.code, torch.ERROR_VERSION)
        y = Cube.apply(self.x).sum()
        y.backward()
        with self.assertRaises(torch.Error):
            y.backward()
        contexts = []
        function(forward=lambda ctx, x: contexts.append(ctx) or x * 2).apply(self.x)
        for use in (lambda: contexts[0].saved_tensors, lambda: contexts[0].needs_input_grad,
                    lambda: contexts[0].mark_dirty(self.x)):
            with self.assertRaises(torch.Error):
                use()

    def test_a_result_may_be_saved(self):
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        own = function(forward=forward, backward=lambda ctx, gradient: gradient * ctx.saved_tensors[0])
        before = settle()
        y = own.apply(self.x)
        (first,) = grad(y.sum(), self.x, create_graph=True)
        self.assertEqual(self.of(first), y.tolist())
        del y, first, own, forward
        gc.collect()
        self.assertEqual(settle()[0], before[0])  # no ring of the result, its node and what that saved

    def test_what_forward_raises_comes_out_as_it_is(self):
        def broken(*arguments):
            raise LookupError("lost")

        before = settle()
        with self.assertRaisesRegex(LookupError, "lost"):
            function(forward=broken).apply(self.x)
        with self.assertRaises(torch.Error) as caught:
            function(forward=lambda ctx, x: x.view(7)).apply(self.x)
        self.assertEqual(caught.exception.code, torch.ERROR_SHAPE)
        # backward is run by the library, far from apply
        y = function(backward=broken).apply(self.x).sum()
        with self.assertRaisesRegex(torch.Error, "lost") as caught:
            y.backward()
        self.assertIsInstance(caught.exception.__cause__, LookupError)
        self.assertIsNone(self.x.grad)
        del y, caught
        self.assertEqual(settle(), before)

    def test_wrong_functions(self):
        two = torch.ones(2)
        for methods, arguments in (({"backward": lambda ctx, g: (g, g)}, ()), ({"backward": lambda ctx, g: "text"}, ()),
                                   ({"forward": lambda ctx, x, n: x * n}, (3,)),
                                   ({"forward": lambda ctx, x, n: x * n, "backward": lambda ctx, g: (g, g)}, (3,)),
                                   ({"backward": lambda ctx, g: torch.ones(3)}, ()),
                                   ({"backward": lambda ctx, g: g.double()}, ())):
            y = function(**methods).apply(self.x, *arguments)
            with self.assertRaises(torch.Error):
                y.sum().backward()
        self.assertEqual(self.of(function(backward=lambda ctx, g: (g, None, None)).apply(self.x)), [1, 1])
        self.assertIsNone(self.of(function(backward=lambda ctx, g: None).apply(self.x)))
        for forward in (lambda ctx, x: (ctx.mark_dirty(two), x * 2)[1], lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1]):
            with self.assertRaises(torch.Error):
                function(forward=forward).apply(self.x * 1)
        with self.assertRaises(TypeError):
            function(forward=lambda ctx, x: ctx.save_for_backward(3)).apply(self.x)
        with self.assertRaises(TypeError):
            Cube()
        with self.assertRaises(NotImplementedError):
            type("Empty", (Function,), {}).apply(self.x)
        with self.assertRaises(torch.Error) as caught:
            type("Half", (Function,), {"forward": staticmethod(lambda ctx, x: x * 2)}).apply(self.x).sum().backward()
        self.assertIsInstance(caught.exception.__cause__, NotImplementedError)

    def test_a_class_that_nobody_uses_any_more_ends(self):
        own = function()
        gone = weakref.ref(own)
        y = own.apply(self.x).sum()
        del own
        gc.collect()
        self.assertIsNotNone(gone())
        y.backward()
        del y
        gc.collect()
        self.assertIsNone(gone())

    def test_threads(self):
        wrong = []

        def work(scale):
            x = torch.full([2], float(scale), requires_grad=True)
            for _ in range(100):
                x.grad = None
                Cube.apply(x).sum().backward()
                if x.grad.tolist() != [3 * scale**2] * 2:
                    wrong.append(scale)

        threads = [threading.Thread(target=work, args=(scale,)) for scale in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(wrong, [])


if __name__ == "__main__":
    unittest.main()
