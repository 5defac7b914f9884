// SPDX-License-Identifier: MIT
// exp, log, sin, cos, tanh, sigmoid and pow_scalar against the C library in the next wider type:
// accuracy over the whole range of arguments, and the values at its corners.
#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/table.h"

namespace tg::kernels {
namespace {

std::vector<Target> targets() {
  std::vector<Target> result;
  for (int i = 0; i < kTargets; ++i) {
    if (has_target(static_cast<Target>(i))) result.push_back(static_cast<Target>(i));
  }
  return result;
}

template <class T>
std::vector<T> apply(Target target, Lane lane, const std::vector<T>& x, double number = 0) {
  std::vector<T> y(x.size());
  void* const data[] = {y.data(), const_cast<T*>(x.data())};
  const int64_t strides[] = {sizeof(T), sizeof(T)};
  const Scalars scalars{number, 0, 0, 0};
  const DType dtype = sizeof(T) == 4 ? DType::float32 : DType::float64;
  table_of(target).at(lane, dtype)(data, strides, static_cast<int64_t>(x.size()), &scalars);
  return y;
}

struct Function {
  const char* name;
  Lane lane;
  double (*wide)(double);             // for float
  long double (*wider)(long double);  // for double
  double bound, wider_bound;          // greatest error in units in the last place
};

template <class T>
T logistic(T x) {
  // Each form where it keeps its accuracy.
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}

// Above the greatest errors seen, over every seventh float and 7*10^7 doubles: the baseline's,
// without FMA. Sigmoid of double by arithmetic, since sampling (2.05) goes on finding more: 1.2 of
// exp, 1 of the sum (half a unit of a number near 1, twice that of a result below it), 1/2 of the
// quotient.
const Function kFunctions[] = {
    {"exp", Lane::exp, std::exp, std::exp, 1.2, 1.2},
    {"log", Lane::log, std::log, std::log, 0.9, 0.9},
    {"sin", Lane::sin, std::sin, std::sin, 0.51, 0.9},
    {"cos", Lane::cos, std::cos, std::cos, 0.51, 0.9},
    {"tanh", Lane::tanh, std::tanh, std::tanh, 2.8, 2.0},
    {"sigmoid", Lane::sigmoid, logistic<double>, logistic<long double>, 2.5, 2.7},
};

// The error of y, in units in the last place of the rounded reference.
template <class T, class Wide>
double error_of(T y, Wide reference) {
  const T rounded = static_cast<T>(reference);
  if (std::isnan(rounded)) return std::isnan(y) ? 0 : 1e9;
  if (std::isinf(rounded)) return y == rounded ? 0 : 1e9;
  if (y == 0 && rounded == 0) return std::signbit(y) == std::signbit(rounded) ? 0 : 1e9;
  using Limits = std::numeric_limits<T>;
  const int least = Limits::min_exponent - Limits::digits;
  const int exponent =
      rounded == 0 ? least : std::max(std::ilogb(rounded) - Limits::digits + 1, least);
  const Wide difference = (static_cast<Wide>(y) - reference) / std::ldexp(Wide(1), exponent);
  return std::isnan(y) ? 1e9 : std::fabs(static_cast<double>(difference));
}

// Every step-th float of all.
void sweep_floats(uint64_t step) {
  for (const Function& function : kFunctions) {
    for (uint64_t at = 0; at < uint64_t{1} << 32;) {
      std::vector<float> x;
      for (; x.size() < 8192 && at < uint64_t{1} << 32; at += step) {
        const uint32_t bits = static_cast<uint32_t>(at);
        float number;
        std::memcpy(&number, &bits, 4);
        x.push_back(number);
      }
      std::vector<double> reference(x.size());
      for (size_t i = 0; i < x.size(); ++i) reference[i] = function.wide(x[i]);
      for (const Target target : targets()) {
        const std::vector<float> y = apply(target, function.lane, x);
        for (size_t i = 0; i < x.size(); ++i) {
          const double error = error_of(y[i], reference[i]);
          if (error <= function.bound) continue;
          CAPTURE(function.name, static_cast<int>(target), x[i], y[i], reference[i], error);
          FAIL("too far");
        }
      }
    }
  }
}

// Doubles of all bits, in the ranges where the functions do something, and near multiples of pi/2.
void sweep_doubles(int rounds, uint64_t seed) {
  std::mt19937_64 random(seed);
  CAPTURE(seed);
  for (const Function& function : kFunctions) {
    const bool wave = function.lane == Lane::sin || function.lane == Lane::cos;
    for (int round = 0; round < rounds; ++round) {
      std::vector<double> x(4099);
      for (double& number : x) {
        const uint64_t bits = random();
        const double even = std::ldexp(static_cast<double>(static_cast<int64_t>(bits)), -63);
        switch (round % 7) {
          case 0: std::memcpy(&number, &bits, 8); break;
          case 1: number = 2 * even; break;
          case 2: number = 760 * even; break;
          case 3: number = 1.1e6 * even; break;
          case 4: number = std::exp(40 * even); break;
          case 5:
            number = 1.5707963267948966 * static_cast<double>(static_cast<int64_t>(bits) >> 43);
            break;
          default: number = 20 * even;
        }
        // Beyond, long double's own reduction is what one would test.
        if (wave && std::fabs(number) > 1e12) number = even;
      }
      std::vector<long double> reference(x.size());
      for (size_t i = 0; i < x.size(); ++i) reference[i] = function.wider(x[i]);
      for (const Target target : targets()) {
        const std::vector<double> y = apply(target, function.lane, x);
        for (size_t i = 0; i < x.size(); ++i) {
          const double error = error_of(y[i], reference[i]);
          if (error <= function.wider_bound) continue;
          CAPTURE(function.name, static_cast<int>(target), x[i], y[i], error);
          FAIL("too far");
        }
      }
    }
  }
}

template <class T>
void check_corners() {
  using Limits = std::numeric_limits<T>;
  const T infinity = Limits::infinity(), nan = Limits::quiet_NaN(), tiny = Limits::denorm_min();
  const T huge = Limits::max(), normal = Limits::min();
  struct Corner {
    Lane lane;
    T x, y;
  };
  const Corner corners[] = {
      {Lane::exp, 0, 1},
      {Lane::exp, T(-0.0), 1},
      {Lane::exp, infinity, infinity},
      {Lane::exp, -infinity, 0},
      {Lane::exp, huge, infinity},
      {Lane::exp, -huge, 0},
      {Lane::exp, tiny, 1},
      {Lane::exp, nan, nan},
      {Lane::log, 0, -infinity},
      {Lane::log, T(-0.0), -infinity},
      {Lane::log, 1, 0},
      {Lane::log, infinity, infinity},
      {Lane::log, -1, nan},
      {Lane::log, -tiny, nan},
      {Lane::log, -infinity, nan},
      {Lane::log, nan, nan},
      {Lane::sin, 0, 0},
      {Lane::sin, T(-0.0), T(-0.0)},
      {Lane::sin, tiny, tiny},
      {Lane::sin, -normal, -normal},
      {Lane::sin, infinity, nan},
      {Lane::sin, -infinity, nan},
      {Lane::sin, nan, nan},
      {Lane::cos, 0, 1},
      {Lane::cos, T(-0.0), 1},
      {Lane::cos, tiny, 1},
      {Lane::cos, infinity, nan},
      {Lane::cos, nan, nan},
      {Lane::tanh, 0, 0},
      {Lane::tanh, T(-0.0), T(-0.0)},
      {Lane::tanh, tiny, tiny},
      {Lane::tanh, -normal, -normal},
      {Lane::tanh, 40, 1},
      {Lane::tanh, infinity, 1},
      {Lane::tanh, -infinity, -1},
      {Lane::tanh, huge, 1},
      {Lane::tanh, nan, nan},
      {Lane::sigmoid, 0, T(0.5)},
      {Lane::sigmoid, T(-0.0), T(0.5)},
      {Lane::sigmoid, infinity, 1},
      {Lane::sigmoid, -infinity, 0},
      {Lane::sigmoid, huge, 1},
      {Lane::sigmoid, -huge, 0},
      {Lane::sigmoid, nan, nan},
  };
  for (const Corner& corner : corners) {
    for (const Target target : targets()) {
      // Alone, and among ordinary numbers, whose results must not suffer.
      for (const size_t count : {size_t{1}, size_t{37}}) {
        std::vector<T> x(count, T(0.7)), ordinary(count, T(0.7));
        x[count / 2] = corner.x;
        const std::vector<T> y = apply(target, corner.lane, x);
        const std::vector<T> rest = apply(target, corner.lane, ordinary);
        for (size_t i = 0; i < count; ++i) {
          const T expected = i == count / 2 ? corner.y : rest[i];
          const bool equal = std::isnan(expected) ? std::isnan(y[i])
                                                  : std::memcmp(&expected, &y[i], sizeof(T)) == 0;
          if (equal) continue;
          CAPTURE(static_cast<int>(corner.lane), static_cast<int>(target), i, corner.x, corner.y,
                  y[i]);
          FAIL("wrong at a corner");
        }
      }
    }
  }
}

template <class T>
T expected_power(T x, double exponent) {
  const T e = static_cast<T>(exponent);
  if (e == 0) return 1;
  if (e == T(0.5)) return std::sqrt(x);
  if (e == 1) return x;
  if (e == 2) return x * x;
  if (e == 3) {
    const T square = x * x;
    return square * x;
  }
  if (e == T(-0.5)) return 1 / std::sqrt(x);
  if (e == -1) return 1 / x;
  if (e == -2) return 1 / (x * x);
  return std::pow(x, e);
}

template <class T>
void check_powers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> x = {0,
                      T(-0.0),
                      1,
                      -1,
                      2,
                      T(0.1),
                      T(-1.5),
                      10,
                      Limits::max(),
                      Limits::min(),
                      Limits::infinity(),
                      -Limits::infinity(),
                      Limits::quiet_NaN()};
  for (int i = 0; i < 60; ++i) x.push_back(T(i) * T(0.37) - 8);
  for (const double exponent : {0.0, 0.5, 1.0, 2.0, 3.0, -0.5, -1.0, -2.0, 4.0, 2.5, -3.0, 0.1}) {
    for (const Target target : targets()) {
      const std::vector<T> y = apply(target, Lane::pow_scalar, x, exponent);
      for (size_t i = 0; i < x.size(); ++i) {
        const T expected = expected_power(x[i], exponent);
        if (std::isnan(expected) ? std::isnan(y[i])
                                 : std::memcmp(&expected, &y[i], sizeof(T)) == 0) {
          continue;
        }
        CAPTURE(exponent, static_cast<int>(target), x[i], y[i], expected);
        FAIL("wrong power");
      }
    }
  }
}

}  // namespace

