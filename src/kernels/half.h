// SPDX-License-Identifier: MIT
// The conversions of float16 and bfloat16 as inline functions without branches, so that loops over
// them vectorise. The same results as base/dtype.h, whose functions are for single numbers.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "base/dtype.h"

namespace tg::kernels {

inline float widened(BFloat16 value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16);
}

// The bits moved to a float's places are a number too small by 2^112; a product corrects that and
// makes subnormal numbers normal. Infinity and NaN get the rest of their exponent.
inline float widened(Float16 value) {
  const uint32_t sign = static_cast<uint32_t>(value.bits & 0x8000u) << 16;
  const uint32_t moved = static_cast<uint32_t>(value.bits & 0x7fffu) << 13;
  const uint32_t scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(moved) * 0x1p112f);
  const uint32_t special = moved >= 0x0f800000u ? moved | 0x7f800000u : scaled;
  return std::bit_cast<float>(sign | special);
}

template <class T>
T narrowed(float value);

template <>
inline BFloat16 narrowed<BFloat16>(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t quiet = (bits >> 16) | 0x40u;
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return {static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded)};
}

template <>
inline Float16 narrowed<Float16>(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  // Below 2^-14: adding 0.5 lets the float adder round at bit 2^-24.
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
  const uint32_t normal = (magnitude - 0x38000000u + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  uint32_t result = magnitude < 0x38800000u ? subnormal : normal;
  result = magnitude >= 0x477ff000u ? 0x7c00u : result;  // 65520 and more
  const uint32_t nan = 0x7e00u | ((magnitude >> 13) & 0x3ffu);
  result = magnitude > 0x7f800000u ? nan : result;
  return {static_cast<uint16_t>(sign | result)};
}

}  // namespace tg::kernels
