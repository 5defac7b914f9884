// SPDX-License-Identifier: MIT
#include "autograd/node.h"

#include <bit>
#include <cstring>

#include "autograd/hooks.h"
#include "autograd/node_extras.h"
#include "autograd/retained.h"
#include "core/extras.h"

namespace tg {

namespace {

[[gnu::always_inline]] inline bool last_reference(History* history) noexcept {
  return was_last(history->refs);
}

void drop(Node* node) noexcept;

// true: nothing is left to do.
[[gnu::cold, gnu::noinline]] bool destroy_special(Node* node) noexcept {
  if (node->is_marked(Node::kHooked)) forget_hooks(*node);
  if (node->is_marked(Node::kExtra)) forget_extra(*node);
  if (node->is_marked()) node->marks.store(0, std::memory_order_relaxed);
  if (node->has(Node::kHusk)) {
    give_back_class(node, node->block_class);
    return true;
  }
  if (is_accumulator(node)) {
    auto* accumulator = static_cast<Accumulator*>(node);
    leave_roll(*node);
    accumulator->grad.~Tensor();
    give_back(accumulator, sizeof(Accumulator));
    return true;
  }
  if (node->has(Node::kUser)) node->user()->let_go();
  return false;
}

// What a node holds is let go of; nodes that die of it wait on the thread's list, so that a chain
// of a million nodes is freed without recursion.
[[gnu::always_inline]] inline void destroy(Node* node) noexcept {
  // Flags and marks as one number: nobody else reaches the node any more.
  uint16_t flags;
  static_assert(std::endian::native == std::endian::little);
  static_assert(sizeof node->flags + sizeof node->marks == sizeof flags);
  std::memcpy(&flags, static_cast<void*>(&node->flags), sizeof flags);
  constexpr uint16_t kSpecial =
      Node::kAccumulator | Node::kHusk | Node::kUser | (Node::kHooked | Node::kExtra) << 8;
  if ((flags & kSpecial) != 0) [[unlikely]] {
    if (destroy_special(node)) return;
  }
  leave_roll(*node);
  for (const Edge edge : node->inputs()) {
    if (edge && last_reference(edge.node())) drop(edge.node());
  }
  for (Tensor& grad : node->grads()) {
    if (grad) [[unlikely]]
      grad.reset();
  }
  if (node->saved_n != 0) {
    // Saved heads that live on take counts: the node's own is the last but theirs.
    node->refs.store(1, std::memory_order_relaxed);
    node->set(Node::kHusk);
    for (Saved& saved : node->saved()) drop_saved(*node, saved);
    if (!last_reference(node)) return;
  }
  give_back_class(node, node->block_class);
}

}  // namespace

void drop_shared(Node& node, Tensor& saved) noexcept {
  count_up(node.refs);
  saved.reset();
}

void save(Node& node, uint32_t place, const Tensor& x, uint32_t which) {
  Saved* saved = node.saved().data() + place;
  std::byte* head = node.saved_heads();
  if (place > 0) {
    const Tensor& before = saved[-1].tensor;
    head = reinterpret_cast<std::byte*>(before.head()) + saved_head_bytes(before);
  }
  save_at(&node, saved, head, x, which);
  save_name(x, *saved);
}

void save_name(const Tensor& x, const Saved& saved) {
  if (!x.head()->has_flag(TensorHead::kExtras)) [[likely]]
    return;
  char text[256];
  Message name(text, sizeof text);
  if (append_name(*x.head(), name)) set_name(saved.tensor, text);
}

void let_go(History* history) noexcept {
  if (last_reference(history)) drop(static_cast<Node*>(history));
}

namespace {

// Nobody counts the node any more.
void drop(Node* node) noexcept {
  ThreadRecord* thread = thread_record_or_null();
  if (thread == nullptr) return;       // no memory for a record: the node is lost, not the host
  if (thread->drop_list != nullptr) {  // a drop runs already: it will come to this node
    void* const top = thread->drop_list;
    node->link = top == thread ? nullptr : static_cast<Node*>(top);
    thread->drop_list = node;
    return;
  }
  void* const bottom = thread;  // any address that is no node
  thread->drop_list = bottom;
  for (;;) {
    destroy(node);
    if (thread->drop_list == bottom) break;
    node = static_cast<Node*>(thread->drop_list);
    thread->drop_list = node->link == nullptr ? bottom : node->link;
  }
  thread->drop_list = nullptr;
}

}  // namespace

Accumulator* make_accumulator(TensorHead* leaf) {
  auto* made = new (take(sizeof(Accumulator))) Accumulator(leaf);
  enter_roll(*made);
  return made;
}

Meta input_meta(Node& node, int i) {
  const uint64_t* p = node.shapes() + 1;
  for (; i > 0; --i) p += 1 + (*p & 0xffu);
  Meta meta;
  meta.dtype = static_cast<DType>(*p >> 8);
  meta.shape.rank = static_cast<int32_t>(*p & 0xffu);
  for (int d = 0; d < meta.shape.rank; ++d) meta.shape[d] = static_cast<int64_t>(p[1 + d]);
  return meta;
}

// ---- a head's history ----

uint64_t swap_history(TensorHead& head, uint64_t word) {
  const uint64_t former = lock_word(head);
  head.history.store(word, std::memory_order_release);
  return former;
}

Accumulator* accumulator_of(const TensorHead& head) {
  Node* node = Edge(history_word(head)).node();
  return node != nullptr && is_accumulator(node) ? static_cast<Accumulator*>(node) : nullptr;
}

// No other thread can reach the head any more, so its word needs no lock.
void forget_history(TensorHead& head) noexcept {
  if (head.has_flag(TensorHead::kRetainsGrad | TensorHead::kHooked)) [[unlikely]] {
    if (head.has_flag(TensorHead::kHooked)) return;  // free_head_slow asks end_hooked first
    forget_retained(head);
  }
  Node* node = Edge(head.history.load(std::memory_order_relaxed) & ~uint64_t{1}).node();
  head.history.store(0, std::memory_order_relaxed);
  if (is_accumulator(node)) {
    auto* accumulator = static_cast<Accumulator*>(node);
    LockGuard guard(accumulator->lock);
    if (accumulator->leaf.load(std::memory_order_relaxed) == &head) {
      accumulator->leaf.store(nullptr, std::memory_order_relaxed);
    }
  }
  let_go(node);
}

}  // namespace tg
