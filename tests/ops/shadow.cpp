// SPDX-License-Identifier: MIT
// The debug build's check of saved tensors: memory that changes behind the back of its version.
#include "autograd/shadow.h"

#include <catch2/catch.hpp>

#include "ops/values.h"

#ifdef TG_DEBUG

namespace {

using namespace tg;
using namespace tg::test;

void run_backward(const Tensor& y) {
  const Tensor ones = ones_like(detach(y));
  const Tensor *const roots[] = {&y}, *const grads[] = {&ones};
  backward(roots, grads, {});
}

}  // namespace

TEST_CASE("a saved tensor whose memory changes without a version is found", "[shadow]") {
  const Tensor x = leaf(tensor({2, 3}, {1, 2, 3, 4, 5, 6}));
  for (const bool changes : {false, true}) {
    const Tensor once = mul_scalar(x, 1), y = exp(once),
                 z = mul(transpose(once, 0, 1), transpose(y, 0, 1));
    auto* elements = reinterpret_cast<double*>(once.data());
    const double before = elements[4];
    if (changes) elements[4] = 7;
    if (changes) {
      check_fails(TG_ERROR_INTERNAL, "its version has not", [&] { run_backward(z); });
    } else {
      run_backward(z);
    }
    elements[4] = before;
  }
}

#endif
