// SPDX-License-Identifier: MIT
// Rows X: the examples (ten products, two networks); rows R: a training step.
#include "side.h"

namespace bench {
namespace {

// Rows of sum 1 stay so in every power, so ten squarings neither overflow nor vanish.
std::vector<float> stochastic(std::size_t n) {
  std::vector<float> values = uniform(n * n, 1, 0, 1);
  for (std::size_t i = 0; i < n; i++) {
    float sum = 0;
    for (std::size_t j = 0; j < n; j++) sum += values[i * n + j];
    for (std::size_t j = 0; j < n; j++) values[i * n + j] /= sum;
  }
  return values;
}

side::Tensor ten_products(const side::Tensor& x) {
  side::Tensor y = side::mm(x, x);
  for (int i = 1; i < 10; i++) y = side::mm(y, y);
  return side::sum(y);
}

// The parameters require grad in every mode, as in a program that evaluates what it trained.
Prepared forward(Mode mode, const std::vector<std::int64_t>& sizes, std::int64_t batch) {
  struct Operands {
    side::Network network;
    side::Tensor x;
    Operands(Mode mode, const std::vector<std::int64_t>& sizes, std::int64_t batch)
        : network(sizes) {
      const side::ModeGuard guard(mode);
      x = side::make(uniform(static_cast<std::size_t>(batch * sizes.front()), 1),
                     {batch, sizes.front()}, false);
    }
  };
  return calls(mode, [held = std::make_shared<Operands>(mode, sizes, batch)] {
    return held->network.forward(held->x);
  });
}

const std::vector<std::int64_t> kSmall = {10, 20, 5};
const std::vector<std::int64_t> kLarge = {1000, 1000, 1000, 10};

void add_forward(const std::string& name, const std::vector<std::int64_t>& sizes,
                 std::int64_t batch, int threads = 1, bool wall = false) {
  for (Mode mode : kModes) {
    rows().push_back({name + "/" + mode_name(mode),
                      [mode, sizes, batch] { return forward(mode, sizes, batch); }, 1, threads,
                      wall});
  }
}

std::vector<std::int64_t> labels(std::size_t count) {
  std::vector<std::int64_t> all;
  for (float value : uniform(count, 7, 0, 10)) all.push_back(static_cast<std::int64_t>(value));
  return all;
}

Prepared training(side::Optimizer kind) {
  const std::vector<std::int64_t> sizes = {784, 256, 128, 10};
  const auto held =
      std::make_shared<side::Training>(sizes, kind, uniform(64 * 784, 1, 0, 1), labels(64));
  return {[held](Meter& meter, std::size_t count) {
            meter.start();
            for (std::size_t i = 0; i < count; i++) held->step();
            meter.stop();
          },
          // Losses of the first steps: each depends on every gradient and update before it.
          [held] {
            std::vector<float> losses;
            for (int i = 0; i < 5; i++) losses.push_back(side::numbers(held->step()).front());
            return losses;
          }};
}

}  // namespace

void add_module_rows() {
  for (Mode mode : kModes) {
    rows().push_back({std::string("X2/ten_mm100_sum/") + mode_name(mode), [mode] {
                        return calls(mode, [x = operand(mode, stochastic(100), {100, 100})] {
                          return ten_products(x);
                        });
                      }});
  }
  add_forward("X3/mlp10_20_5_batch100", kSmall, 100);
  add_forward("X3b/mlp10_20_5_batch1", kSmall, 1);
  add_forward("X4/mlp1000_batch50", kLarge, 50);
  add_forward("X4t/mlp1000_batch50/threads1", kLarge, 50, 1, true);
  add_forward("X4t/mlp1000_batch50/threads2", kLarge, 50, 2, true);
  rows().push_back({"R1/step_sgd", [] { return training(side::Optimizer::kSgd); }});
  rows().push_back({"R2/step_adam", [] { return training(side::Optimizer::kAdam); }});
}

}  // namespace bench
