// SPDX-License-Identifier: MIT
// How an operation on vectors becomes a loop over a row: contiguous, with one operand broadcast, or
// with any strides. Each element passes through the same vector instructions in all of them, so
// its bits depend on neither position, length nor strides.
// Included once for each target (hwy/foreach_target.h).
#if defined(TAPEGRAD_KERNELS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPEGRAD_KERNELS_ROWS_INL_H_
#undef TAPEGRAD_KERNELS_ROWS_INL_H_
#else
#define TAPEGRAD_KERNELS_ROWS_INL_H_
#endif

#include <cstring>

#include "hwy/highway.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// An operation is an object made from the parameters of the call: op(d, vectors...) -> vector.
// It says how much code it is worth: a small one is put in line for every vector width and
// unrolled; a large one is put in line twice and always sees whole vectors of its own Tag.
enum class Size : uint8_t { small, medium, large };

template <class T>
struct Elements {
  const T* data;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, int64_t i) const {
    return hn::LoadU(d, data + i);
  }
};

template <class T>
struct Broadcast {
  T value;
  template <class D>
  HWY_INLINE hn::Vec<D> at(D d, int64_t) const {
    return hn::Set(d, value);
  }
};

// n <= 2 lanes: the first and the last vector, which may overlap. Both are computed before one is
// stored, so that in-place use reads operands only. Fewer than a vector: the next narrower vectors.
// (A masked store of 8 floats and the next operator's load of them would not forward.)
template <class D, class Op, class... Source>
HWY_INLINE void short_row(D d, const Op& op, hn::TFromD<D>* out, int64_t n,
                          const Source&... source) {
  constexpr int64_t kN = static_cast<int64_t>(hn::MaxLanes(D()));
  if (n >= kN) {
    const auto first = op(d, source.at(d, 0)...);
    if (n > kN) {
      const auto last = op(d, source.at(d, n - kN)...);
      hn::StoreU(last, d, out + n - kN);
    }
    hn::StoreU(first, d, out);
  } else if constexpr (kN > 1) {
    short_row(hn::CappedTag<hn::TFromD<D>, kN / 2>(), op, out, n, source...);
  }
}

// The last vector is computed first and stored last: it covers the remainder without a mask.
template <class Op, class T, class... Source>
HWY_INLINE void row(const Op& op, T* out, int64_t n, const Source&... source) {
  const hn::ScalableTag<T> d;
  constexpr int64_t kN = static_cast<int64_t>(hn::MaxLanes(hn::ScalableTag<T>()));
  if constexpr (kN == 1) {
    // In place means the same elements: no iteration reads what another one writes.
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) hn::StoreU(op(d, source.at(d, i)...), d, out + i);
  } else {
    if (n <= 2 * kN) {
      short_row(d, op, out, n, source...);
      return;
    }
    const int64_t end = n - kN;
    const auto last = op(d, source.at(d, end)...);
    int64_t i = 0;
    if constexpr (Op::kSize == Size::small) {
      for (; i + 4 * kN <= end; i += 4 * kN) {
        const auto v0 = op(d, source.at(d, i)...);
        const auto v1 = op(d, source.at(d, i + kN)...);
        const auto v2 = op(d, source.at(d, i + 2 * kN)...);
        const auto v3 = op(d, source.at(d, i + 3 * kN)...);
        hn::StoreU(v0, d, out + i);
        hn::StoreU(v1, d, out + i + kN);
        hn::StoreU(v2, d, out + i + 2 * kN);
        hn::StoreU(v3, d, out + i + 3 * kN);
      }
    }
    for (; i < end; i += kN) hn::StoreU(op(d, source.at(d, i)...), d, out + i);
    hn::StoreU(last, d, out + end);
  }
}

template <class T>
HWY_INLINE T element(const void* data, int64_t offset) {
  T value;
  std::memcpy(&value, static_cast<const char*>(data) + offset, sizeof(T));
  return value;
}

template <class Op, class T>
struct TagOf {
  using type = hn::ScalableTag<T>;
};
template <class Op, class T>
requires requires { typename Op::template Tag<T>; }
struct TagOf<Op, T> {
  using type = typename Op::template Tag<T>;
};

