// SPDX-License-Identifier: MIT
// Chains of small operators on 8 floats: the tape's rows and figures build them alike.
#pragma once

#include "side.h"

namespace bench {

struct Chain {
  side::Tensor leaf = side::make(uniform(8, 1), {8}, true);
  // Second operand of the binary steps; near one, so that long products stay finite.
  side::Tensor partner = side::make(uniform(8, 2, 0.9999f, 1.0001f), {8}, true);
  side::Tensor gradient = side::make(std::vector<float>(8, 1.0f), {8}, false);

  // `step` applied `nodes` times; each handle is released when the next one exists.
  template <class Step>
  side::Tensor build(std::size_t nodes, const Step& step) const {
    side::Tensor y = step(leaf, partner);
    for (std::size_t i = 1; i < nodes; i++) y = step(y, partner);
    return y;
  }
  void clear_gradients() {
    side::clear_gradient(leaf);
    side::clear_gradient(partner);
  }
};

// The factor gives e^1 after all nodes, so that no number overflows or becomes subnormal.
inline auto mul_scalar_step(std::size_t nodes) {
  return [factor = 1 + 1 / static_cast<double>(nodes)](const side::Tensor& x, const side::Tensor&) {
    return side::mul_scalar(x, factor);
  };
}

}  // namespace bench
