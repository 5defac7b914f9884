// SPDX-License-Identifier: MIT
// Calls by name with a frame: a task's modes, scope and error travel with the task, and the thread
// keeps its own.
#include <thread>

#include "calls/values.h"
#include "capi/rows.h"

using namespace capi;
using calls::by_name;
using calls::Called;
using calls::none;
using calls::of_handle;
using calls::of_integer;
using calls::of_number;
using calls::of_pointer;
using calls::of_text;

namespace {

struct Task {
  char text[200] = "unset";
  tg_frame frame = {};
  Task() {
    frame.struct_size = sizeof frame;
    frame.error = text;
    frame.error_capacity = sizeof text;
  }
  Called call(const char* name, std::vector<tg_value> arguments = {}) {
    return by_name(&frame, name, std::move(arguments));
  }
  // The frame has the error, and its text begins with the function that failed.
  void fails(const char* function, tg_status code, const Phrases& phrases, tg_status status) const {
    CHECK(status == code);
    CHECK_THAT(error(), Catch::StartsWith(std::string(function) + ": "));
    for (const std::string& phrase : phrases) CHECK_THAT(error(), Catch::Contains(phrase));
  }
  std::string error() const {
    CHECK(frame.error_length == std::strlen(text));
    return text;
  }
};

// What the thread has of its own.
struct Own {
  uint64_t state = 0;
  tg_status error = tg_last_error();
  std::string message = tg_last_error_message();
  int64_t number = 0;
  int32_t operand = 0;
  tg_scope scope = 0;
  tg_token token = 0;
  Own() {
    ok(tg_state_get(&state));
    tg_last_error_detail(&number, &operand);
    ok(tg_scope_use(0, &scope));
    ok(tg_scope_use(scope, nullptr));
    ok(tg_token_use(0, &token));
    ok(tg_token_use(token, nullptr));
  }
  bool operator==(const Own&) const = default;
};

}  // namespace

TEST_CASE("a task's modes are in its frame, and the thread keeps its own", "[call]") {
  const Tensor x = leaf({2});
  Task task;
  const Own before;
  REQUIRE(task.call("tg_no_grad_enter").status == TG_OK);
  CHECK(task.frame.state != 0);
  CHECK(task.call("tg_is_grad_enabled").integer() == 0);
  CHECK(tg_is_grad_enabled() == 1);
  Called made = task.call("tg_mul_scalar", {of_handle(x), of_number(2)});
  Tensor y;
  *y.out() = made.handle();
  CHECK(requires_grad(y) == 0);
  // The other way round: the thread's modes are not the task's.
  ok(tg_inference_mode_enter(1));
  CHECK(task.call("tg_is_inference_mode_enabled").integer() == 0);
  ok(tg_inference_mode_exit());
  uint64_t word = 0;
  ok(tg_state_get(&word));
  CHECK(task.call("tg_state_get").integer() == static_cast<int64_t>(task.frame.state));
  REQUIRE(task.call("tg_no_grad_exit").status == TG_OK);
  CHECK(task.frame.state == 0);
  REQUIRE(task.call("tg_mode_nesting_set", {of_integer(TG_NESTING_ALLOW)}).status == TG_OK);
  CHECK(task.frame.state != 0);
  CHECK(before == Own());
}

TEST_CASE("the error of a call goes to the frame, and the thread's own stays", "[call]") {
  const Tensor x = vec({1, 2}), y = vec({1, 2, 3});
  for (const bool thread_has_error : {false, true}) {
    tg_last_error_clear();
    if (thread_has_error) tg_error_set(TG_ERROR_TIMEOUT, 7, "of the thread");
    const Own before;
    Task task;
    CHECK(task.call("tg_add", {of_handle(x), of_handle(y)}).status == TG_ERROR_SHAPE);
    CHECK_THAT(task.error(), Catch::StartsWith("tg_add: "));
    CHECK(before == Own());
    CHECK(task.call("tg_add", {of_handle(x), none()}).status == TG_ERROR_INVALID_HANDLE);
    CHECK_THAT(task.error(), Catch::Contains("0 (none)"));
    CHECK(task.call("tg_nothing").status == TG_ERROR_NOT_FOUND);
    CHECK_THAT(task.error(), Catch::StartsWith("tg_call: "));
    CHECK(before == Own());
    CHECK(task.call("tg_tensor_mark_written", {of_handle(x)}).status == TG_OK);
    CHECK(task.error().empty());
    // What a task asks of the last error is not the thread's.
    CHECK(task.call("tg_last_error").integer() == TG_OK);
    CHECK(std::string(task.call("tg_last_error_message").results[0].as.text).empty());
    CHECK(task.call("tg_error_set", {of_integer(TG_ERROR_PEER), of_integer(3), of_text("far")})
              .status == TG_ERROR_PEER);
    CHECK_THAT(task.error(), Catch::Contains("far"));
    CHECK(task.call("tg_last_error_clear").status == TG_OK);
    CHECK(before == Own());
  }
  tg_last_error_clear();
}

