// SPDX-License-Identifier: MIT
#include "kernels/softmax.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "layouts.h"
#include "tapegrad/tapegrad.h"

namespace tg::kernels {
namespace {

using test::Numbers;
using test::on_every_target;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 4 ? DType::float32 : DType::float64;
}
template <class T>
constexpr double epsilon() {
  return static_cast<double>(std::numeric_limits<T>::epsilon());
}

struct Shape {
  int64_t outer, n, inner;
  size_t count() const { return static_cast<size_t>(outer * n * inner); }
  size_t at(int64_t i, int64_t k, int64_t j) const {
    return static_cast<size_t>((i * n + k) * inner + j);
  }
};
constexpr Shape kShapes[] = {{1, 1, 1},   {3, 2, 1},    {2, 7, 1},  {2, 8, 1},
                             {2, 10, 1},  {2, 16, 1},   {3, 17, 1}, {1, 33, 1},
                             {2, 100, 1}, {1, 4100, 1}, {2, 5, 3},  {1, 3, 16},
                             {2, 4, 300}, {1, 100, 2},  {3, 1, 5},  {1, 2, 1000}};

template <class T>
std::vector<T> random(const Shape& shape, uint64_t seed, double low, double high) {
  std::vector<T> x(shape.count());
  Numbers numbers(seed);
  for (auto& value : x) value = static_cast<T>(numbers.between(low, high));
  return x;
}

template <class F>
void for_each_row(const Shape& shape, F f) {
  for (int64_t i = 0; i < shape.outer; ++i) {
    for (int64_t j = 0; j < shape.inner; ++j) f(i, j);
  }
}

// The softmax of one row in long double, and log(sum of exp) of it.
template <class T>
std::vector<long double> exact(const std::vector<T>& x, const Shape& shape, int64_t i, int64_t j,
                               long double* log_total) {
  std::vector<long double> y(static_cast<size_t>(shape.n));
  long double max = -std::numeric_limits<long double>::infinity(), total = 0;
  for (int64_t k = 0; k < shape.n; ++k) {
    max = std::max(max, static_cast<long double>(x[shape.at(i, k, j)]));
  }
  for (int64_t k = 0; k < shape.n; ++k) {
    const auto at = static_cast<size_t>(k);
    y[at] = std::exp(static_cast<long double>(x[shape.at(i, k, j)]) - max);
    total += y[at];
  }
  for (auto& value : y) value /= total;
  *log_total = max + std::log(total);
  return y;
}

TEMPLATE_TEST_CASE("softmax and its logarithm are right to the last digits", "[kernels][softmax]",
                   float, double) {
  using T = TestType;
  on_every_target([] {
    for (const Shape& shape : kShapes) {
      for (const double scale : {1.0, 20.0}) {
        const auto x = random<T>(shape, shape.count(), -scale, scale);
        std::vector<T> y(shape.count()), log_y(shape.count());
        softmax(dtype_of<T>(), y.data(), x.data(), shape.outer, shape.n, shape.inner);
        log_softmax(dtype_of<T>(), log_y.data(), x.data(), shape.outer, shape.n, shape.inner);
        double worst = 0, worst_log = 0;
        for_each_row(shape, [&](int64_t i, int64_t j) {
          long double log_total = 0;
          const auto wanted = exact(x, shape, i, j, &log_total);
          for (int64_t k = 0; k < shape.n; ++k) {
            const size_t at = shape.at(i, k, j);
            const long double value = wanted[static_cast<size_t>(k)];
            const long double log_value = static_cast<long double>(x[at]) - log_total;
            worst = std::max(worst, static_cast<double>(std::fabs(y[at] - value) / value));
            worst_log = std::max(worst_log, static_cast<double>(std::fabs(log_y[at] - log_value)));
          }
        });
        CAPTURE(shape.outer, shape.n, shape.inner, scale);
        // x - max rounds to half a unit of up to 2 scale before exp sees it; the logarithms go
        // to 10.
        CHECK(worst < (6 + 2 * scale) * epsilon<T>());
        CHECK(worst_log < (6 + 3 * scale) * epsilon<T>());
      }
    }
  });
}

TEMPLATE_TEST_CASE("softmax may be written over its input", "[kernels][softmax]", float, double) {
  using T = TestType;
  on_every_target([] {
    for (const Shape& shape : kShapes) {
      const auto x = random<T>(shape, 3, -3, 3);
      std::vector<T> y(shape.count()), in_place = x, log_in_place = x, log_y(shape.count());
      softmax(dtype_of<T>(), y.data(), x.data(), shape.outer, shape.n, shape.inner);
      softmax(dtype_of<T>(), in_place.data(), in_place.data(), shape.outer, shape.n, shape.inner);
      CHECK(y == in_place);
      log_softmax(dtype_of<T>(), log_y.data(), x.data(), shape.outer, shape.n, shape.inner);
      log_softmax(dtype_of<T>(), log_in_place.data(), log_in_place.data(), shape.outer, shape.n,
                  shape.inner);
      CHECK(log_y == log_in_place);
      // The gradient over g, as well.
      std::vector<T> gx(shape.count()), g = x;
      softmax_backward(dtype_of<T>(), gx.data(), x.data(), y.data(), shape.outer, shape.n,
                       shape.inner);
      softmax_backward(dtype_of<T>(), g.data(), g.data(), y.data(), shape.outer, shape.n,
                       shape.inner);
      CHECK(gx == g);
    }
  });
}

TEST_CASE("softmax of extreme numbers", "[kernels][softmax]") {
  on_every_target([] {
    const auto inf = static_cast<float>(kInfinity);
    for (const int64_t inner : {1, 2}) {
      for (const int64_t n : {3, 20}) {
        auto run = [&](float a, float b, float c, bool log) {
          std::vector<float> x(static_cast<size_t>(n * inner), -inf), y(x.size(), 9);
          x[0] = a, x[static_cast<size_t>(inner)] = b, x[static_cast<size_t>((n - 1) * inner)] = c;
          (log ? log_softmax : softmax)(DType::float32, y.data(), x.data(), 1, n, inner);
          return std::vector<float>{y[0], y[static_cast<size_t>(inner)],
                                    y[static_cast<size_t>((n - 1) * inner)]};
        };
        CAPTURE(n, inner);
        CHECK(run(1e30f, -1e30f, 1e30f, false) == std::vector<float>{0.5f, 0, 0.5f});
        CHECK(run(-inf, 5, -inf, false) == std::vector<float>{0, 1, 0});
        CHECK(run(-inf, 5, -inf, true) == std::vector<float>{-inf, 0, -inf});
        // Not flushed to zero: e^-100 is subnormal.
        CHECK(run(0, -100, -inf, false)[1] == Approx(3.7835e-44).epsilon(0.02));
        for (const bool log : {false, true}) {
          for (const float value : run(-inf, -inf, -inf, log)) CHECK(std::isnan(value));
          for (const float value : run(1, std::nanf(""), 2, log)) CHECK(std::isnan(value));
          for (const float value : run(1, 2, std::nanf(""), log)) CHECK(std::isnan(value));
          CHECK(std::isnan(run(1, inf, 2, log)[1]));
        }
      }
    }
  });
}

TEST_CASE("a row of softmax has the same bits wherever it stands", "[kernels][softmax]") {
  on_every_target([] {
    for (const int64_t n : {5, 16, 23, 100}) {
      const Shape row{1, n, 1}, rows{4, n, 1};
      const auto x = random<float>(row, 11, -5, 5);
      std::vector<float> all, y(row.count()), all_y(rows.count());
      for (int i = 0; i < 4; ++i) all.insert(all.end(), x.begin(), x.end());
      softmax(DType::float32, y.data(), x.data(), 1, n, 1);
      softmax(DType::float32, all_y.data(), all.data(), 4, n, 1);
      for (size_t i = 0; i < all_y.size(); ++i) {
        CHECK(std::bit_cast<uint32_t>(all_y[i]) == std::bit_cast<uint32_t>(y[i % y.size()]));
      }
      // Equal elements of a row have equal results, at its end as at its beginning.
      std::vector<float> equal(row.count(), 0.3f);
      log_softmax(DType::float32, equal.data(), equal.data(), 1, n, 1);
      for (const float value : equal) CHECK(value == equal[0]);
    }
  });
}

TEMPLATE_TEST_CASE("gradients of softmax follow the formulas", "[kernels][softmax]", float,
                   double) {
  using T = TestType;
  on_every_target([] {
    for (const Shape& shape : kShapes) {
      const auto x = random<T>(shape, 5, -2, 2), g = random<T>(shape, 6, -1, 1);
      std::vector<T> y(shape.count()), log_y(shape.count()), gx(shape.count()), lx(shape.count());
      softmax(dtype_of<T>(), y.data(), x.data(), shape.outer, shape.n, shape.inner);
      log_softmax(dtype_of<T>(), log_y.data(), x.data(), shape.outer, shape.n, shape.inner);
      softmax_backward(dtype_of<T>(), gx.data(), g.data(), y.data(), shape.outer, shape.n,
                       shape.inner);
      log_softmax_backward(dtype_of<T>(), lx.data(), g.data(), log_y.data(), shape.outer, shape.n,
                           shape.inner);
      double worst = 0, worst_log = 0;
      for_each_row(shape, [&](int64_t i, int64_t j) {
        long double dot = 0, sum = 0;
        for (int64_t k = 0; k < shape.n; ++k) {
          const size_t at = shape.at(i, k, j);
          dot += static_cast<long double>(g[at]) * static_cast<long double>(y[at]);
          sum += static_cast<long double>(g[at]);
        }
        for (int64_t k = 0; k < shape.n; ++k) {
          const size_t at = shape.at(i, k, j);
          const long double ga = g[at], ya = y[at], la = log_y[at];
          worst = std::max(worst, static_cast<double>(std::fabs(gx[at] - ya * (ga - dot))));
          worst_log = std::max(worst_log,
                               static_cast<double>(std::fabs(lx[at] - (ga - std::exp(la) * sum))));
        }
      });
      CAPTURE(shape.outer, shape.n, shape.inner);
      CHECK(worst < 4 * epsilon<T>());
      CHECK(worst_log < 8 * epsilon<T>());
    }
  });
}

TEST_CASE("softmax of nothing does nothing", "[kernels][softmax]") {
  softmax(DType::float32, nullptr, nullptr, 0, 3, 1);
  softmax(DType::float32, nullptr, nullptr, 2, 0, 1);
  softmax(DType::float32, nullptr, nullptr, 2, 0, 2);
  softmax(DType::float64, nullptr, nullptr, 2, 3, 0);
  log_softmax(DType::float32, nullptr, nullptr, 2, 0, 2);
  softmax_backward(DType::float32, nullptr, nullptr, nullptr, 2, 0, 1);
  log_softmax_backward(DType::float32, nullptr, nullptr, nullptr, 2, 0, 2);
  SUCCEED();
}

TEMPLATE_TEST_CASE("nll_loss picks, weighs and ignores", "[kernels][softmax]", float, double) {
  using T = TestType;
  const DType dtype = dtype_of<T>();
  // [outer 2, classes 3, inner 2]
  const T x[] = {-1, -2, -4, -8, -16, -32, -0.5, -0.25, -3, -5, -7, -9};
  const int64_t target[] = {0, 2, 1, -100};
  const T weight[] = {1, 2, 4};
  T out[4] = {9, 9, 9, 9};
  double total = 9;

  nll_loss(dtype, TG_REDUCTION_NONE, out, &total, x, target, nullptr, 2, 3, 2, -100);
  CHECK(std::vector<T>(out, out + 4) == std::vector<T>{1, 32, 3, 0});
  nll_loss(dtype, TG_REDUCTION_NONE, out, nullptr, x, target, weight, 2, 3, 2, -100);
  CHECK(std::vector<T>(out, out + 4) == std::vector<T>{1, 128, 6, 0});
  nll_loss(dtype, TG_REDUCTION_SUM, out, &total, x, target, weight, 2, 3, 2, -100);
  CHECK(out[0] == 135);
  CHECK(total == 7);
  nll_loss(dtype, TG_REDUCTION_MEAN, out, &total, x, target, weight, 2, 3, 2, -100);
  CHECK(out[0] == static_cast<T>(135.0 / 7));
  nll_loss(dtype, TG_REDUCTION_MEAN, out, &total, x, target, nullptr, 2, 3, 2, -100);
  CHECK(out[0] == 12);
  CHECK(total == 3);

  // 2 is a class that may be ignored too.
  nll_loss(dtype, TG_REDUCTION_SUM, out, &total, x, target, nullptr, 1, 3, 2, 2);
  CHECK(out[0] == 1);
  // All ignored, or nothing at all.
  const int64_t none[] = {-100, -100, -100, -100};
  nll_loss(dtype, TG_REDUCTION_MEAN, out, &total, x, none, nullptr, 2, 3, 2, -100);
  CHECK(std::isnan(out[0]));
  CHECK(total == 0);
  nll_loss(dtype, TG_REDUCTION_SUM, out, &total, x, none, nullptr, 0, 3, 2, -100);
  CHECK(out[0] == 0);

  T gx[12];
  const T g[] = {10, 20, 30, 40};
  auto gradient = [&](int32_t reduction, const T* weights, double weight_sum) {
    for (auto& value : gx) value = 9;
    nll_loss_backward(dtype, reduction, gx, g, target, weights, weight_sum, 2, 3, 2, -100);
    return std::vector<T>(gx, gx + 12);
  };
  CHECK(gradient(TG_REDUCTION_NONE, nullptr, 0) ==
        std::vector<T>{-10, 0, 0, 0, 0, -20, 0, 0, -30, 0, 0, 0});
  CHECK(gradient(TG_REDUCTION_NONE, weight, 0) ==
        std::vector<T>{-10, 0, 0, 0, 0, -80, 0, 0, -60, 0, 0, 0});
  CHECK(gradient(TG_REDUCTION_SUM, weight, 7) ==
        std::vector<T>{-10, 0, 0, 0, 0, -40, 0, 0, -20, 0, 0, 0});
  CHECK(gradient(TG_REDUCTION_MEAN, nullptr, 4) ==
        std::vector<T>{-2.5, 0, 0, 0, 0, -2.5, 0, 0, -2.5, 0, 0, 0});
  nll_loss_backward(dtype, TG_REDUCTION_SUM, nullptr, g, nullptr, nullptr, 0, 0, 3, 2, -100);
}

TEST_CASE("the first target out of range is found", "[kernels][softmax]") {
  const int64_t target[] = {0, 4, -100, 5, -1};
  int64_t bad = 9;
  CHECK(targets_in_range(target, 3, 5, -100, &bad));
  CHECK(bad == 9);
  CHECK_FALSE(targets_in_range(target, 5, 5, -100, &bad));
  CHECK(bad == 3);
  CHECK_FALSE(targets_in_range(target, 5, 6, -100, &bad));
  CHECK(bad == 4);
  CHECK_FALSE(targets_in_range(target, 5, 6, -1, nullptr));
  CHECK(targets_in_range(target, 0, 0, -100, nullptr));
}

}  // namespace
}  // namespace tg::kernels
