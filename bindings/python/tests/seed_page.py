# SPDX-License-Identifier: MIT
# The four examples that the project grew from, with tapegrad in the place of torch.
import tapegrad as torch
import tapegrad.nn as nn

# 1
x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)

with torch.inference_mode():
    y = x * 2
    print("在 inference_mode 中:", y.requires_grad)

with torch.no_grad():
    z = x * 2
    print("在 no_grad 中:", z.requires_grad)

# 2
with torch.inference_mode():
    x = torch.randn(100, 100)
    for _ in range(10):
        x = torch.mm(x, x)
    result = x.sum()
    print(f"在 inference_mode 中: {result.is_leaf}")

with torch.no_grad():
    x2 = torch.randn(100, 100)
    for _ in range(10):
        x2 = torch.mm(x2, x2)
    result2 = x2.sum()
    print(f"在 no_grad 中: {result2.is_leaf}")

# 3
model = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
model.eval()
test_input = torch.randn(100, 10)

with torch.inference_mode():
    output = model(test_input)
    print(f"输出形状: {output.shape}")
    print(f"输出 requires_grad: {output.requires_grad}")


@torch.inference_mode()
def predict(model, x):
    return model(x)


predictions = predict(model, test_input)
print(f"装饰器方式 - 输出形状: {predictions.shape}")


# 4
def compare():
    model = nn.Sequential(
        nn.Linear(1000, 1000),
        nn.ReLU(),
        nn.Linear(1000, 1000),
        nn.ReLU(),
        nn.Linear(1000, 10),
    )
    x = torch.randn(50, 1000)

    print("不使用任何上下文管理器:")
    output1 = model(x)

    print("\n使用 no_grad:")
    with torch.no_grad():
        output2 = model(x)

    print("\n使用 inference_mode:")
    with torch.inference_mode():
        output3 = model(x)

    return output1, output2, output3


compare()
