// SPDX-License-Identifier: MIT
// Non-leaf tensors that keep their gradient (tg_tensor_retain_grad): which output of which node
// belongs to which tensor. The engine asks only for nodes that carry kRetains.
#pragma once

#include "autograd/node.h"

namespace tg {

// x has a grad_fn. Twice is once.
void retain_grad(const Tensor& x);
// The head ends, or lost its grad_fn.
void forget_retained(TensorHead& head) noexcept;
// The head was changed in place: what it retains is the gradient of its new value.
void move_retained(TensorHead& head, Edge to) noexcept;

// Adds grad to the .grad of the tensor that retains this output, if it still lives.
using AddGrad = Tensor (*)(const Tensor& old_grad, const Tensor& grad);
void store_retained(Node& node, uint32_t output, const Tensor& grad, AddGrad add);

}  // namespace tg
