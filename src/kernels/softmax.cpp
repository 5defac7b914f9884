// SPDX-License-Identifier: MIT
// Softmax along contiguous rows (inner = 1), where a row stays in the first-level cache between
// its passes, and along columns, a few hundred side by side. Totals are kept in double.
#include "kernels/softmax.h"

#include <cmath>
#include <limits>

#include "base/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax.cpp"
#include "kernels/targets.h"
// After targets.h.
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/math-inl.h"

#ifndef TAPEGRAD_KERNELS_SOFTMAX_LOOPS
#define TAPEGRAD_KERNELS_SOFTMAX_LOOPS
namespace tg::kernels {

// Index 0: float32, 1: float64.
struct SoftmaxLoops {
  using Forward = void (*)(void* y, const void* x, int64_t outer, int64_t n, int64_t inner);
  using Backward = void (*)(void* gx, const void* g, const void* y, int64_t outer, int64_t n,
                            int64_t inner);
  Forward softmax[2], log_softmax[2];
  Backward softmax_backward[2], log_softmax_backward[2];
};

// Vectors whose sum is kept in lanes before it joins the total in double.
inline constexpr int64_t kSoftmaxVectors = 128;
// Columns at a time.
inline constexpr int64_t kSoftmaxColumns = 256;

}  // namespace tg::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class T>
using Tag = hn::ScalableTag<T>;
template <class T>
using Vec = hn::Vec<Tag<T>>;
template <class T>
inline constexpr int64_t kStep = static_cast<int64_t>(hn::MaxLanes(Tag<T>()));

// The last n % kStep elements of a row, in the first lanes of a vector.
template <class T>
struct Rest {
  int64_t at;
  bool any;
  hn::Mask<Tag<T>> mask;

  explicit HWY_INLINE Rest(int64_t n)
      : at(n / kStep<T> * kStep<T>),
        any(at < n),
        mask(hn::FirstN(Tag<T>(), static_cast<size_t>(n - at))) {}
  HWY_INLINE Vec<T> load(const T* x) const { return hn::MaskedLoad(mask, Tag<T>(), x + at); }
  HWY_INLINE Vec<T> load(const T* x, Vec<T> other) const {
    return hn::IfThenElse(mask, load(x), other);
  }
  HWY_INLINE void store(Vec<T> v, T* y) const { hn::BlendedStore(v, mask, Tag<T>(), y + at); }
};

template <class T>
HWY_INLINE Vec<T> max_of(const T* x, const Rest<T>& rest) {
  const Tag<T> d;
  const Vec<T> lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  Vec<T> a = rest.any ? rest.load(x, lowest) : lowest;
  Vec<T> b = lowest;
  int64_t i = 0;
  for (; i + 2 * kStep<T> <= rest.at; i += 2 * kStep<T>) {
    a = hn::Max(a, hn::LoadU(d, x + i));
    b = hn::Max(b, hn::LoadU(d, x + i + kStep<T>));
  }
  if (i < rest.at) b = hn::Max(b, hn::LoadU(d, x + i));
  return hn::MaxOfLanes(d, hn::Max(a, b));
}

// Sums f(i) over the whole vectors of a row; f may also store them.
template <class T, class F>
HWY_INLINE double sum_of(int64_t n, const F& f) {
  const Tag<T> d;
  constexpr int64_t kBlock = kSoftmaxVectors * kStep<T>;
  double total = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = n - i < kBlock ? n : i + kBlock;
    Vec<T> sum = hn::Zero(d);
    for (; i < end; i += kStep<T>) sum = hn::Add(sum, f(i));
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
  }
  return total;
}

template <class T>
HWY_INLINE double sum_of_lanes(Vec<T> v) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(Tag<T>(), v)));
}

// The rest stays in a register between the passes: a masked store is slow to load from.
template <class T>
void softmax_row(T* y, const T* x, int64_t n) {
  const Tag<T> d;
  const Rest<T> rest(n);
  const Vec<T> max = max_of(x, rest);
  Vec<T> last = hn::Zero(d);
  double total = 0;
  if (rest.any) {
    last = hn::IfThenElseZero(rest.mask, exp(d, hn::Sub(rest.load(x, max), max)));
    total = sum_of_lanes<T>(last);
  }
  total += sum_of<T>(rest.at, [=](int64_t i) HWY_ATTR {
    const Vec<T> e = exp(d, hn::Sub(hn::LoadU(d, x + i), max));
    hn::StoreU(e, d, y + i);
    return e;
  });
  const Vec<T> scale = hn::Set(d, static_cast<T>(1 / total));
  for (int64_t i = 0; i < rest.at; i += kStep<T>) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), scale), d, y + i);
  }
  if (rest.any) rest.store(hn::Mul(last, scale), y);
}

