// SPDX-License-Identifier: MIT
// What gradients are (rules B15 to B24, B49) and what threads do with them (rules L1 to L10).
#include <cmath>
#include <limits>
#include <thread>

#include "capi/tensors.h"

using namespace capi;

namespace {

// The gradient of the sum of an operator's result at the points.
template <class Function, class... Parameters>
Values gradient_at(const Values& points, Function function, const Parameters&... parameters) {
  const Tensor x = leaf(points);
  ok(backward_ones(make(function, x, parameters...)));
  return grad_values(x);
}

int32_t dtype_of(tg_tensor x) {
  int32_t dtype = 0;
  ok(tg_tensor_dtype(x, &dtype));
  return dtype;
}

}  // namespace

TEST_CASE("B15: a scalar nl may be the root: its own gradient is 1, accumulating", "[modes]") {
  const Tensor w = tensor({3}, {}, true);
  for (int i = 1; i <= 3; ++i) {
    ok(tg_backward(w));
    CHECK(grad_values(w) == Values{1.0 * i});
  }
}

TEST_CASE("B16: a gradient has the dtype of its tensor, through casts", "[modes]") {
  const Tensor w = leaf({1.5, 2}), narrow = make(tg_clone, vec({1, 2}));
  const Tensor cast = make(tg_to_dtype, w, TG_FLOAT32);
  ok(tg_tensor_retain_grad(cast));
  const Tensor mixed = make(tg_mul, cast, narrow);  // float32 by float64
  ok(backward_ones(mixed));
  CHECK(dtype_of(grad_of(w)) == TG_FLOAT64);
  CHECK(dtype_of(grad_of(cast)) == TG_FLOAT32);
  CHECK(grad_values(w) == Values{1, 2});
}

TEST_CASE("B17: a broadcast operand's gradient is summed to its shape, also for size 0",
          "[modes]") {
  const Tensor row = leaf({1, 2, 3}), scalar = tensor({2}, {}, true),
               column = tensor({1, 1}, {2, 1}, true);
  ok(backward_ones(make(tg_add, make(tg_add, column, row), scalar)));
  CHECK(grad_values(row) == Values{2, 2, 2});
  CHECK(grad_values(scalar) == Values{6});
  CHECK(grad_values(column) == Values{3, 3});
  const Tensor one = tensor({4}, {1}, true), none = tensor({}, {2, 0}, true);
  ok(backward_ones(make(tg_mul, one, none)));
  CHECK(grad_values(one) == Values{0});
  CHECK(grad_values(none).empty());
  ok(backward_ones(make(tg_mul, one, none)));
  CHECK(grad_values(one) == Values{0});
}

TEST_CASE("B18: gradients at corners", "[modes]") {
  CHECK(gradient_at({-1, 0, 2}, tg_relu) == Values{0, 0, 1});
  CHECK(gradient_at({-1, 0, 2}, tg_abs) == Values{-1, 0, 1});
  CHECK(gradient_at({5, 5, 1, 5, 5}, tg_max) == Values{0.25, 0.25, 0, 0.25, 0.25});
  CHECK(gradient_at({1, 5, 1}, tg_min) == Values{0.5, 0, 0.5});
  CHECK(gradient_at({-1, 0, 0.5, 1, 2}, tg_clamp, 0.0, 1.0) == Values{0, 0, 1, 0, 0});
  CHECK(gradient_at({0}, tg_sqrt) == Values{std::numeric_limits<double>::infinity()});
  CHECK(gradient_at({0, 3}, tg_pow_scalar, 0.0) == Values{0, 0});
  const Tensor x = leaf({5, 7, 7});
  Tensor highest, positions;
  ok(tg_max_dim(x, 0, 0, highest.out(), positions.out()));
  ok(tg_backward(highest));
  CHECK(grad_values(x) == Values{0, 1, 0});
  const Tensor a = leaf({1, 2, 3}), b = leaf({1, 3, 2});
  ok(backward_ones(make(tg_maximum, a, b)));
  CHECK(grad_values(a) == Values{0.5, 0, 1});
  CHECK(grad_values(b) == Values{0.5, 1, 0});
}

