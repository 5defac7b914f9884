// SPDX-License-Identifier: MIT
// Foreign functions as operators: values, gradients, modes, and what a call leaves alone.
#include <numeric>

#include "capi/foreign.h"

using namespace capi;

namespace {

// y = A x, row-major, and its backward: dx = A^T g, dA = g x^T.
int32_t product(int64_t m, int64_t n, const double* a, const double* x, double* y) {
  for (int64_t i = 0; i < m; ++i) {
    y[i] = 0;
    for (int64_t j = 0; j < n; ++j) y[i] += a[i * n + j] * x[j];
  }
  return 0;
}
int32_t product_backward(int64_t m, int64_t n, const double* a, const double* x, const double* g,
                         double* da, double* dx) {
  for (int64_t j = 0; j < n; ++j) dx[j] = 0;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      da[i * n + j] = g[i] * x[j];
      dx[j] += a[i * n + j] * g[i];
    }
  }
  return 0;
}

constexpr const char* kProduct = "i64 m, i64 n, f64 a[m][n], f64 x[n], out f64 y[m] -> i32 status";
constexpr const char* kProductBackward =
    "i64 m, i64 n, f64 a[m][n], f64 x[n], f64 grad y[m], out f64 grad a[m][n], "
    "out f64 grad x[n] -> i32 status";

Handle product_operator() {
  tg_ffi_definition from = definition("product", kProduct, product);
  from.backward_address = address_of(product_backward);
  from.backward_signature = kProductBackward;
  return foreign(from);
}

Handle sine(uint32_t flags = 0) {
  tg_ffi_definition from = definition("sine", "f64 -> f64");
  from.library = kLibm;
  from.symbol = "sin";
  from.backward_symbol = "cos";
  from.backward_signature = "f64 -> f64";
  from.flags = flags;
  return foreign(from);
}

}  // namespace

TEST_CASE("sin of libm is an operator, and cos its gradient", "[ffi]") {
  const Handle op = sine();
  const Tensor x = tensor({0.1, -0.7, 2, 3, 0, 1e3}, {2, 3}, true);
  const Tensor y = run(op, {x});
  CHECK(values(y) == values(make(tg_sin, x)));
  CHECK(kind_of(y) == "nn");
  CHECK(node_name(grad_fn(y)) == "sineBackward");
  ok(backward_ones(y));
  CHECK(grad_values(x) == values(make(tg_cos, x)));
  check_gradients([&](const Inputs& in) { return run(op, in); }, {x}, 1e-5);
}

TEST_CASE("a function of two elements is broadcast", "[ffi]") {
  tg_ffi_definition from = definition("hypotenuse", "f64, f64 -> f64");
  from.library = kLibm;
  from.symbol = "hypot";
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor x = tensor({3, 5}, {2, 1}, true);
  const Tensor y = leaf({4, 12, 1});
  const Tensor z = run(op, {x, y});
  CHECK(values(z)[0] == 5);
  CHECK(values(z)[4] == 13);
  check_gradients([&](const Inputs& in) { return run(op, in); }, {x, y}, 1e-5);
}

TEST_CASE("a routine on arrays is an operator, with a backward of its own", "[ffi]") {
  const Handle op = product_operator();
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true);
  const Tensor x = leaf({1, -1, 2});
  const Tensor y = run(op, {a, x});
  CHECK(values(y) == Values{5, 11});
  CHECK(values(y) == values(make(tg_mv, a, x)));
  check_gradients([&](const Inputs& in) { return run(op, in); }, {a, x});
}

TEST_CASE("strided operands are copied, and nothing is written to them", "[ffi]") {
  const Handle op = product_operator();
  const Tensor base = tensor({1, 4, 2, 5, 3, 6}, {3, 2});
  const Tensor a = make(tg_t, base);
  const Tensor x = vec({1, -1, 2});
  CHECK(values(run(op, {a, x})) == Values{5, 11});
  CHECK(version(base) == 0);
  CHECK(version(x) == 0);
}

TEST_CASE("the three modes give the same numbers, and keep their rules", "[ffi]") {
  const Handle op = product_operator();
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true);
  const Tensor x = vec({1, -1, 2});
  const char* const kinds[] = {"nn", "n0", "i0"};
  for (const Mode mode : kModes) {
    const In in(mode);
    const Tensor y = run(op, {a, x});
    CHECK(values(y) == Values{5, 11});
    CHECK(kind_of(y) == kinds[static_cast<int>(mode)]);
  }
}

namespace {
int32_t fails_with_7(int64_t, const double*, double*) { return 7; }
}  // namespace

TEST_CASE("a status that is not 0 is an error with the number, and nothing is changed", "[ffi]") {
  const Handle op =
      foreign(definition("picky", "i64 n, f64 x[n], out f64 y[n] -> i32 status", fails_with_7));
  const Tensor x = vec({1, 2});
  run_fails(op, {x}, {}, 1, TG_ERROR_CALLBACK, {"tg_operator_apply: picky", "status = 7"});
  int64_t number = 0;
  tg_last_error_detail(&number, nullptr);
  CHECK(number == 7);
}
