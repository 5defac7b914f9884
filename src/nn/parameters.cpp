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
  // Each takes memory; where one fails, those before it go back, which takes none.
  struct Undo {
    const Vector<NamedTensor>& list;
    Vector<bool> changed;
    bool needed = true;
    ~Undo() {
      for (size_t i = 0; needed && i < changed.size(); ++i) {
        if (changed[i]) set_requires_grad(list[i].tensor, false);
      }
    }
  } undo{list, Vector<bool>(on ? list.size() : 0)};
  for (size_t i = 0; i < list.size(); ++i) {
    const Tensor& x = list[i].tensor;
    const bool changes = on && !requires_grad(x);
    set_requires_grad(x, on);
    if (changes) undo.changed[i] = true;
  }
  undo.needed = false;
}

void zero_grad(const Module& module) {
  Vector<NamedTensor> list;
  module.parameters({}, list);
  for (const NamedTensor& parameter : list) check_zero_grad(parameter.tensor);
  for (const NamedTensor& parameter : list) zero_grad(parameter.tensor);
}

}  // namespace tg
