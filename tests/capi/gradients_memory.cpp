// SPDX-License-Identifier: MIT
// Gradients and the memory that they lie in: what cannot be written is refused before anything is,
// what is shared is copied, and calls on several parameters do all or nothing.
#include <cmath>

#include "capi/saved.h"

using namespace capi;

namespace {

Tensor over(const double* values, const Sizes& shape, const Sizes& strides, uint32_t flags) {
  Tensor x;
  ok(tg_tensor_from_memory(const_cast<double*>(values), TG_FLOAT64, shape.data(), strides.data(),
                           static_cast<int32_t>(shape.size()), flags, nullptr, nullptr, x.out()));
  return x;
}
const double kSevens[] = {7, 7, 7};
Tensor read_only() { return over(kSevens, {3}, {1}, TG_READ_ONLY); }
Tensor expanded() {
  static double ten = 10;
  ten = 10;
  return over(&ten, {3}, {0}, 0);
}
Tensor loss_of(tg_tensor x, const Values& weights) {
  return make(tg_sum, make(tg_mul, x, vec(weights)));
}

}  // namespace

TEST_CASE("R6: backward does not add to a .grad that cannot be written", "[gradients]") {
  const NoLeak leak;
  for (const bool hooked : {false, true}) {
    const Tensor x = leaf({1, 2, 3}), w = leaf({1, 1, 1});
    Hook hook;
    if (hooked) hook = Hook::accumulated(x);
    for (const bool fixed : {true, false}) {
      const Tensor grad = fixed ? read_only() : expanded();
      ok(tg_tensor_set_grad(x, grad));
      const Tensor sum = make(tg_add, loss_of(x, {1, 2, 3}), loss_of(w, {1, 1, 1}));
      fails(tg_backward(sum), TG_ERROR_UNSUPPORTED,
            {fixed ? "read-only memory" : "is expanded", "tg_tensor_set_grad"});
      CHECK(values(grad) == (fixed ? Values{7, 7, 7} : Values{10, 10, 10}));
      if (!hooked) CHECK_FALSE(has_grad(w));
    }
    ok(tg_tensor_set_grad(x, 0));
    ok(tg_backward(loss_of(x, {1, 2, 3})));
    CHECK(grad_values(x) == Values{1, 2, 3});
  }
}

TEST_CASE("B7: a given gradient may lie in the memory of a .grad", "[gradients]") {
  const NoLeak leak;
  for (const bool hooked : {false, true}) {
    const Tensor a = leaf({0, 0, 0}), b = leaf({0, 0, 0});
    Hook hook;
    if (hooked) hook = Hook::accumulated(a);
    ok(tg_tensor_set_grad(a, vec({1, 2, 3})));
    ok(tg_tensor_set_grad(b, vec({1, 1, 1})));
    Tensor its;
    ok(tg_tensor_grad(a, its.out()));
    const Tensor sum = make(tg_add, a, b);
    const tg_tensor roots[] = {sum}, seeds[] = {its};
    ok(tg_backward_from(roots, seeds, 1, 0));
    CHECK(grad_values(a) == Values{2, 4, 6});
    CHECK(grad_values(b) == Values{2, 3, 4});
  }
  // In part.
  const Tensor line = vec({0, 1, 2, 3, 4}), x = leaf({0, 0, 0});
  ok(tg_tensor_set_grad(x, make(tg_narrow, line, int64_t{0}, int64_t{1}, int64_t{3})));
  const Tensor seed = make(tg_narrow, line, int64_t{0}, int64_t{0}, int64_t{3});
  const tg_tensor roots[] = {x}, seeds[] = {seed};
  ok(tg_backward_from(roots, seeds, 1, 0));
  CHECK(grad_values(x) == Values{1, 3, 5});
}

TEST_CASE("B7: .grad may be a part of a larger tensor", "[gradients]") {
  const NoLeak leak;
  // One buffer for the gradients of several leaves.
  const Tensor buffer = vec({1, 2, 3, 4, 5, 6, 7, 8}), a = leaf({0, 0, 0}), b = leaf({0, 0, 0});
  ok(tg_tensor_set_grad(a, make(tg_narrow, buffer, int64_t{0}, int64_t{1}, int64_t{3})));
  ok(tg_tensor_set_grad(b, make(tg_narrow, buffer, int64_t{0}, int64_t{5}, int64_t{3})));
  for (const double scale : {1.0, 2.0}) {
    ok(backward_ones(make(tg_add, a, make(tg_mul_scalar, b, scale * 10))));
  }
  CHECK(values(buffer) == Values{1, 4, 5, 6, 5, 36, 37, 38});
  CHECK(grad_values(a) == Values{4, 5, 6});
  CHECK(grad_values(b) == Values{36, 37, 38});
}

