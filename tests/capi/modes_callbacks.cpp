// SPDX-License-Identifier: MIT
// What callbacks see: on which thread they run and in which modes. A deleter that runs in the
// middle of a backward, when the last holder of its memory is let go of, is the engine's callback.
#include <cmath>
#include <functional>
#include <stdexcept>
#include <thread>

#include "capi/tensors.h"

using namespace capi;

namespace {

uint64_t word() {
  uint64_t state = 1;
  ok(tg_state_get(&state));
  return state;
}

// Memory that is lent to a tensor; `ends` runs in the deleter.
struct Lent {
  double value = 2;
  int runs = 0;
  std::thread::id thread;
  std::function<void()> ends;

  Tensor tensor() {
    Tensor out;
    ok(tg_tensor_from_memory(&value, TG_FLOAT64, nullptr, nullptr, 0, 0, ended, this, out.out()));
    return out;
  }
  static void ended(void* self, void* data) {
    auto* lent = static_cast<Lent*>(self);
    ++lent->runs;
    lent->thread = std::this_thread::get_id();
    CHECK(data == &lent->value);
    if (lent->ends) lent->ends();
  }
};

// The same as a destructor.
void ended(void* self) { Lent::ended(self, &static_cast<Lent*>(self)->value); }

int32_t identity(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  return tg_alias(inputs[0], outs);
}
int32_t remembers_thread(void* id, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  *static_cast<std::thread::id*>(id) = std::this_thread::get_id();
  return tg_alias(inputs[0], outs);
}

// A root whose backward ends the life of the lent memory, and the leaf behind it.
struct Graph {
  Tensor w = tensor({3}, {}, true), root;
  explicit Graph(Lent& lent) {
    const Tensor constant = lent.tensor();
    root = make(tg_mul, make(tg_exp, w), constant);
  }
};

}  // namespace

TEST_CASE("M27: the state that the engine gives to a callback is the bottom of a fresh stack",
          "[modes]") {
  const Aside aside;
  for (const Mode mode : {Mode::normal, Mode::no_grad}) {
    Lent lent;
    const Graph graph(lent);
    uint64_t inside = 0, entered = 0;
    lent.ends = [&] {
      inside = word();
      CHECK(tg_is_grad_enabled() == 0);
      CHECK(tg_is_inference_mode_enabled() == 0);
      // Nothing of the caller's stack can be left in here, and nothing of it refuses an enter.
      fails(tg_no_grad_exit(), TG_ERROR_MODE, {"no mode was entered", "depth 0"});
      ok(tg_inference_mode_enter(1));
      entered = word();
      CHECK(tg_is_inference_mode_enabled() == 1);
      ok(tg_inference_mode_exit());
      CHECK(word() == inside);
    };
    const In in(mode);
    const uint64_t before = word();
    ok(tg_backward(graph.root));
    CHECK(lent.runs == 1);
    CHECK(entered != inside);
    CHECK(word() == before);
    CHECK(grad_values(graph.w)[0] == Approx(2 * std::exp(3.0)));
  }
}

TEST_CASE("M27: a callback of the engine has the whole depth of the stack for itself", "[modes]") {
  const Aside aside;
  Lent lent;
  const Graph graph(lent);
  constexpr int kDepth = 40;  // deeper than a word holds
  lent.ends = [] {
    for (int i = 0; i < kDepth; ++i) ok(tg_no_grad_enter());
    for (int i = 0; i < kDepth; ++i) ok(tg_no_grad_exit());
    fails(tg_no_grad_exit(), TG_ERROR_MODE, {"depth 0"});
  };
  for (int i = 0; i < kDepth; ++i) ok(tg_enable_grad_enter());
  ok(tg_backward(graph.root));
  CHECK(lent.runs == 1);
  for (int i = 0; i < kDepth; ++i) ok(tg_enable_grad_exit());
  CHECK(word() == 0);
}

TEST_CASE("L6: modes that a deleter or destructor entered or left are put back", "[modes]") {
  const Aside aside;
  ok(tg_enable_grad_enter());
  const uint64_t before = word();
  const auto leaks = [] {
    ok(tg_no_grad_enter());
    ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  };
  const auto leaves = [] { ok(tg_enable_grad_exit()); };
  for (const std::function<void()>& changes : {std::function<void()>(leaks), {leaves}}) {
    Lent lent;
    lent.ends = changes;
    lent.tensor();
    CHECK(lent.runs == 1);
    CHECK(word() == before);
    // The same for objects and modules, in a release and in tg_drain.
    make(tg_object_create, "kind", &lent, ended);
    CHECK(lent.runs == 2);
    CHECK(word() == before);
    make(tg_nn_function, identity, &lent, ended);
    CHECK(lent.runs == 3);
    CHECK(word() == before);
    ok(tg_drain_set([](void*) -> int32_t { return 0; }, nullptr, nullptr));
    lent.tensor();
    CHECK(lent.runs == 3);
    ok(tg_drain());
    ok(tg_drain_set(nullptr, nullptr, nullptr));
    CHECK(lent.runs == 4);
    CHECK(word() == before);
  }
  ok(tg_enable_grad_exit());
}

