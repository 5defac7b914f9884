// SPDX-License-Identifier: MIT
// Every lane, dtype and target against a plain computation of one element; and that an element's
// bits depend on neither position, length, strides nor in-place use.
#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/lanes.h"
#include "kernels/table.h"

namespace tg::kernels {
namespace {

using Bytes = std::vector<unsigned char>;

constexpr DType kAll[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16,
                          DType::int8,    DType::int16,   DType::int32,   DType::int64,
                          DType::uint8,   DType::boolean};

std::vector<Target> targets() {
  std::vector<Target> result;
  for (int i = 0; i < kTargets; ++i) {
    if (has_target(static_cast<Target>(i))) result.push_back(static_cast<Target>(i));
  }
  return result;
}

// An element as a number: a double holds all floating dtypes.
struct Number {
  double f = 0;
  int64_t i = 0;
};

Number read(DType dtype, const unsigned char* place) {
  Number result;
  with_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      result.i = *place != 0;
    } else {
      T value;
      std::memcpy(&value, place, sizeof(T));
      if constexpr (kIsHalf<T>) {
        result.f = to_float(value);
      } else if constexpr (std::is_floating_point_v<T>) {
        result.f = value;
      } else {
        result.i = value;
      }
    }
  });
  return result;
}

// Rounds or wraps, once.
void write(DType dtype, Number number, unsigned char* place) {
  with_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      *place = number.i != 0;
    } else {
      T value;
      if constexpr (std::is_same_v<T, Float16>) {
        value = to_float16(static_cast<float>(number.f));
      } else if constexpr (std::is_same_v<T, BFloat16>) {
        value = to_bfloat16(static_cast<float>(number.f));
      } else if constexpr (std::is_floating_point_v<T>) {
        value = static_cast<T>(number.f);
      } else {
        value = static_cast<T>(static_cast<uint64_t>(number.i));
      }
      std::memcpy(place, &value, sizeof(T));
    }
  });
}

bool gives_bool(Lane lane) { return is_comparison(lane) || is_comparison_with_scalar(lane); }
DType result_dtype(Lane lane, DType dtype) { return gives_bool(lane) ? DType::boolean : dtype; }
DType operand_dtype(Lane lane, DType dtype, int k) {
  return lane == Lane::where && k == 1 ? DType::boolean : dtype;
}

template <class T>
bool compared(Lane lane, T a, T b) {
  switch (lane) {
    case Lane::eq:
    case Lane::eq_scalar: return a == b;
    case Lane::ne:
    case Lane::ne_scalar: return a != b;
    case Lane::lt:
    case Lane::lt_scalar: return a < b;
    case Lane::le:
    case Lane::le_scalar: return a <= b;
    case Lane::gt:
    case Lane::gt_scalar: return a > b;
    default: return a >= b;
  }
}

// The arithmetic lanes in C, which is float for the 16-bit floats too.
template <class C>
C floating_result(Lane lane, C x, C y, const Scalars& scalars) {
  const C a = static_cast<C>(scalars.a), b = static_cast<C>(scalars.b);
  const C nan = std::numeric_limits<C>::quiet_NaN();
  switch (lane) {
    case Lane::neg: return -x;
    case Lane::abs: return std::fabs(x);
    case Lane::sign: return static_cast<C>((x > 0) - (x < 0));
    case Lane::sqrt: return std::sqrt(x);
    case Lane::relu: return x < 0 ? 0 : x;
    case Lane::add_scalar: return x + a;
    case Lane::mul_scalar: return x * a;
    case Lane::div_scalar: return x / a;
    case Lane::rsub_scalar: return a - x;
    case Lane::clamp:
      if (std::isnan(a) || std::isnan(b) || std::isnan(x)) return nan;
      return std::min(std::max(x, a), b);
    case Lane::fill: return a;
    case Lane::add: return x + y;
    case Lane::sub: return x - y;
    case Lane::mul: return x * y;
    case Lane::div: return x / y;
    case Lane::maximum: return std::isnan(x) || std::isnan(y) ? nan : x > y ? x : y;
    case Lane::minimum: return std::isnan(x) || std::isnan(y) ? nan : x < y ? x : y;
    case Lane::relu_backward: return y <= 0 ? 0 : x;
    case Lane::tanh_backward: {
      const C square = y * y;
      return x * (1 - square);
    }
    case Lane::sigmoid_backward: return x * y * (1 - y);
    case Lane::abs_backward: return x * static_cast<C>((y > 0) - (y < 0));
    case Lane::clamp_backward: {
      const bool above = std::isinf(a) && a < 0 ? !std::isnan(y) : a < y;
      const bool below = std::isinf(b) && b > 0 ? !std::isnan(y) : y < b;
      return above && below ? x : 0;
    }
    default: FAIL("no reference"); return 0;
  }
}

