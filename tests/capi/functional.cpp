// SPDX-License-Identifier: MIT
// vjp, jvp and hvp: values, zeros for what is not used, modes, and what a function may do.
#include "capi/functional.h"
#include "capi/operators.h"
#include "capi/rows.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

using namespace capi;

namespace {

// y0 = x * w + x * x, y1 = sum(w)
tg_status two_outs(const tg_tensor* in, tg_tensor* out) {
  Tensor xw, xx;
  tg_status status = tg_mul(in[0], in[1], xw.out());
  if (status == TG_OK) status = tg_mul(in[0], in[0], xx.out());
  if (status == TG_OK) status = tg_add(xw, xx, &out[0]);
  return status == TG_OK ? tg_sum(in[1], &out[1]) : status;
}
// x0^2 x1 of a vector of two
tg_status cubic(const tg_tensor* in, tg_tensor* out) {
  Tensor first, second, square;
  tg_status status = tg_select(in[0], 0, 0, first.out());
  if (status == TG_OK) status = tg_select(in[0], 0, 1, second.out());
  if (status == TG_OK) status = tg_mul(first, first, square.out());
  return status == TG_OK ? tg_mul(square, second, &out[0]) : status;
}
tg_status same_input(const tg_tensor* in, tg_tensor* out) { return tg_alias(in[0], &out[0]); }
tg_status sine(const tg_tensor* in, tg_tensor* out) { return tg_sin(in[0], &out[0]); }
tg_status total(const tg_tensor* in, tg_tensor* out) { return tg_sum(in[0], &out[0]); }

}  // namespace

TEST_CASE("vjp gives each out and the weighted gradients of all of them", "[functional]") {
  const Tensor x = vec({1, 2}), w = vec({3, 4}), v0 = vec({1, 10}), v1 = tensor({100}, {});
  const uint64_t live = tg_live_handles();
  {
    const Product found = vjp(two_outs, {x, w}, {v0, v1}, 2);
    CHECK(values(found.outs[0]) == Values{4, 12});
    CHECK(values(found.outs[1]) == Values{7});
    CHECK(values(found.found[0]) == Values{5, 80});
    CHECK(values(found.found[1]) == Values{101, 120});
    for (const Tensor& out : found.outs) CHECK(kind_of(out) == "n0");
    for (const Tensor& grad : found.found) CHECK(kind_of(grad) == "n0");
  }
  CHECK(tg_live_handles() == live);
  CHECK(requires_grad(x) == 0);
}

TEST_CASE("vjp without cotangents takes 1 for outs of one element", "[functional]") {
  const Tensor x = vec({1, 2});
  CHECK(values(vjp(cubic, {x}, {}).found[0]) == Values{4, 1});
  const Product one = vjp(two_outs, {vec({2}), vec({5})}, {0, 0}, 2);
  CHECK(values(one.found[0]) == Values{9});
  CHECK(values(one.found[1]) == Values{3});
}

TEST_CASE("inputs that no out depends on get zeros, of their own dtype and shape", "[functional]") {
  const Tensor x = vec({1, 2});
  Tensor y;
  const int64_t sizes[] = {2, 3};
  ok(tg_ones(TG_FLOAT32, sizes, 2, y.out()));
  const Product found = vjp(sine, {x, y}, {x});
  CHECK(values(found.found[1]) == Values(6, 0));
  int32_t dtype = 0;
  ok(tg_tensor_dtype(found.found[1], &dtype));
  CHECK(dtype == TG_FLOAT32);
  // An out without a past: a constant, or an integer.
  const HostFunction constant = [&](const tg_tensor*, tg_tensor* out) {
    return tg_alias(x, &out[0]);
  };
  CHECK(values(vjp(constant, {x}, {x}).found[0]) == Values{0, 0});
  CHECK(values(jvp(constant, {x}, {x}).found[0]) == Values{0, 0});
  const HostFunction index = [](const tg_tensor* in, tg_tensor* out) {
    return tg_argmax(in[0], &out[0]);
  };
  CHECK(values(vjp(index, {x}, {}).found[0]) == Values{0, 0});
  CHECK(values(jvp(index, {x}, {x}).found[0]) == Values{0});
  CHECK(values(hvp(index, {x}, {x})[0]) == Values{0, 0});
  CHECK(values(hvp(total, {x}, {x})[0]) == Values{0, 0});
}

