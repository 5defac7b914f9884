# SPDX-License-Identifier: MIT
"""Gradients, errors, and functions of Python that the library calls."""

import math
import unittest

import tapegrad as torch
from tapegrad import autograd, capi


class Gradients(unittest.TestCase):
    def test_backward_fills_grad(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        (x * x).sum().backward()
        self.assertEqual(x.grad.tolist(), [2, 4])
        (x * 3).sum().backward()
        self.assertEqual(x.grad.tolist(), [5, 7])
        x.grad = None
        self.assertIsNone(x.grad)
        (x * x).backward(torch.tensor([1.0, 10.0]))
        self.assertEqual(x.grad.tolist(), [2, 40])
        del x.grad
        self.assertIsNone(x.grad)

    def test_grad_gives_gradients_and_touches_nothing(self):
        x = torch.tensor(2.0, requires_grad=True)
        y = torch.tensor(3.0, requires_grad=True)
        first, second = torch.autograd.grad(x * x * y, (x, y))
        self.assertEqual((first.item(), second.item()), (12, 4))
        self.assertIsNone(x.grad)
        self.assertEqual(autograd.grad([x * 2, x * 3], x)[0].item(), 5)
        self.assertEqual(autograd.grad(x * 2, x, torch.tensor(10.0))[0].item(), 20)
        self.assertEqual(autograd.grad(x * 2, [x, y], allow_unused=True)[1], None)
        self.assertEqual(autograd.grad(x * 2, [x, y], materialize_grads=True)[1].item(), 0)
        with self.assertRaises(torch.Error) as caught:
            autograd.grad(x * 2, [x, y])
        self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)

    def test_second_derivatives(self):
        x = torch.tensor(2.0, requires_grad=True)
        (slope,) = autograd.grad(x**3, x, create_graph=True)
        self.assertEqual(slope.item(), 12)
        (bend,) = autograd.grad(slope, x)
        self.assertEqual(bend.item(), 12)

    def test_a_graph_is_used_once_unless_retained(self):
        x = torch.tensor(2.0, requires_grad=True)
        y = x * x
        y.backward(retain_graph=True)
        y.backward()
        self.assertEqual(x.grad.item(), 8)
        with self.assertRaises(torch.Error):
            y.backward()

    def test_backward_of_several_roots_and_for_some_leaves(self):
        x = torch.tensor(2.0, requires_grad=True)
        y = torch.tensor(3.0, requires_grad=True)
        autograd.backward([x * y, x * 2], [None, torch.tensor(10.0)])
        self.assertEqual((x.grad.item(), y.grad.item()), (23, 2))
        (x * y).backward(inputs=[x])
        self.assertEqual((x.grad.item(), y.grad.item()), (26, 2))

    def test_the_graph_can_be_walked(self):
        x = torch.tensor([1.0], requires_grad=True)
        y = (x * 2).sum()
        node = y.grad_fn
        self.assertEqual((node.name(), repr(node)), ("SumBackward", "<SumBackward>"))
        (inner, number), = node.next_functions
        self.assertEqual((inner.name(), number), ("MulBackward", 0))
        self.assertEqual(inner.next_functions[0][0].name(), "AccumulateGrad")
        self.assertEqual(node, y.grad_fn)
        self.assertIsNone(x.grad_fn)
        self.assertGreater(node.sequence, inner.sequence)

    def test_retain_grad_and_detach(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.detach().mul_(1)
        y.sum().backward()
        self.assertEqual(y.grad.tolist(), [1, 1])
        self.assertFalse(y.is_leaf)
        self.assertTrue(y.detach().is_leaf)
        self.assertTrue(x.data.is_leaf and not x.data.requires_grad)

    def test_gradients_agree_with_differences(self):
        torch.manual_seed(3)
        x = torch.rand(3, 4, dtype=torch.double, requires_grad=True)

        def f(x):
            return ((x @ x.t()).tanh() * x.exp()[:, :3].log().sqrt()).softmax(1).max(0).values.sum()

        (slope,) = autograd.grad(f(x), x)
        for row in range(3):
            for column in range(4):
                up, down = x.detach().clone(), x.detach().clone()
                up[row, column] += 1e-6
                down[row, column] -= 1e-6
                difference = (f(up) - f(down)).item() / 2e-6
                self.assertAlmostEqual(slope[row, column].item(), difference, places=6)

    def test_a_leaf_is_changed_in_no_grad_alone(self):
        x = torch.ones(2, requires_grad=True)
        with self.assertRaises(torch.Error) as caught:
            x += 1
        self.assertEqual(caught.exception.name, "TG_ERROR_AUTOGRAD")
        with torch.no_grad():
            x += 1
        self.assertEqual(x.tolist(), [2, 2])


class Errors(unittest.TestCase):
    def test_an_error_has_code_name_and_text(self):
        with self.assertRaises(torch.Error) as caught:
            torch.ones(2, 3) @ torch.ones(4, 5)
        error = caught.exception
        self.assertIsInstance(error, RuntimeError)
        self.assertEqual((error.code, error.name), (torch.ERROR_SHAPE, "TG_ERROR_SHAPE"))
        self.assertRegex(str(error), r"tg_matmul.*\[2, 3\].*\[4, 5\]")

    def test_codes_of_many_kinds(self):
        i = torch.ones(2, dtype=torch.int64)
        cases = ((torch.ERROR_DTYPE, lambda: i.exp()),
                 (torch.ERROR_DTYPE, lambda: i.requires_grad_()),
                 (torch.ERROR_SHAPE, lambda: torch.ones(6).view(4)),
                 (torch.ERROR_INVALID_ARGUMENT, lambda: torch.zeros(-1)),
                 (torch.ERROR_INVALID_HANDLE, lambda: capi.neg(12345)),
                 (torch.ERROR_INVALID_HANDLE, lambda: capi.neg(None)),
                 (torch.ERROR_INVALID_HANDLE, lambda: capi.neg(torch.generator_create(1))),
                 (torch.ERROR_AUTOGRAD, lambda: torch.ones(1).backward()),
                 (torch.ERROR_LIMIT, lambda: torch.zeros([1] * 17)),
                 (torch.ERROR_NOT_FOUND, lambda: capi.dict_get(capi.dict_create(), "x")),
                 (torch.ERROR_IO, lambda: torch.safetensors.load_file("/no/such/file")))
        for code, call in cases:
            with self.assertRaises(torch.Error) as caught:
                call()
            self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertEqual(caught.exception.number, 2)  # errno

    def test_memory_that_cannot_be_had_is_a_memory_error(self):
        torch.memory_limit_set(torch.memory_current() + 1000)
        try:
            with self.assertRaises(MemoryError) as caught:
                torch.zeros(10_000)
        finally:
            torch.memory_limit_set(0)
        self.assertIsInstance(caught.exception, torch.Error)
        self.assertEqual(caught.exception.name, "TG_ERROR_OUT_OF_MEMORY")

    def test_errors_can_be_pickled(self):
        import pickle
        try:
            torch.ones(2)[5]
        except torch.Error as error:
            again = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(again), again.code, str(again)), (type(error), error.code, str(error)))


