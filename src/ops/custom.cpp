// SPDX-License-Identifier: MIT
#include "ops/custom.h"

#include <exception>

#include "autograd/modes.h"
#include "ops/ops.h"
#include "ops/overlap.h"

namespace tg {

namespace {

constexpr size_t kNone = SIZE_MAX;

void check_writable(const char* op, size_t input, const Tensor& x) {
  const auto operand = static_cast<int>(input);
  if (x.storage().is_read_only()) {
    fail_operand(TG_ERROR_UNSUPPORTED, operand, op, ": inputs[", input, "], ", Named{x},
                 ", is read-only memory; tg_clone it and change the clone");
  }
  if (has_zero_stride(x)) {
    fail_operand(TG_ERROR_UNSUPPORTED, operand, op, ": inputs[", input, "], ", Named{x},
                 ", is expanded: one element in memory stands for many and cannot be written; "
                 "tg_clone it first");
  }
}

}  // namespace

namespace {

bool in_checkpoint() noexcept {
  SavedTensorHooks* hooks = saved_hooks();
  while (hooks != nullptr && !hooks->is_checkpoint()) hooks = hooks->outer();
  return hooks != nullptr;
}

// Each checkpoint around the call may be run again by itself.
void keep_ordered(const char* op, std::span<const Tensor> outs) {
  for (SavedTensorHooks* hooks = saved_hooks(); hooks != nullptr; hooks = hooks->outer()) {
    hooks->keep(op, outs);
  }
}

// An operator that is never run twice: inside a checkpoint that is run again it gives what it gave
// the first time. true: outs are there.
bool replay_ordered(const char* op, std::span<Tensor> outs) {
  for (SavedTensorHooks* hooks = saved_hooks(); hooks != nullptr; hooks = hooks->outer()) {
    if (!hooks->replay(op, outs)) continue;
    keep_ordered(op, outs);
    return true;
  }
  return false;
}

}  // namespace

void CustomOperator::apply(Operands inputs, std::span<const tg_value> arguments,
                           std::span<Tensor> outs) {
  if (outs.size() != traits_.results) {
    fail(TG_ERROR_INVALID_ARGUMENT, name, ": out_count is ", outs.size(),
         ", but the operator was made with ", traits_.results);
  }
  if (inputs.size() > kMostOperands) {
    fail(TG_ERROR_LIMIT, name, ": ", inputs.size(), " inputs are more than ", kMostOperands,
         ", the most that a call can have");
  }
  check_arguments(arguments);
  const bool kept = traits_.ordered && in_checkpoint();
  if (kept && replay_ordered(name, outs)) return;
  const WatchedCall watch;
  CustomCall call(*this, inputs, arguments, watch);
  forward(call);
  call.check(watch);
  if (!kept) return call.finish(outs, watch.on());
  {
    const OtherSavedHooks none(nullptr);  // what it saves cannot be made anew either
    call.finish(outs, watch.on());
  }
  keep_ordered(name, outs);
}

// ---- a call of forward ----

namespace {

uint32_t nonfinite_of(Operands tensors) {
  uint32_t found = 0;
  for (const Tensor* x : tensors) {
    if (*x) found |= nonfinite(*x);
  }
  return found;
}

const TensorHead* base_of(const Tensor& x) {
  return x.is_view() ? x.head()->view_info().base : x.head();
}

}  // namespace

CustomCall::CustomCall(CustomOperator& op, Operands inputs, std::span<const tg_value> arguments,
                       const WatchedCall& watch)
    : op_(op),
      inputs_(inputs),
      arguments_(arguments),
      flying_(std::uncaught_exceptions()),
      given_(op.traits().results),
      // Before it may write them.
      had_(watch.looks_for_anomalies() ? nonfinite_of(inputs) : 0) {
  if (!recording_mode()) return;
  bool wanted = false, normal = false;
  for (const Tensor* x : inputs) {
    wanted = wanted || requires_grad(*x);
    normal = normal || !x->is_inference();
  }
  if (!wanted || !normal) return;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const Tensor& x = *inputs[i];
    if (!requires_grad(x)) continue;
    if (x.is_inference()) fail_inference_operand(op.name, static_cast<int>(i), x, true);
    if (x.is_view()) use_history(op.name, x);
  }
  would_record_ = true;
  records_ = op.traits().differentiable;
}

