// SPDX-License-Identifier: MIT
// The forms of signatures: what a function is handed for each, and what becomes of what it writes.
#include <cstring>

#include "capi/foreign.h"

using namespace capi;

namespace {

double power(int32_t n, double x) { return std::pow(x, n); }
double power_slope(int32_t n, double x) { return n * std::pow(x, n - 1); }
float halves(float x) { return x / 2; }
int64_t twice(int64_t x) { return 2 * x; }
int32_t sign_of(double x) { return x < 0 ? -1 : 1; }
void sine_and_cosine(double x, double* sine, double* cosine) {
  *sine = std::sin(x);
  *cosine = std::cos(x);
}
double product_of(double x, double y) { return x * y; }
void product_slopes(double x, double y, double* by_x, double* by_y) {
  *by_x = y;
  *by_y = x;
}
double of_many(float a, int32_t b, int64_t c, double d) {
  return static_cast<double>(a) + 10.0 * b + 100.0 * static_cast<double>(c) + 1000 * d;
}

}  // namespace

TEST_CASE("a named number of an elementwise function is an argument of the call", "[ffi]") {
  tg_ffi_definition from = definition("power", "i32 n, f64 -> f64", power);
  from.backward_address = address_of(power_slope);
  from.backward_signature = "i32 n, f64 -> f64";
  const Handle op = foreign(from);
  const Tensor x = leaf({1, 2, -3});
  CHECK(values(run(op, {x}, {number(int64_t{3})})) == Values{1, 8, -27});
  check_gradients([&](const Inputs& in) { return run(op, in, {number(int64_t{3})}); }, {x});
}

TEST_CASE("a constant stands for a number of the signature", "[ffi]") {
  const Handle op = foreign(definition("square", "i32 2, f64 -> f64", power));
  CHECK(values(run(op, {vec({3, 4})})) == Values{9, 16});
}

TEST_CASE("a factor multiplies every result", "[ffi]") {
  const Handle op = foreign(definition("square", "-2.5e-1 * i32 2, f64 -> f64", power));
  CHECK(values(run(op, {vec({2, 4})})) == Values{-1, -4});
}

TEST_CASE("elements of each type, by value and by address", "[ffi]") {
  const float floats[] = {1, 3};
  const int64_t two[] = {2};
  const Tensor x = make(tg_tensor_create, floats, TG_FLOAT32, two, 1, 0);
  CHECK(values(run(foreign(definition("halves", "f32 -> f32", halves)), {x})) == Values{0.5, 1.5});
  const Tensor whole = indices({4, -5});
  CHECK(values(run(foreign(definition("twice", "i64 -> i64", twice)), {whole})) == Values{8, -10});
  const Tensor signs =
      run(foreign(definition("sign", "f64 -> i32", sign_of)), {tensor({-2, 7}, {2}, true)});
  CHECK(values(signs) == Values{-1, 1});
  int32_t dtype = 0;
  ok(tg_tensor_dtype(signs, &dtype));
  CHECK(dtype == TG_INT32);
  CHECK(kind_of(signs) == "n0");  // integers are never recorded
  const Tensor narrow = make(tg_to_dtype, whole, TG_INT32);
  const Handle many = foreign(definition("many", "f32, i32, i64, f64 -> f64", of_many));
  CHECK(values(run(many, {x, narrow, whole, vec({0.5, 0.25})})) ==
        Values{1 + 40 + 400 + 500, 3 - 50 - 500 + 250});
}

TEST_CASE("results by address come in the order of the signature", "[ffi]") {
  tg_ffi_definition from = definition("both", "f64, out f64, out f64", sine_and_cosine);
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor x = leaf({0, 1, 2});
  const std::vector<Tensor> both = run_all(op, {x}, 2);
  CHECK(values(both[0]) == values(make(tg_sin, x)));
  CHECK(values(both[1]) == values(make(tg_cos, x)));
  for (const size_t which : {0, 1}) {
    check_gradients([&](const Inputs& in) { return std::move(run_all(op, in, 2)[which]); }, {x});
  }
}

TEST_CASE("derivatives by each operand are written by address", "[ffi]") {
  tg_ffi_definition from = definition("product", "f64, f64 -> f64", product_of);
  from.backward_address = address_of(product_slopes);
  from.backward_signature = "f64, f64, out f64, out f64";
  from.flags = TG_FFI_CHECK;
  const Handle op = foreign(from);
  const Tensor x = tensor({1, 2, 3, 4}, {2, 2}, true), y = leaf({5, 6});
  CHECK(values(run(op, {x, y})) == Values{5, 12, 15, 24});
  check_gradients([&](const Inputs& in) { return run(op, in); }, {x, y});
}

