// SPDX-License-Identifier: MIT
// What the tests of the caller's operators share: operators made of lambdas, and a few operators.
#pragma once

#include <functional>

#include "capi/foreign.h"

namespace capi {

// What forward and backward are called with.
struct Forward {
  tg_context context;
  const tg_tensor* inputs;
  size_t count;
  const tg_value* arguments;
  size_t argument_count;
  tg_tensor* outs;
  size_t out_count;
};
struct Backward {
  tg_context context;
  const tg_tensor* grad_outputs;
  size_t out_count;
  tg_tensor* grad_inputs;
  size_t count;
};
using ForwardFunction = std::function<int32_t(const Forward&)>;
using BackwardFunction = std::function<int32_t(const Backward&)>;

struct Functions {
  ForwardFunction forward;
  BackwardFunction backward;
  static inline int live = 0;
  static inline int destroyed = 0;
};

inline int32_t call_forward(void* user_data, tg_context context, const tg_tensor* inputs,
                            size_t count, const tg_value* arguments, size_t argument_count,
                            tg_tensor* outs, size_t out_count) {
  return static_cast<Functions*>(user_data)->forward(
      {context, inputs, count, arguments, argument_count, outs, out_count});
}
inline int32_t call_backward(void* user_data, tg_context context, const tg_tensor* grad_outputs,
                             size_t out_count, tg_tensor* grad_inputs, size_t count) {
  return static_cast<Functions*>(user_data)->backward(
      {context, grad_outputs, out_count, grad_inputs, count});
}
inline void end_functions(void* user_data) {
  --Functions::live;
  ++Functions::destroyed;
  delete static_cast<Functions*>(user_data);
}

struct Options {
  uint32_t flags = 0;
  size_t out_count = 1;
  tg_jvp_fn jvp = nullptr;
};
inline Handle custom(const char* name, ForwardFunction forward, BackwardFunction backward = {},
                     Options options = {}, Where where = Where::current()) {
  tg_operator_definition from{};
  from.struct_size = sizeof from;
  from.name = name;
  from.out_count = options.out_count;
  from.flags = options.flags;
  from.forward = call_forward;
  from.backward = backward ? call_backward : nullptr;
  from.jvp = options.jvp;
  from.user_data = new Functions{std::move(forward), std::move(backward)};
  from.destructor = end_functions;
  ++Functions::live;
  Handle out;
  ok(tg_operator_create(&from, out.out()), where);
  return out;
}

// In a callback: the status of a failed call goes to the library.
#define TRY(call)                                                     \
  do {                                                                \
    if (const tg_status tried = (call); tried != TG_OK) return tried; \
  } while (false)

inline Tensor saved(tg_context context, size_t index, Where where = Where::current()) {
  Tensor out;
  ok(tg_context_saved_tensor(context, index, out.out()), where);
  return out;
}
inline int32_t needs(tg_context context, size_t input, Where where = Where::current()) {
  int32_t out = -1;
  ok(tg_context_needs_input_grad(context, input, &out), where);
  return out;
}

// x * y with both saved, differentiable as often as one likes.
inline Handle product_operator(Options options = {}) {
  return custom(
      "product",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_save_for_backward(f.context, f.inputs, 2));
        return tg_mul(f.inputs[0], f.inputs[1], &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        for (size_t i = 0; i < 2; ++i) {
          if (needs(b.context, i) == 0) continue;
          Tensor other;
          TRY(tg_context_saved_tensor(b.context, 1 - i, other.out()));
          TRY(tg_mul(b.grad_outputs[0], other, &b.grad_inputs[i]));
        }
        return 0;
      },
      options);
}
// exp with its result saved.
inline Handle exponential() {
  return custom(
      "exponential",
      [](const Forward& f) -> int32_t {
        TRY(tg_exp(f.inputs[0], &f.outs[0]));
        return tg_context_save_for_backward(f.context, f.outs, 1);
      },
      [](const Backward& b) -> int32_t {
        return tg_mul(b.grad_outputs[0], saved(b.context, 0), &b.grad_inputs[0]);
      });
}
// x *= 2 in place.
inline Handle doubled_in_place() {
  return custom(
      "doubled",
      [](const Forward& f) -> int32_t {
        TRY(tg_context_mark_dirty(f.context, 0));
        double* data = nullptr;
        int64_t count = 0;
        TRY(tg_tensor_numel(f.inputs[0], &count));
        TRY(tg_tensor_data(f.inputs[0], reinterpret_cast<void**>(&data)));
        for (int64_t k = 0; k < count; ++k) data[k] *= 2;
        return tg_alias(f.inputs[0], &f.outs[0]);
      },
      [](const Backward& b) -> int32_t {
        return tg_mul_scalar(b.grad_outputs[0], 2, &b.grad_inputs[0]);
      });
}
// A forward alone: the first input times 3.
inline int32_t tripled(const Forward& f) { return tg_mul_scalar(f.inputs[0], 3, &f.outs[0]); }
inline int32_t tripled_backward(const Backward& b) {
  return tg_mul_scalar(b.grad_outputs[0], 3, &b.grad_inputs[0]);
}

}  // namespace capi
