// SPDX-License-Identifier: MIT
#include "autograd/retained.h"

#include "autograd/views.h"
#include "core/extras.h"

namespace tg {

namespace {

struct Entry {
  Entry* next;
  TensorHead* head;  // removed from the list before it dies, under the lock
  uint64_t edge;     // node and output
};

// Tensors that retain are few: one list under one lock.
constinit Lock lock;
constinit Entry* entries = nullptr;
constinit std::atomic<size_t> count{0};  // of entries

Entry** find(const TensorHead* head) {
  Entry** place = &entries;
  while (*place != nullptr && (*place)->head != head) place = &(*place)->next;
  return place;
}

// The tensor that retains this output; null: none, or it is gone.
TensorHead* find_edge(const Node& node, uint32_t output) {
  const uint64_t wanted = Edge(const_cast<Node*>(&node), output).word;
  Entry* entry = entries;
  while (entry != nullptr && entry->edge != wanted) entry = entry->next;
  return entry != nullptr ? entry->head : nullptr;
}

}  // namespace

void retain_grad(const Tensor& x) {
  TensorHead& head = *x.head();
  auto* fresh = new (take(sizeof(Entry))) Entry{nullptr, &head, 0};
  const Edge edge = take_edge(head);  // counted: another thread may change x in place meanwhile
  {
    LockGuard guard(lock);
    if (edge && *find(&head) == nullptr) {
      fresh->edge = edge.word;
      fresh->next = entries;
      entries = fresh;
      count.fetch_add(1, std::memory_order_relaxed);
      edge.node()->mark(Node::kRetains);
      head.flags.fetch_or(TensorHead::kRetainsGrad, std::memory_order_relaxed);
      fresh = nullptr;
    }
  }
  if (edge) let_go(edge.node());
  if (fresh != nullptr) give_back(fresh, sizeof(Entry));
}

void forget_retained(TensorHead& head) noexcept {
  Entry* entry = nullptr;
  {
    LockGuard guard(lock);
    Entry** place = find(&head);
    entry = *place;
    if (entry != nullptr) {
      *place = entry->next;
      count.fetch_sub(1, std::memory_order_relaxed);
    }
    head.flags.fetch_and(static_cast<uint8_t>(~TensorHead::kRetainsGrad),
                         std::memory_order_relaxed);
  }
  if (entry != nullptr) give_back(entry, sizeof(Entry));
}

void move_retained(TensorHead& head, Edge to) noexcept {
  LockGuard guard(lock);
  if (Entry* entry = *find(&head); entry != nullptr) {
    entry->edge = to.word;
    to.node()->mark(Node::kRetains);
  }
}

namespace {

// Under the lock a head's memory stays, but its last count may be gone.
Tensor next_rewritten() {
  LockGuard guard(lock);
  for (Entry* entry = entries; entry != nullptr; entry = entry->next) {
    TensorHead* head = entry->head;
    if (head->is_view == 0 || !is_rewritten(*head)) continue;
    uint32_t refs = head->refs.load(std::memory_order_relaxed);
    while (refs != 0 && !head->refs.compare_exchange_weak(refs, refs + 1)) continue;
    if (refs != 0) return Tensor(head);
  }
  return {};
}

}  // namespace

void renew_retained() {
  if (count.load(std::memory_order_relaxed) == 0) return;
  while (const Tensor view = next_rewritten()) renew_history(view);
}

// Under the lock the head cannot end: its end asks for the lock first. Nothing that could run a
// user's deleter, no last reference to a gradient above all, may go while it is held.
void prepare_retained(const Node& node, uint32_t output, Tensor& grad, const Algebra& algebra) {
  Tensor former;
  {
    LockGuard guard(lock);
    const TensorHead* head = find_edge(node, output);
    if (head == nullptr) return;
    reserve_extra(*head);
    former = extra_grad(*head, nullptr);
  }
  if (former) {
    grad = algebra.add(former, grad);
  } else if (!grad.is_sole_owner()) {
    grad = algebra.clone_like(grad, grad);
  }
}

void store_retained(const Node& node, uint32_t output, Tensor& grad) noexcept {
  LockGuard guard(lock);
  if (TensorHead* head = find_edge(node, output)) replace_extra_grad(*head, grad, false);
}

}  // namespace tg