TEST_CASE("B20: a chain of a million nodes runs backward and is freed without recursion",
          "[modes]") {
  const Tensor w = tensor({1}, {}, true);
  Tensor x = make(tg_add_scalar, w, 0.0);
  for (int i = 0; i < 1000000; ++i) {
    tg_tensor next = 0;
    if (tg_add_scalar(x, 0, &next) != TG_OK) FAIL(tg_last_error_message());
    x = Tensor(next);
  }
  ok(tg_backward(x));
  CHECK(grad_values(w) == Values{1});
  x.release();
  // Freed without having run, on another thread.
  Tensor chain = make(tg_add_scalar, w, 0.0);
  for (int i = 0; i < 1000000; ++i) {
    tg_tensor next = 0;
    if (tg_add_scalar(chain, 0, &next) != TG_OK) FAIL(tg_last_error_message());
    chain = Tensor(next);
  }
  std::thread([&] { chain.release(); }).join();
  CHECK(grad_values(w) == Values{1});
}

TEST_CASE("B21: released handles do not break a graph", "[modes]") {
  const uint64_t live = tg_live_handles();
  Tensor w = leaf({3});
  Tensor y = make(tg_mul, make(tg_mul, w, w), make(tg_exp, make(tg_mul_scalar, w, 0.0)));
  Tensor watched = make(tg_alias, w);
  w.release();
  ok(tg_backward(y));
  CHECK(grad_values(watched) == Values{6});
  // Nobody can see the leaf: the pass runs all the same.
  Tensor lost = make(tg_mul, leaf({2}), leaf({5}));
  ok(tg_backward(lost));
  lost.release();
  y.release();
  watched.release();
  CHECK(tg_live_handles() == live);
}

TEST_CASE("B22: set_grad(x, 0) makes a new tensor, zero_ adds to the old one", "[modes]") {
  const Tensor w = leaf({3});
  ok(tg_backward(make(tg_mul_scalar, w, 2.0)));
  const Tensor first = grad_of(w);
  ok(tg_tensor_set_grad(w, 0));
  ok(tg_backward(make(tg_mul_scalar, w, 5.0)));
  CHECK_FALSE(same(first, grad_of(w)));
  CHECK(values(first) == Values{2});
  CHECK(grad_values(w) == Values{5});
  const Tensor second = grad_of(w);
  ok(tg_zero_(second));
  ok(tg_backward(make(tg_mul_scalar, w, 7.0)));
  CHECK(same(second, grad_of(w)));
  CHECK(values(second) == Values{7});
}

TEST_CASE("B23: a leaf whose requires_grad was set to 0 after recording gets no gradient",
          "[modes]") {
  const Tensor w = leaf({3}), other = leaf({4});
  const Tensor y = make(tg_mul, w, other);
  ok(tg_tensor_set_requires_grad(w, 0));
  ok(tg_backward(y));
  CHECK_FALSE(has_grad(w));
  CHECK(grad_values(other) == Values{3});
}

TEST_CASE("B23: a leaf that requires grad anew gets the gradients of its older graphs again",
          "[modes]") {
  const uint64_t live = tg_live_handles();
  for (const bool detaches : {false, true}) {
    CAPTURE(detaches);
    const Tensor w = leaf({3}), y = make(tg_mul_scalar, w, 2.0);
    ok(backward_ones(y));
    const auto stop = [&] { ok(detaches ? tg_detach_(w) : tg_tensor_set_requires_grad(w, 0)); };
    stop();
    stop();
    ok(backward_ones(y));
    CHECK(grad_values(w) == Values{2});
    ok(tg_tensor_set_requires_grad(w, 1));
    ok(backward_ones(y));
    CHECK(grad_values(w) == Values{4});
    const Tensor more = make(tg_mul_scalar, w, 5.0);
    ok(backward_ones(make(tg_add, y, more)));
    CHECK(grad_values(w) == Values{11});
    // Asleep when its leaf ends, and when the graph does.
    stop();
    Tensor gone = leaf({1});
    const Tensor rest = make(tg_mul_scalar, gone, 2.0);
    ok(tg_tensor_set_requires_grad(gone, 0));
    gone.release();
    ok(backward_ones(rest));
    CHECK(grad_values(w) == Values{11});
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("B23: what is saved of a leaf whose requires_grad was set to 0 is a constant",
          "[modes]") {
  for (const bool detaches : {false, true}) {
    CAPTURE(detaches);
    const Tensor w = leaf({3}), other = leaf({4});
    const Tensor y = make(tg_mul, w, other);
    ok(detaches ? tg_detach_(w) : tg_tensor_set_requires_grad(w, 0));
    const tg_tensor roots[] = {y}, inputs[] = {other};
    Tensor gradient;
    ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, gradient.out()));
    CHECK(kind_of(gradient) == "n0");
    CHECK(values(gradient) == Values{3});
    // Made to require grad anew it is a variable again; so is what nobody else holds any more.
    ok(tg_tensor_set_requires_grad(w, 1));
    ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, gradient.out()));
    CHECK(kind_of(gradient) == "nn");
    ok(tg_backward(gradient));
    CHECK(grad_values(w) == Values{1});
  }
  Tensor gone = leaf({3});
  const Tensor other = leaf({4}), y = make(tg_mul, gone, other);
  gone.release();
  const tg_tensor roots[] = {y}, inputs[] = {other};
  CHECK(kind_of(make([&](tg_tensor* out) {
          return tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, out);
        })) == "nn");
}

