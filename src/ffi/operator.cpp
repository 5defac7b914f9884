// SPDX-License-Identifier: MIT
#include "ffi/operator.h"

#include <bit>
#include <optional>

#include "autograd/modes.h"
#include "ffi/symbols.h"
#include "ops/ops.h"

namespace tg::ffi {

namespace {

[[noreturn]] void fail_once(Vjp& v) {
  fail(TG_ERROR_AUTOGRAD, v.user().name,
       ": these gradients came from a foreign function or from differences and cannot be "
       "differentiated again; create the operator with TG_FFI_FINITE_DIFFERENCES beside its "
       "backward, or leave TG_CREATE_GRAPH away");
}

}  // namespace

// ---- making one ----

ForeignOperator::ForeignOperator(String&& name_text, Signature&& signature, const void* address,
                                 const Definition& definition, Turn* turn)
    : text_(std::move(name_text)),
      routine_(text_.c_str(), std::move(signature), address, definition.fortran),
      run_code_(definition.run),
      turn_(turn),
      to_check_(definition.check) {
  name = text_.c_str();
  if (turn_ != nullptr) turn_->share();
}

OnceOperator::OnceOperator(const String& its) : text_(its) {
  text_.append("Backward");
  name = text_.c_str();
  gradient = fail_once;
}
void OnceOperator::destroy() noexcept {
  this->~OnceOperator();
  give_back(this, sizeof(OnceOperator));
}

void ForeignOperator::destroy() noexcept {
  this->~ForeignOperator();
  give_back(this, sizeof(ForeignOperator));
}

uint32_t ForeignOperator::floating_outputs() const {
  uint32_t mask = 0;
  for (int j = 0; j < routine_.outputs(); ++j) {
    if (is_floating(routine_.output_dtype(j))) mask |= uint32_t{1} << j;
  }
  return mask;
}
uint32_t ForeignOperator::floating_inputs() const {
  uint32_t mask = 0;
  for (int i = 0; i < routine_.inputs(); ++i) {
    if (is_floating(routine_.input(i).dtype)) mask |= uint32_t{1} << i;
  }
  return mask;
}

void ForeignOperator::set_rule(Rule rule) {
  rule_ = rule;
  gradient = rule == Rule::none ? nullptr : rule == Rule::once ? fail_once : gradient_rule;
  differentiable_ = floating_outputs();
  gives_ = rule == Rule::none ? 0 : floating_inputs();
  if (rule != Rule::differences) return;
  reads_inputs_ = (uint32_t{1} << routine_.inputs()) - 1;
  once_ = Counted<OnceOperator>(make_counted<OnceOperator>(text_));
}

ForeignRef make_foreign_operator(const Definition& definition) {
  const auto find = [](const Place& place) {
    if (place.address != nullptr) return Found{place.address, {}};
    return find_symbol(place.library, place.symbol);
  };
  Signature signature = parse_signature(definition.forward.signature, "signature", false);
  Signature backward;
  const bool has_backward = definition.backward.signature != nullptr;
  if (has_backward) {
    backward = parse_signature(definition.backward.signature, "backward_signature", true);
  }
  Found found = find(definition.forward);
  const Counted<Turn> turn(definition.thread_safe ? nullptr : make_turn());
  ForeignRef made(make_counted<ForeignOperator>(String(definition.name), std::move(signature),
                                                found.address, definition, turn.get()));
  if (has_backward) {
    Found its = find(definition.backward);
    String name(definition.name);
    name.append("Backward");
    made->backward_ = ForeignRef(make_counted<ForeignOperator>(
        std::move(name), std::move(backward), its.address, definition, turn.get()));
    made->backward_->to_check_ = false;
    made->backward_->set_rule(definition.differences ? Rule::differences : Rule::once);
    made->resolve();
    its.library.keep();
  } else {
    made->set_rule(definition.differences ? Rule::differences : Rule::none);
  }
  found.library.keep();
  return made;
}

// ---- a call ----

void ForeignOperator::apply(Operands inputs, std::span<const tg_value> arguments,
                            std::span<Tensor> outs) {
  const auto wanted = static_cast<size_t>(routine_.inputs());
  const auto given = static_cast<size_t>(routine_.outputs());
  if (inputs.size() != wanted) {
    fail(TG_ERROR_INVALID_ARGUMENT, name, ": count is ", inputs.size(), ", but the signature has ",
         wanted, " operands");
  }
  if (outs.size() != given) {
    fail(TG_ERROR_INVALID_ARGUMENT, name, ": out_count is ", outs.size(),
         ", but the signature has ", given, " results");
  }
  Binding binding;
  routine_.take_arguments(arguments, binding);
  run(inputs, binding, outs);
}

void ForeignOperator::run(Operands inputs, Binding& binding, std::span<Tensor> outs) {
  uint32_t wanted = differentiable_ != 0 ? plan_user(name, inputs, reads_inputs_) : 0;
  routine_.bind(inputs, binding);
  if (wanted != 0 && (wanted & ~gives_) != 0) fail_no_gradient(inputs, wanted);
  routine_.make_outputs(binding, outs);
  const WatchedCall watch;
  Reserved node;
  if (wanted != 0) {
    const size_t numbers = sizeof(Number) * routine_.signature().names.size();
    node = Reserved(
        reserve_user_node({*this, wanted, reads_inputs_, reads_outputs_, numbers}, inputs, outs));
    // A signature without names gives no address to copy to.
    if (numbers != 0) std::memcpy(user_arguments(*node.get()), binding.numbers, numbers);
  }
  call(inputs, binding, outs);
  if (watch.on()) [[unlikely]] {
    for (const Tensor& x : outs) {
      watch.check(name, x, inputs.data(), static_cast<int>(inputs.size()), 0);
    }
  }
  if (wanted == 0) return;
  if (to_check_.load(std::memory_order_relaxed)) check(inputs, outs, binding, wanted);
  if (watch.on()) note_node(*node.get());
  link_user(node.give_up(), outs, differentiable_);
}

void ForeignOperator::fail_no_gradient(Operands inputs, uint32_t wanted) const {
  const int i = std::countr_zero(wanted & ~gives_);
  fail_operand(TG_ERROR_UNSUPPORTED, i, name, ": inputs[", i, "], ",
               Named{*inputs[static_cast<size_t>(i)]},
               ", requires grad, and no gradient for it was given; give the operator a backward or "
               "TG_FFI_FINITE_DIFFERENCES, or call it under tg_no_grad_enter");
}

void ForeignOperator::call(Operands inputs, const Binding& binding, std::span<const Tensor> outs) {
  struct Job {
    Routine::Prepared prepared;
    Outcome outcome;
  } job{{routine_, inputs, binding, outs}, {}};
  {
    const InTurn turn(turn_, name);
    const ErrnoKeeper keep;
    std::optional<EngineModes> modes;
    if (!inference_mode()) modes.emplace(false);
    run_code_(
        name,
        [](void* data) {
          auto* its = static_cast<Job*>(data);
          its->outcome = its->prepared.call();
        },
        &job);
  }
  if (job.outcome.status == 0) return;
  fail_number(TG_ERROR_CALLBACK, job.outcome.status, name, ": its function gave ", job.outcome.name,
              " = ", job.outcome.status, ", where 0 means success; nothing was changed");
}

}  // namespace tg::ffi
