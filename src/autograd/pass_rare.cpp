// SPDX-License-Identifier: MIT
// What few passes meet: hooks, leaves that are written early, anomaly mode, saved tensors in the
// care of hooks, and errors.
#include <algorithm>

#include "autograd/pass.h"
#include "autograd/sites.h"
#include "core/extras.h"

namespace tg {

namespace {

// " at train.c:12"; nothing where no site is known.
struct AtSite {
  uint64_t word;
};
Message& operator<<(Message& message, AtSite at) {
  return at.word != 0 ? message << " at " << Site{at.word} : message;
}

}  // namespace

void fail_version(const char* op, const Tensor& saved, uint32_t version, uint32_t found,
                  Birth birth, bool is_output) {
  const AtSite recorded{birth.site};
  AtSite changed{0};
  if (birth.site != 0) changed.word = site_of_write(saved.storage(), version + 1, birth);
  fail(TG_ERROR_VERSION, "the ", is_output ? "result " : "operand ", NamedSomewhere{saved},
       " that ", op, " saved for backward", recorded, " was changed in place", changed,
       ": version ", version, " was saved, version ", found,
       " was found; tg_clone it before the change, or use the functional form");
}
void fail_version(const char* op, const Node& node, const Saved& saved, uint32_t found) {
  fail_version(op, saved.tensor, saved.version, found, extra_of(node).birth, saved.is_output());
}

const Tensor& Backward::from_hooks(Node& node, size_t place, Edge own) {
  if (with_past_.empty()) with_past_.resize(node.saved_n);
  Tensor& head = with_past_[place];
  if (head) return head;
  const Saved& saved = node.saved()[place];
  head = second_head(packed_at(node, place).unpack(algebra_.operator_of(node).name));
  const Edge edge = saved.source() == kSavedExtra ? own : past_of(node, saved);
  if (options_.create_graph && edge) give_past(head, edge);
  return head;
}

void fail_unused(const Asked& asked) {
  fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(asked.index), "inputs[", asked.index, "], ",
               Named{*asked.input},
               ", is not reached from the outputs; pass TG_ALLOW_UNUSED, or check that it is an "
               "operand");
}

void Backward::part_from_grads(const Tensor& given) {
  bool shared = false;
  for (const LeafSum& sum : leaves_.all()) {
    shared = shared || grad_memory(sum) == &given.storage();
  }
  if (!shared) return;
  for (LeafSum& sum : leaves_.all()) {
    if (sum.grad && &sum.grad.storage() == &given.storage()) {
      sum.grad = algebra_.clone_like(sum.grad, sum.grad);
    }
  }
}

void Backward::fail_claimed(Node* node) const {
  fail(TG_ERROR_AUTOGRAD, algebra_.operator_of(*node).name,
       "Backward is part of another backward that runs now; wait for it to end, or compute "
       "the graph anew for each");
}

void Backward::run_next_checked() {
  ask_token();
  Node* node = pop();
  running_ = node;
  if (asked_.empty() || node->has(Node::kNeeded)) run_marked(*node);
  running_ = nullptr;
  finish_here(*node);
}

void Backward::run_marked(Node& node) {
  const bool hooked = node.is_marked(Node::kHooked);
  for (uint32_t i = 0; hooked && i < node.outputs_n; ++i) {
    if (node.grads()[i]) run_gradient_hooks(node, i, node.grads()[i], hook_pass());
  }
  if (!asked_.empty()) {
    capture(node);
  } else if (node.is_marked(Node::kRetains)) {
    for (uint32_t i = 0; i < node.outputs_n; ++i) {
      if (node.grads()[i]) retained_.push_back({&node, i, node.grads()[i]});
    }
  }
  const Operator* op = operator_to_run(node);
  if (op == nullptr) return;
  if (hooked) run_hooks_before(node, op->name, node.grads(), hook_pass());
  const Hooks after(node, HookKind::after, 0, hook_pass());
  if (after.empty() && !checks_) {
    run_rule(node, *op);
  } else {
    Vector<Tensor> given(node.inputs_n);
    given_ = given.data();
    direct_ = false;
    run_rule(node, *op);
    given_ = nullptr;
    direct_ = asked_.empty();
    if (checks_) check_made(node, *op, given);
    run_hooks_after(after, node, op->name, given, node.grads(), hook_pass());
    for (size_t i = 0; i < given.size(); ++i) {
      if (given[i]) deliver(node.inputs()[i], given[i]);
    }
  }
  with_past_.clear();
  if (!options_.retain_graph) free_packed_of(node);
}

