// SPDX-License-Identifier: MIT
// What holds around the call of a foreign function: modes, saved tensors, second derivatives,
// threads, and functions that misbehave.
#include <atomic>
#include <cerrno>
#include <stdexcept>
#include <thread>

#include "capi/foreign.h"

using namespace capi;

namespace {

tg_ffi_definition sine(const char* backward = "cos") {
  tg_ffi_definition from = definition("sine", "f64 -> f64");
  from.library = kLibm;
  from.symbol = "sin";
  if (backward != nullptr) {
    from.backward_symbol = backward;
    from.backward_signature = "f64 -> f64";
  }
  return from;
}

// What `run` does, handed to a foreign function that takes nothing else.
std::function<double(double)> body;
double run_body(double x) { return body(x); }
Handle of_body(const char* name = "body", uint32_t flags = 0) {
  tg_ffi_definition from = definition(name, "f64 -> f64", run_body);
  from.flags = flags;
  return foreign(from);
}

}  // namespace

TEST_CASE("each mode gives the same numbers and its own kind of result", "[ffi]") {
  const Handle op = foreign(sine());
  for (const char* kind : kKinds) {
    const Tensor x = of_kind(kind, {0.5, 2}, {2});
    for (const Mode mode : kModes) {
      INFO(kind << " in " << mode);
      const In in(mode);
      const Tensor y = run(op, {x});
      CHECK(values(y) == values(make(tg_sin, x)));
      CHECK(kind_of(y) == kind_of(make(tg_sin, x)));
    }
  }
}

TEST_CASE("an inference tensor that the backward would read is a mode error", "[ffi]") {
  tg_ffi_definition from = definition("hypotenuse", "f64, f64 -> f64");
  from.library = kLibm;
  from.symbol = "hypot";
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor x = leaf({1, 2}), i0 = of_kind("i0", {3, 4}, {2});
  run_fails(op, {x, i0}, {}, 1, TG_ERROR_MODE, {"hypotenuse", "operand 1", kClone, kOutside});
  const In quiet(Mode::no_grad);
  CHECK(kind_of(run(op, {x, i0})) == "n0");
}

TEST_CASE("an operator without a gradient refuses to record, and names itself", "[ffi]") {
  const Handle op = foreign(sine(nullptr));
  const Tensor x = leaf({1, 2});
  run_fails(op, {x}, {}, 1, TG_ERROR_UNSUPPORTED, {"sine", "inputs[0]", "tg_no_grad_enter"});
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    const In in(mode);
    CHECK(values(run(op, {x})) == values(make(tg_sin, x)));
  }
  CHECK(kind_of(run(op, {vec({1})})) == "n0");
}

TEST_CASE("an operand that was changed since is a version error", "[ffi]") {
  const Handle op = foreign(sine());
  const Tensor x = leaf({1, 2});
  const Tensor y = make(tg_mul_scalar, x, 1.0);
  const Tensor z = run(op, {y});
  ok(tg_mul_scalar_(y, 2));
  fails(backward_ones(z), TG_ERROR_VERSION, {"sine", "saved for backward"});
}

TEST_CASE("a graph keeps its operator; a second pass over it is refused", "[ffi]") {
  Handle op = foreign(sine());
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  op.release();
  ok(backward_ones(y, TG_RETAIN_GRAPH));
  ok(backward_ones(y));
  CHECK(grad_values(x) == values(make(tg_mul_scalar, make(tg_cos, x), 2.0)));
  fails(backward_ones(y), TG_ERROR_AUTOGRAD, {"sineBackward", "TG_RETAIN_GRAPH"});
  CHECK(node_name(grad_fn(y)) == "sineBackward");
}

TEST_CASE("second derivatives: by differences of the backward, else refused by name", "[ffi]") {
  const Tensor x = leaf({0.3, 2});
  for (const bool differences : {true, false}) {
    tg_ffi_definition from = sine();
    from.flags = differences ? TG_FFI_FINITE_DIFFERENCES : 0;
    const Handle op = foreign(from);
    const Tensor y = make(tg_sum, run(op, {x}));
    const tg_tensor roots[] = {y}, inputs[] = {x};
    Tensor first;
    ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, first.out()));
    CHECK(values(first) == values(make(tg_cos, x)));
    CHECK(requires_grad(first) == 1);
    const Tensor total = make(tg_sum, first);
    const tg_tensor again[] = {total};
    tg_tensor second = 0;
    const tg_status status = tg_grad(again, nullptr, 1, inputs, 1, 0, &second);
    if (differences) {
      ok(status);
      const Handle held(second);
      CHECK(values(held)[0] == Approx(-std::sin(0.3)).epsilon(1e-8));
      CHECK(values(held)[1] == Approx(-std::sin(2)).epsilon(1e-8));
    } else {
      fails(status, TG_ERROR_AUTOGRAD, {"sineBackward", "cannot be differentiated again"});
      CHECK(second == 0);
    }
  }
}

