// SPDX-License-Identifier: MIT
// Philox and what is drawn from it. Plain loops over arrays of blocks: the compiler vectorises them
// for each target. All arithmetic is + - * / and sqrt, never contracted, so the bits are the same
// on every machine.
#include "kernels/random.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>

#include "base/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/random.cpp"
#include "kernels/targets.h"
// After targets.h.
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef TAPEGRAD_KERNELS_RANDOM_LOOPS
#define TAPEGRAD_KERNELS_RANDOM_LOOPS
namespace tg::kernels {

struct RandomLoops {
  // Index 0: float32, 1: float64.
  void (*uniform[2])(void* out, int64_t n, uint64_t seed, uint64_t offset);
  void (*normal[2])(void* out, int64_t n, uint64_t seed, uint64_t offset);
  // n numbers of 64 bits, two a block.
  void (*words)(uint64_t* out, int64_t n, uint64_t seed, uint64_t offset);
};

// Salmon et al. 2011, table 2 and section 3: the multipliers of Philox-4x32 and the Weyl sequence
// of its keys (golden ratio, sqrt(3) - 1).
inline constexpr uint32_t kMultiplier0 = 0xD2511F53, kMultiplier1 = 0xCD9E8D57;
inline constexpr uint32_t kWeyl0 = 0x9E3779B9, kWeyl1 = 0xBB67AE85;
inline constexpr int kRounds = 10;

}  // namespace tg::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

// Blocks made at once: as many as fill the widest vectors twice over.
constexpr int kBlocks = 32;

// Word k of block i lies in word[k][i].
struct Batch {
  alignas(64) uint32_t word[4][kBlocks];
};

HWY_NOINLINE void make(Batch& b, uint64_t seed, uint64_t block) {
  uint32_t* HWY_RESTRICT c0 = b.word[0];
  uint32_t* HWY_RESTRICT c1 = b.word[1];
  uint32_t* HWY_RESTRICT c2 = b.word[2];
  uint32_t* HWY_RESTRICT c3 = b.word[3];
  for (int i = 0; i < kBlocks; ++i) {
    const uint64_t counter = block + static_cast<uint64_t>(i);
    c0[i] = static_cast<uint32_t>(counter);
    c1[i] = static_cast<uint32_t>(counter >> 32);
    c2[i] = 0;
    c3[i] = 0;
  }
  for (int i = 0; i < kBlocks; ++i) {
    uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
    uint32_t x0 = c0[i], x1 = c1[i], x2 = c2[i], x3 = c3[i];
    for (int round = 0; round < kRounds; ++round) {
      const uint64_t product0 = uint64_t{kMultiplier0} * x0;
      const uint64_t product1 = uint64_t{kMultiplier1} * x2;
      x0 = static_cast<uint32_t>(product1 >> 32) ^ x1 ^ key0;
      x1 = static_cast<uint32_t>(product1);
      x2 = static_cast<uint32_t>(product0 >> 32) ^ x3 ^ key1;
      x3 = static_cast<uint32_t>(product0);
      key0 += kWeyl0;
      key1 += kWeyl1;
    }
    c0[i] = x0, c1[i] = x1, c2[i] = x2, c3[i] = x3;
  }
}

HWY_INLINE uint64_t join(uint32_t low, uint32_t high) { return uint64_t{high} << 32 | low; }

// log u for u in (0, 1]: u = 2^k m with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh(s) with
// s = (m - 1) / (m + 1) and artanh's power series; |s| < 0.172, so 11 terms reach 2^-60.
HWY_INLINE double log_of(double u) {
  constexpr uint64_t kSqrtHalf = 0x3FE6A09E667F3BCD;
  const uint64_t bits = std::bit_cast<uint64_t>(u);
  const uint64_t shifted = bits - kSqrtHalf;
  // The exponent k as a double without a conversion from int64, which AVX2 lacks: its bits, biased
  // so that they are positive, become the low bits of 2^52.
  const uint64_t biased = (shifted >> 52) + ((shifted >> 63) != 0 ? 0 : 4096);
  const double k = std::bit_cast<double>(biased | 0x4330000000000000) - (4503599627370496.0 + 4096);
  const double m = std::bit_cast<double>((shifted & 0x000FFFFFFFFFFFFF) + kSqrtHalf);
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double series = 1.0 / 23;
  series = series * z + 1.0 / 21;
  series = series * z + 1.0 / 19;
  series = series * z + 1.0 / 17;
  series = series * z + 1.0 / 15;
  series = series * z + 1.0 / 13;
  series = series * z + 1.0 / 11;
  series = series * z + 1.0 / 9;
  series = series * z + 1.0 / 7;
  series = series * z + 1.0 / 5;
  series = series * z + 1.0 / 3;
  const double tail = 2 * s * z * series;
  // log 2 in two parts; k times the first is exact.
  constexpr double kLog2High = 0x1.62e42fefa38p-1, kLog2Low = 0x1.ef35793c7673p-45;
  return k * kLog2High + (2 * s + (tail + k * kLog2Low));
}

