// SPDX-License-Identifier: MIT
// What results of the caller's operators may be: inputs given back as they are, several of them,
// some without a gradient; gradients that do not fit; flags; failures.
#include <atomic>
#include <stdexcept>
#include <thread>

#include "capi/operators.h"
#include "capi/saved.h"

using namespace capi;

namespace {

constexpr Options kTwo{0, 2};

// Gives its input back as it is.
Handle identity() {
  return custom(
      "identity", [](const Forward& f) -> int32_t { return tg_alias(f.inputs[0], &f.outs[0]); },
      [](const Backward& b) -> int32_t {
        return tg_mul_scalar(b.grad_outputs[0], 5, &b.grad_inputs[0]);
      });
}
// x * 2 and x * 3; its backward takes either gradient where it came.
int32_t two_multiples(const Forward& f) {
  TRY(tg_mul_scalar(f.inputs[0], 2, &f.outs[0]));
  return tg_mul_scalar(f.inputs[0], 3, &f.outs[1]);
}

}  // namespace

// ---- inputs given back as they are ----

TEST_CASE("an input that is given back as it is becomes a view of it, with the call's gradient",
          "[operators]") {
  const Handle op = identity();
  const Tensor x = leaf({1, 2});
  const Tensor y = run(op, {x});
  CHECK_FALSE(same(x, y));
  CHECK(is_view(y) == 1);
  CHECK(storage(x) == storage(y));
  CHECK(kind_of(y) == "nn");
  CHECK(version(x) == 0);
  ok(backward_ones(y));
  CHECK(grad_values(x) == Values{5, 5});
  // An in-place change that records cannot go through it (V11).
  fails(tg_mul_scalar_(y, 2), TG_ERROR_MODE,
        {"made by an operator that gave an operand's memory back", "work on its tg_clone"});
}
TEST_CASE("a result in an input's memory is a view: what would change the input is refused",
          "[operators]") {
  const NoLeak leak;
  // By a view, and by a tensor without a past.
  const ForwardFunction forwards[] = {
      [](const Forward& f) { return tg_narrow(f.inputs[0], 0, 0, 1, &f.outs[0]); },
      [](const Forward& f) -> int32_t {
        Tensor plain;
        TRY(tg_detach(f.inputs[0], plain.out()));
        return tg_narrow(plain, 0, 0, 1, &f.outs[0]);
      }};
  for (const ForwardFunction& forward : forwards) {
    const Handle op = custom("first", forward, [](const Backward& b) -> int32_t {
      Tensor zero;
      TRY(tg_zeros_like(b.grad_outputs[0], zero.out()));
      const tg_tensor both[] = {b.grad_outputs[0], zero};
      return tg_cat(both, 2, 0, &b.grad_inputs[0]);
    });
    const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 4.0), y = run(op, {x});
    CHECK(is_view(y) == 1);
    CHECK(kind_of(y) == "nn");
    fails(tg_mul_scalar_(y, 2), TG_ERROR_MODE, {"work on its tg_clone"});
    ok(backward_ones(y));
    CHECK(grad_values(w) == Values{4, 0});
    CHECK(values(x) == Values{4, 8});
    fails(tg_fill_(run(op, {w}), 7), TG_ERROR_MODE, {"work on its tg_clone"});
    CHECK(values(w) == Values{1, 2});
  }
}
TEST_CASE("T8: given back as it is where nothing records, it does not require grad",
          "[operators]") {
  const Handle op = identity();
  const Tensor x = leaf({1, 2}), plain = vec({1, 2});
  CHECK(is_view(run(op, {plain})) == 1);
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    const In in(mode);
    const Tensor y = run(op, {x});
    CHECK(kind_of(y) == "n0");
    CHECK(storage(x) == storage(y));
  }
  const Tensor i = of_kind("i0", {1, 2}, {2});
  CHECK(kind_of(run(op, {i})) == "i0");
}

// ---- several results, and results without a gradient ----

