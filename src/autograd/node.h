// SPDX-License-Identifier: MIT
// One recorded call: 32 bytes, and behind them exactly what this operator needs. A node knows where
// each of its gradients goes, what its rule saved, and nothing of the tensors it came from.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "autograd/operator.h"
#include "base/lock.h"
#include "core/heads-inl.h"

namespace tg {

struct Node;

#ifdef TG_DEBUG
// All nodes stand in one list, which a test looks over (autograd/shadow.h); its links are the last
// bytes of their blocks.
struct RollLinks {
  Node* before;
  Node* after;
};
inline constexpr size_t kRollBytes = sizeof(RollLinks);
void enter_roll(Node& node) noexcept;
void leave_roll(Node& node) noexcept;
#else
inline constexpr size_t kRollBytes = 0;
inline void enter_roll(Node&) noexcept {}
inline void leave_roll(Node&) noexcept {}
#endif

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
// A user's operator may have any number of either.
inline constexpr uint32_t kUserInputs = uint32_t{1} << 16;   // + the number of an input
inline constexpr uint32_t kUserOutputs = uint32_t{2} << 16;  // + the number of a result

// Hooks have it (autograd/saved_hooks.h): the place itself is empty.
inline constexpr uint32_t kPackedAway = uint32_t{1} << 31;

// A saved tensor stands apart from the graph: a head of its own without history, so that no node
// ever holds itself. The head lies in the node's block (EmbeddedHead), and keeps the block where it
// outlives the node.
struct Saved {
  Tensor tensor;     // null: consumed
  uint32_t version;  // of its storage, when it was saved
  uint32_t which;    // input number, or kSavedOutput and its kin
#ifdef TG_DEBUG
  uint64_t shadow = 0, unused = 0;  // autograd/shadow.h
#endif

  bool is_packed() const { return (which & kPackedAway) != 0; }
  uint32_t source() const { return which & ~kPackedAway; }
  bool is_output() const { return source() == kSavedOutput || source() >= kUserOutputs; }
};

struct Node : History {
  std::atomic<uint32_t> run{0};  // the backward that claimed it; 0: none
  uint32_t pending = 0;          // consumers not yet done
  Op op;
  // Written before the node is linked, then by the backward that claimed it alone; read by anyone.
  std::atomic<uint8_t> flags;
  std::atomic<uint8_t> marks{0};  // written by anyone at any time
  uint16_t inputs_n, outputs_n;
  uint8_t saved_n;
  uint8_t block_class;
  uint16_t saved_units;  // length of the saved heads, 16 bytes each
  Node* link = nullptr;  // engine and drop: intrusive stack. No container, no memory

  Node(Op its_op, uint8_t its_flags, size_t inputs, size_t outputs, size_t saved, size_t its_class,
       size_t units)
      : op(its_op),
        flags(its_flags),
        inputs_n(static_cast<uint16_t>(inputs)),
        outputs_n(static_cast<uint16_t>(outputs)),
        saved_n(static_cast<uint8_t>(saved)),
        block_class(static_cast<uint8_t>(its_class)),
        saved_units(static_cast<uint16_t>(units)) {}

  static constexpr uint8_t kAccumulator = 1;
  static constexpr uint8_t kFreed = 2;    // what it saved is gone: a second pass is an error
  static constexpr uint8_t kShapes = 4;   // sizes and dtypes of the inputs stand in the tail
  static constexpr uint8_t kInPlace = 8;  // an in-place operator: written_version counts
  static constexpr uint8_t kNeeded = 16;  // engine: lies on the way to an input of tg_grad
  static constexpr uint8_t kHusk = 32;    // ended: only its block is kept, for saved heads
  static constexpr uint8_t kUser = 64;    // of a user's operator, counted: the first argument
  // Among the marks:
  static constexpr uint8_t kRetains = 1;  // a tensor of its outputs retains its gradient
  static constexpr uint8_t kHooked = 2;   // hooks hang on it (autograd/hooks.h)
  static constexpr uint8_t kExtra = 4;    // it has an entry (autograd/node_extras.h)
  static constexpr uint8_t kAsleep = 8;   // of a leaf that requires no grad for now

