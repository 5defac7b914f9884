// SPDX-License-Identifier: MIT
// The longer parts of tapegrad's side: networks, a training step, and how a failure is shown.
#include <cstdio>
#include <cstdlib>

#include "side.h"

namespace side {

void stop_with_last_error() {
  std::fprintf(stderr, "%s: %s\n", tg_status_name(tg_last_error()), tg_last_error_message());
  std::exit(3);
}

Network::Network(const std::vector<std::int64_t>& sizes) {
  std::vector<tg_module> layers;
  for (std::size_t i = 0; i + 1 < sizes.size(); i++) {
    if (i > 0) {
      layers.emplace_back();
      must(tg_nn_relu(&layers.back()));
    }
    layers.emplace_back();
    must(tg_nn_linear(sizes[i], sizes[i + 1], 1, TG_FLOAT32, &layers.back()));
  }
  must(tg_nn_sequential(layers.data(), layers.size(), &module_));
  must(tg_release_many(layers.data(), layers.size()));
  const ModeGuard guard(bench::Mode::kNoGrad);
  std::uint64_t seed = 1000;
  for (const Tensor& parameter : parameters()) {
    std::uint64_t bytes;
    must(tg_tensor_nbytes(parameter.handle(), &bytes));
    const std::vector<float> values = bench::uniform(bytes / sizeof(float), seed++, -0.05f, 0.05f);
    must(tg_tensor_copy_in(parameter.handle(), values.data(), bytes));
  }
}

Network::~Network() { must(tg_release(module_)); }

std::vector<Tensor> Network::parameters() const {
  std::size_t count;
  must(tg_module_parameter_count(module_, &count));
  std::vector<Tensor> all;
  for (std::size_t i = 0; i < count; i++) all.push_back(call(tg_module_parameter_at, module_, i));
  return all;
}

Training::Training(const std::vector<std::int64_t>& sizes, Optimizer kind,
                   const std::vector<float>& input, const std::vector<std::int64_t>& labels)
    : network_(sizes),
      input_(make(input, {static_cast<std::int64_t>(labels.size()), sizes.front()}, false)) {
  const auto count = static_cast<std::int64_t>(labels.size());
  labels_ = call(tg_tensor_create, labels.data(), TG_INT64, &count, 1, 0);
  const std::vector<Tensor> owned = network_.parameters();
  std::vector<tg_tensor> parameters;
  for (const Tensor& parameter : owned) parameters.push_back(parameter.handle());
  if (kind == Optimizer::kSgd) {
    must(tg_optim_sgd(parameters.data(), parameters.size(), 0.01, &optimizer_));
  } else {
    must(tg_optim_adam(parameters.data(), parameters.size(), 1e-3, &optimizer_));
  }
}

Training::~Training() { must(tg_release(optimizer_)); }

Tensor Training::step() {
  must(tg_optimizer_zero_grad(optimizer_));
  const Tensor scores = network_.forward(input_);
  Tensor loss = call(tg_cross_entropy, scores.handle(), labels_.handle(), tg_tensor{0},
                     std::int64_t{-100}, std::int32_t{TG_REDUCTION_MEAN}, 0.0);
  must(tg_backward(loss.handle()));
  must(tg_optimizer_step(optimizer_));
  return loss;
}

}  // namespace side

namespace bench {

void set_threads(int count) { side::must(tg_num_threads_set(count)); }

std::string library_version() { return std::string("tapegrad ") + tg_version_string(); }

void add_rows() {
  add_small_rows();
  add_tape_rows();
  add_product_rows();
  add_elementwise_rows();
  add_module_rows();
  add_foreign_rows();
  add_figures();
}

}  // namespace bench
