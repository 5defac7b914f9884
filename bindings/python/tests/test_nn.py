# SPDX-License-Identifier: MIT
"""Layers, optimizers, files, and the digits."""

import copy
import os
import pathlib
import pickle
import struct
import subprocess
import tempfile
import unittest

import digits
import tapegrad as torch
import tapegrad.nn as nn
import tapegrad.nn.functional as F
from tapegrad import safetensors

ROOT = pathlib.Path(__file__).resolve().parents[3]


def net():
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 4)
        self.rest = nn.ModuleList([nn.Linear(4, 4), nn.Tanh()])
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("shift", torch.zeros(4))

    def forward(self, x):
        x = torch.relu(self.first(x))
        for layer in self.rest:
            x = layer(x)
        return x * self.scale + self.shift


class Modules(unittest.TestCase):
    def test_a_chain_is_what_its_layers_are(self):
        torch.manual_seed(1)
        model, x = net(), torch.randn(5, 3)
        step = x
        for layer in model:
            step = layer(step)
        self.assertEqual(model(x).tolist(), step.tolist())
        self.assertIsNotNone(model.native())
        self.assertEqual(model(x).grad_fn is not None, True)

    def test_a_chain_follows_every_change(self):
        model, x = net(), torch.randn(5, 3)
        before = model(x)
        model[0].weight = nn.Parameter(torch.zeros(4, 3))
        model[0].bias = nn.Parameter(torch.zeros(4))
        self.assertIsNone(model.native())
        self.assertEqual(model(x).tolist(), [model[2].bias.tolist()] * 5)
        self.assertNotEqual(model(x).tolist(), before.tolist())
        model.append(nn.Sigmoid())
        self.assertTrue(all(0 < y < 1 for row in model(x).tolist() for y in row))
        model[3] = nn.Identity()
        self.assertEqual(model(x).tolist(), [model[2].bias.tolist()] * 5)
        outer = nn.Sequential(net(), nn.Function(lambda x: x * 2))
        self.assertIsNotNone(outer.native())
        self.assertEqual(outer(x).tolist(), (outer[0](x) * 2).tolist())

    def test_a_subclass_of_a_layer_keeps_its_forward(self):
        class Twice(nn.ReLU):
            def forward(self, x):
                return super().forward(x) * 2

        self.assertEqual(nn.Sequential(Twice())(torch.tensor([1.0])).item(), 2)

    def test_parts_have_names(self):
        model = Own()
        self.assertEqual([name for name, _ in model.named_parameters()],
                         ["scale", "first.weight", "first.bias", "rest.0.weight", "rest.0.bias"])
        self.assertEqual(list(net().state_dict()), ["0.weight", "0.bias", "2.weight", "2.bias"])
        self.assertIn("shift", model.state_dict())
        self.assertEqual(len(list(model.modules())), 5)
        self.assertIs(model.first.weight, dict(model.named_parameters())["first.weight"])
        with self.assertRaises(AttributeError):
            model.nothing
        with self.assertRaises(TypeError):
            model.first = torch.ones(1)
        self.assertEqual(repr(net()), "Sequential(\n  (0): Linear(in_features=3, out_features=4, bias=True)\n"
                                      "  (1): ReLU()\n  (2): Linear(in_features=4, out_features=2, bias=True)\n)")

    def test_train_eval_freeze_and_convert(self):
        model = Own()
        self.assertTrue(model.training)
        self.assertFalse(model.eval().rest[1].training)
        model.requires_grad_(False)
        self.assertFalse(model(torch.ones(1, 3)).requires_grad)
        self.assertIs(model.double()(torch.ones(1, 3, dtype=torch.double)).dtype, torch.float64)
        self.assertIsNone(nn.Linear(2, 2, bias=False).bias)

    def test_state_goes_from_one_to_the_other(self):
        first, second, x = Own(), Own(), torch.randn(2, 3)
        self.assertNotEqual(first(x).tolist(), second(x).tolist())
        self.assertEqual(repr(second.load_state_dict(first.state_dict())), "<All keys matched successfully>")
        self.assertEqual(first(x).tolist(), second(x).tolist())
        self.assertTrue(second.first.weight.requires_grad)
        before = second.state_dict()["first.weight"].tolist()
        for wrong, code in (({"first.weight": torch.ones(4, 3)}, torch.ERROR_NOT_FOUND),
                            ({**first.state_dict(), "first.bias": torch.ones(3)}, torch.ERROR_SHAPE)):
            with self.assertRaises(torch.Error) as caught:
                second.load_state_dict(wrong)
            self.assertEqual(caught.exception.code, code)
        keys = second.load_state_dict({"scale": torch.ones(1), "x": torch.ones(1)}, strict=False)
        self.assertEqual((len(keys.missing_keys), keys.unexpected_keys), (5, ["x"]))
        self.assertEqual(second.state_dict()["first.weight"].tolist(), before)
        with torch.inference_mode():
            second.load_state_dict(first.state_dict())

    def test_copies_are_apart_and_compute_the_same(self):
        model, x = net(), torch.randn(2, 3)
        for again in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            self.assertEqual(again(x).tolist(), model(x).tolist())
            self.assertIsInstance(again[0].weight, nn.Parameter)
            with torch.no_grad():
                again[0].weight.zero_()
            self.assertNotEqual(again(x).tolist(), model(x).tolist())

    def test_functions_and_losses(self):
        x, target = torch.tensor([[1.0, 2.0, 0.5]]), torch.tensor([1])
        expected = -x.log_softmax(1)[0, 1].item()
        for loss in (F.cross_entropy(x, target), nn.CrossEntropyLoss()(x, target),
                     F.nll_loss(F.log_softmax(x, 1), target), nn.NLLLoss()(x.log_softmax(1), target)):
            self.assertAlmostEqual(loss.item(), expected, places=6)
        self.assertEqual(nn.MSELoss(reduction="sum")(x, x + 1).item(), 3)
        self.assertEqual(F.relu(torch.tensor([-1.0, 1.0])).tolist(), [0, 1])
        with self.assertRaises(torch.Error):
            F.mse_loss(x, x, reduction="other")
        self.assertEqual(nn.Flatten()(torch.ones(2, 3, 4)).shape, (2, 12))

    def test_first_values(self):
        w = nn.Parameter(torch.empty(50, 40))
        nn.init.xavier_uniform_(w)
        self.assertLessEqual(w.abs().max().item(), (6 / 90) ** 0.5)
        nn.init.constant_(w, 2)
        self.assertEqual(w.mean().item(), 2)
        self.assertTrue(w.requires_grad and w.is_leaf)
        self.assertTrue(repr(w).startswith("Parameter containing:\ntensor("))


