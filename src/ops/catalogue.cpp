// SPDX-License-Identifier: MIT
#include "ops/catalogue.h"

namespace tg {

const Operator& operator_of(Op op) {
  static constexpr const Operator* table[kOps] = {
#define TG_OP(name) &name##_operator,
#include "ops/catalogue.inc"
#undef TG_OP
  };
  return *table[static_cast<int>(op)];
}

const Operator& operator_of(Node& node) {
  return node.has(Node::kUser) ? *node.user() : operator_of(node.op);
}

}  // namespace tg
