// SPDX-License-Identifier: MIT
// One backward. Visit 1 claims the nodes behind the roots and counts for each how many consumers
// will send it a gradient; visit 2 runs a node when the last of them has. Both keep their stacks in
// the nodes' own links: no recursion, no memory, however long the chain. What is rare stands in
// pass_rare.cpp.
#pragma once

#include "autograd/engine.h"
#include "autograd/hooks.h"
#include "autograd/leaves.h"
#include "autograd/modes.h"
#include "autograd/node_extras.h"
#include "autograd/retained.h"
#include "autograd/shadow.h"
#include "base/token.h"

namespace tg {

uint32_t next_pass();

struct Retained {
  Node* node;
  uint32_t output;
  Tensor grad;
};

// A leaf with hooks, and the consumers that it waits for.
struct LeafCount {
  Accumulator* accumulator;
  uint32_t pending;
};

class Backward {
 public:
  Backward(const Algebra& algebra, std::span<Root> roots, std::span<Asked> asked,
           BackwardOptions options)
      : algebra_(algebra),
        roots_(roots),
        asked_(asked),
        options_(options),
        id_(next_pass()),
        direct_(asked.empty()),
        checks_(anomaly_mode()) {}
  ~Backward() {
    if (phase_ == Phase::claimed) unclaim();
    if (phase_ == Phase::running) give_up();
  }
  Backward(const Backward&) = delete;
  Backward& operator=(const Backward&) = delete;

  void run() {
    claim();
    if ((leaf_hooks() | ordered_operators.load(std::memory_order_relaxed)) != 0) [[unlikely]]
      look_ahead();
    if (!asked_.empty()) find_needed();
    seed();
    push_roots();
    phase_ = Phase::running;
    if (!hooked_.all().empty() || !ordered_.empty()) [[unlikely]]
      run_in_order();
    if (checks_) [[unlikely]] {
      while (ready_ != nullptr) run_next_checked();
    }
    while (ready_ != nullptr) run_next();
    phase_ = Phase::done;
    commit();
  }

  bool wants(const Edge& edge) const {
    if (!edge) return false;
    if (asked_.empty()) return true;
    Node* node = edge.node();
    return is_accumulator(node) ? asked_at(edge) != nullptr : node->has(Node::kNeeded);
  }

  void give(Node& node, int input, Tensor& grad) {
    const Edge edge = node.inputs()[static_cast<size_t>(input)];
    if (!grad || !edge) return;
    if (!direct_) return give_elsewhere(node, input, grad);
    fit(node, input, grad);
    deliver(edge, grad);
  }

  bool creates_graph() const { return options_.create_graph; }
  const char* name_of(Node& node) const { return algebra_.operator_of(node).name; }
  bool forward_mode() const { return options_.forward_mode; }

  const Tensor& unpack_at(Node& node, size_t place, Edge own) {
    const Saved& saved = node.saved()[place];
    if (saved.is_packed()) [[unlikely]]
      return from_hooks(node, place, own);
    const uint32_t version = saved.tensor.storage().version.load(std::memory_order_relaxed);
    if (version != saved.version) [[unlikely]] {
      fail_version(algebra_.operator_of(node).name, node, saved, version);
    }
#ifdef TG_DEBUG
    check_shadow(name_of(node), saved);
#endif
    if (!options_.create_graph) return saved.tensor;
    return with_past(node, place, saved.which == kSavedExtra ? own : past_of(node, saved));
  }

  // A saved tensor as the rule reads it, where it is not simply that. Where the rule is recorded in
  // its turn it comes with the edge that was recorded, whatever became of the tensor's own history
  // since.
  [[gnu::noinline]] const Tensor& unpack(Node& node, uint32_t which) {
    const std::span<Saved> all = node.saved();
    for (size_t place = 0; place < all.size(); ++place) {
      if (all[place].source() == which) return unpack_at(node, place, Edge());
    }
    fail(TG_ERROR_INTERNAL, algebra_.operator_of(node).name,
         ": its rule reads a tensor that it did not save");
  }