class Optimizers(unittest.TestCase):
    def descend(self, make, steps=200):
        x = nn.Parameter(torch.tensor([3.0, -2.0]))
        optimizer = make([x])
        for _ in range(steps):
            optimizer.zero_grad()
            (x * x).sum().backward()
            optimizer.step()
        return x, optimizer

    def test_each_finds_the_valley(self):
        for make in (lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.SGD(p, 0.05, momentum=0.9),
                     lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True),
                     lambda p: torch.optim.Adam(p, lr=0.1), lambda p: torch.optim.AdamW(p, lr=0.1)):
            x, _ = self.descend(make)
            self.assertLess(x.abs().max().item(), 0.05)

    def test_one_step_of_sgd_by_hand(self):
        x = nn.Parameter(torch.tensor([1.0]))
        optimizer = torch.optim.SGD([x], lr=0.5, momentum=0.5, weight_decay=0.25)
        for expected in (1 - 0.5 * 1.25, 0.375 - 0.5 * (0.5 * 1.25 + 1 + 0.25 * 0.375)):
            optimizer.zero_grad()
            x.sum().backward()
            optimizer.step()
            self.assertAlmostEqual(x.item(), expected, places=6)

    def test_settings_can_be_changed_and_groups_have_their_own(self):
        a, b = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
        optimizer = torch.optim.SGD([{"params": [a]}, {"params": b, "lr": 0.5}], lr=1)
        optimizer.param_groups[0]["lr"] = 2.0
        (a + b).backward()
        optimizer.step()
        self.assertEqual((a.item(), b.item()), (-2, -0.5))
        self.assertIn("lr: 2.0", repr(optimizer))
        self.assertEqual(optimizer.step(lambda: 7), 7)
        for wrong in (lambda: torch.optim.SGD([], lr=1), lambda: torch.optim.SGD([a, a], lr=1)):
            with self.assertRaises(torch.Error):
                wrong()

    def test_state_goes_through_a_file(self):
        x, optimizer = self.descend(lambda p: torch.optim.Adam(p, lr=0.1, betas=(0.8, 0.9)), 3)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "adam")
            safetensors.save_file(optimizer.state_dict(), path)
            again = torch.optim.Adam([x], lr=9)
            again.load_state_dict(safetensors.load_file(path))
        self.assertEqual(again.param_groups[0]["lr"], 0.1)
        self.assertEqual(again.param_groups[0]["betas"], (0.8, 0.9))
        self.assertEqual({name: tensor.tolist() for name, tensor in again.state_dict().items()},
                         {name: tensor.tolist() for name, tensor in optimizer.state_dict().items()})

    def test_gradients_are_clipped(self):
        x = nn.Parameter(torch.zeros(2))
        x.grad = torch.tensor([3.0, 4.0])
        self.assertEqual(nn.utils.clip_grad_norm_([x], 1).item(), 5)
        self.assertAlmostEqual(x.grad.norm().item(), 1, places=4)


