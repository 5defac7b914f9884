// SPDX-License-Identifier: MIT
// In-place changes that record through plain views (rules V5, V8, V23, V24, V25 and I9): the base
// and all its plain views get a new past.
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

Tensor part(tg_tensor x, int64_t start, int64_t length, int64_t dim = 0) {
  return make(tg_narrow, x, dim, start, length);
}
Tensor summed(tg_tensor x) { return make(tg_sum, x); }
// The gradient of w after the sum of `x * x` ran backward; the graph stays.
Values squared_gradient(const Tensor& w, tg_tensor x) {
  const Tensor sum = summed(make(tg_mul, x, x));
  const tg_tensor outputs[] = {sum};
  ok(tg_backward_from(outputs, nullptr, 1, TG_RETAIN_GRAPH));
  const Values values = grad_values(w);
  ok(tg_tensor_set_grad(w, 0));
  return values;
}

}  // namespace

TEST_CASE(
    "V5: an in-place operator that records, through a plain view of nn or n0, changes base and "
    "view: both become nn, other plain views get a new grad_fn, gradients are those of the new "
    "values",
    "[modes]") {
  SECTION("the rule's example: b = clone of ones(4), b[0:2] times 3") {
    const Tensor w = leaf({1, 1, 1, 1}), b = make(tg_clone, w), view = part(b, 0, 2);
    const Tensor other = part(b, 1, 2);
    const Handle before = grad_fn(b), view_before = grad_fn(view), other_before = grad_fn(other);
    ok(tg_mul_scalar_(view, 3));
    CHECK(values(b) == Values{3, 3, 1, 1});
    CHECK(kind_of(b) == "nn");
    CHECK(kind_of(view) == "nn");
    CHECK(kind_of(other) == "nn");
    CHECK(version(b) == 1);
    CHECK_FALSE(same(before, grad_fn(b)));
    CHECK_FALSE(same(view_before, grad_fn(view)));
    CHECK_FALSE(same(other_before, grad_fn(other)));
    CHECK(squared_gradient(w, b) == Values{18, 18, 2, 2});
  }
  SECTION("views see the new values and their gradients, whoever made the change") {
    const Tensor w = leaf({1, 2, 3, 4}), b = make(tg_clone, w);
    const Tensor view = part(b, 0, 3), other = part(b, 2, 2);
    ok(tg_mul_scalar_(view, 10));
    ok(tg_backward(summed(make(tg_mul_scalar, other, 5.0))));
    CHECK(grad_values(w) == Values{0, 0, 50, 5});
    ok(tg_tensor_set_grad(w, 0));
    ok(tg_mul_scalar_(other, 2));
    ok(tg_backward(summed(view)));
    CHECK(grad_values(w) == Values{10, 10, 20, 0});
    ok(tg_tensor_set_grad(w, 0));
    ok(tg_mul_scalar_(b, 3));
    ok(tg_backward(summed(view)));
    CHECK(grad_values(w) == Values{30, 30, 60, 0});
  }
  SECTION("base n0, the operand alone requires grad: everything becomes nn") {
    const Tensor b = vec({1, 2, 3, 4}), view = part(b, 1, 2), other = part(b, 0, 2);
    const Tensor w = leaf({5, 6});
    ok(tg_mul_(view, w));
    CHECK(values(b) == Values{1, 10, 18, 4});
    for (const Tensor* x : {&b, &view, &other}) CHECK(kind_of(*x) == "nn");
    CHECK(squared_gradient(w, b) == Values{40, 108});
    ok(tg_backward(summed(other)));
    CHECK(grad_values(w) == Values{2, 0});
  }
  SECTION("a write that does not record renews the views' pasts, with the same gradients") {
    const Tensor w = leaf({1, 2}), b = make(tg_clone, w), view = part(b, 0, 1);
    const Handle before = grad_fn(view), base_before = grad_fn(b);
    {
      const In no_grad(Mode::no_grad);
      ok(tg_mul_scalar_(b, 2));
    }
    CHECK_FALSE(same(before, grad_fn(view)));
    CHECK(same(base_before, grad_fn(b)));
    ok(tg_backward(summed(view)));
    CHECK(grad_values(w) == Values{1, 0});
  }
  SECTION("nor does a gradient flow to a base that was detached and then written") {
    const Tensor w = leaf({1, 2}), b = make(tg_clone, w), view = part(b, 0, 1);
    ok(tg_detach_(b));
    ok(tg_mul_scalar_(b, 2));
    CHECK(kind_of(view) == "nn");
    ok(tg_backward(summed(view)));
    CHECK_FALSE(has_grad(w));
  }
}

