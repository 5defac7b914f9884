// SPDX-License-Identifier: MIT
// One recorded call: 32 bytes, and behind them exactly what this operator needs. A node knows where
// each of its gradients goes, what its rule saved, and nothing of the tensors it came from.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "autograd/operator.h"
#include "base/lock.h"
#include "core/tensor.h"

namespace tg {

struct Node;

// Where a gradient goes: a node and which of its outputs. One word, so that it never tears:
// pointers take 48 bits on the machines that Linux runs on.
struct Edge {
  uint64_t word = 0;

  static constexpr uint64_t kPointerMask = (uint64_t{1} << 48) - 2;  // bit 0 is a head's lock
  Edge() = default;
  explicit Edge(uint64_t from) : word(from) {}
  Edge(Node* node, uint32_t output)
      : word(reinterpret_cast<uint64_t>(node) | uint64_t{output} << 48) {}
  Node* node() const { return reinterpret_cast<Node*>(word & kPointerMask); }
  uint32_t output() const { return static_cast<uint32_t>(word >> 48); }
  explicit operator bool() const { return word != 0; }
};

inline constexpr uint32_t kSavedOutput = 31;  // Saved.which: the result, not an input
inline constexpr uint32_t kSavedExtra = 30;   // a tensor of the rule's own

struct Saved {
  Tensor tensor;
  uint32_t version;  // of its storage, when it was saved
  uint32_t which;    // input number, or kSavedOutput
};

struct Node : History {
  std::atomic<uint32_t> run;  // the backward that claimed it; 0: none
  uint32_t pending;           // consumers not yet done
  Op op;
  // Written before the node is linked, then by the backward that claimed it alone; read by anyone.
  std::atomic<uint8_t> flags;
  std::atomic<uint8_t> marks;  // written by anyone at any time
  uint16_t inputs_n, saved_n, outputs_n;
  uint16_t block_class;
  Node* link;  // engine and drop: intrusive stack. No container, no memory

  static constexpr uint8_t kAccumulator = 1;
  static constexpr uint8_t kFreed = 2;    // what it saved is gone: a second pass is an error
  static constexpr uint8_t kShapes = 4;   // sizes and dtypes of the inputs stand in the tail
  static constexpr uint8_t kInPlace = 8;  // an in-place operator: written_version counts
  static constexpr uint8_t kNeeded = 16;  // engine: lies on the way to an input of tg_grad
  // Among the marks:
  static constexpr uint8_t kRetains = 1;  // a tensor of its outputs retains its gradient

  bool has(uint8_t flag) const { return (flags.load(std::memory_order_relaxed) & flag) != 0; }
  // No other thread writes, so no read-modify-write is needed.
  void set(uint8_t flag, bool on = true) {
    const uint8_t now = flags.load(std::memory_order_relaxed);
    flags.store(static_cast<uint8_t>(on ? now | flag : now & ~flag), std::memory_order_relaxed);
  }
  bool retains() const { return (marks.load(std::memory_order_relaxed) & kRetains) != 0; }

  // Tail: sequence number, edges, gradients, saved tensors, shapes if kShapes,
  // the written version if kInPlace, arguments.
  uint64_t& sequence() { return *reinterpret_cast<uint64_t*>(this + 1); }
  std::span<Edge> inputs() { return {reinterpret_cast<Edge*>(&sequence() + 1), inputs_n}; }
  std::span<Tensor> grads() {  // of the outputs, summed so far
    return {reinterpret_cast<Tensor*>(inputs().data() + inputs_n), outputs_n};
  }
  std::span<Saved> saved() {
    return {reinterpret_cast<Saved*>(grads().data() + outputs_n), saved_n};
  }
  uint64_t* shapes() { return reinterpret_cast<uint64_t*>(saved().data() + saved_n); }
  std::byte* after_shapes() {
    auto* p = reinterpret_cast<std::byte*>(shapes());
    return has(kShapes) ? p + *shapes() : p;
  }
  // Of an in-place node: the storage version that its write made.
  uint64_t& written_version() { return *reinterpret_cast<uint64_t*>(after_shapes()); }
  std::byte* arguments() { return after_shapes() + (has(kInPlace) ? 8 : 0); }
  template <class Args>
  Args& args() {
    return *reinterpret_cast<Args*>(arguments());
  }
};
static_assert(sizeof(Node) == 32);

// Sizes and dtype of input i, as the tail keeps them.
Meta input_meta(Node& node, int i);

// The node of a leaf: owns .grad, and is where gradients of the leaf end.
struct Accumulator : Node {
  Lock lock;
  bool grad_set_by_user;
  std::atomic<TensorHead*> leaf;  // not counted; null once the leaf is gone or gave grad up
  Tensor grad;
};
Accumulator* make_accumulator(TensorHead* leaf);

// Memory for a node with its tail; edges, gradients and saved places are empty.
struct NodeSize {
  uint32_t inputs, outputs, saved;
  size_t shapes_bytes, argument_bytes;
};
Node* make_node(Op op, const NodeSize& size);

// ---- a head's history ----

inline uint64_t history_word(const TensorHead& head) {
  return head.history.load(std::memory_order_acquire) & ~uint64_t{1};
}
// The head's edge, counted; empty for none. For a leaf that requires grad its accumulator.
Edge take_edge(const TensorHead& head);
// Puts a history in place (whose count goes over to the head) and gives the former one.
uint64_t swap_history(TensorHead& head, uint64_t word);

inline bool is_accumulator(const Node* node) { return node->has(Node::kAccumulator); }

// A tensor that requires grad without a grad_fn: its accumulator. Null for all others.
Accumulator* accumulator_of(const TensorHead& head);

}  // namespace tg
