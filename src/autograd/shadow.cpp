// SPDX-License-Identifier: MIT
#include "autograd/shadow.h"

#ifdef TG_DEBUG

namespace tg {

namespace {

// FNV-1a (Fowler, Noll, Vo) by elements, in row-major order. 0 where the memory is the host's too,
// who may write it.
uint64_t hash_of(const Tensor& x) {
  constexpr uint64_t kHost = Storage::kEscaped | Storage::kBorrowed;
  if ((x.storage().flags() & kHost) != 0 || x.numel() == 0) return 0;
  const auto item = static_cast<size_t>(size_of(x.dtype()));
  uint64_t hash = 14695981039346656037u;
  int64_t at[kMaxRank] = {};
  const std::byte* element = x.data();
  for (int64_t left = x.numel(); left > 0; --left) {
    uint64_t bits = 0;
    std::memcpy(&bits, element, item);
    hash = (hash ^ bits) * 1099511628211u;
    for (int d = x.rank() - 1; d >= 0; --d) {
      const auto step = x.strides()[d] * static_cast<int64_t>(item);
      element += step;
      if (++at[d] < x.size(d)) break;
      element -= step * x.size(d);
      at[d] = 0;
    }
  }
  return hash | 1;
}

struct Roll {
  Lock lock;
  bool broken;  // in a child of fork that came in the middle of a change
  Node* first;
};
constinit Roll roll{};

RollLinks& links_of(Node& node) {
  if (is_accumulator(&node)) return static_cast<Accumulator&>(node).roll;
  auto* end = reinterpret_cast<std::byte*>(&node) + class_size(node.block_class);
  return reinterpret_cast<RollLinks*>(end)[-1];
}

}  // namespace

#ifdef __SANITIZE_THREAD__
void enter_roll(Node&) noexcept {}
void leave_roll(Node&) noexcept {}
#else
void enter_roll(Node& node) noexcept {
  LockGuard guard(roll.lock);
  roll.broken = roll.broken || !guard.whole();
  if (roll.broken) return;
  links_of(node) = {nullptr, roll.first};
  if (roll.first != nullptr) links_of(*roll.first).before = &node;
  roll.first = &node;
}

void leave_roll(Node& node) noexcept {
  LockGuard guard(roll.lock);
  roll.broken = roll.broken || !guard.whole();
  if (roll.broken) return;
  const auto [before, after] = links_of(node);
  (before == nullptr ? roll.first : links_of(*before).after) = after;
  if (after != nullptr) links_of(*after).before = before;
}
#endif

size_t check_all_nodes() {
  LockGuard guard(roll.lock);
  size_t count = 0;
  if (roll.broken || !guard.whole()) return count;
  for (Node* node = roll.first; node != nullptr; node = links_of(*node).after) {
    ++count;
    if (is_accumulator(node)) {
      const Tensor& grad = static_cast<Accumulator*>(node)->grad;
      TG_CHECK(!grad || !grad.is_inference());
      continue;
    }
    for (const Tensor& grad : node->grads()) TG_CHECK(!grad);
    for (const Saved& saved : node->saved()) {
      if (!saved.tensor) continue;
      TG_CHECK(!saved.tensor.is_inference());
      check_shadow("a node", saved);
    }
  }
  return count;
}

void shadow_saved(Node& node) noexcept {
  for (Saved& saved : node.saved()) {
    if (!saved.tensor) continue;
    TG_CHECK(!saved.tensor.is_inference());
    saved.shadow = hash_of(saved.tensor);
  }
}

void check_shadow(const char* op, const Saved& saved) {
  if (saved.shadow == 0) return;
  const uint64_t now = hash_of(saved.tensor);
  if (now == 0 || now == saved.shadow) return;
  // Another thread may write it at this moment, which is that thread's error.
  if (saved.tensor.storage().version.load(std::memory_order_acquire) != saved.version) return;
  fail(TG_ERROR_INTERNAL, "the elements of ", Described{saved.tensor}, ", which ", op,
       " saved, have changed, and its version has not");
}

}  // namespace tg

#endif
