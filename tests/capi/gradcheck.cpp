// SPDX-License-Identifier: MIT
// tg_gradcheck: what it passes, what it finds, and how it names the worst element.
#include <cmath>

#include "capi/functional.h"
#include "capi/rows.h"

using namespace capi;

namespace {

struct Verdict {
  int32_t passed = -1;
  std::string report;
};
Verdict gradcheck(const HostFunction& fn, const Tensors& inputs, int32_t order = 2,
                  size_t out_count = 1, double eps = 0, double atol = 0, double rtol = 0) {
  char text[4000] = "";
  size_t length = 0;
  Verdict verdict;
  const uint64_t live = tg_live_handles();
  ok(tg_gradcheck(run_host, data_of(fn), inputs.data(), inputs.size(), out_count, order, eps, atol,
                  rtol, &verdict.passed, text, sizeof text, &length));
  CHECK(tg_live_handles() == live);
  verdict.report = text;
  CHECK(verdict.report.size() == length);
  INFO(verdict.report);
  CHECK((verdict.passed == 0 || verdict.passed == 1));
  return verdict;
}

tg_status product(const tg_tensor* in, tg_tensor* out) { return tg_mul(in[0], in[1], &out[0]); }

// The value is x^2 and its gradient 2 x, but the tape does not know that 2 x depends on x.
tg_status hides_second_order(const tg_tensor* in, tg_tensor* out) {
  Tensor plain, mixed, twice, square;
  tg_status status = tg_detach(in[0], plain.out());
  if (status == TG_OK) status = tg_mul(in[0], plain, mixed.out());
  if (status == TG_OK) status = tg_mul_scalar(mixed, 2, twice.out());
  if (status == TG_OK) status = tg_mul(plain, plain, square.out());
  return status == TG_OK ? tg_sub(twice, square, &out[0]) : status;
}

}  // namespace

TEST_CASE("right gradients pass, of first and of second order", "[gradcheck]") {
  const Tensor x = tensor({0.5, 1, 2, 3, 4, 5}, {2, 3}), y = tensor({1, -1, 2}, {3});
  for (const int32_t order : {1, 2}) {
    const Verdict verdict = gradcheck(product, {x, y}, order);
    CHECK(verdict.passed == 1);
    CHECK_THAT(verdict.report, Catch::Contains("order 1: all 54 elements agree"));
    CHECK((verdict.report.find("order 2") != std::string::npos) == (order == 2));
    CHECK_THAT(verdict.report, Catch::Contains("farthest apart: ") && Catch::Contains("analytic"));
  }
  // Several outs, strided inputs, integers among the outs, and an input that nothing depends on.
  const HostFunction fn = [](const tg_tensor* in, tg_tensor* out) {
    Tensor sine;
    tg_status status = tg_sin(in[0], sine.out());
    if (status == TG_OK) status = tg_mm(sine, in[0], &out[0]);
    if (status == TG_OK) status = tg_argmax(in[0], &out[1]);
    return status == TG_OK ? tg_sum(in[0], &out[2]) : status;
  };
  const Tensor square = tensor({1, 2, 3, 4.5}, {2, 2}), turned = make(tg_t, square);
  CHECK(gradcheck(fn, {turned, y}, 2, 3).passed == 1);
  CHECK(values(square) == Values{1, 2, 3, 4.5});
  CHECK(version(square) == 0);
}

