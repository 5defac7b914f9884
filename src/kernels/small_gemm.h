// SPDX-License-Identifier: MIT
// The library's own matrix product: for sizes where a BLAS call costs more than the product, for
// strides that no BLAS takes, and for every size where there is no BLAS.
//
// Bits: each element is one chain of multiply-adds over k in ascending order, begun at 0; then
// alpha, beta, bias and relu follow. Blocking, packing, position and strides move bytes and never
// change that order, so they never change a bit. (Fused multiply-adds from AVX2 on.)
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// c[m,n] = alpha a[m,k] b[k,n] + beta c + bias[n], then relu. Strides in elements, any for
// operands.
struct Product {
  void* c;
  int64_t c_row, c_column;
  const void* a;
  int64_t a_row, a_column;
  const void* b;
  int64_t b_row, b_column;
  int64_t m, n, k;
  double alpha, beta;  // beta 0: c is not read
  const void* bias;    // null: none
  int64_t bias_stride;
  bool relu;  // below 0 becomes 0; NaN stays
};

using ProductKernel = void (*)(const Product& product) noexcept;

// float32 or float64. Large products take scratch memory; where it is refused they go without.
void product(DType dtype, const Product& product) noexcept;

}  // namespace tg::kernels
