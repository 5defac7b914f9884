// SPDX-License-Identifier: MIT
// The inner loops of the reductions. Sums of contiguous floats are written with Highway; the other
// loops are plain, because the compiler vectorises them for the target they are compiled for.
#include "kernels/fold_loops.h"

#include <limits>
#include <type_traits>

#include "base/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/fold_loops.cpp"
#include "kernels/targets.h"
// After targets.h.
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// 64 bytes of lanes, whatever the width of the registers: so the order of additions, and with it
// the bits of a sum, are the same on every target.
template <class T>
struct Wide {
  using Tag = hn::ScalableTag<T>;
  static constexpr int kLanes = 64 / sizeof(T);
  static constexpr int kStep = static_cast<int>(hn::MaxLanes(Tag()));
  static constexpr int kRegisters = kLanes / kStep;
  hn::Vec<Tag> part[kRegisters];
};

template <class T>
HWY_INLINE void clear(Wide<T>& a) {
  for (auto& part : a.part) part = hn::Zero(typename Wide<T>::Tag());
}

template <class T>
HWY_INLINE void add(Wide<T>& a, const Wide<T>& b) {
  for (int i = 0; i < Wide<T>::kRegisters; ++i) a.part[i] = hn::Add(a.part[i], b.part[i]);
}

template <class T>
HWY_INLINE void add(Wide<T>& a, const T* HWY_RESTRICT x) {
  const typename Wide<T>::Tag d;
  for (int i = 0; i < Wide<T>::kRegisters; ++i) {
    a.part[i] = hn::Add(a.part[i], hn::LoadU(d, x + i * Wide<T>::kStep));
  }
}

// Adds the first n < kLanes lanes.
template <class T>
HWY_INLINE void add_some(Wide<T>& a, const T* HWY_RESTRICT x, int64_t n) {
  const typename Wide<T>::Tag d;
  constexpr int kStep = Wide<T>::kStep;
  for (int i = 0; i < Wide<T>::kRegisters; ++i, n -= kStep) {
    if (n >= kStep) {
      a.part[i] = hn::Add(a.part[i], hn::LoadU(d, x + i * kStep));
    } else if (n > 0) {
      const auto first = hn::FirstN(d, static_cast<size_t>(n));
      a.part[i] = hn::Add(a.part[i], hn::MaskedLoad(first, d, x + i * kStep));
    }
  }
}

// The upper half of the lanes is added to the lower one until one lane is left.
template <class T>
HWY_INLINE T fold(Wide<T>& a) {
#if HWY_TARGET == HWY_SCALAR
  for (int half = Wide<T>::kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.part[i] = hn::Add(a.part[i], a.part[i + half]);
  }
  return hn::GetLane(a.part[0]);
#else
  for (int half = Wide<T>::kRegisters / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) a.part[i] = hn::Add(a.part[i], a.part[i + half]);
  }
  auto fold_half = [](auto d, auto v) HWY_ATTR {
    const hn::Half<decltype(d)> half;
    return hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v));
  };
  auto fold_128 = [](auto v) HWY_ATTR {
    if constexpr (sizeof(T) == 4) {
      const auto two = hn::Add(v, hn::Shuffle1032(v));
      return hn::GetLane(hn::Add(two, hn::Shuffle2301(two)));
    } else {
      return hn::GetLane(hn::Add(v, hn::Shuffle01(v)));
    }
  };
  const typename Wide<T>::Tag d;
  const auto half = fold_half(d, a.part[0]);
  if constexpr (Wide<T>::kStep * sizeof(T) == 64) {
    return fold_128(fold_half(hn::Half<typename Wide<T>::Tag>(), half));
  } else {
    return fold_128(half);
  }
#endif
}

template <class T>
inline constexpr int64_t kSumBlock = kSumBlockBytes / static_cast<int64_t>(sizeof(T));

// Four accumulators, since an addition takes three or four cycles and two can start in each.
template <class T>
HWY_INLINE double sum_block(const T* HWY_RESTRICT x, int64_t n) {
  constexpr int64_t kLanes = Wide<T>::kLanes;
  Wide<T> a, b;
  clear(a);
  if (n >= 2 * kLanes) {
    Wide<T> c, e;
    clear(b), clear(c), clear(e);
    for (; n >= 4 * kLanes; n -= 4 * kLanes, x += 4 * kLanes) {
      add(a, x);
      add(b, x + kLanes);
      add(c, x + 2 * kLanes);
      add(e, x + 3 * kLanes);
    }
    if (n >= 2 * kLanes) {
      add(a, x);
      add(b, x + kLanes);
      n -= 2 * kLanes, x += 2 * kLanes;
    }
    add(a, b);
    add(c, e);
    add(a, c);
  }
  if (n >= kLanes) {
    add(a, x);
    n -= kLanes, x += kLanes;
  }
  if (n > 0) add_some(a, x, n);
  return fold(a);
}