// A bound that the dtype cannot hold is as good as its nearest number.
__int128 within(DType dtype, __int128 value) {
  const __int128 one = 1;
  const int bits = static_cast<int>(size_of(dtype)) * 8;
  const __int128 least = dtype == DType::uint8 ? 0 : -(one << (bits - 1));
  const __int128 greatest = dtype == DType::uint8 ? 255 : (one << (bits - 1)) - 1;
  return std::min(std::max(value, least), greatest);
}

int64_t integer_result(Lane lane, DType dtype, __int128 x, __int128 y, const Scalars& scalars) {
  const __int128 a = scalars.ia, b = scalars.ib;
  if (dtype == DType::boolean) {
    switch (lane) {
      case Lane::add: return x || y;
      case Lane::mul: return x && y;
      case Lane::add_scalar: return x || a;
      case Lane::mul_scalar: return x && a;
      default: break;
    }
  }
  auto result = [&]() -> __int128 {
    switch (lane) {
      case Lane::neg: return -x;
      case Lane::abs: return x < 0 ? -x : x;
      case Lane::sign: return (x > 0) - (x < 0);
      case Lane::relu: return x < 0 ? 0 : x;
      case Lane::add_scalar: return x + a;
      case Lane::mul_scalar: return x * a;
      case Lane::rsub_scalar: return a - x;
      case Lane::clamp: return within(dtype, std::min(std::max(x, a), b));
      case Lane::fill: return a;
      case Lane::add: return x + y;
      case Lane::sub: return x - y;
      case Lane::mul: return x * y;
      case Lane::maximum: return std::max(x, y);
      case Lane::minimum: return std::min(x, y);
      case Lane::pow_scalar: {
        uint64_t power = 1;
        for (int64_t i = 0; i < scalars.ia; ++i) power *= static_cast<uint64_t>(x);
        return static_cast<__int128>(power);
      }
      default: FAIL("no reference"); return 0;
    }
  };
  return static_cast<int64_t>(static_cast<uint64_t>(result()));
}

Number reference(Lane lane, DType dtype, const Number* operand, const Scalars& scalars) {
  const bool floating = is_floating(dtype);
  Number result;
  if (lane == Lane::where) return operand[0].i != 0 ? operand[1] : operand[2];
  if (is_comparison(lane)) {
    result.i = floating ? compared(lane, operand[0].f, operand[1].f)
                        : compared(lane, operand[0].i, operand[1].i);
  } else if (is_comparison_with_scalar(lane)) {
    if (floating) {
      unsigned char rounded[8];
      write(dtype, {scalars.a, 0}, rounded);
      result.i = compared(lane, operand[0].f, read(dtype, rounded).f);
    } else if (scalars.b == 0) {
      result.i = compared(lane, operand[0].i, scalars.ia);
    } else {
      // A long double holds every int64 and every double.
      result.i = compared<long double>(lane, operand[0].i, scalars.a);
    }
  } else if (!floating) {
    result.i = integer_result(lane, dtype, operand[0].i, operand[1].i, scalars);
  } else if (dtype == DType::float64) {
    result.f = floating_result<double>(lane, operand[0].f, operand[1].f, scalars);
  } else {
    result.f = floating_result<float>(lane, static_cast<float>(operand[0].f),
                                      static_cast<float>(operand[1].f), scalars);
  }
  return result;
}

