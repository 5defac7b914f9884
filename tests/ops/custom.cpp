// SPDX-License-Identifier: MIT
// Forward mode through an operator with a derivative along tangents of its own: two passes, of
// which the first asks for no backward.
#include "ops/custom.h"

#include <catch2/catch.hpp>

#include "autograd/modes.h"
#include "ops/gradients.h"
#include "ops/ops.h"
#include "ops/values.h"

namespace {

using namespace tg;
using namespace tg::test;

// x * x with the derivative 2 x t; its backward is counted.
class Square final : public CustomOperator {
 public:
  explicit Square(bool has_tangent) : CustomOperator({1, true, has_tangent, false, false, false}) {
    name = "square";
  }
  int backwards = 0, tangents = 0;
  bool wrong = false;

 private:
  void destroy() noexcept override {}
  void check_arguments(std::span<const tg_value>) const override {}
  void forward(CustomCall& call) override {
    const EngineModes modes(false);
    call.save(call.inputs());
    call.give(0, mul(*call.inputs()[0], *call.inputs()[0]));
  }
  void backward(CustomPass& pass) override {
    ++backwards;
    pass.give(0, mul_scalar(mul(*pass.grads()[0], pass.saved(0)), 2));
  }
  void tangent(CustomTangent& run) override {
    ++tangents;
    CHECK(run.wants(0));
    const Tensor slope = mul_scalar(run.saved(0), 2);
    run.give(0, wrong ? sum(slope) : mul(slope, *run.tangents()[0]));
  }
};

Tensor apply(CustomOperator& op, const Tensor& x) {
  const Tensor* const inputs[] = {&x};
  Tensor out;
  op.apply(inputs, {}, {&out, 1});
  return out;
}

// The derivative of y along t, by two passes.
Tensor along(const Tensor& y, const Tensor& x, const Tensor& t) {
  Tensor weights = zeros(y.dtype(), y.shape());
  set_requires_grad(weights, true);
  const Tensor *const outputs[] = {&y}, *const given[] = {&weights}, *const inputs[] = {&x};
  GradFlags flags;
  flags.create_graph = flags.forward_mode = true;
  Tensor first, second;
  grad(outputs, given, inputs, flags, {&first, 1});
  const Tensor *const roots[] = {&first}, *const tangents[] = {&t}, *const asked[] = {&weights};
  grad(roots, tangents, asked, {}, {&second, 1});
  return second;
}

}  // namespace

TEST_CASE("an operator's own derivative takes the place of its backward in forward mode", "[ops]") {
  for (const bool has_tangent : {true, false}) {
    Square op(has_tangent);
    const Tensor x = leaf(tensor({3}, {1, -2, 3}));
    const Tensor t = tensor({3}, {1, 10, 0.5});
    // x^2 * x * x: the derivative along t is 4 x^3 t.
    const Tensor y = mul(mul(apply(op, x), x), x);
    CHECK(values(along(y, x, t)) == std::vector<double>{4, -320, 54});
    CHECK(op.tangents == (has_tangent ? 1 : 0));
    CHECK(op.backwards == (has_tangent ? 0 : 1));
  }
}

TEST_CASE("a tangent of another shape is refused, and so is a saved tensor that was changed",
          "[ops]") {
  Square op(true);
  const Tensor x = leaf(tensor({3}, {1, -2, 3}));
  const Tensor t = tensor({3}, {1, 10, 0.5});
  const Tensor y = apply(op, x);
  op.wrong = true;
  CHECK_THROWS_AS(along(y, x, t), Error);
  op.wrong = false;
  const EngineModes modes(false);
  fill_(x, 1);
  CHECK_THROWS_AS(along(y, x, t), Error);
}
