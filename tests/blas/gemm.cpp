// SPDX-License-Identifier: MIT
// Products against plain loops: every form, stride and size class, integers for equality.
#include "blas/gemm.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "base/error.h"
#include "base/parallel.h"
#include "base/token.h"
#include "blas/lent.h"

namespace {

using tg::DType;
using tg::blas::Matrix;

template <class T>
constexpr DType kDType = sizeof(T) == 4 ? DType::float32 : DType::float64;

uint32_t next_random(uint32_t& seed) {
  seed = seed * 1664525u + 1013904223u;
  return seed >> 8;
}

// A matrix of small integers, so that every sum is exact in any order, inside a larger array of
// which the elements outside must stay as they are.
template <class T>
struct Store {
  std::vector<T> data;
  Matrix matrix;

  enum class Form { rows, columns, padded_rows, padded_columns, apart, reversed, repeated };

  Store(int64_t rows, int64_t columns, Form form, uint32_t seed) {
    int64_t row = columns, column = 1;
    switch (form) {
      case Form::rows: break;
      case Form::columns: row = 1, column = rows; break;
      case Form::padded_rows: row = columns + 3; break;
      case Form::padded_columns: row = 1, column = rows + 5; break;
      case Form::apart: row = 2 * columns + 1, column = 2; break;
      case Form::reversed: row = -columns; break;
      case Form::repeated: row = 0, column = 1; break;
    }
    const int64_t span = std::abs(row) * rows + std::abs(column) * columns + 8;
    data.resize(static_cast<size_t>(2 * span));
    for (T& x : data) x = static_cast<T>(static_cast<int>(next_random(seed) % 17) - 8);
    matrix = {data.data() + span, rows, columns, row, column};
    if (form != Form::reversed) matrix.data = data.data() + 4;
  }
  T& at(int64_t i, int64_t j) {
    return static_cast<T*>(matrix.data)[i * matrix.row_stride + j * matrix.column_stride];
  }
};

template <class T>
std::vector<T> expected(Store<T>& c, Store<T>& a, Store<T>& b, double alpha, double beta) {
  std::vector<T> result = c.data;
  const T* origin = c.data.data();
  for (int64_t i = 0; i < c.matrix.rows; ++i) {
    for (int64_t j = 0; j < c.matrix.columns; ++j) {
      T sum = 0;
      for (int64_t p = 0; p < a.matrix.columns; ++p) sum += a.at(i, p) * b.at(p, j);
      T& to = result[static_cast<size_t>(&c.at(i, j) - origin)];
      to = static_cast<T>(alpha) * sum + (beta == 0 ? T{0} : static_cast<T>(beta) * to);
    }
  }
  return result;
}

template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (!(a[i] == b[i]) && !(std::isnan(a[i]) && std::isnan(b[i]))) {
      UNSCOPED_INFO("element " << i << ": " << a[i] << ", expected " << b[i]);
      return false;
    }
  }
  return true;
}

template <class T>
void check(int64_t m, int64_t n, int64_t k, typename Store<T>::Form cf, typename Store<T>::Form af,
           typename Store<T>::Form bf, double alpha, double beta) {
  INFO(m << "x" << n << "x" << k << " forms " << int(cf) << int(af) << int(bf) << " alpha " << alpha
         << " beta " << beta);
  Store<T> c(m, n, cf, 3), a(m, k, af, 1), b(k, n, bf, 2);
  if (beta == 0) {  // not read
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) c.at(i, j) = std::numeric_limits<T>::quiet_NaN();
    }
  }
  const std::vector<T> wanted = expected(c, a, b, alpha, beta);
  tg::blas::gemm(kDType<T>, c.matrix, a.matrix, b.matrix, alpha, beta);
  REQUIRE(same(c.data, wanted));
}

}  // namespace

TEMPLATE_TEST_CASE("gemm is exact on integers for every size up to 20", "[blas]", float, double) {
  using Form = typename Store<TestType>::Form;
  for (int64_t m = 1; m <= 20; ++m) {
    for (int64_t n = 1; n <= 20; ++n) {
      for (int64_t k : {0, 1, 2, 3, 7, 16}) {
        check<TestType>(m, n, k, Form::rows, Form::rows, Form::rows, 1, 0);
        check<TestType>(m, n, k, Form::padded_rows, Form::rows, Form::columns, 1, 0);
      }
    }
  }
}

