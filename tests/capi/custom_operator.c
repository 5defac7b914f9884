/* SPDX-License-Identifier: MIT */
/* An operator of the caller's, made, called and differentiated from C89: x is scaled by an argument
 * in place, and where it was negative is told beside it. */
#include <stdio.h>
#include <string.h>

#include "check.h"

static int ended = 0;
static double scale_of_call = 0;

static void count_end(void* data) {
  (void)data;
  ++ended;
}

static int32_t forward(void* user_data, tg_context context, const tg_tensor* inputs, size_t count,
                       const tg_value* arguments, size_t argument_count, tg_tensor* outs,
                       size_t out_count) {
  void* memory = NULL;
  int64_t n = 0, k;
  int32_t needs = 0;
  tg_status status;
  CHECK(user_data == &ended && count == 1 && argument_count == 1 && out_count == 2);
  scale_of_call = arguments[0].as.number;
  CHECK(tg_context_needs_input_grad(context, 0, &needs) == TG_OK && needs == 1);
  if ((status = tg_lt_scalar(inputs[0], 0, &outs[1])) != TG_OK) return status;
  if ((status = tg_context_mark_dirty(context, 0)) != TG_OK) return status;
  if ((status = tg_tensor_data(inputs[0], &memory)) != TG_OK) return status;
  if ((status = tg_tensor_numel(inputs[0], &n)) != TG_OK) return status;
  for (k = 0; k < n; ++k) ((double*)memory)[k] *= scale_of_call;
  if ((status = tg_context_mark_non_differentiable(context, 1)) != TG_OK) return status;
  if ((status = tg_context_set_data(context, &scale_of_call, count_end)) != TG_OK) return status;
  if ((status = tg_context_save_for_backward(context, &outs[1], 1)) != TG_OK) return status;
  return tg_alias(inputs[0], &outs[0]);
}

static int32_t backward(void* user_data, tg_context context, const tg_tensor* grad_outputs,
                        size_t out_count, tg_tensor* grad_inputs, size_t count) {
  void* data = NULL;
  tg_tensor negative = 0;
  int32_t dtype = 0;
  CHECK(user_data == &ended && out_count == 2 && count == 1 && grad_outputs[1] == 0);
  CHECK(tg_context_data(context, &data) == TG_OK && data == &scale_of_call);
  CHECK(tg_context_saved_tensor(context, 0, &negative) == TG_OK);
  CHECK(tg_tensor_dtype(negative, &dtype) == TG_OK && dtype == TG_BOOL);
  CHECK(tg_release(negative) == TG_OK);
  return tg_mul_scalar(grad_outputs[0], *(double*)data, &grad_inputs[0]);
}

int main(void) {
  const double values[3] = {1, -2, 3};
  const int64_t shape[1] = {3};
  double grads[3] = {0, 0, 0}, scaled[3] = {0, 0, 0};
  tg_operator_definition definition;
  tg_operator op = 0;
  tg_value scale;
  tg_tensor leaf = 0, x = 0, outs[2] = {0, 0}, loss = 0, grad = 0;
  int32_t same = 0;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "scaled";
  definition.out_count = 2;
  definition.forward = forward;
  definition.backward = backward;
  definition.user_data = &ended;
  definition.destructor = count_end;
  CHECK(tg_operator_create(&definition, &op) == TG_OK);
  memset(&scale, 0, sizeof scale);
  scale.type = TG_VALUE_DOUBLE;
  scale.as.number = 5;
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &leaf) == TG_OK);
  CHECK(tg_clone(leaf, &x) == TG_OK);
  CHECK(tg_operator_apply(op, &x, 1, &scale, 1, outs, 2) == TG_OK);
  CHECK(tg_is_same(x, outs[0], &same) == TG_OK && same == 1);
  CHECK(tg_tensor_copy_out(outs[1], scaled, 3) == TG_OK && ((char*)scaled)[1] == 1);
  CHECK(tg_sum(outs[0], &loss) == TG_OK && tg_backward(loss) == TG_OK);
  CHECK(tg_tensor_grad(leaf, &grad) == TG_OK);
  CHECK(tg_tensor_copy_out(grad, grads, sizeof grads) == TG_OK);
  CHECK(grads[0] == 5 && grads[1] == 5 && grads[2] == 5);
  CHECK(tg_release(op) == TG_OK && ended == 0);
  tg_release(leaf), tg_release(x), tg_release(outs[0]), tg_release(outs[1]);
  tg_release(loss), tg_release(grad);
  CHECK(ended == 2);
  CHECK(tg_live_handles() == 0);
  return failures != 0;
}
