// SPDX-License-Identifier: MIT
// The caller's operators after their forward: what their nodes hold, backward, and forward mode.
#include "autograd/node_extras.h"
#include "ops/custom.h"
#include "ops/ops.h"

namespace tg {

// ---- what a node holds ----

RecordedCall::RecordedCall(CustomOperator& op) : op_(&op) {
  op.share();
  name = op.name;
  gradient = gradient_rule;
  runs_without_grads = op.traits().zero_grads;
  ordered = op.traits().ordered;
}
RecordedCall::~RecordedCall() {
  for (const Edge past : pasts_) {
    if (past) tg::let_go(past.node());
  }
}
void RecordedCall::destroy() noexcept {
  this->~RecordedCall();
  give_back(this, sizeof(RecordedCall));
}

void RecordedCall::gradient_rule(Vjp& v) {
  if (v.forward_mode() && static_cast<RecordedCall&>(v.user()).op().traits().has_tangent) {
    return transpose(v);
  }
  CustomPass pass(v);
  pass.call().op().backward(pass);
  pass.finish();
}

// ---- a run of backward ----

namespace {

// What stands behind gradients that cannot be differentiated in their turn.
class OnceOperator final : public UserOperator {
 public:
  explicit OnceOperator(const char* its) : text_(its) {
    text_.append("Backward");
    name = text_.c_str();
    gradient = [](Vjp& v) {
      fail(TG_ERROR_AUTOGRAD, v.user().name,
           ": these gradients cannot be differentiated again: the operator was made with "
           "TG_OPERATOR_ONCE_DIFFERENTIABLE; make it without, or leave TG_CREATE_GRAPH away");
    };
  }

 private:
  void destroy() noexcept override {
    this->~OnceOperator();
    give_back(this, sizeof(OnceOperator));
  }
  String text_;
};

}  // namespace

CustomPass::CustomPass(Vjp& v) : CustomReplay(v.node()), v_(v) {
  const size_t m = node_.outputs_n;
  given_.reserve(m);
  found_.resize(node_.inputs_n);
  const bool zeros_too = call_.op().traits().zero_grads;
  if (zeros_too) zeros_.resize(m);
  for (size_t j = 0; j < m; ++j) {
    const Tensor& grad = v.grad(static_cast<int>(j));
    given_.push_back(&grad);
    if (grad || !zeros_too || !is_floating(call_.results_[j].dtype)) continue;
    zeros_[j] = zeros(call_.results_[j].dtype, call_.results_[j].shape);
    given_[j] = &zeros_[j];
  }
}

bool CustomPass::records() const { return v_.creates_graph() && !call_.op().traits().once; }

const Tensor& CustomPass::saved(size_t index) const {
  return v_.saved_at(index, call_.pasts_[index]);
}

void CustomPass::give(size_t input, const Tensor& x) {
  if (!wants(input)) return;
  const Meta meta = v_.input(static_cast<int>(input));
  const char* const name = call_.name;
  if (x.is_inference()) {
    fail(TG_ERROR_MODE, name, ": its backward gives inputs[", input,
         "] an inference tensor as gradient; make it outside inference mode");
  }
  if (x.dtype() != meta.dtype) {
    fail(TG_ERROR_DTYPE, name, ": its backward gives inputs[", input, "] a gradient of dtype ",
         x.dtype(), ", and the operand has ", meta.dtype, "; convert it by tg_to_dtype");
  }
  if (!(x.shape() == meta.shape)) {
    fail(TG_ERROR_SHAPE, name, ": its backward gives inputs[", input, "] a gradient of shape ",
         x.shape(), ", and the operand has ", meta.shape,
         "; sum what was broadcast, or expand it by tg_expand");
  }
  // What backward recorded against the pass's own mode is no part of the graph.
  found_[input] = !records() && requires_grad(x) ? second_head(x) : x;
}

// Under create_graph the gradients get a past, which says that it cannot be followed.
void CustomPass::mark_as_once() {
  const auto n = node_.inputs_n, m = node_.outputs_n;
  uint32_t count = 0;
  for (const Tensor& x : found_) count += x ? 1 : 0;
  if (count == 0) return;
  Counted<OnceOperator> once(make_counted<OnceOperator>(call_.name));
  Reserved node(make_node(Op{}, {uint32_t{n} + m, n, 0, 0, 0, sizeof(UserOperator*)}));
  Node& made = *node.get();
  made.set(Node::kUser);
  made.user() = once.give_up();
  for (size_t i = 0; i < n; ++i) {
    made.inputs()[i] = node_.inputs()[i];
    if (const Edge edge = made.inputs()[i]) count_up(edge.node()->refs);
  }
  for (size_t j = 0; j < m; ++j) {
    const Tensor& grad = v_.grad(static_cast<int>(j));
    if (grad) made.inputs()[n + j] = take_edge(*grad.head());
  }
  for (Tensor& x : found_) {
    if (x) x = second_head(x);
  }
  for (uint32_t i = 0; i < n; ++i) {
    if (!found_[i]) continue;
    count_up(made.refs);
    link(&made, found_[i], i);
  }
}

void CustomPass::finish() {
  if (v_.creates_graph() && call_.op().traits().once) mark_as_once();
  for (size_t i = 0; i < found_.size(); ++i) {
    if (found_[i]) v_.give(static_cast<int>(i), std::move(found_[i]));
  }
}

// ---- forward mode ----
// The product J v of a function with the tangents v is the derivative of its J^T g by g along v, so
// two passes give it (J. Townsend, "A new trick for calculating Jacobian vector products", 2017).
// The second only sees how gradients depend on those that came. So an operator with a derivative of
// its own may give any gradients in the first, zeros, with a node that the second calls it by.

class TransposedCall final : public UserOperator {
 public:
  explicit TransposedCall(Node& original) : original_(&original) {
    count_up(original.refs);
    name = original.user()->name;
    gradient = tangent_rule;
  }

