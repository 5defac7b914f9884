-- SPDX-License-Identifier: MIT
-- What the binding itself promises, beyond the functions: errors, operators, modes, coroutines,
-- scopes, memory that is shared.
local ffi = require("ffi")
local tapegrad = require("tapegrad")

local tests = {}
local function test(name, body) tests[#tests + 1] = { name, body } end
local function equal(got, wanted)
  if type(got) == "table" then got, wanted = table.concat(got, " "), table.concat(wanted, " ") end
  if got ~= wanted then
    error(("%s instead of %s"):format(tostring(got), tostring(wanted)), 2)
  end
end
local function fault(body, ...)
  local ok, e = pcall(body, ...)
  assert(not ok and getmetatable(e) == tapegrad.Error, "no error of tapegrad: " .. tostring(e))
  return e
end

test("an error is a table with code, name and message", function()
  local x, y = tapegrad.ones({ 2, 3 }), tapegrad.ones({ 4 })
  local e = fault(function() return x + y end)
  equal(e.code, tapegrad.ERROR_SHAPE)
  equal(e.name, "TG_ERROR_SHAPE")
  assert(e.message:find("tg_add: shapes [2, 3] and [4] do not broadcast", 1, true), e.message)
  equal(tostring(e), e.name .. ": " .. e.message)
end)

test("a released object is refused", function()
  local x = tapegrad.ones({ 2 })
  x:release()
  equal(fault(x.sum, x).code, tapegrad.ERROR_INVALID_HANDLE)
end)

test("what C cannot see is refused", function()
  local x = tapegrad.ones({ 2 })
  equal(fault(x.softmax, x, 0.5).code, tapegrad.ERROR_INVALID_ARGUMENT)
  equal(fault(x.softmax, x, "0").code, tapegrad.ERROR_INVALID_ARGUMENT)
  equal(fault(tapegrad.num_threads_set, 2 ^ 32 + 1).code, tapegrad.ERROR_INVALID_ARGUMENT)
  equal(fault(tapegrad.manual_seed, -1).code, tapegrad.ERROR_INVALID_ARGUMENT)
  tapegrad.manual_seed(0xffffffffffffffffULL)
  equal(fault(tapegrad.safetensors_load, "a\0b").code, tapegrad.ERROR_INVALID_ARGUMENT)
  equal(fault(tapegrad.tensor, { { 1, 2 }, { 3 } }).code, tapegrad.ERROR_SHAPE)
  equal(fault(tapegrad.ones, { 2 }, { dtype = "float31" }).code, tapegrad.ERROR_INVALID_ARGUMENT)
  for _, call in ipairs({ { tapegrad.ones, { 2.5 } }, { tapegrad.ones, "2" }, { x.add, x, "q" },
      { x.mm, x }, { x.mm, x, 3 }, { tapegrad.full, "x", { 2 } }, { tapegrad.tensor, { 1, "a" } } }) do
    equal(fault(unpack(call)).code, tapegrad.ERROR_INVALID_ARGUMENT)
  end
  equal(fault(x.mm, x, 3).message, "mm: b is 3, and an object of tapegrad is needed")
  equal(tapegrad.ones(2):totable(), { 1, 1 })
end)

test("operators take tensors and numbers on both sides", function()
  local x = tapegrad.tensor({ 1, 2, 4 })
  equal((x + x):totable(), { 2, 4, 8 })
  equal((x * 2 - 1):totable(), { 1, 3, 7 })
  equal((8 / x):totable(), { 8, 4, 2 })
  equal((1 - x):totable(), { 0, -1, -3 })
  equal((-x ^ 2):totable(), { -1, -4, -16 })
  equal(tostring(x), "tensor([1., 2., 4.])")
  equal(x:lt(3):dtype(), "bool")
  equal(tapegrad.tensor({ { 1, 2 }, { 3, 4 } }):sum(0):totable(), { 4, 6 })
  local values, indices = x:max(0)
  equal(values:item(), 4)
  equal(indices:item_int64(), 2)
end)

test("dtypes are words, and lists of handles, numbers and texts come back", function()
  local x = tapegrad.tensor({ { 1, 2, 3 } }, { dtype = "float64", requires_grad = true })
  equal(x:dtype(), "float64")
  equal(x:shape(), { 1, 3 })
  equal(#x:split(2, 1), 2)
  local y = (x * x):sum()
  equal(y:grad_fn():name(), "SumBackward")
  equal(tapegrad.grad({ y }, { x })[1]:totable(), { 2, 4, 6 })
  equal(x:grad(), nil)
  equal(tapegrad.tensor({ 1, 0 }, { dtype = "float16" }):totable(), { 1, 0 })
end)

test("a mode gives what its function gives and is left when it fails", function()
  local x = tapegrad.ones({ 2 }, {}):set_requires_grad(true)
  local a, b = tapegrad.no_grad(function(n) return n, (x * n):requires_grad() end, 3)
  equal(a, 3)
  equal(b, false)
  local ok, said = pcall(tapegrad.inference_mode, function() error("mine", 0) end)
  equal(ok, false)
  equal(said, "mine")
  equal(tapegrad.is_inference_mode_enabled(), false)
  equal(tapegrad.inference_mode(false, tapegrad.is_inference_mode_enabled), false)
  equal(fault(tapegrad.inference_mode, tapegrad.no_grad, print).code, tapegrad.ERROR_MODE)
  equal(tapegrad.set_grad_enabled(false, tapegrad.is_grad_enabled), false)
  equal(tapegrad.is_grad_enabled(), true)
end)

test("coroutines carry their own modes", function()
  local made
  tapegrad.no_grad(function()
    made = tapegrad.coroutine.wrap(function()
      equal(tapegrad.is_grad_enabled(), false) -- those of its maker
      tapegrad.enable_grad(function()
        coroutine.yield()
        equal(tapegrad.is_grad_enabled(), true)
      end)
      return tapegrad.is_grad_enabled()
    end)
  end)
  local other = tapegrad.coroutine.create(function()
    tapegrad.inference_mode(function()
      for _ = 1, 3 do
        equal(tapegrad.is_inference_mode_enabled(), true)
        coroutine.yield(true)
      end
    end)
    return tapegrad.is_inference_mode_enabled()
  end)
  made()
  equal(tapegrad.is_grad_enabled(), true)
  for _ = 1, 3 do
    equal(select(2, tapegrad.coroutine.resume(other)), true)
    equal(tapegrad.is_inference_mode_enabled(), false)
  end
  equal(made(), false)
  equal(select(2, tapegrad.coroutine.resume(other)), false)
  equal(tapegrad.coroutine.status(other), "dead")
end)

test("a scope releases all but what it returns", function()
  collectgarbage()
  collectgarbage()
  local before = tapegrad.live_handles()
  local y = tapegrad.scope(function()
    local x = tapegrad.ones({ 2 })
    for _ = 1, 100 do x = x + 1 end
    return x
  end)
  equal(tapegrad.live_handles(), before + 1)
  equal(y:totable(), { 101, 101 })
end)

test("data() shares the tensor's memory and keeps it", function()
  local x = tapegrad.zeros({ 3 })
  local pointer = x:data()
  pointer[1] = 5
  equal(x:totable(), { 0, 5, 0 })
  x:fill_(7)
  equal(pointer[2], 7)
  x = nil
  collectgarbage()
  collectgarbage()
  equal(pointer[0], 7)
end)

test("from_cdata shares an array of Lua's and gives it back when nothing uses it", function()
  local array = ffi.new("double[4]", { 1, 2, 3, 4 })
  local x = tapegrad.from_cdata(array, "float64", { 2, 2 }, { strides = { 1, 2 } })
  equal(x:totable(), { 1, 3, 2, 4 })
  array[0] = 10
  equal(x:sum():item(), 19)
  x:mul_(2)
  equal(array[0], 20)
  local view = x:select(0, 0)
  x:release()
  equal(tapegrad.lent(), 1) -- the view still reads it
  array = nil
  collectgarbage()
  equal(view:totable(), { 20, 6 })
  view:release()
  equal(tapegrad.lent(), 0)
  equal(fault(tapegrad.from_cdata, ffi.new("float[2]"), "float32", { -1 }).code,
    tapegrad.ERROR_INVALID_ARGUMENT)
  equal(tapegrad.lent(), 0)
end)

test("a log gets the message of each call that fails, out of hot loops too", function()
  local x, y, lines = tapegrad.ones({ 2, 3 }), tapegrad.ones({ 4 }), {}
  local function failures(count)
    for _ = 1, count do tapegrad.raw.add(x.handle, y.handle) end
  end
  failures(1000) -- compiled before there is a log
  tapegrad.set_log(function(level, text)
    lines[#lines + 1] = text
    equal(level, tapegrad.LOG_ERROR)
    tapegrad.ones({ 2 }):release() -- it may call the library
  end)
  equal(jit.status(), false)
  failures(1000)
  equal(fault(function() return x + y end).code, tapegrad.ERROR_SHAPE)
  equal(#lines, 1001)
  assert(lines[1001]:find("tg_add: shapes [2, 3] and [4] do not broadcast", 1, true), lines[1001])
  tapegrad.set_log(nil)
  failures(1000)
  equal(#lines, 1001)
  equal(jit.status(), true)
end)

test("where memory is scarce a function is asked, and the request tried again", function()
  collectgarbage()
  collectgarbage()
  local kept, asked, code = {}, {}, nil
  local before = tonumber(tapegrad.C.tg_memory_current())
  for n = 1, 4 do kept[n] = tapegrad.zeros({ 2 ^ 18 }) end -- a MiB each
  tapegrad.memory_limit_set(before + 4.5 * 2 ^ 20)
  tapegrad.set_memory_pressure(function(current, wanted)
    asked[#asked + 1] = { current, wanted }
    code = fault(kept[1].sum, kept[1]).code
    table.remove(kept):release()
    return #asked < 3
  end)
  tapegrad.zeros({ 2 ^ 18 }):release()
  equal(#kept, 3)
  equal(code, tapegrad.ERROR_MODE) -- it is in the middle of a call
  assert(asked[1][1] >= 2 ^ 22 and asked[1][2] >= 2 ^ 20, asked[1][1] .. ", " .. asked[1][2])
  equal(fault(tapegrad.zeros, { 2 ^ 22 }).code, tapegrad.ERROR_OUT_OF_MEMORY)
  local times = #asked
  assert(times >= 2)
  tapegrad.set_memory_pressure(nil)
  fault(tapegrad.zeros, { 2 ^ 22 })
  equal(#asked, times)
  tapegrad.memory_limit_set(0)
  local soft = 0
  tapegrad.set_memory_pressure(function() soft = soft + 1 return true end,
    tonumber(tapegrad.C.tg_memory_current()) + 1000)
  tapegrad.zeros({ 2 ^ 18 }):release()
  equal(soft, 1)
  tapegrad.set_memory_pressure(nil)
end)

for _, one in ipairs(tests) do
  local ok, said = xpcall(one[2], function(e) return debug.traceback(tostring(e), 2) end)
  if not ok then
    io.stderr:write("FAILED: ", one[1], "\n", said, "\n")
    os.exit(1)
  end
end
print(#tests .. " tests of the binding")
