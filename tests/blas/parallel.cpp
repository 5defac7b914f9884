// SPDX-License-Identifier: MIT
// The worker pool. (Its file lies in base; here stand its tests beside those of its first user.)
#include "base/parallel.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include <catch2/catch.hpp>
#include <cfenv>
#include <csignal>

#include <atomic>
#include <cerrno>
#include <thread>
#include <vector>

#include "blas/lent.h"

namespace {

int tasks() {
  int count = 0;
  DIR* directory = opendir("/proc/self/task");
  while (const dirent* entry = readdir(directory)) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

// A joined thread may stand in /proc for a moment longer, since the join returns before the kernel
// has put it away: what is expected has two seconds to come about.
int tasks(int expected) {
  for (int tries = 0; tries < 200 && tasks() != expected; ++tries) usleep(10'000);
  return tasks();
}

// ThreadSanitizer ends a child of a process with threads that starts one itself.
#ifdef __SANITIZE_THREAD__
constexpr bool kChildrenMayThread = false;
#else
constexpr bool kChildrenMayThread = true;
#endif

struct Marks {
  std::vector<std::atomic<int>> runs;
  explicit Marks(size_t count) : runs(count) {}
  static void run(void* self, size_t i) { ++static_cast<Marks*>(self)->runs[i]; }
  bool each_once() const {
    for (const auto& r : runs) {
      if (r != 1) return false;
    }
    return true;
  }
};

struct Threads {
  int before = tg::thread_count();
  explicit Threads(int count) { tg::set_thread_count(count); }
  ~Threads() {
    tg::set_thread_count(before);
    tg::end_pool();
  }
};

}  // namespace

TEST_CASE("parallel_for runs each index once for every count of indices and threads",
          "[parallel]") {
  for (int threads : {1, 2, 3, 8}) {
    Threads set(threads);
    for (size_t count : {0, 1, 2, 3, 7, 8, 100, 5000}) {
      for (int round = 0; round < 20; ++round) {
        Marks marks(count);
        tg::parallel_for(count, Marks::run, &marks);
        REQUIRE(marks.each_once());
      }
    }
  }
}

TEST_CASE("no worker starts before two indices can run at once", "[parallel]") {
  tg::end_pool();
  const int before = tasks();
  {
    Threads set(1);
    Marks marks(10);
    tg::parallel_for(10, Marks::run, &marks);
    CHECK(tasks(before) == before);
  }
  {
    Threads set(4);
    Marks one(1), two(2), many(100);
    tg::parallel_for(1, Marks::run, &one);
    CHECK(tasks(before) == before);
    tg::parallel_for(2, Marks::run, &two);
    CHECK(tasks(before + 1) == before + 1);
    tg::parallel_for(100, Marks::run, &many);
    CHECK(tasks(before + 3) == before + 3);
    tg::end_pool();
    CHECK(tasks(before) == before);
    Marks again(100);
    tg::parallel_for(100, Marks::run, &again);
    CHECK(again.each_once());
    CHECK(tasks(before + 3) == before + 3);
  }
  CHECK(tasks(before) == before);
}

TEST_CASE("workers really share the work", "[parallel]") {
  Threads set(2);
  struct Meeting {
    std::atomic<int> inside{0};
    static void run(void* self, size_t) {
      // Both indices must be inside at once for this to end.
      auto& inside = static_cast<Meeting*>(self)->inside;
      ++inside;
      while (inside < 2) std::this_thread::yield();
    }
  } meeting;
  tg::parallel_for(2, Meeting::run, &meeting);
  CHECK(meeting.inside == 2);
}

TEST_CASE("a nested parallel_for and callers at once all finish", "[parallel]") {
  Threads set(4);
  struct Outer {
    std::atomic<int> done{0};
    static void run(void* self, size_t) {
      Marks inner(50);
      tg::parallel_for(50, Marks::run, &inner);
      if (inner.each_once()) ++static_cast<Outer*>(self)->done;
    }
  } outer;
  tg::parallel_for(64, Outer::run, &outer);
  CHECK(outer.done == 64);

  std::atomic<int> right{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 16; ++t) {
    callers.emplace_back([&] {
      for (int round = 0; round < 300; ++round) {
        Marks marks(17);
        tg::parallel_for(17, Marks::run, &marks);
        right += marks.each_once();
      }
    });
  }
  for (auto& caller : callers) caller.join();
  CHECK(right == 16 * 300);
}

TEST_CASE("workers block every signal and take the caller's rounding", "[parallel]") {
  Threads set(3);
  struct Look {
    pthread_t caller;
    std::atomic<int> blocked{0}, workers{0}, upward{0}, inside{0};
    static void run(void* self, size_t) {
      auto& look = *static_cast<Look*>(self);
      ++look.inside;
      while (look.inside < 3) std::this_thread::yield();
      look.upward += std::fegetround() == FE_UPWARD;
      if (pthread_equal(pthread_self(), look.caller)) return;
      ++look.workers;
      sigset_t mask;
      pthread_sigmask(SIG_BLOCK, nullptr, &mask);
      bool all = true;
      for (int s : {SIGINT, SIGALRM, SIGCHLD, SIGUSR1, SIGPROF}) all = all && sigismember(&mask, s);
      look.blocked += all;
    }
  };
  // The C library's word for rounding is the x87 one: the vector unit's is what counts.
  struct Divide {
    float thirds[3];
    std::atomic<int> inside{0};
    static void run(void* self, size_t i) {
      auto& divide = *static_cast<Divide*>(self);
      ++divide.inside;
      while (divide.inside < 3) std::this_thread::yield();
      volatile float one = 1, three = 3;
      divide.thirds[i] = one / three;
    }
  } divide, nearest;
  Look look;
  look.caller = pthread_self();
  tg::parallel_for(3, Look::run, &look);
  CHECK(look.workers == 2);
  CHECK(look.blocked == 2);
  std::fesetround(FE_DOWNWARD);
  tg::parallel_for(3, Divide::run, &divide);
  std::fesetround(FE_TONEAREST);
  tg::parallel_for(3, Divide::run, &nearest);
  CHECK(divide.thirds[0] < nearest.thirds[0]);
  for (int i = 1; i < 3; ++i) {
    CHECK(divide.thirds[i] == divide.thirds[0]);
    CHECK(nearest.thirds[i] == nearest.thirds[0]);
  }
}

TEST_CASE("a child of fork has a pool of its own", "[parallel]") {
  if (!kChildrenMayThread) return;
  Threads set(3);
  Marks warm(20);
  tg::parallel_for(20, Marks::run, &warm);
  const pid_t child = fork();
  if (child == 0) {
    alarm(10);
    const bool alone = tasks() == 1;
    Marks marks(20);
    tg::parallel_for(20, Marks::run, &marks);
    const bool made = tasks() == 3;
    tg::end_pool();
    _exit(alone && made && marks.each_once() && tasks(1) == 1 ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("a child forked in the middle of a parallel_for works", "[parallel]") {
  if (!kChildrenMayThread) return;
  Threads set(2);
  struct Forking {
    std::atomic<int> good{0};
    static void run(void* self, size_t i) {
      if (i != 5) return;
      const pid_t child = fork();
      if (child == 0) {
        alarm(10);
        Marks marks(30);
        tg::parallel_for(30, Marks::run, &marks);
        _exit(marks.each_once() ? 0 : 1);
      }
      int status = -1;
      waitpid(child, &status, 0);
      static_cast<Forking*>(self)->good += status == 0;
    }
  } forking;
  tg::parallel_for(10, Forking::run, &forking);
  CHECK(forking.good == 1);
}

TEST_CASE("errno survives and thread counts are kept in bounds", "[parallel]") {
  Threads set(2);
  Marks marks(8);
  errno = 7777;
  tg::parallel_for(8, Marks::run, &marks);
  CHECK(errno == 7777);
  tg::set_thread_count(1000000);
  CHECK(tg::thread_count() == tg::kMaxThreads);
  tg::set_thread_count(0);
  CHECK(tg::thread_count() == tg::processor_count());
  tg::set_thread_count(-3);
  CHECK(tg::thread_count() == tg::processor_count());
}

TEST_CASE("a lent pool runs the work, and what it leaves is run here", "[parallel]") {
  Threads set(4);
  static int calls;
  calls = 0;
  const auto half = [](void* user, size_t count, tg::Job run, void* job) -> int32_t {
    ++calls;
    CHECK(user == &calls);
    for (size_t i = 0; i < count / 2; ++i) run(job, 0);  // its numbers may even be wrong
    return 1;
  };
  tg::end_pool();
  const int before = tasks();
  Marks marks(41);
  {
    const Lending lending(half, &calls);
    tg::parallel_for(41, Marks::run, &marks);
  }
  CHECK(marks.each_once());
  CHECK(calls == 1);
  CHECK(tasks(before) == before);
  Marks own(41);
  tg::parallel_for(41, Marks::run, &own);
  CHECK(own.each_once());
  CHECK(calls == 1);
}
