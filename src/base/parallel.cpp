// SPDX-License-Identifier: MIT
#include "base/parallel.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "base/error.h"
#include "base/lock.h"
#include "base/thread.h"

namespace tg {

namespace {

constexpr size_t kStackSize = 256 << 10;       // a product of OpenBLAS needs 20 KiB
constexpr size_t kSecondStackSize = 1 << 20;   // where the host's thread-local data fill the first
constexpr uint32_t kOpen = uint32_t{1} << 31;  // of Pool::state: workers may still join

// The word that the processor keeps for rounding, flush to zero and denormals are zero; without
// the sticky flags.
uint32_t float_control() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & 0xffc0u;
#else
  return 0;
#endif
}
void set_float_control(uint32_t control) noexcept {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(control);
#else
  static_cast<void>(control);
#endif
}

struct Work {
  Job run;
  void* job;
  size_t count;
  uint32_t control;
  std::atomic<size_t> next;

  void run_rest() noexcept {
    for (size_t i = next.fetch_add(1, std::memory_order_relaxed); i < count;
         i = next.fetch_add(1, std::memory_order_relaxed)) {
      run(job, i);
    }
  }
};

// One caller at a time owns the pool. A worker joins a round by counting itself into `state` while
// the round is open, so a worker that wakes late neither delays the caller nor touches a job that
// is gone.
struct Pool {
  std::atomic<uint32_t> owner;  // 0: free; else the fork epoch of the process whose caller has it
  uint32_t epoch;               // of the process that made the workers. From here on: the owner's
  int workers;
  pthread_t threads[kMaxThreads];
  alignas(64) std::atomic<uint32_t> bell;  // futex of sleeping workers; changes with each round
  std::atomic<uint32_t> stop;
  alignas(64) std::atomic<uint32_t> state;  // futex of the owner: kOpen | workers inside
  std::atomic<uint32_t> seats;              // how many may be inside
  alignas(64) Work work;
};
constinit Pool pool{};

// A round on the host's threads. They may still be busy when its function gives up.
struct LentWork : Work {
  std::atomic<uint32_t> inside;  // futex of the caller: how many run an index
};

constinit std::atomic<int> threads_wanted{0};  // 0: not asked yet

void futex_wait(std::atomic<uint32_t>& word, uint32_t value) noexcept {
  ErrnoKeeper keep;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void futex_wake(std::atomic<uint32_t>& word, int count) noexcept {
  ErrnoKeeper keep;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}

bool join_round() noexcept {
  uint32_t state = pool.state.load(std::memory_order_relaxed);
  do {
    const uint32_t inside = state & ~kOpen;
    if ((state & kOpen) == 0 || inside >= pool.seats.load(std::memory_order_relaxed)) return false;
  } while (!pool.state.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                             std::memory_order_relaxed));
  return true;
}

void* worker(void* first_bell) {
  auto heard = static_cast<uint32_t>(reinterpret_cast<uintptr_t>(first_bell));
  for (;;) {
    uint32_t bell = pool.bell.load(std::memory_order_acquire);
    while (bell == heard) {
      futex_wait(pool.bell, heard);
      bell = pool.bell.load(std::memory_order_acquire);
    }
    heard = bell;
    if (pool.stop.load(std::memory_order_relaxed) != 0) return nullptr;
    if (!join_round()) continue;
    set_float_control(pool.work.control);
    pool.work.run_rest();
    if (pool.state.fetch_sub(1, std::memory_order_release) == 1) futex_wake(pool.state, 1);
  }
}

bool make_worker(pthread_t* thread, size_t stack) noexcept {
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0) return false;
  const uintptr_t heard = pool.bell.load(std::memory_order_relaxed);
  const bool made =
      pthread_attr_setstacksize(&attributes, stack) == 0 &&
      pthread_create(thread, &attributes, worker, reinterpret_cast<void*>(heard)) == 0;
  pthread_attr_destroy(&attributes);
  return made;
}

