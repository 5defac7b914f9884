// SPDX-License-Identifier: MIT
// The loops are those of K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix
// Multiplication", ACM TOMS 34 (2008), cut down to few rows; the small kernel and its two packed
// operands are those of F. Van Zee, R. van de Geijn, "BLIS: A Framework for Rapidly Instantiating
// BLAS Functionality", ACM TOMS 41 (2015). Compiled once for each target by Highway's re-inclusion.
#include "kernels/packed_gemm.h"

#include <limits>

#include "base/blocks.h"
#include "base/cpu.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/packed_gemm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using Vec = hn::Vec<D>;
constexpr int64_t kLanes = hn::MaxLanes(D());
constexpr int64_t kWidth = 2 * kLanes;  // columns of a panel

// Rows of a tile: with two vectors of columns all accumulators, two vectors of b and one of a fit
// the registers (32 of AVX-512, 16 else).
#if HWY_TARGET == HWY_AVX3
constexpr int64_t kRows = 14;
#elif HWY_TARGET == HWY_AVX2
constexpr int64_t kRows = 6;
#else
constexpr int64_t kRows = 4;
#endif

// k of a block: a block of b (16 KiB, 8 with AVX2) stays in the first cache while the tiles of all
// rows pass over it (AVX-512, 50x1000x1000, b packed on the way: 781 us, with 256 of k 827).
constexpr int64_t kDepth = 128;
// Steps of k that fetch one run of the next block ahead.
constexpr int64_t kRun = kWidth;

// What the next block of b will be read from: a line each step, step elements apart, and after kRun
// steps the next run. It may lie past the end: to fetch ahead reads nothing. (50x1000x1000 with it
// and without: b packed before 616 and 650 us, packed on the way 747 and 781.)
struct Ahead {
  const float* first;
  int64_t step, run;
};

struct Tile {
  const float* a;
  const float* b;
  const float* before;  // the chains of the k before; null: there are none
  int64_t before_row;
  float* c;
  int64_t c_row;
  int64_t k;
  Ahead ahead;
  const float* bias;  // kWidth elements, and relu's bound; null: a later k follows
  float bound;        // no element is below it: 0 or minus infinity
};

// R rows of a panel: a [k][R], b [k][kWidth].
template <int R>
HWY_NOINLINE void tile(const Tile& t) {
  const D d;
  Vec sum[R][2];
  if (t.before != nullptr) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      sum[r][0] = hn::LoadU(d, t.before + r * t.before_row);
      sum[r][1] = hn::LoadU(d, t.before + r * t.before_row + kLanes);
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = hn::Zero(d);
  }
  const float* a = t.a;
  const float* b = t.b;
  const float* run = t.ahead.first;
  for (int64_t left = t.k; left > 0; left -= kRun) {
    const float* line = run;
    for (int64_t p = HWY_MIN(left, kRun); p > 0; --p) {
      __builtin_prefetch(line);
      line += t.ahead.step;
      const Vec b0 = hn::Load(d, b), b1 = hn::Load(d, b + kLanes);
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vec factor = hn::Set(d, a[r]);
        sum[r][0] = hn::MulAdd(factor, b0, sum[r][0]);
        sum[r][1] = hn::MulAdd(factor, b1, sum[r][1]);
      }
      a += R;
      b += kWidth;
    }
    run += t.ahead.run;
  }
  if (t.bias != nullptr) {
    const Vec bound = hn::Set(d, t.bound);
    const Vec bias0 = hn::LoadU(d, t.bias), bias1 = hn::LoadU(d, t.bias + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const Vec v0 = hn::Add(sum[r][0], bias0), v1 = hn::Add(sum[r][1], bias1);
      sum[r][0] = hn::IfThenZeroElse(hn::Lt(v0, bound), v0);
      sum[r][1] = hn::IfThenZeroElse(hn::Lt(v1, bound), v1);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    hn::StoreU(sum[r][0], d, t.c + r * t.c_row);
    hn::StoreU(sum[r][1], d, t.c + r * t.c_row + kLanes);
  }
}

using TileFunction = void (*)(const Tile&);
TileFunction tile_of(int64_t rows) {
  constexpr TileFunction functions[] = {
    tile<1>,
    tile<2>,
    tile<3>,
    tile<4>,
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    tile<5>,
    tile<6>,
#endif
#if HWY_TARGET == HWY_AVX3
    tile<7>,
    tile<8>,
    tile<9>,
    tile<10>,
    tile<11>,
    tile<12>,
    tile<13>,
    tile<14>,
#endif
  };
  static_assert(sizeof functions / sizeof *functions == kRows);
  return functions[rows - 1];
}

