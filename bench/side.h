// SPDX-License-Identifier: MIT
// The library under measurement, chosen at compile time. Both sides offer the same names, so that
// each row is written once: Tensor, ModeGuard, Network, the operators, numbers().
#pragma once

#ifdef BENCH_TORCH
#include "side_torch.h"
#else
#include "side_tapegrad.h"
#endif

#include "row.h"

namespace bench {

// A row of plain calls. `body` holds its operands, makes one call and gives the new tensor, whose
// release is part of the call.
template <class Body>
Prepared calls(Mode mode, Body body) {
  const auto held = std::make_shared<Body>(std::move(body));
  return {[mode, held](Meter& meter, std::size_t count) {
            Body& call = *held;
            const side::ModeGuard guard(mode);
            meter.start();
            for (std::size_t i = 0; i < count; i++) call();
            meter.stop();
          },
          [mode, held] {
            const side::ModeGuard guard(mode);
            return side::numbers((*held)());
          }};
}

// An operand as the mode wants it: it requires grad in grad and no_grad, and is an inference tensor
// in inference.
inline side::Tensor operand(Mode mode, const std::vector<float>& values,
                            const std::vector<std::int64_t>& shape) {
  const side::ModeGuard guard(mode == Mode::kInference ? Mode::kInference : Mode::kGrad);
  return side::make(values, shape, mode != Mode::kInference);
}

void add_small_rows();
void add_tape_rows();
void add_product_rows();
void add_elementwise_rows();
void add_module_rows();
void add_foreign_rows();  // tapegrad alone
void add_figures();

}  // namespace bench
