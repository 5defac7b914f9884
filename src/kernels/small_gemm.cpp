// SPDX-License-Identifier: MIT
// Register-blocked products. A tile of rows x vectors of c stays in registers while k runs; see
// K. Goto, R. van de Geijn, "Anatomy of High-Performance Matrix Multiplication", ACM TOMS 34
// (2008). Compiled once for each target by Highway's re-inclusion.
#include "kernels/small_gemm.h"

#include <limits>

#include "base/blocks.h"
#include "base/cpu.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/small_gemm.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Rows of a tile: with two vectors of columns all accumulators, two vectors of b and one of a fit
// the registers (32 of AVX-512, 16 else).
#if HWY_TARGET == HWY_AVX3
constexpr int kRows = 12;
constexpr int kWideRows = 6;  // without packing and two vectors wide: 12 chains, even tiles
#elif HWY_TARGET == HWY_AVX2
constexpr int kRows = 6;
constexpr int kWideRows = 6;
#else
constexpr int kRows = 4;
constexpr int kWideRows = 4;
#endif

constexpr size_t kStackPanel = 2048;    // bytes of a panel of b on the stack
constexpr int64_t kDepth = 384;         // k of a packed block
constexpr int64_t kBlockRows = 120;     // rows of a packed block of a: a multiple of 12, 6 and 4
constexpr int64_t kBlockColumns = 512;  // columns of a packed block of b
// m n k up to which packing costs more than it gives: the operands fit the second-level cache
// (128x128x128 without packing 114 GFLOP/s, with it 84).
constexpr double kDirect = 160.0 * 160 * 160;

// What follows a tile's chains.
enum class Finish : uint8_t {
  store,      // nothing, and columns are contiguous
  bias_relu,  // bias or relu or both, and columns are contiguous
  any         // first stored apart
};

template <class T>
struct Tile {
  const T* a;
  int64_t a_row, a_column;
  const T* b;
  int64_t b_row;
  T* c;
  int64_t c_row, c_column;
  int64_t k;
  int64_t columns;  // of the tile; the last vector may be partial
  bool resume;      // c holds the chains of the k before
  bool last;        // after this k the epilogue follows
  Finish finish;
  T alpha, beta;
  const T* bias;
  int64_t bias_stride;
  bool relu;
};

// R rows by V vectors of c. kPartial: the last vector's end lies outside of b and c.
template <class D, int R, int V, bool kPartial, class T = hn::TFromD<D>>
HWY_NOINLINE void tile(const Tile<T>& t) {
  const D d;
  using Vec = hn::Vec<D>;
  constexpr int64_t kLanes = hn::MaxLanes(D());
  [[maybe_unused]] const auto mask =
      hn::FirstN(d, static_cast<size_t>(kPartial ? t.columns - (V - 1) * kLanes : kLanes));
  const auto load = [&](const T* from, int v) HWY_ATTR {
    return kPartial && v == V - 1 ? hn::MaskedLoad(mask, d, from + v * kLanes)
                                  : hn::LoadU(d, from + v * kLanes);
  };

  Vec sum[R][V];
  if (t.resume) {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = load(t.c + r * t.c_row, v);
    }
  } else {
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = hn::Zero(d);
    }
  }

  const T* b = t.b;
  const T* a0 = t.a;
  const T* a4 = t.a + 4 * t.a_row;
  const T* a8 = t.a + 8 * t.a_row;
  const int64_t a_row = t.a_row, a_column = t.a_column, b_row = t.b_row;
  for (int64_t p = t.k; p > 0; --p) {
    Vec row[V];
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) row[v] = load(b, v);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const T* a = r < 4 ? a0 + r * a_row : r < 8 ? a4 + (r - 4) * a_row : a8 + (r - 8) * a_row;
      const Vec factor = hn::Set(d, *a);
#pragma GCC unroll 4
      for (int v = 0; v < V; ++v) sum[r][v] = hn::MulAdd(factor, row[v], sum[r][v]);
    }
    b += b_row;
    a0 += a_column;
    if (R > 4) a4 += a_column;
    if (R > 8) a8 += a_column;
  }

  if (t.finish == Finish::bias_relu) {
    // Without branches: -0 is the number that changes nothing when added, and nothing is less than
    // minus infinity.
    const Vec bound = hn::Set(d, t.relu ? T{0} : -std::numeric_limits<T>::infinity());
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      const Vec bias = t.bias != nullptr ? load(t.bias, v) : hn::Set(d, T{-0.0f});
#pragma GCC unroll 16
      for (int r = 0; r < R; ++r) {
        const Vec value = hn::Add(sum[r][v], bias);
        sum[r][v] = hn::IfThenZeroElse(hn::Lt(value, bound), value);
      }
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    T* to = t.c + r * t.c_row;
#pragma GCC unroll 4
    for (int v = 0; v < V; ++v) {
      if (kPartial && v == V - 1) {
        hn::BlendedStore(sum[r][v], mask, d, to + v * kLanes);
      } else {
        hn::StoreU(sum[r][v], d, to + v * kLanes);
      }
    }
  }
}

