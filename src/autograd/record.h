// SPDX-License-Identifier: MIT
// Does a call record, and may it? The rules of modes.md 2, 3 and 5 that every operator shares; the
// road that asks them is ops/run.h.
#pragma once

#include <cstdint>

#include "autograd/node.h"
#include "autograd/views.h"

namespace tg {

// What the gradients of an operator read: bit i for input i, kSavedOutput for the result.
using SaveMask = uint32_t;
inline constexpr SaveMask kReadsNothing = 0;
inline constexpr SaveMask kReadsOutput = SaveMask{1} << kSavedOutput;
inline constexpr SaveMask reads_input(int i) { return SaveMask{1} << i; }

[[gnu::always_inline]] inline bool requires_grad(const TensorHead& head) {
  if (history_word(head) != 0) return true;
  // A view made where nothing records shows what its base says.
  if (head.is_view != 0) [[unlikely]]
    return history_word(*head.view_info().base) != 0;
  return head.has_flag(TensorHead::kRequiresGrad);
}
inline bool requires_grad(const Tensor& x) { return requires_grad(*x.head()); }

inline bool is_leaf(const TensorHead& head) {
  if (head.storage->is_inference()) return false;
  const Node* node = Edge(history_word(head)).node();
  if (node != nullptr) return is_accumulator(node);
  return head.is_view == 0 || !is_behind(head);
}

// Bit i: operand i requires grad. Absent operands (null tensors) do not.
inline uint32_t wanted_operands(const Tensor* const* operands, int n) {
  uint32_t wanted = 0;
  for (int i = 0; i < n; ++i) {
    if (*operands[i] && requires_grad(*operands[i])) wanted |= uint32_t{1} << i;
  }
  return wanted;
}

// An operator with these operands was called where grad mode is on, and `wanted` is not empty: does
// it record? false: only inference tensors take part. Throws the mode errors of modes.md 3 and the
// errors of stale views; plain views catch up with their bases.
bool plan_record_special(const char* op, const Tensor* const* operands, int n, uint32_t wanted,
                         SaveMask saved);
// Of the wanted operands those that a gradient flows to: not views made where nothing records,
// which show that their base requires grad and have no past (T28).
uint32_t flowing_operands(const Tensor* const* operands, int n, uint32_t wanted);
// Operand i of a call that records is an inference tensor that requires grad, or would be saved.
[[noreturn, gnu::cold]] void fail_inference_operand(const char* op, int i, const Tensor& x,
                                                    bool needs_grad);
// With neither inference tensors nor views nothing can be wrong.
[[gnu::always_inline]] inline bool is_special(const Tensor& x) {
  return x && (x.is_inference() || x.is_view());
}
inline bool plan_record(const char* op, const Tensor* const* operands, int n, uint32_t wanted,
                        SaveMask saved) {
  bool special = false;
  for (int i = 0; i < n; ++i) special = special || is_special(*operands[i]);
  return !special || plan_record_special(op, operands, n, wanted, saved);
}

// Throws where target is not to be written at all: an inference tensor outside inference mode, or a
// gradient that a hook was handed.
// operand: which of the call's; name: of the parameter, where it is given to be written.
void check_writable(const char* op, const Tensor& target, int operand = 0,
                    const char* name = nullptr);
// In place: what may not be written at all, and what may not be written where the call records.
void plan_in_place(const char* op, const Tensor& target, bool records);
// Out forms never record: they refuse operands that would ask for it.
void plan_out(const char* op, const Tensor& target, const Tensor* const* operands, int n,
              const char* name = "out");

// requires_grad, .grad and their kin, as the C functions of the same names say.
void set_requires_grad(const Tensor& x, bool on);
Tensor grad_of(const Tensor& x);
bool grad_was_set_by_user(const Tensor& x);
void set_grad(const Tensor& x, Tensor grad, bool by_user);  // a null grad takes it away
void check_may_hold_grad(const Tensor& x, const Tensor& grad);
void detach_in_place(const Tensor& x);

}  // namespace tg
