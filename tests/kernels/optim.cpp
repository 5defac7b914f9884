// SPDX-License-Identifier: MIT
#include "kernels/optim.h"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

#include "layouts.h"

namespace tg::kernels {
namespace {

using test::Numbers;
using test::on_every_target;

constexpr int64_t kLengths[] = {0, 1, 3, 8, 17, 64, 1001};

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 4 ? DType::float32 : DType::float64;
}

template <class T>
std::vector<T> random(int64_t n, uint64_t seed, double low, double high) {
  std::vector<T> x(static_cast<size_t>(n));
  Numbers numbers(seed);
  for (auto& value : x) value = static_cast<T>(numbers.between(low, high));
  return x;
}

template <class T>
double worst_difference(const std::vector<T>& a, const std::vector<T>& b) {
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double x = static_cast<double>(a[i]), y = static_cast<double>(b[i]);
    worst = std::max(worst, std::fabs(x - y) / (1e-3 + std::fabs(y)));
  }
  return worst;
}

TEMPLATE_TEST_CASE("SGD in all its forms follows PyTorch's", "[kernels][optim]", float, double) {
  using T = TestType;
  on_every_target([] {
    for (const int64_t n : kLengths) {
      for (const double momentum : {0.0, 0.9}) {
        for (const double decay : {0.0, 0.01}) {
          for (const bool nesterov : {false, true}) {
            const double dampening = nesterov ? 0 : 0.25;
            auto p = random<T>(n, 1, -1, 1), b = random<T>(n, 2, 50, 60);
            auto wanted_p = p, wanted_b = b;
            for (int step = 0; step < 3; ++step) {
              const auto g = random<T>(n, 3 + static_cast<uint64_t>(step), -1, 1);
              sgd(dtype_of<T>(), p.data(), g.data(), momentum != 0 ? b.data() : nullptr, n,
                  {0.1, momentum, dampening, decay, nesterov, step == 0});
              for (size_t i = 0; i < p.size(); ++i) {
                double d = static_cast<double>(g[i]) + decay * static_cast<double>(wanted_p[i]);
                if (momentum != 0) {
                  const double old = static_cast<double>(wanted_b[i]);
                  const double fresh = step == 0 ? d : momentum * old + (1 - dampening) * d;
                  wanted_b[i] = static_cast<T>(fresh);
                  d = nesterov ? d + momentum * fresh : fresh;
                }
                wanted_p[i] = static_cast<T>(static_cast<double>(wanted_p[i]) - 0.1 * d);
              }
            }
            CAPTURE(n, momentum, decay, nesterov);
            const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-12;
            CHECK(worst_difference(p, wanted_p) < tolerance);
            CHECK(worst_difference(b, wanted_b) < tolerance);
          }
        }
      }
    }
  });
}

TEMPLATE_TEST_CASE("Adam and AdamW follow PyTorch's", "[kernels][optim]", float, double) {
  using T = TestType;
  on_every_target([] {
    for (const int64_t n : kLengths) {
      for (const double decay : {0.0, 0.1}) {
        for (const bool decoupled : {false, true}) {
          auto p = random<T>(n, 1, -1, 1);
          std::vector<T> m(p.size()), v(p.size());
          std::vector<double> wanted_p(p.begin(), p.end()), wanted_m(p.size()), wanted_v(p.size());
          for (int64_t step = 1; step <= 4; ++step) {
            const auto g = random<T>(n, 7 + static_cast<uint64_t>(step), -1, 1);
            adam(dtype_of<T>(), p.data(), g.data(), m.data(), v.data(), n,
                 {0.01, 0.9, 0.999, 1e-8, decay, decoupled, step});
            for (size_t i = 0; i < p.size(); ++i) {
              double d = static_cast<double>(g[i]);
              if (decoupled) {
                wanted_p[i] -= 0.01 * decay * wanted_p[i];
              } else {
                d += decay * wanted_p[i];
              }
              wanted_m[i] = 0.9 * wanted_m[i] + (1 - 0.9) * d;
              wanted_v[i] = 0.999 * wanted_v[i] + (1 - 0.999) * d * d;
              const double m_hat = wanted_m[i] / (1 - std::pow(0.9, step));
              const double v_hat = wanted_v[i] / (1 - std::pow(0.999, step));
              wanted_p[i] -= 0.01 * m_hat / (std::sqrt(v_hat) + 1e-8);
            }
          }
          CAPTURE(n, decay, decoupled);
          const double tolerance = sizeof(T) == 4 ? 1e-4 : 1e-11;
          CHECK(worst_difference(p, std::vector<T>(wanted_p.begin(), wanted_p.end())) < tolerance);
          CHECK(worst_difference(m, std::vector<T>(wanted_m.begin(), wanted_m.end())) < tolerance);
          CHECK(worst_difference(v, std::vector<T>(wanted_v.begin(), wanted_v.end())) < tolerance);
        }
      }
    }
  });
}