class Callbacks(unittest.TestCase):
    def test_a_function_of_python_is_a_layer(self):
        layer = capi.nn_function(lambda x: x * 2)
        x = torch.tensor([1.0], requires_grad=True)
        y = capi.module_forward(layer, x)
        y.backward()
        self.assertEqual((y.item(), x.grad.item()), (2, 2))
        self.assertEqual(capi.module_forward(capi.nn_function(lambda x: x), x).item(), 1)

    def test_what_a_function_raises_is_the_cause(self):
        def broken(x):
            raise LookupError("lost")

        with self.assertRaisesRegex(torch.Error, "lost") as caught:
            capi.module_forward(capi.nn_function(broken), torch.ones(1))
        self.assertEqual(caught.exception.code, torch.ERROR_CALLBACK)
        self.assertIsInstance(caught.exception.__cause__, LookupError)
        self.assertIn("broken", str(caught.exception.__cause__.__traceback__.tb_frame.f_code))

    def test_an_error_of_the_library_passes_through_a_function(self):
        with self.assertRaises(torch.Error) as caught:
            capi.module_forward(capi.nn_function(lambda x: x.view(7)), torch.ones(1))
        self.assertEqual(caught.exception.code, torch.ERROR_SHAPE)

    def test_an_interrupt_stays_one(self):
        def interrupted(x):
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            capi.module_forward(capi.nn_function(interrupted), torch.ones(1))
        self.assertEqual(capi.module_forward(capi.nn_relu(), torch.ones(1)).item(), 1)

    def test_a_wrong_result_of_a_function_is_an_error(self):
        for wrong in (lambda x: "text", lambda x: None, lambda x: (x, x)):
            with self.assertRaises(torch.Error):
                capi.module_forward(capi.nn_function(wrong), torch.ones(1))

    def test_the_call_form_of_a_mode(self):
        seen = []
        capi.inference_mode_call(True, lambda: seen.append(torch.is_inference_mode_enabled()))
        capi.no_grad_call(lambda: seen.append(torch.is_grad_enabled()))
        self.assertEqual(seen, [True, False])
        self.assertTrue(torch.is_grad_enabled())
        with self.assertRaises(torch.Error) as caught:
            capi.no_grad_call(lambda: 77)
        self.assertEqual((caught.exception.code, caught.exception.number), (torch.ERROR_CALLBACK, 77))

    def test_modes_inside_of_a_function_are_its_own(self):
        import asyncio
        inside = []

        def layer(x):
            with torch.no_grad():
                inside.append(torch.is_grad_enabled())
                y = x * 2
            inside.append(torch.is_grad_enabled())
            return y * 1

        async def main():
            with torch.enable_grad():
                capi.module_forward(capi.nn_function(layer), torch.ones(1, requires_grad=True))
                return torch.is_grad_enabled()

        self.assertTrue(asyncio.run(main()))
        self.assertEqual(inside, [False, True])
        self.assertTrue(torch.is_grad_enabled())

    def test_objects_and_scopes(self):
        import gc
        gc.collect()
        before = torch.live_handles()
        thing = {"any": "thing"}
        handle = capi.object_create("test", thing)
        self.assertIs(capi.object_payload(handle, "test"), thing)
        with self.assertRaises(torch.Error):
            capi.object_payload(handle, "other")
        scope = capi.scope_enter()
        kept, lost = torch.ones(1), torch.ones(1)
        capi.scope_keep(scope, kept)
        capi.scope_exit(scope)
        self.assertEqual(kept.item(), 1)
        with self.assertRaises(torch.Error) as caught:
            lost.item()
        self.assertEqual(caught.exception.code, torch.ERROR_INVALID_HANDLE)
        del handle, kept, lost, scope
        gc.collect()
        self.assertEqual(torch.live_handles(), before)