class Files(unittest.TestCase):
    def test_tensors_of_every_dtype_go_through_a_file(self):
        tensors = {"half": torch.tensor([1.5, 2], dtype=torch.float16), "x": torch.randn(2, 3).t(),
                   "b": torch.tensor([True, False]), "i": torch.tensor([2**62]), "empty": torch.zeros(0, 3),
                   "brain": torch.tensor([1.0], dtype=torch.bfloat16)}
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "file")
            safetensors.save_file(tensors, path, metadata={"format": "pt"})
            again = safetensors.load_file(path)
            self.assertEqual(safetensors.save(tensors, {"format": "pt"}), path.read_bytes())
            self.assertEqual(list(safetensors.load(path.read_bytes())), list(again))
        self.assertEqual(set(again), set(tensors))
        for name, tensor in tensors.items():
            self.assertEqual((again[name].tolist(), again[name].dtype, again[name].shape),
                             (tensor.tolist(), tensor.dtype, tensor.shape), name)

    def test_a_broken_file_is_an_error(self):
        with self.assertRaises(torch.Error) as caught:
            safetensors.load(b"\x05\0\0\0\0\0\0\0nonsense")
        self.assertEqual(caught.exception.code, torch.ERROR_FORMAT)
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(torch.Error):
                safetensors.save_file({}, os.path.join(folder, "no", "such", "folder"))


class Digits(unittest.TestCase):
    def test_the_digits_are_learnt_bit_for_bit_as_in_c(self):
        library = pathlib.Path(torch.__file__).parent / "libtapegrad.so.0"
        data = str(ROOT / "examples/data/digits.csv")
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "digits")
            subprocess.run(["cc", "-std=c99", "-O1", "-I", ROOT / "include", ROOT / "bindings/kit/digits.c", library,
                            f"-Wl,-rpath,{library.parent}", "-o", program], check=True)
            bits = subprocess.run([program, data], capture_output=True, text=True, check=True).stdout.strip()
        loss, accuracy = digits.run(data, 0)
        self.assertEqual(struct.pack(">d", loss).hex(), bits)
        self.assertGreater(accuracy, 0.9)


if __name__ == "__main__":
    unittest.main()
