// SPDX-License-Identifier: MIT
// Softmax, its logarithm and the negative log likelihood, forward and backward, for float32 and
// float64.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// x and y are contiguous and seen as [outer, n, inner]; the softmax runs along n. y may be x.
// The largest element is subtracted first, so nothing overflows; a row of -inf gives NaN.
void softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n, int64_t inner) noexcept;
void log_softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n,
                 int64_t inner) noexcept;

// From y = softmax(x):     gx = y (g - sum(g y)).
void softmax_backward(DType dtype, void* gx, const void* g, const void* y, int64_t outer, int64_t n,
                      int64_t inner) noexcept;
// From y = log_softmax(x): gx = g - exp(y) sum(g).
void log_softmax_backward(DType dtype, void* gx, const void* g, const void* y, int64_t outer,
                          int64_t n, int64_t inner) noexcept;

// x: log-probabilities, contiguous [outer, classes, inner]; target: contiguous [outer, inner], each
// one ignore_index or in [0, classes) (targets_in_range); weight: [classes] or null.
// reduction is a TG_REDUCTION_*. None: out is [outer, inner] (0 where ignored). Sum, mean: out is
// one element and *total_weight the sum of the weights met; the mean divides by it (0/0 is NaN).
// total_weight may be null.
void nll_loss(DType dtype, int32_t reduction, void* out, double* total_weight, const void* x,
              const int64_t* target, const void* weight, int64_t outer, int64_t classes,
              int64_t inner, int64_t ignore_index) noexcept;

// g has the shape of out; gx is [outer, classes, inner] and written whole (zeros elsewhere).
void nll_loss_backward(DType dtype, int32_t reduction, void* gx, const void* g,
                       const int64_t* target, const void* weight, double total_weight,
                       int64_t outer, int64_t classes, int64_t inner,
                       int64_t ignore_index) noexcept;

// Whether each target is ignore_index or in [0, classes); if not, where the first bad one stands.
bool targets_in_range(const int64_t* target, int64_t count, int64_t classes, int64_t ignore_index,
                      int64_t* bad_position) noexcept;

}  // namespace tg::kernels
