// SPDX-License-Identifier: MIT
// Errors of joining, indexing and losses: shapes, dtypes, indices, counts.
#include <limits>

#include "capi/rows.h"

using namespace capi;

TEST_CASE("joining: counts, shapes and dimensions", "[errors]") {
  const Tensor x = tensor({1}, {2, 3}), narrow = tensor({1}, {2, 2}), v = vec({1, 2, 3});
  const Tensor none = tensor({1}, {}), deep = tensor({1}, Sizes(16, 1));
  const tg_tensor holed[] = {x, 0}, alike[] = {x, x}, unlike[] = {x, narrow}, ranks[] = {x, v};
  const tg_tensor with_scalar[] = {v, none}, deep_ones[] = {deep};
  const std::vector<tg_tensor> crowd(65'536, v);
  Rows rows{x, narrow, v, none, deep};
  rows.fails("tg_cat", TG_ERROR_INVALID_HANDLE, {"tensors[1]", "0 (none)"},
             tg_cat(holed, 2, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_INVALID_ARGUMENT, {"tensors is NULL"},
             tg_cat(nullptr, 2, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_INVALID_ARGUMENT, {"count is 0", "at least one"},
             tg_cat(alike, 0, 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_INVALID_HANDLE, {"tensors[1]", "0 (none)"},
             tg_stack(holed, 2, 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_INVALID_ARGUMENT, {"tensors is NULL"},
             tg_stack(nullptr, 2, 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_INVALID_ARGUMENT, {"count is 0", "at least one"},
             tg_stack(alike, 0, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"}, tg_cat(alike, 2, 2, rows.out()));
  rows.fails("tg_cat", TG_ERROR_SHAPE,
             {"tensors[1] has shape [2, 2]", "tensors[0] has [2, 3]", "but along dim"},
             tg_cat(unlike, 2, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_SHAPE, {"tensors[1] has shape [3]", "ranks must be equal"},
             tg_cat(ranks, 2, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_SHAPE, {"tensors[1]", "rank 0", "tg_unsqueeze"},
             tg_cat(with_scalar, 2, 0, rows.out()));
  rows.fails("tg_cat", TG_ERROR_LIMIT, {"count is 65536", "65535", "in groups"},
             tg_cat(crowd.data(), crowd.size(), 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_INDEX, {"dim is 3", "-3 to 2"},
             tg_stack(alike, 2, 3, rows.out()));
  rows.fails("tg_stack", TG_ERROR_SHAPE,
             {"tensors[1] has shape [2, 2]", "tensors[0] has [2, 3]", "equal"},
             tg_stack(unlike, 2, 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_LIMIT, {"count is 65536", "65535", "in groups"},
             tg_stack(crowd.data(), crowd.size(), 0, rows.out()));
  rows.fails("tg_stack", TG_ERROR_LIMIT, {"rank 16", "one more"},
             tg_stack(deep_ones, 1, 0, rows.out()));
}

TEST_CASE("indexing: dimensions, indices, shapes and dtypes", "[errors]") {
  const Tensor x = tensor({1}, {2, 3}), none = tensor({1}, {}), list = indices({0, 1});
  const Tensor far = indices({1, 2}), negative = indices({-1}), flat = indices({0, 1}, {1, 2});
  const Tensor flat_far = indices({0, 2}, {1, 2}), tall = indices({0, 0, 0}, {3, 1});
  const int32_t values[] = {1, 7};
  const int64_t two[] = {2};
  const Tensor small = make(tg_tensor_create, values, TG_INT32, two, 1, 0);
  Rows rows{x, none, list, far, negative, flat, flat_far, tall, small};
  rows.fails("tg_index_select", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_index_select(x, 2, list, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_INDEX,
             {"index[1] is 2", "dimension 0 has size 2", "0 to 1"},
             tg_index_select(x, 0, far, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_INDEX, {"index[0] is -1", "dimension 1"},
             tg_index_select(x, 1, negative, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_INDEX, {"index[1] is 7", "dimension 0 has size 2"},
             tg_index_select(x, 0, small, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_SHAPE,
             {"index has shape [1, 2]", "rank 0 or 1", "tg_gather"},
             tg_index_select(x, 0, flat, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_SHAPE, {"index has 2 elements", "rank 0"},
             tg_index_select(none, 0, list, rows.out()));
  rows.fails("tg_index_select", TG_ERROR_DTYPE, {"index has dtype float64", "int64 or int32"},
             tg_index_select(x, 0, x, rows.out()));
  rows.fails("tg_gather", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_gather(x, -3, flat, rows.out()));
  rows.fails("tg_gather", TG_ERROR_INDEX, {"index[0, 1] is 2", "dimension 0 has size 2"},
             tg_gather(x, 0, flat_far, rows.out()));
  rows.fails("tg_gather", TG_ERROR_SHAPE, {"index has shape [2]", "rank 1", "equal"},
             tg_gather(x, 0, list, rows.out()));
  rows.fails("tg_gather", TG_ERROR_SHAPE, {"index has shape [3, 1]", "x has [2, 3]", "dimension 1"},
             tg_gather(x, 1, tall, rows.out()));
  rows.fails("tg_gather", TG_ERROR_DTYPE, {"index has dtype int32", "int64", "tg_to_dtype"},
             tg_gather(x, 0, small, rows.out()));
}

TEST_CASE("losses: shapes, dtypes, classes and settings", "[errors]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Tensor x = tensor({1}, {2, 3}), pair = vec({1, 2}), none = tensor({1}, {});
  const Tensor target = indices({0, 2}), three = indices({0, 1, 2}), far = indices({0, 3}),
               below = indices({-1, 0});
  const Tensor integers = zeros(TG_INT32, {2, 3}), light = zeros(TG_FLOAT32, {3});
  Rows rows{x, pair, none, target, three, far, below, integers, light};
  rows.fails("tg_mse_loss", TG_ERROR_SHAPE, {"[2, 3]", "[2]", "do not broadcast"},
             tg_mse_loss(x, pair, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_mse_loss", TG_ERROR_DTYPE, {"target has dtype int64", "floating point"},
             tg_mse_loss(x, target, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_mse_loss", TG_ERROR_DTYPE, {"x has dtype int64", "floating point"},
             tg_mse_loss(target, x, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_mse_loss", TG_ERROR_INVALID_ARGUMENT, {"reduction is 3", "TG_REDUCTION_MEAN"},
             tg_mse_loss(x, x, 3, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_SHAPE, {"target has shape [3]", "[2, 3]", "[2]"},
             tg_nll_loss(x, three, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_SHAPE, {"x has rank 0"},
             tg_nll_loss(none, target, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_SHAPE, {"weight has shape [2]", "[3]"},
             tg_nll_loss(x, target, pair, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_DTYPE, {"int32", "float32 or float64"},
             tg_nll_loss(integers, target, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_DTYPE, {"target has dtype float64", "int64"},
             tg_nll_loss(x, pair, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_DTYPE, {"weight has dtype float32", "float64"},
             tg_nll_loss(x, target, light, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_INDEX, {"target[1] is 3", "3 classes", "ignore_index"},
             tg_nll_loss(x, far, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_INDEX, {"target[0] is -1", "-100"},
             tg_nll_loss(x, below, 0, -100, TG_REDUCTION_MEAN, rows.out()));
  rows.fails("tg_nll_loss", TG_ERROR_INVALID_ARGUMENT, {"reduction is -1"},
             tg_nll_loss(x, target, 0, -100, -1, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_SHAPE, {"target has shape [3]", "[2, 3]", "[2]"},
             tg_cross_entropy(x, three, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_SHAPE, {"x has rank 0"},
             tg_cross_entropy(none, target, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_SHAPE, {"weight has shape [2]", "[3]"},
             tg_cross_entropy(x, target, pair, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_DTYPE, {"int32", "float32"},
             tg_cross_entropy(integers, target, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_DTYPE, {"target has dtype float64", "int64"},
             tg_cross_entropy(x, pair, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_DTYPE, {"weight has dtype float32", "float64"},
             tg_cross_entropy(x, target, light, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INDEX, {"target[1] is 3", "3 classes", "ignore_index"},
             tg_cross_entropy(x, far, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INDEX, {"target[0] is -1", "-100"},
             tg_cross_entropy(x, below, 0, -100, TG_REDUCTION_MEAN, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INVALID_ARGUMENT, {"reduction is -1"},
             tg_cross_entropy(x, target, 0, -100, -1, 0, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INVALID_ARGUMENT,
             {"label_smoothing is 1.5", "from 0 to 1"},
             tg_cross_entropy(x, target, 0, -100, TG_REDUCTION_MEAN, 1.5, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INVALID_ARGUMENT,
             {"label_smoothing is -0.5", "from 0 to 1"},
             tg_cross_entropy(x, target, 0, -100, TG_REDUCTION_MEAN, -0.5, rows.out()));
  rows.fails("tg_cross_entropy", TG_ERROR_INVALID_ARGUMENT,
             {"label_smoothing is nan", "from 0 to 1"},
             tg_cross_entropy(x, target, 0, -100, TG_REDUCTION_MEAN, nan, rows.out()));
}
