// SPDX-License-Identifier: MIT
// Optimizers: parameters, settings by name, state, one pass over memory a step.
#pragma once

#include <span>
#include <string_view>
#include <utility>

#include "base/blocks.h"
#include "core/tensor.h"

namespace tg {

struct Setting {
  const char* name;
  double value;
};

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  // Throws TG_ERROR_NOT_FOUND listing the names, TG_ERROR_INVALID_ARGUMENT for a bad value.
  void set(std::string_view name, double value);
  double get(std::string_view name) const;
  std::span<const Setting> settings() const { return settings_; }
  void step();
  void zero_grad();

  // State as named tensors: "state.0.exp_avg", "param_groups.0.lr".
  struct Named {
    String name;
    Tensor tensor;
  };
  Vector<Named> state_dict() const;
  // All is checked before anything changes.
  void load_state_dict(const Vector<Named>& dict);

 protected:
  struct Slot {  // what an optimizer keeps for one parameter
    Tensor parameter;
    Tensor state[2];
    double step = 0;
  };
  Optimizer(std::span<const Tensor* const> parameters, std::span<const Setting> settings,
            std::span<const char* const> state_names);
  double setting(int i) const { return settings_[static_cast<size_t>(i)].value; }

  virtual void check_settings() const = 0;
  virtual int states_needed() const = 0;  // how many of the states this step uses
  // p, g and states have the same n elements in the same order.
  virtual void update(DType dtype, void* p, const void* g, void* const* states, int64_t n,
                      bool first, double step) const = 0;

 private:
  Vector<Slot> slots_;
  Vector<Setting> settings_;
  std::span<const char* const> state_names_;
};

// Owns an optimizer whose memory came from blocks.
class OptimizerPointer {
 public:
  OptimizerPointer(Optimizer* optimizer, size_t bytes) : optimizer_(optimizer), bytes_(bytes) {}
  OptimizerPointer(OptimizerPointer&& other) noexcept
      : optimizer_(std::exchange(other.optimizer_, nullptr)), bytes_(other.bytes_) {}
  ~OptimizerPointer() {
    if (optimizer_ == nullptr) return;
    optimizer_->~Optimizer();
    give_back(optimizer_, bytes_);
  }
  Optimizer* operator->() const { return optimizer_; }

 private:
  Optimizer* optimizer_;
  size_t bytes_;
};

template <class O>
OptimizerPointer make_optimizer(std::span<const Tensor* const> parameters, double lr) {
  void* memory = take(sizeof(O));
  struct Guard {
    void* memory;
    ~Guard() {
      if (memory != nullptr) give_back(memory, sizeof(O));
    }
  } guard{memory};
  auto* optimizer = new (memory) O(parameters, lr);
  guard.memory = nullptr;
  return OptimizerPointer(optimizer, sizeof(O));
}
OptimizerPointer make_sgd(std::span<const Tensor* const> parameters, double lr);
OptimizerPointer make_adam(std::span<const Tensor* const> parameters, double lr);

// Scales the gradients so that their norm over all parameters is at most max_norm; gives the norm
// that it found. norm_type INFINITY: the greatest absolute value.
double clip_grad_norm(std::span<const Tensor* const> parameters, double max_norm, double norm_type);

}  // namespace tg