TEST_CASE("second derivatives: the part that is no foreign function's is exact", "[ffi]") {
  // y = sin(x) w: by w once, by x once, in either order, is cos(x).
  const Handle op = foreign(sine());
  const Tensor x = leaf({0.3, 2}), w = leaf({1, 1});
  const Tensor y = make(tg_sum, make(tg_mul, run(op, {x}), w));
  const tg_tensor roots[] = {y}, by_x[] = {x}, by_w[] = {w};
  Tensor first, second;
  ok(tg_grad(roots, nullptr, 1, by_x, 1, TG_CREATE_GRAPH, first.out()));
  const Tensor total = make(tg_sum, first);
  const tg_tensor again[] = {total};
  ok(tg_grad(again, nullptr, 1, by_w, 1, 0, second.out()));
  CHECK(values(second) == values(make(tg_cos, x)));
}

TEST_CASE("gradients by differences cannot be differentiated again", "[ffi]") {
  tg_ffi_definition from = sine(nullptr);
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor x = leaf({0.3, 2});
  const Tensor y = make(tg_sum, run(op, {x}));
  const tg_tensor roots[] = {y}, inputs[] = {x};
  Tensor first;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, first.out()));
  CHECK(values(first)[0] == Approx(std::cos(0.3)).epsilon(1e-8));
  const Tensor total = make(tg_sum, first);
  fails(tg_backward(total), TG_ERROR_AUTOGRAD, {"sineBackward"});
}

TEST_CASE("TG_FFI_CHECK: a wrong backward is found at the first call that records", "[ffi]") {
  tg_ffi_definition from = sine("sin");
  from.flags = TG_FFI_CHECK;
  const Handle wrong = foreign(from);
  const Tensor x = leaf({0.3, 2});
  for (const int call : {1, 2}) {
    INFO("call " << call);
    run_fails(wrong, {x}, {}, 1, TG_ERROR_AUTOGRAD, {"sine", "inputs[0]", "TG_FFI_CHECK"});
  }
  CHECK(values(run(wrong, {vec({0.3})})).size() == 1);  // nothing is recorded
  from.backward_symbol = "cos";
  const Handle right = foreign(from);
  CHECK(kind_of(run(right, {x})) == "nn");
}

TEST_CASE("a backward that fails, or gives another shape, changes no gradient", "[ffi]") {
  const auto copy = +[](int64_t m, int64_t n, const double* x, double* y) {
    for (int64_t k = 0; k < m * n; ++k) y[k] = x[k];
  };
  tg_ffi_definition from = definition("copy", "i64 m, i64 n, f64 x[m][n], out f64 y[m][n]", copy);
  struct Wrong {
    const char* signature;
    const void* address;
    tg_status code;
    Phrases phrases;
  };
  const Wrong kWrong[] = {
      {"i64 m, i64 n, f64 grad y[m][n], out f64 grad x[m][n] -> i32 status",
       address_of(+[](int64_t, int64_t, const double*, double*) -> int32_t { return 9; }),
       TG_ERROR_CALLBACK,
       {"copyBackward", "status = 9"}},
      {"i64 m, i64 n, f64 grad y[m][n], out f64 grad x[n][m]",
       address_of(copy),
       TG_ERROR_SHAPE,
       {"copy", "gives x a gradient of shape [3, 2]", "[2, 3]"}},
  };
  for (const Wrong& wrong : kWrong) {
    from.backward_address = wrong.address;
    from.backward_signature = wrong.signature;
    const Handle op = foreign(from);
    const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3}, true);
    const Tensor y = make(tg_sum, run(op, {x}));
    fails(tg_backward(y), wrong.code, wrong.phrases);
    CHECK(has_grad(x) == 0);
  }
}

TEST_CASE("each operand gets its gradient alone where it alone is asked for", "[ffi]") {
  tg_ffi_definition from = definition("power", "f64, f64 -> f64");
  from.library = kLibm;
  from.symbol = "pow";
  from.flags = TG_FFI_FINITE_DIFFERENCES;
  const Handle op = foreign(from);
  const Tensor x = leaf({2, 3}), y = leaf({3, 2});
  const Tensor z = make(tg_sum, run(op, {x, y}));
  const tg_tensor roots[] = {z}, inputs[] = {y};
  Tensor found;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, 0, found.out()));
  CHECK(values(found)[0] == Approx(8 * std::log(2)).epsilon(1e-8));
  CHECK(values(found)[1] == Approx(9 * std::log(3)).epsilon(1e-8));
  CHECK(has_grad(x) == 0);
}

