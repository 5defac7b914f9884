# SPDX-License-Identifier: MIT
"""Tensors from Python: making, operators, indexing, printing, copies."""

import copy
import gc
import math
import pickle
import unittest

import tapegrad as torch


class Making(unittest.TestCase):
    def test_numbers_choose_the_dtype(self):
        self.assertIs(torch.tensor([1.0, 2]).dtype, torch.float32)
        self.assertIs(torch.tensor([1, 2]).dtype, torch.int64)
        self.assertIs(torch.tensor([True, False]).dtype, torch.bool)
        self.assertIs(torch.tensor([True, 2]).dtype, torch.int64)
        self.assertIs(torch.tensor([]).dtype, torch.float32)
        self.assertIs(torch.tensor([1, 2], dtype=torch.double).dtype, torch.float64)

    def test_nested_sequences_give_the_shape(self):
        self.assertEqual(torch.tensor([[1, 2, 3], (4, 5, 6)]).shape, torch.Size([2, 3]))
        self.assertEqual(torch.tensor(7).shape, torch.Size([]))
        self.assertEqual(torch.tensor([[], []]).shape, torch.Size([2, 0]))
        self.assertEqual(torch.tensor([torch.tensor(1.5), torch.tensor(2)]).tolist(), [1.5, 2.0])

    def test_sequences_of_different_lengths_are_refused(self):
        for data in ([[1, 2], [3]], [1, [2]], [[1], 2]):
            with self.assertRaises(torch.Error) as caught:
                torch.tensor(data)
            self.assertEqual(caught.exception.code, torch.ERROR_SHAPE, data)
        with self.assertRaises(TypeError):
            torch.tensor(["1"])

    def test_an_argument_of_a_wrong_type_is_a_type_error(self):
        x = torch.ones(2)
        for call in (lambda: torch.ones(2.5), lambda: torch.ones("2"), lambda: torch.ones([2.0]), lambda: x.add("q"),
                     lambda: x.mul(None), lambda: x.eq("q"), lambda: torch.sub(x, [1]), lambda: x + "q",
                     lambda: x.mm(3), lambda: x.softmax(0.5)):
            with self.assertRaises(TypeError):
                call()
        self.assertEqual(torch.ones(torch.tensor(2)).shape, (2,))

    def test_every_dtype_goes_in_and_out(self):
        for dtype in (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int8, torch.int16,
                      torch.int32, torch.int64, torch.uint8):
            self.assertEqual(torch.tensor([[1, 2], [3, 4]], dtype=dtype).tolist(), [[1, 2], [3, 4]], dtype)
        self.assertEqual(torch.tensor([0, 3], dtype=torch.bool).tolist(), [False, True])
        self.assertEqual(torch.tensor([2**62 + 1]).tolist(), [2**62 + 1])

    def test_factories_take_sizes_in_both_forms(self):
        for shape in (torch.zeros(2, 3), torch.ones((2, 3)), torch.empty([2, 3]), torch.rand(2, 3),
                      torch.randn((2, 3)), torch.full((2, 3), 1.5), torch.zeros(torch.Size([2, 3]))):
            self.assertEqual(shape.shape, (2, 3))
        self.assertEqual(torch.arange(2, 8, 2).tolist(), [2, 4, 6])
        self.assertIs(torch.arange(3).dtype, torch.int64)
        self.assertEqual(torch.linspace(0, 1, 5).tolist(), [0, 0.25, 0.5, 0.75, 1])
        self.assertEqual(torch.eye(2, 3).tolist(), [[1, 0, 0], [0, 1, 0]])
        self.assertEqual(sorted(torch.randperm(5).tolist()), [0, 1, 2, 3, 4])
        self.assertTrue(all(3 <= n < 6 for n in torch.randint(3, 6, (50,)).tolist()))
        self.assertTrue(torch.zeros(2, requires_grad=True).requires_grad)

    def test_a_seed_repeats_the_numbers(self):
        torch.manual_seed(5)
        first = torch.randn(4).tolist()
        torch.manual_seed(5)
        self.assertEqual(torch.randn(4).tolist(), first)
        generator = torch.generator_create(5)
        self.assertEqual(torch.randn(4, generator=generator).tolist(), first)


