// SPDX-License-Identifier: MIT
// Which instructions this processor has: the kernels are compiled once for each target, and this
// file chooses among them. It asks CPUID itself: gcc's builtin brings a constructor along, and
// Highway's run-time library can print and abort.
#pragma once

#include <atomic>
#include <cstdint>

namespace tg {

// In ascending order: a processor that has one has those before it too.
enum class Target : uint8_t {
  baseline,  // what the compiler was told to assume: plain amd64
  avx2,      // AVX2, FMA, F16C, BMI: Highway's HWY_AVX2
  avx512,    // AVX-512 F, BW, CD, DQ, VL: Highway's HWY_AVX3
};
inline constexpr int kTargets = 3;

namespace cpu {
inline constexpr int kUnknown = -1;
extern constinit std::atomic<int> best;  // a Target, or kUnknown before the first question
Target ask() noexcept;
}  // namespace cpu

// The best target of this processor and operating system.
inline Target best_target() noexcept {
  const int known = cpu::best.load(std::memory_order_relaxed);
  if (known == cpu::kUnknown) [[unlikely]] {
    return cpu::ask();
  }
  return static_cast<Target>(known);
}
inline bool has_target(Target target) noexcept { return target <= best_target(); }

}  // namespace tg
