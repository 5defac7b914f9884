// SPDX-License-Identifier: MIT
// Reductions: sums, extremes and their positions over some or all dimensions of a strided tensor.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

enum class Fold : uint8_t { sum, max, min };

// Folds the dimensions whose bit is set in `reduced` (bit d: dimension d). Strides count elements;
// out_strides has `rank` entries too, those of reduced dimensions are not read.
// sum: out is int64 for boolean and integers (wraps around), else the dtype of in; the 16-bit
//   floats are added in float. A sum of nothing is 0. A floating sum is divided by `divisor`
//   (the mean: the count; 1: no division); for integers divisor is not read.
// max, min: out has the dtype of in; at least one element is folded; a NaN wins.
// The order of additions depends on sizes and strides alone, so the bits never change from run to
// run, and rounding errors grow with the logarithm of the count.
void reduce(Fold fold, DType dtype, void* out, const int64_t* out_strides, const void* in,
            const int64_t* in_strides, const int64_t* sizes, int rank, uint32_t reduced,
            double divisor) noexcept;

// The sum of n contiguous elements, float32 or float64, before it is rounded to the dtype: the
// bits that reduce gives, for callers who know already that nothing else is to be looked at.
double sum_contiguous(DType dtype, const void* x, int64_t n) noexcept;

// The extremes along dimension dim (at least one long) and where they stand first. A NaN is the
// extreme, the first one wins. out_strides has `rank` entries (entry dim is not read) and serves
// values and indices alike; either may be null.
void arg_reduce(Fold fold, DType dtype, void* values, int64_t* indices, const int64_t* out_strides,
                const void* in, const int64_t* in_strides, const int64_t* sizes, int rank,
                int dim) noexcept;

// The position of the first extreme in row-major order; at least one element.
int64_t arg_reduce_all(Fold fold, DType dtype, const void* in, const int64_t* in_strides,
                       const int64_t* sizes, int rank) noexcept;

}  // namespace tg::kernels
