// SPDX-License-Identifier: MIT
// Do two tensors share elements in memory? Decides what an in-place call may read (modes.md V9).
#pragma once

#include "core/tensor.h"

namespace tg {

enum class Overlap : uint8_t { none, same, partial };

// same: the very same elements in the same order. Exact where the search is short, else `partial`.
Overlap overlap_of(const Tensor& a, const Tensor& b);

// A stride of 0 over a dimension longer than 1: one element stands for many.
bool has_zero_stride(const Tensor& x);

}  // namespace tg
