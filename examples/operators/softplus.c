/* SPDX-License-Identifier: MIT */
/* log(1 + e^x) as an operator of one's own: the naive form overflows, this one does not, forward or
 * backward. backward is made of the library's operators, so it may be differentiated again. */
#include "../ffi/check.h"

static int32_t forward(void* user_data, tg_context context, const tg_tensor* inputs, size_t count,
                       const tg_value* arguments, size_t argument_count, tg_tensor* outs,
                       size_t out_count) {
  tg_tensor size = 0, exp = 0, log = 0, positive = 0;
  tg_status status = tg_context_save_for_backward(context, inputs, 1);
  (void)user_data, (void)count, (void)arguments, (void)argument_count, (void)out_count;
  /* max(x, 0) + log(1 + exp(-|x|)) */
  if (status == TG_OK) status = tg_abs(inputs[0], &size);
  if (status == TG_OK) status = tg_mul_scalar_(size, -1);
  if (status == TG_OK) status = tg_exp(size, &exp);
  if (status == TG_OK) status = tg_add_scalar_(exp, 1);
  if (status == TG_OK) status = tg_log(exp, &log);
  if (status == TG_OK) status = tg_relu(inputs[0], &positive);
  if (status == TG_OK) status = tg_add(positive, log, &outs[0]);
  tg_release(size), tg_release(exp), tg_release(log), tg_release(positive);
  return status;
}

static int32_t backward(void* user_data, tg_context context, const tg_tensor* grad_outputs,
                        size_t out_count, tg_tensor* grad_inputs, size_t count) {
  tg_tensor x = 0, slope = 0;
  tg_status status = tg_context_saved_tensor(context, 0, &x);
  (void)user_data, (void)out_count, (void)count;
  if (status == TG_OK) status = tg_sigmoid(x, &slope);
  if (status == TG_OK) status = tg_mul(grad_outputs[0], slope, &grad_inputs[0]);
  tg_release(x), tg_release(slope);
  return status;
}

int main(void) {
  const double values[5] = {-800, -1, 0, 2, 800};
  const int64_t shape[1] = {5};
  tg_operator_definition definition;
  tg_operator softplus;
  tg_tensor x, y, sum, first, first_sum, second;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "softplus";
  definition.out_count = 1;
  definition.forward = forward;
  definition.backward = backward;
  check(tg_operator_create(&definition, &softplus));

  check(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x));
  check(tg_operator_apply(softplus, &x, 1, NULL, 0, &y, 1));
  print("y  =", y);
  check(tg_sum(y, &sum));
  check(tg_grad(&sum, NULL, 1, &x, 1, TG_CREATE_GRAPH, &first));
  print("y' =", first);
  check(tg_sum(first, &first_sum));
  check(tg_grad(&first_sum, NULL, 1, &x, 1, 0, &second));
  print("y''=", second);
  check_gradient(softplus, &x, 1, 0, 1);

  check(tg_release(y)), check(tg_release(sum)), check(tg_release(first));
  check(tg_release(first_sum)), check(tg_release(second));
  check(tg_release(x)), check(tg_release(softplus));
  return tg_live_handles() != 0;
}