 private:
  ~TransposedCall() { tg::let_go(original_); }
  void destroy() noexcept override {
    this->~TransposedCall();
    give_back(this, sizeof(TransposedCall));
  }
  static void tangent_rule(Vjp& v) {
    Node& original = *static_cast<TransposedCall&>(v.user()).original_;
    Vector<const Tensor*> tangents;
    tangents.reserve(original.inputs_n);
    for (int i = 0; i < original.inputs_n; ++i) tangents.push_back(&v.grad(i));
    CustomTangent run(original, {tangents.data(), tangents.size()});
    run.call().op().tangent(run);
    for (size_t j = 0; j < run.found().size(); ++j) {
      if (run.found()[j]) v.give(static_cast<int>(j), std::move(run.found()[j]));
    }
  }
  Node* original_;
};

void RecordedCall::transpose(Vjp& v) {
  Node& original = v.node();
  const uint32_t n = original.inputs_n, m = original.outputs_n;
  Counted<TransposedCall> transposed(make_counted<TransposedCall>(original));
  Reserved node(make_node(Op{}, {m, n, 0, 0, 0, sizeof(UserOperator*)}));
  Node& made = *node.get();
  made.set(Node::kUser);
  made.user() = transposed.give_up();
  for (uint32_t j = 0; j < m; ++j) {
    const Tensor& grad = v.grad(static_cast<int>(j));
    if (grad) made.inputs()[j] = take_edge(*grad.head());
  }
  for (uint32_t i = 0; i < n; ++i) {
    const auto input = static_cast<int>(i);
    if (!v.wants(input)) continue;
    const Meta meta = v.input(input);
    const Tensor zero = zeros(meta.dtype, meta.shape);
    count_up(made.refs);
    link(&made, zero, i);
    v.give(input, zero);
  }
}

CustomTangent::CustomTangent(Node& node, Operands tangents)
    : CustomReplay(node), tangents_(tangents), found_(node.outputs_n) {}

const Tensor& CustomTangent::saved(size_t index) const {
  const Saved& saved = node_.saved()[index];
  if (saved.is_packed()) {
    if (unpacked_.empty()) unpacked_.resize(node_.saved_n);
    if (!unpacked_[index]) unpacked_[index] = packed_at(node_, index).unpack(call_.name);
    return unpacked_[index];
  }
  const uint32_t version = saved.tensor.storage().version.load(std::memory_order_relaxed);
  if (version != saved.version) fail_version(call_.name, node_, saved, version);
  return saved.tensor;
}

void CustomTangent::give(size_t result, const Tensor& x) {
  const Meta& meta = call_.results_[result];
  if (x.is_inference()) {
    fail(TG_ERROR_MODE, call_.name, ": its jvp gives outs[", result,
         "] an inference tensor as tangent; make it outside inference mode");
  }
  if (x.dtype() != meta.dtype) {
    fail(TG_ERROR_DTYPE, call_.name, ": its jvp gives outs[", result, "] a tangent of dtype ",
         x.dtype(), ", and the result has ", meta.dtype, "; convert it by tg_to_dtype");
  }
  if (!(x.shape() == meta.shape)) {
    fail(TG_ERROR_SHAPE, call_.name, ": its jvp gives outs[", result, "] a tangent of shape ",
         x.shape(), ", and the result has ", meta.shape, "; expand it by tg_expand");
  }
  found_[result] = requires_grad(x) ? second_head(x) : x;
}

}  // namespace tg
