// SPDX-License-Identifier: MIT
// The table of function pointers: one loop over elements for each lane and dtype, compiled once
// for each target. An operator is one look-up and one call away from its loop.
//
// Bits: on one machine an element's result depends on its operands alone, never on its position,
// the length, the strides or in-place use. Across targets plain arithmetic gives the same bits;
// exp, log, sin, cos, tanh, sigmoid and their kin may differ in the last bit, since only some
// targets have FMA. The payload of a NaN is no part of this promise.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/cpu.h"
#include "base/dtype.h"

namespace tg::kernels {

// One loop over n elements: data[0] is the result, data[1..] are the operands. Strides are in
// bytes; an operand's may be 0 (one element for all) or negative. The result may be the same
// elements as an operand (in place); any other overlap is the caller's to prevent.
using Loop = void (*)(void* const* data, const int64_t* strides, int64_t n,
                      const void* parameters) noexcept;

// Parameters of the lanes that take numbers. Floating dtypes read a and b (rounded to the dtype,
// to float for the 16-bit ones), integers and bool read ia and ib.
struct Scalars {
  double a, b;
  int64_t ia, ib;
};

enum class Lane : uint8_t {
  // Unary.
  neg,
  abs,
  sign,  // NaN gives 0, as PyTorch
  exp,
  log,
  sqrt,
  sin,
  cos,
  tanh,
  sigmoid,
  relu,  // NaN stays NaN
  // Unary with Scalars.
  add_scalar,
  mul_scalar,
  div_scalar,
  rsub_scalar,  // a - x
  pow_scalar,   // integers: ia >= 0, by repeated multiplication
  clamp,        // [a, b]; infinities (integers: the least and greatest int64): no bound
  fill,         // no operand: the result is a
  // Comparison with Scalars, the result is bool. Integers and bool compare with ia if b == 0;
  // else with the double a, exactly, so that it may be 2.5 or 1e300.
  eq_scalar,
  ne_scalar,
  lt_scalar,
  le_scalar,
  gt_scalar,
  ge_scalar,
  // Binary. On bool add is logical or, mul logical and.
  add,
  sub,
  mul,
  div,
  maximum,  // NaN if either is
  minimum,  // NaN if either is
  // Binary, the result is bool.
  eq,
  ne,
  lt,
  le,
  gt,
  ge,
  // Gradients in one pass; the first operand is the incoming gradient g.
  relu_backward,     // (g, y): y <= 0 ? 0 : g
  tanh_backward,     // (g, y): g (1 - y y)
  sigmoid_backward,  // (g, y): g y (1 - y)
  abs_backward,      // (g, x): g sign(x)
  clamp_backward,    // (g, x), Scalars: a < x < b ? g : 0; an infinite bound excludes nothing
  // Ternary.
  where,  // data: result, condition (bool), a, b
  count,
};
inline constexpr int kLanes = static_cast<int>(Lane::count);

// By dtype of the operands (where: of a and b). Null where the lane does not take the dtype.
struct Table {
  Loop lane[kLanes][kDTypes];

  Loop at(Lane which, DType dtype) const {
    return lane[static_cast<int>(which)][static_cast<int>(dtype)];
  }
};

// The loops compiled for one target; the processor must have it (base/cpu.h).
const Table& table_of(Target target) noexcept;

// Set by the first question, the same value for ever: constant data, so relaxed order is enough.
extern constinit std::atomic<const Table*> chosen_table;
const Table& choose_table() noexcept;

inline const Table& table() noexcept {
  const Table* chosen = chosen_table.load(std::memory_order_relaxed);
  if (chosen == nullptr) [[unlikely]] {
    return choose_table();
  }
  return *chosen;
}

}  // namespace tg::kernels
