// SPDX-License-Identifier: MIT
// Errors of calls that ask a tensor or change what belongs to it: elements, flags, .grad, buffers.
#include "capi/rows.h"

using namespace capi;

TEST_CASE("asking a tensor: arrays, dimensions, buffers", "[errors]") {
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3}), none = tensor({1}, {});
  int64_t sizes[] = {7, 7};
  int32_t rank = 7;
  Rows rows{x, none};
  rows.fails("tg_tensor_shape", TG_ERROR_LIMIT, {"rank 2", "room for 1", "larger array"},
             tg_tensor_shape(x, sizes, 1, &rank));
  CHECK(rank == 2);
  rank = 7;
  rows.fails("tg_tensor_strides", TG_ERROR_LIMIT, {"rank 2", "room for 1", "larger array"},
             tg_tensor_strides(x, sizes, 1, &rank));
  CHECK(rank == 2);
  for (const int64_t size : sizes) CHECK(size == 7);
  rows.fails("tg_tensor_shape", TG_ERROR_INVALID_ARGUMENT, {"capacity is -1"},
             tg_tensor_shape(x, sizes, -1, rows.untouched<int32_t>()));
  rows.fails("tg_tensor_shape", TG_ERROR_INVALID_ARGUMENT, {"NULL"},
             tg_tensor_shape(x, nullptr, 2, rows.untouched<int32_t>()));
  rows.fails("tg_tensor_strides", TG_ERROR_INVALID_ARGUMENT, {"capacity is -1"},
             tg_tensor_strides(x, sizes, -1, rows.untouched<int32_t>()));
  rows.fails("tg_tensor_strides", TG_ERROR_INVALID_ARGUMENT, {"NULL"},
             tg_tensor_strides(x, nullptr, 2, rows.untouched<int32_t>()));
  rows.fails("tg_tensor_size", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_tensor_size(x, 2, rows.untouched<int64_t>()));
  rows.fails("tg_tensor_size", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_tensor_size(x, -3, rows.untouched<int64_t>()));
  rows.fails("tg_tensor_size", TG_ERROR_INDEX, {"rank 0 has none"},
             tg_tensor_size(none, 0, rows.untouched<int64_t>()));
  rows.fails("tg_tensor_copy_out", TG_ERROR_INVALID_ARGUMENT, {"bytes is 40", "48", "equal"},
             tg_tensor_copy_out(x, rows.untouched<double[6]>(), 40));
  rows.fails("tg_tensor_copy_out", TG_ERROR_INVALID_ARGUMENT, {"bytes is 56", "48", "equal"},
             tg_tensor_copy_out(x, rows.untouched<double[7]>(), 56));
  rows.fails("tg_tensor_copy_out", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL"},
             tg_tensor_copy_out(x, nullptr, 48));
  rows.fails("tg_tensor_format", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_tensor_format(x, nullptr, 9, rows.untouched<size_t>()));
  rows.fails("tg_tensor_name", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_tensor_name(x, nullptr, 9, rows.untouched<size_t>()));
}

TEST_CASE("asking a tensor for its only element", "[errors]") {
  const Tensor x = vec({1, 2}), none = tensor({}, {0}), half = vec({0.5});
  const Tensor big = indices({(int64_t{1} << 53) + 1}), many = indices({1, 2});
  Rows rows{x, none, half, many};
  rows.fails("tg_tensor_item", TG_ERROR_SHAPE, {"2 elements", "tg_tensor_copy_out"},
             tg_tensor_item(x, rows.untouched<double>()));
  rows.fails("tg_tensor_item", TG_ERROR_SHAPE, {"0 elements", "not one"},
             tg_tensor_item(none, rows.untouched<double>()));
  rows.fails("tg_tensor_item", TG_ERROR_DTYPE, {"9007199254740993", "tg_tensor_item_int64"},
             tg_tensor_item(big, rows.untouched<double>()));
  rows.fails("tg_tensor_item_int64", TG_ERROR_SHAPE, {"2 elements", "tg_tensor_copy_out"},
             tg_tensor_item_int64(many, rows.untouched<int64_t>()));
  rows.fails("tg_tensor_item_int64", TG_ERROR_DTYPE, {"float64", "tg_tensor_item", "tg_to_dtype"},
             tg_tensor_item_int64(half, rows.untouched<int64_t>()));
}

