// SPDX-License-Identifier: MIT
// Which lanes take which dtypes, and which file defines their loops: the one place that says so.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/dtype.h"
#include "kernels/table.h"

namespace tg::kernels {

// A bool as it lies in memory: a byte that counts as true if it is not 0. A foreign byte may be
// neither 0 nor 1, which a C++ bool must not be.
struct Bool {
  uint8_t byte;
};

template <DType kDType>
using ElementOf =
    std::conditional_t<kDType == DType::boolean, Bool, typename CTypeOf<kDType>::type>;

template <class T>
inline constexpr bool kIsHalf = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

constexpr bool is_comparison_with_scalar(Lane lane) {
  return lane >= Lane::eq_scalar && lane <= Lane::ge_scalar;
}
constexpr bool is_comparison(Lane lane) { return lane >= Lane::eq && lane <= Lane::ge; }

// Operands without the result.
constexpr int operands_of(Lane lane) {
  if (lane == Lane::fill) return 0;
  if (lane == Lane::where) return 3;
  return lane >= Lane::add ? 2 : 1;
}

constexpr bool takes(Lane lane, DType dtype) {
  if (is_floating(dtype)) return true;
  if (lane == Lane::fill || lane == Lane::where) return true;
  if (is_comparison(lane) || is_comparison_with_scalar(lane)) return true;
  switch (lane) {
    case Lane::add:
    case Lane::mul:
    case Lane::maximum:
    case Lane::minimum:
    case Lane::add_scalar:
    case Lane::mul_scalar: return true;
    case Lane::neg:
    case Lane::abs:
    case Lane::sign:
    case Lane::relu:
    case Lane::sub:
    case Lane::rsub_scalar:
    case Lane::pow_scalar:
    case Lane::clamp: return dtype != DType::boolean;
    default: return false;
  }
}

// elementwise_math.cpp, for float and double.
constexpr bool is_math(Lane lane) {
  switch (lane) {
    case Lane::exp:
    case Lane::log:
    case Lane::sin:
    case Lane::cos:
    case Lane::tanh:
    case Lane::sigmoid:
    case Lane::pow_scalar: return true;
    default: return false;
  }
}

// elementwise_plain.cpp: loops that the compiler vectorises well by itself, for all dtypes; there
// all lanes of integers and bool live too.
constexpr bool is_plain(Lane lane) {
  return lane == Lane::fill || lane == Lane::where || is_comparison(lane) ||
         is_comparison_with_scalar(lane);
}

// Calls f.template operator()<Lane>() for each lane.
template <class F>
constexpr void for_each_lane(F&& f) {
  [&]<int... kLane>(std::integer_sequence<int, kLane...>) {
    (f.template operator()<static_cast<Lane>(kLane)>(), ...);
  }
  (std::make_integer_sequence<int, kLanes>());
}

}  // namespace tg::kernels
