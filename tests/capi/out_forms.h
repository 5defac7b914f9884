// SPDX-License-Identifier: MIT
// Every form that writes into a given tensor, beside the form that gives a new one, as functions of
// two operands of shape [2, 2].
#pragma once

#include <functional>

#include "capi/rows.h"

namespace capi {

using Codes = std::vector<tg_status>;

// Both forms as functions of two operands of shape [2, 2]; the second may go unused.
struct Both {
  std::function<tg_status(tg_tensor a, tg_tensor b, tg_tensor* out)> fresh;
  std::function<tg_status(tg_tensor a, tg_tensor b, tg_tensor out)> into;
  bool plain = true;    // the operands go over as they are
  bool binary = false;  // both of them
  const char* out = "out";
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
inline Tensor row_of(tg_tensor x, int) { return make(tg_select, x, int64_t{0}, int64_t{0}); }
inline Tensor cube(tg_tensor x, int) { return make(tg_unsqueeze, x, int64_t{0}); }
inline Tensor alias(tg_tensor x) { return make(tg_alias, x); }
inline Tensor first_of_second(tg_tensor x, int operand) {
  return operand == 0 ? alias(x) : row_of(x, 1);
}
inline Tensor cube_and_matrix(tg_tensor x, int operand) {
  return operand == 0 ? cube(x, 0) : alias(x);
}

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
// One of the two that are written, beside a fitting other one.
template <class Fresh, class Out>
Both with_values(Fresh fresh, Out into) {
  return {[=](tg_tensor a, tg_tensor, tg_tensor* out) {
            Tensor other;
            return fresh(a, 1, 0, out, other.out());
          },
          [=](tg_tensor a, tg_tensor, tg_tensor out) {
            return into(a, 1, 0, out, zeros(TG_INT64, {2}));
          },
          true, false, "values"};
}
template <class Fresh, class Out>
Both with_indices(Fresh fresh, Out into) {
  return {[=](tg_tensor a, tg_tensor, tg_tensor* out) {
            Tensor other;
            return fresh(a, 1, 0, other.out(), out);
          },
          [=](tg_tensor a, tg_tensor, tg_tensor out) {
            return into(a, 1, 0, zeros(TG_FLOAT64, {2}), out);
          },
          true, false, "indices"};
}
inline Tensor mask() { return make(tg_gt_scalar, tensor({1, -1, 0, 2}, {2, 2}), 0.0); }

inline constexpr int64_t kRow[] = {0};
inline constexpr tg_handle kNoHandle = 0x1fffffff000000;

inline const std::vector<Form>& forms() {
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
      {"tg_max_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       with_values(tg_max_dim, tg_max_dim_out)},
      {"tg_max_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       with_indices(tg_max_dim, tg_max_dim_out)},
      {"tg_min_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       with_values(tg_min_dim, tg_min_dim_out)},
      {"tg_min_dim_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       with_indices(tg_min_dim, tg_min_dim_out)},
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
      {"tg_mse_loss_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_mse_loss, tg_mse_loss_out, TG_REDUCTION_NONE)},
      {"tg_mse_loss_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       two(tg_mse_loss, tg_mse_loss_out, TG_REDUCTION_MEAN)},
      {"tg_nll_loss_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       {[](tg_tensor a, tg_tensor, tg_tensor* out) {
          return tg_nll_loss(a, indices({1, 0}), 0, -100, TG_REDUCTION_NONE, out);
        },
        [](tg_tensor a, tg_tensor, tg_tensor out) {
          return tg_nll_loss_out(a, indices({1, 0}), 0, -100, TG_REDUCTION_NONE, out);
        }}},
      {"tg_cross_entropy_out",
       {TG_ERROR_INVALID_HANDLE, TG_ERROR_SHAPE, TG_ERROR_DTYPE, TG_ERROR_MODE, TG_ERROR_AUTOGRAD,
        TG_ERROR_UNSUPPORTED},
       {[](tg_tensor a, tg_tensor, tg_tensor* out) {
          return tg_cross_entropy(a, indices({1, 0}), 0, -100, TG_REDUCTION_NONE, 0.1, out);
        },
        [](tg_tensor a, tg_tensor, tg_tensor out) {
          return tg_cross_entropy_out(a, indices({1, 0}), 0, -100, TG_REDUCTION_NONE, 0.1, out);
        }}},
  };
  return table;
}

}  // namespace capi
