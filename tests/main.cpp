// SPDX-License-Identifier: MIT
// The one file that makes Catch2's main; every Catch2 program of the tests links it.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>

// Debug builds of the library have it (capi/debug.cpp).
extern "C" [[gnu::weak]] int32_t tg_debug_check_nodes(size_t* count);
extern "C" [[gnu::weak]] const char* tg_last_error_message();

namespace {

// After each test every node that is alive keeps what was promised: no inference tensor can be
// reached from it, and what it saved is as it was saved.
struct NodesKeepTheirPromise : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testCaseEnded(const Catch::TestCaseStats& stats) override {
    size_t count = 0;
    if (tg_debug_check_nodes == nullptr || tg_debug_check_nodes(&count) == 0) return;
    std::fprintf(stderr, "after \"%s\": %s\n", stats.testInfo.name.c_str(),
                 tg_last_error_message());
    std::abort();
  }
};
CATCH_REGISTER_LISTENER(NodesKeepTheirPromise)

}  // namespace
