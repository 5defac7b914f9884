// SPDX-License-Identifier: MIT
// Callbacks of scenarios, which fail where a test asks for it.
#pragma once

#include <cstdint>

namespace calls {

inline constexpr int32_t kOwnNumber = 77;  // no tg_status: the failure is the callback's own

// The k-th callback from now on fails (0: none), before it has done anything or after all of it.
struct FailingCallback {
  uint64_t at = 0, counted = 0;
  bool late = false;
};
inline FailingCallback failing_callback;

template <class Body>
int32_t may_fail(Body body) {
  FailingCallback& failing = failing_callback;
  const bool fails = ++failing.counted == failing.at;
  if (fails && !failing.late) return kOwnNumber;
  const int32_t result = body();
  return fails ? kOwnNumber : result;
}

}  // namespace calls
