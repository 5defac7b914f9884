// SPDX-License-Identifier: MIT
// Does this BLAS compute what it should? Asked once before its results are believed.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "blas/symbols.h"

namespace tg::blas {

struct SelfTest {
  bool passed;
  bool no_memory;  // it could not be made: not passed either
  char where[48];  // "sgemm 33x65x129 TN", of a failure
  int64_t nanoseconds;
};

// Products of integers of which every sum is exact, compared with plain loops for equality. The
// caller holds a ticket.
SelfTest self_test(const Symbols& symbols, DType dtype) noexcept;

}  // namespace tg::blas