// The same bits, or both NaN.
bool same(DType dtype, const unsigned char* a, const unsigned char* b) {
  if (std::memcmp(a, b, static_cast<size_t>(size_of(dtype))) == 0) return true;
  return is_floating(dtype) && std::isnan(read(dtype, a).f) && std::isnan(read(dtype, b).f);
}

// Specials first, then numbers of all sizes, small integers often.
Bytes operand_of(DType dtype, int64_t n, std::mt19937_64& random) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double specials[] = {0.0,   -0.0, infinity, -infinity, std::nan(""), 1.0,    -1.0,
                             1e-40, 0.5,  2.0,      3e38,      -7e-5,        65504.0};
  const int64_t edges[] = {0,
                           1,
                           -1,
                           127,
                           -128,
                           255,
                           32767,
                           -32768,
                           std::numeric_limits<int32_t>::min(),
                           std::numeric_limits<int64_t>::max(),
                           std::numeric_limits<int64_t>::min()};
  Bytes result(static_cast<size_t>(n * size_of(dtype)));
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t bits = random();
    Number number;
    switch (bits % 4) {
      case 0: number.f = specials[bits / 4 % std::size(specials)]; break;
      case 1: number.f = static_cast<double>(static_cast<int64_t>(bits) >> 60); break;
      default: number.f = std::ldexp(static_cast<double>(static_cast<int64_t>(bits)), -62);
    }
    switch (bits % 3) {
      case 0: number.i = edges[bits / 3 % std::size(edges)]; break;
      case 1: number.i = static_cast<int64_t>(bits) >> 60; break;
      default: number.i = static_cast<int64_t>(random());
    }
    if (dtype == DType::boolean) {
      // A foreign byte that is neither 0 nor 1 counts as true.
      result[static_cast<size_t>(i)] = static_cast<unsigned char>(bits % 5 == 4 ? 2 : bits % 2);
      continue;
    }
    write(dtype, number, result.data() + i * size_of(dtype));
  }
  return result;
}

std::vector<Scalars> scalars_for(Lane lane, DType dtype) {
  constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
  constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
  const double infinity = std::numeric_limits<double>::infinity();
  if (is_comparison_with_scalar(lane)) {
    std::vector<Scalars> result = {{0.1, 0, 1, 0},
                                   {1.0, 0, kLeast, 0},
                                   {-0.0, 0, 0, 0},
                                   {3e38, 0, 300, 0},
                                   {2, 0, kGreatest, 0}};
    if (!is_floating(dtype)) {
      for (const double a : {2.5, -2.5, 1.0, 1e300, -1e300, 0x1p63, -0x1p63, 0x1p62 + 1024.0, 126.5,
                             -0.5, 127.0, 255.5, infinity, -infinity, std::nan("")}) {
        result.push_back({a, 1, 77, 0});
      }
    }
    return result;
  }
  if (lane == Lane::clamp || lane == Lane::clamp_backward) {
    return {{-0.5, 1.0, -3, 100},
            {-infinity, 1.0, kLeast, 1},
            {0.5, infinity, -1, kGreatest},
            {-infinity, infinity, kLeast, kGreatest},
            {2.0, -2.0, 2, -2},
            {std::nan(""), 1.0, 0, 0},
            {0.0, std::nan(""), -1000, 1000}};
  }
  if (lane == Lane::pow_scalar) return {{0, 0, 0, 0}, {0, 0, 1, 0}, {0, 0, 2, 0}, {0, 0, 7, 0}};
  return {{0.1, 0, 3, 0}, {-2.0, 0, -1, 0}, {1e30, 0, kGreatest, 0}, {0.0, 0, 0, 0}};
}

