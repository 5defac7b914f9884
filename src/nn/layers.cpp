// SPDX-License-Identifier: MIT
// Linear, ReLU, Sequential, and a host's function as a module.
#include <charconv>
#include <cmath>

#include "autograd/record.h"
#include "base/token.h"
#include "nn/module.h"
#include "ops/ops.h"
#include "ops/random.h"

namespace tg {

namespace {

template <class M, class... Arguments>
ModuleRef make_module(Arguments&&... arguments) {
  void* memory = take(sizeof(M));
  struct Guard {
    void* memory;
    ~Guard() {
      if (memory != nullptr) give_back(memory, sizeof(M));
    }
  } guard{memory};
  auto* module = new (memory) M(std::forward<Arguments>(arguments)...);
  guard.memory = nullptr;
  return ModuleRef(module);
}

template <class M>
void end_module(M* module) noexcept {
  module->~M();
  give_back(module, sizeof(M));
}

// PyTorch's initialisation: weight and bias uniform on [-b, b] with b = 1 / sqrt(fan in), which is
// what kaiming_uniform with a = sqrt(5) gives (torch.nn.Linear.reset_parameters).
void draw(const Tensor& x, int64_t fan_in) {
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  fill_uniform(default_generator(), x);
  mul_scalar(x, 2 * bound, Into::first());
  add_scalar(x, -bound, Into::first());
  x.storage().version.store(0, std::memory_order_relaxed);  // a fresh tensor, whatever made it
}

class Linear final : public Module {
 public:
  Linear(Tensor weight, Tensor bias) : weight_(std::move(weight)), bias_(std::move(bias)) {}
  Tensor forward(const Tensor& x, bool) override { return linear(x, weight_, bias_); }
  void parameters(const String& prefix, Vector<NamedTensor>& list) const override {
    list.push_back({prefix + "weight", weight_});
    if (bias_) list.push_back({prefix + "bias", bias_});
  }

 private:
  void destroy() noexcept override { end_module(this); }
  Tensor weight_, bias_;
};

class Relu final : public Module {
 public:
  // In place where nobody else can see the operand: a product's activation then takes no memory.
  Tensor forward(const Tensor& x, bool may_reuse) override {
    if (!may_reuse || !x.is_sole_owner()) return relu(x);
    relu(x, Into::first());
    return x;
  }
  void parameters(const String&, Vector<NamedTensor>&) const override {}

 private:
  void destroy() noexcept override { end_module(this); }
};

class Sequential final : public Module {
 public:
  explicit Sequential(Vector<ModuleRef> children) : children_(std::move(children)) {}
  Tensor forward(const Tensor& x, bool may_reuse) override {
    if (children_.empty()) return x;
    ask_token();
    Tensor y = children_[0]->forward(x, may_reuse);
    for (size_t i = 1; i < children_.size(); ++i) {
      ask_token();
      y = children_[i]->forward(y, true);
    }
    return y;
  }
  void parameters(const String& prefix, Vector<NamedTensor>& list) const override {
    for (size_t i = 0; i < children_.size(); ++i) {
      char number[24];
      const auto end = std::to_chars(number, number + sizeof number, i);
      String name = prefix;
      name.append(number, static_cast<size_t>(end.ptr - number));
      name.push_back('.');
      children_[i]->parameters(name, list);
    }
  }
  void set_training(bool training) noexcept override {
    Module::set_training(training);
    for (const ModuleRef& child : children_) child->set_training(training);
  }

 private:
  void destroy() noexcept override { end_module(this); }
  Vector<ModuleRef> children_;
};

class Function final : public Module {
 public:
  explicit Function(const HostFunction& function) : function_(function) {}
  ~Function() { function_.end(function_); }
  Tensor forward(const Tensor& x, bool) override { return function_.call(function_, x); }
  void parameters(const String&, Vector<NamedTensor>&) const override {}

 private:
  void destroy() noexcept override { end_module(this); }
  HostFunction function_;
};

}  // namespace

ModuleRef make_linear(int64_t in_features, int64_t out_features, bool bias, DType dtype) {
  if (dtype != DType::float32 && dtype != DType::float64) {
    fail(TG_ERROR_DTYPE, "dtype is ", dtype, "; parameters are float32 or float64");
  }
  if (in_features < 0 || out_features < 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "in_features is ", in_features, ", out_features is ",
         out_features, "; they must not be negative");
  }
  const int64_t sizes[] = {out_features, in_features};
  // All memory first: a call that fails draws no number.
  const Tensor weight = empty(dtype, checked_shape(sizes, 2, size_of(dtype)));
  const Tensor summand = bias ? empty(dtype, Shape(sizes, 1)) : Tensor();
  const Tensor plain[] = {detach(weight), bias ? detach(summand) : Tensor()};
  set_requires_grad(weight, true);
  if (bias) set_requires_grad(summand, true);
  ModuleRef module = make_module<Linear>(weight, summand);
  draw(plain[0], in_features);
  if (bias) draw(plain[1], in_features);
  return module;
}

ModuleRef make_relu() { return make_module<Relu>(); }
ModuleRef make_sequential(Vector<ModuleRef> children) {
  return make_module<Sequential>(std::move(children));
}
ModuleRef make_function(const HostFunction& function) { return make_module<Function>(function); }

}  // namespace tg
