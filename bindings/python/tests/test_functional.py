# SPDX-License-Identifier: MIT
"""autograd.functional, gradcheck, and graphs shown: by PyTorch's names."""

import os
import pathlib
import shutil
import unittest
import unittest.mock
import xml.etree.ElementTree

import tapegrad as torch
from tapegrad.autograd import Function, GradcheckError, functional, grad, gradcheck, gradgradcheck


class Functional(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], dtype=torch.float64)
        self.y = torch.tensor([3.0, 4.0], dtype=torch.float64)
        self.one = torch.ones(2, dtype=torch.float64)

    def values(self, things):
        return things.tolist() if isinstance(things, torch.Tensor) else [self.values(x) for x in things]

    def each_way(self, call, outs, found):
        """By the library's own call, and by autograd.grad, as create_graph and strict need it."""
        for options in ({}, {"create_graph": True}, {"strict": True}):
            made = call(options)
            self.assertEqual(self.values(made), [outs, found], options)
            self.assertEqual([type(x) for x in made], [torch.Tensor if isinstance(w, float) or isinstance(w[0], float)
                                                       else tuple for w in (outs, found)])
            first = made[1] if isinstance(made[1], torch.Tensor) else made[1][0]
            self.assertEqual(first.requires_grad, "create_graph" in options)

    def test_vjp(self):
        self.each_way(lambda o: functional.vjp(lambda a: (a**3).sum(), self.x, **o), 9.0, [3.0, 12.0])
        self.each_way(lambda o: functional.vjp(lambda a, b: (a * b, a + b), (self.x, self.y), (self.one, self.x), **o),
                      [[3.0, 8.0], [4.0, 6.0]], [[4.0, 6.0], [2.0, 4.0]])

    def test_jvp(self):
        self.each_way(lambda o: functional.jvp(lambda a: a * a, self.x, self.y, **o), [1.0, 4.0], [6.0, 16.0])
        self.each_way(lambda o: functional.jvp(lambda a, b: (a * b, (a * a * b * b).float()), (self.x, self.y),
                                               (self.one, self.x), **o),
                      [[3.0, 8.0], [9.0, 64.0]], [[4.0, 8.0], [24.0, 128.0]])
        self.assertEqual(functional.jvp(lambda a: a * 3, torch.tensor(2.0))[1].item(), 3)
        self.assertIs(functional.jvp(lambda a: (a, a.float()), self.x, self.y)[1][1].dtype, torch.float32)

    def test_hvp_and_vhp(self):
        for product in (functional.hvp, functional.vhp):
            self.each_way(lambda o: product(lambda a: (a**3).sum(), self.x, self.one, **o), 9.0, [6.0, 12.0])
            self.each_way(lambda o: product(lambda a, b: (a * a * b * b).sum(), (self.x, self.y),
                                            (self.one, self.one * 0), **o), 73.0, [[18.0, 32.0], [12.0, 32.0]])

    def test_jacobian_and_hessian(self):
        made = functional.jacobian(lambda a, b: (a * b, a.sum()), (self.x, self.y))
        self.assertEqual(self.values(made), [[[[3, 0], [0, 4]], [[1, 0], [0, 2]]], [[1, 1], [0, 0]]])
        self.assertEqual(functional.jacobian(lambda a: a.sum(), self.x).tolist(), [1, 1])
        self.assertEqual(list(functional.jacobian(lambda a: a[:0], self.x).shape), [0, 2])
        self.assertEqual(functional.hessian(lambda a: (a**3).sum(), self.x).tolist(), [[6, 0], [0, 12]])
        made = functional.hessian(lambda a, b: (a * b).sum(), (self.x, self.y))
        self.assertEqual(self.values(made), [[[[0, 0], [0, 0]], [[1, 0], [0, 1]]], [[[1, 0], [0, 1]], [[0, 0], [0, 0]]]])
        x = self.x.clone().requires_grad_()
        made = functional.jacobian(lambda a: a**3, x, create_graph=True)
        self.assertEqual(grad(made.sum(), x)[0].tolist(), [6, 12])

    def test_what_the_function_does_not_use(self):
        inputs = (self.x, self.y)
        self.assertEqual(functional.vjp(lambda a, b: a.sum(), inputs)[1][1].tolist(), [0, 0])
        self.assertEqual(functional.vjp(lambda a: self.one, self.x, self.one)[1].tolist(), [0, 0])
        self.assertEqual(functional.jvp(lambda a: self.one, self.x, self.one)[1].tolist(), [0, 0])
        self.assertEqual(functional.hvp(lambda a: a.sum(), self.x, self.one)[1].tolist(), [0, 0])
        for call in (lambda: functional.vjp(lambda a, b: a.sum(), inputs, strict=True),
                     lambda: functional.jvp(lambda a: self.one, self.x, self.one, strict=True),
                     lambda: functional.hvp(lambda a: a.sum(), self.x, self.one, strict=True),
                     lambda: functional.jacobian(lambda a, b: a, inputs, strict=True)):
            with self.assertRaises(torch.Error) as caught:
                call()
            self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)

    def test_modes(self):
        with torch.no_grad():
            for options in ({}, {"strict": True}):
                self.assertEqual(functional.vjp(lambda a: a * a, self.x, self.one, **options)[1].tolist(), [2, 4])
            self.assertEqual(functional.jacobian(lambda a: a.sum(), self.x).tolist(), [1, 1])
        with torch.inference_mode(), self.assertRaises(torch.Error) as caught:
            functional.vjp(lambda a: a * a, self.x, self.one)
        self.assertEqual(caught.exception.code, torch.ERROR_MODE)
        self.assertIsNone(self.x.grad)

    def test_what_the_function_raises_comes_out_as_it_is(self):
        def broken(*arguments):
            raise LookupError("lost")

        for call in (lambda: functional.vjp(broken, self.x, self.one), lambda: functional.jvp(broken, self.x, self.one),
                     lambda: functional.hvp(broken, self.x, self.one), lambda: functional.jacobian(broken, self.x),
                     lambda: functional.hessian(broken, self.x),
                     lambda: functional.vjp(broken, self.x, self.one, create_graph=True),
                     lambda: gradcheck(broken, self.x.clone().requires_grad_())):
            with self.assertRaisesRegex(LookupError, "lost"):
                call()

    def test_wrong_arguments(self):
        for call in (lambda: functional.vjp(lambda a: a * 2, self.x),
                     lambda: functional.vjp(lambda a: (a, a), self.x, self.one),
                     lambda: functional.vjp(lambda a: a * 2, self.x, torch.ones(3)),
                     lambda: functional.jvp(lambda a: a * 2, self.x),
                     lambda: functional.jvp(lambda a: a * 2, self.x, (self.one, self.one)),
                     lambda: functional.jvp(lambda a: a * 2, self.x, torch.ones(3, dtype=torch.float64)),
                     lambda: functional.hvp(lambda a: a, self.x, self.one),
                     lambda: functional.hvp(lambda a: (a.sum(), a.sum()), self.x, self.one),
                     lambda: functional.hessian(lambda a: a, self.x),
                     lambda: functional.jacobian(lambda a: a, self.x, strategy="forward-mode"),
                     lambda: functional.vjp(lambda a: a.sum(), torch.ones(2, dtype=torch.int64))):
            with self.assertRaises(torch.Error):
                call()
        for call in (lambda: functional.vjp(lambda a: 3, self.x, self.one), lambda: functional.vjp(lambda a: a, "x"),
                     lambda: functional.jvp(lambda a: a, (self.x, 1)), lambda: functional.jacobian(lambda a: [1], self.x)):
            with self.assertRaises(TypeError):
                call()


