// SPDX-License-Identifier: MIT
// What the functions have in common that make.py writes: C arguments become values, and the call
// goes by name, with the frame of the thread's task where there is one.
#pragma once

#include <tapegrad/tapegrad.h>

#include <cstdio>
#include <cstdlib>
#include <limits>

#include "calls/values.h"

namespace wrap {

// Calls that had been made by name; a program that made none has tested nothing.
extern uint64_t calls_made;

// Calls a function that has exactly so many results.
tg_status call(const char* name, const tg_value* values, size_t count, tg_value* results,
               size_t result_count);
void must_succeed(tg_status status, const char* name);

// What a function takes by name, and how many results it gives.
enum class Takes {
  handle,
  int32,
  uint32,
  size,
  int64,
  number,
  text,
  pointer,
  int64s,
  handles,
  doubles,
  places,  // a buffer that counts elements
  buffer,  // one that counts bytes
  tensor_bytes
};
struct Parameter {
  const char* name;
  Takes takes;
};
struct Function {
  const char* name;
  std::vector<Parameter> parameters;
  size_t results;
};
const std::vector<Function>& functions();

// Whether a value's count can say it.
inline bool fits(size_t count) { return count <= std::numeric_limits<uint32_t>::max(); }
inline bool fits(int32_t count) { return count >= 0; }

// may_be_absent: another array has the count.
inline tg_value array(int32_t type, const void* items, size_t count, bool may_be_absent) {
  if (items == nullptr && (count == 0 || may_be_absent)) return calls::none();
  return calls::of_array(type, items, count);
}
tg_value tensor_bytes(const void* data, int32_t dtype, const int64_t* shape, int32_t rank);

inline tg_value pointer(const void* address) {
  return address == nullptr ? calls::none() : calls::of_pointer(const_cast<void*>(address));
}
template <class R, class... P>
tg_value pointer(R (*function)(P...)) {
  return pointer(reinterpret_cast<const void*>(function));
}

}  // namespace wrap
