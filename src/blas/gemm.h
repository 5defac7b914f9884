// SPDX-License-Identifier: MIT
// Products of matrices and vectors. Here, and nowhere else, it is chosen which kernel computes a
// product: our own, or a BLAS that was opened for it. The choice depends on shape, strides,
// processor and BLAS, never on load, on the number of threads or on the clock, so the same product
// has the same bits each time. Nothing here fails, throws or reads a mode.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace tg::blas {

// Strides in elements. Those of operands may be any, 0 and negative ones included. The elements of
// a result are distinct, and none of them is an element of an operand: the caller has checked it.
struct Matrix {
  void* data;
  int64_t rows, columns;
  int64_t row_stride, column_stride;
};
struct Vector {
  void* data;
  int64_t size, stride;
};

// All take float32 and float64 alone.

// c = alpha a b + beta c. Where beta is 0, c is not read: what lies there may be NaN.
void gemm(DType dtype, const Matrix& c, const Matrix& a, const Matrix& b, double alpha = 1,
          double beta = 0) noexcept;

// y = alpha a x + beta y.
void gemv(DType dtype, const Vector& y, const Matrix& a, const Vector& x, double alpha = 1,
          double beta = 0) noexcept;

// *result = sum of x[i] y[i]; sizes are equal.
void dot(DType dtype, void* result, const Vector& x, const Vector& y) noexcept;

// y[m,n] = x[m,k] weight[n,k]^T + bias, then relu if asked (NaN stays NaN). bias: n elements, or
// null. The bits are those of gemm with weight transposed, then the additions, then relu.
void linear(DType dtype, const Matrix& y, const Matrix& x, const Matrix& weight, const void* bias,
            int64_t bias_stride, bool relu) noexcept;

// The JSON text of tg_blas_info (docs/blas.md): written as far as capacity allows, ended by a NUL;
// its whole length is returned. Opens and loads nothing.
size_t describe(char* buffer, size_t capacity) noexcept;

}  // namespace tg::blas