  bool has(uint8_t flag) const { return (flags.load(std::memory_order_relaxed) & flag) != 0; }
  // No other thread writes, so no read-modify-write is needed.
  void set(uint8_t flag, bool on = true) {
    const uint8_t now = flags.load(std::memory_order_relaxed);
    flags.store(static_cast<uint8_t>(on ? now | flag : now & ~flag), std::memory_order_relaxed);
  }
  bool is_marked(uint8_t by = 0xff) const {
    return (marks.load(std::memory_order_relaxed) & by) != 0;
  }
  void mark(uint8_t by) { marks.fetch_or(by, std::memory_order_relaxed); }
  void unmark(uint8_t by) { marks.fetch_and(static_cast<uint8_t>(~by), std::memory_order_relaxed); }

  // Tail: sequence number, edges, gradients, saved tensors and their heads, shapes if kShapes,
  // the written version if kInPlace, arguments.
  uint64_t& sequence() { return *reinterpret_cast<uint64_t*>(this + 1); }
  std::span<Edge> inputs() { return {reinterpret_cast<Edge*>(&sequence() + 1), inputs_n}; }
  std::span<Tensor> grads() {  // of the outputs, summed so far
    return {reinterpret_cast<Tensor*>(inputs().data() + inputs_n), outputs_n};
  }
  std::span<Saved> saved() {
    return {reinterpret_cast<Saved*>(grads().data() + outputs_n), saved_n};
  }
  std::byte* saved_heads() { return reinterpret_cast<std::byte*>(saved().data() + saved_n); }
  uint64_t* shapes() {
    return reinterpret_cast<uint64_t*>(saved_heads() + size_t{16} * saved_units);
  }
  std::byte* after_shapes() {
    auto* p = reinterpret_cast<std::byte*>(shapes());
    return has(kShapes) ? p + *shapes() : p;
  }
  // Of an in-place node: the storage version that its write made.
  uint64_t& written_version() { return *reinterpret_cast<uint64_t*>(after_shapes()); }
  std::byte* arguments() { return after_shapes() + (has(kInPlace) ? 8 : 0); }
  // The same by output: a user's operator may write several inputs.
  uint64_t& written_version(uint32_t output) {
    return has(kUser) ? reinterpret_cast<uint64_t*>(arguments())[1 + output] : written_version();
  }
  template <class Args>
  Args& args() {
    return *reinterpret_cast<Args*>(arguments());
  }
  UserOperator*& user() { return args<UserOperator*>(); }
};
static_assert(sizeof(Node) == 32);

// Sizes and dtype of input i, as the tail keeps them.
Meta input_meta(Node& node, int i);

// The node of a leaf: owns .grad, and is where gradients of the leaf end.
struct Accumulator : Node {
  Lock lock;
  bool grad_set_by_user = false;
  std::atomic<TensorHead*> leaf;  // not counted; null once the leaf is gone or gave grad up
  Tensor grad;
#ifdef TG_DEBUG
  RollLinks roll{};
#endif

