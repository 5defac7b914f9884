# SPDX-License-Identifier: MIT
# Code that a type checker must take, and below what it must refuse (test_stubs.py).
import tapegrad as torch
import tapegrad.nn as nn
import tapegrad.nn.functional as F
from tapegrad import Tensor, capi, optim, safetensors


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
mask: Tensor = (x > 0) & (x == x)
with torch.no_grad(), torch.enable_grad(), torch.set_grad_enabled(False):
    kind: torch.dtype = x.double().dtype
safetensors.save_file(dict(net.state_dict()), "/dev/null")
count: int = capi.tensor_rank(x) + torch.live_handles()
try:
    x[1, ..., None, ::2]
except torch.Error as error:
    code: int = error.code + torch.ERROR_INDEX