class Operators(unittest.TestCase):
    def setUp(self):
        self.x = torch.tensor([1.0, -2.0, 4.0])

    def test_arithmetic_with_tensors_and_numbers_on_both_sides(self):
        x = self.x
        self.assertEqual((x + x).tolist(), [2, -4, 8])
        self.assertEqual((x + 1).tolist(), (1 + x).tolist())
        self.assertEqual((x - 1).tolist(), [0, -3, 3])
        self.assertEqual((1 - x).tolist(), [0, 3, -3])
        self.assertEqual((2 * x).tolist(), [2, -4, 8])
        self.assertEqual((x / 2).tolist(), [0.5, -1, 2])
        self.assertEqual((4 / x).tolist(), [4, -2, 1])
        self.assertEqual((x**2).tolist(), [1, 4, 16])
        self.assertEqual((-x).tolist(), [-1, 2, -4])
        self.assertEqual(abs(x).tolist(), [1, 2, 4])
        self.assertEqual((x @ x).item(), 21)
        self.assertEqual((torch.eye(3) @ x).tolist(), x.tolist())

    def test_a_number_raises_the_dtype_as_in_pytorch(self):
        whole = torch.tensor([1, 2])
        self.assertIs((whole + 1).dtype, torch.int64)
        self.assertIs((whole + 1.5).dtype, torch.float32)
        self.assertIs((whole * 2.0).dtype, torch.float32)
        self.assertIs((whole / 2).dtype, torch.float32)
        self.assertIs((torch.tensor([True]) + 1).dtype, torch.int64)
        self.assertIs((self.x.double() + 1.5).dtype, torch.float64)
        self.assertEqual((torch.tensor([2**62]) + (2**62 - 1)).tolist(), [2**63 - 1])

    def test_comparisons_give_masks(self):
        x = self.x
        self.assertEqual((x > 0).tolist(), [True, False, True])
        self.assertEqual((0 < x).tolist(), [True, False, True])
        self.assertEqual((x <= x).tolist(), [True] * 3)
        self.assertEqual((x == 4).tolist(), [False, False, True])
        self.assertEqual((x != 4).tolist(), [True, True, False])
        self.assertEqual(((x > 0) & (x < 2)).tolist(), [True, False, False])
        self.assertEqual((~(x > 0) | (x > 3)).tolist(), [False, True, True])

    def test_in_place_operators_keep_the_object(self):
        x = same = torch.tensor([1.0, 2.0])
        x += 1
        x -= torch.tensor([1.0, 1.0])
        x *= 6
        x /= 3
        self.assertIs(x, same)
        self.assertEqual(x.tolist(), [2, 4])
        self.assertEqual(x._version, 4)
        self.assertEqual(x.add_(1, alpha=2).mul_(2).sub_(2).div_(2).tolist(), [3, 5])
        self.assertEqual(x.neg_().abs_().pow_(2).tolist(), [9, 25])
        self.assertEqual(x.sqrt_().clamp_(max=4).tolist(), [3, 4])
        for name in ("log", "sin", "cos", "tanh"):
            plain = getattr(x, name)()
            self.assertIs(getattr(x, name + "_")(), x)
            self.assertEqual(x.tolist(), plain.tolist())
        square = torch.ones(2, 2)
        self.assertIs(square.addmm_(torch.ones(2, 3), torch.ones(3, 2), beta=2, alpha=3), square)
        self.assertEqual(square.tolist(), [[11, 11], [11, 11]])
        self.assertEqual(x.fill_(3).tolist(), [3, 3])
        self.assertEqual(x.zero_().tolist(), [0, 0])

    def test_a_stranger_is_asked_or_refused(self):
        class Stranger:
            def __radd__(self, other):
                return "asked"

        self.assertEqual(self.x + Stranger(), "asked")
        for wrong in ("a", None, object()):
            with self.assertRaises(TypeError):
                self.x + wrong
        with self.assertRaises(TypeError):
            self.x < "a"

    def test_one_element_is_a_number(self):
        self.assertEqual(float(torch.tensor([2.5])), 2.5)
        self.assertEqual(int(torch.tensor(7)), 7)
        self.assertTrue(torch.tensor(True))
        self.assertFalse(torch.tensor(0.0))
        self.assertEqual([10, 20, 30][torch.tensor(1)], 20)
        self.assertIsInstance(torch.tensor(1.0).item(), float)
        self.assertIsInstance(torch.tensor(True).item(), bool)
        with self.assertRaises(torch.Error):
            bool(self.x)
        with self.assertRaises(TypeError):
            [1, 2][torch.tensor(1.0)]

    def test_reductions(self):
        x = torch.tensor([[1.0, 5.0], [3.0, 2.0]])
        self.assertEqual(x.sum().item(), 11)
        self.assertEqual(x.sum(0).tolist(), [4, 7])
        self.assertEqual(x.sum(dim=1, keepdim=True).shape, (2, 1))
        self.assertEqual(x.sum((0, 1)).item(), 11)
        self.assertEqual(x.mean(-1).tolist(), [3, 2.5])
        values, indices = x.max(1)
        self.assertEqual((values.tolist(), indices.tolist()), ([5, 3], [1, 0]))
        self.assertEqual(x.max().item(), 5)
        self.assertEqual(x.min(0).values.tolist(), [1, 2])
        self.assertEqual(x.argmax(1).tolist(), [1, 0])
        self.assertEqual(torch.argmin(x).item(), 0)
        self.assertAlmostEqual(x.softmax(1).sum().item(), 2, places=6)
        self.assertAlmostEqual(x.std().item(), 1.7078, places=4)
        self.assertIs(torch.tensor([True, True]).sum().dtype, torch.int64)
        self.assertTrue((x > 0).all())
        self.assertFalse((x > 9).any())

    def test_functions_with_out_write_there_and_record_nothing(self):
        x, out = torch.tensor([1.0, 2.0]), torch.zeros(2)
        self.assertIs(torch.add(x, x, out=out), out)
        self.assertEqual(out.tolist(), [2, 4])
        self.assertEqual(torch.mul(x, 3, out=out).tolist(), [3, 6])
        self.assertEqual(torch.sub(x, x, alpha=2, out=out).tolist(), [-1, -2])
        square = torch.eye(2)
        self.assertEqual(torch.mm(square, square, out=torch.zeros(2, 2)).tolist(), square.tolist())
        for call in (lambda: torch.add(x.requires_grad_(), x, out=out), lambda: torch.div(x, x, out=out)):
            with self.assertRaises(torch.Error) as caught:
                call()
            self.assertEqual(caught.exception.code, torch.ERROR_AUTOGRAD)


