// SPDX-License-Identifier: MIT
// Copies between all dtypes, in all layouts.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/half.h"
#include "kernels/strided.h"

namespace tg::kernels {
namespace {

constexpr DType kAll[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16,
                          DType::int8,    DType::int16,   DType::int32,   DType::int64,
                          DType::uint8,   DType::boolean};

// What an element is as a number: a long double holds every element of every dtype.
long double value_of(DType dtype, const unsigned char* place) {
  long double result = 0;
  with_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      result = *place != 0;
    } else {
      T value;
      std::memcpy(&value, place, sizeof(T));
      if constexpr (std::is_class_v<T>) {
        result = to_float(value);
      } else {
        result = value;
      }
    }
  });
  return result;
}

struct Range {
  long double least, greatest;
};
Range range_of(DType dtype) {
  const int bits = static_cast<int>(size_of(dtype)) * 8;
  if (dtype == DType::uint8) return {0, 255};
  const long double half = std::ldexp(1.0L, bits - 1);
  return {-half, half - 1};
}

// Plain words for the rules: see kernels/strided.h.
void expect(DType to, DType from, const unsigned char* in, unsigned char* out) {
  const long double value = value_of(from, in);
  if (to == DType::boolean) {
    *out = value != 0;
  } else if (is_floating(to)) {
    if (to == DType::float64) {
      const double result = static_cast<double>(value);
      std::memcpy(out, &result, 8);
      return;
    }
    const float single = static_cast<float>(value);
    if (to == DType::float32) std::memcpy(out, &single, 4);
    if (to == DType::float16) {
      const Float16 result = to_float16(single);
      std::memcpy(out, &result, 2);
    }
    if (to == DType::bfloat16) {
      const BFloat16 result = to_bfloat16(single);
      std::memcpy(out, &result, 2);
    }
  } else {
    long double number = std::isnan(value) ? 0 : std::trunc(value);
    if (is_floating(from)) {
      const Range range = range_of(to);
      number = std::min(std::max(number, range.least), range.greatest);
    }
    const int64_t integer = static_cast<int64_t>(number);
    std::memcpy(out, &integer, static_cast<size_t>(size_of(to)));  // little-endian: wraps
  }
}

std::vector<unsigned char> elements(DType dtype, int64_t n, std::mt19937_64& random) {
  const double specials[] = {
      0.0,     -0.0,     0.5,          -0.5,         1.5,           -1.5,
      127.0,   127.9,    128.0,        -128.0,       -128.9,        -129.0,
      255.5,   256.0,    32767.5,      32768.0,      -32769.0,      65504.0,
      65519.9, 65520.0,  2147483647.0, 2147483648.0, -2147483649.0, 9.2e18,
      9.3e18,  -9.3e18,  1e300,        -1e300,       1e-30,         6e-8,
      3e-8,    INFINITY, -INFINITY,    NAN,          1.00048828125, 1.00146484375};
  std::vector<unsigned char> result(static_cast<size_t>(n * size_of(dtype)));
  for (int64_t i = 0; i < n; ++i) {
    unsigned char* place = result.data() + i * size_of(dtype);
    const uint64_t bits = random();
    const double special = specials[static_cast<size_t>(i) / 2 % std::size(specials)];
    with_dtype(dtype, [&]<class T>() {
      if constexpr (std::is_same_v<T, bool>) {
        *place = static_cast<unsigned char>(bits % 3);
      } else if constexpr (std::is_integral_v<T>) {
        const T value = static_cast<T>(bits >> (bits % 57));
        std::memcpy(place, &value, sizeof(T));
      } else {
        const double number = i % 2 == 0
                                  ? special
                                  : std::ldexp(static_cast<double>(static_cast<int64_t>(random())),
                                               static_cast<int>(bits % 64) - 63);
        if constexpr (std::is_same_v<T, Float16>) {
          const T value = to_float16(static_cast<float>(number));
          std::memcpy(place, &value, sizeof(T));
        } else if constexpr (std::is_same_v<T, BFloat16>) {
          const T value = to_bfloat16(static_cast<float>(number));
          std::memcpy(place, &value, sizeof(T));
        } else {
          const T value = static_cast<T>(number);
          std::memcpy(place, &value, sizeof(T));
        }
      }
    });
  }
  return result;
}

bool same(DType dtype, const unsigned char* a, const unsigned char* b) {
  if (std::memcmp(a, b, static_cast<size_t>(size_of(dtype))) == 0) return true;
  return is_floating(dtype) && std::isnan(value_of(dtype, a)) && std::isnan(value_of(dtype, b));
}

}  // namespace

