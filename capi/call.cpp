// SPDX-License-Identifier: MIT
// tg_call: the function is found in the table that the build makes of api.json, and called through
// libffi. With a frame the call runs in the task's modes and scope, and the thread keeps its own.
#include "capi/call.h"

#include "capi/call_frame.h"

namespace tg::capi {

namespace {

tg_value integer(int64_t number) {
  tg_value value{TG_VALUE_INT64, 0, {}};
  value.as.integer = number;
  return value;
}
tg_value text_value(const char* text) {
  tg_value value{text != nullptr ? TG_VALUE_TEXT : TG_VALUE_NONE, 0, {}};
  value.as.text = text;
  if (text != nullptr) value.count = static_cast<uint32_t>(std::strlen(text));
  return value;
}

bool is_result(Way way) { return way >= Way::out_handle; }
bool is_count(Way way) { return way == Way::out_length32 || way == Way::out_length; }
bool is_written(Way way, const ffi::Cell& place) {
  return way == Way::out_length32 ? place.int32 != kNoLength32 : place.size != kNoLength;
}

}  // namespace

tg_status CallByName::run() {
  returned_.uint64 = 0;
  ffi::call(kCallSignatures[entry_->signature], call_interfaces[entry_->signature],
            kCallAddresses[number_], cells_, &returned_);
  return entry_->returns == Returns::status ? returned_.int32 : TG_OK;
}

tg_value CallByName::result_at(size_t at) const {
  const ffi::Cell& place = places_[at];
  tg_value value{TG_VALUE_INT64, 0, {}};
  switch (parameter(at).way) {
    case Way::out_handle:
      value.type = TG_VALUE_HANDLE;
      value.as.handle = place.uint64;
      break;
    case Way::out_number:
      value.type = TG_VALUE_DOUBLE;
      value.as.number = place.number;
      break;
    case Way::out_pointer:
      value.type = TG_VALUE_POINTER;
      value.as.pointer = const_cast<void*>(place.pointer);
      break;
    case Way::out_int32:
    case Way::out_length32: value.as.integer = place.int32; break;
    case Way::out_uint32: value.as.integer = place.uint32; break;
    case Way::out_size:
    case Way::out_length: value.as.integer = static_cast<int64_t>(place.size); break;
    default: value.as.integer = place.int64; break;
  }
  return value;
}

void CallByName::give(tg_value* results, size_t* result_count, bool own_texts) const {
  size_t n = 0;
  switch (entry_->returns) {
    case Returns::status:
    case Returns::nothing: break;
    case Returns::int32: results[n++] = integer(returned_.int32); break;
    case Returns::uint32: results[n++] = integer(returned_.uint32); break;
    case Returns::int64:
    case Returns::uint64: results[n++] = integer(returned_.int64); break;
    case Returns::size: results[n++] = integer(static_cast<int64_t>(returned_.size)); break;
    case Returns::number:
      results[n] = tg_value{TG_VALUE_DOUBLE, 0, {}};
      results[n++].as.number = returned_.number;
      break;
    case Returns::text: {
      const auto* text = static_cast<const char*>(returned_.pointer);
      const bool own = record != nullptr && text == record->error.text;
      results[n++] = text_value(own && !own_texts ? "" : text);
      break;
    }
  }
  for (size_t at = 0; at < entry_->parameters; ++at) {
    if (is_result(parameter(at).way)) results[n++] = result_at(at);
  }
  if (result_count != nullptr) *result_count = n;
}

void CallByName::give_counts(tg_value* results) const {
  size_t n = entry_->returns == Returns::status || entry_->returns == Returns::nothing ? 0 : 1;
  for (size_t at = 0; at < entry_->parameters; ++at) {
    const Way way = parameter(at).way;
    if (!is_result(way)) continue;
    if (is_count(way) && is_written(way, places_[at])) results[n] = result_at(at);
    ++n;
  }
}

}  // namespace tg::capi

using tg::capi::CallByName;
using tg::capi::guarded_pinned;

namespace {

tg_status call_on_thread(const char* name, const tg_value* arguments, size_t count,
                         tg_value* results, size_t capacity, size_t* result_count) {
  tg_status status = TG_OK;
  const tg_status own = guarded_pinned("tg_call", [&] {
    CallByName call(name, arguments, count, results, capacity, result_count, false);
    status = call.run();
    if (status == TG_OK) [[likely]] {
      call.give(results, result_count, true);
    } else {
      call.give_counts(results);
    }
  });
  return own != TG_OK ? own : status;
}

tg_status call_in_frame(tg_frame& frame, const char* name, const tg_value* arguments, size_t count,
                        tg_value* results, size_t capacity, size_t* result_count) {
  const tg_status sound = guarded_pinned("tg_call", [&] { tg::capi::check_frame(frame); });
  if (sound != TG_OK) return sound;
  // The frame's error is written before the thread has its own one back.
  tg::capi::FrameError error(frame);
  if (!error.kept()) return error.out_of_memory();
  tg_status status = TG_OK;
  const tg_status own = guarded_pinned("tg_call", [&] {
    tg::capi::FrameInUse in_use(frame);
    CallByName call(name, arguments, count, results, capacity, result_count, true);
    status = call.run();
    if (status == TG_OK) {
      frame.state = in_use.state();
      call.give(results, result_count, false);
    } else {
      call.give_counts(results);
    }
  });
  if (own != TG_OK) status = own;
  error.give(status);
  return status;
}

}  // namespace

tg_status tg_call(tg_frame* frame, const char* name, const tg_value* arguments, size_t count,
                  tg_value* results, size_t capacity, size_t* result_count) {
  if (frame != nullptr) {
    return call_in_frame(*frame, name, arguments, count, results, capacity, result_count);
  }
  return call_on_thread(name, arguments, count, results, capacity, result_count);
}
