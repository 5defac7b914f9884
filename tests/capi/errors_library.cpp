// SPDX-License-Identifier: MIT
// Errors of handles, scopes, objects of extensions, and of the library as a whole.
#include <thread>

#include "capi/rows.h"

using namespace capi;

TEST_CASE("handles: scopes end by their own call, and each dead handle is told", "[errors]") {
  const Tensor x = vec({1});
  tg_handle dead = 0;
  ok(tg_alias(x, &dead));
  ok(tg_release(dead));
  tg_scope scope = 0;
  ok(tg_scope_enter(&scope));
  {
    Rows rows{x};
    rows.fails("tg_alias", TG_ERROR_MODE, {"is a scope", "tg_scope_exit"},
               tg_alias(scope, rows.out()));
    rows.fails("tg_release", TG_ERROR_MODE, {"is a scope", "tg_scope_exit"}, tg_release(scope));
    rows.fails("tg_release", TG_ERROR_INVALID_HANDLE, {"stale", "released"}, tg_release(dead));
    rows.fails("tg_release", TG_ERROR_INVALID_HANDLE, {"forged"}, tg_release(UINT64_MAX));
    rows.fails("tg_is_same", TG_ERROR_INVALID_HANDLE, {"b is 0 (none)"},
               tg_is_same(x, 0, rows.untouched<int32_t>()));
    rows.fails("tg_release_many", TG_ERROR_INVALID_ARGUMENT, {"handles is NULL"},
               tg_release_many(nullptr, 2));
    const tg_handle with_dead[] = {0, dead}, with_scope[] = {0, scope};
    rows.fails("tg_release_many", TG_ERROR_INVALID_HANDLE, {"stale"},
               tg_release_many(with_dead, 2));
    rows.fails("tg_release_many", TG_ERROR_MODE, {"is a scope"}, tg_release_many(with_scope, 2));
  }
  ok(tg_scope_exit(scope));
}

TEST_CASE("tg_release_many releases all that are live, then reports the first that was not",
          "[errors]") {
  const Tensor x = vec({1});
  tg_handle first = 0, second = 0, dead = 0;
  ok(tg_alias(x, &dead));
  ok(tg_release(dead));
  Rows rows{x};
  ok(tg_alias(x, &first));
  ok(tg_alias(x, &second));
  const tg_handle many[] = {first, dead, second, UINT64_MAX};
  rows.fails("tg_release_many", TG_ERROR_INVALID_HANDLE, {std::to_string(dead), "stale"},
             tg_release_many(many, 4));
  CHECK(tg_is_valid(first) == 0);
  CHECK(tg_is_valid(second) == 0);
}

TEST_CASE("scopes: only the innermost of this thread, and one thread at a time", "[errors]") {
  tg_scope outer = 0, inner = 0, apart = 0, previous = 1;
  ok(tg_scope_enter(&apart));
  ok(tg_scope_use(0, &previous));
  CHECK(previous == apart);
  ok(tg_scope_enter(&outer));
  ok(tg_scope_enter(&inner));
  const Tensor x = vec({1});
  {
    Rows rows{x};
    rows.fails("tg_scope_exit", TG_ERROR_MODE, {"not the innermost", "leave the scopes inside"},
               tg_scope_exit(outer));
    rows.fails("tg_scope_exit", TG_ERROR_MODE, {"not the innermost", "tg_scope_use"},
               tg_scope_exit(apart));
    rows.fails("tg_scope_keep", TG_ERROR_MODE, {"not in use on this thread", "tg_scope_use"},
               tg_scope_keep(apart, x));
    rows.fails("tg_scope_keep", TG_ERROR_INVALID_HANDLE, {"handle is 0 (none)"},
               tg_scope_keep(inner, 0));
    rows.fails("tg_scope_keep", TG_ERROR_INVALID_HANDLE, {"scope is", "a tensor", "wrong kind"},
               tg_scope_keep(x, x));
    rows.fails("tg_scope_use", TG_ERROR_MODE, {"another scope inside it", "innermost"},
               tg_scope_use(outer, rows.out()));
  }
  tg_status status = TG_OK;
  std::string message;
  std::thread([&] {
    tg_scope former = 77;
    status = tg_scope_use(inner, &former);
    message = tg_last_error_message();
    if (former != 0) status = TG_ERROR_INTERNAL;
  }).join();
  CHECK(status == TG_ERROR_MODE);
  CHECK_THAT(message, Catch::StartsWith("tg_scope_use: ") && Catch::Contains("on another thread") &&
                          Catch::Contains("tg_scope_use(0"));
  ok(tg_scope_keep(inner, x));
  ok(tg_scope_keep(outer, x));
  ok(tg_scope_exit(inner));
  ok(tg_scope_exit(outer));
  ok(tg_scope_use(apart, nullptr));
  ok(tg_scope_exit(apart));
  CHECK(values(x) == Values{1});
}

