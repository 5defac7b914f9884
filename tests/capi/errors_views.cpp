// SPDX-License-Identifier: MIT
// Errors of operators that give views: shapes, dimensions, ranks, places outside a storage.
#include "capi/rows.h"

using namespace capi;

TEST_CASE("views: shapes and ranks", "[errors]") {
  const int64_t unknown[] = {-1, -1}, negative[] = {-2}, seven[] = {7}, fourth[] = {4, -1},
                six[] = {6};
  const int64_t zero_and_unknown[] = {0, -1}, huge[] = {INT64_MAX, INT64_MAX, 2},
                minus_two[] = {-2, 3};
  const int64_t new_unknown[] = {-1, 2, 3}, two_four[] = {2, 4}, one[] = {1}, twice[] = {1, -1};
  const int64_t many[17] = {6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3}), none = tensor({}, {0}),
               single = tensor({1}, {1});
  const Tensor turned = make(tg_t, x), cube = tensor({1}, {1, 1, 1});
  Rows rows{x, none, single, turned, cube};
  rows.fails("tg_view", TG_ERROR_INVALID_ARGUMENT, {"-1 twice"},
             tg_view(x, unknown, 2, rows.out()));
  rows.fails("tg_view", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -2"},
             tg_view(x, negative, 1, rows.out()));
  rows.fails("tg_view", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_view(x, seven, -1, rows.out()));
  rows.fails("tg_view", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_view(x, nullptr, 1, rows.out()));
  rows.fails("tg_view", TG_ERROR_SHAPE, {"6 elements", "[7]"}, tg_view(x, seven, 1, rows.out()));
  rows.fails("tg_view", TG_ERROR_SHAPE, {"6 elements", "[4, -1]"},
             tg_view(x, fourth, 2, rows.out()));
  rows.fails("tg_view", TG_ERROR_SHAPE, {"-1", "give it"},
             tg_view(none, zero_and_unknown, 2, rows.out()));
  rows.fails("tg_view", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_view(x, huge, 3, rows.out()));
  rows.fails("tg_view", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_view(x, many, 17, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_INVALID_ARGUMENT, {"-1 twice"},
             tg_reshape(x, unknown, 2, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -2"},
             tg_reshape(x, negative, 1, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_reshape(x, seven, -1, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_INVALID_ARGUMENT, {"shape is NULL"},
             tg_reshape(x, nullptr, 1, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_SHAPE, {"6 elements", "[7]"},
             tg_reshape(x, seven, 1, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_SHAPE, {"6 elements", "[4, -1]"},
             tg_reshape(x, fourth, 2, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_SHAPE, {"-1", "give it"},
             tg_reshape(none, zero_and_unknown, 2, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_reshape(x, huge, 3, rows.out()));
  rows.fails("tg_reshape", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_reshape(x, many, 17, rows.out()));
  rows.fails("tg_view", TG_ERROR_SHAPE, {"[3, 2]", "[6]", "tg_reshape"},
             tg_view(turned, six, 1, rows.out()));
  rows.fails("tg_expand", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -2", "-1 keeps"},
             tg_expand(x, minus_two, 2, rows.out()));
  rows.fails("tg_expand", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -1", "new dimension"},
             tg_expand(x, new_unknown, 3, rows.out()));
  rows.fails("tg_expand", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_expand(x, seven, -1, rows.out()));
  rows.fails("tg_expand", TG_ERROR_SHAPE, {"rank 2", "at least as many"},
             tg_expand(x, six, 1, rows.out()));
  rows.fails("tg_expand", TG_ERROR_SHAPE, {"dimension 1 has 3", "[2, 4]", "only 1"},
             tg_expand(x, two_four, 2, rows.out()));
  rows.fails("tg_expand", TG_ERROR_SHAPE, {"2^63 - 1"}, tg_expand(single, huge, 3, rows.out()));
  rows.fails("tg_expand", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_expand(x, many, 17, rows.out()));
  rows.fails("tg_t", TG_ERROR_SHAPE, {"rank 3", "tg_transpose"}, tg_t(cube, rows.out()));
  rows.fails("tg_permute", TG_ERROR_SHAPE, {"dims has 1", "rank 2"},
             tg_permute(x, one, 1, rows.out()));
  rows.fails("tg_permute", TG_ERROR_INVALID_ARGUMENT, {"dimension 1 twice"},
             tg_permute(x, twice, 2, rows.out()));
  rows.fails("tg_permute", TG_ERROR_INVALID_ARGUMENT, {"dims is NULL"},
             tg_permute(x, nullptr, 2, rows.out()));
}

TEST_CASE("views: dimensions and places", "[errors]") {
  const int64_t beyond[] = {0, 2};
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3}), scalar = tensor({1}, {});
  const Tensor deep = tensor({1}, Sizes(16, 1));
  Rows rows{x, scalar, deep};
  rows.fails("tg_flatten", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_flatten(x, 0, 2, rows.out()));
  rows.fails("tg_flatten", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_flatten(x, -3, 1, rows.out()));
  rows.fails("tg_flatten", TG_ERROR_INDEX, {"start_dim is 1", "end_dim is 0"},
             tg_flatten(x, 1, 0, rows.out()));
  rows.fails("tg_transpose", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_transpose(x, 2, 0, rows.out()));
  rows.fails("tg_transpose", TG_ERROR_INDEX, {"dim is -3", "-2 to 1"},
             tg_transpose(x, 0, -3, rows.out()));
  rows.fails("tg_permute", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_permute(x, beyond, 2, rows.out()));
  rows.fails("tg_squeeze_dim", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_squeeze_dim(x, 2, rows.out()));
  rows.fails("tg_unsqueeze", TG_ERROR_INDEX, {"dim is 3", "-3 to 2"},
             tg_unsqueeze(x, 3, rows.out()));
  rows.fails("tg_unsqueeze", TG_ERROR_LIMIT, {"rank 16"}, tg_unsqueeze(deep, 0, rows.out()));
  rows.fails("tg_select", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"}, tg_select(x, 2, 0, rows.out()));
  rows.fails("tg_select", TG_ERROR_INDEX, {"rank 0"}, tg_select(scalar, 0, 0, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_narrow(x, 2, 0, 1, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INDEX, {"rank 0"}, tg_narrow(scalar, 0, 0, 1, rows.out()));
  rows.fails("tg_slice", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_slice(x, 2, 0, 1, 1, rows.out()));
  rows.fails("tg_slice", TG_ERROR_INDEX, {"rank 0"}, tg_slice(scalar, 0, 0, 1, 1, rows.out()));
  rows.fails("tg_select", TG_ERROR_INDEX, {"index is 3", "dimension 1", "-3 to 2"},
             tg_select(x, 1, 3, rows.out()));
  rows.fails("tg_select", TG_ERROR_INDEX, {"index is -3", "dimension 0", "-2 to 1"},
             tg_select(x, 0, -3, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INDEX, {"start is 3", "dimension 0"},
             tg_narrow(x, 0, 3, 0, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INDEX, {"start is -3", "dimension 0"},
             tg_narrow(x, 0, -3, 1, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INDEX, {"length is 2", "1 elements from start 1"},
             tg_narrow(x, 0, 1, 2, rows.out()));
  rows.fails("tg_narrow", TG_ERROR_INVALID_ARGUMENT, {"length is -1"},
             tg_narrow(x, 0, 1, -1, rows.out()));
  rows.fails("tg_slice", TG_ERROR_INVALID_ARGUMENT, {"step is 0", "positive"},
             tg_slice(x, 0, 0, 1, 0, rows.out()));
  rows.fails("tg_slice", TG_ERROR_INVALID_ARGUMENT, {"step is -1", "positive"},
             tg_slice(x, 0, 0, 1, -1, rows.out()));
  rows.fails("tg_split", TG_ERROR_INDEX, {"dim is 2", "-2 to 1"},
             tg_split(x, 1, 2, rows.outs(2), 2, rows.untouched<size_t>()));
  rows.fails("tg_split", TG_ERROR_INDEX, {"rank 0"},
             tg_split(scalar, 1, 0, rows.outs(2), 2, rows.untouched<size_t>()));
  rows.fails("tg_split", TG_ERROR_INVALID_ARGUMENT, {"size is -1"},
             tg_split(x, -1, 0, rows.outs(2), 2, rows.untouched<size_t>()));
  rows.fails("tg_split", TG_ERROR_INVALID_ARGUMENT, {"size is 0"},
             tg_split(x, 0, 0, rows.outs(2), 2, rows.untouched<size_t>()));
}

TEST_CASE("tg_split: an array that is too small, and too many parts", "[errors]") {
  const Tensor x = tensor({1}, {5}), long_one = zeros(TG_BOOL, {65'536});
  Rows rows{x, long_one};
  size_t count = 7;
  rows.fails("tg_split", TG_ERROR_LIMIT, {"3 parts", "room for 2", "larger array"},
             tg_split(x, 2, 0, rows.outs(2), 2, &count));
  CHECK(count == 3);
  std::vector<tg_handle> parts(65'536, 5);
  rows.fails("tg_split", TG_ERROR_LIMIT, {"65536 parts", "65535"},
             tg_split(long_one, 1, 0, parts.data(), parts.size(), &count));
  CHECK(parts == std::vector<tg_handle>(65'536, 0));
}

TEST_CASE("tg_as_strided: shape, strides and offset", "[errors]") {
  const int64_t negative[] = {-1}, six[] = {6}, nothing[] = {0}, ones[] = {1, 1, 1};
  const int64_t huge[] = {INT64_MAX, INT64_MAX, 2}, many[17] = {};
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3});
  Rows rows{x};
  rows.fails("tg_as_strided", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -1"},
             tg_as_strided(x, negative, ones, 1, 0, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INVALID_ARGUMENT, {"strides[0] is -1"},
             tg_as_strided(x, six, negative, 1, 0, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INVALID_ARGUMENT, {"strides is NULL"},
             tg_as_strided(x, six, nullptr, 1, 0, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INVALID_ARGUMENT, {"rank is -1"},
             tg_as_strided(x, six, ones, -1, 0, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_SHAPE, {"2^63 - 1"},
             tg_as_strided(x, huge, ones, 3, 0, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INDEX, {"[6]", "offset 1", "holds 6"},
             tg_as_strided(x, six, ones, 1, 1, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INDEX, {"offset -1"},
             tg_as_strided(x, six, ones, 1, -1, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_INDEX, {"offset 7"},
             tg_as_strided(x, nothing, ones, 1, 7, rows.out()));
  rows.fails("tg_as_strided", TG_ERROR_LIMIT, {"rank is 17", "at most 16"},
             tg_as_strided(x, many, many, 17, 0, rows.out()));
}
