// SPDX-License-Identifier: MIT
// How many products each side computed. Threads count on lines of their own, so that counting
// slows nobody; threads that share a line may lose a count.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/thread.h"

namespace tg::blas {

struct alignas(64) Counters {
  std::atomic<uint64_t> own, blas;
};
inline constexpr uint32_t kCounterLines = 32;
extern constinit Counters counters[kCounterLines];

inline void count(std::atomic<uint64_t> Counters::*which) noexcept {
  const auto thread = reinterpret_cast<uintptr_t>(record);
  std::atomic<uint64_t>& counter = counters[(thread >> 12) % kCounterLines].*which;
  counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace tg::blas