// What was marked may have been written, whatever became of the call.
CustomCall::~CustomCall() {
  if (dirty_.empty()) return;
  for (size_t i = 0; i < dirty_.size(); ++i) {
    if (dirty_[i] != 0) inputs_[i]->storage().written();
  }
  if (std::uncaught_exceptions() > flying_) record->callback_threw |= 2;
}

bool CustomCall::wants(size_t input) const { return records_ && requires_grad(*inputs_[input]); }

void CustomCall::save(std::span<const Tensor* const> tensors) {
  if (!records_) return;
  if (tensors.size() > kMostSaved) {
    fail(TG_ERROR_LIMIT, op_.name, ": ", tensors.size(), " tensors are to be saved, and a call ",
         "saves at most ", kMostSaved, "; tg_cat or tg_stack some of them");
  }
  Vector<Tensor> fresh;
  fresh.reserve(tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& x = *tensors[i];
    if (x.is_inference()) {
      size_t operand = 0;
      while (operand < inputs_.size() && inputs_[operand]->head() != x.head()) ++operand;
      const size_t number = operand < inputs_.size() ? operand : i;
      fail_inference_operand(op_.name, static_cast<int>(number), x, false);
    }
    if (x.is_view() && history_word(*x.head()) != 0) use_history(op_.name, x);
    fresh.push_back(x);
  }
  saved_.swap(fresh);
}

void CustomCall::mark_dirty(size_t input) {
  const Tensor& x = *inputs_[input];
  if (is_marked(dirty_, input)) return;
  plan_in_place(op_.name, x, would_record_ && is_floating(x.dtype()));
  if (op_.traits().ordered && in_checkpoint()) {
    fail_operand(TG_ERROR_UNSUPPORTED, static_cast<int>(input), op_.name, ": inputs[", input, "], ",
                 Named{x},
                 ", cannot be changed in place by an ordered operator in a checkpoint: that keeps "
                 "its results instead of running it again; give a new tensor");
  }
  check_writable(op_.name, input, x);
  // Each would rewrite the history of the base, one behind the other and from the same node.
  for (size_t i = 0; would_record_ && i < dirty_.size(); ++i) {
    const Tensor& other = *inputs_[i];
    if (dirty_[i] == 0 || other.head() == x.head() || base_of(other) != base_of(x)) continue;
    fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(input), op_.name, ": inputs[", i, "], ",
                 Named{other}, ", and inputs[", input, "], ", Named{x},
                 ", are views of one tensor, and a call that records can change one alone in "
                 "place; give their base as an input and change that");
  }
  if (dirty_.empty()) dirty_.resize(inputs_.size(), 0);
  dirty_[input] = 1;
  x.storage().raise_version();
}

void CustomCall::mark_non_differentiable(size_t result) {
  if (non_differentiable_.empty()) non_differentiable_.resize(given_.size(), 0);
  non_differentiable_[result] = 1;
}

// What finish works out before anything is changed.
struct CustomCall::Plan {
  Vector<size_t> input_of;         // by result: the input that was given back, or kNone
  Vector<size_t> result_of;        // by input, of those that are marked dirty
  Vector<uint8_t> differentiable;  // by result
  Vector<Tensor> placed;           // the results as the caller gets them
  bool in_place = false;           // some differentiable result is a dirty input
};

void CustomCall::find_inputs(Plan& plan) const {
  plan.input_of.assign(given_.size(), kNone);
  plan.result_of.assign(inputs_.size(), kNone);
  for (size_t j = 0; j < given_.size(); ++j) {
    size_t& found = plan.input_of[j];
    for (size_t i = 0; i < inputs_.size(); ++i) {
      if (inputs_[i]->head() != given_[j].head()) continue;
      if (found == kNone) found = i;
      if (!is_marked(dirty_, i)) continue;
      if (plan.result_of[i] == kNone) plan.result_of[i] = j;
      found = i;
      break;
    }
  }
  for (size_t i = 0; i < dirty_.size(); ++i) {
    if (dirty_[i] == 0 || plan.result_of[i] != kNone) continue;
    // The same tensor may be several inputs.
    bool given = false;
    for (const Tensor& x : given_) given = given || x.head() == inputs_[i]->head();
    if (given) continue;
    fail(TG_ERROR_CALLBACK, op_.name, ": inputs[", i, "], ", Named{*inputs_[i]},
         ", was marked dirty and is not among the results; give its tg_alias back as one");
  }
}

