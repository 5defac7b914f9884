// SPDX-License-Identifier: MIT
// What a call by name takes: each value is held against the table, and becomes the one, two or
// three parameters that it stands for.
#include "base/checked.h"
#include "capi/call.h"

namespace tg::capi {

namespace {

const char* name_of_kind(int32_t type) {
  switch (type) {
    case TG_VALUE_NONE: return "NONE";
    case TG_VALUE_HANDLE: return "HANDLE";
    case TG_VALUE_INT64: return "INT64";
    case TG_VALUE_DOUBLE: return "DOUBLE";
    case TG_VALUE_TEXT: return "TEXT";
    case TG_VALUE_POINTER: return "POINTER";
    case TG_VALUE_INT64_ARRAY: return "INT64_ARRAY";
    case TG_VALUE_HANDLE_ARRAY: return "HANDLE_ARRAY";
    case TG_VALUE_DOUBLE_ARRAY: return "DOUBLE_ARRAY";
    case TG_VALUE_BUFFER: return "BUFFER";
    case TG_VALUE_RESULT: return "RESULT";
    default: return nullptr;
  }
}

// What an argument may be, for messages.
const char* wanted_for(Way way) {
  switch (way) {
    case Way::handle: return "HANDLE, or NONE for 0";
    case Way::number: return "DOUBLE";
    case Way::text: return "TEXT, or NONE for NULL";
    case Way::pointer: return "POINTER, or NONE for NULL";
    case Way::int64s: return "INT64_ARRAY, or NONE for NULL";
    case Way::handles: return "HANDLE_ARRAY, or NONE for NULL";
    case Way::numbers: return "DOUBLE_ARRAY, or NONE for NULL";
    case Way::buffer:
    case Way::tensor_bytes: return "BUFFER, or NONE for NULL";
    default: return "INT64";
  }
}

bool is_result(Way way) { return way >= Way::out_handle; }
bool is_length(Way way) { return way == Way::length32 || way == Way::length; }

// The bytes of a tensor of this dtype and shape; -1: there is no such tensor, and the function will
// say why.
int64_t bytes_of_tensor(int32_t dtype, const int64_t* shape, int32_t rank) {
  if (!is_dtype(dtype) || rank < 0 || rank > kMaxRank || (shape == nullptr && rank > 0)) return -1;
  int64_t bytes = size_of(static_cast<DType>(dtype));
  bool empty = false;
  for (int32_t d = 0; d < rank; ++d) {
    if (shape[d] < 0) return -1;
    if (shape[d] == 0) {
      empty = true;
    } else if (!checked_multiply(bytes, shape[d], &bytes)) {
      return -1;
    }
  }
  return empty ? 0 : bytes;
}

}  // namespace

uint16_t find_name(const char* name) noexcept {
  const size_t length = std::strlen(name);
  uint32_t at = name_hash(name, length) & kNamePlacesMask;
  for (;; at = (at + 1) & kNamePlacesMask) {
    const uint16_t number = kNamePlaces[at];
    if (number == kNoName) return number;
    const DescribedName& one = kDescribedNames[number];
    if (one.name_length == length && std::memcmp(kCallTexts + one.name, name, length) == 0) {
      return number;
    }
  }
}

CallByName::CallByName(const char* name, const tg_value* arguments, size_t count,
                       const tg_value* results, size_t capacity, size_t* result_count,
                       bool in_a_frame) {
  check_pointer(name, "name");
  if (count > 0) check_pointer(arguments, "arguments");
  if (capacity > 0) check_pointer(results, "results");
  number_ = find_name(name);
  if (number_ >= kFunctionNames) [[unlikely]] {
    check_text(name, "name");
    fail(TG_ERROR_NOT_FOUND, "there is no function \"", Quoted{name},
         number_ == kNoName ? "\"; tg_describe(NULL, ...) lists all"
                            : "\": the name is another thing's");
  }
  entry_ = &kCallEntries[number_];
  if (entry_->barred != Barred::no) [[unlikely]] {
    if (entry_->barred == Barred::always) {
      fail(TG_ERROR_UNSUPPORTED, name, " is not called by its name; call what it would call");
    }
    if (in_a_frame) {
      fail(TG_ERROR_UNSUPPORTED, name,
           " sets what a frame does not hold; call it without a frame, on the thread that it is "
           "for");
    }
  }
  if (count != entry_->arguments) [[unlikely]] {
    fail(TG_ERROR_INVALID_ARGUMENT, name, " takes ", entry_->arguments, " values, not ", count,
         "; tg_describe tells its parameters");
  }
  if (capacity < entry_->results) [[unlikely]] {
    if (result_count != nullptr) *result_count = entry_->results;
    fail(TG_ERROR_LIMIT, name, " gives ", entry_->results, " results, and capacity is ", capacity,
         "; give room for all");
  }
  take_arguments(arguments);
}

void CallByName::take_arguments(const tg_value* arguments) {
  size_t argument = 0;
  bool has_lengths = false;
  for (size_t at = 0; at < entry_->parameters; ++at) {
    const Way way = parameter(at).way;
    if (is_result(way)) {
      cells_[at].pointer = &places_[at];
      places_[at].uint64 = 0;
      if (way == Way::out_length32) places_[at].int32 = kNoLength32;
      if (way == Way::out_length) places_[at].size = kNoLength;
    } else if (is_length(way)) {
      has_lengths = true;
    } else {
      take(at, argument, arguments[argument]);
      ++argument;
    }
  }
  if (!has_lengths) return;
  // Those that no argument gave belong to arrays that are absent.
  for (size_t at = 0; at < entry_->parameters; ++at) {
    if (is_length(parameter(at).way) && (counted_ >> at & 1u) == 0) cells_[at].uint64 = 0;
  }
  argument = 0;
  for (size_t at = 0; at < entry_->parameters; ++at) {
    const Way way = parameter(at).way;
    if (is_result(way) || is_length(way)) continue;
    if (way == Way::tensor_bytes) take_tensor_bytes(at, argument, arguments[argument]);
    ++argument;
  }
}

void CallByName::fail_kind(size_t at, size_t argument, const tg_value& value) const {
  const char* came = name_of_kind(value.type);
  const char* what = kCallTexts + parameter(at).name;
  if (value.type == TG_VALUE_RESULT) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ", what,
                 ", value ", argument, ", is a RESULT, which is kept for calls of many; give ",
                 wanted_for(parameter(at).way));
  }
  if (came == nullptr) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ", what,
                 ", value ", argument, ", has the type ", value.type, ", which no TG_VALUE_* has; ",
                 "give ", wanted_for(parameter(at).way));
  }
  fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ", what,
               ", value ", argument, ", is of the kind ", came, "; give ",
               wanted_for(parameter(at).way));
}

