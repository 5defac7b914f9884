// SPDX-License-Identifier: MIT
// The walk over strided tensors: every element once, whatever the layout; and fill.
#include "kernels/strided.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstring>
#include <random>
#include <vector>

namespace tg::kernels {
namespace {

using Sizes = std::vector<int64_t>;

int64_t count_of(const Sizes& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return count;
}

// Row-major strides of a tensor whose dimensions lie in memory in the order `order`, slowest first.
Sizes strides_in_order(const Sizes& sizes, const std::vector<int>& order) {
  Sizes strides(sizes.size());
  int64_t step = 1;
  for (size_t i = order.size(); i-- > 0;) {
    strides[static_cast<size_t>(order[i])] = step;
    step *= sizes[static_cast<size_t>(order[i])];
  }
  return strides;
}

// Offsets of all elements in row-major order.
std::vector<int64_t> offsets_of(const Sizes& sizes, const Sizes& strides) {
  std::vector<int64_t> offsets{0};
  for (size_t d = 0; d < sizes.size(); ++d) {
    std::vector<int64_t> next;
    for (const int64_t offset : offsets) {
      for (int64_t i = 0; i < sizes[d]; ++i) next.push_back(offset + i * strides[d]);
    }
    offsets = next;
  }
  return offsets;
}

// How the lane was called: a loop that counts, and adds as add does.
struct Calls {
  int64_t calls = 0;
  int64_t elements = 0;
};
void counting_add(void* const* data, const int64_t* strides, int64_t n,
                  const void* parameters) noexcept {
  Calls& calls = *static_cast<Calls*>(const_cast<void*>(parameters));
  ++calls.calls;
  calls.elements += n;
  for (int64_t i = 0; i < n; ++i) {
    const auto at = [&](int k) {
      return reinterpret_cast<int32_t*>(static_cast<char*>(data[k]) + i * strides[k]);
    };
    *at(0) = *at(1) + *at(2);
  }
}

Calls walk_add(int32_t* out, const Sizes& out_strides, const int32_t* a, const Sizes& a_strides,
               const int32_t* b, const Sizes& b_strides, const Sizes& sizes) {
  Calls calls;
  void* const data[] = {out, const_cast<int32_t*>(a), const_cast<int32_t*>(b)};
  const int64_t* const strides[] = {out_strides.data(), a_strides.data(), b_strides.data()};
  const int64_t item[] = {4, 4, 4};
  walk(counting_add, &calls, 3, data, strides, item, sizes.data(), static_cast<int>(sizes.size()));
  return calls;
}

}  // namespace

TEST_CASE("a walk meets every element once in random layouts", "[kernels]") {
  std::mt19937_64 random(20240521);
  for (int round = 0; round < 2000; ++round) {
    const int rank = static_cast<int>(random() % 6);
    Sizes sizes;
    std::vector<int> order;
    for (int d = 0; d < rank; ++d) {
      sizes.push_back(static_cast<int64_t>(random() % 5));
      if (random() % 4 != 0 && sizes.back() == 0) sizes.back() = 2;
      order.push_back(d);
    }
    const int64_t count = count_of(sizes);
    const size_t room = static_cast<size_t>(count) + 1;
    // Result: any order of dimensions, some of them backwards. Operands: the same, some broadcast.
    Sizes strides[3];
    std::vector<int32_t> memory[3];
    int64_t start[3] = {0, 0, 0};
    for (int k = 0; k < 3; ++k) {
      std::shuffle(order.begin(), order.end(), random);
      strides[k] = strides_in_order(sizes, order);
      memory[k].resize(room);
      for (int32_t& value : memory[k]) value = static_cast<int32_t>(random() % 100000);
      for (int d = 0; d < rank; ++d) {
        int64_t& stride = strides[k][static_cast<size_t>(d)];
        if (k > 0 && random() % 4 == 0) stride = 0;
        if (random() % 4 == 0 && sizes[static_cast<size_t>(d)] > 0) {
          start[k] += (sizes[static_cast<size_t>(d)] - 1) * stride;
          stride = -stride;
        }
      }
    }
    CAPTURE(round, sizes, strides[0], strides[1], strides[2]);
    const int32_t guard = memory[0].back();
    const Calls calls =
        walk_add(memory[0].data() + start[0], strides[0], memory[1].data() + start[1], strides[1],
                 memory[2].data() + start[2], strides[2], sizes);
    CHECK(calls.elements == count);
    CHECK(memory[0].back() == guard);
    std::vector<int64_t> offsets[3];
    for (int k = 0; k < 3; ++k) offsets[k] = offsets_of(sizes, strides[k]);
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      const auto at = [&](int k) {
        return memory[k][static_cast<size_t>(start[k] + offsets[k][i])];
      };
      REQUIRE(at(0) == at(1) + at(2));
    }
  }
}

