// SPDX-License-Identifier: MIT
// The inner loops of the reductions, compiled once for each target. reduce.cpp brings the elements
// to them: contiguous, the 16-bit floats as float, boolean as uint8.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// A long sum is cut into blocks of this many bytes, and the sums of the blocks are added pairwise
// (PairwiseSum). Eight KiB are few enough additions in a lane that float keeps six digits, and
// many enough that folding the lanes at the end of a block costs nothing.
inline constexpr int64_t kSumBlockBytes = 8192;

// Adds numbers so that the rounding error grows with the logarithm of their count: two sums of
// equal length at a time, like carries in a binary counter (N. Higham, "Accuracy and Stability of
// Numerical Algorithms", 4.2, pairwise summation).
class PairwiseSum {
 public:
  void add(double value) {
    for (uint64_t carry = count_++; (carry & 1) != 0; carry >>= 1) {
      value += level_[--depth_];
    }
    level_[depth_++] = value;
  }
  double total() const {
    double sum = 0;
    for (int i = depth_; i-- > 0;) {
      sum += level_[i];
    }
    return sum;
  }

 private:
  uint64_t count_ = 0;
  int depth_ = 0;
  double level_[64];
};

// What a sum is kept in between loops: floating point in double, all else modulo 2^64.
union Total {
  double number;
  uint64_t integer;
};

// Each function by dtype; float16, bfloat16 and boolean have none. x is contiguous. extreme: 0 max,
// 1 min.
struct FoldLoops {
  Total (*sum[kDTypes])(const void* x, int64_t n) noexcept;
  // sums[j] += (row0[j] + row1[j]) + (row2[j] + row3[j]) for each four of `count` rows `step` bytes
  // apart, then the rest one by one. sums: the element type, uint64_t for integers.
  void (*sum_rows[kDTypes])(void* sums, const void* rows, int64_t step, int64_t count,
                            int64_t n) noexcept;
  // totals[j] += sums[j], for the floating types.
  void (*carry[kDTypes])(double* totals, const void* sums, int64_t n) noexcept;
  // *result = the extreme of n >= 1 elements; a NaN wins.
  void (*extreme[2][kDTypes])(void* result, const void* x, int64_t n) noexcept;
  // extremes[j] = the extreme of itself and row[j].
  void (*extreme_rows[2][kDTypes])(void* extremes, const void* row, int64_t n) noexcept;
  // Where the first extreme of n >= 1 elements stands; the first NaN if there is one.
  int64_t (*find[2][kDTypes])(const void* x, int64_t n) noexcept;
  // Where row[j] is more extreme than extremes[j]: that becomes row[j], and positions[j] position.
  void (*find_rows[2][kDTypes])(void* extremes, int64_t* positions, const void* row,
                                int64_t position, int64_t n) noexcept;
};

// The loops for the best target of this processor.
const FoldLoops& fold_loops() noexcept;

}  // namespace tg::kernels
