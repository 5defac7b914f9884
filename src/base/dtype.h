// SPDX-License-Identifier: MIT
// The element types, their sizes and PyTorch's rules of promotion between them.
#pragma once

#include <bit>
#include <cstdint>
#include <type_traits>

#include "tapegrad/tapegrad.h"

namespace tg {

// The numbers are those of the public header, so that a checked int32_t converts by a cast.
enum class DType : uint8_t {
  float32 = TG_FLOAT32,
  float64 = TG_FLOAT64,
  float16 = TG_FLOAT16,
  bfloat16 = TG_BFLOAT16,
  int8 = TG_INT8,
  int16 = TG_INT16,
  int32 = TG_INT32,
  int64 = TG_INT64,
  uint8 = TG_UINT8,
  boolean = TG_BOOL,
};
inline constexpr int kDTypes = 11;  // length of a table indexed by DType; place 0 is never used

inline constexpr bool is_dtype(int32_t number) { return number >= TG_FLOAT32 && number <= TG_BOOL; }

// Exponents of two, four bits a dtype: a shift instead of a table in memory.
inline constexpr int size_shift(DType dtype) {
  constexpr uint64_t shifts = 0x003'2101'1320;  // from bool down to the unused place 0
  static_assert(((shifts >> 4 * TG_FLOAT32) & 15) == 2 && ((shifts >> 4 * TG_FLOAT64) & 15) == 3);
  static_assert(((shifts >> 4 * TG_FLOAT16) & 15) == 1 && ((shifts >> 4 * TG_BFLOAT16) & 15) == 1);
  static_assert(((shifts >> 4 * TG_INT8) & 15) == 0 && ((shifts >> 4 * TG_INT16) & 15) == 1);
  static_assert(((shifts >> 4 * TG_INT32) & 15) == 2 && ((shifts >> 4 * TG_INT64) & 15) == 3);
  static_assert(((shifts >> 4 * TG_UINT8) & 15) == 0 && ((shifts >> 4 * TG_BOOL) & 15) == 0);
  return static_cast<int>(shifts >> 4 * static_cast<int>(dtype) & 15);
}
inline constexpr int64_t size_of(DType dtype) { return int64_t{1} << size_shift(dtype); }

inline constexpr bool is_floating(DType dtype) { return dtype <= DType::bfloat16; }

// bool < integer < floating: a scalar never raises a tensor's category without saying so.
enum class Category : uint8_t { boolean, integer, floating };
inline constexpr Category category(DType dtype) {
  if (is_floating(dtype)) return Category::floating;
  return dtype == DType::boolean ? Category::boolean : Category::integer;
}

// "float32", as the header and tg_tensor_format write it.
const char* name_of(DType dtype);

// PyTorch's torch.promote_types.
DType promote(DType a, DType b);

// The two 16-bit floats are storage formats: arithmetic on them happens in float.
struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

float to_float(Float16 value);
float to_float(BFloat16 value);
Float16 to_float16(float value);    // rounds to nearest, ties to even
BFloat16 to_bfloat16(float value);  // rounds to nearest, ties to even; NaN stays NaN

template <DType>
struct CTypeOf;
template <>
struct CTypeOf<DType::float32> {
  using type = float;
};
template <>
struct CTypeOf<DType::float64> {
  using type = double;
};
template <>
struct CTypeOf<DType::float16> {
  using type = Float16;
};
template <>
struct CTypeOf<DType::bfloat16> {
  using type = BFloat16;
};
template <>
struct CTypeOf<DType::int8> {
  using type = int8_t;
};
template <>
struct CTypeOf<DType::int16> {
  using type = int16_t;
};
template <>
struct CTypeOf<DType::int32> {
  using type = int32_t;
};
template <>
struct CTypeOf<DType::int64> {
  using type = int64_t;
};
template <>
struct CTypeOf<DType::uint8> {
  using type = uint8_t;
};
template <>
struct CTypeOf<DType::boolean> {
  using type = bool;
};

// Calls f.template operator()<T>() with the C type of dtype.
template <class F>
decltype(auto) with_dtype(DType dtype, F&& f) {
  switch (dtype) {
    case DType::float32: return f.template operator()<float>();
    case DType::float64: return f.template operator()<double>();
    case DType::float16: return f.template operator()<Float16>();
    case DType::bfloat16: return f.template operator()<BFloat16>();
    case DType::int8: return f.template operator()<int8_t>();
    case DType::int16: return f.template operator()<int16_t>();
    case DType::int32: return f.template operator()<int32_t>();
    case DType::int64: return f.template operator()<int64_t>();
    case DType::uint8: return f.template operator()<uint8_t>();
    case DType::boolean: break;
  }
  return f.template operator()<bool>();
}

}  // namespace tg