TEST_CASE("T28: a view made in no_grad shows requires_grad in derivatives too", "[modes]") {
  const Tensor base = leaf({3, 5});
  Tensor view;
  {
    const In no_grad(Mode::no_grad);
    view = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{1});
  }
  const Tensor w = leaf({4});
  const auto check = [&](tg_tensor root) {
    const tg_tensor roots[] = {root}, inputs[] = {w};
    Tensor gradient;
    ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, gradient.out()));
    CHECK(kind_of(gradient) == "nn");
    CHECK(values(gradient) == Values{3});
    ok(tg_backward(gradient));  // and nothing flows
    CHECK_FALSE(has_grad(base));
    CHECK_FALSE(has_grad(w));
  };
  check(make(tg_mul, w, view));
  const Tensor changed = make(tg_mul_scalar, w, 1.0);
  ok(tg_mul_(changed, view));
  check(changed);
}

TEST_CASE("B24: a leaf written in no_grad between forward and backward", "[modes]") {
  const Tensor w = leaf({3});
  const Tensor saves = make(tg_mul, w, w), saves_not = make(tg_mul_scalar, w, 2.0);
  {
    const In in(Mode::no_grad);
    ok(tg_fill_(w, 10));
  }
  fails(tg_backward(saves), TG_ERROR_VERSION);
  CHECK_FALSE(has_grad(w));
  ok(tg_backward(saves_not));
  CHECK(grad_values(w) == Values{2});
}

TEST_CASE("B49: NaN and infinity are no errors", "[modes]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor w = leaf({0, -1, nan});
  ok(backward_ones(make(tg_sqrt, make(tg_log, w))));
  const Values grad = grad_values(w);
  CHECK(std::isnan(grad[1]));
  CHECK(std::isnan(grad[2]));
}

TEST_CASE("L1, L2: a new thread starts with (1, 0) and the refusing rule; enters show on no other",
          "[modes]") {
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  ok(tg_inference_mode_enter(1));
  ok(tg_no_grad_enter());
  int grad = -1, inference = -1;
  tg_status nested = TG_OK;
  std::thread([&] {
    grad = tg_is_grad_enabled();
    inference = tg_is_inference_mode_enabled();
    ok(tg_no_grad_enter());
    nested = tg_inference_mode_enter(1);
    ok(tg_no_grad_exit());
    ok(tg_enable_grad_enter());
  }).join();
  CHECK(grad == 1);
  CHECK(inference == 0);
  CHECK(nested == TG_ERROR_MODE);
  CHECK(tg_is_grad_enabled() == 0);
  CHECK(tg_is_inference_mode_enabled() == 1);
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_exit());
  ok(tg_mode_nesting_set(TG_NESTING_REFUSE));
}

TEST_CASE("L3: an inference tensor is one on every thread; the calling thread's mode decides",
          "[modes]") {
  const Tensor frozen = of_kind("i0", {1, 2}, {2}), w = leaf({1, 2});
  const In in(Mode::inf);
  ok(tg_add_scalar_(frozen, 1));
  tg_status refused = TG_OK;
  Tensor recorded;
  std::thread([&] {
    refused = tg_add_scalar_(frozen, 1);
    recorded = make(tg_add, w, frozen);
  }).join();
  CHECK(refused == TG_ERROR_MODE);
  CHECK(kind_of(recorded) == "nn");
  CHECK(kind_of(make(tg_add, w, frozen)) == "i0");
}

