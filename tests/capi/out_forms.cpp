// SPDX-License-Identifier: MIT
// Every form that writes into a given tensor (rules I3, I6, I11 and R2, R6, R7 of the header): what
// it writes, on which kinds of tensors in which modes, and what it refuses. Each row has the form
// that gives a new tensor beside it, whose values it must give to the last bit.
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

using Codes = std::vector<tg_status>;

// Both forms as functions of two operands of shape [2, 2]; the second may go unused.
struct Both {
  std::function<tg_status(tg_tensor a, tg_tensor b, tg_tensor* out)> fresh;
  std::function<tg_status(tg_tensor a, tg_tensor b, tg_tensor out)> into;
  bool plain = true;    // the operands go over as they are
  bool binary = false;  // both of them
};

struct Form {
  const char* name;
  Codes codes;
  Both both;

  bool has(tg_status code) const {
    return std::find(codes.begin(), codes.end(), code) != codes.end();
  }
};

// Of one operand, what stands between it and out, and of two.
template <class Fresh, class Out, class... More>
Both one(Fresh fresh, Out into, More... more) {
  return {[=](tg_tensor a, tg_tensor, tg_tensor* out) { return fresh(a, more..., out); },
          [=](tg_tensor a, tg_tensor, tg_tensor out) { return into(a, more..., out); }};
}
template <class Fresh, class Out, class... More>
Both two(Fresh fresh, Out into, More... more) {
  return {[=](tg_tensor a, tg_tensor b, tg_tensor* out) { return fresh(a, b, more..., out); },
          [=](tg_tensor a, tg_tensor b, tg_tensor out) { return into(a, b, more..., out); }, true,
          true};
}
// Of both operands, seen by `change` first.
template <class Fresh, class Out, class Change>
Both changed(Fresh fresh, Out into, Change change) {
  return {[=](tg_tensor a, tg_tensor b, tg_tensor* out) {
            const Tensor x = change(a, 0), y = change(b, 1);
            return fresh(x, y, out);
          },
          [=](tg_tensor a, tg_tensor b, tg_tensor out) {
            const Tensor x = change(a, 0), y = change(b, 1);
            return into(x, y, out);
          },
          false};
}
Tensor row_of(tg_tensor x, int) { return make(tg_select, x, int64_t{0}, int64_t{0}); }
Tensor cube(tg_tensor x, int) { return make(tg_unsqueeze, x, int64_t{0}); }
Tensor alias(tg_tensor x) { return make(tg_alias, x); }
Tensor first_of_second(tg_tensor x, int operand) { return operand == 0 ? alias(x) : row_of(x, 1); }
Tensor cube_and_matrix(tg_tensor x, int operand) { return operand == 0 ? cube(x, 0) : alias(x); }

template <class Fresh, class Out>
Both joined(Fresh fresh, Out into) {
  return {[=](tg_tensor a, tg_tensor b, tg_tensor* out) {
            const tg_tensor all[] = {a, b};
            return fresh(all, 2, 0, out);
          },
          [=](tg_tensor a, tg_tensor b, tg_tensor out) {
            const tg_tensor all[] = {a, b};
            return into(all, 2, 0, out);
          }};
}
template <class Fresh, class Out>
Both picked(Fresh fresh, Out into, const Sizes& sizes) {
  return {[=](tg_tensor a, tg_tensor, tg_tensor* out) {
            return fresh(a, 1, indices({1, 0}, sizes), out);
          },
          [=](tg_tensor a, tg_tensor, tg_tensor out) {
            return into(a, 1, indices({1, 0}, sizes), out);
          }};
}
Tensor mask() { return make(tg_gt_scalar, tensor({1, -1, 0, 2}, {2, 2}), 0.0); }

const int64_t kRow[] = {0};
const tg_handle kNoHandle = 0x1fffffff000000;