class Interface(unittest.TestCase):
    def test_every_function_of_the_c_interface_is_there(self):
        import json
        import os
        here = os.path.dirname(os.path.abspath(__file__))
        path = os.environ.get("TG_API_JSON", os.path.join(here, "../../../api/api.json"))
        with open(path, encoding="utf-8") as file:
            api = json.load(file)
        missing = [f["name"] for f in api["functions"] if not hasattr(capi, f["name"][3:])]
        self.assertEqual(missing, [])
        for f in api["functions"]:
            function = getattr(capi, f["name"][3:])
            self.assertTrue(function.__doc__, f["name"])
            self.assertIsNotNone(function.__text_signature__, f["name"])
        for constant in api["constants"]:
            self.assertEqual(getattr(capi, constant["name"][3:]), constant["value"])

    def test_names_without_a_form_of_pytorchs(self):
        self.assertIsInstance(torch.live_handles(), int)
        self.assertGreaterEqual(torch.memory_peak(), torch.memory_current())
        self.assertEqual(torch.version_string(), torch.__version__)
        self.assertEqual(torch.status_name(3), "TG_ERROR_SHAPE")
        self.assertEqual(capi.last_error_copy(4)[0], str(capi.last_error_copy())[:3])
        x = torch.ones(2, 3)
        self.assertEqual(capi.tensor_shape(x), [2, 3])
        long = torch.rand(30, 30)
        self.assertEqual(capi.tensor_format(long), repr(long))
        self.assertEqual(capi.tensor_format(long, 7), ("tensor", len(repr(long))))
        with self.assertRaises(torch.Error) as caught:
            capi.tensor_shape(x, 1)
        self.assertEqual(caught.exception.code, torch.ERROR_LIMIT)
        self.assertEqual(len(capi.split(torch.ones(40), 1, 0)), 40)
        self.assertEqual(capi.split(torch.ones(40), 1, 0, 0), 40)
        self.assertTrue(math.isclose(capi.tensor_item(torch.tensor(0.5)), 0.5))

    def test_wrong_arguments_are_type_errors(self):
        x = torch.ones(2)
        for wrong in (lambda: capi.add(x), lambda: capi.add(x, "x"), lambda: capi.view(x, "ab"),
                      lambda: capi.tensor_set_name(x, 1), lambda: capi.zeros("float32", [1]),
                      lambda: capi.add_scalar(x, "1"), lambda: capi.tensor_create([1.0], 1, [1], False)):
            with self.assertRaises(TypeError):
                wrong()
        with self.assertRaises(OverflowError):
            capi.tensor_create(None, 2**40, [1], False)
        for wrong in (lambda: capi.tensor_create(b"123", 1, [1], False), lambda: capi.tensor_set_name(x, "a\0b"),
                      lambda: capi.as_strided(x, [1, 2], [1], 0)):
            with self.assertRaises(ValueError):
                wrong()


if __name__ == "__main__":
    unittest.main()
