-- SPDX-License-Identifier: MIT
-- digits.lua DATA: trains the network of examples/c/digits.c from seed 0 and prints the bits of the
-- mean loss of the last epoch, which are those of the program in C.
local ffi = require("ffi")
local tapegrad = require("tapegrad")
local nn = tapegrad.nn

local train_rows, epochs, batch = 1437, 50, 32
local pixels, digits = {}, {}
for line in io.lines(arg[1]) do
  if #digits == train_rows then break end
  local row = {}
  for number in line:gmatch("%d+") do row[#row + 1] = tonumber(number) end
  digits[#digits + 1] = table.remove(row)
  for i = 1, 64 do row[i] = row[i] / 16 end
  pixels[#pixels + 1] = row
end
local images = tapegrad.tensor(pixels)
local labels = tapegrad.tensor(digits, { dtype = "int64" })

tapegrad.manual_seed(0)
local net = nn.sequential({ nn.linear(64, 128), nn.relu(), nn.linear(128, 10) })
local adam = tapegrad.optim.adam(net:parameters(), 5e-3)

local function step(rows)
  local loss = net(images:index_select(0, rows)):cross_entropy(labels:index_select(0, rows))
  adam:zero_grad()
  loss:backward()
  adam:step()
  return loss:item()
end

local sum
for _ = 1, epochs do
  local order = tapegrad.randperm(train_rows)
  sum = 0
  for start = 0, train_rows - 1, batch do
    local length = math.min(batch, train_rows - start)
    sum = sum + step(order:narrow(0, start, length)) * length
  end
end
local bits = ffi.cast("uint32_t *", ffi.new("double[1]", sum / train_rows))
print(("%08x%08x"):format(bits[1], bits[0]))
