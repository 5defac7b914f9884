// SPDX-License-Identifier: MIT
// exp, log, tanh and sigmoid on vectors of float or double; sine and cosine are in
// trigonometry-inl.h. Coefficients are minimax polynomials computed with Sollya's fpminimax
// (S. Chevillard, M. Joldes, C. Lauter, "Sollya: an environment for the development of numerical
// codes", ICMS 2010). Greatest errors, measured against long double: see tests/kernels/math.cpp.
// Included once for each target (hwy/foreach_target.h).
#if defined(TAPEGRAD_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPEGRAD_KERNELS_MATH_INL_H_
#undef TAPEGRAD_KERNELS_MATH_INL_H_
#else
#define TAPEGRAD_KERNELS_MATH_INL_H_
#endif

#include <cstdint>
#include <limits>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
struct Format;

template <>
struct Format<float> {
  using Bits = uint32_t;
  static constexpr int kMantissa = 23;
  static constexpr Bits kBias = 127;
  static constexpr float kMagic = 0x1.8p23f;  // x + kMagic: x rounded to an integer in the low bits
  static constexpr float kLog2E = 0x1.715476p0f;
  // ln 2 in two parts; the first has so few bits that its product with an exponent is exact.
  static constexpr float kLn2High = 0x1.62e4p-1f, kLn2Low = 0x1.7f7d1cp-20f;
  static constexpr Bits kSqrtHalf = 0x3f3504f3;
  // exp: below kExpSafe (absolute) the result is a normal number.
  static constexpr float kExpSafe = 87.0f, kExpLeast = -104.0f, kExpGreatest = 89.0f;
  static constexpr float kTanhOne = 10.0f;  // tanh is 1 from 9.02 on
  // (e^r - 1) / r = 1 + r * p(r), |r| <= 0.347; relative error 2^-26.
  static constexpr float kExpm1[] = {0x1.fffffep-2f, 0x1.5554bp-3f, 0x1.555718p-5f, 0x1.1227c2p-7f,
                                     0x1.6b71a8p-10f};
  // log(1 + f) = f - f^2/2 + f^3 p(f), sqrt(1/2) <= 1 + f < sqrt(2); relative error 2^-26.9.
  static constexpr float kLog[] = {0x1.55557p-2f, -0x1.00024p-2f,  0x1.999494p-3f, -0x1.5463b6p-3f,
                                   0x1.2392p-3f,  -0x1.0eac48p-3f, 0x1.01bc94p-3f, -0x1.2b0562p-4f};
};

template <>
struct Format<double> {
  using Bits = uint64_t;
  static constexpr int kMantissa = 52;
  static constexpr Bits kBias = 1023;
  static constexpr double kMagic = 0x1.8p52;
  static constexpr double kLog2E = 0x1.71547652b82fep0;
  static constexpr double kLn2High = 0x1.62e42ffp-1, kLn2Low = -0x1.718432a1b0e26p-35;
  static constexpr Bits kSqrtHalf = 0x3fe6a09e667f3bcd;
  static constexpr double kExpSafe = 708.0, kExpLeast = -746.0, kExpGreatest = 710.0;
  static constexpr double kTanhOne = 20.0;  // tanh is 1 from 19.07 on
  // Relative error 2^-61.
  static constexpr double kExpm1[] = {0x1p-1,
                                      0x1.5555555555559p-3,
                                      0x1.555555555554dp-5,
                                      0x1.111111110f647p-7,
                                      0x1.6c16c16c1ab02p-10,
                                      0x1.a01a01b00d184p-13,
                                      0x1.a01a018e123e4p-16,
                                      0x1.71ddf7eeb87b5p-19,
                                      0x1.27e51320fef1dp-22,
                                      0x1.af5f7219ed364p-26,
                                      0x1.1f1a80b9a0138p-29};
  // With s = f / (2 + f) and z = s^2: log(1 + f) = 2 s + s z p(z); relative error 2^-57 of z p(z).
  static constexpr double kLog[] = {
      0x1.5555555555558p-1, 0x1.9999999995284p-2, 0x1.2492492e03d5p-2, 0x1.c71c62c9cb7e8p-3,
      0x1.7462bd218b469p-3, 0x1.39fd3c2df776fp-3, 0x1.2b66b9bfb9bc5p-3};
};

