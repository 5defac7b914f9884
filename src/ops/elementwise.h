// SPDX-License-Identifier: MIT
// Brings operands together for the lanes of kernels/table.h: broadcasting as strides of 0, dtypes
// by conversion. The common case (equal shapes and dtypes, row-major) goes straight to the loop.
#pragma once

#include "core/tensor.h"
#include "kernels/strided.h"
#include "kernels/table.h"

namespace tg {

// The dtype that the lane computes in is the result's, or for comparisons the operands' promotion.
void unary(kernels::Lane lane, const Tensor& out, const Tensor& x,
           const kernels::Scalars* scalars = nullptr);
void binary(kernels::Lane lane, const Tensor& out, const Tensor& a, const Tensor& b,
            const kernels::Scalars* scalars = nullptr);
void ternary(kernels::Lane lane, const Tensor& out, const Tensor& condition, const Tensor& a,
             const Tensor& b);

// x converted to dtype; x itself where it has it already.
Tensor converted(const Tensor& x, DType dtype);
// x with elements in row-major order; x itself where it has them so.
Tensor packed(const Tensor& x);

// Strides of x seen with the sizes of `shape`: 0 where it is broadcast.
void broadcast_strides(const Tensor& x, const Tensor& shape, int64_t* strides);

// The dtype that two operands meet in: PyTorch's promotion, tensors without dimensions last.
DType promoted(const Tensor& a, const Tensor& b);
Meta broadcast_meta(const Tensor& a, const Tensor& b);

// A scalar for an integer tensor must be integral and exact (abi.md 5); bool takes 0 and 1 alone.
kernels::Scalars scalars_for(const char* what, DType dtype, double value);

// Fails with TG_ERROR_DTYPE where the lane does not take the dtype.
kernels::Loop loop_for(kernels::Lane lane, DType dtype);

inline bool is_plain(const Tensor& x, const Tensor& out) {
  return x.row_major() && x.dtype() == out.dtype() && same_shape(x, out);
}

}  // namespace tg