TEST_CASE("the first step of Adam is lr against the sign of the gradient", "[kernels][optim]") {
  double p[] = {1, 1, 1}, m[3] = {}, v[3] = {};
  const double g[] = {5, -1e-3, 0};
  adam(DType::float64, p, g, m, v, 3, {0.25, 0.9, 0.999, 1e-12, 0, false, 1});
  CHECK(p[0] == Approx(0.75).epsilon(1e-9));
  CHECK(p[1] == Approx(1.25).epsilon(1e-9));
  CHECK(p[2] == 1);
}

TEST_CASE("weight decay of 0 does not touch an infinite weight's gradient", "[kernels][optim]") {
  on_every_target([] {
    const float infinity = std::numeric_limits<float>::infinity();
    std::vector<float> p(20, infinity), m(20), v(20);
    const std::vector<float> g(20, 1);
    sgd(DType::float32, p.data(), g.data(), m.data(), 20, {0.1, 0.9, 0, 0, false, true});
    CHECK(m == g);
    adam(DType::float32, p.data(), g.data(), m.data(), v.data(), 20,
         {0.1, 0.5, 0.5, 1e-8, 0, false, 1});
    for (const float value : p) CHECK(value == infinity);
    for (const float value : m) CHECK(value == 1);
  });
}

TEST_CASE("an optimiser's step has the same bits on every target and in every place",
          "[kernels][optim]") {
  std::vector<uint32_t> first;
  on_every_target([&] {
    for (const int64_t n : {1, 100}) {
      std::vector<float> p(static_cast<size_t>(n), 0.3f), g(p.size(), 0.7f), m(p.size(), 0.1f);
      std::vector<float> v(p.size(), 0.2f), q = p, b = m;
      adam(DType::float32, p.data(), g.data(), m.data(), v.data(), n,
           {0.013, 0.9, 0.999, 1e-8, 0.1, true, 5});
      sgd(DType::float32, q.data(), g.data(), b.data(), n, {0.013, 0.9, 0.1, 0.3, true, false});
      for (size_t i = 0; i < p.size(); ++i) {
        const std::vector<uint32_t> bits = {
            std::bit_cast<uint32_t>(p[i]), std::bit_cast<uint32_t>(m[i]),
            std::bit_cast<uint32_t>(v[i]), std::bit_cast<uint32_t>(q[i]),
            std::bit_cast<uint32_t>(b[i])};
        if (first.empty()) first = bits;
        CHECK(bits == first);
      }
    }
  });
}

TEMPLATE_TEST_CASE("norms add in double, and a NaN shows", "[kernels][optim]", float, double) {
  using T = TestType;
  on_every_target([] {
    for (const int64_t n : {0, 1, 5, 16, 33, 100, 5000, 100'000}) {
      auto x = random<T>(n, 41, -3, 2);
      long double squares = 0, absolute = 0, cubes = 0, greatest = 0;
      for (const T value : x) {
        const long double a = std::fabs(static_cast<long double>(value));
        squares += a * a, absolute += a, cubes += a * a * a;
        greatest = std::max(greatest, a);
      }
      CAPTURE(n);
      const DType dtype = dtype_of<T>();
      CHECK(squared_norm(dtype, x.data(), n) == Approx(double(squares)).epsilon(1e-14).margin(0));
      CHECK(abs_sum(dtype, x.data(), n) == Approx(double(absolute)).epsilon(1e-14).margin(0));
      CHECK(power_sum(dtype, x.data(), n, 3) == Approx(double(cubes)).epsilon(1e-14).margin(0));
      CHECK(abs_max(dtype, x.data(), n) == double(greatest));
      for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
        if (n == 0) continue;
        auto y = x;
        y[static_cast<size_t>(at)] = std::numeric_limits<T>::quiet_NaN();
        CHECK(std::isnan(abs_max(dtype, y.data(), n)));
        CHECK(std::isnan(squared_norm(dtype, y.data(), n)));
        CHECK(std::isnan(abs_sum(dtype, y.data(), n)));
        y[static_cast<size_t>(at)] = -std::numeric_limits<T>::infinity();
        CHECK(std::isinf(abs_max(dtype, y.data(), n)));
        CHECK(std::isinf(squared_norm(dtype, y.data(), n)));
      }
    }
  });
  const T some[] = {0, -2, 0, 5};
  CHECK(power_sum(dtype_of<T>(), some, 4, 0) == 2);
}

}  // namespace
}  // namespace tg::kernels
