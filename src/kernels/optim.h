// SPDX-License-Identifier: MIT
// The loops of the optimisers, one pass over memory each, and the norms that clip gradients.
// float32 and float64, contiguous.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov;
  bool first;  // the momentum starts as the gradient itself, whatever the buffer holds
};

// g' = g + weight_decay p; b = momentum b + (1 - dampening) g' (first: b = g');
// p -= lr (nesterov: g' + momentum b; else b). momentum_buffer null: p -= lr g'.
void sgd(DType dtype, void* p, const void* g, void* momentum_buffer, int64_t n,
         const SgdStep& step) noexcept;

struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  bool decoupled;  // AdamW: p shrinks by lr * weight_decay; else weight_decay p joins the gradient
  int64_t step;    // from 1: the exponent of the bias corrections
};

// Kingma and Ba 2015, Loshchilov and Hutter 2019, in PyTorch's order of operations:
// m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g;
// p -= lr / (1 - beta1^step) * m / (sqrt(v) / sqrt(1 - beta2^step) + eps).
void adam(DType dtype, void* p, const void* g, void* exp_avg, void* exp_avg_sq, int64_t n,
          const AdamStep& step) noexcept;

// Sums of squares, of absolute values, of |x|^p, and the greatest |x| (NaN wins; 0 of nothing).
// Accumulated in double.
double squared_norm(DType dtype, const void* x, int64_t n) noexcept;
double abs_sum(DType dtype, const void* x, int64_t n) noexcept;
double abs_max(DType dtype, const void* x, int64_t n) noexcept;
double power_sum(DType dtype, const void* x, int64_t n, double p) noexcept;

}  // namespace tg::kernels