TEST_CASE("V5: each in-place operator through a view gives the gradient of its functional form",
          "[modes]") {
  struct Row {
    const char* name;
    std::function<tg_status(tg_tensor)> in_place;
    std::function<tg_status(tg_tensor, tg_tensor*)> functional;
  };
  const Tensor o = vec({2, 0.5});
  const std::vector<Row> rows = {
      {"mul_scalar_", [](tg_tensor x) { return tg_mul_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_mul_scalar(x, 3, out); }},
      {"add_scalar_", [](tg_tensor x) { return tg_add_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_add_scalar(x, 3, out); }},
      {"mul_", [&](tg_tensor x) { return tg_mul_(x, o); },
       [&](tg_tensor x, tg_tensor* out) { return tg_mul(x, o, out); }},
      {"div_", [&](tg_tensor x) { return tg_div_(x, o); },
       [&](tg_tensor x, tg_tensor* out) { return tg_div(x, o, out); }},
      {"sub_", [&](tg_tensor x) { return tg_sub_(x, o); },
       [&](tg_tensor x, tg_tensor* out) { return tg_sub(x, o, out); }},
      {"sub_scalar_", [](tg_tensor x) { return tg_sub_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_sub_scalar(x, 3, out); }},
      {"pow_scalar_", [](tg_tensor x) { return tg_pow_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_pow_scalar(x, 3, out); }},
      {"sin_", tg_sin_, tg_sin},
      {"tanh_", tg_tanh_, tg_tanh},
      {"exp_", tg_exp_, tg_exp},
      {"sigmoid_", tg_sigmoid_, tg_sigmoid},
      {"relu_", tg_relu_, tg_relu},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const Tensor w = leaf({0.5, -1.5, 2, 1}), u = leaf({0.5, -1.5, 2, 1});
    const Tensor b = make(tg_mul_scalar, w, 1.5);
    ok(row.in_place(part(b, 1, 2)));
    // The same without a view: the parts computed apart and joined.
    const Tensor c = make(tg_mul_scalar, u, 1.5);
    Tensor middle;
    ok(row.functional(part(c, 1, 2), middle.out()));
    const Tensor first = part(c, 0, 1), last = part(c, 3, 1);
    const tg_tensor parts[] = {first, middle, last};
    const Tensor joined = make(tg_cat, parts, size_t{3}, int64_t{0});
    CHECK(values(b) == values(joined));
    CHECK(squared_gradient(w, b) == squared_gradient(u, joined));
  }
}

TEST_CASE("V5: fill_ and zero_ through a view leave nothing of the old value", "[modes]") {
  const Tensor w = leaf({1, 2, 3, 4}), b = make(tg_clone, w);
  ok(tg_zero_(part(b, 0, 1)));
  ok(tg_fill_(part(b, 3, 1), 7));
  CHECK(values(b) == Values{0, 2, 3, 7});
  CHECK(squared_gradient(w, b) == Values{0, 4, 6, 0});
}

TEST_CASE("V5: views of every form: rows, columns, transposed, strided, of a transposed base",
          "[modes]") {
  const Values start = {1, 2, 3, 4, 5, 6};
  const auto columns = [](tg_tensor x) { return make(tg_select, x, int64_t{1}, int64_t{1}); };
  const int64_t sizes[] = {2}, strides[] = {4};
  const std::vector<std::function<Tensor(tg_tensor)>> forms = {
      [](tg_tensor x) { return make(tg_select, x, int64_t{0}, int64_t{1}); },
      columns,
      [](tg_tensor x) { return make(tg_t, x); },
      [&](tg_tensor x) { return columns(make(tg_t, x)); },
      [](tg_tensor x) { return make(tg_slice, x, int64_t{1}, int64_t{0}, int64_t{3}, int64_t{2}); },
      [](tg_tensor x) { return make(tg_unsqueeze, x, int64_t{1}); },
      [&](tg_tensor x) { return make(tg_as_strided, x, sizes, strides, int32_t{1}, int64_t{1}); },
  };
  for (size_t i = 0; i < forms.size(); ++i) {
    for (const bool turned : {false, true}) {
      INFO("form " << i << (turned ? ", the base is not row-major" : ""));
      const Tensor w = tensor(start, {2, 3}, true);
      // A clone keeps the strides of a dense tensor, so this one's base is laid out by columns.
      Tensor b = turned ? make(tg_clone, make(tg_t, tensor(start, {3, 2}))) : make(tg_clone, w);
      if (turned) ok(tg_copy_(b, w));
      const Tensor view = forms[i](b);
      ok(tg_mul_scalar_(view, 10));
      const Values now = values(b);
      Values expected(6);
      for (size_t j = 0; j < 6; ++j) expected[j] = 2 * now[j] * (now[j] == start[j] ? 1 : 10);
      CHECK(squared_gradient(w, b) == expected);
      // The view has the gradient of its new value too.
      const Values part_now = values(view);
      ok(tg_backward(summed(view)));
      double sum = 0;
      for (const double g : grad_values(w)) sum += g;
      CHECK(sum == 10.0 * static_cast<double>(part_now.size()));
    }
  }
}

