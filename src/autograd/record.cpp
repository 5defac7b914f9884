// SPDX-License-Identifier: MIT
#include "autograd/record.h"

#include "autograd/hooks.h"
#include "autograd/retained.h"
#include "core/extras.h"

namespace tg {

void fail_inference_operand(const char* op, int i, const Tensor& x, bool needs_grad) {
  fail_operand(TG_ERROR_MODE, i, op, ": operand ", i, ", ", Named{x},
               needs_grad ? ", is an inference tensor that requires grad beside normal tensors"
                          : ", is an inference tensor and would be saved for backward",
               "; tg_clone it outside inference mode, or make it under tg_no_grad_enter instead "
               "of inference mode");
}

bool plan_record_special(const char* op, const Tensor* const* operands, int n, uint32_t wanted,
                         SaveMask saved) {
  bool any_normal = false;
  uint32_t inference = 0;
  for (int i = 0; i < n; ++i) {
    const Tensor& x = *operands[i];
    if (!x) continue;
    if (x.is_inference()) {
      inference |= uint32_t{1} << i;
    } else {
      any_normal = true;
    }
  }
  if (!any_normal) return false;
  if (const uint32_t refused = inference & (saved | wanted); refused != 0) [[unlikely]] {
    for (int i = 0; i < n; ++i) {
      if ((refused >> i & 1) == 0) continue;
      fail_inference_operand(op, i, *operands[i], (wanted >> i & 1) != 0);
    }
  }
  for (int i = 0; i < n; ++i) {
    if ((wanted >> i & 1) != 0 && operands[i]->is_view()) [[unlikely]] {
      use_history(op, *operands[i]);
    }
  }
  return true;
}

uint32_t flowing_operands(const Tensor* const* operands, int n, uint32_t wanted) {
  uint32_t flowing = wanted;
  for (int i = 0; i < n; ++i) {
    if ((wanted >> i & 1) == 0 || !operands[i]->is_view()) continue;
    const TensorHead& head = *operands[i]->head();
    if (history_word(head) == 0 && !is_behind(head)) flowing &= ~(uint32_t{1} << i);
  }
  return flowing;
}

namespace {

[[noreturn, gnu::cold]] void fail_inference_target(const char* op, const Tensor& target,
                                                   int operand, const char* name) {
  fail_operand(TG_ERROR_MODE, operand, op, ": ", name != nullptr ? name : "",
               name != nullptr ? ", " : "", Named{target}, name != nullptr ? "," : "",
               " is an inference tensor and may not be changed outside inference mode; change it "
               "inside inference mode, or tg_clone it and change the clone");
}

// An inference tensor, or a gradient that a hook or a backward was handed.
[[gnu::cold, gnu::noinline]] void check_guarded(const char* op, const Tensor& target, int operand,
                                                const char* name) {
  if (target.is_inference() && !inference_mode()) fail_inference_target(op, target, operand, name);
  if (!target.storage().is_lent()) return;
  fail_operand(TG_ERROR_AUTOGRAD, operand, op, ": ", Named{target},
               " is a gradient that a hook or a backward was handed and may not be changed in "
               "place; tg_clone it "
               "and change the clone, or compute a new one and give that");
}

}  // namespace

void check_writable(const char* op, const Tensor& target, int operand, const char* name) {
  if (target.storage().is_guarded()) [[unlikely]]
    check_guarded(op, target, operand, name);
}

void plan_in_place(const char* op, const Tensor& target, bool records) {
  check_writable(op, target);
  if (!records) return;
  if (accumulator_of(*target.head()) != nullptr) {
    fail_operand(TG_ERROR_AUTOGRAD, 0, op, ": ", Named{target},
                 " is a leaf that requires grad and may not be changed in place; do it under "
                 "tg_no_grad_enter, or use the functional form");
  }
  if (target.is_view()) check_view_target(op, target);
}

void plan_out(const char* op, const Tensor& target, const Tensor* const* operands, int n,
              const char* name) {
  check_unrestricted();
  if (recording_mode()) {
    for (int i = 0; i <= n; ++i) {
      const Tensor& x = i == n ? target : *operands[i];
      if (x && requires_grad(x)) {
        fail_operand(TG_ERROR_AUTOGRAD, i, op, ": ", i == n ? name : "an operand", ", ", Named{x},
                     ", requires grad, and a call into a given tensor does not record; use the "
                     "functional form, or call it under tg_no_grad_enter");
      }
    }
  }
  check_writable(op, target, n, name);
}

// ---- flags and .grad ----

namespace {

// A leaf's accumulator that graphs still lead to sleeps: they write no .grad until the leaf
// requires grad again.
void forget_past(const Tensor& x) {
  TensorHead& head = *x.head();
  bool sleeps = false;
  if (Accumulator* accumulator = accumulator_of(head); accumulator != nullptr) {
    sleeps = accumulator->refs.load(std::memory_order_relaxed) > 1;
    if (sleeps) reserve_extra(head);
    const bool by_user = grad_was_set_by_user(x);
    Tensor held = grad_of(x);
    if (held) set_extra_grad(head, std::move(held), by_user);
  }
  if (head.has_flag(TensorHead::kRetainsGrad)) forget_retained(head);
  Node* node = Edge(swap_history(head, 0)).node();
  if (node == nullptr) return;
  if (head.has_flag(TensorHead::kHooked)) part_from_hooks(head, is_accumulator(node));
  if (is_accumulator(node)) {
    auto* accumulator = static_cast<Accumulator*>(node);
    Tensor grad;  // ends outside the lock
    LockGuard guard(accumulator->lock);
    accumulator->leaf.store(nullptr, std::memory_order_relaxed);
    std::swap(grad, accumulator->grad);
  }
  if (sleeps && is_accumulator(node)) {
    node->mark(Node::kAsleep);
    return put_asleep(head, node);
  }
  let_go(node);
}

}  // namespace

void set_requires_grad(const Tensor& x, bool on) {
  TensorHead& head = *x.head();
  if (on && !is_floating(x.dtype())) {
    fail(TG_ERROR_DTYPE, Named{x},
         " cannot require grad: only floating dtypes can; convert it by "
         "tg_to_dtype first");
  }
  if (x.is_inference()) {
    if (on) {
      if (!inference_mode()) {
        fail(TG_ERROR_MODE, Named{x},
             " is an inference tensor and cannot be made to require grad "
             "outside inference mode; tg_clone it outside inference mode, or make it outside "
             "inference mode");
      }
      head.flags.fetch_or(TensorHead::kRequiresGrad, std::memory_order_relaxed);
    } else {
      head.flags.fetch_and(static_cast<uint8_t>(~TensorHead::kRequiresGrad),
                           std::memory_order_relaxed);
    }
    return;
  }
  if (x.is_view() && is_behind(head)) renew_history(x);
  Node* node = Edge(history_word(head)).node();
  if (on) {
    if (node != nullptr) return;
    // A .grad that the tensor held as n0 moves to its accumulator.
    bool by_user = false;
    Tensor held = extra_grad(head, &by_user);
    auto* accumulator = static_cast<Accumulator*>(wake(head));
    if (accumulator == nullptr) accumulator = make_accumulator(&head);
    accumulator->unmark(Node::kAsleep);
    {
      LockGuard guard(accumulator->lock);
      accumulator->grad = std::move(held);
      accumulator->grad_set_by_user = by_user;
      accumulator->leaf.store(&head, std::memory_order_relaxed);
    }
    uint64_t expected = 0;
    if (!head.history.compare_exchange_strong(expected, Edge(accumulator, 0).word,
                                              std::memory_order_acq_rel)) {
      accumulator->leaf.store(nullptr, std::memory_order_relaxed);
      let_go(accumulator);  // another thread was first
    } else if (head.has_flag(TensorHead::kHooked)) {
      resume_hooks(head, *accumulator);
    }
    return;
  }
  if (node == nullptr) return;
  if (!is_accumulator(node)) {
    fail(TG_ERROR_AUTOGRAD, Named{x},
         " is no leaf: what was recorded decides that it requires "
         "grad; use tg_detach to go on without a past");
  }
  forget_past(x);
}

void detach_in_place(const Tensor& x) {
  TensorHead& head = *x.head();
  if (x.is_inference()) {
    head.flags.fetch_and(static_cast<uint8_t>(~TensorHead::kRequiresGrad),
                         std::memory_order_relaxed);
    return;
  }
  if (x.is_view()) {
    fail(TG_ERROR_AUTOGRAD, Named{x},
         " is a view, which cannot be detached in place; use "
         "tg_detach, or detach its base before the view is made");
  }
  forget_past(x);
}

Tensor grad_of(const Tensor& x) {
  if (Accumulator* accumulator = accumulator_of(*x.head())) {
    LockGuard guard(accumulator->lock);
    return accumulator->grad;
  }
  return extra_grad(*x.head(), nullptr);
}

bool grad_was_set_by_user(const Tensor& x) {
  if (Accumulator* accumulator = accumulator_of(*x.head())) {
    LockGuard guard(accumulator->lock);
    return accumulator->grad && accumulator->grad_set_by_user;
  }
  bool by_user = false;
  return extra_grad(*x.head(), &by_user) && by_user;
}

void set_grad(const Tensor& x, Tensor grad, bool by_user) {
  Accumulator* accumulator = accumulator_of(*x.head());
  if (accumulator == nullptr) return set_extra_grad(*x.head(), std::move(grad), by_user);
  TG_CHECK(!grad || !grad.is_inference());
  {
    LockGuard guard(accumulator->lock);
    std::swap(accumulator->grad, grad);
    accumulator->grad_set_by_user = by_user;
  }
  // The former .grad ends here, outside the lock: its end may run a user's deleter.
}

void check_may_hold_grad(const Tensor& x, const Tensor& grad) {
  constexpr const char* remedy =
      "; tg_clone it outside inference mode, or make it outside inference mode";
  if (x.is_inference()) {
    fail_operand(TG_ERROR_MODE, 0, Named{x}, " is an inference tensor and cannot hold a .grad",
                 remedy);
  }
  if (grad.is_inference()) {
    fail_operand(TG_ERROR_MODE, 1, "grad, ", Named{grad}, ", is an inference tensor", remedy);
  }
  if (grad.dtype() != x.dtype()) {
    fail_operand(TG_ERROR_DTYPE, 1, "grad has dtype ", grad.dtype(), ", ", Named{x}, " has ",
                 x.dtype(), "; convert it by tg_to_dtype");
  }
  if (!same_shape(x, grad)) {
    fail_operand(TG_ERROR_SHAPE, 1, "grad has shape ", grad.shape(), ", ", Named{x}, " has ",
                 x.shape(), "; reshape or expand it");
  }
}

}  // namespace tg