TEST_CASE("a wrong gradient is told by its worst element", "[gradcheck]") {
  const Tensor x = vec({1, 2}), y = vec({3, 40});
  const HostFunction fn = [](const tg_tensor* in, tg_tensor* out) {  // by y it is taken to be 0
    Tensor plain;
    const tg_status status = tg_detach(in[1], plain.out());
    return status == TG_OK ? tg_mul(in[0], plain, &out[0]) : status;
  };
  const Verdict verdict = gradcheck(fn, {x, y});
  CHECK(verdict.passed == 0);
  CHECK_THAT(verdict.report,
             Catch::StartsWith("order 1: 2 of 8 elements differ by more than 1e-05 + 0.001"));
  CHECK_THAT(verdict.report,
             Catch::Contains("worst: outs[0] at [1] by inputs[1] at [1]: analytic 0, numeric 2"));
  CHECK_THAT(verdict.report, Catch::Contains("outs[0] by inputs[1]: 2 of 4 differ"));
  CHECK(verdict.report.find("order 2") == std::string::npos);
}

TEST_CASE("a wrong second derivative is found by order 2 alone", "[gradcheck]") {
  const Tensor x = vec({1, 2});
  CHECK(gradcheck(hides_second_order, {x}, 1).passed == 1);
  const Verdict verdict = gradcheck(hides_second_order, {x}, 2);
  CHECK(verdict.passed == 0);
  CHECK_THAT(verdict.report, Catch::StartsWith("order 1: all 4 elements agree"));
  CHECK_THAT(verdict.report, Catch::Contains("order 2: 2 of 8 elements differ"));
  CHECK_THAT(verdict.report, Catch::Contains("the gradient by inputs[0] at ["));
}

TEST_CASE("what is no function of its inputs is told so", "[gradcheck]") {
  const Tensor x = vec({1, 2});
  int calls = 0;
  const HostFunction drifts = [&](const tg_tensor* in, tg_tensor* out) {
    return tg_mul_scalar(in[0], ++calls, &out[0]);
  };
  Verdict verdict = gradcheck(drifts, {x});
  CHECK(verdict.passed == 0);
  CHECK_THAT(verdict.report, Catch::Contains("outs[0] has other values"));
  const HostFunction grows = [&](const tg_tensor* in, tg_tensor* out) {
    return tg_narrow(in[0], 0, 0, ++calls % 2 + 1, &out[0]);
  };
  verdict = gradcheck(grows, {x});
  CHECK(verdict.passed == 0);
  CHECK_THAT(verdict.report, Catch::Contains("float64[1]") && Catch::Contains("float64[2]"));
}

TEST_CASE("a gradient that is not a number differs; equal infinities do not", "[gradcheck]") {
  const HostFunction root = [](const tg_tensor* in, tg_tensor* out) {
    return tg_sqrt(in[0], &out[0]);
  };
  const Verdict verdict = gradcheck(root, {vec({0, 4})}, 1);  // the step below 0 gives NaN
  CHECK(verdict.passed == 0);
  CHECK_THAT(verdict.report, Catch::Contains("at [0] by inputs[0] at [0]: analytic inf"));
}

TEST_CASE("eps, atol and rtol are what the caller says", "[gradcheck]") {
  const HostFunction cube = [](const tg_tensor* in, tg_tensor* out) {
    return tg_pow_scalar(in[0], 3, &out[0]);
  };
  const Tensor x = vec({1});
  // The error of the difference is eps^2 = 0.01 of a slope of 3.
  CHECK(gradcheck(cube, {x}, 1, 1, 0.1, 0, 0).passed == 0);
  CHECK(gradcheck(cube, {x}, 1, 1, 0.1, 0.02, 0).passed == 1);
  CHECK(gradcheck(cube, {x}, 1, 1, 0.1, 0, 0.01).passed == 1);
  CHECK(gradcheck(cube, {x}, 1, 1, 0.001, 0, 0).passed == 1);
}

TEST_CASE("no elements, and a report of no length", "[gradcheck]") {
  const Tensor none = tensor({}, {0, 2});
  CHECK(
      gradcheck([](const tg_tensor* in, tg_tensor* out) { return tg_exp(in[0], &out[0]); }, {none})
          .passed == 1);
  const HostFunction fn = product;
  const Tensor x = vec({1}), y = vec({2});
  const tg_tensor in[] = {x, y};
  int32_t passed = -1;
  size_t length = 0;
  ok(tg_gradcheck(run_host, data_of(fn), in, 2, 1, 1, 0, 0, 0, &passed, nullptr, 0, &length));
  CHECK(passed == 1);
  CHECK(length > 20);
  ok(tg_gradcheck(run_host, data_of(fn), in, 2, 1, 1, 0, 0, 0, &passed, nullptr, 0, nullptr));
}

