// SPDX-License-Identifier: MIT
// Turns: one thread at a time, the same thread as often as it likes, and a child of fork that does
// not wait for a thread of its parent.
#include "ffi/turn.h"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace tg::ffi;

namespace {

struct Turns {
  Turn* turn = make_turn();
  ~Turns() { turn->let_go(); }
};

}  // namespace

TEST_CASE("a turn is one thread's, and the thread may come again", "[ffi]") {
  Turns turns;
  int64_t sum = 0;  // guarded by the turn alone
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int k = 0; k < 2000; ++k) {
        const InTurn once(turns.turn, "op");
        const InTurn again(turns.turn, "op");
        sum += 1;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(sum == 8000);
}

TEST_CASE("a circle of three threads is found by the one that would close it", "[ffi]") {
  Turns turns[3];
  std::atomic<int> arrived{0}, refused{0}, passed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      const InTurn own(turns[t].turn, "own");
      ++arrived;
      while (arrived.load() < 3) std::this_thread::yield();
      try {
        const InTurn next(turns[(t + 1) % 3].turn, "next");
        ++passed;
      } catch (const tg::Error& error) {
        if (error.code == TG_ERROR_MODE) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(refused == 1);
  CHECK(passed == 2);
}

TEST_CASE("a child of fork takes a turn over that a thread of its parent held", "[ffi]") {
  Turns turns;
  std::atomic<bool> held{false}, done{false};
  std::thread holder([&] {
    const InTurn turn(turns.turn, "op");
    held = true;
    while (!done.load()) std::this_thread::yield();
  });
  while (!held.load()) std::this_thread::yield();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a child that waits for ever ends as a failure
    {
      const InTurn turn(turns.turn, "op");
      const InTurn again(turns.turn, "op");
    }
    _exit(7);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  done = true;
  holder.join();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 7);
}
