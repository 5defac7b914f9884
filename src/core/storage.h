// SPDX-License-Identifier: MIT
// The bytes that views share. Version counter and inference mark belong here, since all tensors
// that look at the bytes share them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/counts.h"

namespace tg {

// What must be released with a storage: the host's memory, or what core/packing.h keeps.
struct Owner {
  void (*release)(const Owner* owner, std::byte* data) noexcept;
};

struct Storage {
  std::atomic<uint32_t> refs{1};     // tensors that look at these bytes
  std::atomic<uint32_t> version{0};  // +1 by each in-place write; saved tensors compare it
  std::byte* data;                   // on 64 bytes where the library made it
  std::atomic<const Owner*> owner;   // set once. null: nothing but this block is to be released
  // Bytes in 48 bits, size class of the block in 8, then flags. All access is atomic and relaxed:
  // readers may set kEscaped.
  std::atomic<uint64_t> extent;

  static constexpr uint64_t kBytesMask = (uint64_t{1} << 48) - 1;
  static constexpr int kClassShift = 48;
  static constexpr uint64_t kReadOnly = uint64_t{1} << 56;
  static constexpr uint64_t kLent = uint64_t{1} << 57;     // a hook runs that may only read it
  static constexpr uint64_t kEscaped = uint64_t{1} << 58;  // its address was given out
  static constexpr uint64_t kInference = uint64_t{1} << 59;
  static constexpr uint64_t kBorrowed = uint64_t{1} << 60;  // the host's memory: not in the account

  uint64_t flags() const { return extent.load(std::memory_order_relaxed); }
  int64_t bytes() const { return static_cast<int64_t>(flags() & kBytesMask); }
  uint32_t block_class() const { return static_cast<uint32_t>(flags() >> kClassShift) & 0xffu; }
  bool is_inference() const { return (flags() & kInference) != 0; }
  // What a call that writes must ask more about.
  bool is_guarded() const { return (flags() & (kInference | kLent)) != 0; }
  bool is_lent() const { return (flags() & kLent) != 0; }
  bool is_read_only() const { return (flags() & kReadOnly) != 0; }
  // A write raises the version before it and calls `written` after it: a packing made meanwhile may
  // hold old elements under the new version.
  void raise_version() { version.fetch_add(1, std::memory_order_relaxed); }
  inline void written() noexcept;
};
static_assert(sizeof(Storage) == 32);

// Storages below it have no packing (core/packing.h).
inline constexpr int64_t kLeastPacked = 128 << 10;
void drop_packing(Storage& storage) noexcept;

inline void Storage::written() noexcept {
  if (bytes() >= kLeastPacked) [[unlikely]]
    drop_packing(*this);
}

// The last tensor let go of it.
void free_storage(Storage* storage) noexcept;

inline void release_storage(Storage* storage) noexcept {
  if (was_last(storage->refs)) free_storage(storage);
}

}  // namespace tg