 private:
  enum class Phase { idle, claimed, running, done };
  static constexpr intptr_t kAhead = 8;  // nodes

  [[gnu::always_inline]] void fit(Node& node, int input, Tensor& grad) const {
    // A saved tensor given on must not keep its node, and with it the graph.
    if (grad.head()->embedded != 0) [[unlikely]]
      grad = second_head(grad);
    if (node.has(Node::kShapes)) {
      const Meta meta = input_meta(node, input);
      if (grad.dtype() != meta.dtype ||
          !same_sizes(grad.sizes(), grad.rank(), meta.shape.sizes, meta.shape.rank)) {
        grad = algebra_.fit(grad, meta);
      }
    }
  }
  // Of a pass that was asked for some gradients alone, or of a node with hooks for what it gives.
  [[gnu::noinline]] void give_elsewhere(Node& node, int input, Tensor& grad) {
    const Edge edge = node.inputs()[static_cast<size_t>(input)];
    if (!wants(edge)) return;
    fit(node, input, grad);
    if (given_ == nullptr) return deliver(edge, grad);
    add_to(given_[input], grad);
  }

  static Edge past_of(Node& node, const Saved& saved) {
    if (saved.is_output()) {
      const uint32_t output = saved.source();
      return Edge(&node, output == kSavedOutput ? 0 : output - kUserOutputs);
    }
    const uint32_t input = saved.source();
    return node.inputs()[input < kUserInputs ? input : input - kUserInputs];
  }
  const Tensor& with_past(Node& node, size_t place, Edge edge) {
    const Saved& saved = node.saved()[place];
    if (!edge || is_asleep(edge)) return saved.tensor;
    if (with_past_.empty()) with_past_.resize(node.saved_n);
    Tensor& head = with_past_[place];
    if (!head) {
      head = second_head(saved.tensor);
      give_past(head, edge);
    }
    return head;
  }
  // A leaf that was saved and requires no grad any more has no past; what hooks packed keeps its
  // own.
  static bool is_asleep(Edge edge) { return edge.node()->is_marked(Node::kAsleep); }
  static void give_past(const Tensor& x, Edge edge) {
    edge.node()->refs.fetch_add(1, std::memory_order_relaxed);
    x.head()->history.store(edge.word, std::memory_order_relaxed);
  }
  // Unpacked once for a run of the rule, however often that reads it.
  [[gnu::cold, gnu::noinline]] const Tensor& from_hooks(Node& node, size_t place, Edge own);

  void push(Node* node) {
    node->link = ready_;
    ready_ = node;
  }
  Node* pop() {
    Node* node = ready_;
    ready_ = node->link;
    return node;
  }

  // ---- visit 1 ----

  void claim() {
    phase_ = Phase::claimed;
    for (Root& root : roots_) {
      Node* node = root.edge.node();
      if (!is_accumulator(node)) claim_node(node);
    }
    while (ready_ != nullptr) {
      Node* node = pop();
      for (Edge edge : node->inputs()) {
        Node* child = edge.node();
        if (child == nullptr || is_accumulator(child)) continue;
        fetch_ahead(node, child);
        claim_node(child);
        ++child->pending;
      }
    }
  }

  // Nodes that were recorded one after the other often lie at equal distances. Beyond the caches a
  // node is waited for longer than it is worked on, so one that comes soon is asked for now; where
  // the guess is wrong nothing but that is lost.
  static void fetch_ahead(const Node* node, const Node* child) {
    const auto from = reinterpret_cast<intptr_t>(node), to = reinterpret_cast<intptr_t>(child);
    __builtin_prefetch(reinterpret_cast<const void*>(to + kAhead * (to - from)), 1);
  }

  void claim_node(Node* node) {
    uint32_t owner = 0;
    while (!exchange_if(node->run, owner, id_)) {
      if (owner == id_) return;
      if (owner != 0 && owner != kAsked) fail_claimed(node);
      owner = 0;  // somebody asks for its bytes, for a few instructions
    }
    node->pending = 0;
    push(node);
  }
  [[noreturn, gnu::cold]] void fail_claimed(Node* node) const;

