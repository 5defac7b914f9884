// SPDX-License-Identifier: MIT
// Sine and cosine on vectors. x = k pi/2 + r, |r| <= pi/4, by the method of Cody and Waite
// ("Software Manual for the Elementary Functions", 1980); very large arguments go to the C
// library's double functions one by one. Coefficients as in math-inl.h.
// Included once for each target (hwy/foreach_target.h).
#if defined(TAPEGRAD_KERNELS_TRIGONOMETRY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPEGRAD_KERNELS_TRIGONOMETRY_INL_H_
#undef TAPEGRAD_KERNELS_TRIGONOMETRY_INL_H_
#else
#define TAPEGRAD_KERNELS_TRIGONOMETRY_INL_H_
#endif

#include <cmath>
#include <cstdint>
#include <limits>

#include "hwy/highway.h"
#include "kernels/math-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {

enum class Wave : uint8_t { sine, cosine };

// pi/2 in parts of 33 bits, so that the product with k < 2^20 is exact, and a last one of 53.
inline constexpr double kHalfPi[] = {0x1.921fb544p0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69,
                                     0x1.b839a252049c1p-104};
// For float arguments: 25 bits, exact with k < 2^28, and a tail of 53.
inline constexpr double kHalfPiShort[] = {0x1.921fb5p0, 0x1.110b4611a6263p-26};
inline constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;
inline constexpr double kMedium = 0x1p20;       // double arguments below this are reduced here
inline constexpr double kMediumFloat = 0x1p28;  // float arguments

// sin(r)/r - 1 and cos(r) - 1 + r^2/2 as polynomials in z = r^2.
// For float results (absolute error 2^-37, 2^-32) ...
inline constexpr double kSinShort[] = {-0x1.5555554ca458dp-3, 0x1.11110886642b2p-7,
                                       -0x1.a00f90b0509ap-13, 0x1.6cd5390af1c12p-19};
inline constexpr double kCosShort[] = {0x1.55554a9f3a67cp-5, -0x1.6c0c7e72a33bp-10,
                                       0x1.99fe675bad05ap-16};
// ... and for double ones (2^-57, 2^-63).
inline constexpr double kSin[] = {-0x1.5555555555549p-3,  0x1.111111110f88fp-7,
                                  -0x1.a01a019c116a9p-13, 0x1.71de3575ea50dp-19,
                                  -0x1.ae5e63dce2f49p-26, 0x1.5d921916bd4aap-33};
inline constexpr double kCos[] = {0x1.555555555554cp-5,  -0x1.6c16c16c1521p-10,
                                  0x1.a01a019cbcc16p-16, -0x1.27e4f8101d1f9p-22,
                                  0x1.1ee9ef262c012p-29, -0x1.8fafe1a67d49fp-37};

// The quadrant chooses between sine and cosine of r (bit 0) and flips the sign (bit 1).
template <class D, class V = hn::Vec<D>>
HWY_INLINE V choose(D d, Wave wave, V shifted, V sine, V cosine) {
  const BitsTag<D> du;
  auto quadrant = hn::BitCast(du, shifted);
  if (wave == Wave::cosine) quadrant = hn::Add(quadrant, hn::Set(du, 1));
  const auto odd = hn::Ne(hn::And(quadrant, hn::Set(du, 1)), hn::Zero(du));
  const V value = select(hn::RebindMask(d, odd), cosine, sine);
  return hn::Xor(value, hn::BitCast(d, hn::ShiftLeft<62>(hn::And(quadrant, hn::Set(du, 2)))));
}

// In double: the result has a float's accuracy and much more. |x| < kMediumFloat.
template <Wave kWave, class D, class V = hn::Vec<D>>
HWY_INLINE V wave_short(D d, V x) {
  const V magic = hn::Set(d, Format<double>::kMagic);
  const V shifted = hn::MulAdd(x, hn::Set(d, kTwoOverPi), magic);
  const V k = hn::Sub(shifted, magic);
  V r = hn::NegMulAdd(k, hn::Set(d, kHalfPiShort[0]), x);
  r = hn::NegMulAdd(k, hn::Set(d, kHalfPiShort[1]), r);
  const V one = hn::Set(d, 1);
  const V z = hn::Mul(r, r);
  // A factor, not a term: so that -0 stays -0.
  const V sine = hn::Mul(r, hn::MulAdd(polynomial(d, kSinShort, z), z, one));
  const V tail = hn::Mul(hn::Mul(z, z), polynomial(d, kCosShort, z));
  const V cosine = hn::Add(hn::NegMulAdd(hn::Set(d, 0.5), z, one), tail);
  return choose(d, kWave, shifted, sine, cosine);
}

