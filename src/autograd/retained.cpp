// SPDX-License-Identifier: MIT
#include "autograd/retained.h"

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

Entry** find(const TensorHead* head) {
  Entry** place = &entries;
  while (*place != nullptr && (*place)->head != head) place = &(*place)->next;
  return place;
}

}  // namespace

void retain_grad(const Tensor& x) {
  TensorHead& head = *x.head();
  auto* fresh = new (take(sizeof(Entry))) Entry{nullptr, &head, history_word(head)};
  {
    LockGuard guard(lock);
    if (*find(&head) == nullptr) {
      fresh->next = entries;
      entries = fresh;
      Edge(fresh->edge).node()->flags |= Node::kRetains;
      head.flags.fetch_or(TensorHead::kRetainsGrad, std::memory_order_relaxed);
      fresh = nullptr;
    }
  }
  if (fresh != nullptr) give_back(fresh, sizeof(Entry));
}

void forget_retained(TensorHead& head) noexcept {
  Entry* entry = nullptr;
  {
    LockGuard guard(lock);
    Entry** place = find(&head);
    entry = *place;
    if (entry != nullptr) *place = entry->next;
    head.flags.fetch_and(static_cast<uint8_t>(~TensorHead::kRetainsGrad),
                         std::memory_order_relaxed);
  }
  if (entry != nullptr) give_back(entry, sizeof(Entry));
}

void move_retained(TensorHead& head, Edge to) noexcept {
  LockGuard guard(lock);
  if (Entry* entry = *find(&head); entry != nullptr) {
    entry->edge = to.word;
    to.node()->flags |= Node::kRetains;
  }
}

void store_retained(Node& node, uint32_t output, const Tensor& grad, AddGrad add) {
  // The sum is computed outside the lock: it takes time and may fail. The tensor may die
  // meanwhile, so it is looked up again before its .grad is set.
  const uint64_t wanted = Edge(&node, output).word;
  auto find_edge = [wanted]() -> TensorHead* {
    Entry* entry = entries;
    while (entry != nullptr && entry->edge != wanted) entry = entry->next;
    return entry != nullptr ? entry->head : nullptr;
  };
  Tensor old_grad;
  {
    LockGuard guard(lock);
    const TensorHead* head = find_edge();
    if (head == nullptr) return;
    old_grad = extra_grad(*head, nullptr);
  }
  Tensor sum = old_grad ? add(old_grad, grad) : grad;
  LockGuard guard(lock);
  if (TensorHead* head = find_edge()) set_extra_grad(*head, std::move(sum), false);
}

}  // namespace tg