TEST_CASE("backward gets a gradient for each result, 0 where none came", "[operators]") {
  const Handle op = custom(
      "multiples", two_multiples,
      [](const Backward& b) -> int32_t {
        CHECK(b.out_count == 2);
        CHECK(b.grad_outputs[0] == 0);
        return tg_mul_scalar(b.grad_outputs[1], 3, &b.grad_inputs[0]);
      },
      kTwo);
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> outs = run_all(op, {x}, 2);
  CHECK(values(outs[0]) == Values{2, 4});
  CHECK(values(outs[1]) == Values{3, 6});
  ok(backward_ones(outs[1]));
  CHECK(grad_values(x) == Values{3, 3});
}
TEST_CASE("with TG_OPERATOR_ZERO_GRADS backward gets zeros instead", "[operators]") {
  int ran = 0;
  const Handle op = custom("multiples", two_multiples,
                           [&](const Backward& b) -> int32_t {
                             ++ran;
                             CHECK(values(b.grad_outputs[0]) == Values{0, 0});
                             return tg_mul_scalar(b.grad_outputs[1], 3, &b.grad_inputs[0]);
                           },
                           {TG_OPERATOR_ZERO_GRADS, 2});
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> outs = run_all(op, {x}, 2);
  ok(backward_ones(outs[1], TG_RETAIN_GRAPH));
  CHECK(grad_values(x) == Values{3, 3});
  // It runs also where none came at all: what follows it gives no gradient.
  const Handle deaf = custom("deaf", tripled, [](const Backward&) -> int32_t { return 0; });
  ran = 0;
  ok(backward_ones(run(deaf, {outs[0]})));
  CHECK(ran == 1);
  CHECK(grad_values(x) == Values{3, 3});
}
TEST_CASE("without the flag a node that gets no gradient does not run", "[operators]") {
  int ran = 0;
  const Handle op = custom("tripled", tripled, [&](const Backward& b) -> int32_t {
    ++ran;
    return tripled_backward(b);
  });
  const Handle deaf = custom("deaf", tripled, [](const Backward&) -> int32_t { return 0; });
  const Tensor x = leaf({1, 2});
  ok(backward_ones(run(deaf, {run(op, {x})})));
  CHECK(ran == 0);
  CHECK_FALSE(has_grad(x));
}
TEST_CASE("a result that is marked as non-differentiable, or of integers, requires no grad",
          "[operators]") {
  const Handle op = custom(
      "parts",
      [](const Forward& f) -> int32_t {
        TRY(tg_mul_scalar(f.inputs[0], 2, &f.outs[0]));
        TRY(tg_mul_scalar(f.inputs[0], 3, &f.outs[1]));
        TRY(tg_argmax(f.inputs[0], &f.outs[2]));
        TRY(tg_alias(f.inputs[0], &f.outs[3]));
        TRY(tg_context_mark_non_differentiable(f.context, 3));
        return tg_context_mark_non_differentiable(f.context, 1);
      },
      [](const Backward& b) -> int32_t {
        for (size_t j = 1; j < 4; ++j) CHECK(b.grad_outputs[j] == 0);
        return tg_mul_scalar(b.grad_outputs[0], 2, &b.grad_inputs[0]);
      },
      {0, 4});
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> outs = run_all(op, {x}, 4);
  CHECK(kind_of(outs[0]) == "nn");
  for (size_t j = 1; j < 4; ++j) CHECK(kind_of(outs[j]) == "n0");
  CHECK(storage(outs[3]) == storage(x));
  ok(backward_ones(outs[0]));
  CHECK(grad_values(x) == Values{2, 2});
}
TEST_CASE("a call whose results all have no gradient records nothing", "[operators]") {
  const Handle op = custom(
      "best", [](const Forward& f) -> int32_t { return tg_argmax(f.inputs[0], &f.outs[0]); });
  CHECK(kind_of(run(op, {leaf({1, 2})})) == "n0");
}
TEST_CASE("an operator without backward refuses to record", "[operators]") {
  const Handle op = custom("forward_only", tripled);
  const Tensor x = leaf({1, 2});
  CHECK(values(run(op, {vec({1, 2})})) == Values{3, 6});
  run_fails(op, {x}, {}, 1, TG_ERROR_UNSUPPORTED,
            {"forward_only", "without a backward", "tg_no_grad_enter"});
  const In mode(Mode::no_grad);
  CHECK(kind_of(run(op, {x})) == "n0");
}
TEST_CASE("a result that somebody holds gets no past behind its back", "[operators]") {
  const Tensor kept = vec({7, 8}), weight = leaf({1, 2});
  const Handle op = custom(
      "kept",
      [&](const Forward& f) -> int32_t {
        TRY(tg_alias(kept, &f.outs[0]));
        return tg_alias(weight, &f.outs[1]);
      },
      [](const Backward& b) -> int32_t { return tg_alias(b.grad_outputs[0], &b.grad_inputs[0]); },
      kTwo);
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> outs = run_all(op, {x}, 2);
  CHECK(kind_of(kept) == "n0");
  CHECK(kind_of(weight) == "nl");
  CHECK(kind_of(outs[0]) == "nn");
  CHECK(node_name(grad_fn(outs[1])) == "keptBackward");
  CHECK(storage(outs[0]) == storage(kept));
  ok(backward_ones(outs[0]));
  CHECK(grad_values(x) == Values{1, 1});
  CHECK_FALSE(has_grad(weight));
}
TEST_CASE("the same tensor as two results is two tensors of one memory", "[operators]") {
  const Handle op = custom(
      "twice",
      [](const Forward& f) -> int32_t {
        TRY(tripled(f));
        return tg_alias(f.outs[0], &f.outs[1]);
      },
      [](const Backward& b) -> int32_t {
        return tg_add(b.grad_outputs[0], b.grad_outputs[1], &b.grad_inputs[0]);
      },
      kTwo);
  const Tensor x = leaf({1, 2});
  const std::vector<Tensor> outs = run_all(op, {x}, 2);
  CHECK_FALSE(same(outs[0], outs[1]));
  CHECK(storage(outs[0]) == storage(outs[1]));
  ok(backward_ones(make(tg_add, outs[0], outs[1])));
  CHECK(grad_values(x) == Values{2, 2});
}
TEST_CASE("a result that keeps itself alive by the context's data is no ring", "[operators]") {
  const int live = Functions::live;
  {
    const Handle op = custom(
        "kept",
        [](const Forward& f) -> int32_t {
          TRY(tripled(f));
          auto* held = new Handle;
          TRY(tg_alias(f.outs[0], held->out()));
          return tg_context_set_data(f.context, held,
                                     [](void* data) { delete static_cast<Handle*>(data); });
        },
        tripled_backward);
    const Tensor x = leaf({1, 2});
    run(op, {x});
  }
  CHECK(Functions::live == live);
}

