// SPDX-License-Identifier: MIT
#include "kernels/reduce.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <type_traits>

#include "layouts.h"

namespace tg::kernels {
namespace {

using test::Array;
using test::for_each_position;
using test::kLayouts;
using test::Layout;
using test::Numbers;
using test::on_every_target;
using test::Sizes;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <DType kDType>
struct Of {
  static constexpr DType dtype = kDType;
  using type = typename CTypeOf<kDType>::type;
};

template <class F>
void for_each_dtype(F f) {
  f(Of<DType::float32>());
  f(Of<DType::float64>());
  f(Of<DType::float16>());
  f(Of<DType::bfloat16>());
  f(Of<DType::int8>());
  f(Of<DType::int16>());
  f(Of<DType::int32>());
  f(Of<DType::int64>());
  f(Of<DType::uint8>());
  f(Of<DType::boolean>());
}

template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, Float16>) {
    return to_float16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return to_bfloat16(static_cast<float>(x));
  } else if constexpr (std::is_same_v<T, bool>) {
    return x != 0;
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
double to_double(T x) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return static_cast<double>(to_float(x));
  } else {
    return static_cast<double>(x);
  }
}

// Small whole numbers, so that every order of additions gives the same sum.
template <class T>
void fill_whole(Array<T>& x, uint64_t seed, int64_t values) {
  Numbers numbers(seed);
  const bool is_signed = std::is_same_v<T, bool> || std::is_same_v<T, uint8_t> ? false : true;
  for (int64_t i = 0; i < x.room; ++i) {
    const int64_t value = numbers.below(values) - (is_signed ? values / 2 : 0);
    x.memory[static_cast<size_t>(i)] = from_double<T>(static_cast<double>(value));
  }
}

Sizes kept_sizes(const Sizes& sizes, uint32_t reduced) {
  Sizes kept = sizes;
  for (size_t d = 0; d < sizes.size(); ++d) {
    if ((reduced >> d & 1) != 0) kept[d] = 1;
  }
  return kept;
}

Sizes project(Sizes position, uint32_t reduced) {
  for (size_t d = 0; d < position.size(); ++d) {
    if ((reduced >> d & 1) != 0) position[d] = 0;
  }
  return position;
}

const std::vector<Sizes> kShapes = {{},        {1},       {8},        {77},        {2500},
                                    {5, 7},    {3, 300},  {300, 3},   {379, 3},    {1, 9},
                                    {130, 70}, {2, 3, 4}, {7, 1, 33}, {4, 600, 2}, {3, 5, 2, 6}};

TEST_CASE("a sum over any dimensions of any layout is that of a plain loop", "[kernels][reduce]") {
  on_every_target([] {
    for_each_dtype([](auto of) {
      using T = typename decltype(of)::type;
      using R = std::conditional_t<is_floating(decltype(of)::dtype), T, int64_t>;
      for (const Sizes& sizes : kShapes) {
        for (const Layout layout : kLayouts) {
          Array<T> x(sizes, layout);
          fill_whole(x, sizes.size(), 5);
          for (uint32_t reduced = 0; reduced < 1u << sizes.size(); ++reduced) {
            const Sizes kept = kept_sizes(sizes, reduced);
            Array<double> wanted(kept);
            for_each_position(sizes, [&](const Sizes& at) {
              wanted.at(project(at, reduced)) += to_double(x.at(at));
            });
            Array<R> sum(kept, reduced % 2 == 0 ? Layout::transposed : Layout::sliced);
            reduce(Fold::sum, decltype(of)::dtype, sum.data(), sum.strides.data(), x.data(),
                   x.strides.data(), sizes.data(), x.rank(), reduced, 1);
            int64_t wrong = 0;
            for_each_position(kept, [&](const Sizes& at) {
              wrong += to_double(sum.at(at)) != to_double(from_double<R>(wanted.at(at)));
            });
            CAPTURE(decltype(of)::dtype, sizes, layout, reduced);
            REQUIRE(wrong == 0);
          }
        }
      }
    });
  });
}

TEST_CASE("an extreme over any dimensions of any layout is that of a plain loop",
          "[kernels][reduce]") {
  on_every_target([] {
    for_each_dtype([](auto of) {
      using T = typename decltype(of)::type;
      for (const Sizes& sizes : kShapes) {
        for (const Layout layout : kLayouts) {
          Array<T> x(sizes, layout);
          fill_whole(x, sizes.size() + 5, 100);
          for (uint32_t reduced = 0; reduced < 1u << sizes.size(); ++reduced) {
            for (const Fold fold : {Fold::max, Fold::min}) {
              const Sizes kept = kept_sizes(sizes, reduced);
              Array<double> wanted(kept);
              for_each_position(kept, [&](const Sizes& at) { wanted.at(at) = kNaN; });
              for_each_position(sizes, [&](const Sizes& at) {
                double& best = wanted.at(project(at, reduced));
                const double value = to_double(x.at(at));
                if (!(fold == Fold::max ? value <= best : value >= best)) best = value;
              });
              Array<T> out(kept, Layout::transposed);
              reduce(fold, decltype(of)::dtype, out.data(), out.strides.data(), x.data(),
                     x.strides.data(), sizes.data(), x.rank(), reduced, 1);
              int64_t wrong = 0;
              for_each_position(
                  kept, [&](const Sizes& at) { wrong += to_double(out.at(at)) != wanted.at(at); });
              CAPTURE(decltype(of)::dtype, sizes, layout, reduced, fold);
              REQUIRE(wrong == 0);
            }
          }
        }
      }
    });
  });
}