TEST_CASE("an inference tensor: what belongs to autograd is refused outside its mode", "[errors]") {
  const Tensor i0 = of_kind("i0", {1, 2}, {2}), i1 = of_kind("i1", {1, 2}, {2});
  const Tensor grad = vec({1, 1}), x = vec({1, 2});
  ok(tg_tensor_set_name(i0, "eta"));
  Rows rows{i0, i1, grad, x};
  rows.fails("tg_tensor_version", TG_ERROR_MODE,
             {"eta", "inference tensor", "tg_tensor_is_inference", "tg_clone"},
             tg_tensor_version(i0, rows.untouched<int64_t>()));
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_MODE,
             {"eta", "inference tensor", "tg_clone it outside", "make it outside"},
             tg_tensor_set_requires_grad(i0, 1));
  rows.fails("tg_tensor_set_grad", TG_ERROR_MODE,
             {"eta", "inference tensor", "tg_clone it outside", "make it outside"},
             tg_tensor_set_grad(i0, grad));
  rows.fails("tg_tensor_set_grad", TG_ERROR_MODE,
             {"grad, ", "eta", "inference tensor", "tg_clone it outside"},
             tg_tensor_set_grad(x, i0));
  rows.fails("tg_tensor_retain_grad", TG_ERROR_MODE,
             {"eta", "inference tensor", "tg_clone it outside", "make it outside"},
             tg_tensor_retain_grad(i0));
  rows.fails("tg_tensor_retain_grad", TG_ERROR_MODE, {"inference tensor"},
             tg_tensor_retain_grad(i1));
  rows.fails("tg_tensor_mark_written", TG_ERROR_MODE,
             {"eta", "inference tensor", "change it inside inference mode", "tg_clone"},
             tg_tensor_mark_written(i0));
  const In no_grad(Mode::no_grad);
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_MODE, {"eta"},
             tg_tensor_set_requires_grad(i0, 1));
  rows.fails("tg_tensor_mark_written", TG_ERROR_MODE, {"eta"}, tg_tensor_mark_written(i0));
}

TEST_CASE("requires_grad, .grad, retain_grad and detach_", "[errors]") {
  const Tensor x = vec({1, 2}), w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0);
  const Tensor integers = zeros(TG_INT32, {2}), bools = zeros(TG_BOOL, {2});
  const Tensor three = vec({1, 2, 3}), light = zeros(TG_FLOAT32, {2});
  const Tensor view = viewed(y, {2});
  ok(tg_tensor_set_name(y, "why"));
  Rows rows{x, w, y, integers, bools, three, light, view};
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_DTYPE, {"int32", "only floating"},
             tg_tensor_set_requires_grad(integers, 1));
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_DTYPE, {"bool", "tg_to_dtype"},
             tg_tensor_set_requires_grad(bools, 1));
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_AUTOGRAD, {"why", "no leaf", "tg_detach"},
             tg_tensor_set_requires_grad(y, 0));
  rows.fails("tg_tensor_set_requires_grad", TG_ERROR_INVALID_ARGUMENT, {"requires_grad is -1"},
             tg_tensor_set_requires_grad(x, -1));
  rows.fails("tg_tensor_set_grad", TG_ERROR_INVALID_ARGUMENT, {"the tensor itself"},
             tg_tensor_set_grad(w, w));
  rows.fails("tg_tensor_set_grad", TG_ERROR_SHAPE, {"grad has shape [3]", "[2]"},
             tg_tensor_set_grad(w, three));
  rows.fails("tg_tensor_set_grad", TG_ERROR_DTYPE, {"grad has dtype float32", "float64"},
             tg_tensor_set_grad(w, light));
  rows.fails("tg_tensor_retain_grad", TG_ERROR_AUTOGRAD,
             {"does not require grad", "tg_tensor_set_requires_grad"}, tg_tensor_retain_grad(x));
  rows.fails("tg_detach_", TG_ERROR_AUTOGRAD, {"is a view", "tg_detach", "base"}, tg_detach_(view));
  for (const Mode mode : kModes) {
    const In in(mode);
    rows.fails("tg_detach_", TG_ERROR_AUTOGRAD, {"is a view"}, tg_detach_(view));
    rows.fails("tg_tensor_set_requires_grad", TG_ERROR_AUTOGRAD, {"why"},
               tg_tensor_set_requires_grad(y, 0));
  }
}

TEST_CASE("copying into a tensor: bytes", "[errors]") {
  const Tensor x = vec({1, 2});
  const double three[] = {7, 8, 9};
  Rows rows{x};
  rows.fails("tg_tensor_copy_in", TG_ERROR_INVALID_ARGUMENT, {"bytes is 24", "16", "equal"},
             tg_tensor_copy_in(x, three, 24));
  rows.fails("tg_tensor_copy_in", TG_ERROR_INVALID_ARGUMENT, {"bytes is 8", "16", "equal"},
             tg_tensor_copy_in(x, three, 8));
  rows.fails("tg_tensor_copy_in", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL"},
             tg_tensor_copy_in(x, nullptr, 16));
  rows.fails("tg_to_dtype", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_to_dtype(x, 11, rows.out()));
  rows.fails("tg_tensor_set_name", TG_ERROR_INVALID_ARGUMENT, {"name", "UTF-8", "byte 2"},
             tg_tensor_set_name(x, "na\xff"));
}
