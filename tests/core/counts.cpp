// SPDX-License-Identifier: MIT
// Counting without locked instructions while there is one thread, and with them from the second on:
// the results are the same, and the change between the two loses nothing.
#include "base/counts.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <thread>
#include <vector>

TEST_CASE("counts do the same alone and among others", "[counts]") {
  for (const bool alone : {true, false}) {
    std::atomic<uint32_t> count{1};
    CHECK(tg::count_up(count, alone) == 1);
    CHECK(tg::count_up(count, alone) == 2);
    CHECK_FALSE(tg::was_last(count, alone));
    CHECK(tg::count_down(count, alone) == 2);
    CHECK(count == 1);
    CHECK(tg::was_last(count, alone));

    std::atomic<uint64_t> word{7};
    uint64_t expected = 8;
    CHECK_FALSE(tg::exchange_if(word, expected, uint64_t{9}, alone));
    CHECK(expected == 7);
    CHECK(word == 7);
    CHECK(tg::exchange_if(word, expected, uint64_t{9}, alone));
    CHECK(word == 9);
  }
}

TEST_CASE("counts made alone are seen by threads that start later, and none is lost", "[counts]") {
  std::atomic<uint32_t> count{0};
  for (int i = 0; i < 1000; ++i) tg::count_up(count);
  std::atomic<bool> alone{false};  // Catch's assertions belong to the main thread
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      if (tg::single_threaded()) alone = true;
      for (int i = 0; i < 10000; ++i) tg::count_up(count);
      for (int i = 0; i < 5000; ++i) tg::count_down(count);
    });
  }
  for (int i = 0; i < 10000; ++i) tg::count_up(count);
  for (std::thread& thread : threads) thread.join();
  CHECK_FALSE(alone);
  CHECK(count == 1000 + 4 * 5000 + 10000);
}