template <class D>
using FormatOf = Format<hn::TFromD<D>>;
template <class D>
using BitsTag = hn::RebindToUnsigned<D>;

// c[0] + c[1] x + ... by Horner's rule.
template <size_t kFrom = 0, class D, class T, size_t kCount, class V = hn::Vec<D>>
HWY_INLINE V polynomial(D d, const T (&c)[kCount], V x) {
  const V first = hn::Set(d, c[kFrom]);
  if constexpr (kFrom + 1 == kCount) {
    return first;
  } else {
    return hn::MulAdd(polynomial<kFrom + 1>(d, c, x), x, first);
  }
}

// Highway's IfThenElse; on one lane by bits, since the compiler would make branches of it and then
// not vectorise the loop.
template <class M, class V>
HWY_INLINE V select(M mask, V yes, V no) {
#if HWY_TARGET == HWY_SCALAR
  const hn::Simd<hn::TFromV<V>, 1, 0> d;
  const V bits = hn::VecFromMask(d, mask);
  return hn::Or(hn::And(bits, yes), hn::AndNot(bits, no));
#else
  return hn::IfThenElse(mask, yes, no);
#endif
}

template <class V>
HWY_INLINE auto is_nan(V x) {
#if HWY_TARGET == HWY_SCALAR
  return hn::Not(hn::Eq(x, x));  // no branch either
#else
  return hn::IsNaN(x);
#endif
}

// Whether rare arguments get a branch of their own: not on one lane of float, where a branch would
// keep the compiler from vectorising the loop (exp: 2.7 GB/s with, 6.6 without; double: 2.7, 1.5).
template <class D>
inline constexpr bool kBranches = hn::MaxLanes(D()) > 1 || sizeof(hn::TFromD<D>) == 8;

// NaN passes both; Highway's Min and Max leave open which operand wins then.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_most(D d, hn::TFromD<D> bound, V x) {
  const V limit = hn::Set(d, bound);
  return select(hn::Gt(x, limit), limit, x);
}
template <class D, class V = hn::Vec<D>>
HWY_INLINE V at_least(D d, hn::TFromD<D> bound, V x) {
  const V limit = hn::Set(d, bound);
  return select(hn::Lt(x, limit), limit, x);
}

// x = k ln 2 + r with |r| <= ln 2 / 2. `shifted` is kMagic + k: k stands in its low bits. `lost` is
// what rounding r lost; a caller that does not read it pays nothing for it.
template <class V>
struct Reduced {
  V r, shifted, lost;
};
template <class D, class V = hn::Vec<D>>
HWY_INLINE Reduced<V> reduce_by_ln2(D d, V x) {
  using F = FormatOf<D>;
  const V magic = hn::Set(d, F::kMagic);
  const V shifted = hn::MulAdd(x, hn::Set(d, F::kLog2E), magic);
  const V k = hn::Sub(shifted, magic);
  const V low = hn::Set(d, F::kLn2Low);
  const V head = hn::NegMulAdd(k, hn::Set(d, F::kLn2High), x);  // exact
  const V r = hn::NegMulAdd(k, low, head);
  return {r, shifted, hn::NegMulAdd(k, low, hn::Sub(head, r))};
}

// 2^k for the k of `shifted`, as bits to be added to those of a number: k << mantissa bits.
template <class D, class V = hn::Vec<D>>
HWY_INLINE auto exponent_bits(D, V shifted) {
  return hn::ShiftLeft<FormatOf<D>::kMantissa>(hn::BitCast(BitsTag<D>(), shifted));
}

// e^r = 1 + r (1 + r p(r)).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_reduced(D d, V r) {
  const V one = hn::Set(d, 1);
  const V p = polynomial(d, FormatOf<D>::kExpm1, r);
  return hn::MulAdd(hn::MulAdd(p, r, one), r, one);
}

