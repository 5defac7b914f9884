// SPDX-License-Identifier: MIT
// Matrix times vector: several rows at once share the loads of x, and enough partial sums run at
// once to hide the latency of a multiply-add. Compiled once for each target.
#include "kernels/matvec.h"

#include "base/cpu.h"
#include "kernels/small_gemm.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/matvec.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef TAPEGRAD_KERNELS_MATVEC_ONCE
#define TAPEGRAD_KERNELS_MATVEC_ONCE
namespace tg::kernels {
struct VectorKernels {
  void (*rows)(const MatrixVector&) noexcept;
  void (*columns)(const MatrixVector&) noexcept;
  void (*dot)(void*, const void*, int64_t, const void*, int64_t, int64_t) noexcept;
};
}  // namespace tg::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kSums = 4;  // vectors of partial sums of a row of a matrix
#if HWY_TARGET == HWY_AVX3
constexpr int kTogether = 4;  // rows at once: kTogether * kSums accumulators fit the registers
#else
constexpr int kTogether = 2;
#endif
constexpr int64_t kBeyondCaches = 16 << 20;  // bytes
constexpr int kDotSums = 8;                  // of a dot product, which has one row only

template <class T>
struct Epilogue {
  T alpha, beta;
  const T* bias;
  int64_t bias_stride;
  bool relu;

  T operator()(T value, const T* y, int64_t i) const {
    const hn::CappedTag<T, 1> d;
    auto v = hn::Set(d, value);
    if (alpha != 1) v = hn::Mul(v, hn::Set(d, alpha));
    if (beta != 0) v = hn::MulAdd(hn::Set(d, beta), hn::LoadU(d, y), v);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + i * bias_stride));
    if (relu) v = hn::IfThenElse(hn::Lt(v, hn::Zero(d)), hn::Zero(d), v);
    return hn::GetLane(v);
  }
};

template <class D, int S>
HWY_INLINE hn::TFromD<D> total(D d, const hn::Vec<D> (&sum)[S]) {
  if constexpr (S == 8) {
    return hn::GetLane(
        hn::SumOfLanes(d, hn::Add(hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3])),
                                  hn::Add(hn::Add(sum[4], sum[5]), hn::Add(sum[6], sum[7])))));
  } else {
    return hn::GetLane(
        hn::SumOfLanes(d, hn::Add(hn::Add(sum[0], sum[1]), hn::Add(sum[2], sum[3]))));
  }
}

// R rows with S sums each: element i of a row goes to lane i mod lanes of sum (i / lanes) mod S.
template <class T, int R, int S>
HWY_INLINE void contiguous(const T* a, int64_t row, const T* x, int64_t n, T* results) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  hn::Vec<hn::ScalableTag<T>> sum[R][S];
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) sum[r][s] = hn::Zero(d);
  }
  int64_t i = 0;
  for (; i + S * kLanes <= n; i += S * kLanes) {
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) {
      const auto factor = hn::LoadU(d, x + i + s * kLanes);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        sum[r][s] = hn::MulAdd(hn::LoadU(d, a + r * row + i + s * kLanes), factor, sum[r][s]);
      }
    }
  }
  // What is left: fewer than S * kLanes elements. Lanes beyond the end add 0 * 0.
#pragma GCC unroll 8
  for (int s = 0; s < S; ++s) {
    if (i < n) {
      const auto inside = hn::FirstN(d, static_cast<size_t>(HWY_MIN(n - i, kLanes)));
      const auto factor = hn::MaskedLoad(inside, d, x + i);
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        sum[r][s] = hn::MulAdd(hn::MaskedLoad(inside, d, a + r * row + i), factor, sum[r][s]);
      }
      i += kLanes;
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < R; ++r) results[r] = total(d, sum[r]);
}

// The same sums where the elements are apart: they are brought together on the stack.
template <class T, int S>
HWY_NOINLINE T apart(const T* a, int64_t a_stride, const T* x, int64_t x_stride, int64_t n) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  hn::Vec<hn::ScalableTag<T>> sum[S];
  for (int s = 0; s < S; ++s) sum[s] = hn::Zero(d);
  T a_part[kLanes], x_part[kLanes];
  for (int64_t i = 0; i < n;) {
#pragma GCC unroll 8
    for (int s = 0; s < S; ++s) {
      if (i < n) {
        for (int64_t j = 0; j < kLanes; ++j) {
          a_part[j] = i + j < n ? a[(i + j) * a_stride] : T{0};
          x_part[j] = i + j < n ? x[(i + j) * x_stride] : T{0};
        }
        sum[s] = hn::MulAdd(hn::LoadU(d, a_part), hn::LoadU(d, x_part), sum[s]);
        i += kLanes;
      }
    }
  }
  return total(d, sum);
}

template <class T>
void by_rows(const MatrixVector& s) {
  const T* a = static_cast<const T*>(s.a);
  const T* x = static_cast<const T*>(s.x);
  T* y = static_cast<T*>(s.y);
  const Epilogue<T> finish{static_cast<T>(s.alpha), static_cast<T>(s.beta),
                           static_cast<const T*>(s.bias), s.bias_stride, s.relu};
  const bool together = (s.a_column == 1 && s.x_stride == 1) || s.n <= 1;
  // From memory, one row after the other comes faster than several streams at once (154 MB in rows
  // of 3 KB: 17 and 14 GB/s, a plain read 20).
  const bool from_memory = together && s.m * s.n * static_cast<int64_t>(sizeof(T)) >= kBeyondCaches;
  int64_t i = 0;
  T results[kTogether];
  if (together) {
    for (; !from_memory && i + kTogether <= s.m; i += kTogether) {
      contiguous<T, kTogether, kSums>(a + i * s.a_row, s.a_row, x, s.n, results);
      for (int64_t r = 0; r < kTogether; ++r) {
        T* to = y + (i + r) * s.y_stride;
        *to = finish(results[r], to, i + r);
      }
    }
  }
  for (; i < s.m; ++i) {
    if (together) {
      contiguous<T, 1, kSums>(a + i * s.a_row, s.a_row, x, s.n, results);
    } else {
      results[0] = apart<T, kSums>(a + i * s.a_row, s.a_column, x, s.x_stride, s.n);
    }
    T* to = y + i * s.y_stride;
    *to = finish(results[0], to, i);
  }
}

