// SPDX-License-Identifier: MIT
// Section H of the rules, H14: hooks on saved tensors.
#include <thread>

#include "capi/rows.h"
#include "capi/saved.h"

using namespace capi;

TEST_CASE("H14: pack at recording, unpack when backward reads", "[modes]") {
  const NoLeak leak;
  const Tensor a = leaf({2, 3}), b = leaf({5, 7});
  SavedHooks hooks;
  Tensor y = make(tg_mul, a, b);
  CHECK(hooks.state->packed == std::vector<Values>{{2, 3}, {5, 7}});
  Tensor z = make(tg_exp, y);  // saves its result
  CHECK(hooks.packs() == 3);
  CHECK(hooks.state->packed[2] == values(z));
  const Values expected = values(z);
  hooks.leave();
  CHECK(hooks.state->unpacked == 0);
  ok(backward_ones(z));
  CHECK(hooks.state->unpacked == 3);
  CHECK(hooks.state->freed == 3);  // backward freed what was saved
  CHECK(hooks.state->ends == 1);   // and the hooks with it
  CHECK(grad_values(a) == Values{5 * expected[0], 7 * expected[1]});
  CHECK(grad_values(b) == Values{2 * expected[0], 3 * expected[1]});
}

TEST_CASE("H14: nothing is packed where nothing records", "[modes]") {
  const NoLeak leak;
  const Tensor a = leaf({2, 3}), plain = vec({1, 2});
  const Tensor i0 = of_kind("i0", {1, 2}, {2});
  SavedHooks hooks;
  make(tg_mul, plain, plain);
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    CAPTURE(mode);
    const In in(mode);
    make(tg_mul, a, a);
    make(tg_exp, a);
  }
  make(tg_add, a, a);  // saves nothing
  CHECK(hooks.packs() == 0);
  fails(attempt(tg_mul, a, i0), TG_ERROR_MODE, {"inference tensor"});
  CHECK(hooks.packs() == 0);
}

TEST_CASE("H14: a change after pack is not a version error", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({2, 3});
  {
    const Tensor x = make(tg_mul_scalar, w, 1.0), y = make(tg_mul, x, x);
    const In in(Mode::no_grad);
    ok(tg_fill_(x, 100));
    fails(backward_ones(y), TG_ERROR_VERSION, {"changed in place"});
  }
  SavedHooks hooks;
  const Tensor x = make(tg_mul_scalar, w, 1.0), y = make(tg_mul, x, x);
  hooks.state->unpacked = 0;
  {
    const In in(Mode::no_grad);
    ok(tg_fill_(x, 100));
  }
  ok(backward_ones(y));
  CHECK(grad_values(w) == Values{4, 6});
}

TEST_CASE("H14: every operator that saves something gives the same gradients by way of hooks",
          "[modes]") {
  const NoLeak leak;
  const auto chain = [](tg_tensor w) {
    Tensor x = make(tg_tanh, w);
    x = make(tg_mul, x, w);
    const int64_t sizes[] = {2, 2};
    Tensor m = make(tg_view, x, sizes, 2);
    m = make(tg_mm, m, m);
    m = make(tg_softmax, m, int64_t{1});
    m = make(tg_sigmoid, m);
    m = make(tg_add, m, m);
    ok(tg_mul_scalar_(m, 0.75));
    ok(tg_exp_(m));  // in place, saves its result
    Tensor top, where;
    ok(tg_max_dim(m, 1, 0, top.out(), where.out()));
    const tg_tensor both[] = {top, top};
    const Tensor joined = make(tg_cat, both, size_t{2}, int64_t{0});
    return make(tg_sum, make(tg_log, joined));
  };
  const Tensor w = leaf({0.3, -0.2, 0.9, 0.5}), v = leaf({0.3, -0.2, 0.9, 0.5});
  const Tensor plain = chain(w);
  ok(tg_backward(plain));
  SavedHooks hooks;
  Tensor packed = chain(v);
  const size_t packs = hooks.packs();
  CHECK(packs >= 9);
  hooks.leave();
  CHECK(values(plain) == values(packed));
  ok(tg_backward(packed));
  CHECK(grad_values(v) == grad_values(w));
  CHECK(hooks.state->freed == static_cast<int>(packs));
  CHECK(hooks.state->ends == 1);
}

