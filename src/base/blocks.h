// SPDX-License-Identifier: MIT
// Memory for everything in the library: tensors, nodes, containers. Small blocks come from lists
// that belong to the thread, large ones from one depot that keeps freed blocks for reuse. Beside
// them stands the account of tensor bytes with its peak and its limit (abi.md 11).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <new>
#include <string>
#include <vector>

namespace tg {

struct ThreadRecord;

// Steps of 16 bytes up to 256, then quarter powers of two: at most a fifth of a block is waste.
inline constexpr uint32_t kStepClasses = 16;
inline constexpr uint32_t kSmallClasses = kStepClasses + 7 * 4;  // up to 32 KiB
inline constexpr uint32_t kClasses = kStepClasses + 38 * 4;      // up to 2^46 bytes

inline constexpr uint32_t size_class(size_t size) {
  if (size <= 256) return size == 0 ? 0 : static_cast<uint32_t>((size + 15) / 16 - 1);
  const auto top = static_cast<uint32_t>(63 - std::countl_zero(size - 1));
  const auto quarter = static_cast<uint32_t>((size - 1) >> (top - 2)) & 3u;
  return kStepClasses + (top - 8) * 4 + quarter;
}
inline constexpr size_t class_size(uint32_t size_class) {
  if (size_class < kStepClasses) return (size_class + 1) * size_t{16};
  const uint32_t top = (size_class - kStepClasses) / 4 + 8;
  const uint32_t quarter = (size_class - kStepClasses) % 4;
  return (size_t{1} << top) + (quarter + 1) * (size_t{1} << (top - 2));
}

struct FreeBlock {
  FreeBlock* next;
};

// A thread's lists. Two batches a class: the one in use, and a full one in reserve, so that a long
// run of frees hands whole batches to the depot without walking them.
struct Blocks {
  FreeBlock* free[kSmallClasses];
  FreeBlock* reserve[kSmallClasses];
  uint16_t room[kSmallClasses];  // how many blocks free[] may still take: a batch less its own
  std::byte* slab;               // the rest of the slab that new blocks are cut from
  size_t slab_left;
  std::byte* slab_ready;       // its pages before here were touched ahead
  size_t ready_next;           // how much to touch next: doubles up to 32 KiB
  size_t slab_next;            // size of the next slab: doubles up to 4 MiB
  std::atomic<int64_t> bytes;  // tensor bytes not yet settled with the global account
  int64_t headroom;            // above it `bytes` must be looked at: peak, limit or settling
};

struct BatchSizes {
  uint16_t of[kSmallClasses];
};
inline constexpr BatchSizes make_batch_sizes() {
  BatchSizes sizes{};
  for (uint32_t i = 0; i < kSmallClasses; ++i) {
    const size_t fit = (size_t{128} << 10) / class_size(i);
    sizes.of[i] = static_cast<uint16_t>(fit > 1024 ? 1024 : fit < 8 ? 8 : fit);
  }
  return sizes;
}
inline constexpr BatchSizes kBatchSizes = make_batch_sizes();
inline constexpr uint16_t batch_size(uint32_t size_class) { return kBatchSizes.of[size_class]; }

// Blocks are aligned to 16 bytes. take throws TG_ERROR_OUT_OF_MEMORY; try_take gives null.
void* take_class(uint32_t size_class);
void* try_take_class(uint32_t size_class) noexcept;
void give_back_class(void* block, uint32_t size_class) noexcept;
inline void* take(size_t size);
inline void* try_take(size_t size) noexcept;
inline void give_back(void* block, size_t size) noexcept;

// ---- the account of tensor bytes ----
// Throws TG_ERROR_OUT_OF_MEMORY where the limit says no; then nothing is counted. Past the soft
// limit the host's pressure function runs, so no lock may be held.
void charge(int64_t bytes);
void discharge(int64_t bytes) noexcept;
uint64_t memory_current() noexcept;
uint64_t memory_peak() noexcept;
void memory_peak_reset() noexcept;
void memory_limit_set(uint64_t bytes) noexcept;
void memory_soft_limit_set(uint64_t bytes) noexcept;  // base/pressure.h; 0: none
uint64_t memory_cached() noexcept;  // large free blocks, and packings (pack_bytes_add)
void memory_trim() noexcept;        // gives the large free blocks back to the system
void trim_first(void (*drop)() noexcept) noexcept;  // what memory_trim calls before that
void pack_bytes_add(int64_t bytes) noexcept;

// Called when a thread ends, and when the library is unloaded.
void settle_and_give_up(ThreadRecord& record) noexcept;
void free_all_blocks() noexcept;

#ifdef TG_FAULT_INJECTION
// Test builds: the k-th allocation of this thread from now on fails (0: none), and with `lasting`
// all that follow. Returns how many were counted since the last call.
uint64_t fail_allocation(uint64_t k, bool lasting) noexcept;
bool allocation_fails() noexcept;
#else
inline bool allocation_fails() noexcept { return false; }
#endif

// Containers of the library: all memory goes through blocks.
template <class T>
struct BlockAllocator {
  using value_type = T;
  BlockAllocator() noexcept = default;
  template <class U>
  BlockAllocator(const BlockAllocator<U>&) noexcept {}
  T* allocate(size_t n);
  void deallocate(T* p, size_t n) noexcept;
  friend bool operator==(const BlockAllocator&, const BlockAllocator&) { return true; }
};
template <class T>
using Vector = std::vector<T, BlockAllocator<T>>;
using String = std::basic_string<char, std::char_traits<char>, BlockAllocator<char>>;

}  // namespace tg

#include "base/thread.h"  // and with it base/blocks-inl.h, which needs ThreadRecord