TEST_CASE("calls on several parameters change all of them or none", "[gradients]") {
  const NoLeak leak;
  for (const bool fixed : {true, false}) {
    const Tensor first = leaf({1, 2, 3}), second = leaf({1, 2, 3});
    const Tensor grad = vec({3, 4, 0});
    ok(tg_tensor_set_grad(first, grad));
    ok(tg_tensor_set_grad(second, fixed ? read_only() : expanded()));
    const tg_tensor both[] = {first, second};
    double norm = 0;
    fails(tg_clip_grad_norm_(both, 2, 0.5, 2, &norm), TG_ERROR_UNSUPPORTED,
          {fixed ? "read-only memory" : "is expanded", "cannot be scaled"});
    CHECK(values(grad) == Values{3, 4, 0});
    CHECK(version(grad) == 0);
    Handle sgd;
    ok(tg_optim_sgd(both, 2, 0.1, sgd.out()));
    if (fixed) {
      fails(tg_optimizer_zero_grad(sgd), TG_ERROR_UNSUPPORTED, {"read-only memory"});
      CHECK(values(grad) == Values{3, 4, 0});
    } else {
      ok(tg_optimizer_zero_grad(sgd));
      CHECK(values(grad) == Values{0, 0, 0});
    }
    ok(tg_tensor_set_grad(second, 0));
    ok(tg_tensor_set_grad(first, 0));
  }
  double one = 1;
  Tensor x;
  const Sizes shape = {3}, strides = {0};
  ok(tg_tensor_from_memory(&one, TG_FLOAT64, shape.data(), strides.data(), 1, 0, nullptr, nullptr,
                           x.out()));
  ok(tg_tensor_set_requires_grad(x, 1));
  ok(tg_tensor_set_grad(x, vec({1, 2, 3})));
  const tg_tensor wide[] = {x};
  Handle sgd;
  ok(tg_optim_sgd(wide, 1, 0.1, sgd.out()));
  fails(tg_optimizer_step(sgd), TG_ERROR_UNSUPPORTED, {"a parameter", "is expanded", kClone});
  CHECK(one == 1);
}

TEST_CASE("V9: what fill_ and zero_ record over elements that stand for several gives zeros back",
          "[gradients]") {
  const NoLeak leak;
  const Sizes wide = {3, 2};
  for (const bool zero : {false, true}) {
    const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 3.0),
                 view = make(tg_expand, x, wide.data(), int32_t{2}),
                 column = make(tg_select, view, int64_t{1}, int64_t{0});
    ok(zero ? tg_zero_(column) : tg_fill_(column, 5));
    CHECK(values(x) == Values{zero ? 0.0 : 5.0, 6});
    ok(backward_ones(make(tg_mul, x, x)));
    CHECK(grad_values(w) == Values{0, 36});
  }
}

TEST_CASE("B6: a refused tg_grad of an unused input leaves the graph whole", "[gradients]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2}), other = leaf({1}), loss = make(tg_sum, make(tg_mul, x, x));
  const tg_tensor roots[] = {loss}, inputs[] = {x, other};
  tg_tensor outs[2] = {1, 1};
  fails(tg_grad(roots, nullptr, 1, inputs, 2, 0, outs), TG_ERROR_AUTOGRAD,
        {"inputs[1]", "is not reached from the outputs", "TG_ALLOW_UNUSED"});
  CHECK((outs[0] == 0 && outs[1] == 0));
  ok(tg_grad(roots, nullptr, 1, inputs, 2, TG_ALLOW_UNUSED, outs));
  CHECK(values(outs[0]) == Values{2, 4});
  CHECK(outs[1] == 0);
  tg_release(outs[0]);
  // A root is reached from itself.
  const tg_tensor leaves[] = {other}, same[] = {other};
  ok(tg_grad(leaves, nullptr, 1, same, 1, 0, outs));
  CHECK(values(outs[0]) == Values{1});
  tg_release(outs[0]);
}