void Backward::check_made(Node& node, const Operator& op, std::span<const Tensor> given) const {
  uint32_t had = 0;
  for (const Tensor& grad : node.grads()) {
    if (grad) had |= algebra_.nonfinite(grad);
  }
  for (size_t i = 0; i < given.size(); ++i) {
    const uint32_t made = given[i] ? algebra_.nonfinite(given[i]) & ~had : 0;
    if (made == 0) continue;
    const AtSite recorded{extra_of(node).birth.site};
    fail(TG_ERROR_AUTOGRAD, op.name, "Backward", recorded.word != 0 ? ", recorded" : "", recorded,
         recorded.word != 0 ? ", " : " ", "gives operand ", i, " a gradient with ",
         (made & 1) != 0 ? "NaN" : "an infinity",
         ", which none that came to it has; look at the operands of that call");
  }
}

void Backward::look_ahead() {
  // Leaves with hooks are written before the pass is over: what is given must not lie in a .grad.
  for (Root& root : roots_) {
    if (root.is_given && leaf_hooks() != 0 && !options_.create_graph) {
      root.grad = algebra_.clone_like(root.grad, root.grad);
    }
  }
  for (Root& root : roots_) {
    if (is_hooked_leaf(root.edge.node())) hooked_.of(leaf_of(root.edge));
  }
  for (Node* node : take_order()) {
    if (is_ordered(node)) ordered_.push_back(node);
    for (Edge edge : node->inputs()) {
      Node* child = edge.node();
      if (child == nullptr) continue;
      if (!is_accumulator(child)) {
        ++child->pending;
      } else if (child->is_marked(Node::kHooked)) {
        ++hooked_.of(leaf_of(edge)).pending;
      }
    }
  }
  waiting_.reserve(ordered_.size());
  std::sort(ordered_.begin(), ordered_.end(),
            [](Node* a, Node* b) { return a->sequence() > b->sequence(); });
}

// Those of one thread can always be run so: whatever waits for a node was recorded before it. With
// several threads the numbers do not tell who waits for whom: where all wait the last one goes on.
void Backward::let_ordered_wait() noexcept {
  while (ready_ != nullptr && is_ordered(ready_) && !is_next(ready_)) waiting_.push_back(pop());
  const auto last = [](Node* a, Node* b) { return a->sequence() < b->sequence(); };
  auto found = waiting_.end();
  if (next_ordered_ < ordered_.size()) {
    found = std::find(waiting_.begin(), waiting_.end(), ordered_[next_ordered_]);
  }
  if (found == waiting_.end() && ready_ == nullptr) {
    found = std::max_element(waiting_.begin(), waiting_.end(), last);
  }
  if (found == waiting_.end()) return;
  push(*found);
  waiting_.erase(found);
}

void Backward::run_in_order() {
  for (LeafCount& leaf : hooked_.all()) {
    if (leaf.pending == 0) end_leaf(leaf.accumulator);  // a root that is no node's input
  }
  for (;;) {
    if (!ordered_.empty()) let_ordered_wait();
    if (ready_ == nullptr) break;
    Node* node = ready_;
    if (is_ordered(node)) {
      if (is_next(node)) {
        ++next_ordered_;
      } else {
        ordered_.erase(std::find(ordered_.begin(), ordered_.end(), node));
      }
    }
    checks_ ? run_next_checked() : run_next();
    for (Edge edge : node->inputs()) {
      if (!edge || !is_accumulator(edge.node())) continue;
      LeafCount* leaf = hooked_.find(leaf_of(edge));
      if (leaf != nullptr && --leaf->pending == 0) end_leaf(leaf->accumulator);
    }
  }
  std::erase_if(leaves_.all(), [](const LeafSum& sum) { return !sum.grad; });
}

// Those that fail by the library's own words name the site already.
void Backward::tell_whose(Node& node) const noexcept {
  const uint64_t site = extra_of(node).birth.site;
  if (site == 0) return;
  char place[300];
  Message(place, sizeof place) << " at " << Site{site};
  add_to_message(place, "; this was in ", name_of(node), "Backward, recorded", place);
}

void Backward::end_leaf(Accumulator* accumulator) {
  LeafSum* sum = leaves_.find(accumulator);
  if (sum == nullptr || !sum->grad) return;
  run_gradient_hooks(*accumulator, 0, sum->grad, hook_pass());
  if (asked_.empty()) run_accumulator_hooks(*sum, algebra_, hook_pass());
}

}  // namespace tg