// A call whose operands lie in memory of their own, with room around the result to see strays.
struct Call {
  Lane lane;
  DType dtype;
  int operands;
  Bytes memory[4];
  void* data[4] = {};
  int64_t strides[4] = {};

  // strides count elements; a negative one starts at the end.
  Call(Lane which, DType of, const Bytes* values, int64_t n, const int64_t* steps, int64_t offset,
       Bytes& out)
      : lane(which), dtype(of), operands(operands_of(which)) {
    for (int k = 0; k <= operands; ++k) {
      const DType type = k == 0 ? result_dtype(lane, dtype) : operand_dtype(lane, dtype, k);
      const int64_t item = size_of(type);
      const int64_t span = std::max<int64_t>(n - 1, 0) * std::abs(steps[k]);
      memory[k].assign(static_cast<size_t>((span + 1 + 2 * offset) * item), 0xa5);
      unsigned char* first = memory[k].data() + (offset + (steps[k] < 0 ? span : 0)) * item;
      for (int64_t i = 0; i < n && k > 0; ++i) {
        if (steps[k] == 0 && i > 0) break;
        std::memcpy(first + i * steps[k] * item, values[k].data() + i * item,
                    static_cast<size_t>(item));
      }
      data[k] = first;
      strides[k] = steps[k] * item;
    }
    out.resize(static_cast<size_t>(n * size_of(result_dtype(lane, dtype))));
  }

  // Takes the results out of the memory of operand `from`; what lies between must be untouched.
  void take(int64_t n, int from, Bytes& out) {
    const size_t item = static_cast<size_t>(size_of(result_dtype(lane, dtype)));
    for (int64_t i = 0; i < n; ++i) {
      unsigned char* place = static_cast<unsigned char*>(data[from]) + i * strides[from];
      std::memcpy(out.data() + static_cast<size_t>(i) * item, place, item);
      std::memset(place, 0xa5, item);
    }
    const bool untouched = std::all_of(memory[from].begin(), memory[from].end(),
                                       [](unsigned char byte) { return byte == 0xa5; });
    REQUIRE(untouched);
  }
};

Bytes run(Target target, Lane lane, DType dtype, const Bytes* values, int64_t n,
          const int64_t* steps, int64_t offset, const Scalars& scalars, int in_place = 0) {
  Bytes out;
  Call call(lane, dtype, values, n, steps, offset, out);
  if (in_place > 0) {
    call.data[0] = call.data[in_place];
    call.strides[0] = call.strides[in_place];
  }
  table_of(target).at(lane, dtype)(call.data, call.strides, n, &scalars);
  call.take(n, in_place, out);
  return out;
}

constexpr int64_t kOnes[4] = {1, 1, 1, 1};

template <class F>
void for_each_column(F f) {
  for (int lane = 0; lane < kLanes; ++lane) {
    for (const DType dtype : kAll) {
      if (takes(static_cast<Lane>(lane), dtype)) f(static_cast<Lane>(lane), dtype);
    }
  }
}

}  // namespace

TEST_CASE("a table has a loop wherever a lane takes the dtype, and no other", "[kernels]") {
  for (const Target target : targets()) {
    for (int lane = 0; lane < kLanes; ++lane) {
      CHECK(table_of(target).lane[lane][0] == nullptr);
      for (const DType dtype : kAll) {
        const bool there = table_of(target).at(static_cast<Lane>(lane), dtype) != nullptr;
        CHECK(there == takes(static_cast<Lane>(lane), dtype));
      }
    }
  }
  CHECK(&table() == &table_of(best_target()));
  CHECK(takes(Lane::mul, DType::boolean));
  CHECK_FALSE(takes(Lane::sub, DType::boolean));
  CHECK_FALSE(takes(Lane::div, DType::int32));
}