template <class T>
HWY_NOINLINE Total sum_blocks(const T* x, int64_t n) noexcept {
  PairwiseSum blocks;
  for (; n > kSumBlock<T>; n -= kSumBlock<T>, x += kSumBlock<T>) {
    blocks.add(sum_block(x, kSumBlock<T>));
  }
  blocks.add(sum_block(x, n));
  return {.number = blocks.total()};
}

// Few elements are the common case of small programs: nothing but them is touched.
template <class T>
Total sum(const void* data, int64_t n) noexcept {
  const T* x = static_cast<const T*>(data);
  if constexpr (std::is_floating_point_v<T>) {
    if (n < Wide<T>::kLanes) {
      Wide<T> a;
      clear(a);
      add_some(a, x, n);
      return {.number = static_cast<double>(fold(a))};
    }
    return sum_blocks(x, n);
  } else {
    uint64_t total = 0;
    for (int64_t i = 0; i < n; ++i) total += static_cast<uint64_t>(x[i]);
    return {.integer = total};
  }
}

template <class T>
void sum_rows(void* out, const void* data, int64_t step, int64_t count, int64_t n) noexcept {
  using S = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  S* HWY_RESTRICT sums = static_cast<S*>(out);
  const char* at = static_cast<const char*>(data);
  for (; count >= 4; count -= 4, at += 4 * step) {
    const T* HWY_RESTRICT a = reinterpret_cast<const T*>(at);
    const T* HWY_RESTRICT b = reinterpret_cast<const T*>(at + step);
    const T* HWY_RESTRICT c = reinterpret_cast<const T*>(at + 2 * step);
    const T* HWY_RESTRICT d = reinterpret_cast<const T*>(at + 3 * step);
    for (int64_t j = 0; j < n; ++j) {
      sums[j] += (static_cast<S>(a[j]) + static_cast<S>(b[j])) +
                 (static_cast<S>(c[j]) + static_cast<S>(d[j]));
    }
  }
  for (int64_t i = 0; i < count; ++i, at += step) {
    const T* HWY_RESTRICT a = reinterpret_cast<const T*>(at);
    for (int64_t j = 0; j < n; ++j) sums[j] += static_cast<S>(a[j]);
  }
}

template <class T>
void carry(double* totals, const void* data, int64_t n) noexcept {
  const T* HWY_RESTRICT sums = static_cast<const T*>(data);
  for (int64_t j = 0; j < n; ++j) totals[j] += static_cast<double>(sums[j]);
}

// Whether x takes the place of the extreme so far. A NaN is not replaced by a number, since no
// comparison with it holds.
template <class T, bool kMin>
HWY_INLINE bool replaces(T x, T extreme) {
  const bool beyond = kMin ? x < extreme : x > extreme;
  if constexpr (std::is_floating_point_v<T>) return beyond | (x != x);
  return beyond;
}

template <class T, bool kMin>
HWY_INLINE hn::Vec<hn::ScalableTag<T>> extreme_of(hn::Vec<hn::ScalableTag<T>> x,
                                                  hn::Vec<hn::ScalableTag<T>> best) {
  const auto beyond = kMin ? hn::Lt(x, best) : hn::Gt(x, best);
  return hn::IfThenElse(hn::Or(beyond, hn::IsNaN(x)), x, best);
}

template <class T, bool kMin>
HWY_NOINLINE T extreme_of(const T* HWY_RESTRICT x, int64_t n) {
  T best = x[0];
  if constexpr (std::is_floating_point_v<T>) {
    const hn::ScalableTag<T> d;
    constexpr int64_t kStep = static_cast<int64_t>(hn::MaxLanes(d));
    auto a = hn::Set(d, best), b = a, c = a, e = a;
    int64_t i = 0;
    for (; i + 4 * kStep <= n; i += 4 * kStep) {
      a = extreme_of<T, kMin>(hn::LoadU(d, x + i), a);
      b = extreme_of<T, kMin>(hn::LoadU(d, x + i + kStep), b);
      c = extreme_of<T, kMin>(hn::LoadU(d, x + i + 2 * kStep), c);
      e = extreme_of<T, kMin>(hn::LoadU(d, x + i + 3 * kStep), e);
    }
    for (; i + kStep <= n; i += kStep) a = extreme_of<T, kMin>(hn::LoadU(d, x + i), a);
    if (i < n) {
      const auto first = hn::FirstN(d, static_cast<size_t>(n - i));
      b = extreme_of<T, kMin>(hn::IfThenElse(first, hn::MaskedLoad(first, d, x + i), b), b);
    }
    a = extreme_of<T, kMin>(extreme_of<T, kMin>(e, c), extreme_of<T, kMin>(b, a));
    if (!hn::AllFalse(d, hn::IsNaN(a))) return std::numeric_limits<T>::quiet_NaN();
    return hn::GetLane(kMin ? hn::MinOfLanes(d, a) : hn::MaxOfLanes(d, a));
  } else {
    for (int64_t i = 0; i < n; ++i) best = replaces<T, kMin>(x[i], best) ? x[i] : best;
    return best;
  }
}