  explicit Accumulator(TensorHead* of) : Node(Op{}, kAccumulator, 0, 0, 0, 0, 0), leaf(of) {}
};
Accumulator* make_accumulator(TensorHead* leaf);

// Memory for a node with its tail; edges, gradients and saved places are empty.
struct NodeSize {
  uint32_t inputs, outputs, saved;
  size_t saved_bytes, shapes_bytes, argument_bytes;
};
// Without the emptying of edges, gradients and saved places, which the caller writes.
[[gnu::always_inline]] inline Node* make_bare_node(Op op, const NodeSize& size) {
  const size_t bytes = sizeof(Node) + 8 + size.inputs * sizeof(Edge) +
                       size.outputs * sizeof(Tensor) + size.saved * sizeof(Saved) +
                       size.saved_bytes + size.shapes_bytes + size.argument_bytes + kRollBytes;
  const uint32_t block_class = size_class(bytes);
  void* memory = take_class(block_class);
  const uint8_t flags = size.shapes_bytes != 0 ? Node::kShapes : 0;
  auto* node = new (memory)
      Node(op, flags, size.inputs, size.outputs, size.saved, block_class, size.saved_bytes / 16);
  node->sequence() = ++record->sequence;  // who took a block has a record
  if (size.shapes_bytes != 0) *node->shapes() = size.shapes_bytes;
  enter_roll(*node);
  return node;
}
[[gnu::always_inline]] inline Node* make_node(Op op, const NodeSize& size) {
  Node* node = make_bare_node(op, size);
  for (Edge& edge : node->inputs()) edge = Edge();
  // Null tensors are zeros.
  static_assert(sizeof(Tensor) == 8 && sizeof(Saved) % 16 == 0);
  auto* word = reinterpret_cast<uint64_t*>(node->grads().data());
  for (size_t i = 0; i < size.outputs + sizeof(Saved) / 8 * size.saved; ++i) word[i] = 0;
  return node;
}

// Saves x at a place; places are filled in order. The node was made with room for
// saved_head_bytes(x). A name goes along.
inline size_t saved_head_bytes(const Tensor& x) { return embedded_head_bytes(x.rank()); }
void save(Node& node, uint32_t place, const Tensor& x, uint32_t which);
// The same with the place of the head known, without the name; gives the place of the next head.
[[gnu::always_inline]] inline std::byte* save_at(Node* node, Saved* place, std::byte* head,
                                                 const Tensor& x, uint32_t which) {
  const uint32_t version = x.storage().version.load(std::memory_order_relaxed);
  new (place) Saved{Tensor(embed_head(head, x, node)), version, which};
  return head + saved_head_bytes(x);
}
void save_name(const Tensor& x, const Saved& saved);
// The node lets go of a saved tensor. A head that somebody else holds lives on in the node's block,
// and has a count on the node from now on.
void drop_shared(Node& node, Tensor& saved) noexcept;
inline void drop_saved(Node& node, Saved& saved) noexcept {
  TensorHead* head = saved.tensor.head();
  if (head == nullptr) return;
  if (head->refs.load(std::memory_order_acquire) != 1 || head->has_flag(TensorHead::kExtras))
      [[unlikely]]
    return drop_shared(node, saved.tensor);
  saved.tensor.give_up();
  release_storage(head->storage);
}

// ---- a head's history ----

inline uint64_t history_word(const TensorHead& head) {
  return head.history.load(std::memory_order_acquire) & ~uint64_t{1};
}
// Bit 0 of the word: held for a few instructions, so the waiter spins.
inline uint64_t lock_word(const TensorHead& head) {
  auto& word = const_cast<std::atomic<uint64_t>&>(head.history);
  uint64_t seen = word.load(std::memory_order_relaxed) & ~uint64_t{1};
  while (!word.compare_exchange_weak(seen, seen | 1, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    seen &= ~uint64_t{1};
  }
  return seen;
}
// The head's edge, counted; empty for none. For a leaf that requires grad its accumulator.
[[gnu::always_inline]] inline Edge take_edge(const TensorHead& head) {
  if (head.history.load(std::memory_order_relaxed) == 0) return {};
  if (single_threaded()) {
    // The lock's bit may have stayed behind in a child of fork, whose other threads are gone.
    const Edge edge(history_word(head));
    count_up(edge.node()->refs, true);
    return edge;
  }
  const uint64_t word = lock_word(head);
  const Edge edge(word);
  if (edge) edge.node()->refs.fetch_add(1, std::memory_order_relaxed);
  const_cast<TensorHead&>(head).history.store(word, std::memory_order_release);
  return edge;
}
// Puts a history in place (whose count goes over to the head) and gives the former one.
uint64_t swap_history(TensorHead& head, uint64_t word);

inline bool is_accumulator(const Node* node) { return node->has(Node::kAccumulator); }

// A tensor that requires grad without a grad_fn: its accumulator. Null for all others.
Accumulator* accumulator_of(const TensorHead& head);

}  // namespace tg
