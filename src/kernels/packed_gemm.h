// SPDX-License-Identifier: MIT
// Products of few rows with a large transposed matrix, as layers have them: c = a b^T, b [n,k]. The
// whole cost beside the multiply-adds is to bring b into the order in which they read it, so that
// order is a format of its own here, which a caller can keep.
//
// Bits: each element is one chain of multiply-adds over k as in kernels/small_gemm.h, whether b was
// packed before or is packed on the way, and wherever rows and columns are cut.
#pragma once

#include <cstddef>

#include "kernels/small_gemm.h"

namespace tg::kernels {

// Of a packed operand.
inline constexpr size_t kPackedAlignment = 64;
inline float* aligned(void* memory) noexcept {
  const auto address = reinterpret_cast<uintptr_t>(memory);
  return reinterpret_cast<float*>((address + kPackedAlignment - 1) &
                                  ~uintptr_t{kPackedAlignment - 1});
}

// Columns of c that lie together in a packed matrix. Where c is cut, it is cut at multiples of it.
int64_t packed_width() noexcept;

// Elements of b [n,k] packed: whole panels of packed_width() columns, k rows each, the last panel
// filled up with zeros.
int64_t packed_elements(int64_t n, int64_t k) noexcept;
void pack_columns(float* to, const void* b, int64_t row, int64_t column, int64_t n,
                  int64_t k) noexcept;

// s.a [m,k] in the order of the kernel: m k elements.
void pack_rows(float* to, const Product& s) noexcept;

// The product itself, float32, alpha 1, beta 0, c_column 1. a was packed by pack_rows, b by
// pack_columns; null: s.b is packed a block at a time, on the way. false: there was no memory for
// that, and nothing is done.
bool packed_product(const Product& s, const float* a, const float* b) noexcept;

}  // namespace tg::kernels