template <class T, bool kMin>
void extreme(void* result, const void* x, int64_t n) noexcept {
  *static_cast<T*>(result) = extreme_of<T, kMin>(static_cast<const T*>(x), n);
}

template <class T, bool kMin>
void extreme_rows(void* out, const void* data, int64_t n) noexcept {
  T* HWY_RESTRICT best = static_cast<T*>(out);
  const T* HWY_RESTRICT row = static_cast<const T*>(data);
  for (int64_t j = 0; j < n; ++j) best[j] = replaces<T, kMin>(row[j], best[j]) ? row[j] : best[j];
}

template <class T, bool kMin>
HWY_INLINE void find_one(T& best, int64_t& best_position, T x, int64_t position) {
  // A NaN that stands already is the first one.
  const bool better = replaces<T, kMin>(x, best) & (best == best);
  best = better ? x : best;
  best_position = better ? position : best_position;
}

// Where the first x[i] stands that is `wanted`, or the first NaN. There is one.
template <class T, bool kNaN>
HWY_NOINLINE int64_t position_of(T wanted, const T* HWY_RESTRICT x, int64_t n) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kStep = static_cast<int64_t>(hn::MaxLanes(d));
  const auto all = hn::Set(d, wanted);
  auto matches = [=](int64_t at) HWY_ATTR {
    const auto v = hn::LoadU(d, x + at);
    if constexpr (kNaN) {
      return hn::IsNaN(v);
    } else {
      return hn::Eq(v, all);
    }
  };
  int64_t i = 0;
  for (; i + 4 * kStep <= n; i += 4 * kStep) {
    const auto near = hn::Or(matches(i), matches(i + kStep));
    const auto far = hn::Or(matches(i + 2 * kStep), matches(i + 3 * kStep));
    if (!hn::AllFalse(d, hn::Or(near, far))) break;
  }
  while (kNaN ? x[i] == x[i] : x[i] != wanted) ++i;
  return i;
}

// Two passes, the first for the value: both are vector loops. A short row takes one without a
// branch, since nobody can predict where its extreme stands.
template <class T, bool kMin>
int64_t find(const void* data, int64_t n) noexcept {
  const T* x = static_cast<const T*>(data);
  if (n <= 16) {
    T best = x[0];
    int64_t position = 0;
    for (int64_t i = 1; i < n; ++i) find_one<T, kMin>(best, position, x[i], i);
    return position;
  }
  const T best = extreme_of<T, kMin>(x, n);
  if constexpr (std::is_floating_point_v<T>) {
    if (best != best) return position_of<T, true>(best, x, n);
  }
  return position_of<T, false>(best, x, n);
}

template <class T, bool kMin>
void find_rows(void* out, int64_t* positions, const void* data, int64_t position,
               int64_t n) noexcept {
  T* HWY_RESTRICT best = static_cast<T*>(out);
  const T* HWY_RESTRICT row = static_cast<const T*>(data);
  for (int64_t j = 0; j < n; ++j) find_one<T, kMin>(best[j], positions[j], row[j], position);
}

template <class T>
constexpr void set(FoldLoops& loops, DType dtype) {
  const int at = static_cast<int>(dtype);
  loops.sum[at] = &sum<T>;
  loops.sum_rows[at] = &sum_rows<T>;
  if constexpr (std::is_floating_point_v<T>) loops.carry[at] = &carry<T>;
  loops.extreme[0][at] = &extreme<T, false>;
  loops.extreme[1][at] = &extreme<T, true>;
  loops.extreme_rows[0][at] = &extreme_rows<T, false>;
  loops.extreme_rows[1][at] = &extreme_rows<T, true>;
  loops.find[0][at] = &find<T, false>;
  loops.find[1][at] = &find<T, true>;
  loops.find_rows[0][at] = &find_rows<T, false>;
  loops.find_rows[1][at] = &find_rows<T, true>;
}

constexpr FoldLoops make() {
  FoldLoops loops{};
  set<float>(loops, DType::float32);
  set<double>(loops, DType::float64);
  set<int8_t>(loops, DType::int8);
  set<int16_t>(loops, DType::int16);
  set<int32_t>(loops, DType::int32);
  set<int64_t>(loops, DType::int64);
  set<uint8_t>(loops, DType::uint8);
  return loops;
}

}  // namespace

extern const FoldLoops kFoldLoops;
constinit const FoldLoops kFoldLoops = make();

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {

const FoldLoops& fold_loops() noexcept {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kFoldLoops;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kFoldLoops;
#endif
    default: return HWY_NAMESPACE::kFoldLoops;
  }
}

}  // namespace tg::kernels
#endif
