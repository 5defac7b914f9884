// SPDX-License-Identifier: MIT
// Products and sums of sizes that say when they do not fit.
#pragma once

#include <cstdint>

namespace tg {

// false: the exact result does not fit int64_t, and *out is not to be used.
inline bool checked_multiply(int64_t a, int64_t b, int64_t* out) {
  return !__builtin_mul_overflow(a, b, out);
}
inline bool checked_add(int64_t a, int64_t b, int64_t* out) {
  return !__builtin_add_overflow(a, b, out);
}

}  // namespace tg