TEST_CASE("H14: gradients of any order go through hooks", "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({1.5, -0.5});
  SavedHooks hooks;
  const Tensor y = make(tg_sum, make(tg_mul, make(tg_mul, x, x), x));  // x^3
  const tg_tensor roots[] = {y}, inputs[] = {x};
  Tensor first, second;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, first.out()));
  CHECK(values(first) == Values{3 * 1.5 * 1.5, 3 * 0.25});
  const Tensor sum = make(tg_sum, first);
  const tg_tensor again[] = {sum};
  ok(tg_grad(again, nullptr, 1, inputs, 1, 0, second.out()));
  CHECK(values(second) == Values{9, -3});
}

TEST_CASE("H14, B5b: a gradient made under create_graph has a past, also while hooks are entered",
          "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({0.5, -0.5, 1});
  const Tensor y = make(tg_softmax, x, int64_t{0}), double_x = make(tg_mul_scalar, x, 2.0);
  const SavedHooks hooks;
  const tg_tensor roots[] = {y}, inputs[] = {x}, leaves[] = {x}, seeds[] = {double_x};
  Tensor found;
  ok(tg_grad(roots, seeds, 1, inputs, 1, TG_CREATE_GRAPH, found.out()));
  CHECK(kind_of(found) == "nn");
  // A leaf as root: the given gradient is copied, and its copy has a past.
  ok(tg_backward_from(leaves, seeds, 1, TG_CREATE_GRAPH));
  found = make(tg_tensor_grad, x);
  CHECK(kind_of(found) == "nn");
  CHECK(gradient(make(tg_sum, found), x) == Values{2, 2, 2});
  ok(tg_tensor_set_grad(x, 0));
}

TEST_CASE("H14: with retain_graph what was packed stays, and is unpacked for each pass",
          "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({2});
  SavedHooks hooks;
  Tensor y = make(tg_mul, x, x);
  hooks.leave();
  ok(backward_ones(y, TG_RETAIN_GRAPH));
  CHECK(hooks.state->unpacked == 2);
  CHECK(hooks.state->freed == 0);
  ok(backward_ones(y));
  CHECK(hooks.state->unpacked == 4);
  CHECK(hooks.state->freed == 2);
  CHECK(grad_values(x) == Values{8});
  fails(backward_ones(y), TG_ERROR_AUTOGRAD, {"was run before"});
  // A graph that is never run frees them with its nodes.
  SavedHooks others;
  y = make(tg_mul, x, x);
  others.leave();
  CHECK(others.state->ends == 0);
  y.release();
  CHECK(others.state->freed == 2);
  CHECK(others.state->ends == 1);
}

TEST_CASE("H14: the innermost hooks are asked, and none while they run", "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({2, 1});
  SavedHooks outer;
  outer.state->before_pack = [&](tg_tensor) -> int32_t {
    const In in(Mode::normal);
    make(tg_mul, x, x);  // grad mode is 0 here; and nothing is packed
    ok(tg_enable_grad_enter());
    make(tg_mul, x, x);
    ok(tg_enable_grad_exit());
    return 0;
  };
  {
    SavedHooks inner;
    make(tg_mul, x, x);
    CHECK(inner.packs() == 2);
    CHECK(outer.packs() == 0);
  }
  make(tg_mul, x, x);
  CHECK(outer.packs() == 2);
}

