// SPDX-License-Identifier: MIT
// Calls by name: what each kind of value stands for, what comes as a result, and what is refused.
#include <limits>

#include "calls/values.h"
#include "capi/rows.h"

using namespace capi;
using calls::by_name;
using calls::Called;
using calls::none;
using calls::of_array;
using calls::of_buffer;
using calls::of_handle;
using calls::of_integer;
using calls::of_number;
using calls::of_pointer;
using calls::of_text;

namespace {

Tensor given(const Called& called) {
  INFO(tg_last_error_message());
  REQUIRE(called.status == TG_OK);
  REQUIRE(called.count == 1);
  REQUIRE(called.results[0].type == TG_VALUE_HANDLE);
  Tensor out;
  *out.out() = called.handle();
  return out;
}

std::vector<tg_value> two(tg_tensor a, tg_tensor b) { return {of_handle(a), of_handle(b)}; }

}  // namespace

TEST_CASE("an operator is called by its name", "[call]") {
  const Tensor a = vec({1, 2}), b = vec({3, 5});
  CHECK(values(given(by_name("tg_add", two(a, b)))) == Values{4, 7});
  CHECK(values(given(by_name("tg_clamp", {of_handle(b), of_number(0), of_number(4)}))) ==
        Values{3, 4});
  CHECK(values(given(by_name("tg_sum_dims", {of_handle(b), of_array(std::vector<int64_t>{0}),
                                             of_integer(0)}))) == Values{8});
  CHECK(values(given(by_name("tg_cat", {of_array(std::vector<tg_handle>{a, b}), of_integer(0)}))) ==
        Values{1, 2, 3, 5});
}

TEST_CASE("a shape is one value; data has exactly the tensor's bytes, or is absent", "[call]") {
  const double data[] = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> shape = {2, 3};
  auto create = [&](tg_value bytes, tg_value sizes) {
    return by_name("tg_tensor_create", {bytes, of_integer(TG_FLOAT64), sizes, of_integer(0)});
  };
  CHECK(values(given(create(of_buffer(data, 48), of_array(shape)))) == Values{1, 2, 3, 4, 5, 6});
  CHECK(values(given(create(of_buffer(data, 8), none()))) == Values{1});
  CHECK(values(given(create(none(), of_array(shape)))) == Values{0, 0, 0, 0, 0, 0});
  CHECK(values(given(create(of_buffer(data, 0), of_array(std::vector<int64_t>{2, 0})))).empty());
  Rows rows;
  for (const size_t bytes : {size_t{47}, size_t{49}, size_t{0}}) {
    rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT,
               {"tg_tensor_create", "data", "has 48", std::to_string(bytes)},
               create(of_buffer(data, bytes), of_array(shape)).status);
  }
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"BUFFER at NULL"},
             create(of_buffer(nullptr, 48), of_array(shape)).status);
  // Where there is no such tensor the function says so, and no byte is read.
  rows.fails("tg_tensor_create", TG_ERROR_SHAPE, {"2^63"},
             create(of_buffer(data, 48), of_array(std::vector<int64_t>{INT64_MAX, 4})).status);
  rows.fails("tg_tensor_create", TG_ERROR_INVALID_ARGUMENT, {"shape[0] is -1"},
             create(of_buffer(data, 48), of_array(std::vector<int64_t>{-1})).status);
  rows.fails("tg_tensor_create", TG_ERROR_INVALID_ARGUMENT, {"dtype is 99"},
             by_name("tg_tensor_create",
                     {of_buffer(data, 48), of_integer(99), of_array(shape), of_integer(0)})
                 .status);
}

TEST_CASE("arrays that share a count have equally many elements, or are absent", "[call]") {
  const Tensor x = vec({1, 2, 3, 4});
  const std::vector<int64_t> shape = {2, 2}, strides = {1, 2}, one = {1};
  CHECK(values(given(by_name("tg_as_strided", {of_handle(x), of_array(shape), of_array(strides),
                                               of_integer(0)}))) == Values{1, 3, 2, 4});
  Rows rows{x};
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"value 2 has 1 elements", "rank", "has 2"},
             by_name("tg_as_strided", {of_handle(x), of_array(shape), of_array(one), of_integer(0)})
                 .status);
  double memory[4] = {1, 2, 3, 4};
  const Called borrowed =
      by_name("tg_tensor_from_memory", {of_pointer(memory), of_integer(TG_FLOAT64), of_array(shape),
                                        none(), of_integer(0), none(), none()});
  CHECK(values(given(borrowed)) == Values{1, 2, 3, 4});
}