TEST_CASE("differences of float32, of elements and of arrays", "[ffi]") {
  const float start[] = {0.5f, 3};
  const int64_t two[] = {2};
  tg_ffi_definition from = definition("sine", "f32 -> f32");
  from.library = kLibm;
  from.symbol = "sinf";
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle elements = foreign(from);
  from = definition(
      "sines", "i64 n, f32 x[n], out f32 y[n]", +[](int64_t n, const float* x, float* y) {
        for (int64_t k = 0; k < n; ++k) y[k] = std::sin(x[k]);
      });
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle arrays = foreign(from);
  for (const Handle* op : {&elements, &arrays}) {
    const Tensor x = make(tg_tensor_create, start, TG_FLOAT32, two, 1, 1);
    ok(backward_ones(run(*op, {x})));
    CHECK(grad_values(x)[0] == Approx(std::cos(0.5)).epsilon(1e-3));
    CHECK(grad_values(x)[1] == Approx(std::cos(3.0)).epsilon(1e-3));
  }
}

// ---- arrays ----

namespace {

// y += a x, in place, and what it was handed.
int64_t seen_increments[2];
void axpy(const int32_t* n, const double* a, const double* x, const int32_t* x_step, double* y,
          const int32_t* y_step) {
  seen_increments[0] = *x_step, seen_increments[1] = *y_step;
  for (int32_t k = 0; k < *n; ++k) y[k] += *a * x[k];
}
void axpy_backward(const int32_t* n, const double* a, const double* g, double* gx, double* gy) {
  for (int32_t k = 0; k < *n; ++k) {
    gx[k] = *a * g[k];
    gy[k] = g[k];
  }
}
// By columns: y(i) = sum over j of a(i, j); status -1 where m is 0. Uses scratch memory.
void row_sums(const int32_t* m, const int32_t* n, const double* a, double* work, double* y,
              int32_t* info) {
  *info = *m == 0 ? -1 : 0;
  for (int32_t i = 0; i < *m; ++i) work[i] = 0;
  for (int32_t j = 0; j < *n; ++j) {
    for (int32_t i = 0; i < *m; ++i) work[i + *m] = 1, work[i] += a[i + j * *m];
  }
  for (int32_t i = 0; i < *m; ++i) y[i] = work[i];
}
void transposed(const int32_t* m, const int32_t* n, const double* a, double* b) {
  for (int32_t i = 0; i < *m; ++i) {
    for (int32_t j = 0; j < *n; ++j) b[j + i * *n] = a[i + j * *m];
  }
}
double dot(int64_t n, const double* x, const double* y) {
  double sum = 0;
  for (int64_t k = 0; k < n; ++k) sum += x[k] * y[k];
  return sum;
}
void dot_backward(int64_t n, const double* x, const double* y, const double* g, double* gx,
                  double* gy) {
  for (int64_t k = 0; k < n; ++k) gx[k] = *g * y[k], gy[k] = *g * x[k];
}
void ramp(int64_t n, double start, double* y) {
  for (int64_t k = 0; k < n; ++k) y[k] += start + static_cast<double>(k);
}
int64_t wants_six(int64_t n, const double* x, double* y) {
  for (int64_t k = 0; k < n; ++k) y[k] = x[k];
  return n == 6 ? 0 : n;
}

}  // namespace

TEST_CASE("Fortran: everything by address, constants too; inout is a copy", "[ffi]") {
  tg_ffi_definition from =
      definition("axpy", "i32 n, f64 a, f64 x[n], i32 1, inout f64 y[n], i32 1", axpy);
  from.backward_address = address_of(axpy_backward);
  from.backward_signature = "i32 n, f64 a, in f64 grad y[n], out f64 grad x[n], out f64 grad y[n]";
  from.flags = TG_FFI_FORTRAN | TG_FFI_CHECK;
  const Handle op = foreign(from);
  const Tensor x = leaf({1, 2, 3}), y = leaf({10, 20, 30});
  CHECK(values(run(op, {x, y}, {number(2.0)})) == Values{12, 24, 36});
  CHECK(values(y) == Values{10, 20, 30});
  CHECK(version(y) == 0);
  CHECK(seen_increments[0] == 1);
  CHECK(seen_increments[1] == 1);
  check_gradients([&](const Inputs& in) { return run(op, in, {number(2.0)}); }, {x, y});
}

