// SPDX-License-Identifier: MIT
#include "kernels/indexing.h"

#include <catch2/catch.hpp>

#include "layouts.h"

namespace tg::kernels {
namespace {

using test::Array;
using test::for_each_position;
using test::kLayouts;
using test::kOutLayouts;
using test::Layout;
using test::Numbers;
using test::on_every_target;
using test::Sizes;

// The shape of an index, the dimension, and how long the other side is along it.
struct Case {
  Sizes sizes;
  size_t dim;
  int64_t limit;
};
const std::vector<Case> kCases = {{{7}, 0, 5},       {{4, 6}, 0, 3},    {{4, 6}, 1, 9},
                                  {{3, 1}, 1, 4},    {{2, 5, 4}, 0, 3}, {{2, 5, 4}, 1, 2},
                                  {{2, 5, 4}, 2, 8}, {{1, 1, 1}, 1, 6}, {{70, 33}, 0, 20},
                                  {{3, 0, 2}, 0, 4}, {{5, 200}, 0, 5}};

Sizes with_size(Sizes sizes, size_t dim, int64_t size) {
  sizes[dim] = size;
  return sizes;
}

// Whole numbers, a different one in each place of the memory.
template <class T>
void number(Array<T>& x) {
  for (int64_t i = 0; i < x.room; ++i) x.memory[static_cast<size_t>(i)] = static_cast<T>(i * 7 + 1);
}

void fill_index(Array<int64_t>& index, int64_t limit, uint64_t seed) {
  Numbers numbers(seed);
  for (int64_t i = 0; i < index.room; ++i) {
    index.memory[static_cast<size_t>(i)] = numbers.below(limit);
  }
}

// An index that is the same along every dimension but `dim`, as index_select expands it.
Array<int64_t> expanded(const Case& c) {
  Array<int64_t> index(c.sizes);
  for (auto& stride : index.strides) stride = 0;
  index.strides[c.dim] = 1;
  return index;
}

TEMPLATE_TEST_CASE("gather reads where the index says, in any layout", "[kernels][indexing]",
                   uint8_t, uint16_t, float, double) {
  using T = TestType;
  for (const Case& c : kCases) {
    for (const Layout in_layout : kLayouts) {
      for (const Layout out_layout : kOutLayouts) {
        for (const bool whole_rows : {false, true}) {
          Array<T> in(with_size(c.sizes, c.dim, c.limit), in_layout);
          number(in);
          Array<int64_t> index = whole_rows ? expanded(c) : Array<int64_t>(c.sizes, in_layout);
          fill_index(index, c.limit, 17);
          Array<T> out(c.sizes, out_layout);
          gather(sizeof(T), out.data(), out.strides.data(), in.data(), in.strides.data(),
                 index.data(), index.strides.data(), c.sizes.data(), out.rank(),
                 static_cast<int>(c.dim));
          int64_t wrong = 0;
          for_each_position(c.sizes, [&](const Sizes& at) {
            wrong += out.at(at) != in.at(with_size(at, c.dim, index.at(at)));
          });
          CAPTURE(c.sizes, c.dim, in_layout, out_layout, whole_rows);
          REQUIRE(wrong == 0);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("scatter_add adds in row-major order, in any layout", "[kernels][indexing]",
                   float, double) {
  using T = TestType;
  on_every_target([] {
    for (const Case& c : kCases) {
      for (const Layout layout : kOutLayouts) {
        for (const Layout source_layout : kLayouts) {
          for (const bool whole_rows : {false, true}) {
            Array<T> source(c.sizes, source_layout);
            Numbers numbers(23);
            for (int64_t i = 0; i < source.room; ++i) {
              source.memory[static_cast<size_t>(i)] = static_cast<T>(numbers.between(-1, 1));
            }
            Array<int64_t> index = whole_rows ? expanded(c) : Array<int64_t>(c.sizes, layout);
            fill_index(index, c.limit, 29);
            const Sizes out_sizes = with_size(c.sizes, c.dim, c.limit);
            Array<T> out(out_sizes, layout), wanted(out_sizes, layout);
            number(out), number(wanted);
            scatter_add(sizeof(T) == 4 ? DType::float32 : DType::float64, out.data(),
                        out.strides.data(), index.data(), index.strides.data(), source.data(),
                        source.strides.data(), c.sizes.data(), out.rank(), static_cast<int>(c.dim));
            for_each_position(c.sizes, [&](const Sizes& at) {
              wanted.at(with_size(at, c.dim, index.at(at))) += source.at(at);
            });
            int64_t wrong = 0;
            for (int64_t i = 0; i < out.room; ++i) {
              wrong += out.memory[static_cast<size_t>(i)] != wanted.memory[static_cast<size_t>(i)];
            }
            CAPTURE(c.sizes, c.dim, layout, source_layout, whole_rows);
            REQUIRE(wrong == 0);
          }
        }
      }
    }
  });
}

TEST_CASE("a tensor of rank 0 is its own element 0", "[kernels][indexing]") {
  const float in = 5;
  float out = 0;
  const int64_t index = 0;
  gather(4, &out, nullptr, &in, nullptr, &index, nullptr, nullptr, 0, 0);
  CHECK(out == 5);
  scatter_add(DType::float32, &out, nullptr, &index, nullptr, &in, nullptr, nullptr, 0, 0);
  CHECK(out == 10);
}

TEST_CASE("an index out of range is found and named", "[kernels][indexing]") {
  for (const Layout layout : kOutLayouts) {
    Array<int64_t> index({3, 5}, layout);
    fill_index(index, 4, 31);
    int64_t bad = 77;
    auto inside = [&](int64_t limit, bool negative) {
      return indices_in_range(index.data(), index.strides.data(), index.sizes.data(), 2, limit,
                              negative, &bad);
    };
    CHECK(inside(4, false));
    CHECK(bad == 77);
    index.at({1, 3}) = 4;
    index.at({2, 0}) = 9;
    CHECK_FALSE(inside(4, false));
    CHECK(bad == 4);
    CHECK(inside(10, false));
    index.at({0, 2}) = -1;
    CHECK_FALSE(inside(10, false));
    CHECK(bad == -1);
    CHECK(inside(10, true));
    index.at({2, 4}) = -10;
    CHECK(inside(10, true));
    CHECK_FALSE(inside(9, true));
    CHECK(bad == 9);
    index.at({2, 0}) = 0;
    CHECK_FALSE(inside(9, true));
    CHECK(bad == -10);
    index.at({0, 0}) = std::numeric_limits<int64_t>::min();
    CHECK_FALSE(inside(10, true));
    CHECK(bad == std::numeric_limits<int64_t>::min());
  }
  const int64_t sizes[] = {0, 3}, strides[] = {3, 1};
  CHECK(indices_in_range(nullptr, strides, sizes, 2, 0, false, nullptr));
  const int64_t zero = 0;
  CHECK_FALSE(indices_in_range(&zero, nullptr, nullptr, 0, 0, true, nullptr));
  CHECK(indices_in_range(&zero, nullptr, nullptr, 0, 1, false, nullptr));
}

}  // namespace
}  // namespace tg::kernels