class Indexing(unittest.TestCase):
    def setUp(self):
        self.x = torch.arange(24).reshape(2, 3, 4)
        self.list = self.x.tolist()

    def test_integers_and_slices_are_views(self):
        x, data = self.x, self.list
        self.assertEqual(x[1].tolist(), data[1])
        self.assertEqual(x[-1, 0].tolist(), data[1][0])
        self.assertEqual(x[1, 2, 3].item(), 23)
        self.assertEqual(x[:, 1:].tolist(), [rows[1:] for rows in data])
        self.assertEqual(x[..., ::2].tolist(), [[row[::2] for row in rows] for rows in data])
        self.assertEqual(x[0, ..., -1].tolist(), [3, 7, 11])
        self.assertEqual(x[:, None].shape, (2, 1, 3, 4))
        self.assertEqual(x[..., None].shape, (2, 3, 4, 1))
        self.assertEqual(x[5:, 0].shape, (0, 4))
        self.assertTrue(x[1]._is_view())
        self.assertTrue(x[...]._is_view())
        self.assertEqual(x[1].storage_id(), x.storage_id())

    def test_tensors_and_lists_choose_rows(self):
        x = self.x
        self.assertEqual(x[torch.tensor([1, 0, 1])].shape, (3, 3, 4))
        self.assertEqual(x[:, [2, -1, 0]].tolist(), [[rows[2], rows[2], rows[0]] for rows in self.list])
        self.assertEqual(x[0, torch.tensor([[0, 1], [2, 0]])].shape, (2, 2, 4))
        self.assertEqual(x[torch.tensor(1)].tolist(), self.list[1])

    def test_masks_choose_elements(self):
        x = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
        self.assertEqual(x[x > 0].tolist(), [1, 3])
        self.assertEqual(x[torch.tensor([False, True])].tolist(), [[3, -4]])
        x[x < 0] = 0
        self.assertEqual(x.tolist(), [[1, 0], [3, 0]])

    def test_assignment_writes_into_the_storage(self):
        x = torch.zeros(3, 2)
        x[0] = 1
        x[1:, 0] = torch.tensor([5.0, 6.0])
        x[2, 1] = True
        x[1][1] = 7
        self.assertEqual(x.tolist(), [[1, 1], [5, 7], [6, 1]])
        x[:] = [8, 9]
        self.assertEqual(x.tolist(), [[8, 9]] * 3)
        x[[0, 2]] = 0
        self.assertEqual(x.tolist(), [[0, 0], [8, 9], [0, 0]])
        y = torch.zeros(2, 3)
        y[:, [2, 0]] = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
        y[0, [1]] = 9
        self.assertEqual(y.tolist(), [[2, 9, 1], [4, 0, 3]])
        counts = torch.zeros(1, dtype=torch.int64)
        counts[0] = 2**62 + 1
        self.assertEqual(counts.tolist(), [2**62 + 1])

    def test_gradients_flow_through_a_slice(self):
        x = torch.ones(4, requires_grad=True)
        (x[1:3] * 3).sum().backward()
        self.assertEqual(x.grad.tolist(), [0, 3, 3, 0])

    def test_an_index_out_of_range_is_an_index_error(self):
        for key in (2, -3, (0, 3), (0, 0, 0, 0)):
            with self.assertRaises(IndexError) as caught:
                self.x[key]
            self.assertIsInstance(caught.exception, torch.Error)
            self.assertEqual(caught.exception.code, torch.ERROR_INDEX)
        for key in ("a", 1.5):
            with self.assertRaises(TypeError):
                self.x[key]

    def test_iteration_and_length(self):
        self.assertEqual(len(self.x), 2)
        self.assertEqual([row.tolist() for row in self.x], self.list)
        self.assertIn(23, self.x)
        self.assertNotIn(24, self.x)
        for call in (len, iter):
            with self.assertRaises(TypeError):
                call(torch.tensor(1))


