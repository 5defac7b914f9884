// SPDX-License-Identifier: MIT
// Errors of calls that make tensors: sizes, ranks, dtypes, numbers, memory of the caller.
#include <limits>

#include "capi/rows.h"

using namespace capi;

TEST_CASE("making: sizes, ranks and dtypes", "[errors]") {
  const int64_t huge[] = {INT64_MAX, 2}, bytes[] = {INT64_MAX / 2}, negative[] = {2, -1},
                pair[] = {2};
  const int64_t many[17] = {};
  Rows rows;
  rows.fails("tg_empty", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_empty(TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_empty", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_empty(TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_empty", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_empty(TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_empty", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_empty(TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_empty", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_empty(TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_empty", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_empty(11, pair, 1, rows.out()));
  rows.fails("tg_empty", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_empty(TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_zeros(TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_zeros(TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_zeros(TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_zeros(TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_zeros(TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_zeros(11, pair, 1, rows.out()));
  rows.fails("tg_zeros", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_zeros(TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_ones", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_ones(TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_ones", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_ones(TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_ones", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_ones(TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_ones", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_ones(TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_ones", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_ones(TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_ones", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_ones(11, pair, 1, rows.out()));
  rows.fails("tg_ones", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_ones(TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_full", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_full(1, TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_full", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_full(1, TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_full", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_full(1, TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_full", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_full(1, TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_full", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_full(1, TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_full", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_full(1, 11, pair, 1, rows.out()));
  rows.fails("tg_full", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_full(1, TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_full_int64(1, TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_SHAPE, {"2^63 - 1"},
             tg_full_int64(1, TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_full_int64(1, TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_full_int64(1, TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_full_int64(1, TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_full_int64(1, 11, pair, 1, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_full_int64(1, TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_rand", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_rand(0, TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_rand", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_rand(0, TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_rand", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_rand(0, TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_rand", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_rand(0, TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_rand", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_rand(0, TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_rand", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_rand(0, 11, pair, 1, rows.out()));
  rows.fails("tg_rand", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_rand(0, TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_randn", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_randn(0, TG_FLOAT32, huge, 2, rows.out()));
  rows.fails("tg_randn", TG_ERROR_SHAPE, {"2^63 - 1"},
             tg_randn(0, TG_FLOAT32, bytes, 1, rows.out()));
  rows.fails("tg_randn", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_randn(0, TG_FLOAT32, negative, 2, rows.out()));
  rows.fails("tg_randn", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_randn(0, TG_FLOAT32, negative, -1, rows.out()));
  rows.fails("tg_randn", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_randn(0, TG_FLOAT32, nullptr, 2, rows.out()));
  rows.fails("tg_randn", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_randn(0, 11, pair, 1, rows.out()));
  rows.fails("tg_randn", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_randn(0, TG_FLOAT32, many, 17, rows.out()));
  rows.fails("tg_randint", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_randint(0, 0, 2, TG_INT64, huge, 2, rows.out()));
  rows.fails("tg_randint", TG_ERROR_SHAPE, {"2^63 - 1"},
             tg_randint(0, 0, 2, TG_INT64, bytes, 1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_INVALID_ARGUMENT, {"shape[1] is -1", "must not be negative"},
             tg_randint(0, 0, 2, TG_INT64, negative, 2, rows.out()));
  rows.fails("tg_randint", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_randint(0, 0, 2, TG_INT64, negative, -1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_randint(0, 0, 2, TG_INT64, nullptr, 2, rows.out()));
  rows.fails("tg_randint", TG_ERROR_INVALID_ARGUMENT, {"dtype is 11", "TG_BOOL"},
             tg_randint(0, 0, 2, 11, pair, 1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_randint(0, 0, 2, TG_INT64, many, 17, rows.out()));
}

namespace {

// A call that fails takes nothing over, so it never ends what the caller still owns.
void fail_if_called(void*, void*) { FAIL("a failed call ran the deleter"); }

}  // namespace

TEST_CASE("making from memory of the caller", "[errors]") {
  const int64_t huge[] = {INT64_MAX, 2}, negative[] = {-1}, two[] = {2}, many[17] = {};
  const int64_t far[] = {INT64_MAX}, far_back[] = {INT64_MIN}, back[] = {-INT64_MAX};
  double memory[] = {1, 2, 3};
  char* misplaced = reinterpret_cast<char*>(memory) + 1;
  Rows rows;
  rows.fails("tg_tensor_create", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_tensor_create(nullptr, TG_FLOAT32, huge, 2, 0, rows.out()));
  rows.fails("tg_tensor_create", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -1"},
             tg_tensor_create(nullptr, TG_FLOAT32, negative, 1, 0, rows.out()));
  rows.fails("tg_tensor_create", TG_ERROR_INVALID_ARGUMENT, {"requires_grad is 2"},
             tg_tensor_create(nullptr, TG_FLOAT32, two, 1, 2, rows.out()));
  rows.fails("tg_tensor_create", TG_ERROR_DTYPE, {"int64", "only floating"},
             tg_tensor_create(nullptr, TG_INT64, two, 1, 1, rows.out()));
  rows.fails("tg_tensor_create", TG_ERROR_DTYPE, {"bool", "only floating"},
             tg_tensor_create(nullptr, TG_BOOL, two, 1, 1, rows.out()));
  rows.fails("tg_tensor_create", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_tensor_create(nullptr, TG_FLOAT32, many, 17, 0, rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_INVALID_ARGUMENT, {"data is NULL"},
             tg_tensor_from_memory(nullptr, TG_FLOAT64, two, nullptr, 1, 0, fail_if_called, nullptr,
                                   rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_INVALID_ARGUMENT,
             {"not aligned", "8 bytes", "float64", "tg_tensor_create"},
             tg_tensor_from_memory(misplaced, TG_FLOAT64, two, nullptr, 1, 0, fail_if_called,
                                   nullptr, rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_INVALID_ARGUMENT, {"flags", "bits 2"},
             tg_tensor_from_memory(memory, TG_FLOAT64, two, nullptr, 1, 2, fail_if_called, nullptr,
                                   rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -1"},
             tg_tensor_from_memory(memory, TG_FLOAT64, negative, nullptr, 1, 0, fail_if_called,
                                   nullptr, rows.out()));
  rows.fails(
      "tg_tensor_from_memory", TG_ERROR_INVALID_ARGUMENT, {"dtype is 0"},
      tg_tensor_from_memory(memory, 0, two, nullptr, 1, 0, fail_if_called, nullptr, rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_SHAPE, {"2^63 - 1", "make it smaller"},
             tg_tensor_from_memory(memory, TG_FLOAT64, huge, nullptr, 2, 0, fail_if_called, nullptr,
                                   rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_SHAPE, {"strides", "count elements"},
             tg_tensor_from_memory(memory, TG_FLOAT64, two, far, 1, 0, fail_if_called, nullptr,
                                   rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_SHAPE, {"strides", "count elements"},
             tg_tensor_from_memory(memory, TG_FLOAT64, two, far_back, 1, 0, fail_if_called, nullptr,
                                   rows.out()));
  rows.fails(
      "tg_tensor_from_memory", TG_ERROR_SHAPE, {"strides", "count elements"},
      tg_tensor_from_memory(memory, TG_BOOL, two, back, 1, 0, fail_if_called, nullptr, rows.out()));
  rows.fails("tg_tensor_from_memory", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_tensor_from_memory(memory, TG_FLOAT64, many, many, 17, 0, fail_if_called, nullptr,
                                   rows.out()));
}

TEST_CASE("making: numbers that a dtype cannot hold, ranges and random numbers", "[errors]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const int64_t two[] = {2};
  const Handle generator = make(tg_generator_create, uint64_t{7});
  Rows rows;
  rows.fails("tg_scalar", TG_ERROR_DTYPE, {"0.5", "int8"}, tg_scalar(0.5, TG_INT8, rows.out()));
  rows.fails("tg_scalar", TG_ERROR_DTYPE, {"128", "int8"}, tg_scalar(128, TG_INT8, rows.out()));
  rows.fails("tg_scalar", TG_ERROR_DTYPE, {"2", "bool"}, tg_scalar(2, TG_BOOL, rows.out()));
  rows.fails("tg_scalar", TG_ERROR_DTYPE, {"inf", "int64"},
             tg_scalar(infinity, TG_INT64, rows.out()));
  rows.fails("tg_scalar", TG_ERROR_INVALID_ARGUMENT, {"dtype is -1"}, tg_scalar(1, -1, rows.out()));
  rows.fails("tg_full", TG_ERROR_DTYPE, {"-1", "uint8"}, tg_full(-1, TG_UINT8, two, 1, rows.out()));
  rows.fails("tg_full", TG_ERROR_DTYPE, {"1e+30", "int64"},
             tg_full(1e30, TG_INT64, two, 1, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_DTYPE, {"256", "uint8", "wider"},
             tg_full_int64(256, TG_UINT8, two, 1, rows.out()));
  rows.fails("tg_full_int64", TG_ERROR_DTYPE, {"2", "bool"},
             tg_full_int64(2, TG_BOOL, two, 1, rows.out()));
  rows.fails("tg_eye", TG_ERROR_INVALID_ARGUMENT, {"-1"}, tg_eye(TG_FLOAT32, -1, 2, rows.out()));
  rows.fails("tg_eye", TG_ERROR_INVALID_ARGUMENT, {"-2"}, tg_eye(TG_FLOAT32, 2, -2, rows.out()));
  rows.fails("tg_eye", TG_ERROR_INVALID_ARGUMENT, {"dtype is 99"}, tg_eye(99, 2, 2, rows.out()));
  rows.fails("tg_arange", TG_ERROR_INVALID_ARGUMENT, {"step is 0", "step not 0"},
             tg_arange(0, 5, 0, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_INVALID_ARGUMENT, {"step of -1", "change its sign"},
             tg_arange(0, 5, -1, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_INVALID_ARGUMENT, {"step of 1", "change its sign"},
             tg_arange(5, 0, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_INVALID_ARGUMENT, {"end is inf", "finite"},
             tg_arange(0, infinity, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_INVALID_ARGUMENT, {"start is nan", "finite"},
             tg_arange(nan, 1, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_SHAPE, {"more than"},
             tg_arange(0, 2e12, 1, TG_FLOAT32, rows.out()));
  rows.fails("tg_arange", TG_ERROR_DTYPE, {"bool"}, tg_arange(0, 2, 1, TG_BOOL, rows.out()));
  rows.fails("tg_arange", TG_ERROR_DTYPE, {"0.5", "int64"},
             tg_arange(0.5, 2, 1, TG_INT64, rows.out()));
  rows.fails("tg_arange", TG_ERROR_DTYPE, {"0.5", "int64"},
             tg_arange(0, 2, 0.5, TG_INT64, rows.out()));
  rows.fails("tg_arange", TG_ERROR_DTYPE, {"300", "uint8"},
             tg_arange(300, 301, 1, TG_UINT8, rows.out()));
  rows.fails("tg_rand", TG_ERROR_DTYPE, {"int64", "TG_FLOAT32 or TG_FLOAT64"},
             tg_rand(generator, TG_INT64, two, 1, rows.out()));
  rows.fails("tg_rand", TG_ERROR_DTYPE, {"float16", "TG_FLOAT32 or TG_FLOAT64"},
             tg_rand(generator, TG_FLOAT16, two, 1, rows.out()));
  rows.fails("tg_randn", TG_ERROR_DTYPE, {"int64", "TG_FLOAT32 or TG_FLOAT64"},
             tg_randn(generator, TG_INT64, two, 1, rows.out()));
  rows.fails("tg_randn", TG_ERROR_DTYPE, {"float16", "TG_FLOAT32 or TG_FLOAT64"},
             tg_randn(generator, TG_FLOAT16, two, 1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_INVALID_ARGUMENT, {"low is 2", "high is 2", "below"},
             tg_randint(generator, 2, 2, TG_INT64, two, 1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_DTYPE, {"300", "uint8"},
             tg_randint(generator, 0, 301, TG_UINT8, two, 1, rows.out()));
  rows.fails("tg_randint", TG_ERROR_DTYPE, {"-1", "uint8"},
             tg_randint(generator, -1, 5, TG_UINT8, two, 1, rows.out()));
  rows.fails("tg_randperm", TG_ERROR_INVALID_ARGUMENT, {"n is -1", "must not be negative"},
             tg_randperm(generator, -1, rows.out()));
  // A call that fails draws no number.
  uint64_t seed = 0, offset = 1;
  ok(tg_generator_state_get(generator, &seed, &offset));
  CHECK(seed == 7);
  CHECK(offset == 0);
}
