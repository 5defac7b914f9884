// SPDX-License-Identifier: MIT
// Errors of matrix products: ranks, inner sizes, batches, dtypes.
#include "capi/rows.h"

using namespace capi;

TEST_CASE("products: ranks, inner sizes and batches", "[errors]") {
  const Tensor a = tensor({1}, {2, 3}), turned = tensor({1}, {3, 2}), v = vec({1, 2, 3});
  const Tensor pair = vec({1, 2}), none = tensor({1}, {}), batch = tensor({1}, {4, 2, 3});
  const Tensor single = tensor({1}, {1, 3, 2}), three = tensor({1}, {3, 3, 2});
  Rows rows{a, turned, v, pair, none, batch, single, three};
  rows.fails("tg_mm", TG_ERROR_SHAPE,
             {"a has shape [2, 3]", "b has [2, 3]", "inner sizes 3 and 2", "transpose or reshape"},
             tg_mm(a, a, rows.out()));
  rows.fails("tg_mm", TG_ERROR_SHAPE, {"a has shape [3]", "rank 1", "rank 2"},
             tg_mm(v, a, rows.out()));
  rows.fails("tg_mm", TG_ERROR_SHAPE, {"b has shape [3]", "rank 1", "rank 2"},
             tg_mm(a, v, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_SHAPE, {"a has shape [2, 3]", "rank 3"},
             tg_bmm(a, batch, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_SHAPE, {"b has shape [2, 3]", "rank 3"},
             tg_bmm(batch, a, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_SHAPE, {"batches 4 and 1", "tg_matmul"},
             tg_bmm(batch, single, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_SHAPE, {"inner sizes 3 and 2"}, tg_bmm(batch, batch, rows.out()));
  rows.fails("tg_mv", TG_ERROR_SHAPE, {"a has shape [3]", "rank 2"}, tg_mv(v, v, rows.out()));
  rows.fails("tg_mv", TG_ERROR_SHAPE, {"x has shape [2, 3]", "rank 1"}, tg_mv(a, a, rows.out()));
  rows.fails("tg_mv", TG_ERROR_SHAPE, {"inner sizes 3 and 2"}, tg_mv(a, pair, rows.out()));
  rows.fails("tg_dot", TG_ERROR_SHAPE, {"a has shape [2, 3]", "rank 1"}, tg_dot(a, v, rows.out()));
  rows.fails("tg_dot", TG_ERROR_SHAPE, {"b has shape [2, 3]", "rank 1"}, tg_dot(v, a, rows.out()));
  rows.fails("tg_dot", TG_ERROR_SHAPE, {"a has 3 elements", "b has 2"},
             tg_dot(v, pair, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"a has rank 0", "tg_mul"},
             tg_matmul(none, v, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"b has rank 0", "tg_mul"},
             tg_matmul(a, none, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"inner sizes 3 and 2"}, tg_matmul(a, a, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"inner sizes 3 and 2"}, tg_matmul(v, pair, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"inner sizes 3 and 2"},
             tg_matmul(batch, pair, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_SHAPE, {"broadcast"}, tg_matmul(batch, three, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_SHAPE, {"x has shape [3]", "broadcast", "[2, 2]"},
             tg_addmm(v, a, turned, 1, 1, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_SHAPE, {"a has shape [3]", "rank 2"},
             tg_addmm(a, v, a, 1, 1, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_SHAPE, {"b has shape [3]", "rank 2"},
             tg_addmm(a, a, v, 1, 1, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_SHAPE, {"inner sizes 3 and 2"},
             tg_addmm(a, a, a, 1, 1, rows.out()));
  rows.fails("tg_linear", TG_ERROR_SHAPE, {"weight has shape [3]", "rank 2"},
             tg_linear(a, v, 0, rows.out()));
  rows.fails("tg_linear", TG_ERROR_SHAPE,
             {"x has shape [2, 3]", "weight has [3, 2]", "3 and 2", "transpose"},
             tg_linear(a, turned, 0, rows.out()));
  rows.fails("tg_linear", TG_ERROR_SHAPE, {"bias has shape [3]", "[2]"},
             tg_linear(a, a, v, rows.out()));
  rows.fails("tg_linear", TG_ERROR_SHAPE, {"x has rank 0"}, tg_linear(none, a, 0, rows.out()));
}

TEST_CASE("products: dtypes that are not taken or differ", "[errors]") {
  const Tensor f64 = tensor({1}, {2, 2}), f32 = zeros(TG_FLOAT32, {2, 2}),
               half = zeros(TG_FLOAT16, {2, 2});
  const Tensor integers = zeros(TG_INT64, {2, 2}), v64 = vec({1, 2}), v32 = zeros(TG_FLOAT32, {2}),
               i1 = zeros(TG_INT64, {2});
  const Tensor b64 = tensor({1}, {1, 2, 2}), b32 = zeros(TG_FLOAT32, {1, 2, 2}),
               i3 = zeros(TG_INT64, {1, 2, 2});
  Rows rows{f64, f32, half, integers, v64, v32, i1, b64, b32, i3};
  rows.fails("tg_mm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_mm(integers, f64, rows.out()));
  rows.fails("tg_mm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_mm(f64, integers, rows.out()));
  rows.fails("tg_mm", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_mm(f64, f32, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_bmm(i3, b64, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_bmm(b64, i3, rows.out()));
  rows.fails("tg_bmm", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_bmm(b64, b32, rows.out()));
  rows.fails("tg_mv", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_mv(integers, v64, rows.out()));
  rows.fails("tg_mv", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_mv(f64, i1, rows.out()));
  rows.fails("tg_mv", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_mv(f64, v32, rows.out()));
  rows.fails("tg_dot", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_dot(i1, v64, rows.out()));
  rows.fails("tg_dot", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_dot(v64, i1, rows.out()));
  rows.fails("tg_dot", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_dot(v64, v32, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_matmul(integers, f64, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"}, tg_matmul(f64, i1, rows.out()));
  rows.fails("tg_matmul", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_matmul(f64, v32, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_addmm(f64, integers, f64, 1, 1, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_addmm(integers, f64, f64, 1, 1, rows.out()));
  rows.fails("tg_addmm", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_addmm(f32, f64, f64, 1, 1, rows.out()));
  rows.fails("tg_linear", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_linear(integers, f64, 0, rows.out()));
  rows.fails("tg_linear", TG_ERROR_DTYPE, {"int64", "tg_to_dtype"},
             tg_linear(f64, integers, 0, rows.out()));
  rows.fails("tg_linear", TG_ERROR_DTYPE, {"float64", "float32", "do not promote", "tg_to_dtype"},
             tg_linear(f64, f64, v32, rows.out()));
  rows.fails("tg_mm", TG_ERROR_DTYPE, {"float16", "float32 and float64"},
             tg_mm(half, half, rows.out()));
}