template <class T>
void log_softmax_row(T* y, const T* x, int64_t n) {
  const Tag<T> d;
  const Rest<T> rest(n);
  const Vec<T> max = max_of(x, rest);
  Vec<T> last = hn::Zero(d);
  double total = 0;
  if (rest.any) {
    last = hn::Sub(rest.load(x, max), max);
    total = sum_of_lanes<T>(hn::IfThenElseZero(rest.mask, exp(d, last)));
  }
  total += sum_of<T>(rest.at,
                     [=](int64_t i) HWY_ATTR { return exp(d, hn::Sub(hn::LoadU(d, x + i), max)); });
  const Vec<T> log_total = hn::Set(d, static_cast<T>(std::log(total)));
  for (int64_t i = 0; i < rest.at; i += kStep<T>) {
    hn::StoreU(hn::Sub(hn::Sub(hn::LoadU(d, x + i), max), log_total), d, y + i);
  }
  if (rest.any) rest.store(hn::Sub(last, log_total), y);
}

template <class T>
void softmax_backward_row(T* gx, const T* g, const T* y, int64_t n) {
  const Tag<T> d;
  const Rest<T> rest(n);
  double total = rest.any ? sum_of_lanes<T>(hn::Mul(rest.load(g), rest.load(y))) : 0;
  total += sum_of<T>(rest.at, [=](int64_t i) HWY_ATTR {
    return hn::Mul(hn::LoadU(d, g + i), hn::LoadU(d, y + i));
  });
  const Vec<T> dot = hn::Set(d, static_cast<T>(total));
  for (int64_t i = 0; i < rest.at; i += kStep<T>) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), hn::Sub(hn::LoadU(d, g + i), dot)), d, gx + i);
  }
  if (rest.any) rest.store(hn::Mul(rest.load(y), hn::Sub(rest.load(g), dot)), gx);
}

template <class T>
void log_softmax_backward_row(T* gx, const T* g, const T* y, int64_t n) {
  const Tag<T> d;
  const Rest<T> rest(n);
  double total = rest.any ? sum_of_lanes<T>(rest.load(g)) : 0;
  total += sum_of<T>(rest.at, [=](int64_t i) HWY_ATTR { return hn::LoadU(d, g + i); });
  const Vec<T> sum = hn::Set(d, static_cast<T>(total));
  for (int64_t i = 0; i < rest.at; i += kStep<T>) {
    const Vec<T> e = exp(d, hn::LoadU(d, y + i));
    hn::StoreU(hn::NegMulAdd(e, sum, hn::LoadU(d, g + i)), d, gx + i);
  }
  if (rest.any) rest.store(hn::NegMulAdd(exp(d, rest.load(y)), sum, rest.load(g)), gx);
}

// e[j] = exp(x[j] - shift[j]).
template <class T>
HWY_NOINLINE void exp_of(T* e, const T* x, const T* shift, int64_t n) {
  const Tag<T> d;
  const Rest<T> rest(n);
  for (int64_t j = 0; j < rest.at; j += kStep<T>) {
    hn::StoreU(exp(d, hn::Sub(hn::LoadU(d, x + j), hn::LoadU(d, shift + j))), d, e + j);
  }
  if (rest.any) rest.store(exp(d, hn::Sub(rest.load(x), rest.load(shift))), e);
}

// Columns w <= kSoftmaxColumns wide, rows `inner` elements apart.
template <class T, bool kLog>
void forward_columns(T* y, const T* x, int64_t n, int64_t inner, int64_t w) {
  T max[kSoftmaxColumns], e[kSoftmaxColumns], factor[kSoftmaxColumns];
  double total[kSoftmaxColumns];
  for (int64_t j = 0; j < w; ++j) max[j] = x[j], total[j] = 0;
  for (int64_t i = 1; i < n; ++i) {
    const T* row = x + i * inner;
    for (int64_t j = 0; j < w; ++j) max[j] = row[j] > max[j] ? row[j] : max[j];
  }
  for (int64_t i = 0; i < n; ++i) {
    exp_of(e, x + i * inner, max, w);
    for (int64_t j = 0; j < w; ++j) total[j] += static_cast<double>(e[j]);
    for (int64_t j = 0; j < w && !kLog; ++j) y[i * inner + j] = e[j];
  }
  for (int64_t j = 0; j < w; ++j) {
    factor[j] = static_cast<T>(kLog ? std::log(total[j]) : 1 / total[j]);
  }
  for (int64_t i = 0; i < n; ++i, x += inner, y += inner) {
    if constexpr (kLog) {
      for (int64_t j = 0; j < w; ++j) y[j] = x[j] - max[j] - factor[j];
    } else {
      for (int64_t j = 0; j < w; ++j) y[j] *= factor[j];
    }
  }
}

