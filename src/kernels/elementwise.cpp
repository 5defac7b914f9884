// SPDX-License-Identifier: MIT
// The arithmetic lanes of float32 and float64. Everything here is exact or correctly rounded and
// no product is fused with a sum, so the bits are the same on all targets.
#include <cmath>
#include <limits>

#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/lanes-inl.h"
#include "kernels/math-inl.h"
#include "kernels/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

struct Small {
  static constexpr Size kSize = Size::small;
};
// An operation without parameters.
struct Pure : Small {
  explicit Pure(const void*) {}
};
// One that reads the number a of its Scalars.
template <class T>
struct WithScalar : Small {
  explicit WithScalar(const void* parameters)
      : a(static_cast<T>(static_cast<const Scalars*>(parameters)->a)) {}
  T a;
};

template <Lane kLane, class T>
struct Operation;

template <class T>
struct Operation<Lane::neg, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Neg(x);
  }
};

template <class T>
struct Operation<Lane::abs, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Abs(x);
  }
};

// 1, 0 or -1; 0 for NaN.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sign_of(D d, V x) {
  const V zero = hn::Zero(d), one = hn::Set(d, 1);
  const V positive = hn::IfThenElseZero(hn::Gt(x, zero), one);
  const V negative = hn::IfThenElseZero(hn::Lt(x, zero), one);
  return hn::Sub(positive, negative);
}

template <class T>
struct Operation<Lane::sign, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return sign_of(d, x);
  }
};

template <class T>
struct Operation<Lane::sqrt, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Sqrt(x);
  }
};

// A comparison with NaN is false, so NaN stays; so does -0.
template <class T>
struct Operation<Lane::relu, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
  }
};

template <class T>
struct Operation<Lane::add_scalar, T> : WithScalar<T> {
  using WithScalar<T>::WithScalar;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Add(x, hn::Set(d, this->a));
  }
};

template <class T>
struct Operation<Lane::mul_scalar, T> : WithScalar<T> {
  using WithScalar<T>::WithScalar;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Mul(x, hn::Set(d, this->a));
  }
};

template <class T>
struct Operation<Lane::div_scalar, T> : WithScalar<T> {
  using WithScalar<T>::WithScalar;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(x, hn::Set(d, this->a));
  }
};

template <class T>
struct Operation<Lane::rsub_scalar, T> : WithScalar<T> {
  using WithScalar<T>::WithScalar;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Sub(hn::Set(d, this->a), x);
  }
};

// min(max(x, a), b), so b wins where a > b. NaN stays; with a NaN bound all is NaN, as in PyTorch.
template <class T>
struct Operation<Lane::clamp, T> : Small {
  explicit Operation(const void* parameters) {
    const Scalars& scalars = *static_cast<const Scalars*>(parameters);
    low = static_cast<T>(scalars.a);
    high = static_cast<T>(scalars.b);
    // Or-ed into the result: no bits, or those of a NaN.
    const bool no_number = std::isnan(low) || std::isnan(high);
    nan = no_number ? std::numeric_limits<T>::quiet_NaN() : T{0};
  }
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V x) const {
    const V a = hn::Set(d, low), b = hn::Set(d, high);
    const V raised = select(hn::Lt(x, a), a, x);
    return hn::Or(select(hn::Gt(raised, b), b, raised), hn::Set(d, nan));
  }
  T low, high, nan;
};

template <class T>
struct Operation<Lane::add, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Add(a, b);
  }
};

template <class T>
struct Operation<Lane::sub, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Sub(a, b);
  }
};

template <class T>
struct Operation<Lane::mul, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Mul(a, b);
  }
};

template <class T>
struct Operation<Lane::div, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return hn::Div(a, b);
  }
};

// b if neither is greater, so b if it is NaN.
template <class T>
struct Operation<Lane::maximum, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return select(hn::Or(hn::Gt(a, b), is_nan(a)), a, b);
  }
};

template <class T>
struct Operation<Lane::minimum, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D, V a, V b) const {
    return select(hn::Or(hn::Lt(a, b), is_nan(a)), a, b);
  }
};

template <class T>
struct Operation<Lane::relu_backward, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V g, V y) const {
    return hn::IfThenZeroElse(hn::Le(y, hn::Zero(d)), g);
  }
};

template <class T>
struct Operation<Lane::tanh_backward, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V g, V y) const {
    return hn::Mul(g, hn::Sub(hn::Set(d, 1), hn::Mul(y, y)));
  }
};

template <class T>
struct Operation<Lane::sigmoid_backward, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V g, V y) const {
    return hn::Mul(hn::Mul(g, y), hn::Sub(hn::Set(d, 1), y));
  }
};

template <class T>
struct Operation<Lane::abs_backward, T> : Pure {
  using Pure::Pure;
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V g, V x) const {
    return hn::Mul(g, sign_of(d, x));
  }
};

// 0 at a bound. An infinite bound is none: an infinite x then passes, a NaN never does.
template <class T>
struct Operation<Lane::clamp_backward, T> : Small {
  explicit Operation(const void* parameters) {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
    const Scalars& scalars = *static_cast<const Scalars*>(parameters);
    low = static_cast<T>(scalars.a);
    high = static_cast<T>(scalars.b);
    also_low = low == -kInfinity ? low : kNaN;
    also_high = high == kInfinity ? high : kNaN;
  }
  template <class D, class V = hn::Vec<D>>
  HWY_INLINE V operator()(D d, V g, V x) const {
    const auto above = hn::Or(hn::Gt(x, hn::Set(d, low)), hn::Eq(x, hn::Set(d, also_low)));
    const auto below = hn::Or(hn::Lt(x, hn::Set(d, high)), hn::Eq(x, hn::Set(d, also_high)));
    return hn::IfThenElseZero(hn::And(above, below), g);
  }
  T low, high;            // x between them passes
  T also_low, also_high;  // and x equal to one of these; NaN: none
};

}  // namespace

template <Lane kLane, class T>
void arithmetic_loop(void* const* data, const int64_t* strides, int64_t n,
                     const void* parameters) noexcept {
  if constexpr (operands_of(kLane) == 1) {
    unary<T, Operation<kLane, T>>(data, strides, n, parameters);
  } else {
    binary<T, Operation<kLane, T>>(data, strides, n, parameters);
  }
}

namespace {

template <class T>
constexpr Column instantiate() {
  Column result{};
  for_each_lane([&]<Lane kLane>() {
    if constexpr (!is_math(kLane) && !is_plain(kLane)) {
      result.lane[static_cast<int>(kLane)] = &arithmetic_loop<kLane, T>;
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