void CallByName::fail_range(size_t at, size_t argument, int64_t value) const {
  const Way way = parameter(at).way;
  fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ",
               kCallTexts + parameter(at).name, ", value ", argument, ", is ", value, "; give ",
               way == Way::int32    ? "a number from -2^31 to 2^31 - 1"
               : way == Way::uint32 ? "a number from 0 to 2^32 - 1"
                                    : "a number that is not negative");
}

void CallByName::take(size_t at, size_t argument, const tg_value& value) {
  ffi::Cell& cell = cells_[at];
  const Way way = parameter(at).way;
  const bool none = value.type == TG_VALUE_NONE;
  const int64_t integer = value.as.integer;
  switch (way) {
    case Way::handle:
      if (value.type != TG_VALUE_HANDLE && !none) break;
      cell.uint64 = none ? 0 : value.as.handle;
      return;
    case Way::int32:
      if (value.type != TG_VALUE_INT64) break;
      if (integer != static_cast<int32_t>(integer)) fail_range(at, argument, integer);
      cell.int32 = static_cast<int32_t>(integer);
      return;
    case Way::uint32:
      if (value.type != TG_VALUE_INT64) break;
      if (integer != static_cast<uint32_t>(integer)) fail_range(at, argument, integer);
      cell.uint32 = static_cast<uint32_t>(integer);
      return;
    case Way::size:
      if (value.type != TG_VALUE_INT64) break;
      if (integer < 0 || static_cast<uint64_t>(integer) > std::numeric_limits<size_t>::max()) {
        fail_range(at, argument, integer);
      }
      cell.size = static_cast<size_t>(integer);
      return;
    case Way::int64:
    case Way::uint64:  // as two's complement
      if (value.type != TG_VALUE_INT64) break;
      cell.int64 = integer;
      return;
    case Way::number:
      if (value.type != TG_VALUE_DOUBLE) break;
      cell.number = value.as.number;
      return;
    case Way::text:
      if (value.type != TG_VALUE_TEXT && !none) break;
      cell.pointer = none ? nullptr : value.as.text;
      if (cell.pointer != nullptr &&
          std::memchr(value.as.text, 0, size_t{value.count} + 1) != value.as.text + value.count) {
        fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ",
                     kCallTexts + parameter(at).name, ", value ", argument,
                     ", is a text whose first NUL is not at its count, ", value.count,
                     "; give the bytes before the NUL as its count");
      }
      return;
    case Way::pointer:
      if (value.type != TG_VALUE_POINTER && !none) break;
      cell.pointer = none ? nullptr : value.as.pointer;
      return;
    case Way::tensor_bytes:
      if (value.type != TG_VALUE_BUFFER && !none) break;
      cell.pointer = nullptr;  // until its size is known to be right
      return;
    case Way::int64s:
      if (value.type != TG_VALUE_INT64_ARRAY && !none) break;
      return take_array(at, argument, value);
    case Way::handles:
      if (value.type != TG_VALUE_HANDLE_ARRAY && !none) break;
      return take_array(at, argument, value);
    case Way::numbers:
      if (value.type != TG_VALUE_DOUBLE_ARRAY && !none) break;
      return take_array(at, argument, value);
    case Way::buffer:
      if (value.type != TG_VALUE_BUFFER && !none) break;
      return take_array(at, argument, value);
    default: break;
  }
  fail_kind(at, argument, value);
}

