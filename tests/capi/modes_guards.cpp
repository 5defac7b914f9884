// SPDX-License-Identifier: MIT
// Modes from C++: the guards of tapegrad.hpp and their default.
#include <stdexcept>

#include "capi/tensors.h"
#include "tapegrad/tapegrad.hpp"

namespace {

uint64_t word() {
  uint64_t state = 1;
  capi::ok(tg_state_get(&state));
  return state;
}
// The word with one entry of inference_mode(mode) on the stack.
uint64_t word_inside(int32_t mode) {
  capi::ok(tg_inference_mode_enter(mode));
  const uint64_t inside = word();
  capi::ok(tg_inference_mode_exit());
  return inside;
}

}  // namespace

TEST_CASE("M18: where a language has default arguments, mode defaults to true", "[modes]") {
  const capi::Aside aside;
  const uint64_t on = word_inside(1), off = word_inside(0);
  REQUIRE(on != off);
  {
    const tapegrad::InferenceMode guard;
    CHECK(word() == on);
    CHECK(tapegrad::InferenceMode::is_enabled());
    CHECK(tg_is_grad_enabled() == 0);
  }
  CHECK(word() == 0);
  {
    const tapegrad::InferenceMode guard(false);
    CHECK(word() == off);
    CHECK_FALSE(tapegrad::InferenceMode::is_enabled());
  }
  CHECK(word() == 0);
  // The call form has the same default.
  CHECK(tapegrad::inference_mode(word) == on);
  CHECK(tapegrad::inference_mode(word, true) == on);
  CHECK(tapegrad::inference_mode(word, false) == off);
  CHECK(word() == 0);
}

TEST_CASE("M18: a guard leaves its mode on every path and enters nothing where it may not",
          "[modes]") {
  const capi::Aside aside;
  const auto thrower = [] {
    const tapegrad::InferenceMode guard;
    throw std::runtime_error("out of the block");
  };
  CHECK_THROWS_AS(thrower(), std::runtime_error);
  CHECK(word() == 0);
  CHECK_THROWS_AS(tapegrad::inference_mode(thrower), std::runtime_error);
  CHECK(word() == 0);
  {
    const tapegrad::NoGrad guard;
    const uint64_t inside = word();
    const auto nested = [] { const tapegrad::InferenceMode refused; };
    CHECK_THROWS_AS(nested(), tapegrad::Error);
    CHECK(tg_last_error() == TG_ERROR_MODE);
    CHECK(word() == inside);
  }
  CHECK(word() == 0);
  {
    const tapegrad::InferenceMode outer;
    const auto nested = [] { const tapegrad::NoGrad refused; };
    CHECK_THROWS_AS(nested(), tapegrad::Error);
    const tapegrad::InferenceMode left(false);
    const tapegrad::NoGrad allowed;  // M23: inference mode is 0 here
    CHECK(tg_is_grad_enabled() == 0);
    CHECK_FALSE(tapegrad::is_inference_mode_enabled());
  }
  CHECK(word() == 0);
}