TEMPLATE_TEST_CASE("gemm takes every stride of operands and result", "[blas]", float, double) {
  using Form = typename Store<TestType>::Form;
  const Form forms[] = {Form::rows,  Form::columns,  Form::padded_rows, Form::padded_columns,
                        Form::apart, Form::reversed, Form::repeated};
  for (const auto& size : {std::vector<int64_t>{5, 7, 9},
                           {33, 47, 21},
                           {2, 2, 2},
                           {1, 37, 19},
                           {41, 1, 23},
                           {70, 65, 110}}) {
    for (Form cf : {Form::rows, Form::columns, Form::padded_columns, Form::apart}) {
      for (Form af : forms) {
        for (Form bf : forms) {
          check<TestType>(size[0], size[1], size[2], cf, af, bf, 1, 0);
          check<TestType>(size[0], size[1], size[2], cf, af, bf, 2, -1);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE("gemm is exact where it works in blocks and panels", "[blas]", float, double) {
  using Form = typename Store<TestType>::Form;
  for (const auto& size : {std::vector<int64_t>{130, 530, 400},
                           {300, 290, 301},
                           {20, 1100, 1200},
                           {1500, 17, 1000},
                           {3, 2000, 900}}) {
    check<TestType>(size[0], size[1], size[2], Form::rows, Form::rows, Form::rows, 1, 0);
    check<TestType>(size[0], size[1], size[2], Form::padded_rows, Form::columns, Form::columns, 1,
                    0);
    check<TestType>(size[0], size[1], size[2], Form::rows, Form::apart, Form::rows, 1, 0);
    check<TestType>(size[0], size[1], size[2], Form::rows, Form::apart, Form::columns, 3, 2);
    check<TestType>(size[0], size[1], size[2], Form::rows, Form::rows, Form::repeated, 1, 1);
  }
}

TEST_CASE("gemm leaves c alone where there is nothing, and scales it where k is 0", "[blas]") {
  float c[6] = {1, 2, 3, 4, 5, 6};
  tg::blas::gemm(DType::float32, {c, 0, 3, 3, 1}, {c, 0, 4, 4, 1}, {c, 4, 3, 3, 1}, 1, 0);
  tg::blas::gemm(DType::float32, {c, 2, 0, 0, 1}, {c, 2, 4, 4, 1}, {c, 4, 0, 0, 1}, 1, 0);
  CHECK(c[0] == 1);
  CHECK(c[5] == 6);
  tg::blas::gemm(DType::float32, {c, 2, 3, 3, 1}, {c, 2, 0, 0, 1}, {c, 0, 3, 3, 1}, 1, 2);
  CHECK(c[0] == 2);
  CHECK(c[5] == 12);
  tg::blas::gemm(DType::float32, {c, 2, 3, 3, 1}, {c, 2, 0, 0, 1}, {c, 0, 3, 3, 1}, 1, 0);
  CHECK(c[0] == 0);
  CHECK(c[5] == 0);
}

TEST_CASE("gemm with alpha 0 reads no operand, whichever kernel computes it", "[blas]") {
  for (int64_t n : {4, 20, 64}) {
    std::vector<float> a(static_cast<size_t>(n * n), std::numeric_limits<float>::quiet_NaN());
    std::vector<float> c(static_cast<size_t>(n * n), 3);
    const Matrix operand{a.data(), n, n, n, 1};
    tg::blas::gemm(DType::float32, {c.data(), n, n, n, 1}, operand, operand, 0, 2);
    for (float x : c) REQUIRE(x == 6);
  }
}

TEMPLATE_TEST_CASE("gemm lets NaN and infinity through at every size", "[blas]", float, double) {
  for (int64_t n : {2, 3, 5, 16, 17, 40, 65}) {
    std::vector<TestType> a(static_cast<size_t>(n * n), 1), b(a), c(a);
    a[static_cast<size_t>(n + 1)] = std::numeric_limits<TestType>::quiet_NaN();
    b[static_cast<size_t>(n - 1)] = std::numeric_limits<TestType>::infinity();
    tg::blas::gemm(kDType<TestType>, {c.data(), n, n, n, 1}, {a.data(), n, n, n, 1},
                   {b.data(), n, n, n, 1});
    for (int64_t j = 0; j < n; ++j) {
      CHECK(std::isnan(c[static_cast<size_t>(n + j)]));
      CHECK(c[static_cast<size_t>(j)] ==
            (j == n - 1 ? std::numeric_limits<TestType>::infinity() : TestType(n)));
    }
  }
}

TEMPLATE_TEST_CASE("linear adds bias and relu to the bits of gemm", "[blas]", float, double) {
  for (const auto& size : {std::vector<int64_t>{2, 2, 2},
                           {1, 10, 20},
                           {100, 20, 10},
                           {5, 7, 3},
                           {50, 100, 10},
                           {50, 300, 400},
                           {1, 300, 400},
                           {400, 300, 300}}) {
    const int64_t m = size[0], n = size[1], k = size[2];
    for (int64_t stride : {1, 2, 0}) {
      std::vector<TestType> x(static_cast<size_t>(m * k)), w(static_cast<size_t>(n * k));
      std::vector<TestType> bias(static_cast<size_t>(2 * n)), y(static_cast<size_t>(m * n)), z(y);
      uint32_t seed = 7;
      for (auto* v : {&x, &w, &bias}) {
        for (TestType& e : *v) e = static_cast<TestType>(next_random(seed)) / 8388608 - 1;
      }
      const Matrix xs{x.data(), m, k, k, 1}, ws{w.data(), n, k, k, 1};
      tg::blas::linear(kDType<TestType>, {y.data(), m, n, n, 1}, xs, ws, bias.data(), stride, true);
      tg::blas::gemm(kDType<TestType>, {z.data(), m, n, n, 1}, xs, {w.data(), k, n, 1, k});
      for (int64_t i = 0; i < m; ++i) {
        for (int64_t j = 0; j < n; ++j) {
          TestType& e = z[static_cast<size_t>(i * n + j)];
          e += bias[static_cast<size_t>(j * stride)];
          if (e < 0) e = 0;
        }
      }
      INFO(m << "x" << n << "x" << k << " bias stride " << stride);
      REQUIRE(std::memcmp(y.data(), z.data(), y.size() * sizeof(TestType)) == 0);
    }
  }
}

TEMPLATE_TEST_CASE("gemv and dot are exact on integers for every stride", "[blas]", float, double) {
  for (int64_t m : {1, 2, 3, 4, 5, 9, 70}) {
    for (int64_t n : {0, 1, 5, 16, 63, 64, 65, 300}) {
      for (int64_t xs : {1, 3, -1, 0}) {
        for (int form = 0; form < 5; ++form) {
          const int64_t row = form == 0 ? n : form == 1 ? 1 : form == 2 ? 2 * n : form == 3 ? 0 : 1;
          const int64_t column = form == 0   ? 1
                                 : form == 1 ? m
                                 : form == 2 ? 2
                                 : form == 3 ? 1
                                             : 2 * m;
          std::vector<TestType> a(static_cast<size_t>(2 * (m + 1) * (n + 1))),
              y(static_cast<size_t>(m), 5);
          std::vector<TestType> x(static_cast<size_t>(6 * (n + 1)));
          uint32_t seed = static_cast<uint32_t>(m * 1000 + n);
          for (auto* v : {&a, &x}) {
            for (TestType& e : *v)
              e = static_cast<TestType>(static_cast<int>(next_random(seed) % 9) - 4);
          }
          TestType* x0 = x.data() + 3 * (n + 1);
          for (double beta : {0.0, 2.0}) {
            std::vector<TestType> wanted(y.size());
            for (int64_t i = 0; i < m; ++i) {
              TestType sum = 0;
              for (int64_t j = 0; j < n; ++j)
                sum += a[static_cast<size_t>(i * row + j * column)] * x0[j * xs];
              wanted[static_cast<size_t>(i)] = 3 * sum + TestType(beta) * y[static_cast<size_t>(i)];
            }
            tg::blas::gemv(kDType<TestType>, {y.data(), m, 1}, {a.data(), m, n, row, column},
                           {x0, n, xs}, 3, beta);
            INFO(m << "x" << n << " x stride " << xs << " form " << form);
            REQUIRE(y == wanted);
          }
          TestType sum = -1, right = 0;
          for (int64_t j = 0; j < n; ++j) right += a[static_cast<size_t>(j * 2)] * x0[j * xs];
          tg::blas::dot(kDType<TestType>, &sum, {a.data(), n, 2}, {x0, n, xs});
          REQUIRE(sum == right);
        }
      }
    }
  }
}

TEMPLATE_TEST_CASE(
    "strides that BLAS does not take give the bits of the own kernel at any thread count", "[blas]",
    float, double) {
  const int64_t m = 301, n = 293, k = 305;
  std::vector<TestType> a(static_cast<size_t>(2 * m * k)), b(static_cast<size_t>(2 * k * n));
  std::vector<TestType> c(static_cast<size_t>(m * n)), d(c);
  uint32_t seed = 11;
  for (auto* v : {&a, &b}) {
    for (TestType& e : *v) e = static_cast<TestType>(next_random(seed)) / 8388608 - 1;
  }
  const int threads = tg::thread_count();
  for (int count : {1, 2, 3, 7}) {
    tg::set_thread_count(count);
    tg::blas::gemm(kDType<TestType>, {c.data(), m, n, n, 1}, {a.data(), m, k, 2 * k, 2},
                   {b.data(), k, n, 2 * n, 2});
    if (count == 1) d = c;
    REQUIRE(std::memcmp(c.data(), d.data(), c.size() * sizeof(TestType)) == 0);
    // Each element is the same chain, wherever it lies in the product.
    TestType one[4];
    tg::blas::gemm(kDType<TestType>, {one, 2, 2, 2, 1}, {a.data() + 2 * k * 17, 2, k, 2 * k, 2},
                   {b.data() + 2 * 31, k, 2, 2 * n, 2});
    REQUIRE(one[0] == c[static_cast<size_t>(17 * n + 31)]);
    REQUIRE(one[3] == c[static_cast<size_t>(18 * n + 32)]);
  }
  tg::set_thread_count(threads);
}

TEST_CASE("a large product whose token is cancelled runs no further part", "[gemm]") {
  // Three ways of being cut: panels, a layer's columns, a vector's rows.
  struct Host {
    tg::Token token;
    int parts;
    static int32_t run(void* self, size_t count, tg::Job run, void* job) {
      auto* host = static_cast<Host*>(self);
      CHECK(count > 2);
      for (size_t i = 0; i < count; ++i) {
        run(job, i);
        if (i == 1) host->token.cancelled.store(1);
      }
      return 0;
    }
  };
  constexpr int64_t n = 1100, rows = 200;
  const std::vector<float> a(n * n, 1), b(n * n, 1);
  auto* left = const_cast<float*>(a.data());
  auto* right = const_cast<float*>(b.data());
  const auto cancelled = [&](auto&& product) {
    std::vector<float> c(n * n, -1);
    Host host{{}, 0};
    const Lending lending(Host::run, &host);
    tg::token_in_use = &host.token;
    tg_status status = TG_OK;
    try {
      product(c.data());
    } catch (const tg::Error& error) {
      status = error.code;
    }
    tg::token_in_use = nullptr;
    CHECK(status == TG_ERROR_CANCELLED);
    size_t written = 0;
    for (const float element : c) written += element == n;
    return written;
  };
  const size_t panels = cancelled([&](float* c) {
    tg::blas::gemm(DType::float32, {c, n, n, n, 1}, {left, n, n, n, 1}, {right, n, n, n, 1});
  });
  CHECK(panels > 0);
  CHECK(panels < n * n);
  const size_t layer = cancelled([&](float* c) {
    tg::blas::linear(DType::float32, {c, rows, n, n, 1}, {left, rows, n, n, 1}, {right, n, n, n, 1},
                     nullptr, 0, false);
  });
  CHECK(layer > 0);
  CHECK(layer < rows * n);
  constexpr int64_t tall = 4200;
  const std::vector<float> matrix(tall * tall, 1);
  std::vector<float> y(tall, -1);
  Host host{{}, 0};
  const Lending lending(Host::run, &host);
  tg::token_in_use = &host.token;
  CHECK_THROWS_AS(tg::blas::gemv(DType::float32, {y.data(), tall, 1},
                                 {const_cast<float*>(matrix.data()), tall, tall, tall, 1},
                                 {const_cast<float*>(matrix.data()), tall, 1}),
                  tg::Error);
  tg::token_in_use = nullptr;
  CHECK(y.front() == tall);
  CHECK(y.back() == -1);
}
