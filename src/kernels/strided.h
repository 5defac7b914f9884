// SPDX-License-Identifier: MIT
// Walks several strided tensors of one shape together: drops and merges dimensions, then calls a
// loop once for each innermost row. Copies with conversion and fills go the same way.
#pragma once

#include <cstdint>

#include "base/dtype.h"
#include "kernels/table.h"

namespace tg::kernels {

inline constexpr int kMaxOperands = 4;  // the result counts
inline constexpr int kMaxWalkRank = 16;

// sizes[rank]; strides[k][rank] of operand k in elements, item[k] its element size in bytes.
// Operand 0 is the result. Empty tensors and rank 0 are fine. Takes no memory.
void walk(Loop loop, const void* parameters, int operands, void* const* data,
          const int64_t* const* strides, const int64_t* item, const int64_t* sizes,
          int rank) noexcept;

// Copies and converts between any two dtypes by PyTorch's rules: to bool is != 0, floating to
// integer truncates toward zero, integer to integer wraps, to a narrower float rounds to nearest
// even. Where C++ leaves the result open (floating to integer out of range) it saturates, and NaN
// gives 0. Strides in elements. in == out with equal strides and dtypes is allowed.
void copy(DType to, void* out, const int64_t* out_strides, DType from, const void* in,
          const int64_t* in_strides, const int64_t* sizes, int rank) noexcept;

// The loop that copy uses; data: result, source. Null never.
Loop copy_loop(DType to, DType from) noexcept;

void fill(DType dtype, void* out, const int64_t* strides, const int64_t* sizes, int rank,
          Scalars value) noexcept;

}  // namespace tg::kernels