// Adds C columns of a to the chains in y, in ascending order of the columns.
template <class T, int C>
HWY_INLINE void add_columns(T* y, const T* a, int64_t column, const T* x, int64_t x_stride,
                            int64_t m) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kLanes = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  hn::Vec<hn::ScalableTag<T>> factor[C];
#pragma GCC unroll 4
  for (int c = 0; c < C; ++c) factor[c] = hn::Set(d, x[c * x_stride]);
  int64_t i = 0;
  for (; i + kLanes <= m; i += kLanes) {
    auto sum = hn::LoadU(d, y + i);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) sum = hn::MulAdd(factor[c], hn::LoadU(d, a + c * column + i), sum);
    hn::StoreU(sum, d, y + i);
  }
  const hn::CappedTag<T, 1> one;
  for (; i < m; ++i) {
    auto sum = hn::LoadU(one, y + i);
#pragma GCC unroll 4
    for (int c = 0; c < C; ++c) {
      sum = hn::MulAdd(hn::Set(one, x[c * x_stride]), hn::LoadU(one, a + c * column + i), sum);
    }
    hn::StoreU(sum, one, y + i);
  }
}

// a's rows lie together. y itself holds the chains, so a is read in the order in which it lies;
// pieces of y stay in the first-level cache.
template <class T>
void by_columns(const MatrixVector& s) {
  constexpr int64_t kPiece = 2048;
  const T* x = static_cast<const T*>(s.x);
  for (int64_t begin = 0; begin < s.m; begin += kPiece) {
    const int64_t m = HWY_MIN(s.m - begin, kPiece);
    const T* a = static_cast<const T*>(s.a) + begin;
    T* y = static_cast<T*>(s.y) + begin;
    for (int64_t i = 0; i < m; ++i) y[i] = 0;
    int64_t j = 0;
    for (; j + 4 <= s.n; j += 4) {
      add_columns<T, 4>(y, a + j * s.a_column, s.a_column, x + j * s.x_stride, s.x_stride, m);
    }
    for (; j < s.n; ++j) {
      add_columns<T, 1>(y, a + j * s.a_column, s.a_column, x + j * s.x_stride, s.x_stride, m);
    }
    if (s.alpha == 1 && s.bias == nullptr && !s.relu) continue;
    const Epilogue<T> finish{static_cast<T>(s.alpha), 0, static_cast<const T*>(s.bias),
                             s.bias_stride, s.relu};
    for (int64_t i = 0; i < m; ++i) y[i] = finish(y[i], y + i, begin + i);
  }
}

template <class T>
void rows(const MatrixVector& s) noexcept {
  by_rows<T>(s);
}
template <class T>
void columns(const MatrixVector& s) noexcept {
  by_columns<T>(s);
}
template <class T>
void dot_of(void* result, const void* x, int64_t x_stride, const void* y, int64_t y_stride,
            int64_t n) noexcept {
  const T* a = static_cast<const T*>(x);
  const T* b = static_cast<const T*>(y);
  T* to = static_cast<T*>(result);
  if (x_stride == 1 && y_stride == 1) {
    contiguous<T, 1, kDotSums>(a, 0, b, n, to);
  } else {
    *to = apart<T, kDotSums>(a, x_stride, b, y_stride, n);
  }
}

}  // namespace

constexpr VectorKernels kVectorKernels[2] = {{rows<float>, columns<float>, dot_of<float>},
                                             {rows<double>, columns<double>, dot_of<double>}};

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {
namespace {

const VectorKernels& vector_kernels(DType dtype) {
  const int which = dtype == DType::float32 ? 0 : 1;
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kVectorKernels[which];
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kVectorKernels[which];
#endif
    default: return HWY_NAMESPACE::kVectorKernels[which];
  }
}

}  // namespace

void matrix_vector(DType dtype, const MatrixVector& s) noexcept {
  const VectorKernels& kernels = vector_kernels(dtype);
  if (s.a_column != 1 && s.a_row == 1 && s.m > 1) {
    // The chains lie in y; where y cannot hold them, one element at a time gives the same bits.
    if (s.y_stride == 1 && s.beta == 0) return kernels.columns(s);
    const Product chains{.c = s.y,
                         .c_row = 1,
                         .c_column = s.y_stride,
                         .a = s.x,
                         .a_row = 0,
                         .a_column = s.x_stride,
                         .b = s.a,
                         .b_row = s.a_column,
                         .b_column = 1,
                         .m = 1,
                         .n = s.m,
                         .k = s.n,
                         .alpha = s.alpha,
                         .beta = s.beta,
                         .bias = s.bias,
                         .bias_stride = s.bias_stride,
                         .relu = s.relu};
    return product(dtype, chains);
  }
  kernels.rows(s);
}

void dot(DType dtype, void* result, const void* x, int64_t x_stride, const void* y,
         int64_t y_stride, int64_t n) noexcept {
  vector_kernels(dtype).dot(result, x, x_stride, y, y_stride, n);
}

}  // namespace tg::kernels
#endif
