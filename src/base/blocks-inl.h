// SPDX-License-Identifier: MIT
// The inline half of base/blocks.h: the road of every call takes and gives blocks.
#pragma once

#include "base/thread.h"

namespace tg {

// The slow halves: a batch of the depot, a slab, the system.
void* take_slow(uint32_t size_class) noexcept;
void give_back_slow(void* block, uint32_t size_class) noexcept;
[[noreturn]] void fail_out_of_memory(size_t size);

inline void* try_take_class(uint32_t size_class) noexcept {
  if (allocation_fails()) return nullptr;
  ThreadRecord* mine = record;
  if (size_class < kSmallClasses && mine != nullptr) [[likely]] {
    Blocks& blocks = mine->blocks;
    FreeBlock* block = blocks.free[size_class];
    if (block != nullptr) [[likely]] {
      blocks.free[size_class] = block->next;
      --blocks.count[size_class];
      return block;
    }
  }
  return take_slow(size_class);
}

inline void* take_class(uint32_t size_class) {
  void* block = try_take_class(size_class);
  if (block == nullptr) [[unlikely]]
    fail_out_of_memory(class_size(size_class));
  return block;
}

inline void give_back_class(void* block, uint32_t size_class) noexcept {
  ThreadRecord* mine = record;
  if (size_class < kSmallClasses && mine != nullptr) [[likely]] {
    Blocks& blocks = mine->blocks;
    if (blocks.count[size_class] < batch_size(size_class)) [[likely]] {
      auto* free_block = static_cast<FreeBlock*>(block);
      free_block->next = blocks.free[size_class];
      blocks.free[size_class] = free_block;
      ++blocks.count[size_class];
      return;
    }
  }
  give_back_slow(block, size_class);
}

inline void* take(size_t size) {
  if (size > class_size(kClasses - 1)) fail_out_of_memory(size);
  return take_class(size_class(size));
}
inline void* try_take(size_t size) noexcept {
  if (size > class_size(kClasses - 1)) return nullptr;
  return try_take_class(size_class(size));
}
inline void give_back(void* block, size_t size) noexcept {
  give_back_class(block, size_class(size));
}

template <class T>
T* BlockAllocator<T>::allocate(size_t n) {
  static_assert(alignof(T) <= 16);
  if (n > class_size(kClasses - 1) / sizeof(T)) fail_out_of_memory(n);
  return static_cast<T*>(take(n * sizeof(T)));
}
template <class T>
void BlockAllocator<T>::deallocate(T* p, size_t n) noexcept {
  give_back(p, n * sizeof(T));
}

// ---- account ----
inline constexpr int64_t kSettle = 64 << 10;       // how far a thread's own count may be off
inline constexpr int64_t kChargedGlobally = 4096;  // blocks from here on count at once for all

struct Account {
  alignas(64) std::atomic<int64_t> settled;
  alignas(64) std::atomic<int64_t> peak;  // written on a new peak alone, so mostly read
  std::atomic<int64_t> limit;             // INT64_MAX: none
};
extern constinit Account account;
void charge_slow(int64_t bytes);
void renew_headroom(Blocks& blocks) noexcept;
void settle(Blocks& blocks) noexcept;

// The common case is one comparison. `headroom` says how far the thread's own count may grow before
// the peak, the limit or the global account has to be looked at; charge_slow makes it anew. Other
// threads may make it stale by what they leave unsettled: at most kSettle each.
inline void charge(int64_t bytes) {
  Blocks& blocks = thread_record().blocks;
  const int64_t own = blocks.bytes.load(std::memory_order_relaxed) + bytes;
  if (bytes >= kChargedGlobally || own > blocks.headroom) [[unlikely]]
    return charge_slow(bytes);
  blocks.bytes.store(own, std::memory_order_relaxed);
}

inline void discharge(int64_t bytes) noexcept {
  ThreadRecord* mine = record;
  if (bytes >= kChargedGlobally || mine == nullptr) [[unlikely]] {
    account.settled.fetch_sub(bytes, std::memory_order_relaxed);
    if (mine != nullptr) renew_headroom(mine->blocks);
    return;
  }
  const int64_t own = mine->blocks.bytes.load(std::memory_order_relaxed) - bytes;
  mine->blocks.bytes.store(own, std::memory_order_relaxed);
  if (own < -kSettle) [[unlikely]]
    settle(mine->blocks);
}

}  // namespace tg
