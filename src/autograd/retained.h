// SPDX-License-Identifier: MIT
// Non-leaf tensors that keep their gradient (tg_tensor_retain_grad): which output of which node
// belongs to which tensor. The engine asks only for nodes that carry kRetains.
#pragma once

#include "autograd/engine.h"

namespace tg {

// x has a grad_fn. Twice is once.
void retain_grad(const Tensor& x);
// The head ends, or lost its grad_fn.
void forget_retained(TensorHead& head) noexcept;
// The head was changed in place: what it retains is the gradient of its new value.
void move_retained(TensorHead& head, Edge to) noexcept;

// Before a pass: views that retain catch up with bases that were changed in place, so that what
// they get is the gradient of their new values (I9).
void renew_retained();

// Two steps, so that a pass writes all gradients or none. The first, which may fail, makes of grad
// what the tensor that retains this output will have as its .grad, and takes the memory for it;
// the second puts it there, if the tensor still lives, and leaves the former .grad in grad.
void prepare_retained(const Node& node, uint32_t output, Tensor& grad, const Algebra& algebra);
void store_retained(const Node& node, uint32_t output, Tensor& grad) noexcept;

}  // namespace tg
