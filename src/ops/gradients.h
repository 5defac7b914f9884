// SPDX-License-Identifier: MIT
// backward and grad: checks roots, gradients and inputs by the rules of modes.md 6, hands the
// engine its arithmetic, and lets it run.
#pragma once

#include <span>

#include "core/tensor.h"

namespace tg {

struct GradFlags {
  bool retain_graph = false;
  bool create_graph = false;
  bool allow_unused = false;
  bool forward_mode = false;  // with create_graph: BackwardOptions
};

// grads: empty, or one for each root; a null one stands for 1 where the root has one element.
void backward(std::span<const Tensor* const> roots, std::span<const Tensor* const> grads,
              GradFlags flags);
// outs: a place for each input; a null one where the input is unused and that is allowed.
void grad(std::span<const Tensor* const> roots, std::span<const Tensor* const> grads,
          std::span<const Tensor* const> inputs, GradFlags flags, std::span<Tensor> outs);

// Throws what zero_grad would, which comes after it for all parameters of a call.
void check_zero_grad(const Tensor& parameter);
// Takes .grad away; one that the user set is zeroed in place instead.
void zero_grad(const Tensor& parameter);

}  // namespace tg
