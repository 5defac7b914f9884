// SPDX-License-Identifier: MIT
// libtorch through its C++ API, under the names that the rows use.
#pragma once

#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "row.h"

namespace side {

using Tensor = at::Tensor;

class ModeGuard {
 public:
  explicit ModeGuard(bench::Mode mode) {
    if (mode == bench::Mode::kInference) inference_.emplace();
    if (mode == bench::Mode::kNoGrad) no_grad_.emplace();
  }

 private:
  std::optional<c10::InferenceMode> inference_;
  std::optional<at::NoGradGuard> no_grad_;
};

inline void enter_and_leave_inference() { c10::InferenceMode guard; }
inline void enter_and_leave_no_grad() { at::NoGradGuard guard; }

inline Tensor make(const std::vector<float>& values, const std::vector<std::int64_t>& shape,
                   bool requires_grad) {
  Tensor x = torch::empty(shape);
  std::copy(values.begin(), values.end(), x.data_ptr<float>());
  x.set_requires_grad(requires_grad);
  return x;
}

inline std::vector<float> numbers(const Tensor& x) {
  const Tensor plain = x.detach().contiguous();
  const float* data = plain.data_ptr<float>();
  return std::vector<float>(data, data + plain.numel());
}

inline Tensor add(const Tensor& a, const Tensor& b) { return at::add(a, b); }
inline Tensor mul(const Tensor& a, const Tensor& b) { return at::mul(a, b); }
inline Tensor mul_scalar(const Tensor& a, double value) { return at::mul(a, value); }
inline Tensor relu(const Tensor& x) { return at::relu(x); }
inline Tensor exp(const Tensor& x) { return at::exp(x); }
inline Tensor sigmoid(const Tensor& x) { return at::sigmoid(x); }
inline Tensor tanh(const Tensor& x) { return at::tanh(x); }
inline Tensor softmax_rows(const Tensor& x) { return at::softmax(x, 1); }
inline Tensor sum(const Tensor& x) { return at::sum(x); }
inline Tensor mm(const Tensor& a, const Tensor& b) { return at::mm(a, b); }
inline Tensor linear(const Tensor& x, const Tensor& weight) { return at::linear(x, weight); }
inline Tensor view_2x4(const Tensor& x) { return x.view({2, 4}); }
inline void add_out(const Tensor& a, const Tensor& b, Tensor& out) { at::add_out(out, a, b); }
inline void relu_in_place(Tensor& x) { at::relu_(x); }
inline Tensor same(const Tensor& x) { return x; }

inline void backward(const Tensor& y, const Tensor& grad) { y.backward(grad); }
inline std::vector<float> gradient(const Tensor& x) { return numbers(x.grad()); }
inline void clear_gradient(Tensor& x) { x.mutable_grad() = Tensor(); }

// Linear and ReLU in turn, no ReLU behind the last Linear.
class Network {
 public:
  explicit Network(const std::vector<std::int64_t>& sizes) {
    for (std::size_t i = 0; i + 1 < sizes.size(); i++) {
      if (i > 0) layers_->push_back(torch::nn::ReLU());
      layers_->push_back(torch::nn::Linear(sizes[i], sizes[i + 1]));
    }
    at::NoGradGuard guard;
    std::uint64_t seed = 1000;
    for (Tensor& parameter : layers_->parameters()) {
      const auto count = static_cast<std::size_t>(parameter.numel());
      parameter.copy_(make(bench::uniform(count, seed++, -0.05f, 0.05f), {parameter.numel()}, false)
                          .view(parameter.sizes()));
    }
  }
  Tensor forward(const Tensor& x) { return layers_->forward(x); }
  std::vector<Tensor> parameters() { return layers_->parameters(); }

 private:
  torch::nn::Sequential layers_;
};

enum class Optimizer { kSgd, kAdam };

// zero_grad, forward, cross_entropy, backward, step.
class Training {
 public:
  Training(const std::vector<std::int64_t>& sizes, Optimizer kind, const std::vector<float>& input,
           const std::vector<std::int64_t>& labels)
      : network_(sizes),
        input_(make(input, {static_cast<std::int64_t>(labels.size()), sizes.front()}, false)),
        labels_(torch::tensor(labels)) {
    if (kind == Optimizer::kSgd) {
      optimizer_ = std::make_unique<torch::optim::SGD>(network_.parameters(), 0.01);
    } else {
      optimizer_ = std::make_unique<torch::optim::Adam>(network_.parameters(), 1e-3);
    }
  }
  Tensor step() {
    optimizer_->zero_grad();
    Tensor loss = torch::nn::functional::cross_entropy(network_.forward(input_), labels_);
    loss.backward();
    optimizer_->step();
    return loss;
  }

 private:
  Network network_;
  Tensor input_;
  Tensor labels_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace side
