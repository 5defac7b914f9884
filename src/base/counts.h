// SPDX-License-Identifier: MIT
// Counted references. While the process has one thread alone, as glibc tells in
// <sys/single_threaded.h>, a read-modify-write needs no locked instruction: no other thread can
// come between, and one that starts later sees what was written. A locked one costs as much as
// twenty others, and a small call makes five.
#pragma once

#include <atomic>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define TG_HAS_SINGLE_THREADED 1
#endif

namespace tg {

[[gnu::always_inline]] inline bool single_threaded() noexcept {
#ifdef TG_HAS_SINGLE_THREADED
  return __libc_single_threaded != 0;
#else
  return false;
#endif
}

// Each gives the former value. alone: what single_threaded said a moment ago, in the same call.
template <class T>
[[gnu::always_inline]] inline T count_up(std::atomic<T>& count,
                                         bool alone = single_threaded()) noexcept {
  if (alone) {
    const T before = count.load(std::memory_order_relaxed);
    count.store(before + 1, std::memory_order_relaxed);
    return before;
  }
  return count.fetch_add(1, std::memory_order_relaxed);
}
// What the others did with the object happens before the last count goes.
template <class T>
[[gnu::always_inline]] inline T count_down(std::atomic<T>& count,
                                           bool alone = single_threaded()) noexcept {
  if (alone) {
    const T before = count.load(std::memory_order_relaxed);
    count.store(before - 1, std::memory_order_relaxed);
    return before;
  }
  return count.fetch_sub(1, std::memory_order_acq_rel);
}
// true: the count that was let go of was the last, and the object is the caller's to end. A sole
// owner needs no read-modify-write: nobody else can count up from nothing.
template <class T>
[[gnu::always_inline]] inline bool was_last(std::atomic<T>& count) noexcept {
  return count.load(std::memory_order_acquire) == 1 || count_down(count) == 1;
}
template <class T>
[[gnu::always_inline]] inline bool was_last(std::atomic<T>& count, bool alone) noexcept {
  return count.load(std::memory_order_acquire) == 1 || count_down(count, alone) == 1;
}
// As compare_exchange_strong; acquire and release.
template <class T>
[[gnu::always_inline]] inline bool exchange_if(std::atomic<T>& word, T& expected, T desired,
                                               bool alone = single_threaded()) noexcept {
  if (alone) {
    const T found = word.load(std::memory_order_relaxed);
    if (found != expected) {
      expected = found;
      return false;
    }
    word.store(desired, std::memory_order_relaxed);
    return true;
  }
  return word.compare_exchange_strong(expected, desired, std::memory_order_acq_rel,
                                      std::memory_order_relaxed);
}

}  // namespace tg
