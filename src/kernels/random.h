// SPDX-License-Identifier: MIT
// Random numbers that depend on (seed, offset) alone and have the same bits on every machine.
// Philox 4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace tg::kernels {

// One block of 128 random bits. Key: seed (low word first); counter: block in the low 64 bits.
void philox(uint64_t seed, uint64_t block, uint32_t out[4]) noexcept;

// How many blocks a call of n elements takes, so how far it moves the offset: 4 elements a block
// for float32 and int32, 2 for float64 and int64 (so for integers() and permutation()).
int64_t blocks_for(DType dtype, int64_t n) noexcept;

// float32 and float64, contiguous. uniform is on [0, 1): 24 bits / 2^24, or 53 bits / 2^53.
void uniform(DType dtype, void* out, int64_t n, uint64_t seed, uint64_t offset) noexcept;
// Mean 0, deviation 1: Box and Muller 1958, with a logarithm and sines of our own.
void normal(DType dtype, void* out, int64_t n, uint64_t seed, uint64_t offset) noexcept;

// Uniform on [low, high), low < high.
void integers(int64_t* out, int64_t n, int64_t low, int64_t high, uint64_t seed,
              uint64_t offset) noexcept;
// 0 ... n-1 in random order (Fisher and Yates, from the end).
void permutation(int64_t* out, int64_t n, uint64_t seed, uint64_t offset) noexcept;

}  // namespace tg::kernels