// Any x: 2^k is multiplied in two steps, so that the last one overflows or rounds to a subnormal
// number as it should.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_any(D d, V x) {
  using F = FormatOf<D>;
  using Bits = typename F::Bits;
  const BitsTag<D> du;
  const V limited = at_least(d, F::kExpLeast, at_most(d, F::kExpGreatest, x));
  const auto [r, shifted, lost] = reduce_by_ln2(d, limited);
  // k plus twice the bias, cut in two halves that have the bias once each.
  const auto magic = hn::BitCast(du, hn::Set(d, F::kMagic));
  const auto sum =
      hn::Add(hn::Sub(hn::BitCast(du, shifted), magic), hn::Set(du, Bits{2} * F::kBias));
  const auto half = hn::ShiftRight<1>(sum);
  const V scale1 = hn::BitCast(d, hn::ShiftLeft<F::kMantissa>(half));
  const V scale2 = hn::BitCast(d, hn::ShiftLeft<F::kMantissa>(hn::Sub(sum, half)));
  return hn::Mul(hn::Mul(exp_reduced(d, r), scale1), scale2);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp(D d, V x) {
  if constexpr (!kBranches<D>) {
    return exp_any(d, x);
  } else {
    const auto safe = hn::Le(hn::Abs(x), hn::Set(d, FormatOf<D>::kExpSafe));
    if (HWY_UNLIKELY(!hn::AllTrue(d, safe))) return exp_any(d, x);
    const auto [r, shifted, lost] = reduce_by_ln2(d, x);
    const auto bits = hn::BitCast(BitsTag<D>(), exp_reduced(d, r));
    return hn::BitCast(d, hn::Add(bits, exponent_bits(d, shifted)));
  }
}

// y = e^-|x| keeps its relative accuracy on both sides: 1 / (1 + y), and y / (1 + y) for x < 0.
// double: what the sum 1 + y lost is put back to first order; 1 / (1 + y) is the quotient itself,
// or 1 less the quotient.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  const V one = hn::Set(d, 1);
  const V y = exp(d, hn::Neg(hn::Abs(x)));
  const auto negative = hn::Lt(x, hn::Zero(d));
  const V sum = hn::Add(one, y);
  const V quotient = hn::Div(select(negative, y, one), sum);
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    return quotient;
  } else {
    const V lost = hn::Add(hn::Sub(one, sum), y);
    const V inverse = select(negative, hn::Sub(one, quotient), quotient);
    return hn::NegMulAdd(hn::Mul(quotient, lost), inverse, quotient);
  }
}

// With m = e^(2|x|) - 1: tanh |x| = m / (m + 2). m = (2^k - 1) + 2^k q, q = e^r - 1, keeps its
// relative accuracy near 0, where k = 0.
// double: what both sums lost is put back to first order; the derivative of m / (m + 2) by m is
// 2 / (m + 2)^2, and 1 / (m + 2) is (1 - tanh |x|) / 2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  using F = FormatOf<D>;
  const BitsTag<D> du;
  const V one = hn::Set(d, 1), two = hn::Set(d, 2);
  const V magnitude = at_most(d, F::kTanhOne, hn::Abs(x));
  const auto [r, shifted, lost] = reduce_by_ln2(d, hn::Add(magnitude, magnitude));
  const V p = polynomial(d, F::kExpm1, r);
  V q;
  if constexpr (sizeof(hn::TFromD<D>) == 4) {
    q = hn::MulAdd(hn::Mul(r, r), p, r);
  } else {
    q = hn::Add(r, hn::MulAdd(hn::Mul(r, r), p, lost));
  }
  const V scale = hn::BitCast(d, hn::Add(hn::BitCast(du, one), exponent_bits(d, shifted)));
  const V head = hn::Sub(scale, one);
  const V m = hn::MulAdd(scale, q, head);
  const V sum = hn::Add(m, two);
  V y = hn::Div(m, sum);
  if constexpr (sizeof(hn::TFromD<D>) == 8) {
    // head is 0 or at least as large as scale q; of m and 2 either may be the larger: so Dekker's
    // sum for the first and Knuth's for the second.
    const V lost_m = hn::MulAdd(scale, q, hn::Sub(head, m));
    const V part = hn::Sub(sum, m);
    const V lost_sum = hn::Add(hn::Sub(m, hn::Sub(sum, part)), hn::Sub(two, part));
    const V rest = hn::Sub(one, y);
    const V error = hn::Sub(hn::Mul(lost_m, rest), hn::Mul(y, lost_sum));
    y = hn::MulAdd(hn::Mul(error, rest), hn::Set(d, 0.5), y);
  }
  return hn::CopySignToAbs(y, x);
}