  // A failure before any node ran: what was claimed hangs together from the roots.
  void unclaim() noexcept {
    ready_ = nullptr;
    for (Root& root : roots_) unclaim_node(root.edge.node());
    while (ready_ != nullptr) {
      Node* node = pop();
      for (Edge edge : node->inputs()) {
        if (edge) unclaim_node(edge.node());
      }
    }
  }
  void unclaim_node(Node* node) noexcept {
    if (is_accumulator(node) || node->run.load(std::memory_order_relaxed) != id_) return;
    for (Tensor& grad : node->grads()) grad.reset();
    node->run.store(0, std::memory_order_release);
    push(node);
  }

  // ---- which nodes lie on the way to what was asked for ----

  Asked* asked_at(const Edge& edge) const {
    for (Asked& asked : asked_) {
      if (asked.edge.word == edge.word) return &asked;
    }
    return nullptr;
  }

  // The order of visit 2, for which the counts are used up: the caller counts anew.
  Vector<Node*> take_order() {
    Vector<Node*> order;
    push_roots();
    while (ready_ != nullptr) {
      Node* node = pop();
      order.push_back(node);
      for (Edge edge : node->inputs()) {
        Node* child = edge.node();
        if (child != nullptr && !is_accumulator(child) && --child->pending == 0) push(child);
      }
    }
    return order;
  }

  // Back through the order of visit 2: a node is needed if a gradient of its outputs is asked for,
  // or an input of it is needed.
  void find_needed() {
    const Vector<Node*> order = take_order();
    for (size_t i = order.size(); i-- > 0;) {
      Node* node = order[i];
      bool needed = false;
      for (Asked& asked : asked_) {
        if (asked.edge.node() == node) asked.is_reached = needed = true;
      }
      for (Edge edge : node->inputs()) {
        Node* child = edge.node();
        if (child == nullptr) continue;
        if (is_accumulator(child)) {
          if (Asked* asked = asked_at(edge)) asked->is_reached = needed = true;
        } else {
          needed = needed || child->has(Node::kNeeded);
          ++child->pending;
        }
      }
      node->set(Node::kNeeded, needed);
    }
    if (!options_.refuses_unused) return;
    for (const Root& root : roots_) {
      if (Asked* asked = asked_at(root.edge)) asked->is_reached = true;
    }
    for (const Asked& asked : asked_) {
      if (!asked.is_reached) fail_unused(asked);
    }
  }

  // ---- visit 2 ----

  // Roots that nobody inside the graph waits for; the same node may be root several times.
  void push_roots() {
    for (size_t i = roots_.size(); i-- > 0;) {
      Node* node = roots_[i].edge.node();
      if (is_accumulator(node) || node->pending != 0) continue;
      bool first = true;
      for (size_t j = i + 1; j < roots_.size(); ++j) {
        first = first && roots_[j].edge.node() != node;
      }
      if (first) push(node);
    }
  }

  void seed() {
    for (Root& root : roots_) {
      if (Tensor grad = root.grad; wants(root.edge)) deliver(root.edge, grad);
    }
  }

  // grad is taken away or summed up.
  void deliver(const Edge& edge, Tensor& grad) {
    Node* node = edge.node();
    Tensor& sum = is_accumulator(node) ? leaves_.of(static_cast<Accumulator*>(node)).grad
                                       : node->grads()[edge.output()];
    add_to(sum, grad);
  }
  [[gnu::always_inline]] void add_to(Tensor& sum, Tensor& grad) {
    if (!sum) {
      sum.take(grad);
    } else {
      accumulate(sum, grad);
    }
  }

  void accumulate(Tensor& sum, const Tensor& grad) {
    if (!options_.create_graph && sum.is_sole_owner() && (sum.row_major() || is_dense(sum)) &&
        sum.dtype() == grad.dtype()) {
      algebra_.add_in_place(sum, grad);
    } else {
      sum = algebra_.add(sum, grad);
    }
  }

  [[gnu::always_inline]] void run_next() {
    ask_token();
    Node* node = pop();
    running_ = node;
    run_node(*node);
    running_ = nullptr;
    finish_here(*node);
  }