TEST_CASE("arithmetic lanes give what plain arithmetic gives, to the bit", "[kernels]") {
  std::mt19937_64 random(20240501);
  for_each_column([&](Lane lane, DType dtype) {
    const bool rounds = is_math(lane) && is_floating(dtype);
    if (rounds) return;  // tests/kernels/math.cpp
    constexpr int64_t n = 331;
    Bytes values[4];
    for (int k = 1; k <= operands_of(lane); ++k) {
      values[k] = operand_of(operand_dtype(lane, dtype, k), n, random);
    }
    for (const Scalars& scalars : scalars_for(lane, dtype)) {
      for (const Target target : targets()) {
        const Bytes out = run(target, lane, dtype, values, n, kOnes, 3, scalars);
        const DType to = result_dtype(lane, dtype);
        for (int64_t i = 0; i < n; ++i) {
          Number operand[3];
          for (int k = 1; k <= operands_of(lane); ++k) {
            const DType type = operand_dtype(lane, dtype, k);
            operand[k - 1] = read(type, values[k].data() + i * size_of(type));
          }
          unsigned char expected[8];
          write(to, reference(lane, dtype, operand, scalars), expected);
          const unsigned char* place = out.data() + i * size_of(to);
          // A bool that is merely moved keeps its byte.
          const bool equal = to == DType::boolean && lane == Lane::where
                                 ? (*place != 0) == (expected[0] != 0)
                                 : same(to, place, expected);
          if (equal) continue;
          CAPTURE(static_cast<int>(lane), name_of(dtype), static_cast<int>(target), i, scalars.a,
                  scalars.b, scalars.ia, scalars.ib, operand[0].f, operand[0].i, operand[1].f,
                  operand[1].i, read(to, place).f, read(to, place).i, read(to, expected).f,
                  read(to, expected).i);
          FAIL("wrong element");
        }
      }
    }
  });
}

TEST_CASE("bits do not depend on position, length, strides or in-place use", "[kernels]") {
  std::mt19937_64 random(20240502);
  constexpr int64_t n = 67;
  const int64_t layouts[][4] = {{1, 1, 1, 1},  {2, 2, 2, 2},   {-1, -1, -1, -1}, {1, 2, 1, 2},
                                {3, 1, -2, 1}, {-1, 1, 1, -3}, {1, -1, 2, 1}};
  for_each_column([&](Lane lane, DType dtype) {
    const Scalars scalars = scalars_for(lane, dtype).front();
    const DType to = result_dtype(lane, dtype);
    const int64_t item = size_of(to);
    Bytes values[4];
    for (int k = 1; k <= operands_of(lane); ++k) {
      values[k] = operand_of(operand_dtype(lane, dtype, k), n, random);
    }
    for (const Target target : targets()) {
      CAPTURE(static_cast<int>(lane), name_of(dtype), static_cast<int>(target));
      const Bytes whole = run(target, lane, dtype, values, n, kOnes, 0, scalars);
      auto check = [&](const Bytes& out, int64_t from, int64_t count) {
        for (int64_t i = 0; i < count; ++i) {
          if (same(to, out.data() + i * item, whole.data() + (from + i) * item)) continue;
          CAPTURE(i, from, count);
          FAIL("other bits");
        }
      };
      // Every length, at a start that moves the elements to other lanes of a vector.
      for (int64_t count = 0; count <= n; ++count) {
        const int64_t from = (n - count) / 2;
        Bytes part[4];
        for (int k = 1; k <= operands_of(lane); ++k) {
          const int64_t size = size_of(operand_dtype(lane, dtype, k));
          part[k].assign(values[k].begin() + from * size,
                         values[k].begin() + (from + count) * size);
        }
        check(run(target, lane, dtype, part, count, kOnes, count % 5, scalars), from, count);
        // In place on each operand of the result's dtype.
        for (int k = 1; k <= operands_of(lane); ++k) {
          if (operand_dtype(lane, dtype, k) != to) continue;
          check(run(target, lane, dtype, part, count, kOnes, count % 3, scalars, k), from, count);
        }
      }
      for (const auto& steps : layouts) {
        check(run(target, lane, dtype, values, n, steps, 2, scalars), 0, n);
        for (int k = 1; k <= operands_of(lane); ++k) {
          if (operand_dtype(lane, dtype, k) != to) continue;
          check(run(target, lane, dtype, values, n, steps, 2, scalars, k), 0, n);
        }
      }
    }
  });
}