TEST_CASE("an error's text that does not fit the frame is cut, and its length is told", "[call]") {
  Task task;
  task.call("tg_nothing");
  const std::string whole = task.error();
  for (const size_t capacity : {size_t{0}, size_t{1}, size_t{10}}) {
    Task narrow;
    narrow.frame.error_capacity = capacity;
    CHECK(narrow.call("tg_nothing").status == TG_ERROR_NOT_FOUND);
    CHECK(narrow.frame.error_length == whole.size());
    if (capacity > 0) CHECK(narrow.text == whole.substr(0, capacity - 1));
    if (capacity == 0) CHECK(std::string(narrow.text) == "unset");
  }
}

TEST_CASE("a task's scope is in its frame, and the thread keeps its own", "[call]") {
  const uint64_t live = tg_live_handles();
  tg_scope own = 0;
  ok(tg_scope_enter(&own));
  Task task;
  const Called entered = task.call("tg_scope_enter");
  REQUIRE(entered.status == TG_OK);
  task.frame.scope = entered.handle();
  const Called made = task.call("tg_scalar", {of_number(1), of_integer(TG_FLOAT32)});
  tg_tensor of_thread = 0;
  ok(tg_scalar(1, TG_FLOAT32, &of_thread));
  // Neither releases what is the other's.
  CHECK(task.call("tg_scope_exit", {of_handle(own)}).status == TG_ERROR_MODE);
  REQUIRE(task.call("tg_scope_exit", {of_handle(task.frame.scope)}).status == TG_OK);
  CHECK(tg_is_valid(made.handle()) == 0);
  CHECK(tg_is_valid(of_thread) == 1);
  task.frame.scope = 0;
  const Called outside = task.call("tg_scalar", {of_number(1), of_integer(TG_FLOAT32)});
  ok(tg_scope_exit(own));
  CHECK(tg_is_valid(of_thread) == 0);
  CHECK(tg_is_valid(outside.handle()) == 1);
  ok(tg_release(outside.handle()));
  CHECK(tg_live_handles() == live);
}

TEST_CASE("long calls of a task ask its token, and those of the thread the thread's", "[call]") {
  tg_token cancelled = 0, other = 0;
  ok(tg_token_create(&cancelled));
  ok(tg_token_cancel(cancelled));
  ok(tg_token_create(&other));
  const Tensor x = leaf({2});
  Task task;
  for (const tg_token of_thread : {tg_token{0}, other, cancelled}) {
    ok(tg_token_use(of_thread, nullptr));
    const Own before;
    for (const tg_token of_task : {tg_token{0}, other, cancelled}) {
      task.frame.token = of_task;
      const Tensor y = make(tg_mul, x, x);
      CHECK(task.call("tg_backward", {of_handle(y)}).status ==
            (of_task == cancelled ? TG_ERROR_CANCELLED : TG_OK));
      CHECK(before == Own());
    }
  }
  ok(tg_token_use(other, nullptr));
  task.frame.token = 0;
  task.fails("tg_call", TG_ERROR_UNSUPPORTED, {"what a frame does not hold"},
             task.call("tg_token_use", {of_handle(other)}).status);
  ok(tg_token_use(0, nullptr));
  ok(tg_release(cancelled));
  ok(tg_release(other));
}

TEST_CASE("scopes inside scopes of a task, on one thread and on another", "[call]") {
  const uint64_t live = tg_live_handles();
  Task task;
  const tg_scope outer = task.call("tg_scope_enter").handle();
  task.frame.scope = outer;
  tg_scope inner = 0;
  tg_handle first = 0, second = 0;
  std::thread([&] {
    first = task.call("tg_scalar", {of_number(1), of_integer(TG_FLOAT32)}).handle();
    inner = task.call("tg_scope_enter").handle();
  }).join();
  // The scope in the frame is the innermost one.
  task.fails("tg_call", TG_ERROR_MODE, {"another scope inside it"},
             task.call("tg_is_grad_enabled").status);
  task.frame.scope = inner;
  second = task.call("tg_scalar", {of_number(1), of_integer(TG_FLOAT32)}).handle();
  REQUIRE(task.call("tg_scope_keep", {of_handle(inner), of_handle(second)}).status == TG_OK);
  REQUIRE(task.call("tg_scope_exit", {of_handle(inner)}).status == TG_OK);
  task.frame.scope = outer;
  CHECK((tg_is_valid(first) == 1 && tg_is_valid(second) == 1));
  std::thread([&] {
    CHECK(task.call("tg_scope_exit", {of_handle(outer)}).status == TG_OK);
  }).join();
  CHECK((tg_is_valid(first) == 0 && tg_is_valid(second) == 0));
  CHECK(tg_live_handles() == live);
}

