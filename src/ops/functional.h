// SPDX-License-Identifier: MIT
// Derivatives of functions of tensors: vjp, jvp and hvp. A function is run on detached inputs that
// require grad, at the bottom of a fresh stack of modes with grad mode on, and what it records is
// differentiated at once; no .grad is touched, and no result has a past.
#pragma once

#include <span>

#include "core/tensor.h"

namespace tg {

// A function from outside: sets each place of outs, or throws.
class TensorFunction {
 public:
  virtual void operator()(std::span<const Tensor> inputs, std::span<Tensor> outs) = 0;

 protected:
  ~TensorFunction() = default;
};

// cotangents: empty, or one for each out; a null one stands for 1 where the out has one element.
// Inputs that no out depends on get zeros.
void vjp(TensorFunction& fn, Operands inputs, Operands cotangents, std::span<Tensor> outs,
         std::span<Tensor> grads);
// tangents: one for each input; a null one is zero. Outs that depend on no input get zeros.
void jvp(TensorFunction& fn, Operands inputs, Operands tangents, std::span<Tensor> outs,
         std::span<Tensor> out_tangents);
// fn has one result of one element; products: the Hessian times the vectors, one for each input.
void hvp(TensorFunction& fn, Operands inputs, Operands vectors, std::span<Tensor> products);

// ---- the parts, which gradcheck uses too ----

// Throws where no function can be differentiated now, or not at these inputs and, by the name of
// `what`, with these others. The name is that of the call for messages.
void check_inputs(const char* name, Operands inputs, const char* what, Operands others);
// Detached inputs that require grad.
Vector<Tensor> leaves_of(Operands inputs);
// What fn gives there; inference tensors are refused.
Vector<Tensor> run_function(TensorFunction& fn, std::span<const Tensor> leaves, size_t out_count);
// The gradients of the outs that have a past, times the weights of the same numbers (one without an
// element: all 1), by each of `inputs`; null where none of them depends on it.
Vector<Tensor> gradients_of(std::span<const Tensor> outs, Operands weights,
                            std::span<const Tensor> inputs, bool create_graph, bool retain_graph,
                            bool forward_mode = false);

}  // namespace tg