// x > 0 normal: x = 2^e (1 + f); returns log(1 + f) + (e + offset) ln 2.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V log_normal(D d, V x, V offset) {
  using T = hn::TFromD<D>;
  using F = FormatOf<D>;
  using Bits = typename F::Bits;
  const BitsTag<D> du;
  constexpr Bits kMask = (Bits{1} << F::kMantissa) - 1;
  // Adding the distance from sqrt(1/2) to 1 carries into the exponent where the mantissa is above.
  constexpr Bits kOne = F::kBias << F::kMantissa;
  const auto moved = hn::Add(hn::BitCast(du, x), hn::Set(du, kOne - F::kSqrtHalf));
  const auto mantissa = hn::Add(hn::And(moved, hn::Set(du, kMask)), hn::Set(du, F::kSqrtHalf));
  // The biased exponent in the low bits of 2^mantissa bits is a number.
  constexpr T kTop = static_cast<T>(Bits{1} << F::kMantissa);
  const auto counted =
      hn::Or(hn::ShiftRight<F::kMantissa>(moved), hn::BitCast(du, hn::Set(d, kTop)));
  const V biased = hn::Sub(hn::BitCast(d, counted), hn::Set(d, kTop + static_cast<T>(F::kBias)));
  const V e = hn::Add(biased, offset);
  const V f = hn::Sub(hn::BitCast(d, mantissa), hn::Set(d, 1));
  const V half_square = hn::Mul(hn::Mul(hn::Set(d, T(0.5)), f), f);
  V low;  // log(1 + f) - f + f^2 / 2
  if constexpr (sizeof(T) == 4) {
    low = hn::Mul(hn::Mul(hn::Mul(f, f), f), polynomial(d, F::kLog, f));
  } else {
    // log(1 + f) = f - (f^2/2 - s (f^2/2 + z p(z))): fdlibm's form, which has no large terms that
    // cancel.
    const V s = hn::Div(f, hn::Add(hn::Set(d, 2), f));
    const V z = hn::Mul(s, s);
    low = hn::Mul(s, hn::MulAdd(polynomial(d, F::kLog, z), z, half_square));
  }
  const V small = hn::Sub(hn::MulAdd(e, hn::Set(d, F::kLn2Low), low), half_square);
  return hn::MulAdd(e, hn::Set(d, F::kLn2High), hn::Add(f, small));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V log(D d, V x) {
  using T = hn::TFromD<D>;
  using F = FormatOf<D>;
  const V infinity = hn::Set(d, std::numeric_limits<T>::infinity());
  const V least = hn::Set(d, std::numeric_limits<T>::min());
  const V zero = hn::Zero(d);
  if constexpr (kBranches<D>) {
    const auto normal = hn::And(hn::Ge(x, least), hn::Lt(x, infinity));
    if (HWY_LIKELY(hn::AllTrue(d, normal))) return log_normal(d, x, zero);
  }
  const auto subnormal = hn::Lt(x, least);
  constexpr T kScale = static_cast<T>(uint64_t{1} << F::kMantissa);
  const V scaled = select(subnormal, hn::Mul(x, hn::Set(d, kScale)), x);
  const V offset = select(subnormal, hn::Set(d, T(-F::kMantissa)), zero);
  V y = log_normal(d, scaled, offset);
  y = select(hn::Lt(x, zero), hn::Set(d, std::numeric_limits<T>::quiet_NaN()), y);
  y = select(hn::Eq(x, zero), hn::Neg(infinity), y);
  return select(hn::Or(hn::Eq(x, infinity), is_nan(x)), x, y);
}

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#endif  // include guard