void CallByName::take_array(size_t at, size_t argument, const tg_value& value) {
  if (value.type == TG_VALUE_NONE) {
    cells_[at].pointer = nullptr;
    return;
  }
  cells_[at].pointer = value.as.array;
  count_at(parameter(at).partner, argument, value);
}

// An array's count goes to the parameter that has it. Two arrays may share one.
void CallByName::count_at(size_t partner, size_t argument, const tg_value& value) {
  ffi::Cell& cell = cells_[partner];
  const char* what = kCallTexts + parameter(partner).name;
  const bool narrow = parameter(partner).way == Way::length32;
  if (narrow && value.count > static_cast<uint32_t>(std::numeric_limits<int32_t>::max())) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": value ",
                 argument, " has ", value.count, " elements, more than ", what, " can say");
  }
  if ((counted_ >> partner & 1u) != 0) {
    const uint64_t other = narrow ? static_cast<uint64_t>(cell.int32) : cell.size;
    if (other == value.count) return;
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": value ",
                 argument, " has ", value.count, " elements, and the array before it whose ", what,
                 " it shares has ", other, "; give as many");
  }
  counted_ |= 1u << partner;
  if (narrow) {
    cell.int32 = static_cast<int32_t>(value.count);
  } else {
    cell.size = value.count;
  }
}

void CallByName::take_tensor_bytes(size_t at, size_t argument, const tg_value& value) {
  if (value.type == TG_VALUE_NONE) return;
  const size_t dtype = parameter(at).partner;
  const int64_t wanted =
      bytes_of_tensor(cells_[dtype].int32, static_cast<const int64_t*>(cells_[dtype + 1].pointer),
                      cells_[dtype + 2].int32);
  if (wanted < 0) return;
  if (wanted != int64_t{value.count}) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ",
                 kCallTexts + parameter(at).name, ", value ", argument, ", has ", value.count,
                 " bytes, and the tensor has ", wanted, "; give exactly its bytes, or NONE");
  }
  if (value.as.pointer == nullptr && wanted > 0) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int32_t>(argument), name(), ": ",
                 kCallTexts + parameter(at).name, ", value ", argument, ", is a BUFFER at NULL; ",
                 "give NONE for zeros");
  }
  cells_[at].pointer = value.as.pointer;
}

}  // namespace tg::capi