TEST_CASE("dimensions that continue each other are one row", "[kernels]") {
  std::vector<int32_t> out(120), a(120, 1), b(120, 2);
  const Sizes sizes = {2, 3, 4, 5};
  const Sizes rows = strides_in_order(sizes, {0, 1, 2, 3});
  CHECK(walk_add(out.data(), rows, a.data(), rows, b.data(), rows, sizes).calls == 1);
  // Transposed alike: still one row, in the order of memory.
  const Sizes turned = strides_in_order(sizes, {3, 1, 0, 2});
  CHECK(walk_add(out.data(), turned, a.data(), turned, b.data(), turned, sizes).calls == 1);
  // A bias along the last dimension: a row for each of the others together.
  CHECK(walk_add(out.data(), rows, a.data(), rows, b.data(), {0, 0, 0, 1}, sizes).calls == 24);
  // A scalar: one row with stride 0.
  CHECK(walk_add(out.data(), rows, a.data(), rows, b.data(), {0, 0, 0, 0}, sizes).calls == 1);
  // Dimensions of size 1 do not count, whatever their strides.
  CHECK(walk_add(out.data(), {60, 7, 1, 99}, a.data(), {60, 5, 1, 0}, b.data(), {60, 1, 1, 1},
                 {2, 1, 60, 1})
            .calls == 1);
}

TEST_CASE("a tensor without elements is not touched, one without dimensions has one", "[kernels]") {
  int32_t out = 7, a = 20, b = 22;
  CHECK(walk_add(nullptr, {1, 1}, nullptr, {1, 1}, nullptr, {1, 1}, {3, 0}).calls == 0);
  CHECK(walk_add(&out, {}, &a, {}, &b, {}, {}).calls == 1);
  CHECK(out == 42);
}

TEST_CASE("sixteen dimensions are walked", "[kernels]") {
  const Sizes sizes(kMaxWalkRank, 2);
  std::vector<int> order;
  for (int d = kMaxWalkRank; d-- > 0;) order.push_back(d);
  const Sizes rows = strides_in_order(sizes, [] {
    std::vector<int> forward;
    for (int d = 0; d < kMaxWalkRank; ++d) forward.push_back(d);
    return forward;
  }());
  const Sizes turned = strides_in_order(sizes, order);
  std::vector<int32_t> out(65536), a(65536), b(65536);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<int32_t>(i);
    b[i] = static_cast<int32_t>(3 * i);
  }
  walk_add(out.data(), rows, a.data(), rows, b.data(), turned, sizes);
  for (size_t i = 0; i < out.size(); ++i) {
    size_t reversed = 0;
    for (int d = 0; d < kMaxWalkRank; ++d) reversed |= (i >> d & 1) << (kMaxWalkRank - 1 - d);
    REQUIRE(out[i] == a[i] + b[reversed]);
  }
}

TEST_CASE("a lane runs over strided tensors", "[kernels]") {
  // c[i][j] = a[j][i] + bias[j]
  constexpr int64_t kRows = 5, kColumns = 37;
  std::vector<float> a(kRows * kColumns), bias(kColumns), c(kRows * kColumns);
  for (size_t i = 0; i < a.size(); ++i) a[i] = static_cast<float>(i) * 0.5f;
  for (size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<float>(i * i);
  void* const data[] = {c.data(), a.data(), bias.data()};
  const int64_t out_strides[] = {kColumns, 1}, a_strides[] = {1, kRows}, bias_strides[] = {0, 1};
  const int64_t* const strides[] = {out_strides, a_strides, bias_strides};
  const int64_t item[] = {4, 4, 4}, sizes[] = {kRows, kColumns};
  walk(table().at(Lane::add, DType::float32), nullptr, 3, data, strides, item, sizes, 2);
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < kColumns; ++j) {
      REQUIRE(c[i * kColumns + j] == a[j * kRows + i] + bias[j]);
    }
  }
}

TEST_CASE("fill writes every element of a view and nothing beside it", "[kernels]") {
  std::vector<int16_t> memory(100, 7);
  const int64_t sizes[] = {3, 4}, strides[] = {20, 2};
  fill(DType::int16, memory.data() + 10, strides, sizes, 2, {0, 0, -5, 0});
  for (size_t i = 0; i < memory.size(); ++i) {
    const size_t from = i - 10;
    const bool inside = i >= 10 && from / 20 < 3 && from % 20 < 8 && from % 2 == 0;
    REQUIRE(memory[i] == (inside ? -5 : 7));
  }
  std::vector<uint16_t> halves(5);
  const int64_t five = 5, one = 1;
  fill(DType::float16, halves.data(), &one, &five, 1, {-2.0, 0, 0, 0});
  for (const uint16_t bits : halves) CHECK(bits == 0xc000);
  fill(DType::bfloat16, halves.data(), &one, &five, 1, {0.1, 0, 0, 0});
  for (const uint16_t bits : halves) CHECK(bits == 0x3dcd);
}

}  // namespace tg::kernels
