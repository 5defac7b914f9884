-- SPDX-License-Identifier: MIT
-- kit.lua KIT FOLDER: replays the conformance kit through tapegrad.raw, the table of functions that
-- the whole binding stands on. Ends at the first step that gives something else.
local ffi = require("ffi")
local json = require("json")
local tapegrad = require("tapegrad")
local raw = tapegrad.raw

local element_types = { float32 = "float", float64 = "double", int8 = "int8_t", int16 = "int16_t",
  int32 = "int32_t", int64 = "int64_t", uint8 = "uint8_t", bool = "uint8_t", text = "char",
  handle = "tg_handle" }
local live, gone, folder = {}, {}, arg[2]
local start = raw.live_handles()

local function number(given)
  if given == "inf" then return math.huge elseif given == "-inf" then return -math.huge end
  if given == "nan" then return 0 / 0 end
  if type(given) == "string" then return loadstring("return " .. given .. "LL")() end
  return given
end

local function array(dtype, values)
  local memory = ffi.new(element_types[dtype] .. "[?]", #values)
  for i, value in ipairs(values) do memory[i - 1] = number(value) end
  return memory
end

local function handle(name)
  if name == json.null then return 0 end
  return assert(live[name], name)
end

local function argument(given)
  if given.none then return nil end
  if given.handle then return handle(given.handle) end
  if given.raw_handle then return given.raw_handle end
  if given.stale then return assert(gone[given.stale]) end
  if given.int64 then return number(given.int64) end
  if given.double then return number(given.double) end
  if given.text then return given.text end
  if given.path then return folder .. "/" .. given.path end
  if given.int64_array then return given.int64_array end
  if given.double_array then return given.double_array end
  if given.bytes then return array(given.bytes.dtype, given.bytes.values) end
  if given.buffer then
    return ffi.new(element_types[given.of] .. "[?]", given.buffer)
  end
  local handles = {}
  for i, name in ipairs(given.handle_array) do handles[i] = handle(name) end
  return handles
end

local function differ(what, got, wanted)
  error(("%s is %s, not %s"):format(what, tostring(got), tostring(wanted)), 0)
end

local function same(what, got, wanted, tolerance)
  wanted = number(wanted)
  if got == wanted or got ~= got and wanted ~= wanted then return end
  local allowed = (tolerance or 0) * math.max(1, math.abs(wanted))
  if tolerance and math.abs(tonumber(got) - wanted) <= allowed then return end
  differ(what, got, wanted)
end

local function bind(what, name, got)
  if name == json.null then
    if got ~= 0 then differ(what, got, 0) end
  else
    if got == 0 then differ(what, got, "a handle") end
    live[name] = got
  end
end

local function result(what, got, wanted)
  if wanted.any then return end
  if wanted.handle then return bind(what, wanted.handle, got) end
  if wanted.text then
    if got ~= wanted.text then differ(what, got, wanted.text) end
    return
  end
  same(what, got, wanted.int64 or wanted.double, wanted.tolerance)
end

local function buffer(what, memory, wanted)
  if wanted.any then return end
  if wanted.text then
    local got = ffi.string(memory)
    if got ~= wanted.text then differ(what, got, wanted.text) end
    return
  end
  for i, value in ipairs(wanted.int64_array or wanted.values or {}) do
    same(what .. "[" .. i .. "]", tonumber(memory[i - 1]), value)
  end
  for i, name in ipairs(wanted.handle_array or {}) do bind(what, name, tonumber(memory[i - 1])) end
end

local function call(step)
  local name = step.call:sub(#"tg_" + 1)
  local given, count, buffers = {}, #step.arguments, {}
  for i, one in ipairs(step.arguments) do
    given[i] = argument(one)
    if one.buffer then buffers[#buffers + 1] = given[i] end
  end
  local got = { raw[name](unpack(given, 1, count)) }
  local first = 1
  if step.status then
    if got[1] ~= step.status then differ("the status", got[1], step.status) end
    first = 2
    if step.status ~= 0 then
      local message = raw.last_error_message()
      if not message:find(step.message, 1, true) then
        differ("the message", message, step.message)
      end
      return
    end
  end
  for _, one in ipairs(step.ends or {}) do gone[one], live[one] = live[one], nil end
  for i, wanted in ipairs(step.results or {}) do
    result("result " .. i, got[first + i - 1], wanted)
  end
  for i, wanted in ipairs(step.buffers or {}) do buffer("buffer " .. i, buffers[i], wanted) end
end

local function look(step)
  local x = handle(step.tensor)
  local function ask(name)
    local status, got = raw["tensor_" .. name](x)
    if status ~= 0 then differ("the status of " .. name, status, 0) end
    return got
  end
  same("dtype", ask("dtype"), tapegrad.enums.dtype[step.dtype])
  local sizes = ffi.new("int64_t[16]")
  local _, rank = raw.tensor_shape(x, sizes)
  same("rank", rank, #step.shape)
  for i, size in ipairs(step.shape) do same("size " .. i, tonumber(sizes[i - 1]), size) end
  local memory = array(step.dtype, step.values)
  ffi.fill(memory, ffi.sizeof(memory), 0x55)
  local status = raw.tensor_copy_out(x, memory)
  if status ~= 0 then differ("the status of copy_out", status, 0) end
  for i, value in ipairs(step.values) do
    same("element " .. i, tonumber(memory[i - 1]), value, step.tolerance)
  end
  for _, flag in ipairs({ "requires_grad", "is_leaf", "is_inference" }) do
    same(flag, ask(flag), step[flag])
  end
end

local file = assert(io.open(arg[1]))
local kit = json.decode(file:read("*a"))
file:close()
for n, step in ipairs(kit.steps) do
  local ok, fault = pcall(function()
    if step.call then
      call(step)
    elseif step.tensor then
      look(step)
    else
      same("live handles", raw.live_handles() - start, step.live_handles)
    end
  end)
  if not ok then
    io.stderr:write(("step %d (%s): %s\n"):format(n, step.call or step.tensor or "live_handles",
      tostring(fault)))
    os.exit(1)
  end
end
print(#kit.steps .. " steps of the kit, no difference")