TEST_CASE("L4: a graph recorded on one thread may run backward on another and mix threads",
          "[modes]") {
  const Tensor w = leaf({3});
  Tensor trunk, y;
  std::thread([&] { trunk = make(tg_mul, w, w); }).join();
  const Tensor here = make(tg_mul_scalar, trunk, 2.0);
  std::thread([&] { y = make(tg_mul, here, w); }).join();
  tg_status status = -1;
  std::thread([&] { status = tg_backward(y); }).join();
  CHECK(status == TG_OK);
  CHECK(grad_values(w) == Values{54});  // d(2 w^3) = 6 w^2
}

TEST_CASE("L5: concurrent backward into one leaf gives the exact sum", "[modes]") {
  const Tensor w = leaf({1, 2, 3, 4});
  constexpr int kThreads = 4, kPasses = 500;
  std::vector<std::thread> threads;
  std::vector<int> good(kThreads, 0);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kPasses; ++i) {
        tg_tensor scaled = 0, sum = 0;
        if (tg_mul_scalar(w, t + 1, &scaled) == TG_OK && tg_sum(scaled, &sum) == TG_OK &&
            tg_backward(sum) == TG_OK) {
          ++good[t];
        }
        tg_release(scaled);
        tg_release(sum);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : good) CHECK(count == kPasses);
  CHECK(grad_values(w) == Values(4, kPasses * (1 + 2 + 3 + 4)));
}

TEST_CASE("L6: modes that a callback entered and did not leave are undone", "[modes]") {
  const Tensor x = vec({1, 2});
  bool fail_too = false;
  Handle module;
  ok(tg_nn_function(
      [](void* data, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) -> int32_t {
        if (tg_no_grad_enter() != TG_OK || tg_enable_grad_enter() != TG_OK) return 1;
        if (tg_mul_scalar(inputs[0], 2, outs) != TG_OK) return 2;
        return *static_cast<bool*>(data) ? tg_error_set(TG_ERROR_INDEX, 0, "its own") : 0;
      },
      &fail_too, nullptr, module.out()));
  uint64_t before = 1, after = 1;
  ok(tg_state_get(&before));
  fails(attempt(tg_module_forward, module, x), TG_ERROR_MODE, {"tg_module_forward"});
  ok(tg_state_get(&after));
  CHECK(after == before);
  fail_too = true;
  fails(attempt(tg_module_forward, module, x), TG_ERROR_INDEX, {"its own"});
  ok(tg_state_get(&after));
  CHECK(after == before);
}

TEST_CASE("L10: of two backwards at once over one trunk each is whole or an autograd error",
          "[modes]") {
  const Tensor w = leaf({3});
  const Tensor trunk = make(tg_exp, make(tg_mul_scalar, w, 0.0));
  Tensor y = make(tg_mul, trunk, w);  // d(exp(0 w) w) = 1
  for (int i = 0; i < 200; ++i) y = make(tg_add_scalar, y, 0.0);
  constexpr int kThreads = 3, kPasses = 200;
  std::vector<std::thread> threads;
  std::vector<int> whole(kThreads, 0), others(kThreads, 0);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const tg_tensor root = y;
      for (int i = 0; i < kPasses; ++i) {
        const tg_status status = tg_backward_from(&root, nullptr, 1, TG_RETAIN_GRAPH);
        if (status == TG_OK) ++whole[t];
        if (status != TG_OK && status != TG_ERROR_AUTOGRAD) ++others[t];
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int count : others) CHECK(count == 0);
  ok(tg_backward(y));  // nothing stays claimed
  CHECK(grad_values(w) == Values{1.0 + whole[0] + whole[1] + whole[2]});
}

TEST_CASE("L9: two threads that write different views of one base lose no count", "[modes]") {
  const Tensor base = vec({0, 0, 0, 0});
  constexpr int kWrites = 20000;
  const Tensor low = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{2});
  const Tensor high = make(tg_narrow, base, int64_t{0}, int64_t{2}, int64_t{2});
  const auto write = [](tg_tensor view) {
    for (int i = 0; i < kWrites; ++i) {
      if (tg_add_scalar_(view, 1) != TG_OK) return;
    }
  };
  std::thread other(write, tg_tensor{high});
  write(low);
  other.join();
  CHECK(version(base) == 2 * kWrites);
  CHECK(values(base) == Values(4, kWrites));
}