TEST_CASE("a function that gives its input back has the identity as its Jacobian", "[functional]") {
  const Tensor x = vec({1, 2}), v = vec({3, 4});
  CHECK(values(vjp(same_input, {x}, {v}).found[0]) == Values{3, 4});
  const Product along = jvp(same_input, {x}, {v});
  CHECK(values(along.found[0]) == Values{3, 4});
  CHECK(!same(along.outs[0], x));
  CHECK(kind_of(along.outs[0]) == "n0");
}

TEST_CASE("jvp gives how the outs change along the tangents", "[functional]") {
  const Tensor x = vec({1, 2}), w = vec({3, 4}), t = vec({1, 10}), u = vec({1, -1});
  const Product both = jvp(two_outs, {x, w}, {t, u}, 2);
  CHECK(values(both.outs[0]) == Values{4, 12});
  CHECK(values(both.found[0]) == Values{5 * 1 + 1 * 1, 8 * 10 - 2 * 1});
  CHECK(values(both.found[1]) == Values{0});
  const Product one = jvp(two_outs, {x, w}, {0, u}, 2);  // 0: the input does not move
  CHECK(values(one.found[0]) == Values{1, -2});
  for (const Tensor& found : both.found) CHECK(kind_of(found) == "n0");
  CHECK(values(jvp(two_outs, {x, w}, {0, 0}, 2).found[0]) == Values{0, 0});
  const Product curve = jvp(sine, {x}, {t});
  CHECK(values(curve.found[0])[0] == Approx(std::cos(1.0)).epsilon(1e-14));
  CHECK(values(curve.found[0])[1] == Approx(10 * std::cos(2.0)).epsilon(1e-14));
}

TEST_CASE("hvp gives the Hessian times the vectors", "[functional]") {
  // f = x0^2 x1: [[2 x1, 2 x0], [2 x0, 0]]
  const Tensor x = vec({3, 5}), v = vec({1, 2});
  CHECK(values(hvp(cubic, {x}, {v})[0]) == Values{10 + 12, 6});
  CHECK(values(hvp(cubic, {x}, {0})[0]) == Values{0, 0});
  const HostFunction mixed = [](const tg_tensor* in, tg_tensor* out) {  // sum(x x y)
    Tensor xx, xxy;
    tg_status status = tg_mul(in[0], in[0], xx.out());
    if (status == TG_OK) status = tg_mul(xx, in[1], xxy.out());
    return status == TG_OK ? tg_sum(xxy, &out[0]) : status;
  };
  const Tensor y = vec({7, 11}), u = vec({1, -1});
  const std::vector<Tensor> found = hvp(mixed, {x, y}, {v, u});
  CHECK(values(found[0]) == Values{2 * 7 * 1 + 2 * 3 * 1, 2 * 11 * 2 - 2 * 5});
  CHECK(values(found[1]) == Values{2 * 3 * 1, 2 * 5 * 2});
}

TEST_CASE("tensors from elsewhere are constants and no .grad is touched", "[functional]") {
  const Tensor w = leaf({2, 3}), x = leaf({1, 1}), v = vec({1, 1});
  const HostFunction fn = [&](const tg_tensor* in, tg_tensor* out) {
    return tg_mul(in[0], w, &out[0]);
  };
  CHECK(values(vjp(fn, {x}, {v}).found[0]) == Values{2, 3});
  CHECK(values(jvp(fn, {x}, {v}).found[0]) == Values{2, 3});
  CHECK(!has_grad(w));
  CHECK(!has_grad(x));
  // A function of what it does not get: the past of the out does not reach the inputs.
  const HostFunction other = [&](const tg_tensor*, tg_tensor* out) { return tg_exp(w, &out[0]); };
  CHECK(values(vjp(other, {x}, {v}).found[0]) == Values{0, 0});
  CHECK(values(jvp(other, {x}, {v}).found[0]) == Values{0, 0});
}

TEST_CASE("M27: the function runs in grad mode at the bottom of a fresh stack", "[functional]") {
  const Tensor x = vec({2}), v = vec({1});
  const HostFunction fn = [](const tg_tensor* in, tg_tensor* out) {
    CHECK(tg_is_grad_enabled() == 1);
    CHECK(tg_is_inference_mode_enabled() == 0);
    CHECK(requires_grad(in[0]) == 1);
    CHECK(is_leaf(in[0]) == 1);
    fails(tg_no_grad_exit(), TG_ERROR_MODE);  // the caller's entry is out of reach
    ok(tg_inference_mode_enter(1));           // and nothing is nested in it
    ok(tg_inference_mode_exit());
    return tg_mul(in[0], in[0], &out[0]);
  };
  for (const Mode mode : {Mode::normal, Mode::no_grad}) {
    const In in(mode);
    const int32_t before = tg_is_grad_enabled();
    CHECK(values(vjp(fn, {x}, {v}).found[0]) == Values{4});
    CHECK(values(jvp(fn, {x}, {v}).found[0]) == Values{4});
    CHECK(values(hvp(fn, {x}, {v})[0]) == Values{2});
    CHECK(tg_is_grad_enabled() == before);
  }
}

