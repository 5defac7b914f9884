-- SPDX-License-Identifier: MIT
-- The seed's four examples; what they print is compared with what those in examples/c print.
local tapegrad = require("tapegrad")
local nn = tapegrad.nn

local function truth(value) return value and "True" or "False" end

-- 1: what a result knows of gradients
local x = tapegrad.tensor({ 1, 2, 3 }, { requires_grad = true })
tapegrad.inference_mode(function()
  local y = x * 2
  print("在 inference_mode 中: " .. truth(y:requires_grad()))
end)
tapegrad.no_grad(function()
  local z = x * 2
  print("在 no_grad 中: " .. truth(z:requires_grad()))
end)

-- 2: where the modes differ
local function tenfold_product()
  local product = tapegrad.randn({ 100, 100 })
  for _ = 1, 10 do product = product:mm(product) end
  return product:sum()
end
local inferred = tapegrad.inference_mode(tenfold_product)
print("在 inference_mode 中: " .. truth(inferred:is_leaf()))
local plain = tapegrad.no_grad(tenfold_product)
print("在 no_grad 中: " .. truth(plain:is_leaf()))

-- 3: a network, with the mode around the call and around the function
local function size_text(tensor)
  return "torch.Size([" .. table.concat(tensor:shape(), ", ") .. "])"
end
local net = nn.sequential({ nn.linear(10, 20), nn.relu(), nn.linear(20, 5) })
net:eval()
local input = tapegrad.randn({ 100, 10 })
tapegrad.inference_mode(function()
  local output = net(input)
  print("输出形状: " .. size_text(output))
  print("输出 requires_grad: " .. truth(output:requires_grad()))
end)
local predict = tapegrad.in_mode(tapegrad.inference_mode, function(of) return net(of) end)
print("装饰器方式 - 输出形状: " .. size_text(predict(input)))

-- 4: what the modes cost in memory
local large = nn.sequential({
  nn.linear(1000, 1000), nn.relu(), nn.linear(1000, 1000), nn.relu(), nn.linear(1000, 10),
})
local rows = tapegrad.randn({ 50, 1000 })
collectgarbage()
local function measure()
  tapegrad.memory_peak_reset()
  local before = tapegrad.memory_current()
  local y = large(rows)
  print(("peak %d bytes, kept %d bytes"):format(tapegrad.memory_peak() - before,
    tapegrad.memory_current() - before))
  y:release()
end
print("不使用任何上下文管理器:")
measure()
print("\n使用 no_grad:")
tapegrad.no_grad(measure)
print("\n使用 inference_mode:")
tapegrad.inference_mode(measure)