TEST_CASE("T9: a mode error comes before what is wrong with a target's past or number",
          "[gradients]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2}), wants = of_kind("i1", {1, 2}, {2}),
               plain = of_kind("i0", {1, 2}, {2});
  fails(tg_add_(x, wants), TG_ERROR_MODE);
  fails(tg_mul_(x, plain), TG_ERROR_MODE);
  fails(tg_copy_(x, wants), TG_ERROR_MODE);
  fails(tg_add_(x, vec({1, 2})), TG_ERROR_AUTOGRAD, {"is a leaf that requires grad"});
  Tensor numbers;
  {
    const In inference(Mode::inf);
    numbers = make(tg_to_dtype, vec({1, 2}), int32_t{TG_INT64});
  }
  fails(tg_fill_(numbers, 0.5), TG_ERROR_MODE);
  // The place of out among the operands, and its name in the text.
  fails(tg_add_out(vec({1, 2}), vec({1, 2}), plain), TG_ERROR_MODE, {"out, "});
  int32_t operand = -1;
  int64_t number = 0;
  tg_last_error_detail(&number, &operand);
  CHECK(operand == 2);
}

TEST_CASE("T15: a stale view that is a leaf has no gradient to retain", "[gradients]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 1.0);
  Tensor view;
  {
    const In no_grad(Mode::no_grad);
    view = make(tg_narrow, x, int64_t{0}, int64_t{0}, int64_t{1});
    ok(tg_mul_scalar_(x, 2));
  }
  CHECK(is_leaf(view) == 1);
  ok(tg_tensor_retain_grad(view));
  // And what is no root though it shows requires_grad says why.
  Tensor quiet;
  {
    const In no_grad(Mode::no_grad);
    quiet = make(tg_narrow, w, int64_t{0}, int64_t{0}, int64_t{1});
  }
  fails(tg_backward(quiet), TG_ERROR_AUTOGRAD, {"a view that was made where nothing records"});
}

TEST_CASE("B18: where an operand of maximum or minimum is NaN both get the gradient",
          "[gradients]") {
  const NoLeak leak;
  for (const auto op : {tg_maximum, tg_minimum}) {
    const Tensor a = leaf({NAN, 1, 2}), b = leaf({1, NAN, 2});
    ok(backward_ones(make(op, a, b)));
    CHECK(grad_values(a) == Values{1, 1, 0.5});
    CHECK(grad_values(b) == Values{1, 1, 0.5});
  }
}

TEST_CASE("T28: tg_matmul saves nothing for an operand that no gradient flows to", "[gradients]") {
  const NoLeak leak;
  const Tensor x = leaf({1, 2, 3, 4}), w = vec({1, 1}), inference = of_kind("i0", {1, 1}, {2});
  Tensor matrix;
  {
    const In no_grad(Mode::no_grad);
    const Sizes square = {2, 2};
    matrix = make(tg_view, x, square.data(), int32_t{2});
  }
  CHECK(requires_grad(matrix) == 1);
  const Tensor y = make(tg_matmul, w, matrix);
  CHECK(values(y) == Values{4, 6});
  CHECK(requires_grad(y) == 1);
  ok(tg_zero_(w));
  ok(backward_ones(y));
  CHECK_FALSE(has_grad(x));
  CHECK(requires_grad(make(tg_matmul, inference, matrix)) == 1);
  // Of what a gradient does flow to it saves the partner.
  const Tensor v = leaf({1, 10}), z = make(tg_matmul, v, matrix);
  ok(backward_ones(z));
  CHECK(grad_values(v) == Values{3, 7});
}

TEST_CASE("the derivative of tg_div does not save the gradient that it was given", "[gradients]") {
  const NoLeak leak;
  const Tensor a = vec({1.5}), b = leaf({2}), y = make(tg_div, a, b), given = vec({0.5});
  const tg_tensor roots[] = {y}, inputs[] = {b}, seeds[] = {given};
  Tensor slope;
  ok(tg_grad(roots, seeds, 1, inputs, 1, TG_CREATE_GRAPH, slope.out()));
  CHECK(values(slope) == Values{-0.5 * 1.5 / 4});
  ok(tg_fill_(given, 0.25));
  ok(backward_ones(slope));
  CHECK(grad_values(b) == Values{0.5 * 2 * 1.5 / 8});
}
