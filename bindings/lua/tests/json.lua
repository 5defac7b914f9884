-- SPDX-License-Identifier: MIT
-- Reads JSON into tables, as far as the conformance kit needs it; null is json.null.
local json = { null = setmetatable({}, { __tostring = function() return "null" end }) }

local escapes = { n = "\n", t = "\t", r = "\r", b = "\b", f = "\f", ['"'] = '"', ["\\"] = "\\",
  ["/"] = "/" }

-- A character of the basic plane in UTF-8.
local function utf8(code)
  if code < 0x80 then return string.char(code) end
  if code < 0x800 then return string.char(0xc0 + math.floor(code / 64), 0x80 + code % 64) end
  return string.char(0xe0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64,
    0x80 + code % 64)
end

function json.decode(text)
  local at = 1
  local value

  local function skip() at = text:find("[^ \n\r\t]", at) or #text + 1 end
  local function expect(what)
    skip()
    if text:sub(at, at) ~= what then error("JSON: " .. what .. " is missing at byte " .. at) end
    at = at + 1
  end
  local function string_value()
    expect('"')
    local from = at
    while true do
      local stop = text:find('["\\]', at) or error("JSON: a string does not end")
      if text:byte(stop) == 34 then
        local raw = text:sub(from, stop - 1)
        at = stop + 1
        return (raw:gsub("\\u(%x%x%x%x)", function(code) return utf8(tonumber(code, 16)) end)
          :gsub("\\(.)", escapes))
      end
      at = stop + 2
    end
  end
  local function several(close, each)
    at = at + 1
    local all = {}
    skip()
    if text:sub(at, at) == close then
      at = at + 1
      return all
    end
    while true do
      each(all)
      skip()
      local mark = text:sub(at, at)
      at = at + 1
      if mark == close then return all end
      if mark ~= "," then error("JSON: a comma is missing at byte " .. at) end
    end
  end
  function value()
    skip()
    local first = text:sub(at, at)
    if first == '"' then return string_value() end
    if first == "[" then
      return several("]", function(all) all[#all + 1] = value() end)
    end
    if first == "{" then
      return several("}", function(all)
        skip()
        local key = string_value()
        expect(":")
        all[key] = value()
      end)
    end
    for word, meant in pairs({ ["true"] = true, ["false"] = false, null = json.null }) do
      if text:sub(at, at + #word - 1) == word then
        at = at + #word
        return meant
      end
    end
    local number = text:match("^-?[%d.eE+-]+", at) or error("JSON: no value at byte " .. at)
    at = at + #number
    return tonumber(number)
  end
  return value()
end

return json
