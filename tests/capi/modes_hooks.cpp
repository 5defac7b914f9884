// SPDX-License-Identifier: MIT
// Section H of the rules, H1 to H9: hooks on tensors and on leaves after accumulation, their life
// and their failures.
#include <stdexcept>

#include "capi/hooked.h"

using namespace capi;

TEST_CASE("H1: a tensor hook is set on nl and nn in all modes, and refused on others", "[modes]") {
  const Aside aside;
  for (const Mode mode : kModes) {
    for (const std::string kind : kKinds) {
      CAPTURE(kind, mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const In in(mode);
      Handle hook;
      const auto set = [&] {
        return tg_tensor_hook(
            x, [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t { return 0; }, nullptr,
            nullptr, hook.out());
      };
      if (kind == "n0") {
        fails(set(), TG_ERROR_AUTOGRAD, {"float64[2]", "does not require grad"});
      } else if (kind[0] == 'i') {
        fails(set(), TG_ERROR_MODE, {"inference tensor", kClone, kOutside});
      } else {
        ok(set());
      }
    }
  }
}

TEST_CASE("H2: tensor hooks run in the order of registration, each on what the last one gave",
          "[modes]") {
  const NoLeak leak;
  for (const bool of_leaf : {false, true}) {
    const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 3.0), other = leaf({5, 5});
    const Tensor x = of_leaf ? make(tg_alias, w) : make(tg_alias, y);
    const Hook first = Hook::on(x, times(10)), second = Hook::on(x), third = Hook::on(x, times(2));
    const Hook unused = Hook::on(other);
    ok(tg_backward(make(tg_sum, y)));
    const double at_x = of_leaf ? 3 : 1;
    CHECK(first.last() == Values{at_x, at_x});
    CHECK(second.last() == Values{10 * at_x, 10 * at_x});
    CHECK(third.last() == Values{10 * at_x, 10 * at_x});
    CHECK(grad_values(w) == Values{60, 60});
    CHECK(unused.runs() == 0);  // its tensor got no gradient
  }
}

TEST_CASE("H2: the hook is handed the tensor it was registered on, 0 once that is gone",
          "[modes]") {
  const NoLeak leak;
  for (const bool of_leaf : {false, true}) {
    const Tensor w = leaf({1, 2});
    Tensor y = make(tg_mul_scalar, w, 3.0);
    Tensor x = of_leaf ? make(tg_alias, w) : make(tg_alias, y);
    tg_tensor seen = 1;
    bool is_x = false;
    const Hook hook = Hook::on(x, [&](tg_tensor tensor, tg_tensor, tg_tensor*) {
      seen = tensor;
      is_x = tensor != 0 && x != 0 && same(tensor, x);
      return 0;
    });
    const Tensor loss = make(tg_sum, y);
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    CHECK(is_x);
    x.release();
    if (of_leaf) continue;
    y.release();
    ok(backward_ones(loss, TG_RETAIN_GRAPH));
    CHECK(hook.runs() == 2);
    CHECK(seen == 0);
  }
}

TEST_CASE("H3: retain_grad stores the gradient after all tensor hooks, wherever it was called",
          "[modes]") {
  for (const int before : {0, 1, 2}) {
    const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 3.0);
    if (before == 0) ok(tg_tensor_retain_grad(y));
    const Hook first = Hook::on(y, times(2));
    if (before == 1) ok(tg_tensor_retain_grad(y));
    const Hook second = Hook::on(y, times(5));
    if (before == 2) ok(tg_tensor_retain_grad(y));
    ok(tg_backward(make(tg_sum, y)));
    CHECK(grad_values(y) == Values{10, 10});
    CHECK(grad_values(w) == Values{30, 30});
  }
}

TEST_CASE(
    "H4: a hook on a leaf runs once a backward, on the sum over all uses, before accumulation",
    "[modes]") {
  const Tensor w = leaf({1, 2});
  bool had_grad = true;
  const Hook hook = Hook::on(w, [&](tg_tensor x, tg_tensor grad, tg_tensor* out) {
    had_grad = has_grad(x);
    return tg_mul_scalar(grad, 10, out);
  });
  const Tensor y = make(tg_add, make(tg_mul_scalar, w, 2.0), make(tg_mul, w, w));
  ok(tg_backward(make(tg_sum, y)));
  CHECK(hook.runs() == 1);
  CHECK(hook.last() == Values{4, 6});
  CHECK_FALSE(had_grad);
  CHECK(grad_values(w) == Values{40, 60});
  ok(tg_backward(make(tg_sum, make(tg_mul_scalar, w, 1.0))));
  CHECK(hook.last() == Values{1, 1});  // not what had accumulated
  CHECK(grad_values(w) == Values{50, 70});
}