class Printing(unittest.TestCase):
    def test_repr_is_pytorchs(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        self.assertEqual(repr(x), "tensor([1., 2.], requires_grad=True)")
        self.assertEqual(repr(x.detach().double()), "tensor([1., 2.], dtype=torch.float64)")
        self.assertEqual(repr(x * 2), "tensor([2., 4.], grad_fn=<MulBackward>)")
        self.assertEqual(repr(torch.tensor([[1, 2], [3, 4]])), "tensor([[1, 2],\n        [3, 4]])")
        self.assertEqual(repr(torch.Size([2, 3])), "torch.Size([2, 3])")
        self.assertEqual(repr(torch.float32), "torch.float32")
        self.assertEqual(f"{torch.tensor(1.25):.1f}", "1.2")
        self.assertIn("...", repr(torch.zeros(2000)))
        self.assertGreater(len(repr(torch.rand(30, 30))), 512)

    def test_size_is_a_tuple(self):
        shape = torch.zeros(2, 3, 4).shape
        self.assertEqual((shape.numel(), shape[1:], len(shape)), (24, (3, 4), 3))
        self.assertIsInstance(shape[1:], torch.Size)


class Copies(unittest.TestCase):
    def test_pickle_is_by_value_and_keeps_requires_grad(self):
        for dtype in (torch.float32, torch.float64, torch.bfloat16, torch.int16, torch.bool):
            x = torch.tensor([[1, 0], [1, 1]], dtype=dtype)
            y = pickle.loads(pickle.dumps(x.t()))
            self.assertEqual((y.tolist(), y.dtype, y.is_contiguous()), (x.t().tolist(), dtype, True))
        for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
            x = torch.tensor([1.0, 2.0], requires_grad=True)
            y = pickle.loads(pickle.dumps(x, protocol))
            self.assertTrue(y.requires_grad and y.is_leaf)
        self.assertIs(pickle.loads(pickle.dumps(torch.float16)), torch.float16)
        self.assertEqual(pickle.loads(pickle.dumps(torch.Size([1, 2]))), torch.Size([1, 2]))

    def test_deepcopy_and_copy(self):
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = copy.deepcopy([x, x])
        self.assertIs(y[0], y[1])
        self.assertTrue(y[0].requires_grad)
        self.assertNotEqual(y[0].storage_id(), x.storage_id())
        with self.assertRaises(torch.Error):
            copy.deepcopy(x * 2)

    def test_dtype_conversions(self):
        x = torch.tensor([1.7, -1.7])
        self.assertEqual(x.long().tolist(), [1, -1])
        self.assertIs(x.to(torch.float32), x)
        self.assertIs(x.double().dtype, torch.float64)
        self.assertIs(x.to("cpu", torch.float64).dtype, torch.float64)
        self.assertIs(x.half().float().dtype, torch.float32)
        with self.assertRaises(torch.Error):
            x.to("cuda")


class Shapes(unittest.TestCase):
    def test_views(self):
        x = torch.arange(6.0)
        y = x.view(2, 3)
        self.assertEqual((y.shape, y.stride(), y.t().stride(), y.stride(0)), ((2, 3), (3, 1), (1, 3), 3))
        self.assertEqual(y.T.tolist(), [[0, 3], [1, 4], [2, 5]])
        self.assertEqual(x.view_as(y).shape, (2, 3))
        self.assertEqual(y.reshape(-1).shape, (6,))
        self.assertEqual(y.permute(1, 0).shape, (3, 2))
        self.assertEqual(y.unsqueeze(0).squeeze(0).shape, (2, 3))
        self.assertEqual(y[:, :1].expand(2, 4).shape, (2, 4))
        self.assertEqual(y[:, :1].expand(-1, 4).shape, (2, 4))
        self.assertEqual(y.flatten().shape, (6,))
        self.assertEqual([part.tolist() for part in x.split(4)], [[0, 1, 2, 3], [4, 5]])
        self.assertEqual([part.shape[0] for part in x.split([1, 5])], [1, 5])
        self.assertEqual(len(x.chunk(3)), 3)
        self.assertEqual(torch.cat([y, y], 1).shape, (2, 6))
        self.assertEqual(torch.stack([x, x]).shape, (2, 6))
        self.assertEqual(x.repeat(2, 1).shape, (2, 6))
        self.assertEqual(y.size(), (2, 3))
        self.assertEqual(y.size(-1), 3)
        self.assertEqual(y.transpose(0, 1).contiguous().stride(), (2, 1))
        self.assertEqual(x.narrow(0, 1, 2).storage_offset(), 1)

    def test_where_clamp_gather(self):
        x = torch.tensor([[1.0, -2.0], [3.0, -4.0]])
        self.assertEqual(torch.where(x > 0, x, 0).tolist(), [[1, 0], [3, 0]])
        self.assertEqual(x.clamp(-1, 1).tolist(), [[1, -1], [1, -1]])
        self.assertEqual(x.clamp(min=0).tolist(), [[1, 0], [3, 0]])
        self.assertEqual(x.gather(1, torch.tensor([[1], [0]])).tolist(), [[-2], [3]])
        self.assertEqual(x.masked_fill(x < 0, 9).tolist(), [[1, 9], [3, 9]])
        self.assertTrue(torch.allclose(x, x + 1e-9))
        self.assertTrue(torch.equal(x, x.clone()))
        self.assertEqual(torch.isnan(torch.tensor([math.nan, 1])).tolist(), [True, False])


class Life(unittest.TestCase):
    def test_objects_give_back_their_handles(self):
        gc.collect()
        before = torch.live_handles()
        x = torch.tensor([1.0, 2.0], requires_grad=True)
        y = (x[0] * 2 + x.sum()).relu()
        y.backward()
        repr(y), y.shape, y.grad_fn.next_functions, x.grad
        pickle.loads(pickle.dumps(x))
        for wrong in (lambda: x[7], lambda: x.view(3), lambda: x + torch.ones(5), lambda: torch.tensor([1, [2]])):
            with self.assertRaises(torch.Error):
                wrong()
        del x, y
        gc.collect()
        self.assertEqual(torch.live_handles(), before)

    def test_weak_references_and_attributes_of_subclasses(self):
        import weakref
        x = torch.ones(2)
        seen = []
        reference = weakref.ref(x, lambda _: seen.append(1))
        self.assertIs(reference(), x)
        del x
        self.assertEqual(seen, [1])

        class Marked(torch.Tensor):
            pass

        y = Marked(torch.ones(2))
        y.mark = 1
        self.assertEqual((y + 1).tolist(), [2, 2])
        self.assertTrue(y.handle != 0)


if __name__ == "__main__":
    unittest.main()
