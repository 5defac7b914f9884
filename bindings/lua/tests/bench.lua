-- SPDX-License-Identifier: MIT
-- What one small call costs: add of 8 floats in each mode, its result released by hand and by the
-- collector. Prints "way/mode nanoseconds", the least of several rounds in processor time.
local tapegrad = require("tapegrad")

local function by_hand(a, b, count)
  for _ = 1, count do (a + b):release() end
end
local function by_collector(a, b, count)
  for _ = 1, count do local _ = a + b end
end
local function measure(mode, requires_grad)
  local a = tapegrad.tensor({ 1, 2, 3, 4, 5, 6, 7, 8 }, { requires_grad = requires_grad })
  local b = tapegrad.ones({ 8 })
  for _, way in ipairs({ { "LuaJIT", by_hand }, { "LuaJIT, by the collector", by_collector } }) do
    local best, count = math.huge, 100000
    for _ = 1, 10 do
      local start = os.clock()
      way[2](a, b, count)
      best = math.min(best, (os.clock() - start) / count * 1e9)
    end
    print(("%s/%s %.1f"):format(way[1], mode, best))
  end
end
tapegrad.inference_mode(measure, "inference", false)
tapegrad.no_grad(measure, "no_grad", true)
measure("grad", true)