// A reference that looks at one element after the other; ties stay with the first.
template <class T>
struct First {
  double value = 0;
  int64_t position = -1;
  void see(T element, int64_t at, Fold fold) {
    const double x = to_double(element);
    const bool better = fold == Fold::max ? x > value : x < value;
    if (position < 0 || (!std::isnan(value) && (better || std::isnan(x)))) value = x, position = at;
  }
};

TEST_CASE("the position of an extreme is the first one, in any layout", "[kernels][reduce]") {
  on_every_target([] {
    for_each_dtype([](auto of) {
      using T = typename decltype(of)::type;
      for (const Sizes& sizes : kShapes) {
        for (const Layout layout : kLayouts) {
          Array<T> x(sizes, layout);
          fill_whole(x, 3 * sizes.size(), 9);  // many ties
          for (const Fold fold : {Fold::max, Fold::min}) {
            CAPTURE(decltype(of)::dtype, sizes, layout, fold);
            First<T> all;
            int64_t row_major = 0;
            for_each_position(sizes,
                              [&](const Sizes& at) { all.see(x.at(at), row_major++, fold); });
            REQUIRE(arg_reduce_all(fold, decltype(of)::dtype, x.data(), x.strides.data(),
                                   sizes.data(), x.rank()) == all.position);
            for (size_t dim = 0; dim < sizes.size(); ++dim) {
              const Sizes kept = kept_sizes(sizes, 1u << dim);
              Array<First<T>> wanted(kept);
              for_each_position(sizes, [&](const Sizes& at) {
                wanted.at(project(at, 1u << dim)).see(x.at(at), at[dim], fold);
              });
              Array<T> values(kept, Layout::sliced);
              Array<int64_t> indices(kept, Layout::sliced);
              arg_reduce(fold, decltype(of)::dtype, values.data(), indices.data(),
                         values.strides.data(), x.data(), x.strides.data(), sizes.data(), x.rank(),
                         static_cast<int>(dim));
              int64_t wrong = 0;
              for_each_position(kept, [&](const Sizes& at) {
                wrong += indices.at(at) != wanted.at(at).position;
                wrong += to_double(values.at(at)) != wanted.at(at).value;
              });
              CAPTURE(dim);
              REQUIRE(wrong == 0);
            }
          }
        }
      }
    });
  });
}

TEST_CASE("the extreme of a strided row may stand in any of its blocks", "[kernels][reduce]") {
  const int64_t n = 9000, two = 2, one[] = {1};
  for (const int64_t at : {int64_t{3}, n / 2, n - 1}) {
    std::vector<double> x(2 * n, 1);
    x[static_cast<size_t>(2 * at)] = 2;
    CHECK(arg_reduce_all(Fold::max, DType::float64, x.data(), &two, &n, 1) == at);
    int64_t position = 0;
    double value = 0;
    arg_reduce(Fold::max, DType::float64, &value, &position, one, x.data(), &two, &n, 1, 0);
    CHECK(position == at);
    CHECK(value == 2);
    reduce(Fold::max, DType::float64, &value, one, x.data(), &two, &n, 1, 1, 1);
    CHECK(value == 2);
  }
}

TEST_CASE("values or positions alone may be asked for", "[kernels][reduce]") {
  const float x[2][3] = {{1, 7, 7}, {3, 2, 1}};
  const int64_t sizes[] = {2, 3}, strides[] = {3, 1}, out[] = {1, 1};
  float values[2];
  int64_t indices[2];
  arg_reduce(Fold::max, DType::float32, values, nullptr, out, x, strides, sizes, 2, 1);
  arg_reduce(Fold::max, DType::float32, nullptr, indices, out, x, strides, sizes, 2, 1);
  CHECK(values[0] == 7);
  CHECK(values[1] == 3);
  CHECK(indices[0] == 1);
  CHECK(indices[1] == 0);
}