TEST_CASE("V5: a base with gaps, in memory of the caller", "[modes]") {
  float memory[] = {1, -1, 2, -1, 3, -1, 4};
  const int64_t sizes[] = {4}, strides[] = {2};
  Tensor b;
  ok(tg_tensor_from_memory(memory, TG_FLOAT32, sizes, strides, 1, 0, nullptr, nullptr, b.out()));
  const Tensor w = leaf({3, 5}), view = part(b, 1, 2);
  ok(tg_mul_(view, w));
  CHECK(values(b) == Values{1, 6, 15, 4});
  CHECK(memory[1] == -1);
  CHECK(squared_gradient(w, b) == Values{2 * 6 * 2, 2 * 15 * 3});
  ok(tg_mul_scalar_(b, 2));
  CHECK(squared_gradient(w, view) == Values{2 * 12 * 4, 2 * 30 * 6});
}

TEST_CASE("V5: second derivatives go through", "[modes]") {
  const Tensor w = leaf({2, 3}), b = make(tg_clone, w), view = part(b, 0, 1);
  ok(tg_mul_(view, make(tg_clone, view)));
  // b = [w0 * w0, w1]; y = sum of b^2; dy/dw0 = 4 w0^3, d2y/dw0^2 = 12 w0^2.
  const Tensor y = summed(make(tg_mul, b, b));
  const tg_tensor outputs[] = {y}, inputs[] = {w};
  Tensor first;
  ok(tg_grad(outputs, nullptr, 1, inputs, 1, TG_CREATE_GRAPH, first.out()));
  CHECK(values(first) == Values{32, 6});
  ok(tg_backward(summed(first)));
  CHECK(grad_values(w) == Values{48, 2});
}

TEST_CASE("V5: a chain of changes through views, and a loop over rows", "[modes]") {
  const Tensor w = leaf({1, 2, 3, 4}), b = make(tg_mul_scalar, w, 1.0);
  double factor[4] = {1, 1, 1, 1};
  for (int step = 0; step < 50; ++step) {
    const int64_t at = step % 4;
    ok(tg_mul_scalar_(make(tg_select, b, int64_t{0}, at), 1.0 + step % 3));
    factor[at] *= 1.0 + step % 3;
  }
  ok(tg_backward(summed(b)));
  CHECK(grad_values(w) == Values{factor[0], factor[1], factor[2], factor[3]});
}

TEST_CASE("V23: in-place through a view of a view gives right gradients through base and both",
          "[modes]") {
  const Tensor w = leaf({0, 1, 2, 3}), b = make(tg_clone, w);
  const Tensor v = part(b, 0, 3), inner = part(v, 1, 2);
  ok(tg_mul_scalar_(inner, 10));
  CHECK(values(b) == Values{0, 10, 20, 3});
  ok(tg_backward(make(tg_add, summed(b), summed(v))));
  CHECK(grad_values(w) == Values{2, 20, 20, 1});
}

TEST_CASE("V24: copy_ of a recorded source into a view of n0 makes the base nn", "[modes]") {
  const Tensor b = vec({1, 2, 3, 4}), source = leaf({8, 9});
  ok(tg_copy_(part(b, 1, 2), source));
  CHECK(values(b) == Values{1, 8, 9, 4});
  CHECK(kind_of(b) == "nn");
  CHECK(squared_gradient(source, b) == Values{16, 18});
}

TEST_CASE("V8: a view that requires grad of a base that was detached is as a view of a leaf",
          "[modes]") {
  const Tensor b = make(tg_clone, leaf({1, 2})), view = part(b, 0, 1);
  ok(tg_detach_(b));
  CHECK(kind_of(view) == "nn");  // T13b
  fails(tg_mul_scalar_(view, 2), TG_ERROR_AUTOGRAD, {"detached", "no_grad", "functional form"});
  CHECK(values(b) == Values{1, 2});
  const In no_grad(Mode::no_grad);
  ok(tg_mul_scalar_(view, 2));
  CHECK(values(b) == Values{2, 2});
}

TEST_CASE("T13b: a view that was written keeps its past when its base is detached", "[modes]") {
  const Tensor w = leaf({3});
  for (const bool used : {false, true}) {
    CAPTURE(used);
    const Tensor b = vec({1, 2}), view = part(b, 0, 1), other = part(b, 0, 2);
    ok(tg_mul_(view, w));
    if (used) make(tg_neg, other);
    ok(tg_detach_(b));
    CHECK(kind_of(b) == "n0");
    CHECK(kind_of(view) == "nn");
    CHECK(kind_of(other) == (used ? "nn" : "n0"));  // made anew by its use, or not in time
    ok(tg_tensor_set_grad(w, 0));
    ok(backward_ones(view));
    CHECK(grad_values(w) == Values{1});
    CHECK(values(b) == Values{3, 2});
  }
}

