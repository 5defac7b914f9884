// SPDX-License-Identifier: MIT
// tapegrad through its C ABI alone, under the names that the rows use. Every status is looked at,
// as a program would.
#pragma once

#include <tapegrad/tapegrad.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "row.h"

namespace side {

[[noreturn, gnu::cold]] void stop_with_last_error();

inline void must(tg_status status) {
  if (status != TG_OK) stop_with_last_error();
}

// Owns one handle.
class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(tg_tensor handle) : handle_(handle) {}
  Tensor(Tensor&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  Tensor& operator=(Tensor&& other) noexcept {
    const tg_tensor old = std::exchange(handle_, std::exchange(other.handle_, 0));
    if (old != 0) must(tg_release(old));
    return *this;
  }
  ~Tensor() {
    if (handle_ != 0) must(tg_release(handle_));
  }
  tg_tensor handle() const { return handle_; }

 private:
  tg_tensor handle_ = 0;
};

class ModeGuard {
 public:
  explicit ModeGuard(bench::Mode mode) : mode_(mode) {
    if (mode_ == bench::Mode::kInference) must(tg_inference_mode_enter(1));
    if (mode_ == bench::Mode::kNoGrad) must(tg_no_grad_enter());
  }
  ~ModeGuard() {
    if (mode_ == bench::Mode::kInference) must(tg_inference_mode_exit());
    if (mode_ == bench::Mode::kNoGrad) must(tg_no_grad_exit());
  }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  bench::Mode mode_;
};

inline void enter_and_leave_inference() {
  must(tg_inference_mode_enter(1));
  must(tg_inference_mode_exit());
}
inline void enter_and_leave_no_grad() {
  must(tg_no_grad_enter());
  must(tg_no_grad_exit());
}

inline Tensor make(const std::vector<float>& values, const std::vector<std::int64_t>& shape,
                   bool requires_grad) {
  tg_tensor out;
  must(tg_tensor_create(values.data(), TG_FLOAT32, shape.data(),
                        static_cast<std::int32_t>(shape.size()), requires_grad, &out));
  return Tensor(out);
}

inline std::vector<float> numbers(const Tensor& x) {
  std::uint64_t bytes;
  must(tg_tensor_nbytes(x.handle(), &bytes));
  std::vector<float> values(bytes / sizeof(float));
  must(tg_tensor_copy_out(x.handle(), values.data(), bytes));
  return values;
}

template <class Function, class... Arguments>
Tensor call(Function function, Arguments... arguments) {
  tg_tensor out;
  must(function(arguments..., &out));
  return Tensor(out);
}

inline Tensor add(const Tensor& a, const Tensor& b) { return call(tg_add, a.handle(), b.handle()); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return call(tg_mul, a.handle(), b.handle()); }
inline Tensor mul_scalar(const Tensor& a, double value) {
  return call(tg_mul_scalar, a.handle(), value);
}
inline Tensor relu(const Tensor& x) { return call(tg_relu, x.handle()); }
inline Tensor exp(const Tensor& x) { return call(tg_exp, x.handle()); }
inline Tensor sigmoid(const Tensor& x) { return call(tg_sigmoid, x.handle()); }
inline Tensor tanh(const Tensor& x) { return call(tg_tanh, x.handle()); }
inline Tensor softmax_rows(const Tensor& x) {
  return call(tg_softmax, x.handle(), std::int64_t{1});
}
inline Tensor sum(const Tensor& x) { return call(tg_sum, x.handle()); }
inline Tensor mm(const Tensor& a, const Tensor& b) { return call(tg_mm, a.handle(), b.handle()); }
inline Tensor linear(const Tensor& x, const Tensor& weight) {
  return call(tg_linear, x.handle(), weight.handle(), tg_tensor{0});
}
inline Tensor view_2x4(const Tensor& x) {
  static const std::int64_t shape[] = {2, 4};
  return call(tg_view, x.handle(), shape, 2);
}
inline void add_out(const Tensor& a, const Tensor& b, Tensor& out) {
  must(tg_add_out(a.handle(), b.handle(), out.handle()));
}
inline void relu_in_place(Tensor& x) { must(tg_relu_(x.handle())); }
inline Tensor same(const Tensor& x) { return call(tg_alias, x.handle()); }

inline void backward(const Tensor& y, const Tensor& grad) {
  const tg_tensor output = y.handle();
  const tg_tensor grad_output = grad.handle();
  must(tg_backward_from(&output, &grad_output, 1, 0));
}
inline std::vector<float> gradient(const Tensor& x) {
  return numbers(call(tg_tensor_grad, x.handle()));
}
inline void clear_gradient(Tensor& x) { must(tg_tensor_set_grad(x.handle(), 0)); }

// Linear and ReLU in turn, no ReLU behind the last Linear.
class Network {
 public:
  explicit Network(const std::vector<std::int64_t>& sizes);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;
  Tensor forward(const Tensor& x) { return call(tg_module_forward, module_, x.handle()); }
  std::vector<Tensor> parameters() const;

 private:
  tg_module module_ = 0;
};

enum class Optimizer { kSgd, kAdam };

// zero_grad, forward, cross_entropy, backward, step.
class Training {
 public:
  Training(const std::vector<std::int64_t>& sizes, Optimizer kind, const std::vector<float>& input,
           const std::vector<std::int64_t>& labels);
  ~Training();
  Tensor step();

 private:
  Network network_;
  Tensor input_;
  Tensor labels_;
  tg_optimizer optimizer_ = 0;
};

}  // namespace side
