// SPDX-License-Identifier: MIT
#include "autograd/node.h"

#include <cstring>

#include "autograd/retained.h"
#include "core/extras.h"

namespace tg {

namespace {

// What a node holds is let go of; nodes that die of it wait on the thread's list, so that a chain
// of a million nodes is freed without recursion.
void destroy(Node* node) noexcept {
  if (node->has(Node::kAccumulator)) {
    auto* accumulator = static_cast<Accumulator*>(node);
    accumulator->grad.~Tensor();
    give_back(accumulator, sizeof(Accumulator));
    return;
  }
  for (Edge edge : node->inputs()) {
    if (edge) let_go(edge.node());
  }
  for (Tensor& grad : node->grads()) grad.~Tensor();
  for (Saved& saved : node->saved()) saved.tensor.~Tensor();
  give_back_class(node, node->block_class);
}

bool last_reference(History* history) noexcept {
  return history->refs.load(std::memory_order_acquire) == 1 ||
         history->refs.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

}  // namespace

void let_go(History* history) noexcept {
  if (!last_reference(history)) return;
  auto* node = static_cast<Node*>(history);
  ThreadRecord* thread = thread_record_or_null();
  if (thread == nullptr) return;       // no memory for a record: the node is lost, not the host
  if (thread->drop_list != nullptr) {  // a drop runs already: it will come to this node
    void* const top = thread->drop_list;
    node->link = top == thread ? nullptr : static_cast<Node*>(top);
    thread->drop_list = node;
    return;
  }
  void* const bottom = thread;  // any address that is no node
  thread->drop_list = bottom;
  destroy(node);
  while (thread->drop_list != bottom) {
    auto* next = static_cast<Node*>(thread->drop_list);
    thread->drop_list = next->link == nullptr ? bottom : next->link;
    destroy(next);
  }
  thread->drop_list = nullptr;
}

Node* make_node(Op op, const NodeSize& size) {
  const size_t bytes = sizeof(Node) + 8 + size.inputs * sizeof(Edge) +
                       size.outputs * sizeof(Tensor) + size.saved * sizeof(Saved) +
                       size.shapes_bytes + size.argument_bytes;
  const uint32_t block_class = size_class(bytes);
  ThreadRecord& thread = thread_record();
  void* memory = take_class(block_class);
  auto* node = new (memory) Node;
  node->refs.store(1, std::memory_order_relaxed);
  node->run.store(0, std::memory_order_relaxed);
  node->pending = 0;
  node->op = op;
  node->flags.store(size.shapes_bytes != 0 ? Node::kShapes : 0, std::memory_order_relaxed);
  node->marks.store(0, std::memory_order_relaxed);
  node->inputs_n = static_cast<uint16_t>(size.inputs);
  node->saved_n = static_cast<uint16_t>(size.saved);
  node->outputs_n = static_cast<uint16_t>(size.outputs);
  node->block_class = static_cast<uint16_t>(block_class);
  node->link = nullptr;
  node->sequence() = ++thread.sequence;
  // Edges, gradients and saved tensors are all empty as zeros.
  auto* word = &node->sequence() + 1;
  const size_t words = size.inputs + size.outputs + 2 * size.saved;
  static_assert(sizeof(Edge) == 8 && sizeof(Tensor) == 8 && sizeof(Saved) == 16);
  for (size_t i = 0; i < words; ++i) word[i] = 0;
  if (size.shapes_bytes != 0) *node->shapes() = size.shapes_bytes;
  return node;
}

Accumulator* make_accumulator(TensorHead* leaf) {
  auto* node = new (take(sizeof(Accumulator))) Accumulator;
  node->refs.store(1, std::memory_order_relaxed);
  node->run.store(0, std::memory_order_relaxed);
  node->pending = 0;
  node->op = Op{};
  node->flags.store(Node::kAccumulator, std::memory_order_relaxed);
  node->marks.store(0, std::memory_order_relaxed);
  node->inputs_n = node->saved_n = node->outputs_n = 0;
  node->link = nullptr;
  node->grad_set_by_user = false;
  node->leaf.store(leaf, std::memory_order_relaxed);
  return node;
}

Meta input_meta(Node& node, int i) {
  const uint64_t* p = node.shapes() + 1;
  for (; i > 0; --i) p += 1 + (*p & 0xffu);
  Meta meta;
  meta.dtype = static_cast<DType>(*p >> 8);
  meta.shape.rank = static_cast<int32_t>(*p & 0xffu);
  for (int d = 0; d < meta.shape.rank; ++d) meta.shape[d] = static_cast<int64_t>(p[1 + d]);
  return meta;
}

// ---- a head's history ----

namespace {

// Bit 0 of the word: held for a few instructions, so the waiter spins.
uint64_t lock_word(const TensorHead& head) {
  auto& word = const_cast<std::atomic<uint64_t>&>(head.history);
  uint64_t seen = word.load(std::memory_order_relaxed) & ~uint64_t{1};
  while (!word.compare_exchange_weak(seen, seen | 1, std::memory_order_acquire,
                                     std::memory_order_relaxed)) {
    seen &= ~uint64_t{1};
  }
  return seen;
}

}  // namespace

Edge take_edge(const TensorHead& head) {
  if (head.history.load(std::memory_order_relaxed) == 0) return {};
  const uint64_t word = lock_word(head);
  const Edge edge(word);
  if (edge) edge.node()->refs.fetch_add(1, std::memory_order_relaxed);
  const_cast<TensorHead&>(head).history.store(word, std::memory_order_release);
  return edge;
}

uint64_t swap_history(TensorHead& head, uint64_t word) {
  const uint64_t former = lock_word(head);
  head.history.store(word, std::memory_order_release);
  return former;
}

Accumulator* accumulator_of(const TensorHead& head) {
  Node* node = Edge(history_word(head)).node();
  return node != nullptr && is_accumulator(node) ? static_cast<Accumulator*>(node) : nullptr;
}

// No other thread can reach the head any more, so its word needs no lock.
void forget_history(TensorHead& head) noexcept {
  if (head.has_flag(TensorHead::kRetainsGrad)) forget_retained(head);
  Node* node = Edge(head.history.load(std::memory_order_relaxed) & ~uint64_t{1}).node();
  if (is_accumulator(node)) {
    auto* accumulator = static_cast<Accumulator*>(node);
    LockGuard guard(accumulator->lock);
    if (accumulator->leaf.load(std::memory_order_relaxed) == &head) {
      accumulator->leaf.store(nullptr, std::memory_order_relaxed);
    }
  }
  let_go(node);
}

}  // namespace tg