TEST_CASE("objects of extensions are asked for by their type", "[errors]") {
  int payload = 3;
  const Handle object = make(tg_object_create, "socket", &payload, nullptr);
  const Tensor x = vec({1});
  Rows rows{x};
  rows.fails("tg_object_payload", TG_ERROR_INVALID_HANDLE, {"\"socket\"", "\"file\"", "wrong kind"},
             tg_object_payload(object, "file", rows.untouched<void*>()));
  rows.fails("tg_object_payload", TG_ERROR_INVALID_HANDLE, {"a tensor", "wrong kind"},
             tg_object_payload(x, "file", rows.untouched<void*>()));
  rows.fails("tg_object_payload", TG_ERROR_INVALID_ARGUMENT, {"type", "UTF-8", "byte 0"},
             tg_object_payload(object, "\xff", rows.untouched<void*>()));
  rows.fails("tg_object_create", TG_ERROR_INVALID_ARGUMENT, {"type", "UTF-8", "byte 1"},
             tg_object_create("a\xff", &payload, nullptr, rows.out()));
}

TEST_CASE("an error set from outside needs a number and text in UTF-8", "[errors]") {
  Rows rows;
  rows.fails("tg_error_set", TG_ERROR_INVALID_ARGUMENT, {"TG_OK", "give another"},
             tg_error_set(TG_OK, 5, "fine"));
  rows.fails("tg_error_set", TG_ERROR_INVALID_ARGUMENT, {"message", "UTF-8", "byte 3"},
             tg_error_set(TG_ERROR_IO, 5, "bad\xff"));
}

TEST_CASE("the library shuts down when nothing of it is in use", "[errors]") {
  REQUIRE(tg_live_handles() == 0);
  {
    const Tensor x = vec({1});
    Rows rows{x};
    rows.fails("tg_shutdown", TG_ERROR_MODE, {"1 handle", "release"}, tg_shutdown());
  }
  std::string message;
  ok(tg_no_grad_call(
      [](void* text) -> int32_t {
        const tg_status status = tg_shutdown();
        *static_cast<std::string*>(text) = tg_last_error_message();
        return status == TG_ERROR_MODE ? 0 : 1;
      },
      &message));
  const auto is_told = [](const std::string& text) {
    CHECK_THAT(text, Catch::StartsWith("tg_shutdown: ") && Catch::Contains("inside a callback"));
  };
  is_told(message);
  // A deleter is a callback too, and runs when no handle is left.
  struct Lent {
    double value = 1;
    std::string message;
    tg_status status = TG_OK;
  } lent;
  {
    Tensor x;
    ok(tg_tensor_from_memory(
        &lent.value, TG_FLOAT64, nullptr, nullptr, 0, 0,
        [](void* self, void*) {
          auto* in_deleter = static_cast<Lent*>(self);
          in_deleter->status = tg_shutdown();
          in_deleter->message = tg_last_error_message();
        },
        &lent, x.out()));
  }
  CHECK(lent.status == TG_ERROR_MODE);
  is_told(lent.message);
  ok(tg_shutdown());
}

TEST_CASE("numbers of threads, and texts about the build", "[errors]") {
  const int32_t before = tg_num_threads();
  Rows rows;
  rows.fails("tg_num_threads_set", TG_ERROR_INVALID_ARGUMENT, {"count is -1", "1 to 256", "0"},
             tg_num_threads_set(-1));
  rows.fails("tg_num_threads_set", TG_ERROR_INVALID_ARGUMENT, {"count is 257", "1 to 256", "0"},
             tg_num_threads_set(257));
  CHECK(tg_num_threads() == before);
  rows.fails("tg_blas_info", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL", "capacity"},
             tg_blas_info(nullptr, 9, rows.untouched<size_t>()));
}
