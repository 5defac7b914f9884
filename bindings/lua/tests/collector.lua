-- SPDX-License-Identifier: MIT
-- 100,000 tensors of 40 KB (4 GB in all) are made and dropped while work goes on and other tensors
-- stay in use; nothing is released by hand, so that finalizers run in the midst of it. Resident
-- memory stays flat, and at the end no handle is left.
local tapegrad = require("tapegrad")

local function resident() -- MB
  for line in io.lines("/proc/self/status") do
    local kilobytes = line:match("VmRSS:%s+(%d+)")
    if kilobytes then return tonumber(kilobytes) / 1024 end
  end
end
local function collect()
  collectgarbage()
  collectgarbage()
end

collect()
local live = tapegrad.live_handles()
local kept = {}
local first, most = nil, 0
for n = 1, 100000 do
  local x = tapegrad.full(n, { 10000 })
  if n % 100 == 0 then
    -- Some live on for a while; their values must be what they were.
    local slot = n / 100 % 50 + 1
    if kept[slot] then
      assert(kept[slot][2]:select(0, 9999):item() == kept[slot][1], "a tensor in use was changed")
    end
    kept[slot] = { n, x }
  end
  if n % 10000 == 0 then
    local now = resident()
    first = first or now
    most = math.max(most, now)
  end
end
print(("resident after 10,000 tensors %.0f MB, at most %.0f MB"):format(first, most))
assert(most < first * 1.2 + 20, "resident memory grows")
kept = nil
collect()
assert(tapegrad.live_handles() == live, "handles are left")
-- Small ones too: here it is the boxes that the collector must see.
for _ = 1, 1000000 do tapegrad.scalar(1) end
assert(resident() < most * 1.2 + 20, "small tensors pile up")
collect()
assert(tapegrad.live_handles() == live, "handles are left")
-- Where a limit is reached, the collector runs and the call is tried again.
collect()
tapegrad.memory_limit_set(tapegrad.memory_current() + 1e6)
for _ = 1, 1000 do tapegrad.zeros({ 100000 }) end
local ok, e = pcall(tapegrad.zeros, { 1000000 })
assert(not ok and e.code == tapegrad.ERROR_OUT_OF_MEMORY, "no error at the limit")
tapegrad.memory_limit_set(0)
print("collected")