TEST_CASE("calls of functional derivatives nest", "[functional]") {
  // The gradient of sum of cubes, by a vjp inside; its own vjp needs hvp.
  const Tensor x = vec({1, 2}), v = vec({1, 1});
  const HostFunction outer = [&](const tg_tensor* in, tg_tensor* out) {
    const Product inner = vjp(sine, {in[0]}, {v});
    CHECK(requires_grad(inner.found[0]) == 0);
    return tg_mul(in[0], inner.found[0], &out[0]);
  };
  const Values found = values(vjp(outer, {x}, {v}).found[0]);
  CHECK(found[0] == Approx(std::cos(1.0)));
  CHECK(found[1] == Approx(std::cos(2.0)));
}

TEST_CASE("arguments that functional derivatives refuse", "[errors][functional]") {
  const Tensor x = leaf({1, 2}), three = vec({1, 2, 3}), number = indices({1, 2});
  const Tensor i0 = of_kind("i0", {1, 2}, {2});
  const tg_tensor in[] = {x}, bad[] = {three}, ints[] = {number}, inf[] = {i0}, stale[] = {12345};
  const HostFunction function = sine;
  void* const data = data_of(function);
  Rows rows{x, three, number};
  const Phrases null = {"NULL"}, zero = {"0", "at least one"};
  rows.fails("tg_vjp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_vjp(nullptr, data, in, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_vjp(run_host, data, nullptr, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_vjp(run_host, data, in, 1, in, rows.outs(1), 1, nullptr));
  rows.fails("tg_vjp", TG_ERROR_INVALID_ARGUMENT, {"out_count is 0"},
             tg_vjp(run_host, data, in, 1, in, rows.untouched<tg_handle>(), 0, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_INVALID_ARGUMENT, zero,
             tg_vjp(run_host, data, in, 0, in, rows.outs(1), 1, rows.untouched<tg_handle>()));
  rows.fails("tg_vjp", TG_ERROR_INVALID_HANDLE, {"inputs[0]"},
             tg_vjp(run_host, data, stale, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_INVALID_HANDLE, {"cotangents[0]"},
             tg_vjp(run_host, data, in, 1, stale, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_SHAPE, {"cotangents[0]", "[3]", "outs[0]", "[2]"},
             tg_vjp(run_host, data, in, 1, bad, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_DTYPE, {"inputs[0]", "int64", "tg_to_dtype"},
             tg_vjp(run_host, data, ints, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_AUTOGRAD, {"outs[0]", "2 elements", "no cotangent"},
             tg_vjp(run_host, data, in, 1, nullptr, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_jvp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_jvp(nullptr, data, in, in, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_jvp(run_host, data, in, nullptr, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_jvp(run_host, data, in, in, 1, rows.outs(1), nullptr, 1));
  rows.fails("tg_jvp", TG_ERROR_INVALID_ARGUMENT, zero,
             tg_jvp(run_host, data, in, in, 0, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_INVALID_HANDLE, {"inputs[0]"},
             tg_jvp(run_host, data, stale, in, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_INVALID_HANDLE, {"tangents[0]"},
             tg_jvp(run_host, data, in, stale, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_SHAPE, {"tangents[0]", "[3]", "inputs[0]", "[2]"},
             tg_jvp(run_host, data, in, bad, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_jvp", TG_ERROR_DTYPE, {"inputs[0]"},
             tg_jvp(run_host, data, ints, in, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_hvp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_hvp(nullptr, data, in, in, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_INVALID_ARGUMENT, null,
             tg_hvp(run_host, data, in, nullptr, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_INVALID_ARGUMENT, null, tg_hvp(run_host, data, in, in, 1, nullptr));
  rows.fails("tg_hvp", TG_ERROR_INVALID_HANDLE, {"inputs[0]"},
             tg_hvp(run_host, data, stale, in, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_INVALID_HANDLE, {"vectors[0]"},
             tg_hvp(run_host, data, in, stale, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_SHAPE, {"vectors[0]", "[3]", "[2]"},
             tg_hvp(run_host, data, in, bad, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_DTYPE, {"inputs[0]"},
             tg_hvp(run_host, data, ints, in, 1, rows.outs(1)));
  rows.fails("tg_hvp", TG_ERROR_AUTOGRAD, {"outs[0]", "2 elements", "tg_sum"},
             tg_hvp(run_host, data, in, in, 1, rows.outs(1)));
  // B12b, B40
  rows.fails("tg_vjp", TG_ERROR_MODE, {"inputs[0]", "inference tensor"},
             tg_vjp(run_host, data, inf, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_vjp", TG_ERROR_MODE, {"cotangents[0]", "inference tensor"},
             tg_vjp(run_host, data, in, 1, inf, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_jvp", TG_ERROR_MODE, {"tangents[0]", "inference tensor"},
             tg_jvp(run_host, data, in, inf, 1, nullptr, rows.outs(1), 1));
  rows.fails("tg_hvp", TG_ERROR_MODE, {"vectors[0]", "inference tensor"},
             tg_hvp(run_host, data, in, inf, 1, rows.outs(1)));
  const In mode(Mode::inf);
  const Phrases leave = {"inference mode", "leave", "tg_inference_mode_enter(0)"};
  rows.fails("tg_vjp", TG_ERROR_MODE, leave,
             tg_vjp(run_host, data, in, 1, in, rows.outs(1), 1, rows.outs(1)));
  rows.fails("tg_jvp", TG_ERROR_MODE, leave,
             tg_jvp(run_host, data, in, in, 1, rows.outs(1), rows.outs(1), 1));
  rows.fails("tg_hvp", TG_ERROR_MODE, leave, tg_hvp(run_host, data, in, in, 1, rows.outs(1)));
}

TEST_CASE("functions that misbehave", "[errors][functional]") {
  const Tensor x = leaf({1, 2}), scalar = tensor({1}, {}, true);
  const Tensor i0 = of_kind("i0", {1}, {});
  const tg_tensor in[] = {x}, ones[] = {scalar};
  Handle token;
  ok(tg_token_create(token.out()));
  Rows rows{x, scalar};
  // What a function can bring each of them to.
  const std::vector<std::pair<std::string, std::vector<tg_status>>> calls = {
      {"tg_vjp",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_VERSION,
        TG_ERROR_CALLBACK, TG_ERROR_CANCELLED}},
      {"tg_jvp",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_VERSION,
        TG_ERROR_CALLBACK, TG_ERROR_CANCELLED}},
      {"tg_hvp",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD, TG_ERROR_VERSION,
        TG_ERROR_CALLBACK, TG_ERROR_CANCELLED}}};
  std::set<tg_status> seen;
  const auto all_fail = [&](tg_status code, const Phrases& phrases, const HostFunction& fn) {
    void* const data = data_of(fn);
    INFO(tg_status_name(code));
    seen.insert(code);
    for (const auto& [name, codes] : calls) {
      CHECK(std::count(codes.begin(), codes.end(), code) == 1);
      const auto run = [&] {
        if (name == "tg_vjp") {
          return tg_vjp(run_host, data, in, 1, nullptr, rows.outs(1), 1, rows.outs(1));
        }
        if (name == "tg_jvp") {
          return tg_jvp(run_host, data, in, in, 1, rows.outs(1), rows.outs(1), 1);
        }
        return tg_hvp(run_host, data, in, in, 1, rows.outs(1));
      };
      rows.fails(name.c_str(), code, phrases, run());
    }
  };
  all_fail(TG_ERROR_CALLBACK, {"outs[0]", "set each"},
           [](const tg_tensor*, tg_tensor*) { return TG_OK; });
  all_fail(TG_ERROR_CALLBACK, {"77"}, [](const tg_tensor* in_fn, tg_tensor* out) {
    ok(tg_sum(in_fn[0], &out[0]));  // handles that it gave go also where it fails
    return 77;
  });
  all_fail(TG_ERROR_CALLBACK, {"exception"}, [](const tg_tensor* in_fn, tg_tensor* out) -> int32_t {
    ok(tg_sum(in_fn[0], &out[0]));
    throw std::runtime_error("no");
  });
  all_fail(TG_ERROR_SHAPE, {"[2]"}, [](const tg_tensor* in_fn, tg_tensor* out) {
    return tg_mm(in_fn[0], in_fn[0], &out[0]);
  });
  all_fail(TG_ERROR_INVALID_HANDLE, {"outs[0]"}, [](const tg_tensor*, tg_tensor* out) {
    out[0] = 12345;
    return TG_OK;
  });
  all_fail(TG_ERROR_MODE, {"modes"}, [](const tg_tensor* in_fn, tg_tensor* out) {
    ok(tg_no_grad_enter());
    return tg_sum(in_fn[0], &out[0]);
  });
  all_fail(TG_ERROR_MODE, {"outs[0]", "inference tensor"},
           [&](const tg_tensor*, tg_tensor* out) { return tg_alias(i0, &out[0]); });
  all_fail(TG_ERROR_VERSION, {"changed in place"}, [](const tg_tensor* in_fn, tg_tensor* out) {
    Tensor y, z;
    ok(tg_mul_scalar(in_fn[0], 2, y.out()));
    ok(tg_mul(y, y, z.out()));
    ok(tg_add_scalar_(y, 1));
    return tg_sum(z, &out[0]);
  });
  all_fail(TG_ERROR_AUTOGRAD, {"leaf"}, [](const tg_tensor* in_fn, tg_tensor* out) {
    const tg_status status = tg_add_scalar_(in_fn[0], 1);
    return status == TG_OK ? tg_sum(in_fn[0], &out[0]) : status;
  });
  all_fail(TG_ERROR_CANCELLED, {}, [&](const tg_tensor* in_fn, tg_tensor* out) {
    const tg_status status = tg_sum(in_fn[0], &out[0]);
    ok(tg_token_cancel(token));
    ok(tg_token_use(token, nullptr));
    return status;
  });
  ok(tg_token_use(0, nullptr));
  for (const auto& [name, codes] : calls) CHECK(codes.size() == seen.size());
  // Differentiable once: jvp needs no more of it, since its gradient is linear in what comes in.
  tg_ffi_definition sine_of_libm = {};
  sine_of_libm.struct_size = sizeof sine_of_libm;
  sine_of_libm.name = "sine";
  sine_of_libm.signature = "f64 -> f64";
  sine_of_libm.library = "libm.so.6";
  sine_of_libm.symbol = "sin";
  sine_of_libm.backward_symbol = "cos";
  sine_of_libm.backward_signature = "f64 -> f64";
  Handle op;
  ok(tg_ffi_operator(&sine_of_libm, op.out()));
  const HostFunction once = [&](const tg_tensor* in_fn, tg_tensor* out) {
    return tg_operator_apply(op, in_fn, 1, nullptr, 0, out, 1);
  };
  Rows second{scalar};
  CHECK(values(vjp(once, {scalar}, {}).found[0])[0] == Approx(std::cos(1.0)));
  CHECK(values(jvp(once, {scalar}, {scalar}).found[0])[0] == Approx(std::cos(1.0)));
  second.fails("tg_hvp", TG_ERROR_AUTOGRAD, {"sine"},
               tg_hvp(run_host, data_of(once), ones, ones, 1, second.outs(1)));
}

TEST_CASE("jvp through an operator with a jvp calls that, not the derivative of its backward",
          "[functional]") {
  static int called;
  called = 0;
  Options options;
  options.jvp = [](void*, tg_context context, const tg_tensor* tangents, size_t count,
                   tg_tensor* out_tangents, size_t) -> int32_t {
    ++called;
    CHECK(count == 2);
    CHECK(tangents[1] == 0);  // no tangent was given for it
    Tensor x;
    TRY(tg_context_saved_tensor(context, 1, x.out()));
    // A hundred times the true one, so that one sees whose it is.
    Tensor product;
    TRY(tg_mul(tangents[0], x, product.out()));
    return tg_mul_scalar(product, 100, &out_tangents[0]);
  };
  const Handle op = product_operator(options);
  const HostFunction function = [&](const tg_tensor* in, tg_tensor* out) {
    Tensor product;
    const tg_status status = tg_operator_apply(op, in, 2, nullptr, 0, product.out(), 1);
    return status == TG_OK ? tg_mul_scalar(product, 2, &out[0]) : status;
  };
  const Tensor x = vec({2, 3}), w = vec({5, 7}), direction = vec({1, 10});
  const Product found = jvp(function, {x, w}, {direction, 0});
  CHECK(called == 1);
  CHECK(values(found.outs[0]) == Values{20, 42});
  CHECK(values(found.found[0]) == Values{1000, 14000});
  // Its backward is what vjp runs.
  CHECK(values(vjp(function, {x, w}, {direction}).found[0]) == Values{10, 140});
  CHECK(called == 1);
}