TEST_CASE("the function gets copies, in grad mode", "[gradcheck]") {
  const Tensor x = vec({1, 2});
  const HostFunction doubles_first = [](const tg_tensor* in, tg_tensor* out) {
    CHECK(tg_is_grad_enabled() == 1);
    {
      const In mode(Mode::no_grad);
      ok(tg_mul_scalar_(in[0], 2));
    }
    return tg_exp(in[0], &out[0]);
  };
  for (const Mode mode : {Mode::normal, Mode::no_grad}) {
    const In in(mode);
    const Verdict verdict = gradcheck(doubles_first, {x});
    CHECK(verdict.passed == 0);  // the tape knows nothing of the doubling
    CHECK_THAT(verdict.report, Catch::Contains("outs[0] at [1] by inputs[0] at [1]"));
  }
  CHECK(values(x) == Values{1, 2});
  CHECK(version(x) == 0);
}

TEST_CASE("what tg_gradcheck refuses", "[errors][gradcheck]") {
  const Tensor x = vec({1, 2}), big = vec({1e30});
  Tensor single = make(tg_to_dtype, x, TG_FLOAT32);
  const Tensor i0 = of_kind("i0", {1, 2}, {2});
  const tg_tensor in[] = {x, x}, floats[] = {single}, inf[] = {i0}, stale[] = {12345};
  const tg_tensor bigs[] = {big, big};
  const HostFunction function = product;
  void* const data = data_of(function);
  Rows rows{x, single};
  const auto call = [&](const tg_tensor* inputs, size_t count, size_t outs, int32_t order,
                        double eps, double atol, double rtol) {
    return tg_gradcheck(run_host, data, inputs, count, outs, order, eps, atol, rtol,
                        rows.untouched<int32_t>(), rows.untouched<char>(), 1,
                        rows.untouched<size_t>());
  };
  const tg_status kWrong = TG_ERROR_INVALID_ARGUMENT;
  rows.fails("tg_gradcheck", kWrong, {"inputs", "NULL"}, call(nullptr, 2, 1, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", TG_ERROR_INVALID_ARGUMENT, {"count is 0"}, call(in, 0, 1, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"out_count is 0"}, call(in, 2, 0, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"order is 3"}, call(in, 2, 1, 3, 0, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"order is 0"}, call(in, 2, 1, 0, 0, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"eps is -1"}, call(in, 2, 1, 1, -1, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"atol is inf"}, call(in, 2, 1, 1, 0, INFINITY, 0));
  rows.fails("tg_gradcheck", kWrong, {"rtol is "}, call(in, 2, 1, 1, 0, 0, NAN));
  rows.fails("tg_gradcheck", kWrong, {"eps is 1e-06", "inputs[0] at [0] is 1e+30", "greater eps"},
             call(bigs, 2, 1, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", kWrong, {"fn", "NULL"},
             tg_gradcheck(nullptr, data, in, 2, 1, 1, 0, 0, 0, rows.untouched<int32_t>(), nullptr,
                          0, nullptr));
  rows.fails("tg_gradcheck", kWrong, {"passed", "NULL"},
             tg_gradcheck(run_host, data, in, 2, 1, 1, 0, 0, 0, nullptr, nullptr, 0, nullptr));
  rows.fails("tg_gradcheck", kWrong, {"report", "NULL"},
             tg_gradcheck(run_host, data, in, 2, 1, 1, 0, 0, 0, rows.untouched<int32_t>(), nullptr,
                          5, nullptr));
  rows.fails("tg_gradcheck", TG_ERROR_INVALID_HANDLE, {"inputs[0]"}, call(stale, 1, 1, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", TG_ERROR_DTYPE, {"inputs[0]", "float32", "float64"},
             call(floats, 1, 1, 1, 0, 0, 0));
  rows.fails("tg_gradcheck", TG_ERROR_MODE, {"inputs[0]", "inference tensor"},
             call(inf, 1, 1, 1, 0, 0, 0));
  const In mode(Mode::inf);
  rows.fails("tg_gradcheck", TG_ERROR_MODE, {"inference mode", "leave"},
             call(in, 2, 1, 1, 0, 0, 0));
}

TEST_CASE("functions that misbehave under tg_gradcheck", "[errors][gradcheck]") {
  const Tensor x = tensor({1}, {});
  const Tensor i0 = of_kind("i0", {1}, {});
  const tg_tensor in[] = {x};
  Handle token;
  ok(tg_token_create(token.out()));
  Rows rows{x};
  const auto call = [&](const HostFunction& fn, int32_t order = 1) {
    return tg_gradcheck(run_host, data_of(fn), in, 1, 1, order, 0, 0, 0, rows.untouched<int32_t>(),
                        nullptr, 0, nullptr);
  };
  rows.fails("tg_gradcheck", TG_ERROR_CALLBACK, {"outs[0]", "set each"},
             call([](const tg_tensor*, tg_tensor*) { return TG_OK; }));
  int calls = 0;
  rows.fails("tg_gradcheck", TG_ERROR_CALLBACK, {"99"},
             call([&](const tg_tensor* lent, tg_tensor* out) {
               ok(tg_exp(lent[0], &out[0]));
               return ++calls == 3 ? 99 : TG_OK;
             }));
  rows.fails("tg_gradcheck", TG_ERROR_INVALID_HANDLE, {"outs[0]"},
             call([](const tg_tensor*, tg_tensor* out) {
               out[0] = 12345;
               return TG_OK;
             }));
  rows.fails("tg_gradcheck", TG_ERROR_MODE, {"outs[0]", "inference tensor"},
             call([&](const tg_tensor*, tg_tensor* out) { return tg_alias(i0, &out[0]); }));
  rows.fails("tg_gradcheck", TG_ERROR_VERSION, {"changed in place"},
             call([](const tg_tensor* lent, tg_tensor* out) {
               Tensor y;
               ok(tg_mul_scalar(lent[0], 2, y.out()));
               ok(tg_mul(y, y, &out[0]));
               return tg_add_scalar_(y, 1);
             }));
  tg_ffi_definition sine = {};
  sine.struct_size = sizeof sine;
  sine.name = "sine";
  sine.signature = "f64 -> f64";
  sine.library = "libm.so.6";
  sine.symbol = "sin";
  sine.backward_symbol = "cos";
  sine.backward_signature = "f64 -> f64";
  {
    Handle op;
    ok(tg_ffi_operator(&sine, op.out()));
    const HostFunction once = [&](const tg_tensor* lent, tg_tensor* out) {
      return tg_operator_apply(op, lent, 1, nullptr, 0, out, 1);
    };
    CHECK(gradcheck(once, {x}, 1).passed == 1);
    Rows twice{x};
    twice.fails("tg_gradcheck", TG_ERROR_AUTOGRAD, {"sine"},
                tg_gradcheck(run_host, data_of(once), in, 1, 1, 2, 0, 0, 0,
                             twice.untouched<int32_t>(), nullptr, 0, nullptr));
  }
  ok(tg_token_use(token, nullptr));
  ok(tg_token_cancel(token));
  rows.fails("tg_gradcheck", TG_ERROR_CANCELLED, {},
             call([](const tg_tensor* lent, tg_tensor* out) { return tg_exp(lent[0], &out[0]); }));
  ok(tg_token_use(0, nullptr));
}
