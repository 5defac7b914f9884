// SPDX-License-Identifier: MIT
#include "capi_by_name/wrap.h"

#define CATCH_CONFIG_EXTERNAL_INTERFACES  // for the listener
#include <catch2/catch.hpp>

namespace wrap {

uint64_t calls_made = 0;

namespace {

[[noreturn]] void end(const char* name, const char* what) {
  std::fprintf(stderr, "%s by name: %s: %s\n", name, what, tg_last_error_message());
  std::abort();
}

// Tells at the end of the run how much went by name.
struct Listener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    if (stats.totals.testCases.total() > 0 && calls_made == 0) end("run", "nothing was called");
    std::printf("%llu calls by name\n", static_cast<unsigned long long>(calls_made));
  }
};
CATCH_REGISTER_LISTENER(Listener)

}  // namespace

tg_status call(const char* name, const tg_value* values, size_t count, tg_value* results,
               size_t result_count) {
  __atomic_add_fetch(&calls_made, 1, __ATOMIC_RELAXED);
  size_t came = 0;
  const tg_status status = tg_call(nullptr, name, values, count, results, result_count, &came);
  if (status == TG_OK && came != result_count) end(name, "another number of results");
  return status;
}

void must_succeed(tg_status status, const char* name) {
  if (status != TG_OK) end(name, "a function that cannot fail has failed");
}

tg_value tensor_bytes(const void* data, int32_t dtype, const int64_t* shape, int32_t rank) {
  if (data == nullptr) return calls::none();
  constexpr uint32_t kSizes[] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  if (dtype < 1 || dtype > TG_BOOL || (shape == nullptr && rank > 0)) {
    return calls::of_buffer(data, 0);
  }
  uint64_t bytes = kSizes[dtype];
  for (int32_t d = 0; d < rank; ++d) {
    if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(shape[d]), &bytes)) {
      return calls::of_buffer(data, 0);
    }
  }
  return calls::of_buffer(data, bytes);
}

}  // namespace wrap