  [[gnu::cold, gnu::noinline]] void run_next_checked();

  void run_node(Node& node) {
    if (!asked_.empty()) {
      if (!node.has(Node::kNeeded)) return;
      if (node.is_marked()) [[unlikely]]
        return run_marked(node);
      capture(node);
    } else if (node.is_marked()) [[unlikely]] {
      return run_marked(node);
    }
    if (const Operator* op = operator_to_run(node)) run_rule(node, *op);
  }

  // H12: the hooks of its outputs, gradients that are retained, its own hooks around its rule.
  [[gnu::cold, gnu::noinline]] void run_marked(Node& node);
  // Anomaly mode: no gradient has a NaN or an infinity that none of those had which came in.
  void check_made(Node& node, const Operator& op, std::span<const Tensor> given) const;
  HookPass hook_pass() const { return {id_, options_.create_graph}; }

  // No gradient came: the node runs where its operator asks for that.
  [[gnu::cold, gnu::noinline]] static bool runs_without_grads(Node& node) {
    return node.has(Node::kUser) && node.user()->runs_without_grads;
  }

  // Null: nothing comes in, or nobody wants what would come out.
  [[gnu::always_inline]] const Operator* operator_to_run(Node& node) const {
    bool any = false;
    for (const Tensor& grad : node.grads()) any = any || grad;
    if (!any && !runs_without_grads(node)) [[unlikely]]
      return nullptr;
    if (!wants_any(node)) return nullptr;
    const Operator& op = algebra_.operator_of(node);
    if (node.has(Node::kFreed)) [[unlikely]] {
      bool dry = true;  // no gradient flows through it: there is nothing to run
      for (const Edge& edge : node.inputs()) dry = dry && !edge;
      if (dry) return nullptr;
      fail(TG_ERROR_AUTOGRAD, op.name,
           "Backward was run before and what it saved is freed; give "
           "TG_RETAIN_GRAPH to the first backward, or compute the graph anew");
    }
    if (op.gradient == nullptr) [[unlikely]] {
      fail(TG_ERROR_AUTOGRAD, op.name, " is not differentiable");
    }
    return &op;
  }

  [[gnu::always_inline]] void run_rule(Node& node, const Operator& op) {
    Vjp vjp(*this, node, asked_.empty());
    op.gradient(vjp);
    if (options_.create_graph) with_past_.clear();
    if (!options_.retain_graph) free_saved(node);
  }

  // A rule that is run for some of its inputs reads some of what was saved. As in PyTorch a change
  // of any of it is an error, so that what is asked for does not decide whether one is found.
  [[gnu::noinline]] void check_saved(Node& node) const {
    for (const Saved& saved : node.saved()) {
      if (!saved.tensor) continue;  // freed
      const uint32_t found = saved.tensor.storage().version.load(std::memory_order_relaxed);
      if (found != saved.version) [[unlikely]]
        fail_version(algebra_.operator_of(node).name, node, saved, found);
    }
  }

  bool wants_any(Node& node) const {
    if (asked_.empty()) return true;  // a node without edges was not recorded
    for (const Edge& edge : node.inputs()) {
      if (!wants(edge)) continue;
      check_saved(node);
      return true;
    }
    return false;
  }

  static void free_saved(Node& node) {
    if (node.saved_n == 0) return;
    for (Saved& saved : node.saved()) drop_saved(node, saved);
    node.set(Node::kFreed);
  }

  // The gradients of the outputs are whole now.
  void capture(Node& node) {
    for (Asked& asked : asked_) {
      if (asked.edge.node() == &node) asked.grad = node.grads()[asked.edge.output()];
    }
  }

  // The node's part is over, whether its rule ran or not: its inputs wait for one less.
  [[gnu::noinline]] void finish(Node& node) noexcept { finish_here(node); }
  [[gnu::always_inline]] void finish_here(Node& node) noexcept {
    for (Tensor& grad : node.grads()) grad.reset();
    node.run.store(0, std::memory_order_release);
    // The inputs go on the stack in order, so the last one's is run first.
    for (Edge edge : node.inputs()) {
      Node* child = edge.node();
      if (child == nullptr || is_accumulator(child)) continue;
      fetch_ahead(&node, child);
      if (--child->pending == 0) push(child);
    }
  }

