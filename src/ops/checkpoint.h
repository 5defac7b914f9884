// SPDX-License-Identifier: MIT
// Checkpoints: a function's saved tensors are not kept; where backward reads one, the function is
// run again, with grad mode, random numbers and nesting rule as they were, and gives them all. The
// graph itself is recorded the first time (Chen, Xu, Zhang, Guestrin 2016, arXiv:1604.06174, by way
// of hooks on saved tensors, as in PyTorch without reentrant backward): so gradients flow to
// whatever fn took from elsewhere, hooks run once, and derivatives of any order exist.
#pragma once

#include "ops/functional.h"

namespace tg {

// Counted: by the call, and by the checkpoint as long as it may be run again.
class KeptFunction : public TensorFunction {
 public:
  void share() noexcept { count_up(refs_); }
  void let_go() noexcept {
    if (was_last(refs_)) end();
  }

 protected:
  ~KeptFunction() = default;

 private:
  virtual void end() noexcept = 0;
  std::atomic<uint32_t> refs_{1};
};

void checkpoint(KeptFunction& fn, Operands inputs, std::span<Tensor> outs);

}  // namespace tg