TEST_CASE("a NaN is the extreme, and the first one is its position", "[kernels][reduce]") {
  on_every_target([] {
    for (int64_t n : {1, 2, 7, 16, 17, 40, 100, 1000, 3000}) {
      for (const int64_t at : {int64_t{0}, n / 3, n - 1}) {
        for (const Fold fold : {Fold::max, Fold::min}) {
          Array<double> wide({n, 3});
          std::vector<float> x(static_cast<size_t>(n));
          Numbers numbers(static_cast<uint64_t>(n));
          for (auto& value : x) value = static_cast<float>(numbers.between(-1, 1));
          if (n > 2) x[static_cast<size_t>(n) / 2] = static_cast<float>(kInfinity);
          x[static_cast<size_t>(at)] = x.back() = static_cast<float>(kNaN);
          for (int64_t i = 0; i < n; ++i) {
            wide.at({i, 0}) = static_cast<double>(x[static_cast<size_t>(i)]);
          }
          CAPTURE(n, at, fold);
          const int64_t one[] = {1};
          float extreme = 0;
          reduce(fold, DType::float32, &extreme, one, x.data(), one, &n, 1, 1, 1);
          CHECK(std::isnan(extreme));
          CHECK(arg_reduce_all(fold, DType::float32, x.data(), one, &n, 1) == at);
          // Along columns, beside others without NaN.
          double extremes[3];
          int64_t positions[3];
          const int64_t out[] = {3, 1};
          reduce(fold, DType::float64, extremes, out, wide.data(), wide.strides.data(),
                 wide.sizes.data(), 2, 1, 1);
          CHECK(std::isnan(extremes[0]));
          CHECK(extremes[1] == 0);
          arg_reduce(fold, DType::float64, nullptr, positions, out, wide.data(),
                     wide.strides.data(), wide.sizes.data(), 2, 0);
          CHECK(positions[0] == at);
          CHECK(positions[2] == 0);
        }
      }
    }
  });
}

TEST_CASE("the extreme of infinities is an infinity", "[kernels][reduce]") {
  on_every_target([] {
    for (const int64_t n : {1, 5, 70}) {
      const std::vector<float> x(static_cast<size_t>(n), -std::numeric_limits<float>::infinity());
      const int64_t one[] = {1};
      float extreme = 0;
      reduce(Fold::max, DType::float32, &extreme, one, x.data(), one, &n, 1, 1, 1);
      CHECK(extreme == x[0]);
      CHECK(arg_reduce_all(Fold::max, DType::float32, x.data(), one, &n, 1) == 0);
    }
  });
}

TEST_CASE("a sum of nothing is 0 and its mean NaN", "[kernels][reduce]") {
  const int64_t sizes[] = {2, 0, 3}, in[] = {0, 3, 1}, out[] = {3, 0, 1};
  float sums[6] = {9, 9, 9, 9, 9, 9};
  reduce(Fold::sum, DType::float32, sums, out, nullptr, in, sizes, 3, 2, 1);
  for (const float sum : sums) CHECK(sum == 0);
  reduce(Fold::sum, DType::float32, sums, out, nullptr, in, sizes, 3, 2, 0);
  for (const float mean : sums) CHECK(std::isnan(mean));
  int64_t count[6] = {9, 9, 9, 9, 9, 9};
  reduce(Fold::sum, DType::boolean, count, out, nullptr, in, sizes, 3, 2, 1);
  for (const int64_t sum : count) CHECK(sum == 0);
  double all = 9;
  reduce(Fold::sum, DType::float64, &all, out, nullptr, in, sizes, 3, 7, 1);
  CHECK(all == 0);
  // Nothing to write either.
  reduce(Fold::sum, DType::float32, nullptr, out, nullptr, in, sizes, 3, 1, 1);
  reduce(Fold::max, DType::float32, nullptr, out, nullptr, in, sizes, 3, 1, 1);
  arg_reduce(Fold::max, DType::float32, nullptr, nullptr, out, nullptr, in, sizes, 3, 0);
}

TEST_CASE("a divisor makes a mean, rounded once", "[kernels][reduce]") {
  const float x[] = {1, 2, 4};
  const int64_t three = 3, one[] = {1};
  float mean = 0;
  reduce(Fold::sum, DType::float32, &mean, one, x, one, &three, 1, 1, 3);
  CHECK(mean == 7.0f / 3);
  const double y[2][3] = {{1, 2, 4}, {2, 4, 1}};
  const int64_t sizes[] = {2, 3}, strides[] = {3, 1};
  double means[3];
  reduce(Fold::sum, DType::float64, means, strides, y, strides, sizes, 2, 1, 2);
  CHECK(means[0] == 1.5);
  CHECK(means[1] == 3);
  CHECK(means[2] == 2.5);
}