TEST_CASE("functions of float32 are accurate over all arguments", "[kernels]") {
  sweep_floats(100003);
}

TEST_CASE("functions of float32 are accurate over most arguments there are", "[kernels][long]") {
  sweep_floats(61);
}

TEST_CASE("functions of float64 are accurate", "[kernels]") { sweep_doubles(7, 20240511); }

TEST_CASE("functions of float64 are accurate at millions of arguments", "[kernels][long]") {
  sweep_doubles(700, std::random_device()());
}

TEST_CASE("functions have their limits at infinity, zero, NaN and subnormal numbers", "[kernels]") {
  check_corners<float>();
  check_corners<double>();
}

TEST_CASE("results that leave the normal range round to subnormal numbers", "[kernels]") {
  for (const Target target : targets()) {
    std::vector<float> x;
    for (float number = -104; number < -87; number += 0.0137f) x.push_back(number);
    const std::vector<float> y = apply(target, Lane::exp, x);
    for (size_t i = 0; i < x.size(); ++i) {
      CAPTURE(x[i], y[i]);
      REQUIRE(error_of(y[i], std::exp(static_cast<double>(x[i]))) <= 1.2);
    }
    CHECK(apply<float>(target, Lane::log, {1e-45f})[0] == Approx(-103.278929903).epsilon(1e-7));
    CHECK(apply<double>(target, Lane::log, {5e-324})[0] == Approx(-744.4400719213812));
  }
}

