// SPDX-License-Identifier: MIT
// Operators whose forward and backward are functions of the caller, and the call of an operator of
// any maker.
#include "capi/operators.h"

#include <algorithm>

#include "autograd/hooks.h"
#include "autograd/modes.h"
#include "capi/contexts.h"
#include "capi/lent.h"
#include "capi/user_calls.h"
#include "ffi/turn.h"

namespace tg::capi {

namespace {

constexpr size_t kLongestName = 100;  // bytes: names of nodes are built from it
constexpr const char* kThreadSafe = "TG_OPERATOR_THREAD_SAFE";

// The tensor that a callback gave at a place, which is none of those that it was lent.
Tensor taken(const GivenHandles& given, size_t i, const LentHandles& lent, const char* name,
             const char* place) {
  if (std::find(lent.data(), lent.data() + lent.size(), given[i]) != lent.data() + lent.size()) {
    fail(TG_ERROR_CALLBACK, name, ": ", place, '[', i,
         "] is a handle that was lent; give back a tg_alias of it");
  }
  char what[kLongestName + 60];
  Message(what, sizeof what) << name << ": " << place << '[' << i << ']';
  return *TensorPin(given[i], what);
}

// An operator of tg_operator_create.
class CallbackOperator final : public CustomOperator, public Deferred {
 public:
  explicit CallbackOperator(const tg_operator_definition& from)
      : CustomOperator({from.out_count, from.backward != nullptr, from.jvp != nullptr,
                        (from.flags & TG_OPERATOR_ONCE_DIFFERENTIABLE) != 0,
                        (from.flags & TG_OPERATOR_ORDERED) != 0,
                        (from.flags & TG_OPERATOR_ZERO_GRADS) != 0}),
        text_(from.name),
        forward_(from.forward),
        backward_(from.backward),
        jvp_(from.jvp),
        user_data_(from.user_data),
        turn_((from.flags & TG_OPERATOR_THREAD_SAFE) == 0 ? ffi::make_turn() : nullptr) {
    Deferred::run = finish;
    name = text_.c_str();
  }
  // A call that fails keeps nothing, so the destructor comes last.
  void set_destructor(tg_destructor destructor) noexcept { destructor_ = destructor; }

 private:
  void destroy() noexcept override { defer(this); }
  static void finish(Deferred* self) noexcept;
  void check_arguments(std::span<const tg_value> arguments) const override;
  void forward(CustomCall& call) override;
  void backward(CustomPass& pass) override;
  void tangent(CustomTangent& run) override;

  String text_;  // the name
  tg_forward_fn forward_;
  tg_backward_fn backward_;
  tg_jvp_fn jvp_;
  void* user_data_;
  tg_destructor destructor_ = nullptr;
  Counted<ffi::Turn> turn_;  // none: thread-safe
};

void CallbackOperator::finish(Deferred* self) noexcept {
  auto* mine = static_cast<CallbackOperator*>(self);
  if (mine->destructor_ != nullptr) {
    call_user("destructor", [&] { mine->destructor_(mine->user_data_); });
  }
  mine->~CallbackOperator();
  give_back(mine, sizeof(CallbackOperator));
}

// "clip: its forward returned 7": which function of which operator.
class FunctionName {
 public:
  FunctionName(const char* name, const char* function) {
    Message(text_, sizeof text_) << name << ": its " << function;
  }
  const char* text() const { return text_; }

