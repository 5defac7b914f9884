// SPDX-License-Identifier: MIT
// The list of operators as numbers and as a table. No registration at load time: the list is text,
// so the static library works with plain -l.
#pragma once

#include "autograd/node.h"

namespace tg {

enum class Op : uint16_t {
#define TG_OP(name) name,
#include "ops/catalogue.inc"
#undef TG_OP
  count
};
inline constexpr int kOps = static_cast<int>(Op::count);

#define TG_OP(name) extern const Operator name##_operator;
#include "ops/catalogue.inc"
#undef TG_OP

const Operator& operator_of(Op op);
const Operator& operator_of(Node& node);  // of users' operators too

// What a family defines for each of its operators: const Operator mul_operator =
// operator_for<Mul>();
template <class O>
constexpr Operator operator_for() {
  return {O::name, &O::gradient, requires {O::elementwise;
}
};  // namespace tg
}

}  // namespace tg