const std::vector<Form>& forms() {
  static const std::vector<Form> table = {
      {"tg_add_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_add, tg_add_out)},
      {"tg_sub_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_sub, tg_sub_out)},
      {"tg_mul_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_mul, tg_mul_out)},
      {"tg_div_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_div, tg_div_out)},
      {"tg_maximum_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_maximum, tg_maximum_out)},
      {"tg_minimum_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_minimum, tg_minimum_out)},
      {"tg_mm_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_mm, tg_mm_out)},
      {"tg_matmul_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_matmul, tg_matmul_out)},
      {"tg_eq_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_eq, tg_eq_out)},
      {"tg_ne_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_ne, tg_ne_out)},
      {"tg_lt_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_lt, tg_lt_out)},
      {"tg_le_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_le, tg_le_out)},
      {"tg_gt_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_gt, tg_gt_out)},
      {"tg_ge_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_ge, tg_ge_out)},
      {"tg_add_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_add_scalar, tg_add_scalar_out, 3.0)},
      {"tg_sub_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sub_scalar, tg_sub_scalar_out, 3.0)},
      {"tg_mul_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_mul_scalar, tg_mul_scalar_out, 3.0)},
      {"tg_div_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_div_scalar, tg_div_scalar_out, 3.0)},
      {"tg_pow_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_pow_scalar, tg_pow_scalar_out, 3.0)},
      {"tg_eq_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_eq_scalar, tg_eq_scalar_out, 0.5)},
      {"tg_ne_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_ne_scalar, tg_ne_scalar_out, 0.5)},
      {"tg_lt_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_lt_scalar, tg_lt_scalar_out, 0.5)},
      {"tg_le_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_le_scalar, tg_le_scalar_out, 0.5)},
      {"tg_gt_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_gt_scalar, tg_gt_scalar_out, 0.5)},
      {"tg_ge_scalar_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_ge_scalar, tg_ge_scalar_out, 0.5)},
      {"tg_neg_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_neg, tg_neg_out)},
      {"tg_abs_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_abs, tg_abs_out)},
      {"tg_exp_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_exp, tg_exp_out)},
      {"tg_log_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_log, tg_log_out)},
      {"tg_sqrt_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sqrt, tg_sqrt_out)},
      {"tg_sin_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sin, tg_sin_out)},
      {"tg_cos_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_cos, tg_cos_out)},
      {"tg_tanh_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_tanh, tg_tanh_out)},
      {"tg_sigmoid_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sigmoid, tg_sigmoid_out)},
      {"tg_relu_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_relu, tg_relu_out)},
      {"tg_sum_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sum, tg_sum_out)},
      {"tg_mean_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_mean, tg_mean_out)},
      {"tg_max_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_max, tg_max_out)},
      {"tg_min_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_min, tg_min_out)},
      {"tg_argmax_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_argmax, tg_argmax_out)},
      {"tg_argmin_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_argmin, tg_argmin_out)},
      {"tg_clamp_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_clamp, tg_clamp_out, 0.5, 1.5)},
      {"tg_where_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       {[](tg_tensor a, tg_tensor b, tg_tensor* out) { return tg_where(mask(), a, b, out); },
        [](tg_tensor a, tg_tensor b, tg_tensor out) { return tg_where_out(mask(), a, b, out); }}},
      {"tg_sum_dims_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_sum_dims, tg_sum_dims_out, kRow, size_t{1}, 0)},
      {"tg_mean_dims_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_mean_dims, tg_mean_dims_out, kRow, size_t{1}, 0)},
      {"tg_argmax_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_argmax_dim, tg_argmax_dim_out, int64_t{1}, 1)},
      {"tg_argmin_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_argmin_dim, tg_argmin_dim_out, int64_t{1}, 1)},
      {"tg_softmax_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_softmax, tg_softmax_out, int64_t{0})},
      {"tg_log_softmax_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       one(tg_log_softmax, tg_log_softmax_out, int64_t{0})},
      {"tg_bmm_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       changed(tg_bmm, tg_bmm_out, cube)},
      {"tg_matmul_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       changed(tg_matmul, tg_matmul_out, cube)},
      {"tg_matmul_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       changed(tg_matmul, tg_matmul_out, cube_and_matrix)},
      {"tg_mv_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       changed(tg_mv, tg_mv_out, first_of_second)},
      {"tg_dot_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       changed(tg_dot, tg_dot_out, row_of)},
      {"tg_addmm_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       {[](tg_tensor a, tg_tensor b, tg_tensor* out) { return tg_addmm(a, a, b, 2, 3, out); },
        [](tg_tensor a, tg_tensor b, tg_tensor out) { return tg_addmm_out(a, a, b, 2, 3, out); }}},
      {"tg_linear_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       {[](tg_tensor a, tg_tensor b, tg_tensor* out) { return tg_linear(a, b, 0, out); },
        [](tg_tensor a, tg_tensor b, tg_tensor out) { return tg_linear_out(a, b, 0, out); }}},
      {"tg_cat_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       joined(tg_cat, tg_cat_out)},
      {"tg_stack_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       joined(tg_stack, tg_stack_out)},
      {"tg_index_select_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       picked(tg_index_select, tg_index_select_out, {2})},
      {"tg_gather_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       picked(tg_gather, tg_gather_out, {1, 2})},
  };
  return table;
}

Tensor left() { return tensor({0.25, 2, 0.5, 1}, {2, 2}); }
Tensor right() { return tensor({2, -1, 0.5, 3}, {2, 2}); }

Sizes shape_of(tg_tensor x) {
  Sizes sizes(16);
  int32_t rank = 0;
  ok(tg_tensor_shape(x, sizes.data(), 16, &rank));
  sizes.resize(static_cast<size_t>(rank));
  return sizes;
}
Tensor expected_of(const Form& form, tg_tensor a, tg_tensor b) {
  Tensor out;
  ok(form.both.fresh(a, b, out.out()));
  return out;
}
Values zeros_for(tg_tensor x) { return Values(values(x).size(), 0); }

}  // namespace

TEST_CASE("I6, I11: out forms give the values of the form without out", "[modes]") {
  const Tensor a = left(), b = right();
  for (const Form& form : forms()) {
    INFO(form.name);
    const Tensor wanted = expected_of(form, a, b);
    const Sizes sizes = shape_of(wanted);
    // Row-major, and with elements that lie apart and backwards in rank.
    const Tensor out = tensor(zeros_for(wanted), sizes);
    ok(form.both.into(a, b, out));
    CHECK(values(out) == values(wanted));
    CHECK(version(out) == 1);
    Sizes strides(sizes.size()), reversed(sizes.rbegin(), sizes.rend());
    int64_t step = 2;
    for (size_t d = 0; d < sizes.size(); ++d) strides[d] = step, step *= sizes[d];
    const Tensor room = tensor({9}, {2 * count_of(sizes)});
    const Tensor apart = make(tg_as_strided, room, sizes.data(), strides.data(),
                              static_cast<int32_t>(sizes.size()), int64_t{1});
    ok(form.both.into(a, b, apart));
    CHECK(values(apart) == values(wanted));
    CHECK(version(room) == 1);
    for (size_t i = 0; i < values(room).size(); i += 2) CHECK(values(room)[i] == 9);
    // Into an operand itself, where its shape allows it.
    if (sizes == Sizes{2, 2}) {
      const Tensor x = left(), y = right();
      ok(form.both.into(x, b, x));
      CHECK(values(x) == values(wanted));
      ok(form.both.into(a, y, y));
      CHECK(values(y) == values(wanted));
      CHECK(version(y) == 1);
    }
    // Operands that do not lie row-major.
    const Tensor turned = make(tg_clone, make(tg_t, a));
    const Tensor over = tensor(zeros_for(wanted), sizes);
    ok(form.both.into(make(tg_t, turned), b, over));
    CHECK(values(over) == values(expected_of(form, make(tg_t, turned), b)));
    // A greater dtype of the same category converts.
    const Tensor narrow_a = make(tg_to_dtype, a, TG_FLOAT32);
    const Tensor narrow_b = make(tg_to_dtype, b, TG_FLOAT32);
    ok(form.both.into(narrow_a, narrow_b, out));
    CHECK(values(out) == values(expected_of(form, narrow_a, narrow_b)));
    CHECK(version(out) == 2);
  }
}

TEST_CASE("out forms without elements", "[modes]") {
  const Tensor none = tensor({}, {0, 2}), out = tensor({}, {0, 2});
  ok(tg_sub_out(none, none, out));
  ok(tg_softmax_out(none, 1, out));
  CHECK(version(out) == 2);
  const Tensor total = tensor({5}, {});
  ok(tg_sum_out(none, total));
  CHECK(values(total) == Values{0});
  const Tensor vector = tensor({5, 5}, {2});
  ok(tg_sum_dims_out(none, kRow, 1, 0, vector));
  CHECK(values(vector) == Values{0, 0});
}

TEST_CASE("out forms of matmul for every pair of ranks", "[modes]") {
  const Sizes shapes[] = {{2}, {2, 2}, {3, 2, 2}, {2, 1, 2, 2}};
  for (const Sizes& left_shape : shapes) {
    for (const Sizes& right_shape : shapes) {
      INFO(left_shape.size() << " and " << right_shape.size());
      Values x, y;
      for (int64_t i = 0; i < count_of(left_shape); ++i) x.push_back(0.5 * double(i) - 1);
      for (int64_t i = 0; i < count_of(right_shape); ++i) y.push_back(2 - 0.25 * double(i));
      const Tensor a = tensor(x, left_shape), b = tensor(y, right_shape);
      const Tensor wanted = make(tg_matmul, a, b);
      const Tensor out = tensor(zeros_for(wanted), shape_of(wanted));
      ok(tg_matmul_out(a, b, out));
      CHECK(values(out) == values(wanted));
      CHECK(version(out) == 1);
    }
  }
}

TEST_CASE("I3, I11: out forms with operands of every kind into n0", "[modes]") {
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, left(), right());
    for (const std::string kind : kKinds) {
      if (kind == "i1" && !form.both.plain) continue;  // a view of it requires no grad
      for (const Mode mode : kModes) {
        INFO(form.name << " of " << kind << ", " << mode);
        const Tensor a = of_kind(kind, values(left()), {2, 2});
        const Tensor b = of_kind(kind, values(right()), {2, 2});
        const Tensor out = tensor(zeros_for(wanted), shape_of(wanted));
        const Snapshot before = snapshot(out);
        const bool refused = mode == Mode::normal && (kind == "nl" || kind == "nn" || kind == "i1");
        {
          const In in(mode);
          const tg_status status = form.both.into(a, b, out);
          if (refused) fails(status, TG_ERROR_AUTOGRAD, {form.name});
          if (!refused) ok(status);
        }
        if (refused) {
          CHECK(snapshot(out) == before);
        } else {
          CHECK(kind_of(out) == "n0");
          CHECK(version(out) == 1);
          CHECK(values(out) == values(wanted));
        }
        CHECK(kind_of(a) == kind);
      }
    }
  }
}

TEST_CASE("I3b, I3c, I11: out forms with operands n0 and nl into every kind", "[modes]") {
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, left(), right());
    for (const std::string operand : {"n0", "nl"}) {
      for (const std::string kind : kKinds) {
        for (const Mode mode : kModes) {
          INFO(form.name << " of " << operand << " into " << kind << ", " << mode);
          const Tensor a = of_kind(operand, values(left()), {2, 2});
          const Tensor b = of_kind(operand, values(right()), {2, 2});
          const Tensor out = of_kind(kind, zeros_for(wanted), shape_of(wanted));
          const Snapshot before = snapshot(out);
          const bool wants = operand == "nl" || kind == "nl" || kind == "nn" || kind == "i1";
          tg_status expected = TG_OK;
          if (mode == Mode::normal && wants) {
            expected = TG_ERROR_AUTOGRAD;
          } else if (mode != Mode::inf && kind[0] == 'i') {
            expected = TG_ERROR_MODE;
          }
          {
            const In in(mode);
            const tg_status status = form.both.into(a, b, out);
            if (expected == TG_OK) ok(status);
            if (expected == TG_ERROR_AUTOGRAD) {
              fails(status, expected, {form.name, "no_grad", "functional form"});
            }
            if (expected == TG_ERROR_MODE) {
              fails(status, expected, {form.name, "inside inference mode", "tg_clone"});
            }
          }
          if (expected != TG_OK) {
            CHECK(snapshot(out) == before);
            continue;
          }
          CHECK(kind_of(out) == kind);
          CHECK(values(out) == values(wanted));
          if (kind[0] == 'n') CHECK(version(out) == before.version + 1);
        }
      }
    }
  }
}

TEST_CASE("out forms: modes, gradients, memory, shape and dtype of out", "[errors]") {
  const double memory[12] = {};
  const Tensor a = left(), b = right(), w = tensor({1}, {2, 2}, true);
  const Tensor base = tensor({1}, {16});
  const int64_t sizes[] = {2, 2}, strides[] = {2, 1};
  const Tensor back = make(tg_as_strided, base, sizes, strides, 2, int64_t{2});
  for (const Form& form : forms()) {
    const Tensor wanted = expected_of(form, a, b);
    const Sizes shape = shape_of(wanted);
    const auto& call = form.both.into;
    const Tensor fine = tensor(zeros_for(wanted), shape), other = tensor({0}, {2, 7});
    const Tensor i0 = of_kind("i0", zeros_for(wanted), shape), fixed = read_only(memory, shape);
    const Tensor leaf_out = tensor(zeros_for(wanted), shape, true);
    Sizes steps(shape.size());
    int64_t step = 1;
    for (size_t d = shape.size(); d-- > 0;) steps[d] = step, step *= shape[d];
    const Tensor front = make(tg_as_strided, base, shape.data(), steps.data(),
                              static_cast<int32_t>(shape.size()), int64_t{3});
    Rows rows{a, b, w, fine, other, i0, fixed, leaf_out, base};
    rows.fails(form.name, TG_ERROR_MODE, {"inference tensor", "inside inference mode"},
               call(a, b, i0));
    rows.fails(form.name, TG_ERROR_AUTOGRAD, {"operand", "requires grad", "tg_no_grad_enter"},
               call(w, b, fine));
    rows.fails(form.name, TG_ERROR_AUTOGRAD, {"out, ", "requires grad", "functional form"},
               call(a, b, leaf_out));
    rows.fails(form.name, TG_ERROR_UNSUPPORTED, {"read-only", "tg_clone"}, call(a, b, fixed));
    rows.fails(form.name, TG_ERROR_UNSUPPORTED, {"operand ", "shares part of its memory"},
               call(back, b, front));
    rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {"out is"}, call(a, b, kNoHandle));
    if (form.both.plain) {
      rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {}, call(kNoHandle, b, fine));
      if (form.both.binary) {
        rows.fails(form.name, TG_ERROR_INVALID_HANDLE, {}, call(a, kNoHandle, fine));
      }
    }
    rows.fails(form.name, TG_ERROR_SHAPE, {"out has [2, 7]", "must be equal"}, call(a, b, other));
    if (count_of(shape) > 1) {
      const Tensor number = tensor({0}, {});
      const Tensor wide = make(tg_expand, number, shape.data(), static_cast<int32_t>(shape.size()));
      Rows more{number};
      more.fails(form.name, TG_ERROR_UNSUPPORTED, {"expanded", "tg_clone"}, call(a, b, wide));
    }
    if (form.has(TG_ERROR_DTYPE)) {
      const Tensor bools = zeros(TG_BOOL, shape);
      Rows more{a, b, bools};
      more.fails(form.name, TG_ERROR_DTYPE, {"out, ", "bool", "tg_to_dtype"}, call(a, b, bools));
    }
    for (const tg_status code : {TG_ERROR_INVALID_HANDLE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
                                 TG_ERROR_UNSUPPORTED, TG_ERROR_SHAPE}) {
      CHECK(form.has(code));
    }
  }
}
