// SPDX-License-Identifier: MIT
#include "base/lock.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "base/thread.h"

namespace tg {

namespace {

// A page that the kernel zeroes in a child (MADV_WIPEONFORK): one load tells that a fork happened,
// without pthread_atfork, whose handlers would also run in hosts that only want to exec.
constinit std::atomic<std::atomic<uint32_t>*> wiped_page{nullptr};
constinit std::atomic<uint32_t> epoch{1};
constinit std::atomic<uint32_t> page_refused{0};

inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

std::atomic<uint32_t>* make_page() noexcept {
  ErrnoKeeper keep;
  void* memory = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  if (madvise(memory, 4096, MADV_WIPEONFORK) != 0) {
    munmap(memory, 4096);
    page_refused.store(1, std::memory_order_relaxed);
    return nullptr;
  }
  auto* page = static_cast<std::atomic<uint32_t>*>(memory);
  // Not 1: the page may be made again in a child that has counted forks already.
  page->store(epoch.load(std::memory_order_relaxed), std::memory_order_relaxed);
  std::atomic<uint32_t>* expected = nullptr;
  if (!wiped_page.compare_exchange_strong(expected, page, std::memory_order_acq_rel)) {
    munmap(memory, 4096);
    return expected;
  }
  return page;
}

}  // namespace

uint32_t fork_epoch() noexcept {
  std::atomic<uint32_t>* page = wiped_page.load(std::memory_order_acquire);
  if (page == nullptr) [[unlikely]] {
    if (page_refused.load(std::memory_order_relaxed) != 0) return 1;
    page = make_page();
    if (page == nullptr) return epoch.load(std::memory_order_relaxed);
  }
  if (page->load(std::memory_order_relaxed) == 0) [[unlikely]] {
    // Threads of the child may come here at once: the one that fills the page counts the fork.
    uint32_t empty = 0;
    const uint32_t next = epoch.load(std::memory_order_relaxed) + 1;
    if (page->compare_exchange_strong(empty, next, std::memory_order_relaxed)) {
      epoch.store(next, std::memory_order_relaxed);
    }
  }
  return page->load(std::memory_order_relaxed);
}

bool Lock::lock_slow(uint32_t mine) noexcept {
  for (int round = 0;; ++round) {
    uint32_t held = word_.load(std::memory_order_relaxed);
    if (held == 0) {
      if (word_.compare_exchange_weak(held, mine, std::memory_order_acquire)) return true;
      continue;
    }
    if (held != mine) {  // the holder's process is not this one
      if (word_.compare_exchange_strong(held, mine, std::memory_order_acquire)) return false;
      continue;
    }
    if (round < 64) {
      pause_cpu();
    } else {
      sched_yield();
    }
  }
}

// The page belongs to the library: dlclose gives it back.
[[gnu::destructor(101)]] static void give_page_back() {
  if (another_thread_lives()) return;
  if (std::atomic<uint32_t>* page = wiped_page.exchange(nullptr)) munmap(page, 4096);
}

}  // namespace tg
