// SPDX-License-Identifier: MIT
// The backward of a foreign function: whether its signature fits the forward's, and how gradients
// are found with it.
#include <bit>
#include <cstring>

#include "ffi/operator.h"
#include "ops/ops.h"

namespace tg::ffi {

namespace {

// In a node, behind the operator: the numbers of the call, as many as the signature has names.
struct Arguments {
  UserOperator* op;
  Number first;
};

constexpr const char* kBackward = "backward_signature";

[[noreturn]] void fail_backward(size_t at, const char* text) {
  fail_signature(kBackward, at, text, {});
}

}  // namespace

void ForeignOperator::resolve() {
  const Signature& forward = routine_.signature();
  const Signature& backward = backward_->routine_.signature();
  if (forward.is_elementwise != backward.is_elementwise) {
    fail_backward(0, forward.is_elementwise ? "the backward of a function of scalars is one too"
                                            : "the backward of a routine on arrays is one too");
  }
  set_rule(forward.is_elementwise ? Rule::elementwise : Rule::routine);
  forward.is_elementwise ? resolve_elementwise() : resolve_routine();
  for (size_t i = 0; i < backward.names.size(); ++i) {
    const Name& name = backward.names[i];
    backward_names_[i] = -1;
    for (size_t k = 0; k < forward.names.size(); ++k) {
      const bool same = forward.name_of(forward.names[k]) == backward.name_of(name);
      if (!same) continue;
      if (forward.names[k].is_integer != name.is_integer) {
        fail_backward(name.at, "the number is an integer in one signature and none in the other");
      }
      backward_names_[i] = static_cast<int8_t>(k);
    }
    if (backward_names_[i] < 0 && !name.is_told) {
      fail_backward(name.at, "no number of the signature has this name, and no array tells it");
    }
  }
}

void ForeignOperator::resolve_elementwise() {
  const Routine& backward = backward_->routine_;
  const size_t end = backward.signature().text.size();
  if (routine_.outputs() != 1 || !is_floating(routine_.output_dtype(0))) {
    fail_backward(0,
                  "derivatives are of functions with one result, f32 or f64; take "
                  "TG_FFI_FINITE_DIFFERENCES");
  }
  if (backward.inputs() != routine_.inputs()) {
    fail_backward(end, "it does not take the operands of the signature");
  }
  for (int i = 0; i < routine_.inputs(); ++i) {
    if (backward.input(i).dtype != routine_.input(i).dtype) {
      fail_backward(backward.input(i).at, "the type is not that of the signature's operand");
    }
  }
  if (backward.outputs() != std::popcount(gives_)) {
    fail_backward(end, "it does not give a derivative for each f32 or f64 operand");
  }
  for (int j = 0; j < backward.outputs(); ++j) {
    if (backward.output_dtype(j) == routine_.output_dtype(0)) continue;
    const Parameter* p = backward.output(j);
    fail_backward(p != nullptr ? p->at : end,
                  "a derivative has the type of the signature's result");
  }
  reads_inputs_ = (uint32_t{1} << routine_.inputs()) - 1;
}

int ForeignOperator::input_named(std::string_view name) const {
  for (int i = 0; i < routine_.inputs(); ++i) {
    if (routine_.signature().name_of(routine_.input(i)) == name) return i;
  }
  return -1;
}
int ForeignOperator::output_named(std::string_view name) const {
  for (int j = 0; j < routine_.outputs(); ++j) {
    if (routine_.output_name(j) == name) return j;
  }
  return -1;
}

void ForeignOperator::resolve_routine() {
  const Routine& backward = backward_->routine_;
  const auto same_form = [](const Parameter& p, DType dtype, int rank) {
    if (p.dtype != dtype) fail_backward(p.at, "the type is not that of the signature");
    if (p.rank != rank) fail_backward(p.at, "the rank is not that of the signature");
  };
  differentiable_ = 0;
  for (int i = 0; i < backward.inputs(); ++i) {
    const Parameter& p = backward.input(i);
    const std::string_view its = backward.signature().name_of(p);
    int number = p.of == Of::value ? input_named(its) : -1;
    const bool from_input = number >= 0;
    if (!from_input) number = output_named(its);
    if (number < 0) fail_backward(p.at, "no array of the signature has this name");
    if (from_input) {
      same_form(p, routine_.input(number).dtype, routine_.input(number).rank);
      reads_inputs_ |= uint32_t{1} << number;
    } else {
      const Parameter* q = routine_.output(number);
      same_form(p, routine_.output_dtype(number), q != nullptr ? q->rank : 0);
      if (p.of != Of::grad) {
        reads_outputs_ |= uint32_t{1} << number;
      } else if (is_floating(p.dtype)) {
        differentiable_ |= uint32_t{1} << number;
      } else {
        fail_backward(p.at, "integers have no gradient");
      }
    }
    sources_[i] = {p.of, static_cast<int8_t>(number), from_input};
  }
  gives_ = 0;
  for (int j = 0; j < backward.outputs(); ++j) {
    const Parameter* p = backward.output(j);
    if (p == nullptr) {
      fail_backward(backward.signature().returned_at, "a backward gives gradients in arrays alone");
    }
    if (p->of != Of::grad) {
      fail_backward(p->at, "a result of a backward is a gradient: write grad before its name");
    }
    const int number = input_named(backward.signature().name_of(*p));
    if (number < 0) fail_backward(p->at, "no operand of the signature has this name");
    same_form(*p, routine_.input(number).dtype, routine_.input(number).rank);
    if (!is_floating(p->dtype)) fail_backward(p->at, "integers have no gradient");
    targets_[j] = static_cast<int8_t>(number);
    gives_ |= uint32_t{1} << number;
  }
  if (differentiable_ == 0) {
    fail_backward(backward.signature().text.size(), "it reads no gradient: give grad of a result");
  }
}

// ---- gradients ----

void ForeignOperator::gradient_rule(Vjp& v) {
  auto& self = static_cast<ForeignOperator&>(v.user());
  const Tensor* inputs[kMaxParameters];
  Tensor outs[kMaxParameters + 1], found[kMaxParameters];
  uint32_t wanted = 0;
  for (int i = 0; i < self.routine_.inputs(); ++i) {
    const auto which = static_cast<uint32_t>(i);
    inputs[i] = (self.reads_inputs_ >> i & 1) != 0 ? &v.saved(kUserInputs + which) : nullptr;
    if (v.wants(i)) wanted |= uint32_t{1} << i;
  }
  const Tensor* grads[kMaxParameters + 1];
  for (int j = 0; j < self.routine_.outputs(); ++j) {
    const auto which = static_cast<uint32_t>(j);
    if ((self.reads_outputs_ >> j & 1) != 0) outs[j] = v.saved(kUserOutputs + which);
    grads[j] = &v.grad(j);
  }
  Binding binding;
  const size_t numbers = sizeof(Number) * self.routine_.signature().names.size();
  if (numbers != 0) std::memcpy(binding.numbers, &v.args<Arguments>().first, numbers);
  const auto n = static_cast<size_t>(self.routine_.inputs());
  const auto m = static_cast<size_t>(self.routine_.outputs());
  self.gradients({{inputs, n}, {outs, m}, {grads, m}, binding, wanted}, found);
  for (int i = 0; i < self.routine_.inputs(); ++i) {
    if (found[i]) v.give(i, std::move(found[i]));
  }
}

void ForeignOperator::gradients(const Call& call, std::span<Tensor> found) {
  switch (rule_) {
    case Rule::elementwise: return gradients_by_elements(call, found);
    case Rule::routine: return gradients_by_routine(call, found);
    default: return gradients_by_differences(call, found);
  }
}

Binding ForeignOperator::backward_binding(const Binding& forward) const {
  Binding binding;
  const size_t n = backward_->routine_.signature().names.size();
  for (size_t i = 0; i < n; ++i) {
    const int8_t from = backward_names_[i];
    if (from >= 0) binding.numbers[i] = forward.numbers[static_cast<size_t>(from)];
  }
  return binding;
}

void ForeignOperator::gradients_by_elements(const Call& call, std::span<Tensor> found) {
  Tensor derivatives[kMaxParameters + 1];
  Binding binding = backward_binding(call.binding);
  const auto count = static_cast<size_t>(backward_->routine_.outputs());
  backward_->run(call.inputs, binding, {derivatives, count});
  size_t next = 0;
  for (size_t i = 0; i < call.inputs.size(); ++i) {
    if ((gives_ >> i & 1) == 0) continue;
    const Tensor& derivative = derivatives[next++];
    if ((call.wanted >> i & 1) != 0) found[i] = mul(*call.grads[0], derivative);
  }
}

void ForeignOperator::gradients_by_routine(const Call& call, std::span<Tensor> found) {
  const Routine& backward = backward_->routine_;
  const Tensor* operands[kMaxParameters];
  Tensor held[kMaxParameters], given[kMaxParameters + 1];
  for (int i = 0; i < backward.inputs(); ++i) {
    const Source& source = sources_[i];
    const auto number = static_cast<size_t>(source.number);
    if (source.from_input) {
      operands[i] = call.inputs[number];
    } else if (source.of != Of::grad) {
      operands[i] = &call.outs[number];
    } else if (*call.grads[number]) {
      operands[i] = call.grads[number];
    } else {
      const Parameter* p = routine_.output(source.number);
      held[i] = zeros(backward.input(i).dtype,
                      p != nullptr ? routine_.shape_of(*p, call.binding) : Shape());
      operands[i] = &held[i];
    }
  }
  Binding binding = backward_binding(call.binding);
  const auto count = static_cast<size_t>(backward.outputs());
  backward_->run({operands, static_cast<size_t>(backward.inputs())}, binding, {given, count});
  for (size_t j = 0; j < count; ++j) {
    const Parameter& p = routine_.input(targets_[j]);
    const Shape wanted = routine_.shape_of(p, call.binding);
    if (!(given[j].shape() == wanted)) {
      fail(TG_ERROR_SHAPE, name, ": its backward gives ", routine_.signature().name_of(p),
           " a gradient of shape ", given[j].shape(), ", but the operand has ", wanted,
           "; give both the same extents in the signatures");
    }
    found[static_cast<size_t>(targets_[j])] = std::move(given[j]);
  }
}

}  // namespace tg::ffi
