// SPDX-License-Identifier: MIT
#include "autograd/node_extras.h"

#include "base/side_table.h"

namespace tg {

namespace {

using Table = SideTable<Node, NodeExtra, 4096>;
constinit Table table{};

}  // namespace

void put_extra(Node& node, NodeExtra& extra) {
  table.put(Table::make(node, std::move(extra)),
            [&](NodeExtra&) { node.marks.fetch_or(Node::kExtra, std::memory_order_relaxed); });
}

NodeExtra extra_of(const Node& node) noexcept {
  NodeExtra found;
  if (!node.is_marked(Node::kExtra)) return found;
  table.see(node, [&](const NodeExtra* extra) {
    if (extra == nullptr) return;
    found.site = extra->site;
    found.born = extra->born;
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

}  // namespace tg
