// SPDX-License-Identifier: MIT
// Errors of elementwise operators and reductions: shapes, dtypes, dimensions, numbers.
#include <limits>

#include "capi/rows.h"

using namespace capi;

TEST_CASE("elementwise: shapes that do not broadcast", "[errors]") {
  const Tensor x = tensor({1}, {2, 3}), pair = vec({1, 2});
  const Tensor yes = zeros(TG_BOOL, {2, 3}), two = zeros(TG_BOOL, {2});
  Rows rows{x, pair, yes, two};
  rows.fails("tg_add", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_add(x, pair, rows.out()));
  rows.fails("tg_sub", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_sub(x, pair, rows.out()));
  rows.fails("tg_mul", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_mul(x, pair, rows.out()));
  rows.fails("tg_div", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_div(x, pair, rows.out()));
  rows.fails("tg_maximum", TG_ERROR_SHAPE,
             {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_maximum(x, pair, rows.out()));
  rows.fails("tg_minimum", TG_ERROR_SHAPE,
             {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_minimum(x, pair, rows.out()));
  rows.fails("tg_eq", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_eq(x, pair, rows.out()));
  rows.fails("tg_ne", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_ne(x, pair, rows.out()));
  rows.fails("tg_lt", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_lt(x, pair, rows.out()));
  rows.fails("tg_le", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_le(x, pair, rows.out()));
  rows.fails("tg_gt", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_gt(x, pair, rows.out()));
  rows.fails("tg_ge", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast", "reshape or expand"},
             tg_ge(x, pair, rows.out()));
  rows.fails("tg_where", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast"},
             tg_where(yes, x, pair, rows.out()));
  rows.fails("tg_where", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast"},
             tg_where(two, x, x, rows.out()));
}

TEST_CASE("elementwise: dtypes that are not taken and numbers that a dtype cannot hold",
          "[errors]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor floats = vec({1, 2}), integers = zeros(TG_INT32, {2}), bytes = zeros(TG_UINT8, {2});
  const Tensor bools = zeros(TG_BOOL, {2});
  Rows rows{floats, integers, bytes, bools};
  rows.fails("tg_sub", TG_ERROR_DTYPE, {"bool", "tg_ne", "tg_to_dtype"},
             tg_sub(bools, bools, rows.out()));
  rows.fails("tg_add_scalar", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_add_scalar(integers, 2.5, rows.out()));
  rows.fails("tg_add_scalar", TG_ERROR_DTYPE, {"nan", "int32"},
             tg_add_scalar(integers, nan, rows.out()));
  rows.fails("tg_add_scalar", TG_ERROR_DTYPE, {"256", "uint8"},
             tg_add_scalar(bytes, 256, rows.out()));
  rows.fails("tg_add_scalar", TG_ERROR_DTYPE, {"2", "bool"}, tg_add_scalar(bools, 2, rows.out()));
  rows.fails("tg_sub_scalar", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_sub_scalar(integers, 2.5, rows.out()));
  rows.fails("tg_sub_scalar", TG_ERROR_DTYPE, {"nan", "int32"},
             tg_sub_scalar(integers, nan, rows.out()));
  rows.fails("tg_sub_scalar", TG_ERROR_DTYPE, {"256", "uint8"},
             tg_sub_scalar(bytes, 256, rows.out()));
  rows.fails("tg_sub_scalar", TG_ERROR_DTYPE, {"2", "bool"}, tg_sub_scalar(bools, 2, rows.out()));
  rows.fails("tg_mul_scalar", TG_ERROR_DTYPE, {"2.5", "int32", "tg_to_dtype"},
             tg_mul_scalar(integers, 2.5, rows.out()));
  rows.fails("tg_mul_scalar", TG_ERROR_DTYPE, {"nan", "int32"},
             tg_mul_scalar(integers, nan, rows.out()));
  rows.fails("tg_mul_scalar", TG_ERROR_DTYPE, {"256", "uint8"},
             tg_mul_scalar(bytes, 256, rows.out()));
  rows.fails("tg_mul_scalar", TG_ERROR_DTYPE, {"2", "bool"}, tg_mul_scalar(bools, 2, rows.out()));
  rows.fails("tg_pow_scalar", TG_ERROR_DTYPE, {"exponent is -1", "tg_to_dtype"},
             tg_pow_scalar(integers, -1, rows.out()));
  rows.fails("tg_pow_scalar", TG_ERROR_DTYPE, {"0.5", "tg_to_dtype"},
             tg_pow_scalar(integers, 0.5, rows.out()));
  rows.fails("tg_pow_scalar", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"},
             tg_pow_scalar(bools, 2, rows.out()));
  rows.fails("tg_neg", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_neg(bools, rows.out()));
  rows.fails("tg_abs", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_abs(bools, rows.out()));
  rows.fails("tg_relu", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_relu(bools, rows.out()));
  rows.fails("tg_exp", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_exp(integers, rows.out()));
  rows.fails("tg_exp", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_exp(bools, rows.out()));
  rows.fails("tg_log", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_log(integers, rows.out()));
  rows.fails("tg_log", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_log(bools, rows.out()));
  rows.fails("tg_sqrt", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_sqrt(integers, rows.out()));
  rows.fails("tg_sqrt", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sqrt(bools, rows.out()));
  rows.fails("tg_sin", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_sin(integers, rows.out()));
  rows.fails("tg_sin", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sin(bools, rows.out()));
  rows.fails("tg_cos", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_cos(integers, rows.out()));
  rows.fails("tg_cos", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_cos(bools, rows.out()));
  rows.fails("tg_tanh", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_tanh(integers, rows.out()));
  rows.fails("tg_tanh", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_tanh(bools, rows.out()));
  rows.fails("tg_sigmoid", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"},
             tg_sigmoid(integers, rows.out()));
  rows.fails("tg_sigmoid", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"}, tg_sigmoid(bools, rows.out()));
  rows.fails("tg_clamp", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"},
             tg_clamp(bools, 0, 1, rows.out()));
  rows.fails("tg_clamp", TG_ERROR_DTYPE, {"0.5", "int32", "tg_to_dtype"},
             tg_clamp(integers, 0.5, 1, rows.out()));
  rows.fails("tg_clamp", TG_ERROR_DTYPE, {"1.5", "int32", "tg_to_dtype"},
             tg_clamp(integers, 0, 1.5, rows.out()));
  rows.fails("tg_clamp", TG_ERROR_INVALID_ARGUMENT, {"NaN", "infinity"},
             tg_clamp(floats, nan, 1, rows.out()));
  rows.fails("tg_clamp", TG_ERROR_INVALID_ARGUMENT, {"NaN", "infinity"},
             tg_clamp(floats, 0, nan, rows.out()));
  rows.fails("tg_where", TG_ERROR_DTYPE, {"condition has dtype int32", "bool"},
             tg_where(integers, floats, floats, rows.out()));
}

TEST_CASE("reductions: dimensions, dtypes and tensors without elements", "[errors]") {
  const int64_t far[] = {2}, below[] = {-3}, one[] = {1}, twice[] = {0, -2};
  const Tensor x = tensor({1}, {2, 3}), integers = zeros(TG_INT32, {2, 3}),
               empty = tensor({}, {0, 2});
  const Tensor none = tensor({1}, {}), brief = zeros(TG_BFLOAT16, {2, 3});
  Rows rows{x, integers, empty, none, brief};
  rows.fails("tg_sum_dims", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_sum_dims(x, far, 1, 0, rows.out()));
  rows.fails("tg_sum_dims", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_sum_dims(x, below, 1, 0, rows.out()));
  rows.fails("tg_sum_dims", TG_ERROR_INDEX, {"dim is 1", "-1 to 0"},
             tg_sum_dims(none, one, 1, 0, rows.out()));
  rows.fails("tg_sum_dims", TG_ERROR_INVALID_ARGUMENT, {"dimension", "twice"},
             tg_sum_dims(x, twice, 2, 0, rows.out()));
  rows.fails("tg_sum_dims", TG_ERROR_INVALID_ARGUMENT, {"dims is NULL"},
             tg_sum_dims(x, nullptr, 2, 0, rows.out()));
  rows.fails("tg_sum_dims", TG_ERROR_INVALID_ARGUMENT, {"keepdim is 2"},
             tg_sum_dims(x, one, 1, 2, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_mean_dims(x, far, 1, 0, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_mean_dims(x, below, 1, 0, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INDEX, {"dim is 1", "-1 to 0"},
             tg_mean_dims(none, one, 1, 0, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INVALID_ARGUMENT, {"dimension", "twice"},
             tg_mean_dims(x, twice, 2, 0, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INVALID_ARGUMENT, {"dims is NULL"},
             tg_mean_dims(x, nullptr, 2, 0, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_INVALID_ARGUMENT, {"keepdim is 2"},
             tg_mean_dims(x, one, 1, 2, rows.out()));
  rows.fails("tg_mean", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"}, tg_mean(integers, rows.out()));
  rows.fails("tg_mean_dims", TG_ERROR_DTYPE, {"int32", "tg_to_dtype"},
             tg_mean_dims(integers, one, 1, 0, rows.out()));
  rows.fails("tg_max", TG_ERROR_SHAPE, {"[0, 2]", "no element", "give at least one"},
             tg_max(empty, rows.out()));
  rows.fails("tg_min", TG_ERROR_SHAPE, {"[0, 2]", "no element", "give at least one"},
             tg_min(empty, rows.out()));
  rows.fails("tg_argmax", TG_ERROR_SHAPE, {"[0, 2]", "no element", "give at least one"},
             tg_argmax(empty, rows.out()));
  rows.fails("tg_argmin", TG_ERROR_SHAPE, {"[0, 2]", "no element", "give at least one"},
             tg_argmin(empty, rows.out()));
  rows.fails("tg_max_dim", TG_ERROR_SHAPE, {"dimension 0", "size 0"},
             tg_max_dim(empty, 0, 0, rows.out(), rows.out()));
  rows.fails("tg_max_dim", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_max_dim(x, 2, 0, rows.out(), rows.out()));
  rows.fails("tg_max_dim", TG_ERROR_INVALID_ARGUMENT, {"keepdim is -1"},
             tg_max_dim(x, 1, -1, rows.out(), rows.out()));
  rows.fails("tg_min_dim", TG_ERROR_SHAPE, {"dimension 0", "size 0"},
             tg_min_dim(empty, 0, 0, rows.out(), rows.out()));
  rows.fails("tg_min_dim", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_min_dim(x, 2, 0, rows.out(), rows.out()));
  rows.fails("tg_min_dim", TG_ERROR_INVALID_ARGUMENT, {"keepdim is -1"},
             tg_min_dim(x, 1, -1, rows.out(), rows.out()));
  rows.fails("tg_argmax_dim", TG_ERROR_SHAPE, {"dimension 0", "size 0"},
             tg_argmax_dim(empty, -2, 0, rows.out()));
  rows.fails("tg_argmax_dim", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_argmax_dim(x, -3, 0, rows.out()));
  rows.fails("tg_argmax_dim", TG_ERROR_INVALID_ARGUMENT, {"keepdim is 2"},
             tg_argmax_dim(x, 1, 2, rows.out()));
  rows.fails("tg_argmin_dim", TG_ERROR_SHAPE, {"dimension 0", "size 0"},
             tg_argmin_dim(empty, -2, 0, rows.out()));
  rows.fails("tg_argmin_dim", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_argmin_dim(x, -3, 0, rows.out()));
  rows.fails("tg_argmin_dim", TG_ERROR_INVALID_ARGUMENT, {"keepdim is 2"},
             tg_argmin_dim(x, 1, 2, rows.out()));
  rows.fails("tg_softmax", TG_ERROR_DTYPE, {"int32", "float32 and float64", "tg_to_dtype"},
             tg_softmax(integers, 0, rows.out()));
  rows.fails("tg_softmax", TG_ERROR_DTYPE, {"bfloat16", "float32 and float64"},
             tg_softmax(brief, 0, rows.out()));
  rows.fails("tg_softmax", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"}, tg_softmax(x, 2, rows.out()));
  rows.fails("tg_log_softmax", TG_ERROR_DTYPE, {"int32", "float32 and float64", "tg_to_dtype"},
             tg_log_softmax(integers, 0, rows.out()));
  rows.fails("tg_log_softmax", TG_ERROR_DTYPE, {"bfloat16", "float32 and float64"},
             tg_log_softmax(brief, 0, rows.out()));
  rows.fails("tg_log_softmax", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_log_softmax(x, 2, rows.out()));
}