TEST_CASE("V15: detach_ on a view that is a leaf of its own is an autograd error", "[modes]") {
  const Tensor b = vec({1, 2}), view = part(b, 0, 1);
  ok(tg_tensor_set_requires_grad(view, 1));
  fails(tg_detach_(view), TG_ERROR_AUTOGRAD, {"tg_detach"});
  CHECK(kind_of(view) == "nl");
  ok(tg_tensor_set_requires_grad(view, 0));
  CHECK(kind_of(view) == "n0");
}

TEST_CASE("T29: a view of n0 whose base became nl gets a past when the base is written",
          "[modes]") {
  const Tensor b = vec({1, 2}), view = part(b, 0, 1);
  ok(tg_tensor_set_requires_grad(b, 1));
  CHECK(is_leaf(view) == 1);
  {
    const In no_grad(Mode::no_grad);
    ok(tg_mul_scalar_(b, 3));
  }
  CHECK(is_leaf(view) == 0);
  ok(tg_backward(summed(view)));
  CHECK(grad_values(b) == Values{1, 0});
}

TEST_CASE("V25: a view that was made a leaf stays one when the base is changed", "[modes]") {
  const Tensor b = vec({1, 2, 3}), view = part(b, 0, 2), w = leaf({2, 2, 2});
  ok(tg_tensor_set_requires_grad(view, 1));
  ok(tg_mul_(b, w));
  CHECK(kind_of(view) == "nl");
  CHECK(kind_of(b) == "nn");
  ok(tg_backward(summed(view)));
  CHECK(grad_values(view) == Values{1, 1});
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("I9: retain_grad before a change through another view reports the new value's gradient",
          "[modes]") {
  const Tensor w = leaf({1, 2, 3}), b = make(tg_clone, w);
  const Tensor view = part(b, 0, 2), other = part(b, 1, 2);
  ok(tg_tensor_retain_grad(view));
  ok(tg_tensor_retain_grad(b));
  const Tensor old_use = make(tg_mul_scalar, view, 7.0);  // of the value before
  ok(tg_mul_scalar_(other, 10));
  ok(tg_backward(make(tg_add, summed(make(tg_mul_scalar, view, 3.0)), summed(old_use))));
  CHECK(grad_values(view) == Values{3, 3});
  CHECK(grad_values(b) == Values{3, 3, 0});
  CHECK(grad_values(w) == Values{10, 37, 0});

  SECTION("a view that nobody used after the change gets none") {
    const Tensor u = leaf({1, 2}), c = make(tg_clone, u), unused = part(c, 0, 1);
    const Tensor before = summed(unused);
    ok(tg_tensor_retain_grad(unused));
    ok(tg_mul_scalar_(c, 5));
    ok(tg_backward(before));
    CHECK_FALSE(has_grad(unused));
    CHECK(grad_values(u) == Values{1, 0});
  }
}

TEST_CASE("I7: a change through a view breaks what another operator saved of the base", "[modes]") {
  const Tensor w = leaf({1, 2}), b = make(tg_clone, w), square = make(tg_mul, b, b);
  ok(tg_mul_scalar_(part(b, 0, 1), 2));
  fails(tg_backward(summed(square)), TG_ERROR_VERSION, {"Mul"});
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("V5: views beside each other in one call: x[0:2].mul_(x[2:4])", "[modes]") {
  const Tensor w = leaf({1, 2, 3, 4}), b = make(tg_clone, w);
  ok(tg_mul_(part(b, 0, 2), part(b, 2, 2)));
  CHECK(values(b) == Values{3, 8, 3, 4});
  // The right half was saved, and the write to the left raised its version with that of the base.
  fails(tg_backward(summed(b)), TG_ERROR_VERSION, {"Mul"});
  const Tensor u = leaf({1, 2, 3, 4}), c = make(tg_clone, u);
  ok(tg_add_(part(c, 0, 2), part(c, 2, 2)));
  ok(tg_backward(summed(c)));
  CHECK(grad_values(u) == Values{1, 1, 2, 2});
}

TEST_CASE("V5: nothing is left behind", "[modes]") {
  const uint64_t live = tg_live_handles();
  const uint64_t bytes = tg_memory_current();
  for (int round = 0; round < 100; ++round) {
    const Tensor w = leaf({1, 2, 3, 4}), b = make(tg_clone, w), view = part(b, 0, 2);
    ok(tg_mul_scalar_(view, 3));
    const Tensor other = make(tg_mul_scalar, part(b, 1, 2), 2.0);
    if (round % 2 == 0) ok(tg_backward(summed(other)));
  }
  CHECK(tg_live_handles() == live);
  CHECK(tg_memory_current() == bytes);
}
