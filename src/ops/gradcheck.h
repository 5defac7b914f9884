// SPDX-License-Identifier: MIT
// Gradients against central differences, element by element, in float64; and the gradients of the
// gradients in the same way.
#pragma once

#include "ops/functional.h"

namespace tg {

struct Gradcheck {
  int order;                  // 1, or 2: the gradients are differentiated once more
  double eps;                 // the step of a difference
  double absolute, relative;  // an element differs where |a - n| > absolute + relative |n|
};

// The inputs are float64. The report says what was compared and names the worst element.
bool gradcheck(TensorFunction& fn, Operands inputs, size_t out_count, const Gradcheck& settings,
               String& report);

}  // namespace tg