TEST_CASE("an exception out of a deleter or destructor ends nothing and is told", "[modes]") {
  const Aside aside;
  Lent lent;
  lent.ends = [] {
    tg_no_grad_enter();
    throw std::runtime_error("out of a deleter");
  };
  const auto told = [](const char* when) {
    INFO(when);
    CHECK(tg_last_error() == TG_ERROR_CALLBACK);
    CHECK_THAT(tg_last_error_message(), Catch::Contains("C++ exception"));
    CHECK(word() == 0);
    tg_last_error_clear();
  };
  tg_last_error_clear();
  lent.tensor();
  CHECK(lent.runs == 1);
  told("at a release");
  const Graph graph(lent);
  tg_backward(graph.root);
  CHECK(lent.runs == 2);
  told("in a backward");
  // The pass went on: what stood behind the deleter has run.
  CHECK(grad_values(graph.w)[0] == Approx(2 * std::exp(3.0)));
  make(tg_object_create, "kind", &lent, ended);
  CHECK(lent.runs == 3);
  told("at the end of an object");
  make(tg_nn_function, identity, &lent, ended);
  CHECK(lent.runs == 4);
  told("at the end of a module");
  // A wake function runs at once, the deleter that it tells of in tg_drain.
  ok(tg_drain_set(
      [](void* self) -> int32_t {
        ended(self);
        return 0;
      },
      &lent, ended));
  lent.tensor();
  CHECK(lent.runs == 5);
  told("in a wake function");
  CHECK(tg_drain() == TG_OK);
  CHECK(lent.runs == 6);
  told("in tg_drain");
  tg_drain_set(nullptr, nullptr, nullptr);
  CHECK(lent.runs == 7);
  told("at the end of a wake function");
}

TEST_CASE("H13: a callback of the engine may record and call backward on another graph",
          "[modes]") {
  const Aside aside;
  const Tensor other = leaf({1, 2});
  Lent lent;
  const Graph graph(lent);
  lent.ends = [&] {
    // Grad mode is 0 here, so that recording is asked for.
    CHECK(kind_of(make(tg_mul, other, other)) == "n0");
    ok(tg_enable_grad_enter());
    ok(tg_backward(make(tg_sum, make(tg_mul, other, other))));
    ok(tg_enable_grad_exit());
  };
  ok(tg_backward(graph.root));
  CHECK(lent.runs == 1);
  CHECK(grad_values(other) == Values{2, 4});
  CHECK(grad_values(graph.w)[0] == Approx(2 * std::exp(3.0)));
  CHECK(kind_of(make(tg_mul, other, other)) == "nn");
}

TEST_CASE("L7: deleters, destructors and functions run on the calling thread or in tg_drain",
          "[modes]") {
  const Aside aside;
  const int32_t threads = tg_num_threads();
  ok(tg_num_threads_set(4));
  const std::thread::id here = std::this_thread::get_id();
  // Work that the library's own threads take part in, so that they are there to be wrong.
  const Tensor large = tensor({1}, {512, 512}, true);
  {
    Lent lent;
    const Tensor constant = lent.tensor();
    ok(tg_backward(make(tg_sum, make(tg_mul, make(tg_mm, large, large), constant))));
    CHECK(lent.runs == 0);
  }
  for (const bool by_drain : {false, true}) {
    Lent lent;
    Lent object;
    std::thread::id function_thread;
    if (by_drain) ok(tg_drain_set([](void*) -> int32_t { return 0; }, nullptr, nullptr));
    {
      const Tensor product = make(tg_mm, large, large);
      Tensor constant = lent.tensor();
      const Tensor root = make(tg_sum, make(tg_mul, product, constant));
      constant.release();  // the graph alone holds it now
      ok(tg_backward(root));
      const Handle module = make(tg_nn_function, remembers_thread, &function_thread, nullptr);
      make(tg_module_forward, module, large);
      make(tg_object_create, "kind", &object, ended);
    }
    CHECK(function_thread == here);
    if (by_drain) {
      CHECK(lent.runs == 0);
      CHECK(object.runs == 0);
      std::thread::id drainer;
      std::thread([&] {
        drainer = std::this_thread::get_id();
        if (tg_drain() != TG_OK) drainer = {};
      }).join();
      CHECK(lent.thread == drainer);
      CHECK(object.thread == drainer);
      ok(tg_drain_set(nullptr, nullptr, nullptr));
    } else {
      CHECK(lent.thread == here);
      CHECK(object.thread == here);
    }
    CHECK(lent.runs == 1);
    CHECK(object.runs == 1);
  }
  ok(tg_num_threads_set(threads));
}

TEST_CASE("L8: the library's own threads keep no mode from one job to the next", "[modes]") {
  const Aside aside;
  const int32_t threads = tg_num_threads();
  ok(tg_num_threads_set(4));
  const Sizes sizes = {512, 512};
  const Tensor w = tensor({0.5}, sizes, true), x = tensor({2}, sizes);
  // What one round gives: the kind of each result and the elements, in every mode.
  const auto round = [&](Mode mode) {
    const In in(mode);
    const Tensor product = make(tg_mm, w, x), sum = make(tg_add, product, w);
    const Tensor total = make(tg_sum, sum);
    return kind_of(product) + kind_of(sum) + kind_of(total) + std::to_string(item(total));
  };
  const std::string normal = round(Mode::normal), no_grad = round(Mode::no_grad);
  const std::string inf = round(Mode::inf);
  CHECK(normal.rfind("nnnnnn", 0) == 0);
  CHECK(no_grad.rfind("n0n0n0", 0) == 0);
  CHECK(inf.rfind("i0i0i0", 0) == 0);
  // Jobs of one thread follow those of another in a mode of its own.
  std::string from_other;
  std::thread([&] { from_other = round(Mode::inf); }).join();
  CHECK(from_other == inf);
  CHECK(round(Mode::normal) == normal);
  CHECK(round(Mode::no_grad) == no_grad);
  // A backward that runs on them in between records nothing and leaves nothing on.
  ok(tg_backward(make(tg_sum, make(tg_mm, w, x))));
  CHECK(kind_of(grad_of(w)) == "n0");
  CHECK(round(Mode::inf) == inf);
  CHECK(round(Mode::normal) == normal);
  ok(tg_num_threads_set(threads));
}
