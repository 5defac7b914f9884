// SPDX-License-Identifier: MIT
// The face that autograd sees of an operator: a number, a name and a rule. Which operators there
// are is the catalogue's knowledge (ops/catalogue.inc); autograd is handed the table.
#pragma once

#include <cstdint>

namespace tg {

class Vjp;

enum class Op : uint16_t;  // its names: ops/catalogue.h

struct Operator {
  const char* name;        // "Mul": its node is a MulBackward
  void (*gradient)(Vjp&);  // null: not differentiable
};

}  // namespace tg