TEST_CASE("buffers of the caller are filled, and their counts are results", "[call]") {
  const Tensor x = tensor({1, 2, 3, 4, 5, 6}, {2, 3});
  ok(tg_tensor_set_name(x, "a name"));
  char text[100] = "";
  Called called = by_name("tg_tensor_name", {of_handle(x), of_buffer(text, sizeof text)});
  REQUIRE(called.status == TG_OK);
  CHECK(called.count == 1);
  CHECK(called.integer() == 6);
  CHECK(std::string(text) == "a name");
  CHECK(by_name("tg_tensor_name", {of_handle(x), none()}).integer() == 6);
  CHECK(by_name("tg_tensor_name", {of_handle(x), of_buffer(text, 3)}).integer() == 6);
  CHECK(std::string(text) == "a ");

  int64_t sizes[2] = {};
  called = by_name("tg_tensor_shape", {of_handle(x), of_buffer(sizes, 2)});
  REQUIRE(called.status == TG_OK);
  CHECK(called.integer() == 2);
  CHECK((sizes[0] == 2 && sizes[1] == 3));
  double elements[6] = {};
  called = by_name("tg_tensor_copy_out", {of_handle(x), of_buffer(elements, sizeof elements)});
  CHECK(called.status == TG_OK);
  CHECK(called.count == 0);
  CHECK(elements[5] == 6);

  // The count comes also where the capacity is too small.
  called = by_name("tg_tensor_shape", {of_handle(x), of_buffer(sizes, 1)});
  CHECK(called.status == TG_ERROR_LIMIT);
  CHECK(called.results[0].type == TG_VALUE_INT64);
  CHECK(called.integer() == 2);
  // And not where the function did not get as far.
  called = by_name("tg_tensor_shape", {of_handle(1), of_buffer(sizes, 2)});
  CHECK(called.status == TG_ERROR_INVALID_HANDLE);
  CHECK(called.results[0].type == TG_VALUE_NONE);
}

TEST_CASE("places for gradients are a buffer of as many handles as inputs", "[call]") {
  const Tensor x = leaf({3}), y = leaf({4});
  const Tensor z = make(tg_mul, x, y);
  tg_handle outs[2] = {1, 1};
  auto grad = [&](tg_value places) {
    return by_name("tg_grad",
                   {of_array(std::vector<tg_handle>{z}), none(),
                    of_array(std::vector<tg_handle>{x, y}), of_integer(TG_RETAIN_GRAPH), places});
  };
  Called called = grad(of_buffer(outs, 2));
  INFO(tg_last_error_message());
  REQUIRE(called.status == TG_OK);
  CHECK(called.count == 0);
  Tensor of_x, of_y;
  *of_x.out() = outs[0], *of_y.out() = outs[1];
  CHECK(values(of_x) == Values{4});
  CHECK(values(of_y) == Values{3});
  Rows rows{x, y, z};
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"tg_grad", "input_count", "has 1", "has 2"},
             grad(of_buffer(outs, 1)).status);
  rows.fails("tg_grad", TG_ERROR_INVALID_ARGUMENT, {"outs"}, grad(none()).status);
}

