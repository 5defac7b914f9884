// SPDX-License-Identifier: MIT
// The face that autograd sees of an operator: a number, a name and a rule. Which operators there
// are is the catalogue's knowledge (ops/catalogue.inc); autograd is handed the table. Operators
// that a user made at run time have no number: their nodes hold them.
#pragma once

#include <atomic>
#include <cstdint>

namespace tg {

class Vjp;

enum class Op : uint16_t;  // its names: ops/catalogue.h

struct Operator {
  const char* name;        // "Mul": its node is a MulBackward
  void (*gradient)(Vjp&);  // null: not differentiable
  // An input whose shape a node does not keep has dtype and shape of the result.
  bool elementwise = false;
};

// Counted: by the user's handle, and by every node that was recorded with it.
class UserOperator : public Operator {
 public:
  bool runs_without_grads = false;  // a pass runs its node also where no gradient came
  bool ordered = false;             // passes run such nodes in the reverse order of recording
  UserOperator(const UserOperator&) = delete;
  UserOperator& operator=(const UserOperator&) = delete;
  void share() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

 protected:
  UserOperator() : Operator{"", nullptr} {}
  ~UserOperator() = default;

 private:
  virtual void destroy() noexcept = 0;
  std::atomic<uint32_t> refs_{1};
};

}  // namespace tg
