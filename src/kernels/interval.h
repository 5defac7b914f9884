// SPDX-License-Identifier: MIT
// Comparing integers with a number that need not be one (2.5, 1e300): which interval of the
// integers the answer is true for. Then the loop compares integers alone.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/table.h"

namespace tg::kernels {

template <class T>
T saturated(int64_t value) {
  if (value < static_cast<int64_t>(std::numeric_limits<T>::min())) {
    return std::numeric_limits<T>::min();
  }
  if (value > static_cast<int64_t>(std::numeric_limits<T>::max())) {
    return std::numeric_limits<T>::max();
  }
  return static_cast<T>(value);
}

// Every comparison with a number says whether x lies in an interval of V, or (ne) whether it does
// not.
template <class V>
struct Interval {
  V low = 1, high = 0;  // empty
  uint8_t outside = 0;  // 1: the answer is reversed

  // least, greatest: bounds that any int64 may be.
  void set(int64_t least, int64_t greatest) {
    using Limits = std::numeric_limits<V>;
    if (least > greatest || least > static_cast<int64_t>(Limits::max()) ||
        greatest < static_cast<int64_t>(Limits::min())) {
      return;
    }
    low = saturated<V>(least);
    high = saturated<V>(greatest);
  }
};

template <class V>
Interval<V> interval_of(Lane lane, const Scalars& scalars) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
  Interval<V> interval;
  interval.outside = lane == Lane::ne_scalar;
  // The number lies in [below, above]: equal if it is an integer, else the integers around it.
  int64_t below = scalars.ia, above = scalars.ia;
  bool under = false, over = false;  // less than all int64, greater than all
  if (scalars.b != 0) {
    const double number = scalars.a;
    if (std::isnan(number)) return interval;
    under = number < -0x1p63;
    over = number >= 0x1p63;
    if (!under && !over) {
      below = static_cast<int64_t>(std::floor(number));
      above = static_cast<int64_t>(std::ceil(number));
    }
  }
  switch (lane) {
    case Lane::eq_scalar:
    case Lane::ne_scalar:
      if (!under && !over && below == above) interval.set(below, below);
      break;
    case Lane::lt_scalar:  // x <= above - 1
      if (over) interval.set(kLeast, kGreatest);
      if (!under && !over && above != kLeast) interval.set(kLeast, above - 1);
      break;
    case Lane::le_scalar:
      if (over) interval.set(kLeast, kGreatest);
      if (!under && !over) interval.set(kLeast, below);
      break;
    case Lane::gt_scalar:  // x >= below + 1
      if (under) interval.set(kLeast, kGreatest);
      if (!under && !over && below != kGreatest) interval.set(below + 1, kGreatest);
      break;
    default:
      if (under) interval.set(kLeast, kGreatest);
      if (!under && !over) interval.set(above, kGreatest);
      break;
  }
  return interval;
}

}  // namespace tg::kernels
