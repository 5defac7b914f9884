// SPDX-License-Identifier: MIT
#include "autograd/node_extras.h"

#include "base/side_table.h"

namespace tg {

namespace {

using Table = SideTable<Node, NodeExtra, 4096>;
constinit Table table{};

// A count for the caller; false: the node ends already.
bool hold(Node& node) {
  uint32_t refs = node.refs.load(std::memory_order_relaxed);
  while (refs != 0 && !node.refs.compare_exchange_weak(refs, refs + 1)) continue;
  return refs != 0;
}

}  // namespace

void put_extra(Node& node, NodeExtra& extra) {
  table.put(Table::make(node, std::move(extra)), [&](NodeExtra&) { node.mark(Node::kExtra); });
}

NodeExtra extra_of(const Node& node) noexcept {
  NodeExtra found;
  if (!node.is_marked(Node::kExtra)) return found;
  table.see(node, [&](const NodeExtra* extra) {
    if (extra == nullptr) return;
    found.birth = extra->birth;
  });
  return found;
}

const Packed& packed_at(const Node& node, size_t place) noexcept {
  return *table.see(node, [&](const NodeExtra* extra) { return &extra->packed[place]; });
}

void forget_extra(Node& node) noexcept { Table::end(table.take(node)); }

void free_packed_of(Node& node) noexcept {
  if (!node.is_marked(Node::kExtra)) return;
  Vector<Packed> ended;  // they end outside the lock: the hooks are the host's
  table.see(node, [&](NodeExtra* extra) {
    if (extra != nullptr) ended.swap(extra->packed);
  });
}

HeldNodes::~HeldNodes() {
  for (Node* node : nodes) let_go(node);
}

void hold_nodes_with_sites(HeldNodes& held) {
  Vector<Node*>& nodes = held.nodes;
  for (size_t bucket = 0; bucket < Table::kBuckets; ++bucket) {
    // Memory is asked for outside the lock, so as often as others put more in meanwhile.
    for (size_t found = 0;;) {
      nodes.reserve(nodes.size() + found);
      const size_t room = nodes.capacity() - nodes.size();
      found = 0;
      table.see_bucket(bucket, [&](const Table::Entry* first) {
        for (const auto* entry = first; entry != nullptr; entry = entry->next) ++found;
        if (found > room) return;
        for (const auto* entry = first; entry != nullptr; entry = entry->next) {
          // What was packed is the hooks': its places are emptied after the entry came.
          const bool fits = entry->value.birth.site != 0 && entry->value.packed.empty();
          if (fits && hold(*entry->object)) nodes.push_back(entry->object);
        }
      });
      if (found <= room) break;
    }
  }
}

}  // namespace tg
