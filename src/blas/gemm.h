// SPDX-License-Identifier: MIT
// Products of matrices and vectors. Here, and nowhere else, it is chosen which kernel computes a
// product: our own, or a BLAS that was opened for it. The choice depends on shape, strides,
// processor and BLAS, never on load, on the number of threads or on the clock, so the same product
// has the same bits each time. Nothing here reads a mode, and nothing fails but a large product
// whose caller's token is cancelled (base/token.h): then a part of the result is not written.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"
#include "kernels/small_gemm.h"

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

// 2x2x2: less work than to write a Product down. store(place, sum, column) ends an element.
template <class T, class Store>
[[gnu::always_inline]] inline void multiply_tiny(const Matrix& c, const Matrix& a, const Matrix& b,
                                                 Store store) {
  const T* x = static_cast<const T*>(a.data);
  const T* y = static_cast<const T*>(b.data);
  const T x00 = x[0], x01 = x[a.column_stride];
  const T x10 = x[a.row_stride], x11 = x[a.row_stride + a.column_stride];
  const T y00 = y[0], y01 = y[b.column_stride];
  const T y10 = y[b.row_stride], y11 = y[b.row_stride + b.column_stride];
  T* z = static_cast<T*>(c.data);
  store(z, x00 * y00 + x01 * y10, 0);
  store(z + c.column_stride, x00 * y01 + x01 * y11, 1);
  store(z + c.row_stride, x10 * y00 + x11 * y10, 0);
  store(z + c.row_stride + c.column_stride, x10 * y01 + x11 * y11, 1);
}
void count_own() noexcept;  // one more product by an own kernel

// The product as the kernels take it. packing: of b, where it is a layer's weight that is kept
// packed.
void multiply(DType dtype, const kernels::Product& product, const void* packing = nullptr);

// c = alpha a b + beta c. Where beta is 0, c is not read: what lies there may be NaN.
void gemm(DType dtype, const Matrix& c, const Matrix& a, const Matrix& b, double alpha = 1,
          double beta = 0);
// The same in line, so that the matrices of a small product are never written down.
[[gnu::always_inline]] inline void gemm_here(DType dtype, const Matrix& c, const Matrix& a,
                                             const Matrix& b, double alpha = 1, double beta = 0) {
  if (c.rows == 2 && c.columns == 2 && a.columns == 2 && alpha == 1 && beta == 0) {
    count_own();
    if (dtype == DType::float32) {
      multiply_tiny<float>(c, a, b, [](float* place, float sum, int) { *place = sum; });
    } else {
      multiply_tiny<double>(c, a, b, [](double* place, double sum, int) { *place = sum; });
    }
    return;
  }
  // alpha 0: operands are not read, whatever computes it.
  const int64_t k = alpha == 0 ? 0 : a.columns;
  const bool turned = c.column_stride != 1 && c.row_stride == 1;  // c^T = b^T a^T
  const Matrix& first = turned ? b : a;
  const Matrix& second = turned ? a : b;
  multiply(dtype, {.c = c.data,
                   .c_row = turned ? c.column_stride : c.row_stride,
                   .c_column = turned ? c.row_stride : c.column_stride,
                   .a = first.data,
                   .a_row = turned ? first.column_stride : first.row_stride,
                   .a_column = turned ? first.row_stride : first.column_stride,
                   .b = second.data,
                   .b_row = turned ? second.column_stride : second.row_stride,
                   .b_column = turned ? second.row_stride : second.column_stride,
                   .m = turned ? c.columns : c.rows,
                   .n = turned ? c.rows : c.columns,
                   .k = k,
                   .alpha = alpha,
                   .beta = beta,
                   .bias = nullptr,
                   .bias_stride = 0,
                   .relu = false});
}

// y = alpha a x + beta y.
void gemv(DType dtype, const Vector& y, const Matrix& a, const Vector& x, double alpha = 1,
          double beta = 0);

// *result = sum of x[i] y[i]; sizes are equal.
void dot(DType dtype, void* result, const Vector& x, const Vector& y) noexcept;

// y[m,n] = x[m,k] weight[n,k]^T + bias, then relu if asked (NaN stays NaN). bias: n elements, or
// null. The bits are those of gemm with weight transposed, then the additions, then relu.
// packing: what pack_weight wrote for this weight, or null; it changes no bit.
void linear(DType dtype, const Matrix& y, const Matrix& x, const Matrix& weight, const void* bias,
            int64_t bias_stride, bool relu, const void* packing = nullptr);

// Bytes, on 64, of the weight in the order in which its product with x reads it; 0: that product
// gains nothing by it, or takes another way. By dtype, sizes and strides alone.
size_t packing_bytes(DType dtype, const Matrix& y, const Matrix& x, const Matrix& weight) noexcept;
void pack_weight(void* to, const Matrix& weight) noexcept;

// The JSON text of tg_blas_info (docs/blas.md): written as far as capacity allows, ended by a NUL;
// its whole length is returned. Opens and loads nothing.
size_t describe(char* buffer, size_t capacity) noexcept;

}  // namespace tg::blas