class Gradcheck(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, 2.0], dtype=torch.float64, requires_grad=True)

    def test_gradients_that_are_right(self):
        self.assertIs(gradcheck(lambda a, n, b: (a**n * b, a.exp()), (self.x, 3, self.x.detach() * 2)), True)
        self.assertIs(gradgradcheck(lambda a: a**3, self.x), True)
        self.assertIs(gradgradcheck(lambda a: a**3, self.x, torch.ones(2, dtype=torch.float64)), True)
        with torch.no_grad():
            self.assertIs(gradcheck(lambda a: a * a, self.x), True)

    def test_gradients_that_are_wrong(self):
        class Wrong(Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, gradient):
                (x,) = ctx.saved_tensors
                return gradient.detach() * 3 * x * x

        self.assertTrue(gradcheck(Wrong.apply, self.x))
        for check, call in ((gradcheck, lambda a: a.detach() * a), (gradgradcheck, Wrong.apply),
                            (lambda *a, **k: gradgradcheck(*a, torch.ones(2, dtype=torch.float64), **k), Wrong.apply)):
            with self.assertRaisesRegex(GradcheckError, "elements differ.*\nworst: ") as caught:
                check(call, self.x)
            self.assertIsInstance(caught.exception, RuntimeError)
            self.assertIs(check(call, self.x, raise_exception=False), False)
        self.assertIs(gradcheck(lambda a: a.detach() * a, self.x, atol=10), True)

    def test_wrong_arguments(self):
        with self.assertRaises(ValueError):
            gradcheck(lambda a: a, self.x.detach())
        with self.assertRaises(torch.Error) as caught:
            gradcheck(lambda a: a, torch.ones(2, requires_grad=True))
        self.assertEqual(caught.exception.code, torch.ERROR_DTYPE)
        for options in ({"eps": -1.0}, {"atol": float("nan")}):
            with self.assertRaises(torch.Error) as caught:
                gradcheck(lambda a: a, self.x, **options)
            self.assertEqual(caught.exception.code, torch.ERROR_INVALID_ARGUMENT)


