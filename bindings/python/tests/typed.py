# SPDX-License-Identifier: MIT
# Code that a type checker must take, and below what it must refuse (test_stubs.py).
from typing import Any

import tapegrad as torch
import tapegrad.nn as nn
import tapegrad.nn.functional as F
from tapegrad import Tensor, capi, optim, safetensors
from tapegrad.autograd import Function, RemovableHandle, functional, gradcheck, graph
from tapegrad.autograd.function import once_differentiable
from tapegrad.utils.checkpoint import checkpoint, checkpoint_sequential


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return y * 2 + 1


@torch.inference_mode()
def predict(net: Net, x: Tensor) -> Tensor:
    result: Tensor = net(x)
    return result


@torch.no_grad()
def norm(x: Tensor) -> float:
    return x.norm().item()


class Cube(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, exponent: int) -> Tensor:
        ctx.save_for_backward(x)
        return x**exponent

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.saved_tensors[0], None


net = Net()
optimizer = optim.Adam(net.parameters(), lr=1e-3)
x = torch.randn(4, 2)
for _ in range(2):
    loss = F.mse_loss(net(x), torch.zeros(4, 1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
values, indices = x.max(dim=1)
total: float = x.sum().item() + norm(x)
shape: torch.Size = predict(net, x).shape
rows: int = shape[0] + len(x) + x.size(0)
(gradient,) = torch.autograd.grad((x.requires_grad_() * 2).sum(), x)
cube: Tensor = Cube.apply(x, 3)
handle: RemovableHandle = x.register_hook(lambda gradient: gradient * 2)
with handle, x.register_post_accumulate_grad_hook(lambda leaf: None):
    node = cube.grad_fn
if node is not None:
    node.register_hook(lambda inputs, outputs: None).remove()
    node.register_prehook(lambda outputs: outputs)
with graph.saved_tensors_hooks(lambda saved: saved.tolist(), torch.tensor), torch.autograd.detect_anomaly():
    again: Tensor = checkpoint(net, x, use_reentrant=False)
with torch.autograd.sites(), torch.autograd.set_detect_anomaly(False):
    again = checkpoint_sequential(nn.Sequential(net), 1, x)
right: bool = gradcheck(Cube.apply, (x.double(), 3), raise_exception=False)
outputs, product = functional.vjp(lambda a: a * 2, x, torch.ones_like(x))
text: str = cube.explain()
mask: Tensor = (x > 0) & (x == x)
with torch.no_grad(), torch.enable_grad(), torch.set_grad_enabled(False):
    kind: torch.dtype = x.double().dtype
safetensors.save_file(dict(net.state_dict()), "/dev/null")
count: int = capi.tensor_rank(x) + torch.live_handles()
try:
    x[1, ..., None, ::2]
except torch.Error as error:
    code: int = error.code + torch.ERROR_INDEX
