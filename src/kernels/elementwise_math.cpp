// SPDX-License-Identifier: MIT
// The lanes exp, log, sin, cos, tanh, sigmoid and pow_scalar of float32 and float64.
#include <cerrno>
#include <cmath>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise_math.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/lanes-inl.h"
#include "kernels/math-inl.h"
#include "kernels/rows-inl.h"
#include "kernels/trigonometry-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

template <Size kHow>
struct Function {
  static constexpr Size kSize = kHow;
  explicit Function(const void*) {}
};

template <Lane kLane, class T>
struct Operation;

template <class T>
struct Operation<Lane::exp, T> : Function<Size::medium> {
  using Function::Function;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return exp(d, x);
  }
};

template <class T>
struct Operation<Lane::log, T> : Function<Size::medium> {
  using Function::Function;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return log(d, x);
  }
};

template <class T>
struct Operation<Lane::tanh, T> : Function<Size::medium> {
  using Function::Function;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return tanh(d, x);
  }
};

template <class T>
struct Operation<Lane::sigmoid, T> : Function<Size::medium> {
  using Function::Function;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return sigmoid(d, x);
  }
};

template <Wave kWave>
struct Oscillation : Function<Size::large> {
  using Function::Function;
  template <class T>
  using Tag = hn::Rebind<T, hn::ScalableTag<double>>;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return sine_or_cosine<kWave>(d, x);
  }
};
template <class T>
struct Operation<Lane::sin, T> : Oscillation<Wave::sine> {
  using Oscillation::Oscillation;
};
template <class T>
struct Operation<Lane::cos, T> : Oscillation<Wave::cosine> {
  using Oscillation::Oscillation;
};

// The exponents that PyTorch computes without pow, in its words.
template <int kTwice>  // twice the exponent
struct Power : Function<Size::large> {
  using Function::Function;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    const V one = hn::Set(d, 1);
    if constexpr (kTwice == 0) return one;
    if constexpr (kTwice == 1) return hn::Sqrt(x);
    if constexpr (kTwice == 2) return x;
    if constexpr (kTwice == 4) return hn::Mul(x, x);
    if constexpr (kTwice == 6) return hn::Mul(hn::Mul(x, x), x);
    if constexpr (kTwice == -1) return hn::Div(one, hn::Sqrt(x));
    if constexpr (kTwice == -2) return hn::Div(one, x);
    if constexpr (kTwice == -4) return hn::Div(one, hn::Mul(x, x));
  }
};

// Any other exponent: the C library's pow, element by element.
template <class T>
void general_power(void* const* data, const int64_t* strides, int64_t n, T exponent) {
  const int saved = errno;
  char* out = static_cast<char*>(data[0]);
  for (int64_t i = 0; i < n; ++i) {
    const T value = std::pow(element<T>(data[1], i * strides[1]), exponent);
    std::memcpy(out + i * strides[0], &value, sizeof(T));
  }
  errno = saved;
}

template <class T>
void power(void* const* data, const int64_t* strides, int64_t n, const void* parameters) {
  const T exponent = static_cast<T>(static_cast<const Scalars*>(parameters)->a);
  if (exponent == T(0)) return unary<T, Power<0>>(data, strides, n, parameters);
  if (exponent == T(0.5)) return unary<T, Power<1>>(data, strides, n, parameters);
  if (exponent == T(1)) return unary<T, Power<2>>(data, strides, n, parameters);
  if (exponent == T(2)) return unary<T, Power<4>>(data, strides, n, parameters);
  if (exponent == T(3)) return unary<T, Power<6>>(data, strides, n, parameters);
  if (exponent == T(-0.5)) return unary<T, Power<-1>>(data, strides, n, parameters);
  if (exponent == T(-1)) return unary<T, Power<-2>>(data, strides, n, parameters);
  if (exponent == T(-2)) return unary<T, Power<-4>>(data, strides, n, parameters);
  general_power(data, strides, n, exponent);
}

}  // namespace

template <Lane kLane, class T>
void math_loop(void* const* data, const int64_t* strides, int64_t n,
               const void* parameters) noexcept {
  if constexpr (kLane == Lane::pow_scalar) {
    power<T>(data, strides, n, parameters);
  } else {
    unary<T, Operation<kLane, T>>(data, strides, n, parameters);
  }
}

namespace {

template <class T>
constexpr Column instantiate() {
  Column result{};
  for_each_lane([&]<Lane kLane>() {
    if constexpr (is_math(kLane)) {
      result.lane[static_cast<int>(kLane)] = &math_loop<kLane, T>;
    }
  });
  return result;
}
[[maybe_unused]] constexpr Column kFloat = instantiate<float>();
[[maybe_unused]] constexpr Column kDouble = instantiate<double>();

}  // namespace

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();