TEST_CASE("an operand of stride 0 counts for every element", "[kernels]") {
  std::mt19937_64 random(20240503);
  constexpr int64_t n = 67;
  for_each_column([&](Lane lane, DType dtype) {
    const Scalars scalars = scalars_for(lane, dtype).front();
    const DType to = result_dtype(lane, dtype);
    Bytes values[4], spread[4];
    for (int mask = 1; mask < 1 << operands_of(lane); ++mask) {
      int64_t steps[4] = {1, 1, 1, 1};
      for (int k = 1; k <= operands_of(lane); ++k) {
        const DType type = operand_dtype(lane, dtype, k);
        const size_t size = static_cast<size_t>(size_of(type));
        values[k] = spread[k] = operand_of(type, n, random);
        if ((mask >> (k - 1) & 1) == 0) continue;
        steps[k] = 0;
        for (size_t i = 1; i < n; ++i) {
          std::memcpy(spread[k].data() + i * size, spread[k].data(), size);
        }
      }
      for (const Target target : targets()) {
        CAPTURE(static_cast<int>(lane), name_of(dtype), static_cast<int>(target), mask);
        for (const int64_t out_step : {1, 2}) {
          steps[0] = out_step;
          const Bytes out = run(target, lane, dtype, values, n, steps, 1, scalars);
          const Bytes expected = run(target, lane, dtype, spread, n, kOnes, 0, scalars);
          for (int64_t i = 0; i < n; ++i) {
            if (same(to, out.data() + i * size_of(to), expected.data() + i * size_of(to))) continue;
            CAPTURE(i);
            FAIL("other bits");
          }
        }
      }
    }
  });
}

TEST_CASE("arithmetic has the same bits on every target", "[kernels]") {
  std::mt19937_64 random(20240504);
  constexpr int64_t n = 1021;
  for_each_column([&](Lane lane, DType dtype) {
    if (is_math(lane) && is_floating(dtype) && lane != Lane::pow_scalar) return;
    const DType to = result_dtype(lane, dtype);
    Bytes values[4];
    for (int k = 1; k <= operands_of(lane); ++k) {
      values[k] = operand_of(operand_dtype(lane, dtype, k), n, random);
    }
    for (const Scalars& scalars : scalars_for(lane, dtype)) {
      const Bytes first = run(Target::baseline, lane, dtype, values, n, kOnes, 0, scalars);
      for (const Target target : targets()) {
        const Bytes out = run(target, lane, dtype, values, n, kOnes, 0, scalars);
        for (int64_t i = 0; i < n; ++i) {
          if (same(to, out.data() + i * size_of(to), first.data() + i * size_of(to))) continue;
          CAPTURE(static_cast<int>(lane), name_of(dtype), static_cast<int>(target), i);
          FAIL("other bits");
        }
      }
    }
  });
}

TEST_CASE("integer powers with a negative exponent round toward zero", "[kernels]") {
  const int32_t x[] = {0, 1, -1, 2, -2, std::numeric_limits<int32_t>::min()};
  for (const Target target : targets()) {
    for (const int64_t exponent : {-1, -2}) {
      int32_t out[6];
      void* const data[] = {out, const_cast<int32_t*>(x)};
      const int64_t strides[] = {4, 4};
      const Scalars scalars{0, 0, exponent, 0};
      table_of(target).at(Lane::pow_scalar, DType::int32)(data, strides, 6, &scalars);
      CHECK(out[0] == 0);
      CHECK(out[1] == 1);
      CHECK(out[2] == (exponent == -1 ? -1 : 1));
      CHECK(out[3] == 0);
      CHECK(out[4] == 0);
      CHECK(out[5] == 0);
    }
  }
}

}  // namespace tg::kernels
