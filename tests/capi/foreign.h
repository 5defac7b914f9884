// SPDX-License-Identifier: MIT
// What the tests of foreign functions share: operators made in a line, calls of them, and a check
// of gradients against differences of values through the C interface alone.
#pragma once

#include <cmath>
#include <functional>

#include "capi/tensors.h"

namespace capi {

inline const char* const kLibm = "libm.so.6";

template <class Function>
const void* address_of(Function* function) {
  return reinterpret_cast<const void*>(function);
}

// A definition that is filled in by name.
inline tg_ffi_definition definition(const char* name, const char* signature) {
  tg_ffi_definition made{};
  made.struct_size = sizeof made;
  made.name = name;
  made.signature = signature;
  return made;
}
template <class Function>
tg_ffi_definition definition(const char* name, const char* signature, Function* function) {
  tg_ffi_definition made = definition(name, signature);
  made.address = address_of(function);
  return made;
}

inline Handle foreign(const tg_ffi_definition& from, Where where = Where::current()) {
  Handle out;
  ok(tg_ffi_operator(&from, out.out()), where);
  return out;
}

inline tg_value number(int64_t value) {
  tg_value made{};
  made.type = TG_VALUE_INT64;
  made.as.integer = value;
  return made;
}
inline tg_value number(double value) {
  tg_value made{};
  made.type = TG_VALUE_DOUBLE;
  made.as.number = value;
  return made;
}

using Inputs = std::vector<tg_tensor>;
using Arguments = std::vector<tg_value>;

inline tg_status try_run(tg_operator op, const Inputs& inputs, const Arguments& arguments,
                         std::vector<tg_tensor>& outs) {
  return tg_operator_apply(op, inputs.data(), inputs.size(), arguments.data(), arguments.size(),
                           outs.data(), outs.size());
}
inline std::vector<Tensor> run_all(tg_operator op, const Inputs& inputs, size_t out_count,
                                   const Arguments& arguments = {},
                                   Where where = Where::current()) {
  std::vector<tg_tensor> outs(out_count, 12345);
  ok(try_run(op, inputs, arguments, outs), where);
  std::vector<Tensor> all;
  for (const tg_tensor out : outs) all.emplace_back(out);
  return all;
}
inline Tensor run(tg_operator op, const Inputs& inputs, const Arguments& arguments = {},
                  Where where = Where::current()) {
  return std::move(run_all(op, inputs, 1, arguments, where)[0]);
}
// A call that must fail: places are 0 after it, and no handle is made.
inline void run_fails(tg_operator op, const Inputs& inputs, const Arguments& arguments,
                      size_t out_count, tg_status code, const Phrases& phrases,
                      Where where = Where::current()) {
  const uint64_t live = tg_live_handles();
  std::vector<tg_tensor> outs(out_count, 12345);
  fails(try_run(op, inputs, arguments, outs), code, phrases, where);
  for (const tg_tensor out : outs) CHECK(out == 0);
  CHECK(tg_live_handles() == live);
}
inline void refused(const tg_ffi_definition& from, tg_status code, const Phrases& phrases,
                    Where where = Where::current()) {
  tg_operator out = 12345;
  fails(tg_ffi_operator(&from, &out), code, phrases, where);
  CHECK(out == 0);
}

// The gradients of a weighted sum of f's result against differences of its values, for every
// element of every input that requires grad (all float64).
using Function = std::function<Tensor(const Inputs&)>;
inline double weighted_sum(const Tensor& y) {
  double total = 0, weight = 0.3;
  for (const double value : values(y)) total += (weight += 0.4) * value;
  return total;
}
inline void check_gradients(const Function& f, const Inputs& inputs, double tolerance = 1e-6,
                            Where where = Where::current()) {
  INFO(at(where));
  const Tensor y = f(inputs);
  Values weights;
  double weight = 0.3;
  int32_t rank = 0;
  ok(tg_tensor_rank(y, &rank));
  Sizes sizes(static_cast<size_t>(rank));
  ok(tg_tensor_shape(y, sizes.data(), rank, &rank));
  for (int64_t k = 0; k < count_of(sizes); ++k) weights.push_back(weight += 0.4);
  const Tensor w = tensor(weights, sizes);
  const Tensor root = make(tg_sum, make(tg_mul, y, w));
  Inputs asked;
  for (const tg_tensor x : inputs) {
    if (requires_grad(x)) asked.push_back(x);
  }
  std::vector<tg_tensor> found(asked.size());
  const tg_tensor roots[] = {root};
  ok(tg_grad(roots, nullptr, 1, asked.data(), asked.size(), 0, found.data()), where);
  size_t next = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!requires_grad(inputs[i])) continue;
    const Handle gradient(found[next++]);
    const Values told = values(gradient), start = values(inputs[i]);
    ok(tg_tensor_rank(inputs[i], &rank));
    Sizes shape(static_cast<size_t>(rank));
    ok(tg_tensor_shape(inputs[i], shape.data(), rank, &rank));
    REQUIRE(told.size() == start.size());
    for (size_t k = 0; k < start.size(); ++k) {
      const double h = 1e-5;
      double ends[2];
      for (const int side : {0, 1}) {
        Values moved = start;
        moved[k] += side == 0 ? -h : h;
        const Tensor x = tensor(moved, shape);
        Inputs replaced = inputs;
        replaced[i] = x;
        const In quiet(Mode::no_grad);
        ends[side] = weighted_sum(f(replaced));
      }
      INFO("input " << i << ", element " << k);
      CHECK(told[k] == Approx((ends[1] - ends[0]) / (2 * h)).epsilon(tolerance).margin(tolerance));
    }
  }
}

}  // namespace capi