TEST_CASE("integers wrap around, and any byte but 0 is true", "[kernels][reduce]") {
  on_every_target([] {
    const int64_t one[] = {1}, two = 2, four = 4;
    const int64_t x[] = {std::numeric_limits<int64_t>::max(), 1};
    int64_t sum = 0;
    reduce(Fold::sum, DType::int64, &sum, one, x, one, &two, 1, 1, 1);
    CHECK(sum == std::numeric_limits<int64_t>::min());
    const uint8_t bytes[] = {0, 1, 255, 2};
    reduce(Fold::sum, DType::boolean, &sum, one, bytes, one, &four, 1, 1, 1);
    CHECK(sum == 3);
    CHECK(arg_reduce_all(Fold::max, DType::boolean, bytes, one, &four, 1) == 1);
  });
}

double relative_error(double got, double wanted) {
  return std::fabs(got - wanted) / std::fabs(wanted);
}

TEST_CASE("ten million floats are summed to a millionth", "[kernels][reduce]") {
  on_every_target([] {
    const int64_t n = 10'000'000, one[] = {1};
    std::vector<float> x(static_cast<size_t>(n));
    Numbers numbers(1);
    double wanted = 0, absolute = 0;
    for (auto& value : x) {
      value = static_cast<float>(numbers.between(0.9, 1.1));
      wanted += static_cast<double>(value);
    }
    float sum = 0;
    reduce(Fold::sum, DType::float32, &sum, one, x.data(), one, &n, 1, 1, 1);
    CHECK(relative_error(static_cast<double>(sum), wanted) < 1e-7);
    // All alike: every rounding goes the same way.
    for (const float value : {0.1f, 1.1f, 3.3333f}) {
      std::fill(x.begin(), x.end(), value);
      reduce(Fold::sum, DType::float32, &sum, one, x.data(), one, &n, 1, 1, 1);
      CHECK(relative_error(static_cast<double>(sum), static_cast<double>(value) * 1e7) < 1e-6);
      const int64_t sizes[] = {n / 4, 4}, strides[] = {4, 1}, out[] = {0, 1};
      float sums[4];
      reduce(Fold::sum, DType::float32, sums, out, x.data(), strides, sizes, 2, 1, 1);
      CHECK(relative_error(static_cast<double>(sums[3]), static_cast<double>(value) * 2.5e6) <
            1e-6);
      const int64_t tall_sizes[] = {n / 500, 500}, tall[] = {500, 1};
      std::vector<float> columns(500);
      reduce(Fold::sum, DType::float32, columns.data(), out, x.data(), tall, tall_sizes, 2, 1, 1);
      CHECK(relative_error(static_cast<double>(columns[499]), static_cast<double>(value) * 2e4) <
            1e-6);
    }
    // Both signs: the error is small beside the sum of the magnitudes.
    wanted = 0;
    for (auto& value : x) {
      value = static_cast<float>(numbers.between(-1, 1));
      wanted += static_cast<double>(value);
      absolute += std::fabs(static_cast<double>(value));
    }
    reduce(Fold::sum, DType::float32, &sum, one, x.data(), one, &n, 1, 1, 1);
    CHECK(std::fabs(static_cast<double>(sum) - wanted) < 1e-8 * absolute);
  });
}

template <class T>
uint64_t bits_of(T x) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<uint32_t>(x);
  } else {
    return std::bit_cast<uint64_t>(x);
  }
}

TEMPLATE_TEST_CASE("a sum has the same bits on every target, in every place, packed or not",
                   "[kernels][reduce]", float, double) {
  constexpr DType dtype = sizeof(TestType) == 4 ? DType::float32 : DType::float64;
  for (const int64_t n : {1, 3, 8, 15, 31, 64, 100, 127, 1000, 5000, 20001}) {
    const auto size = static_cast<size_t>(n);
    std::vector<TestType> x(3 * size + 1), twice(2 * size);
    Numbers numbers(static_cast<uint64_t>(n));
    for (size_t i = 0; i < size; ++i) {
      const auto value = static_cast<TestType>(numbers.between(-1, 1));
      for (size_t row = 0; row < 3; ++row) x[row * size + i] = value;
      twice[2 * i] = value;
    }
    uint64_t first = 0;
    bool any = false;
    on_every_target([&] {
      TestType sums[4];
      const int64_t sizes[] = {3, n}, strides[] = {n, 1}, two[] = {0, 2}, out[] = {1, 0};
      reduce(Fold::sum, dtype, sums, out, x.data(), strides, sizes, 2, 2, 1);
      reduce(Fold::sum, dtype, sums + 3, out, twice.data(), two + 1, sizes + 1, 1, 1, 1);
      if (!any) first = bits_of(sums[0]);
      any = true;
      CAPTURE(n);
      for (const TestType sum : sums) CHECK(bits_of(sum) == first);
      CHECK(bits_of(static_cast<TestType>(sum_contiguous(dtype, x.data(), n))) == first);
    });
  }
}

}  // namespace
}  // namespace tg::kernels
