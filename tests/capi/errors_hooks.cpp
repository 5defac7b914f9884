// SPDX-License-Identifier: MIT
// Errors of hooks: what is refused when one is registered, and what a pass fails with because of
// one. A failed pass leaves every .grad.
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

int32_t keep(void*, tg_tensor, tg_tensor, tg_tensor*) { return 0; }
int32_t keep_all(void*, tg_node, const tg_tensor*, size_t, const tg_tensor*, size_t, tg_tensor*) {
  return 0;
}
// Where nothing may be kept, nothing may end either.
void never(void*) { FAIL_CHECK("the destructor of a hook that was not registered"); }

}  // namespace

TEST_CASE("hooks that are refused", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), plain = vec({1, 2});
  const Tensor i0 = of_kind("i0", {1}, {1}), i1 = of_kind("i1", {1}, {1});
  const Handle node = grad_fn(y);
  ok(tg_tensor_set_name(plain, "plain one"));
  Rows rows{w, y, plain, i0, i1};
  const auto tensor_hook = [&](tg_tensor x, tg_tensor_hook_fn fn, tg_hook* out) {
    return tg_tensor_hook(x, fn, nullptr, never, out);
  };
  const auto post_hook = [&](tg_tensor x, tg_tensor_hook_fn fn, tg_hook* out) {
    return tg_post_accumulate_grad_hook(x, fn, nullptr, never, out);
  };
  const auto node_hook = [&](tg_node of, int32_t when, tg_node_hook_fn fn, tg_hook* out) {
    return tg_node_hook(of, when, fn, nullptr, never, out);
  };
  rows.fails("tg_tensor_hook", TG_ERROR_INVALID_ARGUMENT, {"fn is NULL"},
             tensor_hook(w, nullptr, rows.out()));
  rows.fails("tg_tensor_hook", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             tensor_hook(w, keep, nullptr));
  rows.fails("tg_tensor_hook", TG_ERROR_INVALID_HANDLE, {"x is", "wrong kind"},
             tensor_hook(node, keep, rows.out()));
  rows.fails("tg_tensor_hook", TG_ERROR_AUTOGRAD,
             {"plain one", "does not require grad", "tg_tensor_set_requires_grad"},
             tensor_hook(plain, keep, rows.out()));
  for (const tg_tensor x : {tg_tensor{i0}, tg_tensor{i1}}) {
    rows.fails("tg_tensor_hook", TG_ERROR_MODE, {"inference tensor", kClone, kOutside},
               tensor_hook(x, keep, rows.out()));
    rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_MODE, {"inference tensor", kClone},
               post_hook(x, keep, rows.out()));
  }
  rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_INVALID_ARGUMENT, {"fn is NULL"},
             post_hook(w, nullptr, rows.out()));
  rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             post_hook(w, keep, nullptr));
  rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_INVALID_HANDLE, {"leaf is 0"},
             post_hook(0, keep, rows.out()));
  rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_AUTOGRAD, {"does not require grad"},
             post_hook(plain, keep, rows.out()));
  rows.fails("tg_post_accumulate_grad_hook", TG_ERROR_AUTOGRAD, {"no leaf", "tg_tensor_hook"},
             post_hook(y, keep, rows.out()));
  rows.fails("tg_node_hook", TG_ERROR_INVALID_ARGUMENT, {"fn is NULL"},
             node_hook(node, TG_BEFORE, nullptr, rows.out()));
  rows.fails("tg_node_hook", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             node_hook(node, TG_BEFORE, keep_all, nullptr));
  rows.fails("tg_node_hook", TG_ERROR_INVALID_ARGUMENT, {"when is 2", "TG_BEFORE", "TG_AFTER"},
             node_hook(node, 2, keep_all, rows.out()));
  rows.fails("tg_node_hook", TG_ERROR_INVALID_HANDLE, {"node is", "wrong kind"},
             node_hook(w, TG_AFTER, keep_all, rows.out()));
  ok(tg_backward(make(tg_sum, y)));
}

TEST_CASE("a hook has one owner", "[errors]") {
  const Tensor w = leaf({1, 2});
  Handle hook;
  ok(tg_tensor_hook(w, keep, nullptr, nullptr, hook.out()));
  Rows rows{w};
  rows.fails("tg_alias", TG_ERROR_UNSUPPORTED, {"a hook", "one owner"}, tg_alias(hook, rows.out()));
}