// Beside the call, only what it saves holds a result that forward made for it.
bool CustomCall::is_seen_elsewhere(const Tensor& x) const {
  uint32_t held = 0;
  for (const Tensor& given : given_) held += given.head() == x.head();
  if (held > 1) return true;
  for (const Tensor& saved : saved_) held += saved.head() == x.head();
  return x.head()->refs.load(std::memory_order_acquire) > held;
}

// An input that was given back as it is.
Tensor CustomCall::place_input(size_t result, const Tensor& x, bool differentiable) const {
  if (!differentiable) {
    return requires_grad(x) ? second_head(x) : make_view(x, layout_of(x), current_origin());
  }
  if (x.is_inference()) {
    fail(TG_ERROR_MODE, op_.name, ": outs[", result, "] is an input, ", Named{x},
         ", which is an inference tensor, and the call records; give back its tg_clone");
  }
  return make_view(x, layout_of(x), Origin::operand);
}

bool CustomCall::is_of_an_input(const Tensor& x) const {
  for (const Tensor* input : inputs_) {
    if (&input->storage() == &x.storage()) return true;
  }
  return false;
}

// A result that is no input gets its past from this call. So it must be a tensor that nobody else
// sees, and without a past: a second head on the same elements is both. One that lies in an input's
// memory is a view of it: what is written through it would change that.
Tensor CustomCall::place_other(size_t result, bool differentiable) const {
  const Tensor& x = given_[result];
  if (!differentiable) return requires_grad(x) ? second_head(x) : x;
  if (x.is_inference()) {
    fail(TG_ERROR_MODE, op_.name, ": outs[", result, "], ", Named{x},
         ", is an inference tensor, and the call records; make it outside inference mode");
  }
  if (is_of_an_input(x)) return make_view(x, layout_of(x), Origin::operand);
  const bool follows_base = x.is_view() && x.head()->view_info().origin == Origin::plain;
  return requires_grad(x) || follows_base || is_seen_elsewhere(x) ? second_head(x) : x;
}

void CustomCall::place_results(Plan& plan) const {
  plan.differentiable.assign(given_.size(), 0);
  for (size_t j = 0; j < given_.size(); ++j) {
    const Tensor& x = given_[j];
    const bool floating = is_floating(x.dtype()) && !is_marked(non_differentiable_, j);
    if (floating && would_record_ && !records_) {
      fail(TG_ERROR_UNSUPPORTED, op_.name, ": outs[", j, "], ", Named{x},
           ", would require grad, and the operator was made without a backward; give it one, mark "
           "the result by tg_context_mark_non_differentiable, or call it under tg_no_grad_enter");
    }
    const bool differentiable = floating && records_;
    plan.differentiable[j] = differentiable;
    const size_t i = plan.input_of[j];
    if (is_dirty_result(plan, j)) {
      plan.in_place = plan.in_place || differentiable;
      const bool keeps_past = records_ && !differentiable && requires_grad(x);
      plan.placed.push_back(keeps_past ? second_head(x) : x);
    } else if (i != kNone && !is_marked(dirty_, i)) {
      plan.placed.push_back(place_input(j, x, differentiable));
    } else {
      plan.placed.push_back(place_other(j, differentiable));
    }
  }
}

bool CustomCall::is_dirty_result(const Plan& plan, size_t result) const {
  const size_t i = plan.input_of[result];
  return i != kNone && is_marked(dirty_, i) && plan.result_of[i] == result;
}

bool CustomCall::is_given(const Tensor& x) const {
  for (const Tensor& given : given_) {
    if (given.head() == x.head()) return true;
  }
  return false;
}

// Which result or input a saved tensor is: its past is then an edge of the node. Else it is the
// rule's own, and keeps the past that it has.
uint32_t CustomCall::origin_of(const Plan& plan, const Tensor& saved) const {
  for (size_t j = 0; j < given_.size(); ++j) {
    if (given_[j].head() != saved.head()) continue;
    if (plan.input_of[j] != kNone && !is_dirty_result(plan, j)) break;
    // One without a gradient has no past to come with.
    return plan.differentiable[j] != 0 ? kUserOutputs + static_cast<uint32_t>(j) : kSavedExtra;
  }
  for (size_t i = 0; i < inputs_.size(); ++i) {
    if (inputs_[i]->head() == saved.head()) return kUserInputs + static_cast<uint32_t>(i);
  }
  return kSavedExtra;
}