// How m rows are shared out among tiles: evenly, so that none is left with too few chains to hide
// the latency of a multiply-add.
struct Shares {
  int64_t tiles, rows, longer;  // the first `longer` tiles have one row more
  explicit Shares(int64_t m)
      : tiles((m + kRows - 1) / kRows), rows(m / tiles), longer(m - rows * tiles) {}
  int64_t rows_of(int64_t tile) const { return tile < longer ? rows + 1 : rows; }
};

#if HWY_TARGET != HWY_SCALAR
// Four columns of as many rows as V has lanes: to[p * width + j] = from[j * row + p].
template <class V>
HWY_INLINE void transpose4(V r0, V r1, V r2, V r3, float* to, int64_t width) {
  const hn::DFromV<V> d;
  const hn::Repartition<double, decltype(d)> pairs;
  const auto low01 = hn::BitCast(pairs, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(pairs, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(pairs, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(pairs, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, low01, low23)), d, to + width);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, high01, high23)), d, to + 2 * width);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, high01, high23)), d, to + 3 * width);
}
#endif

// to[p * width + j] = from[j * row + p * column] for `count` rows and k columns.
HWY_INLINE void pack(float* to, int64_t width, const float* from, int64_t row, int64_t column,
                     int64_t count, int64_t k) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  if (column == 1) {
    const hn::CappedTag<float, 4> four;
#if HWY_TARGET == HWY_AVX3 || HWY_TARGET == HWY_AVX2
    const hn::CappedTag<float, 8> eight;
    for (; j + 8 <= count; j += 8) {
      const float* x = from + j * row;
      const auto load = [&](const float* at) HWY_ATTR {
        return hn::Combine(eight, hn::LoadU(four, at + 4 * row), hn::LoadU(four, at));
      };
      int64_t p = 0;
      for (; p + 4 <= k; p += 4, x += 4) {
        transpose4(load(x), load(x + row), load(x + 2 * row), load(x + 3 * row), to + p * width + j,
                   width);
      }
      for (; p < k; ++p, ++x) {
        for (int64_t i = 0; i < 8; ++i) to[p * width + j + i] = x[i * row];
      }
    }
#endif
    for (; j + 4 <= count; j += 4) {
      const float* x = from + j * row;
      int64_t p = 0;
      for (; p + 4 <= k; p += 4, x += 4) {
        transpose4(hn::LoadU(four, x), hn::LoadU(four, x + row), hn::LoadU(four, x + 2 * row),
                   hn::LoadU(four, x + 3 * row), to + p * width + j, width);
      }
      for (; p < k; ++p, ++x) {
        for (int64_t i = 0; i < 4; ++i) to[p * width + j + i] = x[i * row];
      }
    }
  }
#endif
  for (; j < count; ++j) {
    const float* x = from + j * row;
    for (int64_t p = 0; p < k; ++p) to[p * width + j] = x[p * column];
  }
}

// A block of a panel.
void pack_panel(float* to, const float* from, int64_t row, int64_t column, int64_t count,
                int64_t k) {
  if (count < kWidth) {
    for (int64_t p = 0; p < k; ++p) {
      for (int64_t j = count; j < kWidth; ++j) to[p * kWidth + j] = 0;
    }
  }
  pack(to, kWidth, from, row, column, count, k);
}

}  // namespace

int64_t width() noexcept { return kWidth; }

// A block at a time, so that what is written stays in the first cache (1000x1000: 346 us, 420 a
// whole panel at a time).
void columns(float* to, const void* b, int64_t row, int64_t column, int64_t n, int64_t k) noexcept {
  const auto* from = static_cast<const float*>(b);
  for (int64_t j = 0; j < n; j += kWidth) {
    for (int64_t p = 0; p < k; p += kDepth) {
      pack_panel(to + j * k + p * kWidth, from + j * row + p * column, row, column,
                 HWY_MIN(n - j, kWidth), HWY_MIN(k - p, kDepth));
    }
  }
}

// Block after block of k, in it tile after tile.
void rows(float* to, const Product& s) noexcept {
  const Shares shares(s.m);
  for (int64_t p = 0; p < s.k; p += kDepth) {
    const int64_t k = HWY_MIN(s.k - p, kDepth);
    const float* from = static_cast<const float*>(s.a) + p * s.a_column;
    for (int64_t i = 0; i < shares.tiles; ++i) {
      const int64_t count = shares.rows_of(i);
      pack(to, count, from, s.a_row, s.a_column, count, k);
      to += count * k;
      from += count * s.a_row;
    }
  }
}