TEST_CASE("hooks on stale views", "[errors]") {
  const auto hook = [](tg_tensor x, tg_hook* out) {
    return tg_tensor_hook(x, keep, nullptr, never, out);
  };
  {  // made in no_grad
    const Tensor w = leaf({1, 2, 3}), base = make(tg_clone, w);
    Tensor view;
    {
      const In no_grad(Mode::no_grad);
      view = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{2});
    }
    ok(tg_mul_scalar_(base, 2));
    Rows rows;
    rows.fails("tg_tensor_hook", TG_ERROR_MODE, {"no_grad", "changed in place"},
               hook(view, rows.out()));
  }
  {  // an output of split
    const Tensor w = leaf({1, 2, 3, 4}), base = make(tg_clone, w);
    tg_tensor parts[2];
    size_t count = 0;
    ok(tg_split(base, 2, 0, parts, 2, &count));
    const Tensor first(parts[0]), second(parts[1]);
    ok(tg_mul_scalar_(base, 2));
    Rows rows;
    rows.fails("tg_tensor_hook", TG_ERROR_AUTOGRAD, {"tg_split", "changed in place"},
               hook(first, rows.out()));
  }
}

TEST_CASE("a pass fails with what its hooks fail with", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), loss = make(tg_sum, y);
  const Tensor three = vec({1, 2, 3});
  const Tensor narrow = make(tg_to_dtype, make(tg_detach, w), int32_t{TG_FLOAT32});
  const tg_tensor roots[] = {loss}, inputs[] = {w};
  std::function<int32_t(tg_tensor grad, tg_tensor * out)> act;
  Handle hook;
  ok(tg_tensor_hook(
      y,
      [](void* f, tg_tensor, tg_tensor grad, tg_tensor* out) {
        return (*static_cast<decltype(act)*>(f))(grad, out);
      },
      &act, nullptr, hook.out()));
  // tg_backward frees what has run, and this graph saves nothing.
  Rows rows{w, y, loss};
  const uint32_t keep_graph = TG_RETAIN_GRAPH;
  act = [](tg_tensor, tg_tensor*) { return 1234; };
  rows.fails("tg_backward", TG_ERROR_CALLBACK, {"the hook", "1234"}, tg_backward(loss));
  rows.fails("tg_backward_from", TG_ERROR_CALLBACK, {"the hook", "1234"},
             tg_backward_from(roots, nullptr, 1, keep_graph));
  rows.fails("tg_grad", TG_ERROR_CALLBACK, {"the hook", "1234"},
             tg_grad(roots, nullptr, 1, inputs, 1, keep_graph, rows.outs(1)));
  act = [&](tg_tensor, tg_tensor* out) { return tg_alias(three, out); };
  rows.fails("tg_backward", TG_ERROR_SHAPE, {"[3]", "[2]"}, tg_backward(loss));
  rows.fails("tg_backward_from", TG_ERROR_SHAPE, {"[3]", "[2]"},
             tg_backward_from(roots, nullptr, 1, keep_graph));
  rows.fails("tg_grad", TG_ERROR_SHAPE, {"[3]", "[2]"},
             tg_grad(roots, nullptr, 1, inputs, 1, keep_graph, rows.outs(1)));
  act = [&](tg_tensor, tg_tensor* out) { return tg_alias(narrow, out); };
  rows.fails("tg_backward", TG_ERROR_DTYPE, {"float32", "float64"}, tg_backward(loss));
  rows.fails("tg_backward_from", TG_ERROR_DTYPE, {"float32", "float64"},
             tg_backward_from(roots, nullptr, 1, keep_graph));
  rows.fails("tg_grad", TG_ERROR_DTYPE, {"float32", "float64"},
             tg_grad(roots, nullptr, 1, inputs, 1, keep_graph, rows.outs(1)));
  act = [&](tg_tensor grad, tg_tensor*) {
    Rows inside{w};
    inside.fails("tg_tensor_mark_written", TG_ERROR_AUTOGRAD, {"a hook or a backward was handed"},
                 tg_tensor_mark_written(grad));
    return 0;
  };
  ok(tg_backward(loss));
  CHECK(grad_values(w) == Values{2, 2});
}