// A constant table of tile<D, 1 .. kRows, V, kPartial>.
template <class T>
using TileFunction = void (*)(const Tile<T>&);
template <class D, int V, bool kPartial>
struct Tiles {
  using T = hn::TFromD<D>;
  static constexpr TileFunction<T> at(int rows) {
    constexpr TileFunction<T> functions[12] = {
        tile<D, 1, V, kPartial>,
        tile<D, 2, V, kPartial>,
        tile<D, 3, V, kPartial>,
        tile<D, 4, V, kPartial>,
        kRows >= 6 ? tile<D, HWY_MIN(5, kRows), V, kPartial> : nullptr,
        kRows >= 6 ? tile<D, HWY_MIN(6, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(7, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(8, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(9, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(10, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(11, kRows), V, kPartial> : nullptr,
        kRows >= 12 ? tile<D, HWY_MIN(12, kRows), V, kPartial> : nullptr,
    };
    return functions[rows - 1];
  }
};

template <class T>
using Full = hn::ScalableTag<T>;
template <class T>
constexpr int64_t kWidth = 2 * hn::MaxLanes(Full<T>());  // columns of a whole tile

// The narrowest kernel that holds the columns.
template <class T>
TileFunction<T> tile_for(int64_t rows, int64_t columns) {
  constexpr int64_t kLanes = hn::MaxLanes(Full<T>());
  const int r = static_cast<int>(rows);
  if (columns == 2 * kLanes) return Tiles<Full<T>, 2, false>::at(r);
  if (columns > kLanes) return Tiles<Full<T>, 2, true>::at(r);
  if (columns == kLanes) return Tiles<Full<T>, 1, false>::at(r);
#if HWY_TARGET != HWY_SCALAR
  constexpr int kHalf = kLanes / 2, kQuarter = HWY_MAX(kLanes / 4, 2);
  using Half = hn::CappedTag<T, kHalf>;
  using Quarter = hn::CappedTag<T, kQuarter>;
  if (columns == kHalf) return Tiles<Half, 1, false>::at(r);
  if (kQuarter < kHalf && columns <= kQuarter) {
    return columns == kQuarter ? Tiles<Quarter, 1, false>::at(r) : Tiles<Quarter, 1, true>::at(r);
  }
  if (columns < kHalf) return Tiles<Half, 1, true>::at(r);
#endif
  return Tiles<Full<T>, 1, true>::at(r);
}

// A square of four floats or two doubles a side: to[p][j] = from[j][p].
#if HWY_TARGET != HWY_SCALAR
template <class T>
using Side = hn::CappedTag<T, 16 / sizeof(T)>;
HWY_INLINE void transpose(float* to, int64_t width, const float* from, int64_t column) {
  const Side<float> d;
  const auto c0 = hn::LoadU(d, from), c1 = hn::LoadU(d, from + column);
  const auto c2 = hn::LoadU(d, from + 2 * column), c3 = hn::LoadU(d, from + 3 * column);
  const auto low01 = hn::InterleaveLower(d, c0, c1), low23 = hn::InterleaveLower(d, c2, c3);
  const auto high01 = hn::InterleaveUpper(d, c0, c1), high23 = hn::InterleaveUpper(d, c2, c3);
  hn::StoreU(hn::ConcatLowerLower(d, low23, low01), d, to);
  hn::StoreU(hn::ConcatUpperUpper(d, low23, low01), d, to + width);
  hn::StoreU(hn::ConcatLowerLower(d, high23, high01), d, to + 2 * width);
  hn::StoreU(hn::ConcatUpperUpper(d, high23, high01), d, to + 3 * width);
}
HWY_INLINE void transpose(double* to, int64_t width, const double* from, int64_t column) {
  const Side<double> d;
  const auto c0 = hn::LoadU(d, from), c1 = hn::LoadU(d, from + column);
  hn::StoreU(hn::InterleaveLower(d, c0, c1), d, to);
  hn::StoreU(hn::InterleaveUpper(d, c0, c1), d, to + width);
}
#endif

template <class T>
HWY_INLINE void copy(T* to, const T* from, int64_t count) {
  const hn::ScalableTag<T> wide;
  const hn::CappedTag<T, 16 / sizeof(T)> narrow;
  const auto lanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  const auto few = static_cast<int64_t>(hn::MaxLanes(hn::CappedTag<T, 16 / sizeof(T)>()));
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(hn::LoadU(wide, from + i), wide, to + i);
  for (; i + few <= count; i += few) hn::StoreU(hn::LoadU(narrow, from + i), narrow, to + i);
  for (; i < count; ++i) to[i] = from[i];
}

// Finish::any: what the chains gave stands in `rows`, kWidth elements a row.
template <class T>
HWY_NOINLINE void finish_any(const Tile<T>& t, const T* rows, int64_t row_count) {
  const hn::ScalableTag<T> wide;
  const hn::CappedTag<T, 16 / sizeof(T)> narrow;
  const hn::CappedTag<T, 1> one;
  const bool contiguous = t.c_column == 1 && (t.bias == nullptr || t.bias_stride == 1);
  const auto finish = [&](auto d, const T* from, T* to, int64_t j) HWY_ATTR {
    auto v = hn::LoadU(d, from);
    if (t.last) {
      if (t.alpha != 1) v = hn::Mul(v, hn::Set(d, t.alpha));
      if (t.beta != 0) v = hn::MulAdd(hn::Set(d, t.beta), hn::LoadU(d, to), v);
      if (t.bias != nullptr) v = hn::Add(v, hn::LoadU(d, t.bias + j * t.bias_stride));
      if (t.relu) v = hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v);
    }
    hn::StoreU(v, d, to);
  };
  for (int64_t r = 0; r < row_count; ++r, rows += kWidth<T>) {
    T* to = t.c + r * t.c_row;
    int64_t j = 0;
    if (contiguous) {
      for (const int64_t n = hn::MaxLanes(wide); j + n <= t.columns; j += n) {
        finish(wide, rows + j, to + j, j);
      }
      for (const int64_t n = hn::MaxLanes(narrow); j + n <= t.columns; j += n) {
        finish(narrow, rows + j, to + j, j);
      }
    }
    for (; j < t.columns; ++j) finish(one, rows + j, to + j * t.c_column, j);
  }
}

// A tile whose chains are stored apart first, and finished from there.
template <class T>
HWY_NOINLINE void run_apart(TileFunction<T> chains, Tile<T>& t, int64_t rows) {
  T room[kRows * kWidth<T>];
  for (int64_t r = 0; t.resume && r < rows; ++r) {
    copy(room + r * kWidth<T>, t.c + r * t.c_row, t.columns);
  }
  T* const c = t.c;
  const int64_t c_row = t.c_row;
  t.c = room;
  t.c_row = kWidth<T>;
  t.finish = Finish::store;
  chains(t);
  t.c = c;
  t.c_row = c_row;
  t.finish = Finish::any;
  finish_any(t, room, rows);
}
template <class T>
HWY_INLINE void run_tile(TileFunction<T> chains, Tile<T>& t, int64_t rows) {
  if (t.finish == Finish::any) return run_apart(chains, t, rows);
  chains(t);
}

// to[p][j] = from[p, j] for k rows of `columns` columns.
template <class T>
void pack(T* to, int64_t width, const T* from, int64_t row, int64_t column, int64_t k,
          int64_t columns) {
  if (column == 1) {
    for (int64_t p = 0; p < k; ++p) copy(to + p * width, from + p * row, columns);
    return;
  }
  constexpr int64_t kPart = 64;  // rows at a time, so that what is written stays in the first cache
  for (int64_t begin = 0; begin < k; begin += kPart) {
    const int64_t end = HWY_MIN(k, begin + kPart);
    int64_t done = 0;  // columns
#if HWY_TARGET != HWY_SCALAR
    constexpr int64_t kSide = 16 / sizeof(T);
    for (; row == 1 && done + kSide <= columns; done += kSide) {
      int64_t p = begin;
      for (; p + kSide <= end; p += kSide) {
        transpose(to + p * width + done, width, from + done * column + p, column);
      }
      for (; p < end; ++p) {
        for (int64_t j = done; j < done + kSide; ++j) to[p * width + j] = from[j * column + p];
      }
    }
#endif
    for (int64_t j = done; j < columns; ++j) {
      for (int64_t p = begin; p < end; ++p) to[p * width + j] = from[p * row + j * column];
    }
  }
}

// Filled field by field, and never copied on the way of a small product: copies of fresh stores
// wait for them (19 ns of a 4x4 product).
template <class T>
HWY_INLINE void begin(Tile<T>& t, const Product& s) {
  t.a = static_cast<const T*>(s.a);
  t.a_row = s.a_row;
  t.a_column = s.a_column;
  t.b = static_cast<const T*>(s.b);
  t.b_row = s.b_row;
  t.c = static_cast<T*>(s.c);
  t.c_row = s.c_row;
  t.c_column = s.c_column;
  t.k = s.k;
  t.resume = false;
  t.last = true;
  t.alpha = static_cast<T>(s.alpha);
  t.beta = static_cast<T>(s.beta);
  t.bias = static_cast<const T*>(s.bias);
  t.bias_stride = s.bias_stride;
  t.relu = s.relu;
  t.finish =
      t.alpha != 1 || t.beta != 0 || t.c_column != 1 || (t.bias != nullptr && t.bias_stride != 1)
          ? Finish::any
      : t.bias != nullptr || t.relu ? Finish::bias_relu
                                    : Finish::store;
}

// All rows of one panel of columns; t.b is contiguous along columns. Rows are shared out evenly, so
// that no tile is left with too few chains to hide the latency of a multiply-add.
template <class T>
HWY_INLINE void panel(Tile<T>& t, int64_t m) {
  const int64_t most = t.columns > kWidth<T> / 2 ? kWideRows : kRows;
  if (m <= most) return run_tile(tile_for<T>(m, t.columns), t, m);
  const T* const a = t.a;
  T* const c = t.c;
  const int64_t tiles = (m + most - 1) / most;
  const int64_t rows = m / tiles, longer = m - rows * tiles;
  TileFunction<T> run = tile_for<T>(longer > 0 ? rows + 1 : rows, t.columns);
  for (int64_t i = 0; i < tiles; ++i) {
    if (i == longer && i > 0) run = tile_for<T>(rows, t.columns);
    const int64_t done = i < longer ? rows + 1 : rows;
    run_tile(run, t, done);
    t.a += done * t.a_row;
    t.c += done * t.c_row;
  }
  t.a = a;
  t.c = c;
}

// Without any memory: columns of b that are apart are read one at a time.
template <class T>
HWY_NOINLINE void single_columns(Tile<T>& t, int64_t m, int64_t columns, int64_t b_column) {
  using One = hn::CappedTag<T, 1>;
  const T* const a = t.a;
  t.columns = 1;
  for (int64_t j = 0; j < columns; ++j) {
    T* const c = t.c;
    for (int64_t i = 0; i < m;) {
      const int64_t rows = HWY_MIN(m - i, 4);
      run_tile(Tiles<One, 1, false>::at(static_cast<int>(rows)), t, rows);
      t.a += rows * t.a_row;
      t.c += rows * t.c_row;
      i += rows;
    }
    t.a = a;
    t.c = c + t.c_column;
    t.b += b_column;
    if (t.bias != nullptr) t.bias += t.bias_stride;
  }
}

// How many of the columns left the next panel takes. A rest that fits half a vector is cheaper by
// itself than as the end of a wide tile.
template <class T>
HWY_INLINE int64_t next_columns(int64_t left) {
  constexpr int64_t kLanes = kWidth<T> / 2;
  if (left >= kWidth<T>) return kWidth<T>;
  return left > kLanes && left <= kLanes + kLanes / 2 ? kLanes : left;
}

// The columns of b are contiguous, and nothing is packed.
template <class T>
void direct(const Product& s) {
  Tile<T> t;
  begin(t, s);
  for (int64_t left = s.n;;) {
    t.columns = next_columns<T>(left);
    panel(t, s.m);
    left -= t.columns;
    if (left == 0) return;
    t.b += t.columns;
    t.c += t.columns * t.c_column;
    if (t.bias != nullptr) t.bias += t.columns * t.bias_stride;
  }
}

// The columns of b are apart: one panel after the other is brought together, on the stack if it
// fits.
template <class T>
void direct_packed(const Product& s) {
  Tile<T> t;
  begin(t, s);
  T on_stack[kStackPanel / sizeof(T)];
  T* room = on_stack;
  void* block = nullptr;
  const size_t room_size = static_cast<size_t>(s.k * HWY_MIN(s.n, kWidth<T>)) * sizeof(T);
  if (room_size > kStackPanel) {
    block = try_take(room_size);
    if (block == nullptr) return single_columns(t, s.m, s.n, s.b_column);
    room = static_cast<T*>(block);
  }
  const T* b = t.b;
  t.b = room;
  for (int64_t left = s.n; left > 0; left -= t.columns) {
    t.columns = next_columns<T>(left);
    pack(room, t.columns, b, s.b_row, s.b_column, s.k, t.columns);
    t.b_row = t.columns;
    panel(t, s.m);
    b += t.columns * s.b_column;
    t.c += t.columns * t.c_column;
    if (t.bias != nullptr) t.bias += t.columns * t.bias_stride;
  }
  if (block != nullptr) give_back(block, room_size);
}

// Blocks of a and b are packed so that each fits its cache. With beta, c cannot hold the chains
// between blocks of k, so k is not cut then.
template <class T>
void blocked(const Product& s) {
  const bool keeps_chains = s.beta == 0 && s.c_column == 1;
  const int64_t depth = keeps_chains ? HWY_MIN(s.k, kDepth) : s.k;
  const int64_t widest = HWY_MIN(s.n, kBlockColumns), tallest = HWY_MIN(s.m, kBlockRows);
  const size_t size = static_cast<size_t>((widest + tallest) * depth) * sizeof(T);
  T* const b_room = static_cast<T*>(try_take(size));
  if (b_room == nullptr) return s.b_column == 1 ? direct<T>(s) : direct_packed<T>(s);
  T* const a_room = b_room + widest * depth;
  Tile<T> whole;
  begin(whole, s);
  for (int64_t j = 0; j < s.n; j += kBlockColumns) {
    const int64_t columns = HWY_MIN(s.n - j, kBlockColumns);
    for (int64_t p = 0; p < s.k; p += depth) {
      const int64_t k = HWY_MIN(s.k - p, depth);
      const T* b = whole.b + p * s.b_row + j * s.b_column;
      for (int64_t jj = 0; jj < columns; jj += kWidth<T>) {
        const int64_t width = HWY_MIN(columns - jj, kWidth<T>);
        pack(b_room + jj * k, width, b + jj * s.b_column, s.b_row, s.b_column, k, width);
      }
      for (int64_t i = 0; i < s.m; i += kBlockRows) {
        const int64_t rows = HWY_MIN(s.m - i, kBlockRows);
        const T* a = whole.a + i * s.a_row + p * s.a_column;
        for (int64_t ii = 0; ii < rows; ii += kRows) {
          const int64_t height = HWY_MIN(rows - ii, kRows);
          pack(a_room + ii * k, height, a + ii * s.a_row, s.a_column, s.a_row, k, height);
        }
        for (int64_t jj = 0; jj < columns; jj += kWidth<T>) {
          Tile<T> t = whole;
          t.columns = HWY_MIN(columns - jj, kWidth<T>);
          t.b = b_room + jj * k;
          t.b_row = t.columns;
          t.k = k;
          t.resume = p > 0;
          t.last = p + k == s.k;
          if (!t.last && t.c_column == 1) t.finish = Finish::store;
          if (t.bias != nullptr) t.bias += (j + jj) * t.bias_stride;
          for (int64_t ii = 0; ii < rows; ii += kRows) {
            const int64_t height = HWY_MIN(rows - ii, kRows);
            t.a = a_room + ii * k;
            t.a_row = 1;
            t.a_column = height;
            t.c = whole.c + (i + ii) * t.c_row + (j + jj) * t.c_column;
            run_tile(tile_for<T>(height, t.columns), t, height);
          }
        }
      }
    }
  }
  give_back(b_room, size);
}

template <class T>
void run(const Product& s) noexcept {
  const double work =
      static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
  if (work > kDirect && s.m > kRows) {
    blocked<T>(s);
  } else if (s.b_column == 1) {
    direct<T>(s);
  } else {
    direct_packed<T>(s);
  }
}

}  // namespace

void product_float(const Product& s) noexcept { run<float>(s); }
void product_double(const Product& s) noexcept { run<double>(s); }

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {

void product(DType dtype, const Product& s) noexcept {
  const bool is_float = dtype == DType::float32;
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return is_float ? N_AVX3::product_float(s) : N_AVX3::product_double(s);
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return is_float ? N_AVX2::product_float(s) : N_AVX2::product_double(s);
#endif
    default: break;
  }
  return is_float ? HWY_NAMESPACE::product_float(s) : HWY_NAMESPACE::product_double(s);
}

}  // namespace tg::kernels
#endif