template <class T, bool kLog>
void backward_columns(T* gx, const T* g, const T* y, int64_t n, int64_t inner, int64_t w) {
  T e[kSoftmaxColumns], zero[kSoftmaxColumns] = {}, sum[kSoftmaxColumns];
  double total[kSoftmaxColumns] = {};
  for (int64_t i = 0; i < n; ++i) {
    const T* a = g + i * inner;
    const T* b = y + i * inner;
    for (int64_t j = 0; j < w; ++j) total[j] += static_cast<double>(kLog ? a[j] : a[j] * b[j]);
  }
  for (int64_t j = 0; j < w; ++j) sum[j] = static_cast<T>(total[j]);
  for (int64_t i = 0; i < n; ++i, gx += inner, g += inner, y += inner) {
    if constexpr (kLog) {
      exp_of(e, y, zero, w);
      for (int64_t j = 0; j < w; ++j) gx[j] = g[j] - e[j] * sum[j];
    } else {
      for (int64_t j = 0; j < w; ++j) gx[j] = y[j] * (g[j] - sum[j]);
    }
  }
}

template <class T, bool kLog>
void forward(void* out, const void* in, int64_t outer, int64_t n, int64_t inner) {
  T* y = static_cast<T*>(out);
  const T* x = static_cast<const T*>(in);
  for (int64_t i = 0; i < outer; ++i, x += n * inner, y += n * inner) {
    if (inner == 1) {
      kLog ? log_softmax_row(y, x, n) : softmax_row(y, x, n);
      continue;
    }
    for (int64_t j = 0; j < inner; j += kSoftmaxColumns) {
      const int64_t w = inner - j < kSoftmaxColumns ? inner - j : kSoftmaxColumns;
      forward_columns<T, kLog>(y + j, x + j, n, inner, w);
    }
  }
}

template <class T, bool kLog>
void backward(void* out, const void* g_data, const void* y_data, int64_t outer, int64_t n,
              int64_t inner) {
  T* gx = static_cast<T*>(out);
  const T *g = static_cast<const T*>(g_data), *y = static_cast<const T*>(y_data);
  for (int64_t i = 0; i < outer; ++i, gx += n * inner, g += n * inner, y += n * inner) {
    if (inner == 1) {
      kLog ? log_softmax_backward_row(gx, g, y, n) : softmax_backward_row(gx, g, y, n);
      continue;
    }
    for (int64_t j = 0; j < inner; j += kSoftmaxColumns) {
      const int64_t w = inner - j < kSoftmaxColumns ? inner - j : kSoftmaxColumns;
      backward_columns<T, kLog>(gx + j, g + j, y + j, n, inner, w);
    }
  }
}

}  // namespace

extern const SoftmaxLoops kSoftmaxLoops;
constinit const SoftmaxLoops kSoftmaxLoops = {
    {&forward<float, false>, &forward<double, false>},
    {&forward<float, true>, &forward<double, true>},
    {&backward<float, false>, &backward<double, false>},
    {&backward<float, true>, &backward<double, true>},
};

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {
namespace {

const SoftmaxLoops& loops() {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kSoftmaxLoops;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kSoftmaxLoops;
#endif
    default: return HWY_NAMESPACE::kSoftmaxLoops;
  }
}

int index_of(DType dtype) { return dtype == DType::float64 ? 1 : 0; }

}  // namespace

void softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n,
             int64_t inner) noexcept {
  if (n > 0) loops().softmax[index_of(dtype)](y, x, outer, n, inner);
}

void log_softmax(DType dtype, void* y, const void* x, int64_t outer, int64_t n,
                 int64_t inner) noexcept {
  if (n > 0) loops().log_softmax[index_of(dtype)](y, x, outer, n, inner);
}

void softmax_backward(DType dtype, void* gx, const void* g, const void* y, int64_t outer, int64_t n,
                      int64_t inner) noexcept {
  loops().softmax_backward[index_of(dtype)](gx, g, y, outer, n, inner);
}

void log_softmax_backward(DType dtype, void* gx, const void* g, const void* y, int64_t outer,
                          int64_t n, int64_t inner) noexcept {
  loops().log_softmax_backward[index_of(dtype)](gx, g, y, outer, n, inner);
}

}  // namespace tg::kernels
#endif
