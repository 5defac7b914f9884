// SPDX-License-Identifier: MIT
#include "autograd/leaves.h"

#include "autograd/record.h"

namespace tg {

namespace {

Layout layout_of_head(const TensorHead& head) {
  Layout layout;
  layout.shape = Shape(head.sizes(), head.rank);
  for (int d = 0; d < head.rank; ++d) layout.strides[d] = head.strides()[d];
  layout.offset = head.offset;
  return layout;
}

// B7b, B7c: shared with nobody, and laid out as the leaf.
bool may_be_kept(const Tensor& grad, const Tensor& leaf) {
  if (!grad.is_sole_owner()) return false;
  if (leaf.row_major() || !is_dense(leaf)) return grad.row_major();
  for (int d = 0; d < leaf.rank(); ++d) {
    if (leaf.size(d) != 1 && grad.stride(d) != leaf.stride(d)) return false;
  }
  return true;
}

// What a sum is to be added to in place.
void check_may_be_added_to(const Tensor& grad) {
  constexpr const char* kRemedy =
      ", and backward adds to it; set a .grad that can be written, or take it away by "
      "tg_tensor_set_grad(x, 0)";
  if (grad.storage().is_read_only()) {
    fail(TG_ERROR_UNSUPPORTED, "a .grad, ", Named{grad}, ", is read-only memory", kRemedy);
  }
  for (int d = 0; d < grad.rank(); ++d) {
    if (grad.stride(d) != 0 || grad.size(d) <= 1) continue;
    fail(TG_ERROR_UNSUPPORTED, "a .grad, ", Named{grad},
         ", is expanded: one element in memory stands for many", kRemedy);
  }
}

}  // namespace

const Storage* grad_memory(const LeafSum& sum) noexcept {
  LockGuard guard(sum.accumulator->lock);
  const Tensor& grad = sum.accumulator->grad;
  return grad ? &grad.storage() : nullptr;
}

void prepare_leaf(LeafSum& sum, const Algebra& algebra, bool create_graph) {
  Accumulator& accumulator = *sum.accumulator;
  Tensor former;
  Tensor leaf;  // a second head: the leaf itself may end at any time
  {
    LockGuard guard(accumulator.lock);
    const TensorHead* head = accumulator.leaf.load(std::memory_order_relaxed);
    if (head == nullptr) return sum.grad.reset();
    former = accumulator.grad;
    if (!former) leaf = make_head(*head->storage, head->dtype, layout_of_head(*head), kNoView);
  }
  if (former && !create_graph) check_may_be_added_to(former);
  if (former && create_graph) {
    sum.grad = algebra.add(former, sum.grad);
  } else if (!former && !may_be_kept(sum.grad, leaf)) {
    sum.grad = algebra.clone_like(sum.grad, leaf);
  }
}

void store_leaf(LeafSum& sum, const Algebra& algebra, bool create_graph) noexcept {
  if (!sum.grad) return;
  Accumulator& accumulator = *sum.accumulator;
  LockGuard guard(accumulator.lock);
  if (accumulator.grad && !create_graph) {
    accumulator.grad.storage().raise_version();
    algebra.add_in_place(accumulator.grad, sum.grad);
    accumulator.grad.storage().written();
    return;
  }
  std::swap(accumulator.grad, sum.grad);
  accumulator.grad_set_by_user = false;
}

void run_accumulator_hooks(LeafSum& sum, const Algebra& algebra, HookPass pass) {
  Accumulator& accumulator = *sum.accumulator;
  constexpr const char* name = "AccumulateGrad";
  run_hooks_before(accumulator, name, std::span(&sum.grad, 1), pass);
  const Hooks accumulated(accumulator, HookKind::accumulated, 0, pass);
  const Hooks after(accumulator, HookKind::after, 0, pass);
  if (accumulated.empty() && after.empty()) return;
  Tensor seen;
  if (!after.empty()) seen = second_head(sum.grad);
  LeafSum now{&accumulator, std::move(sum.grad)};
  prepare_leaf(now, algebra, pass.create_graph);
  if (!now.grad) return;  // the leaf is gone
  store_leaf(now, algebra, pass.create_graph);
  now.grad.reset();
  for (Hook* hook : accumulated.list()) {
    const Tensor leaf = hooked_tensor(*hook);
    if (!leaf) continue;
    hook->see_gradient(leaf, grad_of(leaf));
  }
  run_hooks_after(after, accumulator, name, {}, std::span(&seen, 1), pass);
}

}  // namespace tg
