-- SPDX-License-Identifier: MIT
-- What one small call costs: the sum of two tensors of 8 floats, made and released.
local tapegrad = require("tapegrad")
local a, b = tapegrad.ones({ 8 }), tapegrad.ones({ 8 })

local function by_hand(count)
  for _ = 1, count do (a + b):release() end
end
local function by_collector(count)
  for _ = 1, count do local _ = a + b end
end
local function nanoseconds(body)
  local best = math.huge
  for _ = 1, 7 do
    local count = 200000
    local start = os.clock()
    body(count)
    best = math.min(best, (os.clock() - start) / count * 1e9)
  end
  return best
end
by_hand(10000)
print(("add of 8 floats, released:  %4.0f ns"):format(nanoseconds(by_hand)))
print(("add of 8 floats, collected: %4.0f ns"):format(nanoseconds(by_collector)))