TEST_CASE("pow_scalar computes the simple exponents as PyTorch does", "[kernels]") {
  check_powers<float>();
  check_powers<double>();
}

TEST_CASE("no function touches errno", "[kernels]") {
  const std::vector<double> x = {-1, 0, INFINITY, -INFINITY, NAN, 1e300, 710, -746, 1e22};
  const std::vector<float> narrow(x.begin(), x.end());
  for (const Target target : targets()) {
    for (const Function& function : kFunctions) {
      errno = 1234;
      apply(target, function.lane, x);
      apply(target, function.lane, narrow);
      CHECK(errno == 1234);
    }
    errno = 1234;
    apply(target, Lane::pow_scalar, x, 400.5);
    apply(target, Lane::pow_scalar, narrow, -7.5);
    CHECK(errno == 1234);
  }
}

TEST_CASE("functions of the 16-bit floats are those of float32, rounded once", "[kernels]") {
  for (const Target target : targets()) {
    for (const Function& function : kFunctions) {
      for (const DType dtype : {DType::float16, DType::bfloat16}) {
        for (uint32_t first = 0; first < 65536; first += 4096) {
          std::vector<uint16_t> in(4096), out(4096);
          std::vector<float> x(4096);
          for (uint32_t i = 0; i < 4096; ++i) {
            in[i] = static_cast<uint16_t>(first + i);
            x[i] = dtype == DType::float16 ? to_float(Float16{in[i]}) : to_float(BFloat16{in[i]});
          }
          void* const data[] = {out.data(), in.data()};
          const int64_t strides[] = {2, 2};
          table_of(target).at(function.lane, dtype)(data, strides, 4096, nullptr);
          const std::vector<float> y = apply(target, function.lane, x);
          for (size_t i = 0; i < 4096; ++i) {
            const uint16_t expected =
                dtype == DType::float16 ? to_float16(y[i]).bits : to_bfloat16(y[i]).bits;
            if (out[i] == expected || std::isnan(y[i])) continue;
            CAPTURE(function.name, name_of(dtype), x[i], y[i], out[i], expected);
            FAIL("wrong bits");
          }
        }
      }
    }
  }
}

}  // namespace tg::kernels
