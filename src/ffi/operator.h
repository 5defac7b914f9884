// SPDX-License-Identifier: MIT
// A foreign function as an operator: planned, called and recorded as the built-in ones are.
#pragma once

#include "ffi/routine.h"
#include "ffi/turn.h"
#include "ops/user.h"

namespace tg::ffi {

// How the C layer runs a user's code: what the code throws, the modes that it leaves, tg_shutdown.
using RunUserCode = void (*)(const char* name, void (*code)(void*), void* data);

// Where a function lies and what it takes; nothing of it is kept.
struct Place {
  const char* library = nullptr;
  const char* symbol = nullptr;
  const void* address = nullptr;  // instead of the two
  const char* signature = nullptr;
};
struct Definition {
  const char* name;
  Place forward;
  Place backward;  // without a signature: none
  bool thread_safe, fortran, differences, check;
  RunUserCode run;
};

enum class Rule : uint8_t {
  none,         // a call that would record is refused
  elementwise,  // the backward gives derivatives by each operand
  routine,      // the backward gives gradients
  differences,  // of values
  once,         // of a backward: its gradients cannot be differentiated in their turn
};

// What stands behind gradients that cannot be differentiated in their turn.
class OnceOperator final : public UserOperator {
 public:
  explicit OnceOperator(const String& its);

 private:
  void destroy() noexcept override;
  String text_;
};

class ForeignOperator;
using ForeignRef = Counted<ForeignOperator>;

ForeignRef make_foreign_operator(const Definition& definition);

class ForeignOperator final : public CallableOperator {
 public:
  ForeignOperator(String&& name, Signature&& signature, const void* address,
                  const Definition& definition, Turn* turn);
  void apply(Operands inputs, std::span<const tg_value> arguments, std::span<Tensor> outs) override;

 private:
  ~ForeignOperator() {
    if (turn_ != nullptr) turn_->let_go();
  }
  friend ForeignRef make_foreign_operator(const Definition&);
  void destroy() noexcept override;

  // Where the backward takes an operand from, and which input each of its results is for.
  struct Source {
    Of of;
    int8_t number;  // of an input or a result
    bool from_input;
  };
  void set_rule(Rule rule);
  void resolve();
  void resolve_elementwise();
  void resolve_routine();
  int input_named(std::string_view name) const;
  int output_named(std::string_view name) const;

  // The four steps. numbers: those of the arguments are set.
  void run(Operands inputs, Binding& binding, std::span<Tensor> outs);
  void call(Operands inputs, const Binding& binding, std::span<const Tensor> outs);
  uint32_t floating_outputs() const;
  uint32_t floating_inputs() const;
  [[noreturn, gnu::cold]] void fail_no_gradient(Operands inputs, uint32_t wanted) const;

  // The rule, on operands that may have a past: for each wanted input its gradient, not yet fitted
  // to the input.
  struct Call {
    Operands inputs;               // those that the rule reads
    std::span<const Tensor> outs;  // likewise
    Operands grads;                // of the results; null tensors where none came
    const Binding& binding;
    uint32_t wanted;
  };
  static void gradient_rule(Vjp& v);
  void gradients(const Call& call, std::span<Tensor> found);
  void gradients_by_elements(const Call& call, std::span<Tensor> found);
  void gradients_by_routine(const Call& call, std::span<Tensor> found);
  void gradients_by_differences(const Call& call, std::span<Tensor> found);
  void values(Operands inputs, const Binding& binding, std::span<Tensor> outs);
  void mark_as_once(const Call& call, std::span<const Tensor> given);
  Tensor element_difference(const Call& call, size_t input);
  Tensor routine_difference(const Call& call, size_t input);
  void check(Operands inputs, std::span<const Tensor> outs, const Binding& binding,
             uint32_t wanted);
  Binding backward_binding(const Binding& forward) const;

  String text_;  // the name
  Routine routine_;
  RunUserCode run_code_;
  Turn* turn_;  // null: thread-safe
  Rule rule_ = Rule::none;
  std::atomic<bool> to_check_;
  ForeignRef backward_;
  Counted<OnceOperator> once_;  // of Rule::differences
  SaveMask reads_inputs_ = 0, reads_outputs_ = 0;
  uint32_t gives_ = 0;           // inputs that the rule gives a gradient of
  uint32_t differentiable_ = 0;  // results
  // Of a backward that is a routine.
  Source sources_[kMaxParameters];
  int8_t targets_[kMaxParameters];
  int8_t backward_names_[kMaxNames];  // which number of the forward call; -1: an operand tells it
};

}  // namespace tg::ffi
