// SPDX-License-Identifier: MIT
// Operators whose forward and backward are functions of the caller. Here stands what such a
// function may do with its context, how a call is recorded, and what backward is given; handles and
// the calls of the functions themselves are the C layer's, which derives from CustomOperator.
#pragma once

#include "base/deferred.h"
#include "ops/user.h"

namespace tg {

class CustomCall;
class CustomPass;
class CustomTangent;

inline constexpr size_t kMostOperands = 65535;  // of a node: inputs, and results
inline constexpr size_t kMostSaved = 255;       // tensors that one node saves

// Something of the user's with a destructor, which runs once.
class Attachment {
 public:
  Attachment() = default;
  Attachment(Attachment&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
  Attachment& operator=(Attachment&& other) noexcept {
    std::swap(held_, other.held_);
    return *this;
  }
  ~Attachment() { put(nullptr); }
  Deferred* get() const { return held_; }
  void put(Deferred* fresh) noexcept {
    if (Deferred* former = std::exchange(held_, fresh); former != nullptr) defer(former);
  }

 private:
  Deferred* held_ = nullptr;
};

// The name is set by whoever derives, and keeps its text.
struct CustomTraits {
  size_t results;
  bool differentiable;  // has a backward
  bool has_tangent;     // has a derivative along tangents
  bool once;            // what backward gives cannot be differentiated
  bool ordered;         // never dropped, reordered against others, or run again by a checkpoint
  bool zero_grads;      // backward runs with zeros where no gradient came
};

class CustomOperator : public CallableOperator {
 public:
  void apply(Operands inputs, std::span<const tg_value> arguments, std::span<Tensor> outs) final;
  const CustomTraits& traits() const { return traits_; }

 protected:
  explicit CustomOperator(const CustomTraits& traits) : traits_(traits) {
    if (traits.ordered) ordered_operators.fetch_add(1, std::memory_order_relaxed);
  }
  ~CustomOperator() {
    if (traits_.ordered) ordered_operators.fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  friend class RecordedCall;
  friend class TransposedCall;
  virtual void check_arguments(std::span<const tg_value> arguments) const = 0;
  // The user's functions, in the modes that they are promised.
  virtual void forward(CustomCall& call) = 0;  // gives every result
  virtual void backward(CustomPass& pass) = 0;
  virtual void tangent(CustomTangent& run) = 0;  // gives every result's tangent

  CustomTraits traits_;
};

// A call of forward: what its context is asked and told.
class CustomCall {
 public:
  // Throws what the modes refuse.
  CustomCall(CustomOperator& op, Operands inputs, std::span<const tg_value> arguments,
             const WatchedCall& watch);
  ~CustomCall();
  CustomCall(const CustomCall&) = delete;
  CustomCall& operator=(const CustomCall&) = delete;

  Operands inputs() const { return inputs_; }
  std::span<const tg_value> arguments() const { return arguments_; }
  size_t results() const { return given_.size(); }
  bool wants(size_t input) const;
  // Takes the place of what was to be saved before. Nothing happens where nothing records.
  void save(std::span<const Tensor* const> tensors);
  void mark_dirty(size_t input);
  void mark_non_differentiable(size_t result);
  void give(size_t result, const Tensor& x) { given_[result] = x; }
  Attachment data;

  void check(const WatchedCall& watch) const;  // throws in anomaly mode
  // The results as the caller gets them, recorded where the call records.
  void finish(std::span<Tensor> outs, bool watched);

 private:
  struct Plan;
  static bool is_marked(const Vector<uint8_t>& marks, size_t i) {
    return !marks.empty() && marks[i] != 0;
  }
  void find_inputs(Plan& plan) const;
  void place_results(Plan& plan) const;
  Tensor place_input(size_t result, const Tensor& x, bool differentiable) const;
  Tensor place_other(size_t result, bool differentiable) const;
  bool is_dirty_result(const Plan& plan, size_t result) const;
  bool is_given(const Tensor& x) const;
  bool is_seen_elsewhere(const Tensor& x) const;
  bool is_of_an_input(const Tensor& x) const;
  uint32_t origin_of(const Plan& plan, const Tensor& saved) const;
  Reserved reserve(const Plan& plan);

  CustomOperator& op_;
  Operands inputs_;
  std::span<const tg_value> arguments_;
  int flying_;                          // exceptions when the call began
  bool would_record_ = false;           // some input requires grad, and the modes allow it
  bool records_ = false;                // and there is a backward
  Vector<uint8_t> dirty_;               // by input; empty: none
  Vector<uint8_t> non_differentiable_;  // by result; empty: none
  Vector<Tensor> saved_;
  Vector<Tensor> given_;
  uint32_t had_;  // in anomaly mode what all inputs together have, as nonfinite says it
};

// What the node of such a call holds as its user().
class RecordedCall final : public UserOperator {
 public:
  explicit RecordedCall(CustomOperator& op);
  CustomOperator& op() const { return *op_; }

 private:
  friend class CustomCall;
  friend class CustomReplay;
  friend class CustomPass;
  friend class CustomTangent;
  ~RecordedCall();
  void destroy() noexcept override;
  static void gradient_rule(Vjp& v);
  static void transpose(Vjp& v);

  Counted<CustomOperator> op_;
  Attachment data_;
  Vector<Edge> pasts_;    // by saved tensor, counted: of those that are neither inputs nor results
  Vector<Meta> results_;  // where zeros or tangents may be asked for
};

// What the context of a later run over a node is asked.
class CustomReplay {
 public:
  CustomReplay(const CustomReplay&) = delete;
  CustomReplay& operator=(const CustomReplay&) = delete;
  RecordedCall& call() const { return call_; }
  size_t inputs() const { return node_.inputs_n; }
  size_t results() const { return node_.outputs_n; }
  size_t saved_count() const { return node_.saved_n; }
  Attachment& data() { return call_.data_; }
  virtual bool wants(size_t input) const = 0;
  virtual const Tensor& saved(size_t index) const = 0;  // throws TG_ERROR_VERSION

 protected:
  explicit CustomReplay(Node& node)
      : node_(node), call_(static_cast<RecordedCall&>(*node.user())) {}
  ~CustomReplay() = default;
  Node& node_;
  RecordedCall& call_;
};

// A run of backward, and what came of it.
class CustomPass final : public CustomReplay {
 public:
  explicit CustomPass(Vjp& v);
  bool wants(size_t input) const override { return v_.wants(static_cast<int>(input)); }
  const Tensor& saved(size_t index) const override;
  // Of the results; null where none came.
  Operands grads() const { return {given_.data(), given_.size()}; }
  // Whether backward is recorded in its turn.
  bool records() const;
  // The gradient of an input, held against its shape and dtype.
  void give(size_t input, const Tensor& x);
  // Hands the gradients on.
  void finish();

 private:
  void mark_as_once();

  Vjp& v_;
  Vector<Tensor> zeros_;
  Vector<const Tensor*> given_;
  Vector<Tensor> found_;
};

// A run along tangents of the inputs (null: zero), and the tangents of the results.
class CustomTangent final : public CustomReplay {
 public:
  CustomTangent(Node& node, Operands tangents);
  bool wants(size_t input) const override { return static_cast<bool>(*tangents_[input]); }
  const Tensor& saved(size_t index) const override;
  Operands tangents() const { return tangents_; }
  // Held against the shape and dtype of the result.
  void give(size_t result, const Tensor& x);
  std::span<Tensor> found() { return found_; }

 private:
  Operands tangents_;
  Vector<Tensor> found_;
  mutable Vector<Tensor> unpacked_;  // by saved tensor, of those that hooks have
};

}  // namespace tg
