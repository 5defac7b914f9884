// SPDX-License-Identifier: MIT
// What is done over all parameters of a module.
#include "autograd/record.h"
#include "nn/module.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace tg {

void set_requires_grad(const Module& module, bool on) {
  Vector<NamedTensor> list;
  module.parameters({}, list);
  // A parameter that refuses is found before any is changed.
  for (const NamedTensor& parameter : list) {
    if (on && parameter.tensor.is_inference() && !inference_mode()) {
      return set_requires_grad(parameter.tensor, on);  // throws, with its message
    }
  }
  for (const NamedTensor& parameter : list) set_requires_grad(parameter.tensor, on);
}

void zero_grad(const Module& module) {
  Vector<NamedTensor> list;
  module.parameters({}, list);
  for (const NamedTensor& parameter : list) zero_grad(parameter.tensor);
}

}  // namespace tg