TEST_CASE("what a function returns is the first result", "[call]") {
  Called called = by_name("tg_version");
  CHECK(called.count == 1);
  CHECK(called.results[0].type == TG_VALUE_INT64);
  CHECK(called.integer() == tg_version());
  called = by_name("tg_status_name", {of_integer(3)});
  CHECK(called.results[0].type == TG_VALUE_TEXT);
  CHECK(called.results[0].count == std::strlen("TG_ERROR_SHAPE"));
  CHECK(std::string(called.results[0].as.text) == "TG_ERROR_SHAPE");
  CHECK(by_name("tg_live_handles").integer() == static_cast<int64_t>(tg_live_handles()));
  CHECK(by_name("tg_is_valid", {of_handle(1)}).integer() == 0);
  CHECK(by_name("tg_memory_peak_reset").count == 0);

  // A status that is an answer, and one that is what became of the call.
  CHECK(by_name("tg_error_set", {of_integer(TG_ERROR_TIMEOUT), of_integer(7), of_text("late")})
            .status == TG_ERROR_TIMEOUT);
  called = by_name("tg_last_error");
  CHECK(called.status == TG_OK);
  CHECK(called.integer() == TG_ERROR_TIMEOUT);
  called = by_name("tg_last_error_detail");
  CHECK(called.count == 2);
  CHECK(called.integer(0) == 7);
  CHECK(called.integer(1) == -1);
  CHECK_THAT(by_name("tg_last_error_message").results[0].as.text, Catch::Contains("late"));
  char text[200];
  called = by_name("tg_last_error_copy", {of_buffer(text, sizeof text)});
  CHECK(called.integer() == static_cast<int64_t>(std::strlen(tg_last_error_message())));
  CHECK(std::string(text) == tg_last_error_message());
}

TEST_CASE("results of each type come whole", "[call]") {
  const Tensor x = vec({0.1}), whole = make(tg_full_int64, int64_t{-3}, TG_INT64, nullptr, 0);
  Called called = by_name("tg_tensor_item", {of_handle(x)});
  CHECK(called.results[0].type == TG_VALUE_DOUBLE);
  CHECK(called.results[0].as.number == 0.1);
  CHECK(by_name("tg_tensor_item_int64", {of_handle(whole)}).integer() == -3);
  called = by_name("tg_tensor_data", {of_handle(x)});
  CHECK(called.results[0].type == TG_VALUE_POINTER);
  CHECK(*static_cast<const double*>(called.results[0].as.pointer) == 0.1);
  REQUIRE(by_name("tg_manual_seed", {of_integer(-1)}).status == TG_OK);  // 2^64 - 1
  called = by_name("tg_generator_state_get", {none()});
  CHECK(called.count == 2);
  CHECK(called.integer(0) == -1);
  CHECK(called.integer(1) == 0);
  called = by_name("tg_max_dim", {of_handle(x), of_integer(-1), of_integer(0)});
  REQUIRE(called.count == 2);
  ok(tg_release(called.handle(0)));
  ok(tg_release(called.handle(1)));
}

TEST_CASE("callbacks and their data are pointers", "[call]") {
  static int seen = 0;
  auto fn = [](void* user_data) -> int32_t {
    seen = *static_cast<int*>(user_data) + 10 * tg_is_grad_enabled();
    return 0;
  };
  int number = 5;
  const Called called =
      by_name("tg_no_grad_call", {of_pointer(reinterpret_cast<void*>(+fn)), of_pointer(&number)});
  CHECK(called.status == TG_OK);
  CHECK(seen == 5);
}

TEST_CASE("a call by name refuses what does not fit, before anything runs", "[errors]") {
  const Tensor x = vec({1, 2});
  Rows rows{x};
  tg_value v = of_handle(x), result = none();
  size_t count = 77;
  auto call = [&](const char* name, std::vector<tg_value> arguments) {
    return by_name(name, arguments).status;
  };
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"name is NULL"}, call(nullptr, {}));
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"not valid UTF-8"}, call("tg_\xff", {}));
  rows.fails("tg_call", TG_ERROR_NOT_FOUND, {"\"tg_ad\"", "tg_describe"}, call("tg_ad", {}));
  rows.fails("tg_call", TG_ERROR_NOT_FOUND, {"\"\""}, call("", {}));
  rows.fails("tg_call", TG_ERROR_NOT_FOUND, {"another thing"}, call("tg_tensor", {}));
  rows.fails("tg_call", TG_ERROR_UNSUPPORTED, {"tg_call is not called"}, call("tg_call", {}));
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"arguments is NULL"},
             tg_call(nullptr, "tg_neg", nullptr, 1, &result, 1, &count));
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"results is NULL"},
             tg_call(nullptr, "tg_neg", &v, 1, nullptr, 1, &count));
  CHECK(count == 77);
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"tg_neg takes 1 values, not 2"},
             call("tg_neg", {v, v}));
  rows.fails("tg_call", TG_ERROR_LIMIT, {"gives 1 results", "capacity is 0"},
             tg_call(nullptr, "tg_neg", &v, 1, nullptr, 0, &count));
  CHECK(count == 1);
  rows.fails("tg_call", TG_ERROR_LIMIT, {"gives 1 results"},
             tg_call(nullptr, "tg_neg", &v, 1, nullptr, 0, nullptr));
  CHECK(result.type == TG_VALUE_NONE);

  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"tg_neg: x, value 0", "INT64", "HANDLE"},
             call("tg_neg", {of_integer(1)}));
  int32_t operand = -1;
  call("tg_transpose", {v, of_integer(0), of_number(1)});
  tg_last_error_detail(nullptr, &operand);
  CHECK(operand == 2);
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"dim1, value 2", "DOUBLE"},
             call("tg_transpose", {v, of_integer(0), of_number(1)}));
  tg_value odd = none();
  odd.type = TG_VALUE_RESULT;
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"RESULT"}, call("tg_neg", {odd}));
  for (const int32_t type : {11, -1, INT32_MIN, INT32_MAX}) {
    odd.type = type;
    rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {std::to_string(type)}, call("tg_neg", {odd}));
  }
}

