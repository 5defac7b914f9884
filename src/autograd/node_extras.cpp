// SPDX-License-Identifier: MIT
#include "autograd/node_extras.h"

namespace tg {

namespace {

struct Entry {
  Entry* next;
  const Node* node;
  NodeExtra extra;
};

constexpr size_t kBuckets = 4096;
constexpr size_t kStripes = 64;

struct Table {
  Lock locks[kStripes];
  Entry* buckets[kBuckets];
};
constinit Table table{};

size_t bucket_of(const Node* node) {
  // Fibonacci hashing (Knuth, TAOCP 3, 6.4): nodes lie at multiples of 16.
  const auto address = reinterpret_cast<uintptr_t>(node) >> 4;
  return static_cast<size_t>((address * 0x9e3779b97f4a7c15u) >> 52);
}

Entry** find(const Node* node) {
  Entry** place = &table.buckets[bucket_of(node)];
  while (*place != nullptr && (*place)->node != node) place = &(*place)->next;
  return place;
}

Lock& lock_of(const Node* node) { return table.locks[bucket_of(node) % kStripes]; }

}  // namespace

void put_extra(Node& node, NodeExtra& extra) {
  auto* entry = new (take(sizeof(Entry))) Entry{nullptr, &node, std::move(extra)};
  LockGuard guard(lock_of(&node));
  Entry** first = &table.buckets[bucket_of(&node)];
  entry->next = *first;
  *first = entry;
  node.marks.fetch_or(Node::kExtra, std::memory_order_relaxed);
}

NodeExtra extra_of(const Node& node) noexcept {
  NodeExtra found;
  if (!node.is_marked(Node::kExtra)) return found;
  LockGuard guard(lock_of(&node));
  if (const Entry* entry = *find(&node); entry != nullptr) {
    found.site = entry->extra.site;
    found.born = entry->extra.born;
  }
  return found;
}

const Packed& packed_at(const Node& node, size_t place) noexcept {
  LockGuard guard(lock_of(&node));
  return (*find(&node))->extra.packed[place];
}

void forget_extra(Node& node) noexcept {
  Entry* entry = nullptr;
  {
    LockGuard guard(lock_of(&node));
    Entry** place = find(&node);
    entry = *place;
    if (entry != nullptr) *place = entry->next;
  }
  if (entry == nullptr) return;
  entry->~Entry();
  give_back(entry, sizeof(Entry));
}

void free_packed_of(Node& node) noexcept {
  if (!node.is_marked(Node::kExtra)) return;
  Vector<Packed> ended;  // they end outside the lock: the hooks are the host's
  {
    LockGuard guard(lock_of(&node));
    if (Entry* entry = *find(&node); entry != nullptr) ended.swap(entry->extra.packed);
  }
}

}  // namespace tg
