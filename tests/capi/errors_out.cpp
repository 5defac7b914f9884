// SPDX-License-Identifier: MIT
// Errors of the forms that write into a given tensor: what the forms without out refuse too. What
// they refuse of out itself stands in out_forms.cpp.
#include <cmath>

#include "capi/rows.h"

using namespace capi;

namespace {

const int64_t kRow[] = {0};

// Functions of one form, and the codes that each of them gives below.
template <class Call>
struct Row {
  const char* name;
  std::vector<tg_status> codes;
  Call call;
};

}  // namespace

TEST_CASE("out forms: what the form without out refuses", "[errors]") {
  const Tensor x = tensor({1, 2, 3, 4}, {2, 2}), out = tensor({1, 2, 3, 4}, {2, 2}),
               vector = vec({1, 2}), number = tensor({0}, {});
  const Tensor none = tensor({}, {0, 2}), three = vec({1, 2, 3}), tall = tensor({0}, {4, 2});
  const Tensor whole = zeros(TG_INT64, {2, 2}), bools = zeros(TG_BOOL, {2, 2});
  const Tensor batch = tensor({0}, {1, 2, 2}), stacked = tensor({0}, {2, 2, 2});
  const Tensor half = zeros(TG_FLOAT32, {2, 2}), far = indices({0, 2}), near = indices({1, 0});
  const Tensor single = indices({1}), factors = leaf({1, 1});
  const int64_t wrong[] = {2}, twice[] = {0, 0};
  const tg_tensor pair[] = {x, out}, uneven[] = {x, three}, none_of[] = {x, 0};
  Rows rows{x, out, vector, number, none, three, tall, whole, bools, batch, stacked, half};
  using Binary = tg_status (*)(tg_tensor, tg_tensor, tg_tensor);
  using Unary = tg_status (*)(tg_tensor, tg_tensor);
  using Along = tg_status (*)(tg_tensor, int64_t, tg_tensor);
  using Flagged = tg_status (*)(tg_tensor, int64_t, int32_t, tg_tensor);
  using Listed = tg_status (*)(tg_tensor, const int64_t*, size_t, int32_t, tg_tensor);
  const auto fails_for = [&](std::initializer_list<std::pair<const char*, Binary>> them) {
    for (const auto& [name, call] : them) {
      rows.fails(name, TG_ERROR_SHAPE, {"do not broadcast", "[2, 2]", "[3]"}, call(x, three, out));
    }
  };
  fails_for({{"tg_add_out", tg_add_out},
             {"tg_sub_out", tg_sub_out},
             {"tg_mul_out", tg_mul_out},
             {"tg_div_out", tg_div_out},
             {"tg_maximum_out", tg_maximum_out},
             {"tg_minimum_out", tg_minimum_out},
             {"tg_eq_out", tg_eq_out},
             {"tg_ne_out", tg_ne_out},
             {"tg_lt_out", tg_lt_out},
             {"tg_le_out", tg_le_out},
             {"tg_gt_out", tg_gt_out},
             {"tg_ge_out", tg_ge_out}});
  for (const auto& [name, call] :
       std::initializer_list<std::pair<const char*, Unary>>{{"tg_exp_out", tg_exp_out},
                                                            {"tg_log_out", tg_log_out},
                                                            {"tg_sqrt_out", tg_sqrt_out},
                                                            {"tg_sin_out", tg_sin_out},
                                                            {"tg_cos_out", tg_cos_out},
                                                            {"tg_tanh_out", tg_tanh_out},
                                                            {"tg_sigmoid_out", tg_sigmoid_out}}) {
    rows.fails(name, TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, call(whole, out));
  }
  for (const auto& [name, call] : std::initializer_list<std::pair<const char*, Unary>>{
           {"tg_neg_out", tg_neg_out}, {"tg_abs_out", tg_abs_out}, {"tg_relu_out", tg_relu_out}}) {
    rows.fails(name, TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, call(bools, out));
  }
  rows.fails("tg_mean_out", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_mean_out(whole, number));
  for (const auto& [name, call] :
       std::initializer_list<std::pair<const char*, Unary>>{{"tg_max_out", tg_max_out},
                                                            {"tg_min_out", tg_min_out},
                                                            {"tg_argmax_out", tg_argmax_out},
                                                            {"tg_argmin_out", tg_argmin_out}}) {
    rows.fails(name, TG_ERROR_SHAPE, {"[0, 2]", "no element"}, call(none, number));
  }
  for (const Row<Flagged>& row :
       {Row<Flagged>{"tg_argmax_dim_out",
                     {TG_ERROR_INVALID_ARGUMENT, TG_ERROR_INDEX, TG_ERROR_SHAPE},
                     tg_argmax_dim_out},
        Row<Flagged>{"tg_argmin_dim_out",
                     {TG_ERROR_INVALID_ARGUMENT, TG_ERROR_INDEX, TG_ERROR_SHAPE},
                     tg_argmin_dim_out}}) {
    rows.fails(row.name, row.codes[0], {"keepdim", "2"}, row.call(x, 0, 2, vector));
    rows.fails(row.name, row.codes[1], {"2"}, row.call(x, 2, 0, vector));
    rows.fails(row.name, row.codes[2], {"size 0"}, row.call(none, 0, 0, vector));
  }
  const auto max_into = [&](tg_tensor of, int64_t dim, int32_t keepdim, tg_tensor into) {
    return tg_max_dim_out(of, dim, keepdim, into, near);
  };
  const auto min_into = [&](tg_tensor of, int64_t dim, int32_t keepdim, tg_tensor into) {
    return tg_min_dim_out(of, dim, keepdim, into, near);
  };
  rows.fails("tg_max_dim_out", TG_ERROR_INVALID_ARGUMENT, {"keepdim", "2"},
             max_into(x, 0, 2, vector));
  rows.fails("tg_max_dim_out", TG_ERROR_INDEX, {"dim is 2"}, max_into(x, 2, 0, vector));
  rows.fails("tg_max_dim_out", TG_ERROR_SHAPE, {"size 0"}, max_into(none, 0, 0, vector));
  rows.fails("tg_min_dim_out", TG_ERROR_INVALID_ARGUMENT, {"keepdim", "2"},
             min_into(x, 0, 2, vector));
  rows.fails("tg_min_dim_out", TG_ERROR_INDEX, {"dim is 2"}, min_into(x, 2, 0, vector));
  rows.fails("tg_min_dim_out", TG_ERROR_SHAPE, {"size 0"}, min_into(none, 0, 0, vector));
  rows.fails("tg_mse_loss_out", TG_ERROR_INVALID_ARGUMENT, {"reduction is 3"},
             tg_mse_loss_out(x, x, 3, out));
  rows.fails("tg_mse_loss_out", TG_ERROR_SHAPE, {"do not broadcast"},
             tg_mse_loss_out(x, three, TG_REDUCTION_NONE, out));
  rows.fails("tg_mse_loss_out", TG_ERROR_DTYPE, {"x has dtype int64"},
             tg_mse_loss_out(whole, x, TG_REDUCTION_NONE, out));
  rows.fails("tg_nll_loss_out", TG_ERROR_INVALID_ARGUMENT, {"reduction is -1"},
             tg_nll_loss_out(x, near, 0, -100, -1, vector));
  rows.fails("tg_nll_loss_out", TG_ERROR_SHAPE, {"target has shape"},
             tg_nll_loss_out(x, single, 0, -100, TG_REDUCTION_NONE, vector));
  rows.fails("tg_nll_loss_out", TG_ERROR_DTYPE, {"target has dtype float64"},
             tg_nll_loss_out(x, vector, 0, -100, TG_REDUCTION_NONE, vector));
  rows.fails("tg_nll_loss_out", TG_ERROR_INDEX, {"target[1] is 2"},
             tg_nll_loss_out(x, far, 0, -100, TG_REDUCTION_NONE, vector));
  rows.fails("tg_nll_loss_out", TG_ERROR_AUTOGRAD, {"requires grad"},
             tg_nll_loss_out(x, near, factors, -100, TG_REDUCTION_NONE, vector));
  rows.fails("tg_cross_entropy_out", TG_ERROR_INVALID_ARGUMENT, {"label_smoothing is 2"},
             tg_cross_entropy_out(x, near, 0, -100, TG_REDUCTION_NONE, 2, vector));
  rows.fails("tg_cross_entropy_out", TG_ERROR_INVALID_ARGUMENT, {"reduction is 7"},
             tg_cross_entropy_out(x, near, 0, -100, 7, 0, vector));
  rows.fails("tg_cross_entropy_out", TG_ERROR_SHAPE, {"target has shape"},
             tg_cross_entropy_out(x, single, 0, -100, TG_REDUCTION_NONE, 0, vector));
  rows.fails("tg_cross_entropy_out", TG_ERROR_DTYPE, {"target has dtype float64"},
             tg_cross_entropy_out(x, vector, 0, -100, TG_REDUCTION_NONE, 0, vector));
  rows.fails("tg_cross_entropy_out", TG_ERROR_INDEX, {"target[1] is 2"},
             tg_cross_entropy_out(x, far, 0, -100, TG_REDUCTION_NONE, 0, vector));
  for (const Row<Listed>& row :
       {Row<Listed>{
            "tg_sum_dims_out", {TG_ERROR_INVALID_ARGUMENT, TG_ERROR_INDEX}, tg_sum_dims_out},
        Row<Listed>{
            "tg_mean_dims_out", {TG_ERROR_INVALID_ARGUMENT, TG_ERROR_INDEX}, tg_mean_dims_out}}) {
    rows.fails(row.name, row.codes[0], {"dims is NULL"}, row.call(x, nullptr, 1, 0, vector));
    rows.fails(row.name, row.codes[0], {"keepdim", "2"}, row.call(x, kRow, 1, 2, vector));
    rows.fails(row.name, row.codes[0], {"twice"}, row.call(x, twice, 2, 0, vector));
    rows.fails(row.name, row.codes[1], {"2"}, row.call(x, wrong, 1, 0, vector));
  }
  rows.fails("tg_mean_dims_out", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_mean_dims_out(whole, kRow, 1, 0, vector));
  for (const Row<Along>& row :
       {Row<Along>{"tg_softmax_out", {TG_ERROR_INDEX, TG_ERROR_DTYPE}, tg_softmax_out},
        Row<Along>{"tg_log_softmax_out", {TG_ERROR_INDEX, TG_ERROR_DTYPE}, tg_log_softmax_out}}) {
    rows.fails(row.name, row.codes[0], {"2"}, row.call(x, 2, out));
    rows.fails(row.name, row.codes[1], {"int64", "tg_to_dtype"}, row.call(whole, 0, out));
  }
  rows.fails("tg_clamp_out", TG_ERROR_INVALID_ARGUMENT, {"NaN"}, tg_clamp_out(x, NAN, 1, out));
  rows.fails("tg_clamp_out", TG_ERROR_DTYPE, {"0.5", "tg_to_dtype"},
             tg_clamp_out(whole, 0.5, 1, out));
  rows.fails("tg_sub_out", TG_ERROR_DTYPE, {"bool", "tg_ne"}, tg_sub_out(bools, bools, out));
  rows.fails("tg_add_scalar_out", TG_ERROR_DTYPE, {"0.5"}, tg_add_scalar_out(whole, 0.5, out));
  rows.fails("tg_sub_scalar_out", TG_ERROR_DTYPE, {"0.5"}, tg_sub_scalar_out(whole, 0.5, out));
  rows.fails("tg_mul_scalar_out", TG_ERROR_DTYPE, {"0.5"}, tg_mul_scalar_out(whole, 0.5, out));
  rows.fails("tg_pow_scalar_out", TG_ERROR_DTYPE, {"-1"}, tg_pow_scalar_out(whole, -1, out));
  rows.fails("tg_where_out", TG_ERROR_DTYPE, {"condition", "bool"}, tg_where_out(x, x, x, out));
  rows.fails("tg_where_out", TG_ERROR_SHAPE, {"[2, 2]", "[3]"}, tg_where_out(bools, x, three, out));
  rows.fails("tg_mm_out", TG_ERROR_SHAPE, {"rank 1", "must have rank 2"},
             tg_mm_out(vector, x, out));
  rows.fails("tg_mm_out", TG_ERROR_DTYPE, {"float64", "float32"}, tg_mm_out(x, half, out));
  rows.fails("tg_bmm_out", TG_ERROR_SHAPE, {"must have rank 3"}, tg_bmm_out(x, x, batch));
  rows.fails("tg_bmm_out", TG_ERROR_DTYPE, {"int64"}, tg_bmm_out(whole, x, batch));
  rows.fails("tg_mv_out", TG_ERROR_SHAPE, {"inner sizes"}, tg_mv_out(x, three, vector));
  rows.fails("tg_mv_out", TG_ERROR_DTYPE, {"int64"}, tg_mv_out(whole, vector, vector));
  rows.fails("tg_dot_out", TG_ERROR_SHAPE, {"3"}, tg_dot_out(vector, three, number));
  rows.fails("tg_dot_out", TG_ERROR_DTYPE, {"int64"}, tg_dot_out(near, vector, number));
  rows.fails("tg_matmul_out", TG_ERROR_SHAPE, {"inner sizes"}, tg_matmul_out(x, three, vector));
  rows.fails("tg_matmul_out", TG_ERROR_SHAPE, {"[1, 2, 2]", "out has [2, 2]"},
             tg_matmul_out(batch, x, out));
  rows.fails("tg_matmul_out", TG_ERROR_DTYPE, {"float64", "float32"}, tg_matmul_out(x, half, out));
  rows.fails("tg_addmm_out", TG_ERROR_SHAPE, {"broadcast", "[3]"},
             tg_addmm_out(three, x, x, 1, 1, out));
  rows.fails("tg_addmm_out", TG_ERROR_DTYPE, {"float64", "float32"},
             tg_addmm_out(half, x, x, 1, 1, out));
  rows.fails("tg_linear_out", TG_ERROR_SHAPE, {"bias", "[3]"}, tg_linear_out(x, x, three, out));
  rows.fails("tg_linear_out", TG_ERROR_DTYPE, {"float64", "float32"},
             tg_linear_out(x, half, 0, out));
  rows.fails("tg_cat_out", TG_ERROR_INVALID_ARGUMENT, {"count is 0"}, tg_cat_out(pair, 0, 0, tall));
  rows.fails("tg_cat_out", TG_ERROR_INVALID_ARGUMENT, {"NULL"}, tg_cat_out(nullptr, 1, 0, tall));
  rows.fails("tg_cat_out", TG_ERROR_INVALID_HANDLE, {"tensors[1]"},
             tg_cat_out(none_of, 2, 0, tall));
  rows.fails("tg_cat_out", TG_ERROR_SHAPE, {"ranks"}, tg_cat_out(uneven, 2, 0, tall));
  rows.fails("tg_cat_out", TG_ERROR_INDEX, {"2"}, tg_cat_out(pair, 2, 2, tall));
  rows.fails("tg_stack_out", TG_ERROR_INVALID_ARGUMENT, {"count is 0"},
             tg_stack_out(pair, 0, 0, stacked));
  rows.fails("tg_stack_out", TG_ERROR_INVALID_HANDLE, {"tensors[1]"},
             tg_stack_out(none_of, 2, 0, stacked));
  rows.fails("tg_stack_out", TG_ERROR_SHAPE, {"[3]"}, tg_stack_out(uneven, 2, 0, stacked));
  rows.fails("tg_stack_out", TG_ERROR_INDEX, {"3"}, tg_stack_out(pair, 2, 3, stacked));
  rows.fails("tg_index_select_out", TG_ERROR_INDEX, {"is 2"}, tg_index_select_out(x, 0, far, out));
  rows.fails("tg_index_select_out", TG_ERROR_SHAPE, {"rank"},
             tg_index_select_out(x, 0, whole, out));
  rows.fails("tg_index_select_out", TG_ERROR_DTYPE, {"float64"},
             tg_index_select_out(x, 0, vector, out));
  rows.fails("tg_gather_out", TG_ERROR_INDEX, {"is 2"}, tg_gather_out(vector, 0, far, vector));
  rows.fails("tg_gather_out", TG_ERROR_SHAPE, {"rank"}, tg_gather_out(x, 0, near, out));
  rows.fails("tg_gather_out", TG_ERROR_DTYPE, {"float64"}, tg_gather_out(x, 0, x, out));
}
