// SPDX-License-Identifier: MIT
// Operators of the caller from C++, by tapegrad.hpp.
#include <catch2/catch.hpp>
#include <stdexcept>
#include <string>

#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;

namespace {

std::vector<double> numbers(const tg::Tensor& x) { return x.to_vector<double>(); }
tg::Tensor leaf(const std::vector<double>& values) {
  return tg::tensor(values, {static_cast<int64_t>(values.size())}, true);
}

}  // namespace

TEST_CASE("an operator of C++ functions saves, keeps data, and is differentiable twice",
          "[operators]") {
  const tg::Operator scaled(
      "scaled",
      [](const tg::Context& context, const std::vector<tg::Tensor>& inputs) {
        context.save_for_backward({inputs[0]});
        context.set_data(std::string("kept"));
        CHECK(context.needs_input_grad(0));
        return inputs[0] * inputs[0];
      },
      [](const tg::Context& context, const tg::Tensor& grad) -> std::vector<tg::Tensor> {
        CHECK(context.data<std::string>() == "kept");
        return {grad * context.saved_tensor(0) * 2.0};
      });
  const tg::Tensor x = leaf({1, -2});
  const tg::Tensor y = scaled({x});
  y.sum().backward();
  CHECK(numbers(x.grad()) == std::vector<double>{2, -4});
}

TEST_CASE("what forward or backward throws is the call's error", "[operators]") {
  const tg::Operator failing("failing",
                             [](const tg::Context&, const std::vector<tg::Tensor>& inputs) {
                               if (inputs[0].numel() == 2) throw std::runtime_error("two elements");
                               return inputs[0].mm(inputs[0]);
                             });
  const tg::Tensor two = tg::zeros({2}), three = tg::zeros({3});
  CHECK_THROWS_WITH(failing({two}), Catch::Contains("two elements"));
  CHECK_THROWS_WITH(failing({three}), Catch::Contains("tg_mm"));
}

TEST_CASE("marks of a context, and a definition in the form of C", "[operators]") {
  const tg::Operator best(
      "best",
      [](const tg::Context& context, const std::vector<tg::Tensor>& inputs) {
        context.mark_non_differentiable(0);
        return inputs[0] * 2.0;
      },
      [](const tg::Context&, const tg::Tensor&) { return std::vector<tg::Tensor>(); });
  CHECK_FALSE(best({leaf({1, 2})}).requires_grad());
  const tg::Operator kept("kept",
                          [](const tg::Context& context, const std::vector<tg::Tensor>& inputs) {
                            context.mark_dirty(0);
                            return inputs[0];
                          });
  const tg::Tensor x = tg::zeros({2});
  const tg::Tensor y = kept({x});
  CHECK(x.version() == 1);
  tg_operator_definition definition{};
  definition.name = "plain";
  definition.out_count = 1;
  CHECK_THROWS_WITH(tg::Operator(definition), Catch::Contains("forward is NULL"));
}
