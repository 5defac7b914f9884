// SPDX-License-Identifier: MIT
// Layers: few rows times a transposed weight, whose packing a caller may keep.
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "base/cpu.h"
#include "base/parallel.h"
#include "blas/gemm.h"
#include "kernels/packed_gemm.h"

namespace {

using tg::DType;
using tg::blas::Matrix;

struct Layer {
  int64_t m, n, k;
  std::vector<float> x, weight, bias, y, room;

  Layer(int64_t rows, int64_t columns, int64_t depth) : m(rows), n(columns), k(depth) {
    uint32_t seed = 5;
    x.resize(static_cast<size_t>(m * k));
    weight.resize(static_cast<size_t>(n * k));
    bias.resize(static_cast<size_t>(n));
    y.resize(static_cast<size_t>(m * n));
    for (auto* list : {&x, &weight, &bias}) {
      for (float& e : *list) {
        seed = seed * 1664525u + 1013904223u;
        e = static_cast<float>(seed >> 8) / 8388608 - 1;
      }
    }
  }
  Matrix out() { return {y.data(), m, n, n, 1}; }
  Matrix input() { return {x.data(), m, k, k, 1}; }
  Matrix weights() { return {weight.data(), n, k, k, 1}; }
  size_t packing_bytes() {
    return tg::blas::packing_bytes(DType::float32, out(), input(), weights());
  }
  const void* packing() {
    room.resize(packing_bytes() / sizeof(float) + 16);
    float* const data = tg::kernels::aligned(room.data());
    tg::blas::pack_weight(data, weights());
    return data;
  }
  std::vector<float> run(const void* packing) {
    y.assign(y.size(), -5);
    tg::blas::linear(DType::float32, out(), input(), weights(), bias.data(), 1, true, packing);
    return y;
  }
};

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

TEST_CASE("a layer has the same bits with a packing and without, at any number of threads",
          "[blas]") {
  const int threads = tg::thread_count();
  for (const auto& size : {std::vector<int64_t>{50, 1000, 1000},
                           {8, 333, 500},
                           {2, 64, 512},
                           {128, 770, 301},
                           {37, 2050, 510}}) {
    Layer layer(size[0], size[1], size[2]);
    INFO(layer.m << "x" << layer.n << "x" << layer.k);
    tg::set_thread_count(1);
    const std::vector<float> expected = layer.run(nullptr);
    for (int64_t i = 0; i < layer.m; i += 7) {
      for (int64_t j = 0; j < layer.n; j += 3) {
        double sum = layer.bias[static_cast<size_t>(j)];
        for (int64_t p = 0; p < layer.k; ++p) {
          sum += double{layer.x[static_cast<size_t>(i * layer.k + p)]} *
                 layer.weight[static_cast<size_t>(j * layer.k + p)];
        }
        const float found = expected[static_cast<size_t>(i * layer.n + j)];
        REQUIRE(found == Approx(sum < 0 ? 0 : sum).margin(1e-3));
      }
    }
    const bool packs = tg::best_target() >= tg::Target::avx2;
    REQUIRE((layer.packing_bytes() > 0) == packs);
    const void* packing = packs ? layer.packing() : nullptr;
    for (int count : {1, 2, 3, 7}) {
      tg::set_thread_count(count);
      CAPTURE(count);
      REQUIRE(same_bits(layer.run(nullptr), expected));
      REQUIRE(same_bits(layer.run(packing), expected));
    }
  }
  tg::set_thread_count(threads);
}

TEST_CASE("what packs is chosen by dtype, sizes and strides", "[blas]") {
  if (tg::best_target() < tg::Target::avx2) return;
  const auto bytes = [](int64_t m, int64_t n, int64_t k, DType dtype = DType::float32,
                        int64_t column = 1) {
    float element = 0;
    return tg::blas::packing_bytes(dtype, {&element, m, n, n, 1}, {&element, m, k, k, 1},
                                   {&element, n, k, column == 1 ? k : 1, column});
  };
  CHECK(bytes(50, 1000, 1000) >= 4000000);
  CHECK(bytes(50, 1000, 1000) < 4200000);
  CHECK(bytes(2, 64, 512) > 0);
  CHECK(bytes(1, 1000, 1000) == 0);     // a matrix by a vector reads the weight once
  CHECK(bytes(1000, 1000, 1000) == 0);  // the work outweighs the packing
  CHECK(bytes(50, 10, 10000) == 0);
  CHECK(bytes(50, 100, 100) == 0);
  CHECK(bytes(50, 1000, 1000, DType::float64) == 0);
  CHECK(bytes(50, 1000, 1000, DType::float32, 1000) == 0);  // the weight lies as it is read
}
