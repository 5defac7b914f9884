// SPDX-License-Identifier: MIT
// Which error is told where several apply (rule T9): what is wrong with the mode or with a history
// comes before dtypes, shapes and indices, an argument before all of them. Each call is made wrong
// by shape or index first, so that the test knows that both mistakes are there.
#include <functional>

#include "capi/hooked.h"
#include "capi/tensors.h"

using namespace capi;

namespace {

struct Wrong {
  const char* name;
  tg_status own;  // what is wrong with the call itself
  std::function<tg_status(tg_tensor x, tg_tensor* out)> run;
};

// Calls on a vector of two elements.
const std::vector<Wrong>& wrong_calls() {
  static const int64_t kFive[] = {5}, kNone[] = {-1, 0}, kHuge[] = {INT64_MAX, 8},
                       kTwice[] = {0, 0}, kTen[] = {10}, kUnit[] = {1}, kNegative[] = {-2},
                       kFar[] = {3};
  constexpr tg_status kShape = TG_ERROR_SHAPE, kIndex = TG_ERROR_INDEX;
  static const std::vector<Wrong> calls = {
      {"view", kShape, [](tg_tensor x, tg_tensor* out) { return tg_view(x, kFive, 1, out); }},
      {"view, unknown size", kShape,
       [](tg_tensor x, tg_tensor* out) { return tg_view(x, kNone, 2, out); }},
      {"view, too large", kShape,
       [](tg_tensor x, tg_tensor* out) { return tg_view(x, kHuge, 2, out); }},
      {"reshape", kShape, [](tg_tensor x, tg_tensor* out) { return tg_reshape(x, kFive, 1, out); }},
      {"transpose", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_transpose(x, 0, 1, out); }},
      {"permute", kShape,
       [](tg_tensor x, tg_tensor* out) { return tg_permute(x, kTwice, 2, out); }},
      {"permute, dim", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_permute(x, kFive, 1, out); }},
      {"expand", kShape, [](tg_tensor x, tg_tensor* out) { return tg_expand(x, kFive, 1, out); }},
      {"expand, rank", kShape,
       [](tg_tensor x, tg_tensor* out) { return tg_expand(x, nullptr, 0, out); }},
      {"squeeze_dim", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_squeeze_dim(x, 1, out); }},
      {"unsqueeze", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_unsqueeze(x, 2, out); }},
      {"flatten", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_flatten(x, 0, 1, out); }},
      {"select", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_select(x, 0, 9, out); }},
      {"select, dim", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_select(x, 1, 0, out); }},
      {"narrow", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_narrow(x, 0, 1, 2, out); }},
      {"narrow, start", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_narrow(x, 0, 3, 0, out); }},
      {"slice", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_slice(x, 1, 0, 1, 1, out); }},
      {"split", kIndex,
       [](tg_tensor x, tg_tensor* out) {
         size_t count = 0;
         return tg_split(x, 1, 1, out, 1, &count);
       }},
      {"as_strided", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_as_strided(x, kTen, kUnit, 1, 0, out); }},
      {"as_strided, past all numbers", kShape,
       [](tg_tensor x, tg_tensor* out) { return tg_as_strided(x, kTen, kHuge, 1, 0, out); }},
      {"sum_dims", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_sum_dims(x, kFar, 1, 0, out); }},
      {"mean_dims", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_mean_dims(x, kFar, 1, 0, out); }},
      {"softmax", kIndex, [](tg_tensor x, tg_tensor* out) { return tg_softmax(x, 1, out); }},
      {"log_softmax", kIndex,
       [](tg_tensor x, tg_tensor* out) { return tg_log_softmax(x, 1, out); }},
      // An argument comes first, whatever the mode.
      {"slice, step", TG_ERROR_INVALID_ARGUMENT,
       [](tg_tensor x, tg_tensor* out) { return tg_slice(x, 0, 0, 1, 0, out); }},
      {"view, negative", TG_ERROR_INVALID_ARGUMENT,
       [](tg_tensor x, tg_tensor* out) { return tg_view(x, kNegative, 1, out); }},
      {"narrow, negative", TG_ERROR_INVALID_ARGUMENT,
       [](tg_tensor x, tg_tensor* out) { return tg_narrow(x, 0, 0, -1, out); }},
      {"sum_dims, twice", TG_ERROR_INVALID_ARGUMENT,
       [](tg_tensor x, tg_tensor* out) { return tg_sum_dims(x, kTwice, 2, 0, out); }},
  };
  return calls;
}

// A view of two elements whose base was changed afterwards.
Tensor stale_view(bool of_split) {
  const Tensor base = make(tg_mul_scalar, leaf({1, 2}), 1.0);
  Tensor view;
  if (of_split) {
    size_t count = 0;
    ok(tg_split(base, 2, 0, view.out(), 1, &count));
  } else {
    const In no_grad(Mode::no_grad);
    view = make(tg_narrow, base, int64_t{0}, int64_t{0}, int64_t{2});
  }
  ok(tg_mul_scalar_(base, 2));
  return view;
}

}  // namespace

TEST_CASE("T9: a stale view is told before shapes and indices, after arguments", "[modes]") {
  const NoLeak leak;
  const Tensor fresh = vec({1, 2}), by_mode = stale_view(false), by_split = stale_view(true);
  for (const Wrong& call : wrong_calls()) {
    INFO(call.name);
    const bool argument = call.own == TG_ERROR_INVALID_ARGUMENT;
    fails(attempt(call.run, tg_tensor{fresh}), call.own);
    fails(attempt(call.run, tg_tensor{by_mode}), argument ? call.own : TG_ERROR_MODE);
    fails(attempt(call.run, tg_tensor{by_split}), argument ? call.own : TG_ERROR_AUTOGRAD);
    const In no_grad(Mode::no_grad);  // where its history does not matter
    fails(attempt(call.run, tg_tensor{by_mode}), call.own);
  }
  // What is never recorded does not ask for a history.
  fails(attempt(tg_argmax_dim, by_mode, int64_t{5}, int32_t{0}), TG_ERROR_INDEX);
}

