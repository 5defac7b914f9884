// SPDX-License-Identifier: MIT
// The inline half of base/blocks.h: the road of every call takes and gives blocks.
#pragma once

#include "base/thread.h"

namespace tg {

// The slow halves: a batch of the depot, a slab, the system.
void* take_slow(uint32_t size_class) noexcept;
void give_back_slow(void* block, uint32_t size_class) noexcept;
[[noreturn]] void fail_out_of_memory(size_t size);

// A small block from the thread's list; null: the list is empty.
inline void* pop_listed(uint32_t size_class) noexcept {
  ThreadRecord* mine = record;
  if (mine == nullptr) [[unlikely]]
    return nullptr;
  Blocks& blocks = mine->blocks;
  FreeBlock* block = blocks.free[size_class];
  if (block == nullptr) [[unlikely]]
    return nullptr;
  blocks.free[size_class] = block->next;
  ++blocks.room[size_class];
  return block;
}
// Onto the thread's list; false: it is full.
inline bool push_listed(ThreadRecord& mine, void* block, uint32_t size_class) noexcept {
  Blocks& blocks = mine.blocks;
  if (blocks.room[size_class] == 0) [[unlikely]]
    return false;
  auto* free_block = static_cast<FreeBlock*>(block);
  free_block->next = blocks.free[size_class];
  blocks.free[size_class] = free_block;
  --blocks.room[size_class];
  return true;
}

// For a road with a slow half of its own, which tries again by take_class: null is no failure.
inline void* take_listed([[maybe_unused]] uint32_t size_class) noexcept {
#ifdef TG_FAULT_INJECTION
  return nullptr;  // the slow half is where allocations are counted
#else
  return pop_listed(size_class);
#endif
}

inline void* try_take_class(uint32_t size_class) noexcept {
  if (allocation_fails()) return nullptr;
  if (size_class < kSmallClasses) [[likely]] {
    if (void* block = pop_listed(size_class)) [[likely]]
      return block;
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
  if (size_class < kSmallClasses && mine != nullptr && push_listed(*mine, block, size_class))
      [[likely]]
    return;
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
  std::atomic<int64_t> soft_limit;        // likewise
};
extern constinit Account account;
void charge_slow(int64_t bytes);
void renew_headroom(Blocks& blocks) noexcept;
void settle(Blocks& blocks) noexcept;

// The common case is one comparison. `headroom` says how far the thread's own count may grow before
// the peak, the limit or the global account has to be looked at; charge_slow makes it anew. Other
// threads may make it stale by what they leave unsettled: at most kSettle each.
inline bool has_headroom(int64_t bytes) {
  const Blocks& blocks = thread_record().blocks;
  return bytes < kChargedGlobally &&
         blocks.bytes.load(std::memory_order_relaxed) + bytes <= blocks.headroom;
}
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

// A tensor's block and its bytes in the account at once: most tensors are small and come from the
// thread's list. Throws TG_ERROR_OUT_OF_MEMORY; then nothing is counted.
static_assert(class_size(kSmallClasses - 1) >= kChargedGlobally + 1024);  // its head included
void* take_charged_slow(uint32_t size_class, int64_t bytes);
// From the thread's list, with room in the account; null: nothing was done.
inline void* take_charged_fast(uint32_t size_class, int64_t bytes) {
  ThreadRecord* mine = record;
  if (mine == nullptr) [[unlikely]]
    return nullptr;
  Blocks& blocks = mine->blocks;
  FreeBlock* block = blocks.free[size_class];
  const int64_t own = blocks.bytes.load(std::memory_order_relaxed) + bytes;
  if (block == nullptr || own > blocks.headroom) [[unlikely]]
    return nullptr;
#ifdef TG_FAULT_INJECTION
  if (allocation_fails()) fail_out_of_memory(class_size(size_class));
#endif
  blocks.free[size_class] = block->next;
  ++blocks.room[size_class];
  blocks.bytes.store(own, std::memory_order_relaxed);
  return block;
}
inline void* take_charged(uint32_t size_class, int64_t bytes) {
  if (bytes < kChargedGlobally) [[likely]] {
    if (void* block = take_charged_fast(size_class, bytes)) [[likely]]
      return block;
  }
  return take_charged_slow(size_class, bytes);
}

// The reverse, where the thread's list has room for the block. false: nothing was done.
inline bool give_back_charged(ThreadRecord& mine, void* block, uint32_t size_class,
                              int64_t bytes) noexcept {
  const int64_t own = mine.blocks.bytes.load(std::memory_order_relaxed) - bytes;
  if (own < -kSettle || !push_listed(mine, block, size_class)) [[unlikely]]
    return false;
  mine.blocks.bytes.store(own, std::memory_order_relaxed);
  return true;
}

}  // namespace tg