// Any strides: gathers a vector of each operand, computes, scatters. Lanes beyond the end repeat
// the first element, so that they raise no floating-point exception of their own.
template <int kOperands, class T, class Op>
HWY_NOINLINE void strided_row(const Op& op, void* const* data, const int64_t* strides, int64_t n) {
  using D = typename TagOf<Op, T>::type;
  const D d;
  constexpr int64_t kN = static_cast<int64_t>(hn::MaxLanes(D()));
  alignas(64) T in[kOperands][kN];
  alignas(64) T out[kN];
  for (int64_t i = 0; i < n; i += kN) {
    const int64_t m = n - i < kN ? n - i : kN;
    for (int k = 0; k < kOperands; ++k) {
      const int64_t stride = strides[k + 1];
      const int64_t start = i * stride;
      for (int64_t j = 0; j < m; ++j) in[k][j] = element<T>(data[k + 1], start + j * stride);
      for (int64_t j = m; j < kN; ++j) in[k][j] = in[k][0];
    }
    if constexpr (kOperands == 1) {
      hn::Store(op(d, hn::Load(d, in[0])), d, out);
    } else {
      hn::Store(op(d, hn::Load(d, in[0]), hn::Load(d, in[1])), d, out);
    }
    char* target = static_cast<char*>(data[0]) + i * strides[0];
    for (int64_t j = 0; j < m; ++j) std::memcpy(target + j * strides[0], &out[j], sizeof(T));
  }
}

// A large operation: whole vectors here, the rest as if strided.
template <class T, class Op>
HWY_INLINE void large_row(const Op& op, void* const* data, const int64_t* strides, int64_t n) {
  using D = typename TagOf<Op, T>::type;
  const D d;
  constexpr int64_t kN = static_cast<int64_t>(hn::MaxLanes(D()));
  T* out = static_cast<T*>(data[0]);
  const T* in = static_cast<const T*>(data[1]);
  int64_t i = 0;
  for (; i + kN <= n; i += kN) hn::StoreU(op(d, hn::LoadU(d, in + i)), d, out + i);
  if (i < n) {
    void* const rest[2] = {out + i, const_cast<T*>(in + i)};
    strided_row<1, T>(op, rest, strides, n - i);
  }
}

// The common case is contiguous; all else is out of line, so that a call on a few elements saves no
// registers for it.
template <class T, class Op>
HWY_NOINLINE void unary_rest(void* const* data, const int64_t* strides, int64_t n,
                             const void* parameters) {
  strided_row<1, T>(Op(parameters), data, strides, n);
}

template <class T, class Op>
HWY_INLINE void unary(void* const* data, const int64_t* strides, int64_t n,
                      const void* parameters) {
  constexpr int64_t kSize = sizeof(T);
  if (strides[0] != kSize || strides[1] != kSize) [[unlikely]] {
    unary_rest<T, Op>(data, strides, n, parameters);
    return;
  }
  const Op op(parameters);
  if constexpr (Op::kSize == Size::large) {
    large_row<T>(op, data, strides, n);
  } else {
    row(op, static_cast<T*>(data[0]), n, Elements<T>{static_cast<const T*>(data[1])});
  }
}

template <class T, class Op>
HWY_NOINLINE void binary_rest(void* const* data, const int64_t* strides, int64_t n,
                              const void* parameters) {
  constexpr int64_t kSize = sizeof(T);
  const Op op(parameters);
  T* out = static_cast<T*>(data[0]);
  const Elements<T> a{static_cast<const T*>(data[1])};
  const Elements<T> b{static_cast<const T*>(data[2])};
  if (strides[0] == kSize && n > 0) {
    if (strides[1] == kSize && strides[2] == 0) {
      row(op, out, n, a, Broadcast<T>{b.data[0]});
      return;
    }
    if (strides[1] == 0 && strides[2] == kSize) {
      row(op, out, n, Broadcast<T>{a.data[0]}, b);
      return;
    }
  }
  strided_row<2, T>(op, data, strides, n);
}

template <class T, class Op>
HWY_INLINE void binary(void* const* data, const int64_t* strides, int64_t n,
                       const void* parameters) {
  constexpr int64_t kSize = sizeof(T);
  if (strides[0] != kSize || strides[1] != kSize || strides[2] != kSize) [[unlikely]] {
    binary_rest<T, Op>(data, strides, n, parameters);
    return;
  }
  row(Op(parameters), static_cast<T*>(data[0]), n, Elements<T>{static_cast<const T*>(data[1])},
      Elements<T>{static_cast<const T*>(data[2])});
}

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#endif  // include guard