TEST_CASE("T9: the target of a result is told before dims", "[modes]") {
  const NoLeak leak;
  const Tensor x = vec({1, 2}), wants = leaf({1, 2}), frozen = of_kind("i0", {1, 2}, {2});
  const int64_t far[] = {3};
  fails(tg_sum_dims_out(x, far, 1, 0, frozen), TG_ERROR_MODE);
  fails(tg_mean_dims_out(x, far, 1, 0, frozen), TG_ERROR_MODE);
  fails(tg_softmax_out(x, 3, frozen), TG_ERROR_MODE);
  fails(tg_softmax_out(wants, 3, x), TG_ERROR_AUTOGRAD);
  const Tensor places = indices({1, 2});
  fails(tg_argmax_dim_out(wants, 3, 0, places), TG_ERROR_AUTOGRAD);
  fails(tg_argmax_dim_out(x, 3, 0, places), TG_ERROR_INDEX);
  fails(tg_softmax_out(x, 3, vec({1, 2})), TG_ERROR_INDEX);
}

TEST_CASE("T9: matmul tells modes before dtypes and shapes", "[modes]") {
  const NoLeak leak;
  const Tensor w = tensor({1}, {2, 3}, true), frozen = of_kind("i0", {1}, {2, 2}),
               plain = tensor({1}, {2, 2}), scalar = tensor({1}, {});
  fails(attempt(tg_matmul, w, plain), TG_ERROR_SHAPE);
  fails(attempt(tg_matmul, w, frozen), TG_ERROR_MODE, {"operand 1"});
  fails(attempt(tg_matmul, frozen, w), TG_ERROR_MODE, {"operand 0"});
  Tensor integers;
  {
    const In inference(Mode::inf);
    integers = make(tg_to_dtype, frozen, int32_t{TG_INT64});
  }
  fails(attempt(tg_matmul, w, integers), TG_ERROR_MODE);
  fails(attempt(tg_matmul, w, make(tg_to_dtype, plain, int32_t{TG_INT64})), TG_ERROR_DTYPE);
  fails(attempt(tg_matmul, w, scalar), TG_ERROR_SHAPE, {"b has rank 0"});
  fails(tg_matmul_out(plain, w, plain), TG_ERROR_AUTOGRAD);
  fails(tg_matmul_out(plain, scalar, frozen), TG_ERROR_MODE);
  fails(tg_matmul_out(plain, scalar, plain), TG_ERROR_SHAPE);
  // A view of a split that went stale, beside a wrong shape.
  fails(attempt(tg_matmul, w, stale_view(true)), TG_ERROR_AUTOGRAD);
}

TEST_CASE("T9: tg_grad tells what is wrong with roots and inputs before a gradient's shape",
          "[modes]") {
  const NoLeak leak;
  const Tensor w = leaf({1, 2}), y = make(tg_mul, w, w), other = vec({1, 2}),
               three = vec({1, 2, 3});
  const tg_tensor roots[] = {y}, grads[] = {three}, wrong[] = {other}, right[] = {w};
  tg_tensor out = 0;
  fails(tg_grad(roots, grads, 1, right, 1, 0, &out), TG_ERROR_SHAPE);
  fails(tg_grad(roots, grads, 1, wrong, 1, 0, &out), TG_ERROR_AUTOGRAD, {"inputs[0]"});
  // Of two roots the second is no scalar, and the first's gradient has another shape.
  const tg_tensor both[] = {y, y}, first[] = {three, 0};
  fails(tg_grad(both, first, 2, right, 1, 0, &out), TG_ERROR_AUTOGRAD, {"outputs[1]"});
  fails(tg_backward_from(both, first, 2, 0), TG_ERROR_AUTOGRAD, {"outputs[1]"});
  // Nothing was used up.
  const tg_tensor good[] = {other};
  ok(tg_grad(roots, good, 1, right, 1, 0, &out));
  CHECK(values(out) == Values{2, 8});
  tg_release(out);
}

TEST_CASE("T9: the same tensor twice is an argument, told before modes", "[modes]") {
  const NoLeak leak;
  const Tensor frozen = of_kind("i0", {1, 2}, {2}), w = leaf({1, 2}), computed = make(tg_mul, w, w),
               integer = indices({1, 2});
  fails(tg_tensor_set_grad(frozen, frozen), TG_ERROR_INVALID_ARGUMENT);
  const auto sgd = [](std::initializer_list<tg_tensor> list) {
    const std::vector<tg_tensor> all = list;
    tg_optimizer out = 0;
    const tg_status status = tg_optim_sgd(all.data(), all.size(), 0.1, &out);
    if (status == TG_OK) tg_release(out);
    return status;
  };
  fails(sgd({frozen, frozen}), TG_ERROR_INVALID_ARGUMENT, {"parameters[1]", "parameters[0] again"});
  fails(sgd({computed, frozen}), TG_ERROR_MODE, {"parameters[1]"});
  fails(sgd({integer, computed}), TG_ERROR_AUTOGRAD, {"parameters[1]"});
  fails(sgd({w, integer}), TG_ERROR_DTYPE, {"parameters[1]"});
  ok(sgd({w}));
}