// ---- gradients ----

TEST_CASE("H7: a gradient of another shape or dtype is an error that names the operator",
          "[operators]") {
  int way = 0;
  const Handle op = custom("wrong", tripled, [&](const Backward& b) -> int32_t {
    if (way == 0) return tg_sum(b.grad_outputs[0], &b.grad_inputs[0]);
    if (way == 1) return tg_to_dtype(b.grad_outputs[0], TG_FLOAT32, &b.grad_inputs[0]);
    b.grad_inputs[0] = b.grad_outputs[0];  // the handle that was lent
    if (way == 2) return 0;
    TRY(tg_inference_mode_enter(1));
    TRY(tg_ones_like(b.grad_outputs[0], &b.grad_inputs[0]));
    return tg_inference_mode_exit();
  });
  const Tensor x = leaf({1, 2});
  const tg_status codes[] = {TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_CALLBACK, TG_ERROR_MODE};
  const char* const phrases[] = {"shape []", "float32", "tg_alias", "inference tensor"};
  for (way = 0; way < 4; ++way) {
    const uint64_t live = tg_live_handles();
    {
      const Tensor y = run(op, {x});
      fails(backward_ones(y), codes[way], {"wrong: ", phrases[way]});
    }
    CHECK(tg_live_handles() == live);
    CHECK_FALSE(has_grad(x));
  }
}
TEST_CASE("a gradient that nobody asked for is let go of", "[operators]") {
  const Handle op = custom(
      "sum",
      [](const Forward& f) -> int32_t { return tg_add(f.inputs[0], f.inputs[1], &f.outs[0]); },
      [](const Backward& b) -> int32_t {
        for (size_t i = 0; i < 2; ++i) TRY(tg_alias(b.grad_outputs[0], &b.grad_inputs[i]));
        return 0;
      });
  const Tensor x = leaf({1, 2}), y = leaf({1, 2}), c = vec({1, 2});
  ok(backward_ones(run(op, {c, x})));
  CHECK(grad_values(x) == Values{1, 1});
  const Tensor z = make(tg_sum, run(op, {x, y}));
  const tg_tensor roots[] = {z}, asked[] = {y};
  Tensor g;
  ok(tg_grad(roots, nullptr, 1, asked, 1, 0, g.out()));
  CHECK(values(g) == Values{1, 1});
  CHECK(grad_values(x) == Values{1, 1});
}
TEST_CASE("once-differentiable: a pass with TG_CREATE_GRAPH succeeds, its gradients end there",
          "[operators]") {
  int32_t mode = -1;
  const Handle op = custom(
      "once",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
        return tg_mul(f.inputs[0], f.inputs[0], &f.outs[0]);
      },
      [&](const Backward& b) -> int32_t {
        mode = tg_is_grad_enabled();
        Tensor half;
        TRY(tg_mul(b.grad_outputs[0], saved(b.context, 0), half.out()));
        return tg_mul_scalar(half, 2, &b.grad_inputs[0]);
      },
      {TG_OPERATOR_ONCE_DIFFERENTIABLE, 1});
  const Tensor x = leaf({1, 2});
  const Tensor y = make(tg_sum, run(op, {x}));
  const tg_tensor roots[] = {y}, leaves[] = {x};
  Tensor g, h;
  ok(tg_grad(roots, nullptr, 1, leaves, 1, TG_CREATE_GRAPH, g.out()));
  CHECK(mode == 0);
  CHECK(values(g) == Values{2, 4});
  CHECK(requires_grad(g) == 1);
  const Tensor sum = make(tg_sum, g);
  const tg_tensor next[] = {sum};
  fails(tg_grad(next, nullptr, 1, leaves, 1, 0, h.out()), TG_ERROR_AUTOGRAD,
        {"onceBackward", "TG_OPERATOR_ONCE_DIFFERENTIABLE"});
  ok(backward_ones(y));
  CHECK(grad_values(x) == Values{2, 4});
}

