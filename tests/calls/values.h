// SPDX-License-Identifier: MIT
// Values for calls by name, made shortly.
#pragma once

#include <tapegrad/tapegrad.h>

#include <cstring>
#include <vector>

namespace calls {

inline tg_value none() { return tg_value{TG_VALUE_NONE, 0, {}}; }
inline tg_value of_handle(tg_handle handle) {
  tg_value value{TG_VALUE_HANDLE, 0, {}};
  value.as.handle = handle;
  return value;
}
inline tg_value of_integer(int64_t number) {
  tg_value value{TG_VALUE_INT64, 0, {}};
  value.as.integer = number;
  return value;
}
inline tg_value of_number(double number) {
  tg_value value{TG_VALUE_DOUBLE, 0, {}};
  value.as.number = number;
  return value;
}
inline tg_value of_text(const char* text) {
  if (text == nullptr) return none();
  tg_value value{TG_VALUE_TEXT, static_cast<uint32_t>(std::strlen(text)), {}};
  value.as.text = text;
  return value;
}
inline tg_value of_pointer(void* pointer) {
  tg_value value{TG_VALUE_POINTER, 0, {}};
  value.as.pointer = pointer;
  return value;
}
inline tg_value of_array(int32_t type, const void* array, size_t count) {
  tg_value value{type, static_cast<uint32_t>(count), {}};
  value.as.array = array;
  return value;
}
inline tg_value of_array(const std::vector<int64_t>& array) {
  return of_array(TG_VALUE_INT64_ARRAY, array.data(), array.size());
}
inline tg_value of_array(const std::vector<tg_handle>& array) {
  return of_array(TG_VALUE_HANDLE_ARRAY, array.data(), array.size());
}
inline tg_value of_buffer(const void* buffer, size_t count) {
  return of_array(TG_VALUE_BUFFER, buffer, count);
}

// A call by name and what it gave.
struct Called {
  tg_status status = TG_OK;
  tg_value results[8] = {};
  size_t count = 0;

  tg_handle handle(size_t i = 0) const { return results[i].as.handle; }
  int64_t integer(size_t i = 0) const { return results[i].as.integer; }
};

inline Called by_name(tg_frame* frame, const char* name, std::vector<tg_value> arguments = {}) {
  Called called;
  called.status =
      tg_call(frame, name, arguments.data(), arguments.size(), called.results, 8, &called.count);
  return called;
}
inline Called by_name(const char* name, std::vector<tg_value> arguments = {}) {
  return by_name(nullptr, name, std::move(arguments));
}

}  // namespace calls
