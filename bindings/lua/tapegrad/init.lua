-- SPDX-License-Identifier: MIT
-- tapegrad for LuaJIT: tensors, automatic differentiation and inference mode. What each function
-- takes is made from api.json (generated.lua); here stand the constructs of the language: objects
-- that the collector ends, operators, errors, modes as functions, coroutines, shared memory.
local ffi = require("ffi")
local generated = require("tapegrad.generated")

local M = {}
local support = { wrap = {} }
local C = ffi.load(os.getenv("TG_LIBRARY") or "libtapegrad.so.0")
local two53 = 2 ^ 53

-- ---- values between the two languages ----

-- A number where it is exact; a 64-bit cdata where it is not.
function support.as_number(value)
  local number = tonumber(value)
  if number <= two53 and number >= -two53 then return number end
  return value
end

function support.as_text(pointer)
  if pointer ~= nil then return ffi.string(pointer) end
end

function support.as_integers(list)
  if type(list) == "cdata" then return list end
  return ffi.new("int64_t[?]", #list, list)
end

function support.as_doubles(list) return ffi.new("double[?]", #list, list) end

-- Objects, handles as numbers, and 0 or false for none.
function support.as_handles(list)
  local handles = ffi.new("tg_handle[?]", #list)
  for i = 1, #list do
    local one = list[i]
    handles[i - 1] = type(one) == "number" and one or one and one.handle or 0
  end
  return handles
end

function support.handle_of(object, what)
  if type(object) ~= "cdata" then
    M.fail(M.ERROR_INVALID_ARGUMENT, what .. " is " .. tostring(object) ..
      ", and an object of tapegrad is needed")
  end
  return object.handle
end

function support.handle_or_0(object, what)
  return object and support.handle_of(object, what) or 0
end

-- A list of objects, or one alone.
function support.list(objects)
  if type(objects) == "cdata" then return { objects } end
  return objects
end

function support.bit(value)
  if type(value) == "boolean" then return value and 1 or 0 end
  return value
end

function support.checked_text(text)
  if text ~= nil and text:find("\0", 1, true) then
    M.fail(M.ERROR_INVALID_ARGUMENT, "a text has a NUL in it, where the library would end it")
  end
  return text
end

-- What would not fit the type in C, or be cut to it, is refused.
local ranges = { int32_t = { -2 ^ 31, 2 ^ 31 - 1 }, uint32_t = { 0, 2 ^ 32 - 1 },
  int64_t = { -two53, two53 }, uint64_t = { 0, two53 }, size_t = { 0, two53 } }
function support.integer(value, ctype, what)
  if type(value) == "cdata" then return value end
  local range = ranges[ctype]
  if type(value) ~= "number" or value % 1 ~= 0 or value < range[1] or value > range[2] then
    local whole = type(value) == "number" and value % 1 == 0
    M.fail(M.ERROR_INVALID_ARGUMENT, what .. " is " .. tostring(value) ..
      ", which is no integer that fits " .. ctype ..
      (whole and "; give one that lies beyond 2^53 as a cdata" or ""))
  end
  return value
end

-- A list of integers, or one alone.
function support.integers(list, what)
  if type(list) == "number" then list = { list } end
  if list == nil or type(list) == "cdata" then return list end
  if type(list) ~= "table" then
    M.fail(M.ERROR_INVALID_ARGUMENT, what .. " is " .. tostring(list) .. "; give a table of integers")
  end
  for i = 1, #list do support.integer(list[i], "int64_t", what) end
  return list
end

function support.number(value, what)
  if type(value) ~= "number" and type(value) ~= "cdata" then
    M.fail(M.ERROR_INVALID_ARGUMENT, what .. " is " .. tostring(value) .. ", which is no number")
  end
  return value
end

-- Constants by their word ("float32", "mean") or number; a word that is unknown stays an error of
-- the library, which names the function.
function support.choice(group, value)
  if type(value) == "string" then return M.enums[group][value] or -1 end
  return value
end

local words = {}
function support.word_of(group, value) return words[group][value] or value end

-- ---- errors: tables with code, name and message ----

local Error = {}
Error.__index = Error
function Error.__tostring(self) return self.name .. ": " .. self.message end
M.Error = Error

function M.fail(code, message)
  -- Read first: what is allocated below may run a finalizer, hence the library.
  message = message or support.as_text(C.tg_last_error_message())
  local name = support.as_text(C.tg_status_name(code))
  error(setmetatable({ code = code, name = name, message = message }, Error), 0)
end

-- After a failure: where memory is wanting, dead tensors may hold it, so that the collector runs
-- and the call is tried once more. What fails then is an error.
function support.again(status, call, ...)
  if status == M.ERROR_OUT_OF_MEMORY then
    collectgarbage()
    collectgarbage()
    local function given(second, ...)
      if second ~= 0 then M.fail(second) end
      return ...
    end
    return given(call(...))
  end
  M.fail(status)
end

function M.check(status, ...)
  if status ~= 0 then M.fail(status) end
  return ...
end

function support.text_out(call, ...)
  local size = 1024
  while true do
    local buffer = ffi.new("char[?]", size)
    local arguments, count = { ... }, select("#", ...)
    if count == 1 and arguments[1] == nil then count = 0 end
    arguments[count + 1] = buffer
    local status, length = call(unpack(arguments, 1, count + 1))
    if status ~= 0 then M.fail(status) end
    if length < size then return ffi.string(buffer, length) end
    size = length + 1
  end
end

-- A list of numbers, or of objects where there is a wrap. Without a count the function is asked.
-- The buffer is the last input of all such functions.
function support.array_out(call, wrap, count, ...)
  local arguments, inputs = { ... }, select("#", ...)
  if not count then count = M.check(call(...)) end
  arguments[inputs + 1] = ffi.new(wrap and "tg_handle[?]" or "int64_t[?]", count)
  M.check(call(unpack(arguments, 1, inputs + 1)))
  local list = {}
  for i = 1, count do
    local value = tonumber(arguments[inputs + 1][i - 1])
    list[i] = not wrap and value or value ~= 0 and wrap(value) or false
  end
  return list
end

-- ---- objects: a box of one field, ended by the collector ----

local api = generated(C, support)
M.raw, M.enums, M.C = api.raw, api.enums, C
local raw = M.raw
for group, members in pairs(api.enums) do
  words[group] = {}
  for word, value in pairs(members) do words[group][value] = word end
end
for name, value in pairs(api.constants) do M[name] = value end
for name, call in pairs(api.functions) do M[name] = call end
M.nn, M.optim = api.nn, api.optim

-- The collector sees a box of a few bytes and not the tensor behind it. So after every 64 new
-- objects the library is asked what tensors hold, and where that has grown a lot since the last
-- time, the collector runs. M.pressure.bytes may be changed.
M.pressure = { bytes = 64 * 1024 * 1024 }
local made, held = 0, 0
local function look()
  made = 0
  local now = tonumber(C.tg_memory_current())
  if now > held + M.pressure.bytes or now > 2 * held + M.pressure.bytes / 4 then
    collectgarbage()
    held = tonumber(C.tg_memory_current())
  elseif now < held then
    held = now
  end
end

local boxes = {}
local scopes = false -- has there been one?
local is_valid, release = C.tg_is_valid, C.tg_release -- finalizers are not compiled, names cost
for _, kind in ipairs(api.kinds) do
  local methods = api.methods[kind]
  -- Ends the object now, without the collector. Using it afterwards is an error.
  function methods.release(self)
    local handle = self.handle
    self.handle = 0
    ffi.gc(self, nil) -- a third of the time that a finalizer takes
    local status = release(handle)
    if status ~= 0 then M.fail(status) end
  end
  function methods.is_same(a, b)
    return M.check(raw.is_same(a.handle, b.handle)) ~= 0
  end
  local meta = { __index = methods }
  -- What a scope has released already is passed over: a failed release would be the last error.
  function meta.__gc(self)
    if not scopes or is_valid(self.handle) ~= 0 then release(self.handle) end
  end
  if kind == "tensor" then
    local add, sub, mul, div = methods.add, methods.sub, methods.mul, methods.div
    -- A number on the left becomes a tensor of rank 0 and of the other one's dtype.
    local function both(call)
      return function(a, b)
        if type(a) == "number" then a = M.scalar(a, { dtype = b:dtype() }) end
        return call(a, b)
      end
    end
    meta.__add, meta.__sub, meta.__mul, meta.__div = both(add), both(sub), both(mul), both(div)
    meta.__unm, meta.__pow, meta.__tostring = methods.neg, methods.pow, methods.format
  elseif kind == "module" then
    meta.__call = methods.forward
  end
  local box = ffi.metatype("tapegrad_" .. kind, meta)
  boxes[kind] = box
  support.wrap[kind] = function(handle)
    made = made + 1
    if made >= 64 then look() end
    return box(handle)
  end
end
local Tensor = api.methods.tensor
local wrap = support.wrap
M.Tensor, M.Module, M.methods = boxes.tensor, boxes.module, api.methods

-- ---- tensors and memory ----

local ctypes = {
  float32 = "float", float64 = "double", float16 = "uint16_t", bfloat16 = "uint16_t",
  int8 = "int8_t", int16 = "int16_t", int32 = "int32_t", int64 = "int64_t", uint8 = "uint8_t",
  bool = "uint8_t",
}

-- Numbers and the sizes of nested tables, row by row.
local function flatten(value, flat, shape, depth)
  if type(value) ~= "table" then
    if type(value) == "boolean" then value = value and 1 or 0 end
    support.number(value, "tensor: an element")
    flat[#flat + 1] = value
    return
  end
  shape[depth] = shape[depth] or #value
  if shape[depth] ~= #value then
    M.fail(M.ERROR_SHAPE, "tensor: rows of one table have " .. shape[depth] .. " and " .. #value ..
      " elements; give all the same number")
  end
  for i = 1, #value do flatten(value[i], flat, shape, depth + 1) end
end

-- tensor({{1, 2}, {3, 4}}, { dtype = "float64", requires_grad = true })
function M.tensor(values, options)
  options = options or {}
  local flat, shape = {}, {}
  flatten(values, flat, shape, 1)
  local dtype = options.dtype or "float32"
  local ctype = ctypes[dtype] or M.fail(M.ERROR_INVALID_ARGUMENT, "tensor: dtype " ..
    tostring(dtype) .. " is unknown")
  if dtype == "float16" or dtype == "bfloat16" then
    return M.tensor(values):to_dtype(dtype):set_requires_grad(options.requires_grad or false)
  end
  local data = ffi.new(ctype .. "[?]", math.max(#flat, 1), flat)
  if #flat == 1 then data[0] = flat[1] end
  return wrap.tensor(M.check(raw.tensor_create(data, M.enums.dtype[dtype], shape,
    support.bit(options.requires_grad or false))))
end

local set_requires_grad = Tensor.set_requires_grad
function Tensor.set_requires_grad(x, on)
  set_requires_grad(x, on)
  return x
end

function api.methods.module.parameters(module)
  local list = {}
  for i = 1, module:parameter_count() do list[i] = module:parameter_at(i - 1) end
  return list
end

-- The elements as a flat list, in the order of rows.
function Tensor.totable(x)
  local dtype = x:dtype()
  if dtype == "float16" or dtype == "bfloat16" then return x:to_dtype("float32"):totable() end
  local count = x:numel()
  local buffer = ffi.new(ctypes[dtype] .. "[?]", count)
  M.check(raw.tensor_copy_out(x.handle, buffer))
  local list = {}
  for i = 1, count do
    list[i] = support.as_number(buffer[i - 1])
    if dtype == "bool" then list[i] = list[i] ~= 0 end
  end
  return list
end

-- What is written through data() is seen in the tensor, and the other way round. The pointer keeps
-- the tensor alive; it has no bounds, and elements lie as strides() says.
local holders = setmetatable({}, { __mode = "k" })
function Tensor.data(x)
  local address = M.check(raw.tensor_data(x.handle))
  local pointer = ffi.cast(ctypes[x:dtype()] .. " *", address)
  holders[pointer] = x
  return pointer
end

-- A tensor over memory of Lua's: an array of cdata, kept as long as a tensor, view or graph reads
-- it. A deleter must not call Lua (it may run on any thread), so it is tg_release on an object of
-- our own: as long as that object is alive, so is the memory.
local lent = {}
local deleter = ffi.cast("tg_deleter", release)
local function drop_what_came_back()
  for token in pairs(lent) do
    if is_valid(token) == 0 then lent[token] = nil end
  end
end
function M.from_cdata(array, dtype, shape, options)
  drop_what_came_back()
  local token = M.check(raw.object_create("lent memory of Lua", nil, nil))
  local status, handle = raw.tensor_from_memory(array, M.enums.dtype[dtype], shape,
    options and options.strides, options and options.flags or 0, deleter,
    ffi.cast("void *", ffi.cast("uintptr_t", token)))
  if status ~= 0 then
    release(token)
    M.fail(status)
  end
  lent[token] = array
  return wrap.tensor(handle)
end
function M.lent()
  drop_what_came_back()
  local count = 0
  for _ in pairs(lent) do count = count + 1 end
  return count
end

-- ---- modes: each takes a function, gives its results and is left on every path ----

local function leave(exit, ok, ...)
  M.check(exit())
  if not ok then error((...), 0) end
  return ...
end
local function mode(enter, exit)
  return function(value, body, ...)
    M.check(enter(value))
    return leave(exit, pcall(body, ...))
  end
end
local function plain_mode(enter, exit)
  return function(body, ...)
    M.check(enter())
    return leave(exit, pcall(body, ...))
  end
end
M.no_grad = plain_mode(raw.no_grad_enter, raw.no_grad_exit)
M.enable_grad = plain_mode(raw.enable_grad_enter, raw.enable_grad_exit)
local set_grad_enabled = mode(raw.set_grad_enabled_enter, raw.set_grad_enabled_exit)
local inference_mode = mode(raw.inference_mode_enter, raw.inference_mode_exit)
function M.set_grad_enabled(on, body, ...) return set_grad_enabled(support.bit(on), body, ...) end
-- inference_mode(body, ...) or inference_mode(false, body, ...)
function M.inference_mode(on, body, ...)
  if type(on) == "boolean" then return inference_mode(support.bit(on), body, ...) end
  return inference_mode(1, on, body, ...)
end
-- A function that runs in a mode whenever it is called: in_mode(tapegrad.no_grad, predict)
function M.in_mode(which, body)
  return function(...) return which(body, ...) end
end
function M.is_grad_enabled() return raw.is_grad_enabled() ~= 0 end
function M.is_inference_mode_enabled() return raw.is_inference_mode_enabled() ~= 0 end
function M.mode_nesting(word) M.check(raw.mode_nesting_set(support.choice("nesting", word))) end

-- Coroutines that have their own modes: they begin in those of their maker, keep theirs from yield
-- to resume, and leave the caller's alone. coroutine.create and its kin know nothing of modes.
M.coroutine = {}
local word = ffi.new("uint64_t[1]")
local function state_set(state)
  M.check(C.tg_state_set(state, word))
  return word[0]
end
function M.coroutine.create(body)
  M.check(C.tg_state_get(word))
  return { thread = coroutine.create(body), state = word[0] }
end
local function back(task, callers, ...)
  task.state = state_set(callers)
  return ...
end
function M.coroutine.resume(task, ...)
  local callers = state_set(task.state)
  return back(task, callers, coroutine.resume(task.thread, ...))
end
function M.coroutine.status(task) return coroutine.status(task.thread) end
function M.coroutine.wrap(body)
  local task = M.coroutine.create(body)
  local function given(ok, ...)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...) return given(M.coroutine.resume(task, ...)) end
end

-- Handles made inside are released when the body is over, but those that it returns.
function M.scope(body, ...)
  scopes = true
  local scope = M.check(raw.scope_enter())
  local function given(ok, ...)
    if ok then
      for i = 1, select("#", ...) do
        local one = select(i, ...)
        if type(one) == "cdata" and ffi.istype(boxes.tensor, one) then
          M.check(raw.scope_keep(scope, one.handle))
        end
      end
    end
    M.check(raw.scope_exit(scope))
    if not ok then error((...), 0) end
    return ...
  end
  return given(pcall(body, ...))
end

-- ---- functions of Lua that the library calls ----

-- LuaJIT cannot be called back out of compiled code, and any call may fail or need memory. So the
-- compiler is off as long as such a function is set.
local doors, compiled = {}, nil
local function watch_the_compiler()
  local called_back = false
  for _, door in pairs(doors) do called_back = called_back or door.body end
  if called_back and compiled == nil then
    compiled = jit.status()
    jit.off()
    jit.flush()
  elseif not called_back and compiled ~= nil then
    if compiled then jit.on() end
    compiled = nil
  end
end

-- One function of C for each, made once, since the library may be inside it while another is set.
local function lend(name, ctype, set, body)
  local door = doors[name]
  if not door then
    door = {}
    door.call = ffi.cast(ctype, function(_, ...)
      local ok, answer = pcall(door.body, ...)
      if ok then return answer end
      io.stderr:write("tapegrad: ", name, ": ", tostring(answer), "\n") -- no call waits for it
      return 1
    end)
    door.closing = newproxy(true) -- the library may outlive this state of Lua
    getmetatable(door.closing).__gc = function() set(nil) end
    doors[name] = door
  end
  if body then
    door.body = body
    watch_the_compiler()
    M.check(set(door.call))
  else
    M.check(set(nil))
    door.body = nil
    watch_the_compiler()
  end
end

-- log(level, text) gets the message of each call that fails, with LOG_ERROR, and what is to know of
-- the BLAS; nil takes it away.
function M.set_log(log)
  lend("set_log", "tg_log_fn", function(call) return C.tg_log_set(call, nil, nil) end,
    log and function(level, text) log(level, support.as_text(text)) end)
end
-- relieve(current, wanted) is asked where a request would pass soft_limit bytes (0: none) or was
-- refused: true if it gave memory back and the request is worth another try. It runs in the middle
-- of a call, so it may release and ask, no more. nil takes it away.
function M.set_memory_pressure(relieve, soft_limit)
  lend("set_memory_pressure", "tg_pressure_fn",
    function(call) return C.tg_memory_pressure_set(call, nil, nil, soft_limit or 0) end,
    relieve and function(current, wanted)
      return relieve(tonumber(current), tonumber(wanted)) and 0 or 1
    end)
end

function M.version() return support.as_text(C.tg_version_string()) end
M.live_handles = raw.live_handles

return M
