// SPDX-License-Identifier: MIT
#include "autograd/graph.h"

#include "autograd/engine.h"

namespace tg {

// Fibonacci hashing (Knuth, TAOCP 3, 6.4); the table has a power of two of places and is at most
// half full.
size_t KeyIndex::place_of(uint64_t key) const {
  const size_t mask = index_.size() - 1;
  size_t place = (key * 0x9e3779b97f4a7c15u >> 20) & mask;
  while (index_[place] != 0 && keys_[index_[place] - 1] != key) place = (place + 1) & mask;
  return place;
}

size_t KeyIndex::number(uint64_t key, bool* fresh) {
  if ((keys_.size() + 1) * 2 > index_.size()) {
    Vector<uint32_t> larger(index_.empty() ? 64 : index_.size() * 2, 0);
    index_.swap(larger);
    for (size_t i = 0; i < keys_.size(); ++i) {
      index_[place_of(keys_[i])] = static_cast<uint32_t>(i + 1);
    }
  }
  uint32_t& number = index_[place_of(key)];
  if (fresh != nullptr) *fresh = number == 0;
  if (number == 0) {
    if (keys_.size() == UINT32_MAX) fail(TG_ERROR_LIMIT, "the graph has more than 2^32 nodes");
    keys_.push_back(key);
    number = static_cast<uint32_t>(keys_.size());
  }
  return number - 1;
}

Graph::Graph(const Tensor& output) : root_(take_edge(*output.head())) {
  struct Guard {  // a constructor that fails has no destructor
    Node* node;
    ~Guard() {
      if (node != nullptr) let_go(node);
    }
  } guard{root_.node()};
  if (root_ && !is_accumulator(root_.node())) {
    number_of(root_.node());
    for (size_t i = 0; i < size(); ++i) {
      for (const Edge edge : node(i).inputs()) {
        if (edge) number_of(edge.node());
      }
    }
  }
  guard.node = nullptr;
}

Graph::~Graph() {
  if (root_) let_go(root_.node());
}

void append_node_name(Node& node, OperatorOf operator_of, Message& name) {
  if (is_accumulator(&node)) {
    name << "AccumulateGrad";
  } else {
    name << operator_of(node).name << "Backward";
  }
}

// The node is claimed as a pass would claim it: what it saved cannot go meanwhile. Several may look
// one after the other.
SavedLook::SavedLook(Node& node) noexcept : node_(node), sees_(true) {
  if (is_accumulator(&node)) return;
  uint32_t owner = 0;
  while (!node.run.compare_exchange_weak(owner, kAsked, std::memory_order_acquire)) {
    sees_ = owner == 0 || owner == kAsked;
    if (!sees_) return;
    owner = 0;
  }
}

SavedLook::~SavedLook() {
  if (sees_ && !is_accumulator(&node_)) node_.run.store(0, std::memory_order_release);
}

uint64_t saved_bytes(Node& node) {
  if (is_accumulator(&node)) return 0;
  const SavedLook look(node);
  if (!look) {
    fail(TG_ERROR_AUTOGRAD,
         "a backward runs over the node now and may free what it saved; ask "
         "before it or after it");
  }
  uint64_t bytes = 0;
  for (const Saved& saved : node.saved()) {
    if (!saved.tensor) continue;
    bytes += static_cast<uint64_t>(saved.tensor.numel() * size_of(saved.tensor.dtype()));
  }
  return bytes;
}

}  // namespace tg
