// SPDX-License-Identifier: MIT
// Reading and adding at positions that a tensor of indices names. index_select and index_add are
// the same two loops with an index expanded by stride 0.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// Whether every index is in [0, limit), or with negative_allowed in [-limit, limit). If not, *bad
// (may be null) becomes the first bad index in row-major order: its value, for the message.
bool indices_in_range(const int64_t* index, const int64_t* strides, const int64_t* sizes, int rank,
                      int64_t limit, bool negative_allowed, int64_t* bad) noexcept;

// For dim 0: out[i][j] = in[index[i][j]][j]. item: bytes of an element (1, 2, 4, 8). The indices
// lie in [0, size of in along dim).
void gather(int64_t item, void* out, const int64_t* out_strides, const void* in,
            const int64_t* in_strides, const int64_t* index, const int64_t* index_strides,
            const int64_t* index_sizes, int rank, int dim) noexcept;

// For dim 0: out[index[i][j]][j] += source[i][j], for float32 and float64. Elements that meet in
// one place are added in row-major order, so the bits do not change from run to run.
void scatter_add(DType dtype, void* out, const int64_t* out_strides, const int64_t* index,
                 const int64_t* index_strides, const void* source, const int64_t* source_strides,
                 const int64_t* index_sizes, int rank, int dim) noexcept;

}  // namespace tg::kernels
