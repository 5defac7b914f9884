// SPDX-License-Identifier: MIT
// Limits of the machine: the loops that nothing can beat, compiled once for each width of vectors.
#pragma once

#include <cstddef>

namespace bench {

struct Limits {
  int vector_bytes;
  // Multiply-adds on registers alone; does at least `flops` of them, a multiply-add being two.
  float (*multiply_add)(double flops);
  // Sums `count` floats by 8 independent accumulators: fewer wait for the adder, not for memory.
  float (*read)(const float* data, std::size_t count);
  // Writes past the caches.
  void (*copy_past_caches)(float* to, const float* from, std::size_t count);
};

extern const Limits kLimits16;
#ifdef BENCH_X86
extern const Limits kLimits32;  // AVX2 and FMA
extern const Limits kLimits64;  // AVX-512
#endif

}  // namespace bench
