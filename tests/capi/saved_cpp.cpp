// SPDX-License-Identifier: MIT
// Hooks on saved tensors, checkpoints, anomaly mode and sites through tapegrad.hpp.
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/tensors.h"
#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;

TEST_CASE("hooks of C++ on saved tensors keep objects of any type", "[cpp]") {
  const uint64_t live = tg_live_handles();
  {
    const tg::Tensor w = tg::tensor({2.0, 3.0}, tg::DType::float64, true);
    int packs = 0;
    tg::Tensor y;
    {
      const tg::SavedTensorHooks<std::string> hooks(
          [&](const tg::Tensor& x) {
            ++packs;
            return std::to_string(x.sum().item());
          },
          [](const std::string& text) {
            return tg::full({2}, std::stod(text), tg::DType::float64);
          });
      y = w * w;
    }
    const tg::Tensor outside = w * w;
    CHECK(packs == 2);
    y.sum().backward();
    CHECK(capi::grad_values(w.handle()) == capi::Values{10, 10});  // each was packed as its sum
    const tg::SavedTensorHooks<int> failing(
        [](const tg::Tensor&) -> int { throw std::runtime_error("no room"); },
        [](const int&) { return tg::Tensor(); });
    CHECK_THROWS_WITH(w * w, Catch::Contains("no room"));
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("checkpoints of C++ run a function again", "[cpp]") {
  const uint64_t live = tg_live_handles();
  {
    const tg::Tensor x = tg::tensor({2.0, 3.0}, tg::DType::float64, true);
    const tg::Tensor scale = tg::tensor({5.0, 7.0}, tg::DType::float64, true);
    int runs = 0;
    const std::vector<tg::Tensor> outs = tg::checkpoint(
        [&](const std::vector<tg::Tensor>& in) {
          ++runs;
          std::vector<tg::Tensor> made;
          made.push_back(in[0] * in[0] * scale);
          made.push_back(in[0] + 1.0);
          return made;
        },
        {x}, 2);
    outs[0].sum().backward();
    CHECK(runs == 2);
    CHECK(capi::grad_values(x.handle()) == capi::Values{20, 42});
    CHECK(capi::grad_values(scale.handle()) == capi::Values{4, 9});
    CHECK_THROWS_WITH(tg::checkpoint(
                          [](const std::vector<tg::Tensor>&) -> std::vector<tg::Tensor> {
                            throw std::runtime_error("not now");
                          },
                          {x}),
                      Catch::Contains("not now"));
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("anomaly mode and sites from C++", "[cpp]") {
  const tg::Tensor zero = tg::tensor({0.0}, tg::DType::float64);
  {
    const tg::AnomalyMode on;
    tg::set_site("here.cpp", 5);
    CHECK_THROWS_WITH(zero.log(), Catch::Contains("Log at here.cpp:5 makes an infinity"));
    tg::set_site(nullptr, 0);
    CHECK_THROWS_AS(tg::AnomalyMode(), tg::Error);
  }
  CHECK_NOTHROW(zero.log());
}
