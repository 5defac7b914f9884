// SPDX-License-Identifier: MIT
// Matrix times vector, and the dot product. They are bound by memory: each element of the matrix
// is read once, in the order in which it lies.
//
// Bits depend on sizes and strides alone. Rows of which the columns lie together (or no dimension
// does) are summed in four vectors of partial sums; where the rows lie together each result is one
// chain over the columns, as in small_gemm.h.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// y[m] = alpha a[m,n] x[n] + beta y + bias[m], then relu. Strides in elements.
struct MatrixVector {
  void* y;
  int64_t y_stride;
  const void* a;
  int64_t a_row, a_column;
  const void* x;
  int64_t x_stride;
  int64_t m, n;
  double alpha, beta;  // beta 0: y is not read
  const void* bias;    // null: none
  int64_t bias_stride;
  bool relu;
};

// float32 or float64; needs no memory.
void matrix_vector(DType dtype, const MatrixVector& product) noexcept;

// *result = sum of x[i] y[i].
void dot(DType dtype, void* result, const void* x, int64_t x_stride, const void* y,
         int64_t y_stride, int64_t n) noexcept;

}  // namespace tg::kernels