struct Angle {
  double cosine, sine;
};

// Of 2 pi u, u in [0, 1): to the nearest quarter turn exactly, then Taylor's series on
// [-pi/4, pi/4], where the first term left out is below 2^-58.
HWY_INLINE Angle turn(double u) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to an integer
  const double shifted = u * 4 + kRound;
  const uint64_t quarter = std::bit_cast<uint64_t>(shifted);
  const double x = (u - (shifted - kRound) * 0.25) * 6.283185307179586;
  const double z = x * x;
  double sine = 1.0 / 355687428096000;
  sine = sine * z - 1.0 / 1307674368000;
  sine = sine * z + 1.0 / 6227020800;
  sine = sine * z - 1.0 / 39916800;
  sine = sine * z + 1.0 / 362880;
  sine = sine * z - 1.0 / 5040;
  sine = sine * z + 1.0 / 120;
  sine = sine * z - 1.0 / 6;
  sine = x + x * z * sine;
  double cosine = 1.0 / 20922789888000;
  cosine = cosine * z - 1.0 / 87178291200;
  cosine = cosine * z + 1.0 / 479001600;
  cosine = cosine * z - 1.0 / 3628800;
  cosine = cosine * z + 1.0 / 40320;
  cosine = cosine * z - 1.0 / 720;
  cosine = cosine * z + 1.0 / 24;
  cosine = cosine * z - 0.5;
  cosine = 1 + z * cosine;
  // A quarter turn swaps them and changes the sign of the cosine, two change both signs.
  const bool swap = (quarter & 1) != 0;
  const uint64_t cosine_sign = ((quarter + 1) & 2) << 62, sine_sign = (quarter & 2) << 62;
  const double c = swap ? sine : cosine, s = swap ? cosine : sine;
  return {std::bit_cast<double>(std::bit_cast<uint64_t>(c) ^ cosine_sign),
          std::bit_cast<double>(std::bit_cast<uint64_t>(s) ^ sine_sign)};
}

// Box and Muller 1958: radius sqrt(-2 log u), angle 2 pi v. u is in (0, 1].
HWY_INLINE Angle gauss(double u, double v) {
  const double radius = std::sqrt(-2 * log_of(u));
  const Angle a = turn(v);
  return {radius * a.cosine, radius * a.sine};
}

// An integer below 2^53 as a double; AVX2 has no conversion from 64-bit integers.
HWY_INLINE double from_53_bits(uint64_t x) {
  const double high = std::bit_cast<double>((x >> 32) | 0x4530000000000000) - 0x1p84;
  const double low = std::bit_cast<double>((x & 0xFFFFFFFF) | 0x4330000000000000) - 0x1p52;
  return high + low;
}
HWY_INLINE double from_32_bits(uint32_t x) {
  return std::bit_cast<double>(uint64_t{x} | 0x4330000000000000) - 0x1p52;
}

// Each of these turns a batch into its elements.
struct UniformFloat {
  using Element = float;
  static constexpr int kPerBlock = 4;
  HWY_INLINE static void fill(float* HWY_RESTRICT out, const Batch& b) {
    for (int i = 0; i < kBlocks; ++i) {
      for (int k = 0; k < 4; ++k) {
        out[4 * i + k] = static_cast<float>(static_cast<int32_t>(b.word[k][i] >> 8)) * 0x1p-24f;
      }
    }
  }
};

struct UniformDouble {
  using Element = double;
  static constexpr int kPerBlock = 2;
  HWY_INLINE static void fill(double* HWY_RESTRICT out, const Batch& b) {
    for (int i = 0; i < kBlocks; ++i) {
      for (int k = 0; k < 2; ++k) {
        out[2 * i + k] = from_53_bits(join(b.word[2 * k][i], b.word[2 * k + 1][i]) >> 11) * 0x1p-53;
      }
    }
  }
};

// Words 0 and 1 give elements 0 and 1, words 2 and 3 the others. All 32 bits are used: the greatest
// of 2^32 numbers is 6.7 deviations off.
struct NormalFloat {
  using Element = float;
  static constexpr int kPerBlock = 4;
  HWY_INLINE static void fill(float* HWY_RESTRICT out, const Batch& b) {
    for (int pair = 0; pair < 2; ++pair) {
      float even[kBlocks], odd[kBlocks];
      for (int i = 0; i < kBlocks; ++i) {
        const double u = (from_32_bits(b.word[2 * pair][i]) + 1) * 0x1p-32;
        const double v = from_32_bits(b.word[2 * pair + 1][i]) * 0x1p-32;
        const Angle a = gauss(u, v);
        even[i] = static_cast<float>(a.cosine);
        odd[i] = static_cast<float>(a.sine);
      }
      for (int i = 0; i < kBlocks; ++i) {
        out[4 * i + 2 * pair] = even[i];
        out[4 * i + 2 * pair + 1] = odd[i];
      }
    }
  }
};

