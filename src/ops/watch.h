// SPDX-License-Identifier: MIT
// Operators that are looked at: anomaly mode asks whether a result has a NaN or an infinity that no
// operand has, a call site is written down with the node, hooks get what the node saves. Threads
// that ask for none of it never come here: ops/run.h leaves its usual road by the mode word.
#pragma once

#include <utility>

#include "autograd/modes.h"
#include "autograd/saved_hooks.h"

namespace tg {

// 1: an element of x is NaN, 2: one is infinite, 3: both.
uint32_t nonfinite(const Tensor& x) noexcept;
uint32_t nonfinite(double number) noexcept;

// Of an operator's numbers beside its operands, those that stand for elements.
template <class O, class Args>
uint32_t nonfinite_numbers(const Args& args) {
  if constexpr (requires { O::scalars(args); }) {
    const auto scalars = O::scalars(args);
    return nonfinite(scalars.a) | nonfinite(scalars.b);
  } else if constexpr (requires { args.value; }) {
    if constexpr (requires { args.value.a; }) {
      return nonfinite(args.value.a);
    } else {
      return nonfinite(static_cast<double>(args.value));
    }
  } else {
    return 0;
  }
}

// One call of an operator, inside of which nothing is watched.
class WatchedCall {
 public:
  WatchedCall()
      : was_(state & (kWatched | kPassChecks)),
        anomalies_((state & (kAnomaly | kPassChecks)) == kAnomaly) {
    state &= ~(kWatched | kPassChecks);
  }
  ~WatchedCall() { state |= was_; }
  WatchedCall(const WatchedCall&) = delete;
  WatchedCall& operator=(const WatchedCall&) = delete;

  bool on() const { return was_ != 0; }
  bool looks_for_anomalies() const { return anomalies_; }
  // Throws in anomaly mode. had: what the operands have. The operands themselves are asked for only
  // where the result is not finite, so in place they must be whole still.
  void check(const char* op, const Tensor& result, const Tensor* const* operands, int n,
             uint32_t had) const;
  // The same for elements that will be written over those of an operand, and the call's node, null
  // where it records nothing: sees to both.
  void look(const char* op, const Tensor& scratch, const Tensor* const* operands, int n,
            uint32_t had, Node* node) const;
  // The node of a result that nobody has seen yet, if there is one; see note_node.
  static void note(const Tensor& result);

 private:
  uint64_t was_;
  bool anomalies_;
};

}  // namespace tg