Reserved CustomCall::reserve(const Plan& plan) {
  const size_t n = inputs_.size(), m = given_.size();
  Counted<RecordedCall> recorded(make_counted<RecordedCall>(op_));
  if (op_.traits().zero_grads || op_.traits().has_tangent) {
    recorded->results_.reserve(m);
    for (const Tensor& x : plan.placed) recorded->results_.push_back({x.dtype(), x.shape()});
  }
  recorded->pasts_.resize(saved_.size());
  size_t saved_bytes = 0, words = 1;
  for (const Tensor& x : saved_) saved_bytes += saved_head_bytes(x);
  for (const Tensor* x : inputs_) words += 1 + static_cast<size_t>(x->rank());
  Reserved node(
      make_node(Op{}, {static_cast<uint32_t>(n), static_cast<uint32_t>(m),
                       static_cast<uint32_t>(saved_.size()), saved_bytes, words * sizeof(uint64_t),
                       sizeof(UserOperator*) + (plan.in_place ? (1 + m) * sizeof(uint64_t) : 0)}));
  Node& made = *node.get();
  if (plan.in_place) made.set(Node::kInPlace);
  made.set(Node::kUser);
  RecordedCall& call = *recorded;
  made.user() = recorded.give_up();
  for (size_t j = 0; plan.in_place && j < m; ++j)
    made.written_version(static_cast<uint32_t>(j)) = 0;
  uint64_t* p = made.shapes() + 1;
  for (size_t i = 0; i < n; ++i) {
    const Tensor& x = *inputs_[i];
    *p++ = static_cast<uint64_t>(x.rank()) | uint64_t{static_cast<uint8_t>(x.dtype())} << 8;
    for (int d = 0; d < x.rank(); ++d) *p++ = static_cast<uint64_t>(x.size(d));
    // Of an input that is changed in place the edge comes at link, when its past is taken over.
    const size_t j = plan.result_of[i];
    if (j == kNone || plan.differentiable[j] == 0) made.inputs()[i] = take_edge(*x.head());
  }
  for (size_t k = 0; k < saved_.size(); ++k) {
    const uint32_t which = origin_of(plan, saved_[k]);
    if (which == kSavedExtra && !is_given(saved_[k])) call.pasts_[k] = take_edge(*saved_[k].head());
    tg::save(made, static_cast<uint32_t>(k), saved_[k], which);
  }
  return node;
}

void CustomCall::check(const WatchedCall& watch) const {
  for (const Tensor& x : given_) {
    watch.check(op_.name, x, nullptr, 0, had_);
  }
}

void CustomCall::finish(std::span<Tensor> outs, bool watched) {
  for ([[maybe_unused]] const Tensor& x : given_) TG_CHECK(x);
  Plan plan;
  find_inputs(plan);
  place_results(plan);
  bool any = false;
  for (const uint8_t differentiable : plan.differentiable) any = any || differentiable != 0;
  if (any) {
    Vector<Rebase> rebases(given_.size());
    for (size_t j = 0; j < given_.size(); ++j) {
      const bool written = plan.differentiable[j] != 0 && is_dirty_result(plan, j);
      if (written && given_[j].is_view()) rebases[j] = reserve_rebase(given_[j]);
    }
    Reserved reserved = reserve(plan);
    if (watched) note_node(*reserved.get());
    Node* node = reserved.give_up();
    // Nothing fails from here on. The count that came with the node keeps it until every result has
    // its own.
    static_cast<RecordedCall*>(node->user())->data_ = std::move(data);
    for (size_t j = 0; j < given_.size(); ++j) {
      if (plan.differentiable[j] == 0) continue;
      const auto output = static_cast<uint32_t>(j);
      count_up(node->refs);
      if (is_dirty_result(plan, j)) {
        link_in_place(node, given_[j], rebases[j], plan.input_of[j], output);
      } else {
        link(node, plan.placed[j], output);
      }
    }
    let_go(node);
  }
  for (size_t j = 0; j < given_.size(); ++j) outs[j] = std::move(plan.placed[j]);
}

}  // namespace tg
