// SPDX-License-Identifier: MIT
// Operators of the caller that scenarios and random calls use, without a state of their own: a
// product that saves, and one whose two results have data and marks.
#pragma once

#include <tapegrad/tapegrad.h>
#include "calls/callbacks.h"

namespace calls {

inline constexpr int kCustom = 3;

// Calls each function of a context once.
inline int32_t custom_forward(void*, tg_context context, const tg_tensor* inputs, size_t count,
                              const tg_value*, size_t, tg_tensor* outs, size_t out_count) {
  return may_fail([&]() -> int32_t {
    int32_t needs = 0;
    void* data = nullptr;
    tg_status status = tg_context_needs_input_grad(context, 0, &needs);
    if (status == TG_OK) status = tg_context_set_data(context, outs, nullptr);
    if (status == TG_OK) status = tg_context_data(context, &data);
    if (status == TG_OK) status = tg_context_save_for_backward(context, inputs, count);
    if (status == TG_OK) status = tg_mul(inputs[0], inputs[count - 1], &outs[0]);
    for (size_t j = 1; j < out_count && status == TG_OK; ++j) {
      status = tg_context_mark_non_differentiable(context, j);
      if (status == TG_OK) status = tg_alias(inputs[0], &outs[j]);
    }
    return status;
  });
}
inline int32_t custom_backward(void*, tg_context context, const tg_tensor* grad_outputs, size_t,
                               tg_tensor* grad_inputs, size_t count) {
  return may_fail([&]() -> int32_t {
    tg_status status = TG_OK;
    for (size_t i = 0; i < count && status == TG_OK; ++i) {
      int32_t needs = 0;
      tg_tensor other = 0, gradient = 0;
      status = tg_context_needs_input_grad(context, i, &needs);
      if (status != TG_OK || needs == 0) continue;
      status = tg_context_saved_tensor(context, count - 1 - i, &other);
      if (status == TG_OK) status = tg_mul(grad_outputs[0], other, &gradient);
      if (status == TG_OK && count == 1) status = tg_mul_scalar(gradient, 2, &grad_inputs[i]);
      if (status == TG_OK && count > 1) status = tg_alias(gradient, &grad_inputs[i]);
      tg_release(other), tg_release(gradient);
    }
    return status;
  });
}
// Marks its first input as dirty and gives it back, unchanged.
inline int32_t dirty_forward(void*, tg_context context, const tg_tensor* inputs, size_t,
                             const tg_value*, size_t, tg_tensor* outs, size_t) {
  const tg_status status = tg_context_mark_dirty(context, 0);
  return status == TG_OK ? tg_alias(inputs[0], &outs[0]) : status;
}

inline tg_operator_definition custom_definition(int kind) {
  tg_operator_definition made{};
  made.struct_size = sizeof made;
  made.name = "custom";
  made.out_count = kind == 1 ? 2 : 1;
  made.flags = kind == 1 ? uint32_t{TG_OPERATOR_ZERO_GRADS} : 0;
  made.forward = kind == 2 ? dirty_forward : custom_forward;
  made.backward = kind == 2 ? nullptr : custom_backward;
  return made;
}

}  // namespace calls