TEST_CASE("a copy converts every dtype to every other by its rules", "[kernels]") {
  std::mt19937_64 random(20240531);
  constexpr int64_t n = 1003;
  for (const DType from : kAll) {
    const std::vector<unsigned char> in = elements(from, n, random);
    for (const DType to : kAll) {
      CAPTURE(name_of(from), name_of(to));
      for (const int64_t step : {1, 2}) {
        std::vector<unsigned char> out(static_cast<size_t>(n * step * size_of(to)), 0xa5);
        const int64_t one = 1;
        copy(to, out.data(), &step, from, in.data(), &one, &n, 1);
        for (int64_t i = 0; i < n; ++i) {
          unsigned char expected[8] = {};
          const unsigned char* source = in.data() + i * size_of(from);
          if (to == from) {
            std::memcpy(expected, source, static_cast<size_t>(size_of(to)));
          } else {
            expect(to, from, source, expected);
          }
          const unsigned char* place = out.data() + i * step * size_of(to);
          if (same(to, place, expected)) continue;
          CAPTURE(i, step, static_cast<double>(value_of(from, source)),
                  static_cast<double>(value_of(to, place)),
                  static_cast<double>(value_of(to, expected)));
          FAIL("wrong element");
        }
      }
    }
  }
}

TEST_CASE("a copy puts elements where they belong in any layout", "[kernels]") {
  std::mt19937_64 random(20240532);
  // Large enough for tiles, with remainders.
  const int64_t sizes[] = {3, 70, 45};
  const int64_t n = 3 * 70 * 45;
  const int64_t layouts[][3] = {
      {3150, 45, 1}, {3150, 1, 70}, {1, 135, 3}, {1, 3, 210}, {45, 135, 1}};
  std::vector<int32_t> in(static_cast<size_t>(n));
  for (int32_t& value : in) value = static_cast<int32_t>(random());
  for (const auto& from : layouts) {
    for (const auto& to : layouts) {
      std::vector<int32_t> out(in.size(), -1);
      std::vector<double> wide(in.size(), -1);
      copy(DType::int32, out.data(), to, DType::int32, in.data(), from, sizes, 3);
      copy(DType::float64, wide.data(), to, DType::int32, in.data(), from, sizes, 3);
      for (int64_t i = 0; i < sizes[0]; ++i) {
        for (int64_t j = 0; j < sizes[1]; ++j) {
          for (int64_t k = 0; k < sizes[2]; ++k) {
            const size_t source = static_cast<size_t>(i * from[0] + j * from[1] + k * from[2]);
            const size_t target = static_cast<size_t>(i * to[0] + j * to[1] + k * to[2]);
            if (out[target] != in[source]) FAIL("wrong place " << target);
            if (wide[target] != in[source]) FAIL("wrong place " << target);
          }
        }
      }
    }
  }
}

TEST_CASE("copies of nothing, of one element, of a broadcast one and onto itself", "[kernels]") {
  const int64_t empty[] = {4, 0}, strides[] = {1, 1};
  copy(DType::float32, nullptr, strides, DType::int8, nullptr, strides, empty, 2);
  float out = 0;
  const int8_t in = -3;
  copy(DType::float32, &out, nullptr, DType::int8, &in, nullptr, nullptr, 0);
  CHECK(out == -3);
  float many[40];
  const int64_t forty = 40, one = 1, zero = 0;
  copy(DType::float32, many, &one, DType::int8, &in, &zero, &forty, 1);
  CHECK(std::all_of(std::begin(many), std::end(many), [](float x) { return x == -3; }));
  copy(DType::float32, many, &one, DType::float32, many, &one, &forty, 1);
  CHECK(many[39] == -3);
}

TEST_CASE("the inline conversions of 16-bit floats agree with the single ones", "[kernels]") {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const uint16_t half = static_cast<uint16_t>(bits);
    const float a = widened(Float16{half}), b = to_float(Float16{half});
    if (std::bit_cast<uint32_t>(a) != std::bit_cast<uint32_t>(b)) FAIL("float16 " << bits);
    const float c = widened(BFloat16{half}), d = to_float(BFloat16{half});
    if (std::bit_cast<uint32_t>(c) != std::bit_cast<uint32_t>(d)) FAIL("bfloat16 " << bits);
  }
  for (uint64_t bits = 0; bits < uint64_t{1} << 32; bits += 4099) {
    const float x = std::bit_cast<float>(static_cast<uint32_t>(bits));
    if (narrowed<Float16>(x).bits != to_float16(x).bits) FAIL("float16 of " << x);
    if (narrowed<BFloat16>(x).bits != to_bfloat16(x).bits) FAIL("bfloat16 of " << x);
  }
  // Around every boundary between two float16 numbers.
  for (uint32_t bits = 0; bits < 0x7c00; ++bits) {
    const float low = widened(Float16{static_cast<uint16_t>(bits)});
    const float high =
        bits == 0x7bff ? 65536.0f : widened(Float16{static_cast<uint16_t>(bits + 1)});
    const float middle = (low + high) / 2;
    const uint16_t even = static_cast<uint16_t>(bits + (bits & 1));
    if (narrowed<Float16>(middle).bits != even) FAIL("tie above " << bits);
    if (narrowed<Float16>(std::nextafter(middle, 0.0f)).bits != bits)
      FAIL("below the tie " << bits);
    if (narrowed<Float16>(std::nextafter(middle, 1e9f)).bits != bits + 1) FAIL("above " << bits);
  }
}

}  // namespace tg::kernels