TEST_CASE("modes that a frame does not hold are refused", "[errors]") {
  Task task;
  for (int i = 0; i < 16; ++i) REQUIRE(task.call("tg_no_grad_enter").status == TG_OK);
  const uint64_t word = task.frame.state;
  const Own before;
  task.fails("tg_call", TG_ERROR_LIMIT, {"17 deep"}, task.call("tg_no_grad_enter").status);
  CHECK(task.frame.state == word);
  CHECK(before == Own());
  for (int i = 0; i < 16; ++i) REQUIRE(task.call("tg_no_grad_exit").status == TG_OK);
  CHECK(task.frame.state == 0);
  CHECK(task.call("tg_no_grad_exit").status == TG_ERROR_MODE);
  // A thread whose own modes are deeper than a word keeps them.
  for (int i = 0; i < 40; ++i) ok(tg_enable_grad_enter());
  for (int i = 0; i < 16; ++i) REQUIRE(task.call("tg_no_grad_enter").status == TG_OK);
  CHECK(task.call("tg_no_grad_enter").status == TG_ERROR_LIMIT);
  for (int i = 0; i < 40; ++i) ok(tg_enable_grad_exit());
  fails(tg_enable_grad_exit(), TG_ERROR_MODE);
}

TEST_CASE("frames in callbacks of a call with a frame", "[call]") {
  struct Inner {
    Task task;
    int32_t grad = -1, own_grad = -1;
  } inner;
  auto fn = [](void* user_data) -> int32_t {
    auto& self = *static_cast<Inner*>(user_data);
    self.own_grad = tg_is_grad_enabled();
    self.grad = static_cast<int32_t>(self.task.call("tg_is_grad_enabled").integer());
    self.task.call("tg_nothing");
    return tg_error_set(TG_ERROR_PEER, 1, "from the callback");
  };
  Task outer;
  const Own before;
  const Called called =
      outer.call("tg_no_grad_call", {of_pointer(reinterpret_cast<void*>(+fn)), of_pointer(&inner)});
  CHECK(called.status == TG_ERROR_PEER);
  CHECK_THAT(outer.error(), Catch::Contains("from the callback"));
  CHECK_THAT(inner.task.error(), Catch::Contains("tg_nothing"));
  CHECK(inner.own_grad == 0);
  CHECK(inner.grad == 1);
  CHECK(before == Own());
}

TEST_CASE("what is wrong with a frame", "[errors]") {
  Rows rows;
  Task task;
  auto call = [&](const tg_frame& frame) {
    tg_frame copy = frame;
    return by_name(&copy, "tg_is_grad_enabled").status;
  };
  // The thread is told what a frame is no place for.
  for (const size_t size : {size_t{0}, sizeof(tg_frame) - 1, sizeof(tg_frame) + 8}) {
    tg_frame frame = task.frame;
    frame.struct_size = size;
    rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"struct_size", std::to_string(size)},
               call(frame));
  }
  tg_frame frame = task.frame;
  frame.error = nullptr;
  rows.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"error is NULL"}, call(frame));
  frame.error_capacity = 0;
  CHECK(call(frame) == TG_OK);
  CHECK(by_name(&frame, "tg_nothing").status == TG_ERROR_NOT_FOUND);
  CHECK(frame.error_length > 0);

  // All else goes to the frame.
  tg_last_error_clear();
  task.frame.state = uint64_t{7} << 4;
  task.fails("tg_call", TG_ERROR_INVALID_ARGUMENT, {"tg_state_get"},
             task.call("tg_is_grad_enabled").status);
  CHECK(task.frame.state == uint64_t{7} << 4);
  task.frame.state = 0;
  const Tensor x = vec({1});
  for (const tg_handle bad : {tg_handle{1}, tg_handle{x}, tg_handle{UINT64_MAX}}) {
    task.frame.scope = bad;
    task.fails("tg_call", TG_ERROR_INVALID_HANDLE, {"frame->scope"},
               task.call("tg_is_grad_enabled").status);
    task.frame.scope = 0;
    task.frame.token = bad;
    task.fails("tg_call", TG_ERROR_INVALID_HANDLE, {"frame->token"},
               task.call("tg_is_grad_enabled").status);
    task.frame.token = 0;
  }
  CHECK(tg_last_error() == TG_OK);

  // A scope that is in use, be it on this thread.
  tg_scope own = 0;
  ok(tg_scope_enter(&own));
  task.frame.scope = own;
  task.fails("tg_call", TG_ERROR_MODE, {"in use on a thread"},
             task.call("tg_is_grad_enabled").status);
  ok(tg_scope_exit(own));
  CHECK(task.call("tg_is_grad_enabled").status == TG_ERROR_INVALID_HANDLE);
  task.frame.scope = 0;
  task.fails("tg_call", TG_ERROR_UNSUPPORTED, {"what a frame does not hold"},
             task.call("tg_scope_use", {none()}).status);
  CHECK(by_name("tg_scope_use", {none()}).status == TG_OK);
}