// One block of b by all rows.
HWY_INLINE void run_block(Tile t, const Shares& shares) {
  TileFunction run = tile_of(shares.rows_of(0));
  for (int64_t i = 0; i < shares.tiles; ++i) {
    if (i == shares.longer && i > 0) run = tile_of(shares.rows);
    run(t);
    const int64_t count = shares.rows_of(i);
    t.a += count * t.k;
    if (t.before != nullptr) t.before += count * t.before_row;
    t.c += count * t.c_row;
    t.ahead.first += (t.k + kRun - 1) / kRun * t.ahead.run;
  }
}

bool product(const Product& s, const float* a, const float* packed) noexcept {
  const Shares shares(s.m);
  // The columns of a panel while their chains are made, apart from c: there rows may lie so that
  // they drive each other out of the cache. And a block of b, where it is packed on the way.
  const size_t block_size = packed == nullptr ? kDepth * kWidth : 0;
  const size_t size =
      (block_size + static_cast<size_t>(s.m * kWidth)) * sizeof(float) + kPackedAlignment;
  void* const memory = try_take(size);
  if (memory == nullptr) return false;
  float* const block = aligned(memory);
  float* const chains = block + block_size;
  const auto* const b = static_cast<const float*>(s.b);
  const auto* const bias = static_cast<const float*>(s.bias);
  float bias_room[kWidth];
  Tile t;
  t.before_row = kWidth;
  t.bound = s.relu ? 0.0f : -std::numeric_limits<float>::infinity();
  for (int64_t j = 0; j < s.n; j += kWidth) {
    const int64_t count = HWY_MIN(s.n - j, kWidth);
    float* const c = static_cast<float*>(s.c) + j;
    for (int64_t p = 0; p < s.k; p += kDepth) {
      t.k = HWY_MIN(s.k - p, kDepth);
      t.a = a + p * s.m;
      const bool last = p + t.k == s.k;
      if (packed != nullptr) {
        t.b = packed + j * s.k + p * kWidth;
        const int64_t step = HWY_MAX(kWidth / shares.tiles, 1);
        t.ahead = {t.b + t.k * kWidth, step, step * kRun};
      } else {
        pack_panel(block, b + j * s.b_column + p * s.b_row, s.b_column, s.b_row, count, t.k);
        t.b = block;
        // A line holds 16 floats of a column.
        t.ahead = {b + (last ? (j + kWidth) * s.b_column : j * s.b_column + (p + t.k) * s.b_row),
                   s.b_column, 16 * s.b_row};
      }
      t.before = p > 0 ? chains : nullptr;
      t.c = chains;
      t.c_row = kWidth;
      t.bias = nullptr;
      if (last) {
        t.bias = bias + j;
        if (bias == nullptr || s.bias_stride != 1 || count < kWidth) {
          // -0 is the number that changes nothing when added.
          for (int64_t q = 0; q < kWidth; ++q) {
            bias_room[q] = bias != nullptr && q < count ? bias[(j + q) * s.bias_stride] : -0.0f;
          }
          t.bias = bias_room;
        }
        if (count == kWidth) {
          t.c = c;
          t.c_row = s.c_row;
        }
      }
      run_block(t, shares);
    }
    if (count < kWidth) {
      for (int64_t i = 0; i < s.m; ++i) {
        for (int64_t q = 0; q < count; ++q) c[i * s.c_row + q] = chains[i * kWidth + q];
      }
    }
  }
  give_back(memory, size);
  return true;
}

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {

namespace {

struct Functions {
  int64_t (*width)() noexcept;
  void (*columns)(float*, const void*, int64_t, int64_t, int64_t, int64_t) noexcept;
  void (*rows)(float*, const Product&) noexcept;
  bool (*product)(const Product&, const float*, const float*) noexcept;
};

Functions functions() noexcept {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return {N_AVX3::width, N_AVX3::columns, N_AVX3::rows, N_AVX3::product};
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return {N_AVX2::width, N_AVX2::columns, N_AVX2::rows, N_AVX2::product};
#endif
    default: break;
  }
  return {HWY_NAMESPACE::width, HWY_NAMESPACE::columns, HWY_NAMESPACE::rows,
          HWY_NAMESPACE::product};
}

}  // namespace

int64_t packed_width() noexcept { return functions().width(); }
int64_t packed_elements(int64_t n, int64_t k) noexcept {
  const int64_t width = packed_width();
  return (n + width - 1) / width * width * k;
}
void pack_columns(float* to, const void* b, int64_t row, int64_t column, int64_t n,
                  int64_t k) noexcept {
  functions().columns(to, b, row, column, n, k);
}
void pack_rows(float* to, const Product& s) noexcept { functions().rows(to, s); }
bool packed_product(const Product& s, const float* a, const float* b) noexcept {
  return functions().product(s, a, b);
}

}  // namespace tg::kernels
#endif
