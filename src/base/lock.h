// SPDX-License-Identifier: MIT
// A small lock for short critical sections. It has no constructor, and a child of fork() never
// waits for a holder that exists in the parent only: it takes the lock over and says so.
#pragma once

#include <atomic>
#include <cstdint>

namespace tg {

// Counts the forks that this process has seen behind it: a number that differs from an earlier one
// says that the process is a child and that only the calling thread came along. Never 0.
uint32_t fork_epoch() noexcept;

class Lock {
 public:
  // true: taken in the ordinary way. false: taken from a holder that died with the fork, so what
  // the lock guards may be half-written and must be made anew.
  bool lock() noexcept {
    uint32_t expected = 0;
    const uint32_t mine = fork_epoch();
    if (word_.compare_exchange_strong(expected, mine, std::memory_order_acquire,
                                      std::memory_order_relaxed)) [[likely]] {
      return true;
    }
    return lock_slow(mine);
  }
  void unlock() noexcept { word_.store(0, std::memory_order_release); }

 private:
  bool lock_slow(uint32_t mine) noexcept;

  std::atomic<uint32_t> word_{0};  // 0: free; else the epoch of the process that holds it
};

class LockGuard {
 public:
  explicit LockGuard(Lock& lock) noexcept : lock_(lock), whole_(lock.lock()) {}
  ~LockGuard() { lock_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;
  bool whole() const { return whole_; }  // false: see Lock::lock

 private:
  Lock& lock_;
  bool whole_;
};

}  // namespace tg