// ---- failures ----

TEST_CASE("a forward that fails leaves nothing behind", "[operators]") {
  int way = 0;
  const Handle op = custom(
      "failing",
      [&](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, f.inputs, 1));
        TRY(tripled(f));  // the result is the library's, although the call fails
        if (way == 0) return 42;
        tg_tensor other = 0;
        if (way == 1) return tg_mm(f.inputs[0], f.inputs[0], &other);
        if (way == 2) return tg_error_set(TG_ERROR_PEER, 3, "the other side is gone");
        if (way == 3) throw std::runtime_error("out of the callback");
        return tg_release(f.outs[0]);
      },
      tripled_backward);
  const tg_status codes[] = {TG_ERROR_CALLBACK, TG_ERROR_SHAPE, TG_ERROR_PEER, TG_ERROR_CALLBACK,
                             TG_ERROR_INVALID_HANDLE};
  const char* const phrases[] = {"failing: its forward returned 42", "tg_mm: ", "the other side",
                                 "exception", "failing: outs[0] is"};
  const Tensor x = leaf({1, 2});
  for (way = 0; way < 5; ++way) {
    run_fails(op, {x}, {}, 1, codes[way], {phrases[way]});
  }
  int64_t number = 0;
  way = 0;
  run_fails(op, {x}, {}, 1, codes[0], {});
  tg_last_error_detail(&number, nullptr);
  CHECK(number == 42);
  CHECK(kind_of(x) == "nl");
}
TEST_CASE("a forward that sets no result, or a handle that was lent, fails", "[operators]") {
  const Handle none = custom("none", [](const Forward&) -> int32_t { return 0; });
  const Handle lent = custom("lent", [](const Forward& f) -> int32_t {
    f.outs[0] = f.inputs[0];
    return 0;
  });
  const Tensor x = vec({1, 2});
  run_fails(none, {x}, {}, 1, TG_ERROR_CALLBACK, {"none: its forward returned 0", "outs[0]"});
  run_fails(lent, {x}, {}, 1, TG_ERROR_CALLBACK, {"lent: outs[0]", "tg_alias"});
  CHECK(tg_is_valid(x) == 1);
}
TEST_CASE("B14: a backward that fails stops the pass, and every .grad is as it was",
          "[operators]") {
  int way = 0;
  const Handle op = custom("failing", tripled, [&](const Backward& b) -> int32_t {
    TRY(tripled_backward(b));
    if (way == 0) return 42;
    tg_tensor other = 0;
    if (way == 1) return tg_mm(b.grad_outputs[0], b.grad_outputs[0], &other);
    if (way == 2) return tg_error_set(TG_ERROR_PEER, 3, "the other side is gone");
    if (way == 3) throw std::runtime_error("out of the callback");
    if (way == 4) TRY(tg_no_grad_enter());
    return 0;
  });
  const tg_status codes[] = {TG_ERROR_CALLBACK, TG_ERROR_SHAPE, TG_ERROR_PEER, TG_ERROR_CALLBACK,
                             TG_ERROR_MODE};
  const char* const phrases[] = {"failing: its backward returned 42", "tg_mm: ", "the other side",
                                 "exception", "failing: its backward left the modes"};
  const Tensor x = leaf({1, 2}), w = leaf({1, 2});
  for (way = 0; way < 5; ++way) {
    const uint64_t live = tg_live_handles();
    {
      const Tensor y = make(tg_add, run(op, {x}), w);
      fails(backward_ones(y, TG_RETAIN_GRAPH), codes[way], {phrases[way]});
      CHECK_FALSE(has_grad(x));
      CHECK_FALSE(has_grad(w));
      // The graph is whole: it may be tried again.
      const int its = std::exchange(way, 9);
      ok(backward_ones(y));
      way = its;
      CHECK(grad_values(x) == Values{3, 3});
      ok(tg_tensor_set_grad(x, 0)), ok(tg_tensor_set_grad(w, 0));
    }
    CHECK(tg_live_handles() == live);
    CHECK(tg_is_grad_enabled() == 1);
  }
}

