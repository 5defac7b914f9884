// SPDX-License-Identifier: MIT
// Compiled once for each vector width (BENCH_VECTOR_BYTES) with the matching instruction set.
#include "limit.h"

#include <cstring>

namespace bench {
namespace {

constexpr std::size_t kLanes = BENCH_VECTOR_BYTES / sizeof(float);
typedef float Vector __attribute__((vector_size(BENCH_VECTOR_BYTES)));
typedef float Unaligned __attribute__((vector_size(BENCH_VECTOR_BYTES), aligned(4)));

template <std::size_t n>
float total(const Vector (&parts)[n]) {
  float sum = 0;
  for (const Vector& part : parts) {
    for (std::size_t lane = 0; lane < kLanes; lane++) sum += part[lane];
  }
  return sum;
}

// 12 chains cover a latency of 4 to 5 cycles on two units and fit into 16 registers.
float multiply_add(double flops) {
  constexpr std::size_t kChains = 12;
  volatile float seed = 0.5f;
  const Vector factor = Vector{} + seed;
  const Vector term = factor * seed;
  Vector sums[kChains];
  for (std::size_t i = 0; i < kChains; i++) sums[i] = factor * static_cast<float>(i);
  const auto rounds = static_cast<std::size_t>(flops / (2 * kLanes * kChains)) + 1;
  for (std::size_t round = 0; round < rounds; round++) {
#pragma GCC unroll 12
    for (std::size_t i = 0; i < kChains; i++) sums[i] = sums[i] * factor + term;
  }
  return total(sums);
}

float read(const float* data, std::size_t count) {
  constexpr std::size_t kAccumulators = 8;
  Vector sums[kAccumulators] = {};
  std::size_t at = 0;
  for (; at + kAccumulators * kLanes <= count; at += kAccumulators * kLanes) {
#pragma GCC unroll 8
    for (std::size_t i = 0; i < kAccumulators; i++) {
      sums[i] += *reinterpret_cast<const Unaligned*>(data + at + i * kLanes);
    }
  }
  float sum = total(sums);
  for (; at < count; at++) sum += data[at];
  return sum;
}

void copy_past_caches(float* to, const float* from, std::size_t count) {
#ifdef BENCH_X86
  std::size_t at = 0;
  for (; at + 4 <= count; at += 4) {
    typedef float Four __attribute__((vector_size(16)));
    Four four;
    std::memcpy(&four, from + at, sizeof four);
    __builtin_ia32_movntps(to + at, four);
  }
  __builtin_ia32_sfence();
  for (; at < count; at++) to[at] = from[at];
#else
  std::memcpy(to, from, count * sizeof(float));
#endif
}

}  // namespace

#if BENCH_VECTOR_BYTES == 64
const Limits kLimits64
#elif BENCH_VECTOR_BYTES == 32
const Limits kLimits32
#else
const Limits kLimits16
#endif
    = {BENCH_VECTOR_BYTES, multiply_add, read, copy_past_caches};

}  // namespace bench