// The owner's. Workers inherit the signal mask, so all signals are blocked while they are made.
void make_workers(int wanted) noexcept {
  if (wanted > kMaxThreads - 1) wanted = kMaxThreads - 1;
  if (pool.workers >= wanted) return;
  ErrnoKeeper keep;
  sigset_t all, before;
  sigfillset(&all);
  if (pthread_sigmask(SIG_SETMASK, &all, &before) != 0) return;
  while (pool.workers < wanted) {
    pthread_t* thread = &pool.threads[pool.workers];
    if (!make_worker(thread, kStackSize) && !make_worker(thread, kSecondStackSize)) break;
    ++pool.workers;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool take_pool() noexcept {
  const uint32_t mine = fork_epoch();
  uint32_t owner = pool.owner.load(std::memory_order_relaxed);
  if (owner == mine) return false;
  // Free, or its owner stayed behind in the parent process.
  if (!pool.owner.compare_exchange_strong(owner, mine, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
    return false;
  }
  if (pool.epoch != mine) {  // workers do not come along with a fork
    pool.epoch = mine;
    pool.workers = 0;
    pool.state.store(0, std::memory_order_relaxed);
    pool.stop.store(0, std::memory_order_relaxed);
  }
  return true;
}

void give_pool_back() noexcept { pool.owner.store(0, std::memory_order_release); }

// Runs one index, whichever is next: so each runs once, whatever the host's pool makes of its
// numbers.
void run_lent(void* argument, size_t) noexcept {
  LentWork& work = *static_cast<LentWork*>(argument);
  work.inside.fetch_add(1, std::memory_order_relaxed);
  const size_t i = work.next.fetch_add(1, std::memory_order_relaxed);
  if (i < work.count) {
    const uint32_t before = float_control();
    set_float_control(work.control);
    work.run(work.job, i);
    set_float_control(before);
  }
  if (work.inside.fetch_sub(1, std::memory_order_release) == 1) futex_wake(work.inside, 1);
}

bool run_on_lent_pool(size_t count, Job run, void* job) noexcept {
  const KeptUse use(lent_pool);
  if (use.get() == nullptr) return false;
  auto* host = static_cast<KeptPool*>(use.get());
  LentWork work{{run, job, count, float_control(), {0}}, {0}};
  host->call(host, count, run_lent, &work);
  work.run_rest();
  while (const uint32_t inside = work.inside.load(std::memory_order_acquire)) {
    futex_wait(work.inside, inside);
  }
  return true;
}

int from_environment() noexcept {
  const char* text = environment_num_threads();
  if (text == nullptr || *text == 0) return 0;
  int count = 0;
  for (; *text >= '0' && *text <= '9'; ++text) {
    count = count * 10 + (*text - '0');
    if (count > kMaxThreads) count = kMaxThreads;
  }
  return *text == 0 ? count : 0;
}

}  // namespace

constinit KeptPlace lent_pool{};

int processor_count() noexcept {
  ErrnoKeeper keep;
  cpu_set_t set;
  int count = 0;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    count = CPU_COUNT(&set);
  } else {  // more processors than the set has room for
    count = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  }
  return count < 1 ? 1 : count > kMaxThreads ? kMaxThreads : count;
}

int thread_count() noexcept {
  const int known = threads_wanted.load(std::memory_order_relaxed);
  if (known > 0) return known;
  int count = from_environment();
  if (count == 0) count = processor_count();
  // A set_thread_count that came meanwhile wins.
  int unknown = 0;
  return threads_wanted.compare_exchange_strong(unknown, count, std::memory_order_relaxed)
             ? count
             : unknown;
}

void set_thread_count(int count) noexcept {
  if (count <= 0) count = processor_count();
  threads_wanted.store(count > kMaxThreads ? kMaxThreads : count, std::memory_order_relaxed);
}

void parallel_for(size_t count, Job run, void* job) noexcept {
  if (count > 1) {
    if (lent_pool.is_taken() && run_on_lent_pool(count, run, job)) return;
    const int threads = thread_count();
    if (threads > 1 && take_pool()) {
      const int helpers =
          count < static_cast<size_t>(threads) ? static_cast<int>(count) - 1 : threads - 1;
      make_workers(helpers);
      Work& work = pool.work;
      work.run = run;
      work.job = job;
      work.count = count;
      work.control = float_control();
      work.next.store(0, std::memory_order_relaxed);
      if (pool.workers > 0) {
        pool.seats.store(static_cast<uint32_t>(helpers), std::memory_order_relaxed);
        pool.state.store(kOpen, std::memory_order_release);
        pool.bell.fetch_add(1, std::memory_order_release);
        futex_wake(pool.bell, helpers);
      }
      work.run_rest();
      uint32_t state = pool.state.fetch_and(~kOpen, std::memory_order_acquire) & ~kOpen;
      while (state != 0) {
        futex_wait(pool.state, state);
        state = pool.state.load(std::memory_order_acquire);
      }
      return give_pool_back();
    }
  }
  for (size_t i = 0; i < count; ++i) run(job, i);
}

void end_pool() noexcept {
  if (!take_pool()) return;
  pool.stop.store(1, std::memory_order_relaxed);
  pool.bell.fetch_add(1, std::memory_order_release);
  futex_wake(pool.bell, kMaxThreads);
  while (pool.workers > 0) pthread_join(pool.threads[--pool.workers], nullptr);
  pool.stop.store(0, std::memory_order_relaxed);
  give_pool_back();
}

// dlclose: no worker may run in code that is gone.
[[gnu::destructor]] static void library_ends() { end_pool(); }

}  // namespace tg