  // ---- leaves with hooks, and operators that keep their order ----

  // How many consumers each leaf with hooks waits for (its accumulator may be part of other passes
  // too, so the counts lie here), and the nodes of ordered operators.
  [[gnu::cold, gnu::noinline]] void look_ahead();
  static bool is_hooked_leaf(const Node* node) {
    return is_accumulator(node) && node->is_marked(Node::kHooked);
  }
  static Accumulator* leaf_of(const Edge& edge) { return static_cast<Accumulator*>(edge.node()); }

  // The walk of visit 2, where a leaf's hooks run as soon as its gradient is whole (B14), and nodes
  // of ordered operators against the order of their recording.
  [[gnu::cold, gnu::noinline]] void run_in_order();
  void end_leaf(Accumulator* accumulator);
  void let_ordered_wait() noexcept;
  bool is_next(const Node* node) const {
    return next_ordered_ < ordered_.size() && ordered_[next_ordered_] == node;
  }
  static bool is_ordered(const Node* node) {
    return node->has(Node::kUser) && const_cast<Node*>(node)->user()->ordered;
  }

  // A failure: the rest of the pass is walked without being run. What had run stays freed.
  void give_up() noexcept {
    if (running_ != nullptr) {
      tell_whose(*running_);
      if (!options_.retain_graph) {
        free_saved(*running_);
        free_packed_of(*running_);
      }
      finish(*running_);
    }
    for (Node* node : waiting_) push(node);
    while (ready_ != nullptr) finish(*pop());
  }
  // Where a node was recorded that failed belongs to the message.
  [[gnu::cold, gnu::noinline]] void tell_whose(Node& node) const noexcept;

  // ---- the end: gradients of leaves ----

  // Copies that may fail come first; then every .grad is written, which cannot.
  void commit() {
    if (!asked_.empty()) {
      for (LeafSum& sum : leaves_.all()) {
        for (Asked& asked : asked_) {
          if (asked.edge.node() == sum.accumulator) asked.grad = sum.grad;
        }
      }
      return;
    }
    part_from_grads();
    for (LeafSum& sum : leaves_.all()) prepare_leaf(sum, algebra_, options_.create_graph);
    for (Retained& retained : retained_) {
      prepare_retained(*retained.node, retained.output, retained.grad, algebra_);
    }
    for (LeafSum& sum : leaves_.all()) store_leaf(sum, algebra_, options_.create_graph);
    for (Retained& retained : retained_) {
      store_retained(*retained.node, retained.output, retained.grad);
    }
  }

  // A given gradient may lie in the memory of a .grad that is added to: what came of it is copied.
  void part_from_grads() {
    if (options_.create_graph) return;
    for (const Root& root : roots_) {
      if (root.is_given) [[unlikely]]
        part_from_grads(root.grad);
    }
  }
  [[gnu::cold, gnu::noinline]] void part_from_grads(const Tensor& given);

  const Algebra& algebra_;
  std::span<Root> roots_;
  std::span<Asked> asked_;
  BackwardOptions options_;
  uint32_t id_;
  bool direct_;  // what rules give goes straight to the inputs
  bool checks_;  // anomaly mode
  Phase phase_ = Phase::idle;
  Node* ready_ = nullptr;
  Node* running_ = nullptr;
  LeafTable<LeafSum> leaves_;
  LeafTable<LeafCount> hooked_;
  Vector<Node*> ordered_;  // of ordered operators, the last one that was recorded first
  size_t next_ordered_ = 0;
  Vector<Node*> waiting_;  // of those, what is ready before its turn
  Vector<Retained> retained_;
  Tensor* given_ = nullptr;   // where the running node's hooks wait for its inputs' gradients
  Vector<Tensor> with_past_;  // saved tensors of the running node: create_graph, or from hooks
};

}  // namespace tg
