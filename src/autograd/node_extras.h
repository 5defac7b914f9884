// SPDX-License-Identifier: MIT
// What few nodes have, so that the others need no room for it: where in the host's code they were
// recorded, and what hooks gave for the tensors that they saved. A node that has an entry is
// marked.
#pragma once

#include "autograd/saved_hooks.h"

namespace tg {

struct NodeExtra {
  Birth birth;            // autograd/sites.h
  Vector<Packed> packed;  // by place; empty: none
};

// For a node that has none yet. Throws where memory runs out; `extra` is then as it was.
void put_extra(Node& node, NodeExtra& extra);
// Without what was packed; all 0 for a node that has none.
NodeExtra extra_of(const Node& node) noexcept;
// What hooks gave for the saved tensor at a place. Whoever asks keeps the node from ending, and
// from being freed.
const Packed& packed_at(const Node& node, size_t place) noexcept;

// The nodes alive that have a site and saved their tensors themselves, of all graphs.
struct HeldNodes {
  Vector<Node*> nodes;  // each counted

  HeldNodes() = default;
  ~HeldNodes();
  HeldNodes(const HeldNodes&) = delete;
  HeldNodes& operator=(const HeldNodes&) = delete;
};
void hold_nodes_with_sites(HeldNodes& held);

// What hooks gave goes back to them: the node ends, or what it saved is freed.
void forget_extra(Node& node) noexcept;
void free_packed_of(Node& node) noexcept;

}  // namespace tg
