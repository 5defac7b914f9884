// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>

#include "gradcheck.h"

namespace tg {
namespace {

using test::check_close;
using test::check_fails;
using test::gradcheck;
using test::gradients;
using test::Inputs;
using test::leaf;
using test::noise;
using test::sizes;
using test::tensor;
using test::values;
using List = std::vector<double>;
using Sizes = std::vector<int64_t>;

TEST_CASE("softmax and log_softmax against their formulas") {
  const Tensor x = noise({2, 3, 4}, 1);
  for (int dim = 0; dim < 3; ++dim) {
    CAPTURE(dim);
    const Tensor powers = exp(x);
    const int64_t dims[] = {dim};
    const Tensor expected = div(powers, sum_dims(powers, dims, true));
    check_close(softmax(x, dim), values(expected), 1e-14);
    check_close(softmax(x, dim - 3), values(expected), 1e-14);
    check_close(log_softmax(x, dim), values(log(expected)), 1e-14);
    check_close(softmax(to_dtype(x, DType::float32), dim), values(expected), 1e-6);
  }
  const Tensor strided = transpose(x, 0, 2);
  check_close(softmax(strided, 0), values(softmax(contiguous(strided), 0)), 0);
  CHECK(softmax(x, 1).head()->history == 0);
}

TEST_CASE("softmax of rank 0, of nothing and of great numbers") {
  CHECK(values(softmax(tensor({}, {5}), 0)) == List{1});
  CHECK(values(log_softmax(tensor({}, {5}), -1)) == List{0});
  CHECK(sizes(softmax(tensor({0, 3}, {}), 1)) == Sizes{0, 3});
  CHECK(sizes(softmax(tensor({3, 0}, {}), 1)) == Sizes{3, 0});
  CHECK(values(softmax(tensor({2}, {1000, 1000}), 0)) == List{0.5, 0.5});
  CHECK(values(softmax(tensor({2}, {0, -std::numeric_limits<double>::infinity()}), 0)) ==
        List{1, 0});
}

TEST_CASE("what softmax refuses") {
  check_fails(TG_ERROR_DTYPE, "has dtype int64; softmax takes float32 and float64", [] {
    softmax(tensor(DType::int64, {2}, {1, 2}), 0);
  });
  check_fails(TG_ERROR_DTYPE, "tg_to_dtype", [] {
    log_softmax(tensor(DType::float16, {2}, {1, 2}), 0);
  });
  check_fails(TG_ERROR_INDEX, "dim is 1; a tensor of rank 1 takes -1 to 0", [] {
    softmax(tensor({2}, {1, 2}), 1);
  });
}

TEST_CASE("gradients of softmax and log_softmax") {
  const Inputs x = {leaf(noise({2, 3, 2}, 2))};
  for (int dim = 0; dim < 3; ++dim) {
    CAPTURE(dim);
    CHECK(gradcheck([&](const Inputs& in) { return softmax(in[0], dim); }, x) == "");
    CHECK(gradcheck([&](const Inputs& in) { return log_softmax(in[0], dim); }, x) == "");
  }
  const Inputs zero = {leaf(tensor({}, {2}))};
  CHECK(gradcheck([](const Inputs& in) { return softmax(mul(in[0], in[0]), 0); }, zero) == "");
  CHECK(gradcheck([](const Inputs& in) { return log_softmax(mul(in[0], in[0]), 0); }, zero) == "");
}

TEST_CASE("third derivatives of softmax and log_softmax") {
  const Inputs x = {leaf(noise({4}, 3))};
  using Rows = Tensor (*)(const Tensor&, int64_t, Into);
  for (const Rows rows : {Rows{softmax}, Rows{log_softmax}}) {
    const auto slope = [&](const Inputs& in) {
      return gradients(rows(in[0], 0, {}), tensor({4}, {1, -2, 0.5, 3}), {in[0]}, true)[0];
    };
    CHECK(gradcheck(slope, x) == "");
  }
}

TEST_CASE("a gradient that is expanded or transposed") {
  const Tensor x = leaf(noise({2, 3}, 4));
  const Tensor y = log_softmax(x, 1);
  const Tensor g = t(noise({3, 2}, 5));
  check_close(gradients(y, g, {x})[0], values(gradients(y, contiguous(g), {x})[0]), 0);
  check_close(gradients(sum(softmax(x, 1)), {}, {x})[0], List(6, 0), 1e-15);
}

TEST_CASE("softmax saves its result, not its operand") {
  const Tensor x = leaf(noise({3}, 6));
  const Tensor copy = mul_scalar(x, 1);
  const Tensor y = softmax(copy, 0);
  copy.storage().raise_version();
  CHECK(gradients(y, noise({3}, 7), {x})[0]);
  y.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "result float64[3] that Softmax saved",
              [&] { gradients(y, noise({3}, 7), {x}); });
}

}  // namespace
}  // namespace tg