class Pictures(unittest.TestCase):
    def setUp(self):
        self.x = torch.ones(2, 2, requires_grad=True)
        self.x.name = "<weight>"
        self.y = (self.x @ self.x).sum()

    def test_a_graph_is_drawn_where_dot_is(self):
        if shutil.which("dot") is None:
            self.skipTest("dot is not on the PATH")
        picture = self.y._repr_svg_()
        self.assertEqual(xml.etree.ElementTree.fromstring(picture).tag, "{http://www.w3.org/2000/svg}svg")
        self.assertIn("MmBackward", picture)
        self.assertIsNone(self.y._repr_html_())
        self.assertIsNone(self.x._repr_svg_())

    def test_and_is_a_table_elsewhere(self):
        with unittest.mock.patch.dict(os.environ, {"PATH": ""}):
            self.assertIsNone(self.y._repr_svg_())
            table = self.y._repr_html_()
            self.assertIsNone(self.x._repr_html_())
        rows = [[cell.text for cell in row] for row in xml.etree.ElementTree.fromstring(f"<p>{table}</p>").iter("tr")]
        self.assertEqual(rows[1:], [["0", "SumBackward", "float32[]", "0", "1"],
                                    ["1", "MmBackward", "float32[2, 2]", "32", "2, 2"],
                                    ["2", "AccumulateGrad (<weight>)", "float32[2, 2]", "0", None]])
        self.assertIn("3 nodes, 32 bytes saved", table)
        self.assertIn("tensor(8.", table)

    def test_a_dot_that_fails_draws_nothing(self):
        with unittest.mock.patch.dict(os.environ, {"PATH": str(pathlib.Path(__file__).parent / "nowhere")}), \
                unittest.mock.patch("shutil.which", lambda name: "/bin/false"):
            self.assertIsNone(self.y._repr_svg_())
        with unittest.mock.patch("shutil.which", lambda name: "/no/such/dot"):
            self.assertIsNone(self.y._repr_svg_())

    def test_explain_and_the_texts_of_the_graph(self):
        self.assertIn("SumBackward", self.y.explain())
        self.assertTrue(torch.graph_dot(self.y).startswith("digraph"))
        self.assertIn('"node_count": 3', torch.graph_json(self.y))


if __name__ == "__main__":
    unittest.main()
