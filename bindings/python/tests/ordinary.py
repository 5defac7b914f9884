# SPDX-License-Identifier: MIT
# An ordinary page of code, for torch and tapegrad alike: `ordinary.py torch`, `ordinary.py tapegrad`.
import importlib
import math
import sys

torch = importlib.import_module(sys.argv[1])
nn = importlib.import_module(sys.argv[1] + ".nn")
F = importlib.import_module(sys.argv[1] + ".nn.functional")

# tensors
x = torch.arange(12, dtype=torch.float32).reshape(3, 4)
print(x, x.shape, x.dtype, x[1:, ::2].tolist(), x.t().stride())
print((x > 5).sum(), x[x > 8], x.mean(dim=0), x.max(1).indices, x.argmax().item())
print(torch.cat([x, -x], dim=1).size(), torch.stack([x, x]).sum((0, 2)), x.double().std())
count = torch.tensor([1, 2, 3])
print(count / 2, count * 1.5, count + True, count.dtype, (2 ** torch.tensor([1.0, 2.0])).tolist())
print(torch.where(x > 5, x, torch.zeros(3, 4)).softmax(dim=1), F.relu(x - 6)[2], x.clamp(2, 4).sum())

# gradients
a = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
b = (a * a).sum() + torch.exp(a[0]) * a[2]
b.backward()
print(a.grad, b.item(), a.is_leaf, b.requires_grad, b.grad_fn is not None)
(g,) = torch.autograd.grad((a ** 3).sum(), a, create_graph=True)
print(g.detach(), torch.autograd.grad(g.sum(), a)[0])

# modes
with torch.no_grad():
    c = a * 2
with torch.inference_mode():
    d = a * 2
print(c.requires_grad, d.requires_grad, c.is_inference(), d.is_inference(), torch.is_grad_enabled())


@torch.no_grad()
def frozen(z):
    return z * 2, torch.is_grad_enabled()


print(frozen(a)[0].requires_grad, frozen(a)[1])
for wrong in (lambda: a.add_(1), lambda: torch.ones(2) @ torch.ones(3), lambda: d.requires_grad_(), lambda: b.backward()):
    try:
        wrong()
    except RuntimeError:
        print("RuntimeError")
try:
    x[7]
except IndexError:
    print("IndexError")


# a training loop
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 8)
        self.out = nn.Linear(8, 2)

    def forward(self, z):
        return self.out(torch.tanh(self.hidden(z)))


net = Net()
with torch.no_grad():  # the same start everywhere
    for number, p in enumerate(net.parameters()):
        p.copy_(torch.tensor([math.sin(1.0 + i + 7 * number) for i in range(p.numel())]).view(p.shape) * 0.5)
points = torch.tensor([[math.cos(i), math.sin(3 * i)] for i in range(40)])
labels = (points[:, 0] * points[:, 1] > 0).long()
for optimizer in (torch.optim.SGD(net.parameters(), lr=0.3, momentum=0.9), torch.optim.Adam(net.parameters(), lr=0.02)):
    for step in range(30):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(points), labels)
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            print(f"step {step}: loss {loss.item():.6f}")
net.eval()
with torch.inference_mode():
    print((net(points).argmax(1) == labels).float().mean().item(), list(net.state_dict()), net)
