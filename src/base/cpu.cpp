// SPDX-License-Identifier: MIT
#include "base/cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace tg {
namespace {

#if defined(__x86_64__)

// Places of the bits: Intel, "Software Developer's Manual", volume 2A, CPUID.
constexpr uint32_t bit(int place) { return uint32_t{1} << place; }
constexpr bool all(uint32_t word, uint32_t bits) { return (word & bits) == bits; }

// Which register states the operating system saves (XCR0); asked only where OSXSAVE is set.
uint64_t saved_states() noexcept {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

Target detect() noexcept {
  uint32_t a, b, c, d;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return Target::baseline;
  // pclmul, ssse3, fma, sse4.1, sse4.2, aes, osxsave, avx, f16c: all that HWY_AVX2 may use.
  const uint32_t leaf1 =
      bit(1) | bit(9) | bit(12) | bit(19) | bit(20) | bit(25) | bit(27) | bit(28) | bit(29);
  if (!all(c, leaf1)) return Target::baseline;
  const uint64_t states = saved_states();
  if ((states & 0x6) != 0x6) return Target::baseline;  // xmm, ymm
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return Target::baseline;
  const uint32_t avx2 = bit(3) | bit(5) | bit(8);  // bmi1, avx2, bmi2
  if (!all(b, avx2)) return Target::baseline;
  const uint32_t avx512 = bit(16) | bit(17) | bit(28) | bit(30) | bit(31);  // f, dq, cd, bw, vl
  if (!all(b, avx512) || (states & 0xe6) != 0xe6) return Target::avx2;      // and masks, zmm
  return Target::avx512;
}

#else

Target detect() noexcept { return Target::baseline; }

#endif

}  // namespace

namespace cpu {

constinit std::atomic<int> best{kUnknown};

// Two threads that ask at once find and store the same number.
Target ask() noexcept {
  const Target found = detect();
  best.store(static_cast<int>(found), std::memory_order_relaxed);
  return found;
}

}  // namespace cpu
}  // namespace tg
