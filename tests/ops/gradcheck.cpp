// SPDX-License-Identifier: MIT
// The check of gradients is worth something only if it finds wrong ones.
#include "gradcheck.h"

namespace tg {
namespace {

using test::check_first_order;
using test::gradcheck;
using test::Inputs;
using test::leaf;
using test::noise;

TEST_CASE("gradcheck finds a gradient that misses a part") {
  const Inputs x = {leaf(noise({3}, 1)), leaf(noise({3}, 2))};
  CHECK(gradcheck([](const Inputs& in) { return mul(in[0], in[1]); }, x) == "");
  CHECK_THAT(gradcheck([](const Inputs& in) { return mul(in[0], detach(in[1])); }, x),
             Catch::StartsWith("order 1") && Catch::Contains("input 1, element 2"));
  CHECK_THAT(gradcheck([](const Inputs& in) { return detach(in[0]); }, {x[0]}),
             Catch::Contains("input 0"));
}

TEST_CASE("gradcheck finds a second derivative that misses a part") {
  // The value is x^2 and the gradient 2 x, but the tape does not know that 2 x depends on x.
  const auto square = [](const Inputs& in) {
    const Tensor x = detach(in[0]);
    return sub(mul_scalar(mul(in[0], x), 2), mul(x, x));
  };
  const Inputs x = {leaf(noise({3}, 3))};
  CHECK(check_first_order(square, x) == "");
  CHECK_THAT(gradcheck(square, x), Catch::StartsWith("order 2"));
}

}  // namespace
}  // namespace tg