// ---- threads ----

TEST_CASE("L7: calls run on the calling thread, one operator's in turns", "[operators]") {
  const bool safe = GENERATE(false, true);
  std::atomic<int> inside{0}, most{0}, wrong{0};
  const auto body = [&] {
    const int now = ++inside;
    int seen = most.load();
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    // With turns nobody else comes in; without them the other one is waited for.
    for (int k = 0; safe && k < 1000000 && most.load() < 2; ++k) std::this_thread::yield();
    --inside;
  };
  const Handle op = custom(
      "counted",
      [&](const Forward& f) -> int32_t {
        body();
        return tripled(f);
      },
      [&](const Backward& b) -> int32_t {
        body();
        return tripled_backward(b);
      },
      {safe ? uint32_t{TG_OPERATOR_THREAD_SAFE} : 0, 1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&] {
      const int64_t shape[] = {2};
      const double data[] = {1, 2};
      for (int k = 0; k < 200; ++k) {
        tg_tensor x = 0, y = 0, s = 0;
        if (tg_tensor_create(data, TG_FLOAT64, shape, 1, 1, &x) != TG_OK ||
            tg_operator_apply(op, &x, 1, nullptr, 0, &y, 1) != TG_OK || tg_sum(y, &s) != TG_OK ||
            tg_backward(s) != TG_OK) {
          ++wrong;
        }
        tg_release(x), tg_release(y), tg_release(s);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(most == (safe ? 2 : 1));
}
