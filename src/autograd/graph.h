// SPDX-License-Identifier: MIT
// The graph behind a tensor as a list of nodes, for those who look at it from outside: pictures and
// explanations. Without recursion: a graph may have millions of nodes.
#pragma once

#include <string_view>

#include "autograd/engine.h"
#include "base/blocks.h"

namespace tg {

// Numbers keys in the order of their coming.
class KeyIndex {
 public:
  // fresh: the key was not there before.
  size_t number(uint64_t key, bool* fresh = nullptr);
  size_t size() const { return keys_.size(); }
  uint64_t key(size_t number) const { return keys_[number]; }

 private:
  size_t place_of(uint64_t key) const;
  Vector<uint64_t> keys_;
  Vector<uint32_t> index_;  // open addressing: number + 1, 0: empty
};

// Edges are never cut while somebody counts the node that they start from, so a count on the first
// one holds the whole graph.
class Graph {
 public:
  explicit Graph(const Tensor& output);  // empty where it has no grad_fn
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // The first is grad_fn of the output; numbers rise with the distance from it.
  size_t size() const { return index_.size(); }
  Node& node(size_t number) const { return *reinterpret_cast<Node*>(index_.key(number)); }
  size_t number_of(Node* node) { return index_.number(reinterpret_cast<uintptr_t>(node)); }

 private:
  Edge root_;
  KeyIndex index_;
};

using OperatorOf = const Operator& (*)(Node& node);

// "MulBackward", "AccumulateGrad".
void append_node_name(Node& node, OperatorOf operator_of, Message& name);

// Both: the words of tg_graph_dot and tg_graph_json.
String graph_as_dot(const Tensor& output, OperatorOf operator_of);
String graph_as_json(const Tensor& output, OperatorOf operator_of);

// The words of tg_explain.
String explain(const Tensor& x, OperatorOf operator_of);

}  // namespace tg
