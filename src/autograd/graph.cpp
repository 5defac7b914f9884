// SPDX-License-Identifier: MIT
#include "autograd/graph.h"

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

}  // namespace tg