// |x| < kMedium. r + e is x - k pi/2 to more than 100 bits after the point: the first two products
// are subtracted exactly, with what rounding loses kept in e.
template <Wave kWave, class D, class V = hn::Vec<D>>
HWY_INLINE V wave_long(D d, V x) {
  const V magic = hn::Set(d, Format<double>::kMagic);
  const V shifted = hn::MulAdd(x, hn::Set(d, kTwoOverPi), magic);
  const V k = hn::Sub(shifted, magic);
  V r = hn::NegMulAdd(k, hn::Set(d, kHalfPi[0]), x);
  V e = hn::Zero(d);
  for (int part = 1; part < 3; ++part) {
    // r - p as a sum of two: Knuth's TwoSum.
    const V p = hn::Mul(k, hn::Set(d, kHalfPi[part]));
    const V difference = hn::Sub(r, p);
    const V back = hn::Sub(r, difference);
    const V other = hn::Sub(r, hn::Add(difference, back));
    e = hn::Add(e, hn::Add(other, hn::Sub(back, p)));
    r = difference;
  }
  e = hn::NegMulAdd(k, hn::Set(d, kHalfPi[3]), e);

  const V one = hn::Set(d, 1);
  const V half = hn::Set(d, 0.5);
  const V z = hn::Mul(r, r);
  // sin(r + e) = r + (r^3 s(z) + e (1 - z/2)).
  const V cubic = hn::Mul(hn::Mul(r, z), polynomial(d, kSin, z));
  const V sine = hn::Add(r, hn::Add(cubic, hn::NegMulAdd(hn::Mul(half, z), e, e)));
  // cos(r + e) = (1 - z/2) + (z^2 c(z) - r e), with what 1 - z/2 loses added back.
  const V half_z = hn::Mul(half, z);
  const V head = hn::Sub(one, half_z);
  const V lost = hn::Sub(hn::Sub(one, head), half_z);
  const V tail = hn::NegMulAdd(r, e, hn::Mul(hn::Mul(z, z), polynomial(d, kCos, z)));
  const V cosine = hn::Add(head, hn::Add(lost, tail));
  // -0 lost its sign in a sum; elsewhere sin(r) has the sign of r anyway.
  return choose(d, kWave, shifted, hn::CopySign(sine, r), cosine);
}

// The lanes of y where x is not below the bound, one by one. Infinity is settled here: the C
// library would set errno.
template <Wave kWave, class D, class V = hn::Vec<D>>
HWY_NOINLINE V far_lanes(D d, V x, V y, double bound) {
  constexpr size_t kN = hn::MaxLanes(D());
  using T = hn::TFromD<D>;
  alignas(64) T arguments[kN], values[kN];
  hn::Store(x, d, arguments);
  hn::Store(y, d, values);
  for (size_t i = 0; i < kN; ++i) {
    const double argument = arguments[i];
    if (std::abs(argument) < bound) continue;
    if (!(std::abs(argument) <= std::numeric_limits<T>::max())) {
      values[i] = std::numeric_limits<T>::quiet_NaN();
    } else {
      values[i] = static_cast<T>(kWave == Wave::sine ? std::sin(argument) : std::cos(argument));
    }
  }
  return hn::Load(d, values);
}

// float: as many lanes as a vector of double has.
template <Wave kWave, class D>
HWY_INLINE hn::Vec<D> sine_or_cosine(D d, hn::Vec<D> x) {
  using T = hn::TFromD<D>;
  constexpr double kBound = sizeof(T) == 4 ? kMediumFloat : kMedium;
  const auto near = hn::Lt(hn::Abs(x), hn::Set(d, static_cast<T>(kBound)));
  hn::Vec<D> y;
  if constexpr (sizeof(T) == 4) {
    const hn::Rebind<double, D> wide;
    y = hn::DemoteTo(d, wave_short<kWave>(wide, hn::PromoteTo(wide, x)));
  } else {
    y = wave_long<kWave>(d, x);
  }
  if (HWY_LIKELY(hn::AllTrue(d, near))) return y;
  return far_lanes<kWave>(d, x, y, kBound);
}

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#endif  // include guard
