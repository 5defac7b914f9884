// SPDX-License-Identifier: MIT
// One call of a public function by its name: checked, run, its results given.
#pragma once

#include <limits>

#include "capi/call_table.h"
#include "capi/seam.h"

namespace tg::capi {

// Counts and lengths that a function has not written: no real one is as great.
inline constexpr int32_t kNoLength32 = std::numeric_limits<int32_t>::min();
inline constexpr size_t kNoLength = std::numeric_limits<size_t>::max();

class CallByName {
 public:
  // Finds the function and checks all that can be checked before it runs; throws what is wrong.
  CallByName(const char* name, const tg_value* arguments, size_t count, const tg_value* results,
             size_t capacity, size_t* result_count, bool in_a_frame);

  // Runs the function; gives its status, TG_OK where it has none.
  tg_status run();
  // Writes the results of a call that succeeded. own_texts: texts that belong to the thread may be
  // given; without, they are "".
  void give(tg_value* results, size_t* result_count, bool own_texts) const;
  // After a failure: the counts and lengths that the function wrote all the same.
  void give_counts(tg_value* results) const;

 private:
  const char* name() const { return kCallTexts + entry_->name; }
  const CallParameter& parameter(size_t i) const { return kCallParameters[entry_->first + i]; }
  void take_arguments(const tg_value* arguments);
  void take(size_t at, size_t argument, const tg_value& value);
  void take_array(size_t at, size_t argument, const tg_value& value);
  void take_tensor_bytes(size_t at, size_t argument, const tg_value& value);
  void count_at(size_t partner, size_t argument, const tg_value& value);
  [[noreturn, gnu::cold]] void fail_kind(size_t at, size_t argument, const tg_value& value) const;
  [[noreturn, gnu::cold]] void fail_range(size_t at, size_t argument, int64_t value) const;
  tg_value result_at(size_t at) const;

  const CallEntry* entry_;
  uint16_t number_;
  uint32_t counted_ = 0;  // bits of the parameters whose count an argument has given
  ffi::Cell returned_;
  ffi::Cell cells_[ffi::kMostParameters];   // what the function takes
  ffi::Cell places_[ffi::kMostParameters];  // where it writes, for parameters that are results
};

}  // namespace tg::capi
