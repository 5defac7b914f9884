-- SPDX-License-Identifier: MIT
-- With a library in which every status is 9999: each function shown to people gives an error with
-- that number, and nothing else happens.
local tapegrad = require("tapegrad")

local count = 0
local function tries(name, f)
  local object = name == "parameters" and tapegrad.Module(1) or tapegrad.Tensor(1)
  for _, arguments in ipairs({
    {}, { object }, { object, object }, { object, object, object }, { object, 1, 1, 1 },
    { object, { 1 }, { 1 }, 1 }, { 1, 1, 1 }, { { object }, { object } }, { { object }, 1, 1 },
    { object, "x", object }, { object, "x", "y" }, { object, "x", 1 }, { object, 1, object },
    { { 1 }, { 1 } }, { 1, { 1 } }, { "x", object }, { object, 1 }, { 1, 1 }, { { object }, 1 },
    { object, object, object, object }, { object, object, object, 1, 1, object },
    { object, 1, object, object }, { object, 1, 1, object }, { object, { 1 }, true, object },
    { object, 1, true, object }, { { object }, 1, object },
  }) do
    local ok, e = pcall(f, unpack(arguments))
    assert(not ok, name .. " took 9999 for success")
    if getmetatable(e) == tapegrad.Error and e.code == 9999 then
      assert(e.name == "invented" and e.message == "invented", name)
      count = count + 1
      return
    end
  end
  error(name .. " never came to the library", 0)
end
for _, methods in pairs(tapegrad.methods) do
  for name, f in pairs(methods) do tries(name, f) end
end
for _, group in ipairs({ tapegrad.nn, tapegrad.optim }) do
  for name, f in pairs(group) do tries(name, f) end
end
for _, name in ipairs({ "zeros", "randn", "cat", "grad", "manual_seed", "safetensors_load",
  "blas_info", "tensor", "scope", "dict_create", "clip_grad_norm_" }) do
  tries(name, tapegrad[name])
end
for _, mode in ipairs({ "no_grad", "enable_grad", "inference_mode" }) do
  tries(mode, function() tapegrad[mode](print) end)
end
tries("coroutine.create", function() tapegrad.coroutine.create(print) end)
assert(count > 150, "only " .. count .. " functions were tried")
print(count .. " functions gave the error 9999")