TEST_CASE("integers are held against the range of their type", "[errors]") {
  const Tensor x = vec({1, 2});
  tg_dict dict = 0;
  ok(tg_dict_create(&dict));
  {
    Rows rows{x};
    constexpr int64_t kGreat = int64_t{1} << 31;
    for (const int64_t number : {kGreat, -kGreat - 1, INT64_MAX, INT64_MIN}) {
      rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"dtype", std::to_string(number), "2^31"},
                 by_name("tg_scalar", {of_number(1), of_integer(number)}).status);
    }
    for (const int64_t number : {2 * kGreat, int64_t{-1}, INT64_MAX, INT64_MIN}) {
      rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"flags", std::to_string(number), "2^32"},
                 by_name("tg_safetensors_load", {of_text("/nowhere"), of_integer(number)}).status);
    }
    for (const int64_t number : {int64_t{-1}, INT64_MIN}) {
      rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT,
                 {"index", std::to_string(number), "negative"},
                 by_name("tg_dict_name_at", {of_handle(dict), of_integer(number), none()}).status);
    }
    // The ends of each range reach the function.
    CHECK(by_name("tg_scalar", {of_number(1), of_integer(INT32_MIN)}).status ==
          TG_ERROR_INVALID_ARGUMENT);
    CHECK_THAT(tg_last_error_message(), Catch::StartsWith("tg_scalar: "));
    CHECK(by_name("tg_mode_nesting_set", {of_integer(INT32_MAX)}).status ==
          TG_ERROR_INVALID_ARGUMENT);
    CHECK_THAT(tg_last_error_message(), Catch::StartsWith("tg_mode_nesting_set: "));
    tg_value shape = of_array(TG_VALUE_INT64_ARRAY, nullptr, size_t{1} << 31);
    rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"2147483648 elements", "rank"},
               by_name("tg_view", {of_handle(x), shape}).status);
  }
  ok(tg_release(dict));
}

TEST_CASE("a text ends at its count", "[errors]") {
  const Tensor x = vec({1});
  tg_value name = of_text("a name");
  CHECK(by_name("tg_tensor_set_name", {of_handle(x), name}).status == TG_OK);
  Rows rows{x};
  for (const uint32_t count : {0u, 5u}) {
    name.count = count;
    rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"name, value 1", "first NUL"},
               by_name("tg_tensor_set_name", {of_handle(x), name}).status);
  }
  name.as.text = "a name\0 and more";
  name.count = 16;
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"first NUL"},
             by_name("tg_tensor_set_name", {of_handle(x), name}).status);
  rows.fails("tg_tensor_set_name", TG_ERROR_INVALID_ARGUMENT, {"name is NULL"},
             by_name("tg_tensor_set_name", {of_handle(x), none()}).status);
  name.as.text = nullptr;
  rows.fails("tg_tensor_set_name", TG_ERROR_INVALID_ARGUMENT, {"name is NULL"},
             by_name("tg_tensor_set_name", {of_handle(x), name}).status);
}
