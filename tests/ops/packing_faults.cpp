// SPDX-License-Identifier: MIT
// linear while memory for the packing of its weight, or for what its kernel needs on the way, is
// refused: the product is made without, and has the same bits.
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "autograd/modes.h"
#include "base/thread.h"
#include "core/mode.h"
#include "ops/ops.h"

namespace {

tg::Tensor numbers(int64_t rows, int64_t columns, uint32_t seed) {
  const int64_t sizes[] = {rows, columns};
  tg::Tensor x = tg::make_tensor(tg::DType::float32, sizes, 2);
  auto* data = reinterpret_cast<float*>(x.data());
  for (int64_t i = 0; i < rows * columns; ++i) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = static_cast<float>(seed >> 8) / 8388608 - 1;
  }
  return x;
}

}  // namespace

TEST_CASE("linear gives the same bits whatever memory is refused on its way", "[packing]") {
  const tg::Tensor x = numbers(20, 300, 1);
  const tg::Tensor expected = tg::linear(x, numbers(150, 300, 2), {});
  const uint64_t mode = tg::state;
  tg::state |= tg::kNoGradNow;
  uint64_t refusals = 0;
  for (const bool lasting : {false, true}) {
    for (uint64_t k = 1;; ++k) {
      const tg::Tensor weight = numbers(150, 300, 2);
      tg::Tensor y;
      tg::fail_allocation(k, lasting);
      try {
        y = tg::linear(x, weight, {});
      } catch (const tg::Error& error) {
        CHECK(error.code == TG_ERROR_OUT_OF_MEMORY);  // of the result
      }
      const bool refused = tg::fail_allocation(0, false) >= k;
      if (y) {
        CAPTURE(k, lasting);
        REQUIRE(std::memcmp(y.data(), expected.data(), 20 * 150 * sizeof(float)) == 0);
        refusals += refused;
      }
      // Kept or not, the next call is right too.
      y = tg::linear(x, weight, {});
      REQUIRE(std::memcmp(y.data(), expected.data(), 20 * 150 * sizeof(float)) == 0);
      if (!refused) break;
    }
  }
  tg::state = mode;
  CHECK(refusals >= 1);
}
