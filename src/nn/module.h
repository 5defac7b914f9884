// SPDX-License-Identifier: MIT
// Modules: parameters with names, children, a forward. The layers stand beside, one file a family.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/blocks.h"
#include "base/deferred.h"
#include "core/tensor.h"

namespace tg {

struct NamedTensor {
  String name;
  Tensor tensor;
};

// Counted: a sequential and the caller may hold the same child.
class Module {
 public:
  void share() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
  }

  // x is borrowed; may_reuse: nobody else will read it, so an in-place step may take its memory.
  virtual Tensor forward(const Tensor& x, bool may_reuse) = 0;
  // Appends the parameters in order, names with `prefix` in front.
  virtual void parameters(const String& prefix, Vector<NamedTensor>& list) const = 0;
  virtual void set_training(bool training) noexcept { training_.store(training); }
  bool is_training() const noexcept { return training_.load(); }

 protected:
  ~Module() = default;
  virtual void destroy() noexcept = 0;

 private:
  std::atomic<uint32_t> refs_{1};
  std::atomic<bool> training_{true};
};

class ModuleRef {
 public:
  ModuleRef() = default;
  explicit ModuleRef(Module* module) noexcept : module_(module) {}  // takes the count over
  ModuleRef(const ModuleRef& other) noexcept : module_(other.module_) {
    if (module_ != nullptr) module_->share();
  }
  ModuleRef(ModuleRef&& other) noexcept : module_(std::exchange(other.module_, nullptr)) {}
  ModuleRef& operator=(ModuleRef other) noexcept {
    std::swap(module_, other.module_);
    return *this;
  }
  ~ModuleRef() {
    if (module_ != nullptr) module_->let_go();
  }
  Module* operator->() const { return module_; }
  Module& operator*() const { return *module_; }
  Module* get() const { return module_; }

 private:
  Module* module_ = nullptr;
};

ModuleRef make_linear(int64_t in_features, int64_t out_features, bool bias, DType dtype);
ModuleRef make_relu();
ModuleRef make_sequential(Vector<ModuleRef> children);

// A function of the host's as a module. It gets a tensor and gives one; how handles are made of
// them is the C layer's knowledge, which hands a call.
struct HostFunction {
  Tensor (*call)(const HostFunction& self, const Tensor& x);
  void (*end)(HostFunction& self) noexcept;  // runs the host's destructor
  void* data[3];
};
ModuleRef make_function(const HostFunction& function);

// ---- over all parameters ----
void set_requires_grad(const Module& module, bool on);
// Takes .grad away; one that the user set is zeroed in place instead.
void zero_grad(const Module& module);

}  // namespace tg