TEST_CASE("Fortran: arrays lie by columns, whatever the operand's strides", "[ffi]") {
  tg_ffi_definition from = definition(
      "row_sums", "i32 m, i32 n, f64 a[m][n], work f64 w[2*m], out f64 y[m], status i32 info",
      row_sums);
  from.flags = TG_FFI_FORTRAN | TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true);
  CHECK(values(run(op, {a})) == Values{6, 15});
  const Tensor by_columns = make(tg_t, tensor({1, 4, 2, 5, 3, 6}, {3, 2}));
  CHECK(values(run(op, {by_columns})) == Values{6, 15});
  check_gradients([&](const Inputs& in) { return run(op, in); }, {a});
  run_fails(op, {tensor({}, {0, 3})}, {}, 1, TG_ERROR_CALLBACK, {"row_sums", "info = -1"});
  int64_t detail = 0;
  tg_last_error_detail(&detail, nullptr);
  CHECK(detail == -1);
}

TEST_CASE("Fortran: a result that lies by columns is the tensor that it should be", "[ffi]") {
  tg_ffi_definition from =
      definition("transposed", "i32 m, i32 n, f64 a[m][n], out f64 b[n][m]", transposed);
  from.flags = TG_FFI_FORTRAN | TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor a = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true);
  const Tensor b = run(op, {a});
  CHECK(values(b) == Values{1, 4, 2, 5, 3, 6});
  CHECK(is_view(b) == 0);
  int64_t strides[2];
  int32_t rank = 0;
  ok(tg_tensor_strides(b, strides, 2, &rank));
  CHECK(strides[0] == 1);
  CHECK(strides[1] == 3);
  check_gradients([&](const Inputs& in) { return run(op, in); }, {a});
}

TEST_CASE("what a function returns is a result of rank 0, and has a gradient", "[ffi]") {
  tg_ffi_definition from = definition("dot", "i64 n, f64 x[n], f64 y[n] -> f64 s", dot);
  from.backward_address = address_of(dot_backward);
  from.backward_signature =
      "i64 n, f64 x[n], f64 y[n], f64 grad s[], out f64 grad x[n], out f64 grad y[n]";
  const Handle op = foreign(from);
  const Tensor x = leaf({1, 2, 3}), y = leaf({4, 5, 6});
  CHECK(item(run(op, {x, y})) == 32);
  check_gradients([&](const Inputs& in) { return run(op, in); }, {x, y});
}

TEST_CASE("a size that no operand tells is an argument; results begin as zeros", "[ffi]") {
  const Handle op = foreign(definition("ramp", "i64 n, f64 start, out f64 y[n]", ramp));
  CHECK(values(run(op, {}, {number(int64_t{3}), number(0.5)})) == Values{0.5, 1.5, 2.5});
  run_fails(op, {}, {number(int64_t{-3}), number(0.5)}, 1, TG_ERROR_INVALID_ARGUMENT,
            {"ramp", "negative"});
  run_fails(op, {}, {number(INT64_MAX), number(0.5)}, 1, TG_ERROR_SHAPE, {"2^63"});
}

TEST_CASE("an i64 status is checked whole", "[ffi]") {
  const Handle op =
      foreign(definition("six", "i64 n, f64 x[n], out f64 y[n] -> i64 status", wants_six));
  CHECK(values(run(op, {tensor({2}, {6})})) == Values(6, 2.0));
  run_fails(op, {tensor({2}, {5})}, {}, 1, TG_ERROR_CALLBACK, {"six", "status = 5"});
}

TEST_CASE("an unused gradient comes as zeros, an unread one is not asked for", "[ffi]") {
  // Two results, of which the backward reads the first alone.
  tg_ffi_definition from = definition(
      "both", "i64 n, inout f64 x[n], out f64 y[n]", +[](int64_t n, double* x, double* y) {
        for (int64_t k = 0; k < n; ++k) {
          y[k] = 3 * x[k];
          x[k] = x[k] * x[k];
        }
      });
  from.backward_address = address_of(+[](int64_t n, const double* x, const double* g, double* gx) {
    for (int64_t k = 0; k < n; ++k) gx[k] = 2 * x[k] * g[k];
  });
  from.backward_signature = "i64 n, f64 x[n], f64 grad x[n], out f64 grad x[n]";
  const Handle op = foreign(from);
  const Tensor x = leaf({1, 2});
  std::vector<Tensor> both = run_all(op, {x}, 2);
  CHECK(values(both[0]) == Values{1, 4});
  CHECK(values(both[1]) == Values{3, 6});
  CHECK(kind_of(both[0]) == "nn");
  CHECK(kind_of(both[1]) == "n0");
  check_gradients([&](const Inputs& in) { return std::move(run_all(op, in, 2)[0]); }, {x});
}
