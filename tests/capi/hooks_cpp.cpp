// SPDX-License-Identifier: MIT
// Hooks through tapegrad.hpp.
#include <stdexcept>
#include <vector>

#include "capi/tensors.h"
#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;

TEST_CASE("hooks of C++ see and replace gradients, and end with their objects", "[cpp]") {
  const uint64_t live = tg_live_handles();
  {
    const tg::Tensor w = tg::tensor({1.0, 2.0}, tg::DType::float64, true);
    const tg::Tensor y = w * 3.0, loss = y.sum();
    int runs = 0;
    tg::Hook hook = tg::tensor_hook(y, [&](const tg::Tensor& x, const tg::Tensor& grad) {
      ++runs;
      CHECK(capi::same(x.handle(), y.handle()));
      return grad * 2.0;
    });
    const tg::Hook keeps =
        tg::tensor_hook(y, [&](const tg::Tensor&, const tg::Tensor&) { return tg::Tensor(); });
    const tg::Hook after =
        tg::post_accumulate_grad_hook(w, [&](const tg::Tensor& leaf, const tg::Tensor& grad) {
          ++runs;
          CHECK(capi::same(leaf.handle(), w.handle()));
          tg::check(tg_mul_scalar_(grad.handle(), 10));
        });
    using Tensors = std::vector<tg::Tensor>;
    const tg::Hook before = tg::node_hook(
        y.grad_fn(), TG_BEFORE, [&](const tg::Node& node, const Tensors& in, const Tensors& out) {
          ++runs;
          CHECK(node.name() == "MulBackward");
          CHECK(in.empty());
          CHECK(out.size() == 1);
          return Tensors{};
        });
    const tg::Hook behind = tg::node_hook(y.grad_fn(), TG_AFTER,
                                          [&](const tg::Node&, const Tensors& in, const Tensors&) {
                                            ++runs;
                                            Tensors given;
                                            given.push_back(in[0] + 1.0);
                                            return given;
                                          });
    loss.backward();
    CHECK(runs == 4);
    CHECK(capi::grad_values(w.handle()) == capi::Values{70, 70});
    hook = tg::Hook();  // taken away
    (w * 3.0).sum().backward();
    CHECK(capi::grad_values(w.handle()) == capi::Values{730, 730});
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("what a hook of C++ throws becomes the error of the pass", "[cpp]") {
  const tg::Tensor w = tg::tensor({1.0, 2.0}, tg::DType::float64, true);
  const tg::Hook hook = tg::tensor_hook(w, [](const tg::Tensor&, const tg::Tensor&) -> tg::Tensor {
    throw std::runtime_error("not today");
  });
  try {
    w.sum().backward();
    FAIL("the hook was not run");
  } catch (const tg::Error& error) {
    CHECK_THAT(error.what(), Catch::Contains("not today"));
  }
  CHECK_FALSE(capi::has_grad(w.handle()));
}