TEST_CASE("hooks on saved tensors that fail change nothing", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({2, 3}), x = make(tg_mul_scalar, w, 1.0);
  ok(tg_tensor_set_name(x, "x"));
  SavedHooks hooks;
  int left = 0;
  hooks.state->before_pack = [&](tg_tensor) -> int32_t { return left-- == 0 ? 77 : 0; };
  for (int k = 0; k < 2; ++k) {  // the first, and the second of the node's
    left = k;
    const Snapshot before = snapshot(x);
    fails(attempt(tg_mul, x, x), TG_ERROR_CALLBACK, {"pack returned 77"});
    left = k;
    fails(tg_mul_(x, x), TG_ERROR_CALLBACK, {"pack returned 77"});
    CHECK(snapshot(x) == before);
    CHECK(hooks.state->kept.empty());
  }
  left = 0;
  fails(tg_exp_(x), TG_ERROR_CALLBACK, {"pack returned 77"});  // its result is not written yet
  left = -1;
  // unpack: a number of its own, none, another dtype, shape or kind.
  Tensor y = make(tg_mul, x, x);
  const auto run = [&] { return backward_ones(y, TG_RETAIN_GRAPH); };
  hooks.state->unpack = [](tg_tensor, tg_tensor*) -> int32_t { return 5; };
  fails(run(), TG_ERROR_CALLBACK, {"unpack returned 5"});
  hooks.state->unpack = [](tg_tensor, tg_tensor*) -> int32_t { return 0; };
  fails(run(), TG_ERROR_CALLBACK, {"unpack", "set *out"});
  hooks.state->unpack = [](tg_tensor t, tg_tensor* out) { return tg_to_dtype(t, TG_FLOAT32, out); };
  fails(run(), TG_ERROR_DTYPE, {"unpack gave float32[2]", "Mul", "float64[2]"});
  hooks.state->unpack = [](tg_tensor t, tg_tensor* out) { return tg_sum(t, out); };
  fails(run(), TG_ERROR_SHAPE, {"unpack gave float64[]", "float64[2]"});
  hooks.state->unpack = [](tg_tensor t, tg_tensor* out) -> int32_t {
    const In in(Mode::inf);
    return tg_clone(t, out);
  };
  fails(run(), TG_ERROR_MODE, {"unpack gave", "inference tensor"});
  CHECK_FALSE(has_grad(w));
  hooks.state->unpack = {};
  ok(run());
  CHECK(grad_values(w) == Values{4, 6});
}

TEST_CASE("hooks on saved tensors end with their thread, and with a callback that forgets them",
          "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({2});
  static int ends;
  ends = 0;
  tg_hook left = 0;
  std::thread([&] {
    ok(tg_saved_tensor_hooks_enter([](void*, tg_tensor, void**) -> int32_t { return 0; },
                                   [](void*, void*, tg_tensor*) -> int32_t { return 0; }, nullptr,
                                   nullptr, [](void*) { ++ends; }, &left));
    fails(tg_release(left), TG_ERROR_MODE, {"tg_saved_tensor_hooks_exit"});
  }).join();
  CHECK(ends == 0);
  ok(tg_saved_tensor_hooks_exit(left));
  CHECK(ends == 1);

  static std::unique_ptr<SavedHooks> forgotten;
  const auto forget = [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t {
    forgotten = std::make_unique<SavedHooks>();
    return 0;
  };
  Handle hook;
  ok(tg_tensor_hook(w, forget, nullptr, nullptr, hook.out()));
  fails(backward_ones(make(tg_mul_scalar, w, 2.0)), TG_ERROR_MODE,
        {"left the saved-tensor hooks other than it found them"});
  make(tg_mul, w, w);
  CHECK(forgotten->packs() == 0);
  forgotten.reset();
}

TEST_CASE("H14: pack may not change what it is handed; what it gave is freed where it is refused",
          "[modes]") {
  const NoLeak leak;
  const Tensor x = leaf({3, 4});
  SavedHooks hooks;
  hooks.state->before_pack = [](tg_tensor saved) { return tg_mul_scalar_(saved, 2); };
  fails(attempt(tg_mul, x, x), TG_ERROR_CALLBACK, {"pack changed", "in place", kClone});
  CHECK(hooks.packs() == 1);
  CHECK(hooks.state->freed == 1);
  hooks.state->before_pack = [](tg_tensor) { return tg_set_grad_enabled_enter(0); };
  fails(attempt(tg_mul, x, x), TG_ERROR_MODE, {"pack left the modes"});
  CHECK(hooks.packs() == 2);
  CHECK(hooks.state->freed == 2);
  // What a pack that fails put into *packed is its own.
  hooks.state->before_pack = [](tg_tensor) { return 5; };
  fails(attempt(tg_mul, x, x), TG_ERROR_CALLBACK, {"pack returned 5"});
  CHECK(hooks.state->freed == 2);
  hooks.state->before_pack = {};
  ok(backward_ones(make(tg_mul, x, x)));
}