struct NormalDouble {
  using Element = double;
  static constexpr int kPerBlock = 2;
  HWY_INLINE static void fill(double* HWY_RESTRICT out, const Batch& b) {
    for (int i = 0; i < kBlocks; ++i) {
      const double u = (from_53_bits(join(b.word[0][i], b.word[1][i]) >> 11) + 1) * 0x1p-53;
      const double v = from_53_bits(join(b.word[2][i], b.word[3][i]) >> 11) * 0x1p-53;
      const Angle a = gauss(u, v);
      out[2 * i] = a.cosine;
      out[2 * i + 1] = a.sine;
    }
  }
};

struct Words {
  using Element = uint64_t;
  static constexpr int kPerBlock = 2;
  HWY_INLINE static void fill(uint64_t* HWY_RESTRICT out, const Batch& b) {
    for (int i = 0; i < kBlocks; ++i) {
      out[2 * i] = join(b.word[0][i], b.word[1][i]);
      out[2 * i + 1] = join(b.word[2][i], b.word[3][i]);
    }
  }
};

// The last elements of a call go through a whole batch too, so that they have the bits which a
// longer call gives them.
template <class Kind, class Out>
void generate(Out* data, int64_t n, uint64_t seed, uint64_t offset) {
  using Element = typename Kind::Element;
  Element* out = static_cast<Element*>(data);
  constexpr int64_t kElements = kBlocks * Kind::kPerBlock;
  Batch batch;
  Element rest[kElements];
  for (; n > 0; n -= kElements, out += kElements, offset += kBlocks) {
    make(batch, seed, offset);
    Kind::fill(n >= kElements ? out : rest, batch);
    if (n < kElements) std::memcpy(out, rest, static_cast<size_t>(n) * sizeof(Element));
  }
}

}  // namespace

extern const RandomLoops kRandomLoops;
constinit const RandomLoops kRandomLoops = {
    {&generate<UniformFloat, void>, &generate<UniformDouble, void>},
    {&generate<NormalFloat, void>, &generate<NormalDouble, void>},
    &generate<Words, uint64_t>,
};

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {
namespace {

const RandomLoops& loops() {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kRandomLoops;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kRandomLoops;
#endif
    default: return HWY_NAMESPACE::kRandomLoops;
  }
}

int index_of(DType dtype) { return dtype == DType::float64 ? 1 : 0; }

// floor(word * range / 2^64): uniform on [0, range) up to range / 2^64.
uint64_t scale(uint64_t word, uint64_t range) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<uint64_t>(static_cast<Wide>(word) * range >> 64);
}

constexpr int64_t kWords = 256;

}  // namespace

void philox(uint64_t seed, uint64_t block, uint32_t out[4]) noexcept {
  uint64_t words[2];
  loops().words(words, 2, seed, block);
  for (int k = 0; k < 4; ++k) out[k] = static_cast<uint32_t>(words[k / 2] >> (k % 2 * 32));
}

int64_t blocks_for(DType dtype, int64_t n) noexcept {
  const int64_t per_block = size_of(dtype) == 8 ? 2 : 4;
  return n / per_block + (n % per_block != 0 ? 1 : 0);
}

void uniform(DType dtype, void* out, int64_t n, uint64_t seed, uint64_t offset) noexcept {
  loops().uniform[index_of(dtype)](out, n, seed, offset);
}

void normal(DType dtype, void* out, int64_t n, uint64_t seed, uint64_t offset) noexcept {
  loops().normal[index_of(dtype)](out, n, seed, offset);
}

void integers(int64_t* out, int64_t n, int64_t low, int64_t high, uint64_t seed,
              uint64_t offset) noexcept {
  const uint64_t range = static_cast<uint64_t>(high) - static_cast<uint64_t>(low);
  uint64_t words[kWords];
  for (int64_t i = 0; i < n; i += kWords, offset += kWords / 2) {
    const int64_t count = n - i < kWords ? n - i : kWords;
    loops().words(words, count, seed, offset);
    for (int64_t j = 0; j < count; ++j) {
      out[i + j] = static_cast<int64_t>(static_cast<uint64_t>(low) + scale(words[j], range));
    }
  }
}

void permutation(int64_t* out, int64_t n, uint64_t seed, uint64_t offset) noexcept {
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  uint64_t words[kWords];
  for (int64_t left = n; left > 1; offset += kWords / 2) {
    const int64_t count = left - 1 < kWords ? left - 1 : kWords;
    loops().words(words, count, seed, offset);
    for (int64_t j = 0; j < count; ++j, --left) {
      const int64_t other = static_cast<int64_t>(scale(words[j], static_cast<uint64_t>(left)));
      const int64_t last = out[left - 1];
      out[left - 1] = out[other];
      out[other] = last;
    }
  }
}

}  // namespace tg::kernels
#endif