TEST_CASE("H4: the hook of a scalar leaf that is the root runs once", "[modes]") {
  const Tensor w = tensor({3}, {}, true);
  const Hook hook = Hook::on(w, times(7)), after = Hook::accumulated(w);
  ok(tg_backward(w));
  CHECK(hook.runs() == 1);
  CHECK(after.runs() == 1);
  CHECK(grad_values(w) == Values{7});
  const tg_tensor roots[] = {w, w};
  ok(tg_backward_from(roots, nullptr, 2, 0));
  CHECK(hook.last() == Values{2});
  CHECK(grad_values(w) == Values{21});
}

TEST_CASE("H5: a post-accumulate-grad hook runs after .grad was written, sees it, may change it",
          "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), v = leaf({1, 1});
  const Hook before = Hook::on(w, times(2));
  const Hook hook = Hook::accumulated(w, [&](tg_tensor x, tg_tensor grad, tg_tensor*) {
    CHECK(same(x, w));
    CHECK(storage(grad) == storage(grad_of(w)));
    return tg_mul_scalar_(grad, 100);
  });
  const auto loss = [&] { return make(tg_sum, make(tg_mul, w, v)); };
  ok(tg_backward(loss()));
  CHECK(hook.last() == Values{2, 2});
  CHECK(grad_values(w) == Values{200, 200});
  CHECK(grad_values(v) == Values{1, 2});
  ok(tg_backward(loss()));
  CHECK(hook.last() == Values{202, 202});  // .grad, not what was added to it
  // It may take .grad away too, as optimizers that step in it do.
  const Hook taker = Hook::accumulated(
      w, [&](tg_tensor x, tg_tensor, tg_tensor*) { return tg_tensor_set_grad(x, 0); });
  ok(tg_backward(loss()));
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("H5: a post-accumulate-grad hook on nn or n0 is an autograd error", "[modes]") {
  for (const std::string kind : kKinds) {
    CAPTURE(kind);
    const Tensor x = of_kind(kind, {1, 2}, {2});
    Handle hook;
    const tg_status status = tg_post_accumulate_grad_hook(
        x, [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t { return 0; }, nullptr, nullptr,
        hook.out());
    if (kind == "nl") {
      ok(status);
    } else if (kind[0] == 'i') {
      fails(status, TG_ERROR_MODE, {"inference tensor", kClone, kOutside});
    } else {
      fails(status, TG_ERROR_AUTOGRAD, {kind == "nn" ? "no leaf" : "does not require grad"});
    }
  }
}

TEST_CASE("H5: a gradient that a post-accumulate-grad hook gives is refused", "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2});
  const Hook hook = Hook::accumulated(
      w, [](tg_tensor, tg_tensor grad, tg_tensor* out) { return tg_clone(grad, out); });
  fails(tg_backward(make(tg_sum, w)), TG_ERROR_INVALID_ARGUMENT, {"*out", "0", "tg_tensor_hook"});
  CHECK(grad_values(w) == Values{1, 1});  // B14: that leaf is written
}

TEST_CASE("H6: releasing a hook's handle takes the hook away, and its destructor runs once",
          "[modes]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0);
  const Handle node = grad_fn(y);
  Hook hooks[] = {Hook::on(w), Hook::on(y), Hook::accumulated(w), Hook::node(node, TG_BEFORE),
                  Hook::node(node, TG_AFTER)};
  const Tensor loss = make(tg_sum, y);
  ok(tg_backward_from(std::vector<tg_tensor>{loss}.data(), nullptr, 1, TG_RETAIN_GRAPH));
  for (Hook& hook : hooks) {
    CHECK(hook.runs() == 1);
    CHECK(hook.ends() == 0);
    const tg_hook handle = hook.handle;
    ok(tg_release(handle));
    CHECK(hook.ends() == 1);
    fails(tg_release(handle), TG_ERROR_INVALID_HANDLE, {"stale"});
    CHECK(hook.ends() == 1);
  }
  ok(tg_backward(loss));
  for (const Hook& hook : hooks) CHECK(hook.runs() == 1);
}

TEST_CASE("H6: a hook has one owner, keeps no tensor and no graph, and ends with both", "[modes]") {
  const NoLeak leak;
  Tensor w = leaf({1, 2});
  Tensor y = make(tg_mul, w, w);
  Handle node = grad_fn(y);
  Hook hooks[] = {Hook::on(w), Hook::on(y), Hook::accumulated(w), Hook::node(node, TG_AFTER)};
  tg_handle alias = 5;
  fails(tg_alias(hooks[0].handle, &alias), TG_ERROR_UNSUPPORTED, {"hook", "one owner"});
  CHECK(alias == 0);
  node.release();
  const uint64_t before = tg_memory_current();
  w.release();  // the graph of y keeps its accumulator
  for (const Hook& hook : hooks) CHECK(hook.ends() == 0);
  y.release();
  CHECK(tg_memory_current() < before);
  // Nothing is left that could run them; the handles live on.
  for (Hook& hook : hooks) {
    CHECK(hook.ends() == 1);
    hook.handle.release();
    CHECK(hook.ends() == 1);
  }
}

TEST_CASE("H6: a hook that nothing can run any more ends, whatever happened to its tensor",
          "[modes]") {
  const NoLeak leak;
  Tensor w = leaf({1, 2});
  const Hook on_leaf = Hook::on(w);
  ok(tg_tensor_set_requires_grad(w, 0));
  CHECK(on_leaf.ends() == 0);  // it may require grad again
  w.release();
  CHECK(on_leaf.ends() == 1);

  const Tensor v = leaf({1, 2}), y = make(tg_mul_scalar, v, 2.0);
  Tensor loss = make(tg_sum, y);
  const Hook detached = Hook::on(y);
  ok(tg_detach_(y));
  CHECK(detached.ends() == 0);  // the graph of loss runs it
  loss.release();
  CHECK(detached.ends() == 1);

  const Tensor z = make(tg_mul_scalar, v, 2.0);
  const Hook former = Hook::on(z);
  ok(tg_mul_scalar_(z, 3.0));
  CHECK(former.ends() == 0);  // the value that it was registered on is in z's past
  ok(tg_detach_(z));
  CHECK(former.ends() == 1);
}

TEST_CASE("H6: the destructor of a hook that ended by itself may release the hook", "[modes]") {
  const NoLeak leak;
  struct State {
    tg_hook hook = 0;
    int ends = 0;
  } state;
  const auto release_itself = [](void* user_data) {
    auto* its = static_cast<State*>(user_data);
    ++its->ends;
    ok(tg_release(its->hook));
  };
  Tensor w = leaf({1, 2});
  ok(tg_tensor_hook(
      w, [](void*, tg_tensor, tg_tensor, tg_tensor*) -> int32_t { return 0; }, &state,
      release_itself, &state.hook));
  w.release();
  CHECK(state.ends == 1);
  fails(tg_release(state.hook), TG_ERROR_INVALID_HANDLE, {"stale"});
}

TEST_CASE("H6: with a wake function a hook's destructor waits for tg_drain", "[modes]") {
  ok(tg_drain_set([](void*) -> int32_t { return 0; }, nullptr, nullptr));
  const Tensor w = leaf({1, 2});
  Hook hook = Hook::on(w);
  hook.handle.release();
  CHECK(hook.ends() == 0);
  ok(tg_backward(make(tg_sum, w)));
  CHECK(hook.runs() == 0);
  ok(tg_drain());
  CHECK(hook.ends() == 1);
  ok(tg_drain_set(nullptr, nullptr, nullptr));
}

TEST_CASE("H7: a hook's gradient of another shape or dtype is an error that names the tensor",
          "[modes]") {
  const NoLeak leak;
  for (const bool of_leaf : {false, true}) {
    const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0);
    const Tensor x = of_leaf ? make(tg_alias, w) : make(tg_alias, y);
    ok(tg_tensor_set_name(x, "hooked one"));
    const Tensor wrong = vec({1, 2, 3});
    Tensor given;
    const Hook hook =
        Hook::on(x, [&](tg_tensor, tg_tensor, tg_tensor* out) { return tg_alias(given, out); });
    const auto run = [&] { return backward_ones(make(tg_sum, y), TG_RETAIN_GRAPH); };
    given = make(tg_alias, wrong);
    fails(run(), TG_ERROR_SHAPE, {"hooked one", "[3]", "[2]"});
    given = make(tg_to_dtype, w, int32_t{TG_FLOAT32});
    fails(run(), TG_ERROR_DTYPE, {"hooked one", "float32", "float64"});
    {
      const In inf(Mode::inf);
      given = vec({1, 2});
    }
    fails(run(), TG_ERROR_MODE, {"hooked one", "inference tensor"});
    CHECK_FALSE(has_grad(w));
    // A handle that is none.
    const Hook forged = Hook::on(x, [&](tg_tensor, tg_tensor, tg_tensor* out) {
      *out = 12345678901;
      return 0;
    });
    given = vec({1, 2});
    fails(run(), TG_ERROR_INVALID_HANDLE, {"*out of the hook"});
    CHECK_FALSE(has_grad(w));
  }
}

TEST_CASE("H8: in a hook grad mode is 1 exactly with TG_CREATE_GRAPH, and inference mode is 0",
          "[modes]") {
  const Aside aside;
  for (const Mode mode : {Mode::normal, Mode::no_grad}) {
    for (const uint32_t flags : {0u, 1u * TG_CREATE_GRAPH}) {
      const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
      const Handle node = grad_fn(y);
      int checked = 0;
      const auto check = [&] {
        ++checked;
        CHECK(tg_is_grad_enabled() == (flags != 0 ? 1 : 0));
        CHECK(tg_is_inference_mode_enabled() == 0);
        return 0;
      };
      const Hook::See see = [&](tg_tensor, tg_tensor, tg_tensor*) { return check(); };
      const Hook::SeeNode see_node = [&](auto...) { return check(); };
      const Hook hooks[] = {Hook::on(w, see), Hook::on(y, see), Hook::accumulated(w, see),
                            Hook::node(node, TG_BEFORE, see_node),
                            Hook::node(node, TG_AFTER, see_node)};
      const In in(mode);
      ok(backward_ones(loss, flags));
      CHECK(checked == 5);
      ok(tg_tensor_set_grad(w, 0));
    }
  }
}

TEST_CASE("H9, B14: a hook that fails fails the backward with its status, and no .grad changes",
          "[modes]") {
  const NoLeak leak;
  for (const char place : {'w', 'y', 'b', 'a'}) {
    for (const int how : {0, 1, 2, 3}) {
      CAPTURE(place, how);
      const Tensor w = leaf({1, 2}), v = leaf({3, 4});
      const Tensor y = make(tg_mul, w, v), loss = make(tg_sum, y);
      const Handle node = grad_fn(y);
      bool failing = true;
      const auto fail = [&]() -> int32_t {
        if (!failing) return 0;
        if (how == 0) return 77;
        if (how == 1) return tg_error_set(TG_ERROR_PEER, 5, "the other side hung up");
        if (how == 2) throw std::runtime_error("out of a hook");
        return tg_no_grad_enter();
      };
      const Hook::See see = [&](tg_tensor, tg_tensor grad, tg_tensor* out) {
        ok(tg_alias(grad, out));  // what it gives is the library's where it fails too
        return fail();
      };
      const Hook::SeeNode see_node = [&](auto...) { return fail(); };
      const Hook hook = place == 'w' ? Hook::on(w, see)
                        : place == 'y'
                            ? Hook::on(y, see)
                            : Hook::node(node, place == 'b' ? TG_BEFORE : TG_AFTER, see_node);
      const tg_status status =
          tg_backward_from(std::vector<tg_tensor>{loss}.data(), nullptr, 1, TG_RETAIN_GRAPH);
      if (how == 0) {
        fails(status, TG_ERROR_CALLBACK, {"tg_backward_from", "the hook", "77"});
        int64_t number = 0;
        tg_last_error_detail(&number, nullptr);
        CHECK(number == 77);
      } else if (how == 1) {
        fails(status, TG_ERROR_PEER, {"the other side hung up"});
      } else if (how == 2) {
        fails(status, TG_ERROR_CALLBACK, {"exception"});
      } else {
        fails(status, TG_ERROR_MODE, {"the hook", "left the modes"});
        CHECK(tg_is_grad_enabled() == 1);
      }
      CHECK_FALSE(has_grad(w));
      CHECK_FALSE(has_grad(v));
      failing = false;  // with TG_RETAIN_GRAPH the graph is whole
      ok(tg_backward(loss));
      CHECK(grad_values(w) == Values{3, 4});
      CHECK(grad_values(v) == Values{1, 2});
    }
  }
}

TEST_CASE("H9, B14: without TG_RETAIN_GRAPH what had run is freed", "[modes]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul, w, w), loss = make(tg_sum, y);
  Hook hook = Hook::on(w, [](auto...) { return 1; });
  fails(tg_backward(loss), TG_ERROR_CALLBACK);
  hook.handle.release();
  fails(tg_backward(loss), TG_ERROR_AUTOGRAD, {"freed"});
  CHECK_FALSE(has_grad(w));
}