 private:
  char text_[kLongestName + 20];
};

// Numbers, texts and arrays that forward may trust; what they mean is its own affair.
void check_argument(const tg_value& value, size_t i) {
  const auto wrong = [&](const auto&... parts) {
    fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int>(i), "arguments[", i, "] ", parts...);
  };
  switch (value.type) {
    case TG_VALUE_TEXT: {
      char name[60];
      Message(name, sizeof name) << "arguments[" << i << ']';
      check_text(value.as.text, name);
      if (std::strlen(value.as.text) != value.count) {
        wrong("is a text of ", std::strlen(value.as.text), " bytes, and its count is ", value.count,
              "; give the bytes before the NUL");
      }
      return;
    }
    case TG_VALUE_INT64_ARRAY:
    case TG_VALUE_HANDLE_ARRAY:
    case TG_VALUE_DOUBLE_ARRAY:
      if (value.count > 0 && value.as.array == nullptr) wrong("is an array at NULL");
      return;
    case TG_VALUE_BUFFER:
      if (value.count > 0 && value.as.pointer == nullptr) wrong("is a buffer at NULL");
      return;
    default:
      if (value.type < TG_VALUE_NONE || value.type >= TG_VALUE_RESULT) {
        wrong("has the type ", value.type,
              "; give one from TG_VALUE_NONE (0) to TG_VALUE_BUFFER (9)");
      }
  }
}

void CallbackOperator::check_arguments(std::span<const tg_value> arguments) const {
  for (size_t i = 0; i < arguments.size(); ++i) check_argument(arguments[i], i);
}

void CallbackOperator::forward(CustomCall& call) {
  const LentHandles inputs(call.inputs());
  GivenHandles outs(call.results());
  {
    const LentContext context(call);
    const ffi::InTurn turn(turn_.get(), name, kThreadSafe);
    const EngineModes modes(false, inference_mode());
    const FunctionName function(name, "forward");
    Callback callback;
    callback.check(
        forward_(user_data_, context.handle(), inputs.data(), call.inputs().size(),
                 call.arguments().data(), call.arguments().size(), outs.places(), outs.size()),
        function.text());
  }
  for (size_t j = 0; j < outs.size(); ++j) {
    if (outs[j] == 0) {
      fail(TG_ERROR_CALLBACK, name, ": its forward returned 0 and gave no outs[", j,
           "]; set each of them to a tensor");
    }
    call.give(j, taken(outs, j, inputs, name, "outs"));
  }
}

void CallbackOperator::backward(CustomPass& pass) {
  const LentHandles grads(pass.grads());
  GivenHandles given(pass.inputs());
  {
    const LentContext context(pass);
    const ffi::InTurn turn(turn_.get(), name, kThreadSafe);
    const EngineModes modes(pass.records());
    const FunctionName function(name, "backward");
    Vector<LentGradient> marks;
    marks.reserve(pass.grads().size());
    for (const Tensor* grad : pass.grads()) marks.emplace_back(*grad);
    Callback callback;
    callback.check(backward_(user_data_, context.handle(), grads.data(), pass.grads().size(),
                             given.places(), given.size()),
                   function.text());
  }
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i] != 0) pass.give(i, taken(given, i, grads, name, "grad_inputs"));
  }
}

void CallbackOperator::tangent(CustomTangent& run) {
  const LentHandles tangents(run.tangents());
  GivenHandles given(run.results());
  {
    const LentContext context(run);
    const ffi::InTurn turn(turn_.get(), name, kThreadSafe);
    const EngineModes modes(false);
    const FunctionName function(name, "jvp");
    Callback callback;
    callback.check(jvp_(user_data_, context.handle(), tangents.data(), run.inputs(), given.places(),
                        given.size()),
                   function.text());
  }
  for (size_t j = 0; j < given.size(); ++j) {
    if (given[j] != 0) run.give(j, taken(given, j, tangents, name, "out_tangents"));
  }
}

void check_definition(const tg_operator_definition& from) {
  if (from.struct_size != sizeof from) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.struct_size is ", from.struct_size,
         "; set it to sizeof(tg_operator_definition), ", sizeof from);
  }
  if (from.reserved != 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.reserved is ", from.reserved, "; give 0");
  }
  check_flags(from.flags, TG_OPERATOR_THREAD_SAFE | TG_OPERATOR_ONCE_DIFFERENTIABLE |
                              TG_OPERATOR_ORDERED | TG_OPERATOR_ZERO_GRADS);
  check_operator_name(from.name);
  check_pointer(reinterpret_cast<const void*>(from.forward), "definition.forward");
  if (from.out_count == 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.out_count is 0; an operator gives at least 1");
  }
  if (from.out_count > kMostOperands) {
    fail(TG_ERROR_LIMIT, "definition.out_count is ", from.out_count, "; the most is ",
         kMostOperands);
  }
}

}  // namespace

void check_operator_name(const char* name) {
  check_text(name, "definition.name");
  const size_t length = std::strlen(name);
  if (length == 0 || length > kLongestName) {
    fail(TG_ERROR_INVALID_ARGUMENT, "definition.name has ", length, " bytes; give 1 to ",
         kLongestName);
  }
}

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_operator_create(const tg_operator_definition* definition, tg_operator* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    check_pointer(definition, "definition");
    check_definition(*definition);
    NewHandle handle;
    auto* made = tg::make_counted<CallbackOperator>(*definition);
    auto* box = make_object<OperatorRef>(Kind::op, OperatorRef(made));
    made->set_destructor(definition->destructor);
    *out = handle.publish(Kind::op, static_cast<Object*>(box));
  });
}

tg_status tg_operator_apply(tg_operator op, const tg_tensor* inputs, size_t count,
                            const tg_value* arguments, size_t argument_count, tg_tensor* outs,
                            size_t out_count) {
  return guarded(__func__, [&] {
    clear_outs(outs, out_count, "outs");
    if (count > 0) check_pointer(inputs, "inputs");
    if (argument_count > 0) check_pointer(arguments, "arguments");
    const Pin pin(op, Kind::op, "op");
    const TensorPins operands(inputs, count, "inputs");
    NewHandles handles(out_count);
    tg::capi::Few<tg::Tensor> found(out_count);
    object_of<OperatorRef>(pin)->apply(operands.tensors(), {arguments, argument_count}, found);
    for (size_t i = 0; i < out_count; ++i) outs[i] = handles.publish(i, std::move(found[i]));
  });
}