TEST_CASE("a function runs with grad mode 0, in inference mode in that mode", "[ffi]") {
  const Handle op = of_body();
  int32_t grad = -1, inference = -1;
  body = [&](double v) {
    grad = tg_is_grad_enabled();
    inference = tg_is_inference_mode_enabled();
    return v;
  };
  const Tensor x = vec({1});
  run(op, {x});
  CHECK(grad == 0);
  CHECK(inference == 0);
  const In in(Mode::inf);
  run(op, {x});
  CHECK(grad == 0);
  CHECK(inference == 1);
}

TEST_CASE("a function that leaves the modes changed fails; they are put back", "[ffi]") {
  const Handle op = of_body("leaver");
  body = [](double v) {
    tg_enable_grad_enter();
    return v;
  };
  const Tensor x = vec({1});
  run_fails(op, {x}, {}, 1, TG_ERROR_MODE, {"leaver", "left the modes"});
  uint64_t state = 1;
  ok(tg_state_get(&state));
  CHECK(state == 0);
}

TEST_CASE("a C++ exception out of a function is an error", "[ffi]") {
  const Handle direct = of_body("thrower");
  const Handle by_libffi = foreign(definition(
      "thrower", "f64, out f64", +[](double v, double* y) { *y = body(v); }));
  body = [](double) -> double { throw std::runtime_error("out of a foreign function"); };
  const Tensor x = vec({1});
  for (const Handle* op : {&direct, &by_libffi}) {
    run_fails(*op, {x}, {}, 1, TG_ERROR_CALLBACK, {"threw a C++ exception"});
    run_fails(*op, {x}, {}, 1, TG_ERROR_CALLBACK, {"threw a C++ exception"});
  }
  body = [](double v) { return v; };
  CHECK(values(run(direct, {x})) == Values{1});  // its turn was given back
}

TEST_CASE("tg_shutdown inside a foreign function is refused", "[ffi]") {
  const Handle op = of_body();
  tg_status status = TG_OK;
  body = [&](double v) {
    status = tg_shutdown();
    return v;
  };
  run(op, {vec({1})});
  CHECK(status == TG_ERROR_MODE);
}

TEST_CASE("errno is as the caller left it", "[ffi]") {
  const Handle op = of_body();
  body = [](double v) {
    errno = 77;
    return v;
  };
  errno = 5;
  run(op, {vec({1})});
  CHECK(errno == 5);
}

TEST_CASE("a function may call its own operator again, and the library", "[ffi]") {
  const Handle op = of_body();
  int depth = 0;
  body = [&](double v) {
    if (++depth > 3) return v;
    const Tensor inner = run(op, {vec({v + 1})});
    return 2 * item(make(tg_sum, inner));
  };
  CHECK(values(run(op, {vec({1})})) == Values{8 * 4});
}

// ---- threads ----

TEST_CASE("calls of one operator take turns, unless it is thread-safe", "[ffi]") {
  for (const bool safe : {false, true}) {
    const Handle op = of_body("counter", safe ? TG_FFI_THREAD_SAFE : 0);
    std::atomic<int> inside{0}, most{0}, waiting{0};
    body = [&](double v) {
      const int now = ++inside;
      for (int seen = most.load(); seen < now && !most.compare_exchange_weak(seen, now);) {
      }
      // Thread-safe: until the other one is here too. Else: long enough for it to come.
      if (safe) {
        ++waiting;
        while (waiting.load() < 2) std::this_thread::yield();
      } else {
        for (int k = 0; k < 50; ++k) std::this_thread::yield();
      }
      --inside;
      return v;
    };
    const Tensor x = vec({1});
    std::vector<std::thread> threads;
    std::atomic<int> failed{0};
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&] {
        for (int k = 0; k < (safe ? 1 : 200); ++k) {
          std::vector<tg_tensor> outs(1);
          if (try_run(op, {x}, {}, outs) != TG_OK) ++failed;
          tg_release(outs[0]);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(failed == 0);
    CHECK(most == (safe ? 2 : 1));
  }
}

TEST_CASE("two threads that would wait for each other's turn for ever are told", "[ffi]") {
  const Handle a = of_body("first"), b = of_body("second");
  const Tensor x = vec({1}), y = vec({2});
  std::atomic<int> arrived{0};
  std::atomic<int> refused{0};
  body = [&](double v) {
    if (v > 2) return v;
    ++arrived;
    while (arrived.load() < 2) std::this_thread::yield();
    // Each holds its own turn and wants the other's.
    const Tensor z = vec({3});
    std::vector<tg_tensor> outs(1);
    const tg_status status = try_run(v == 1 ? b : a, {z}, {}, outs);
    if (status == TG_ERROR_MODE) ++refused;
    tg_release(outs[0]);
    return v;
  };
  std::thread other([&] {
    std::vector<tg_tensor> outs(1);
    try_run(b, {y}, {}, outs);
    tg_release(outs[0]);
  });
  run(a, {x});
  other.join();
  CHECK(refused == 1);
}
