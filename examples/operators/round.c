/* SPDX-License-Identifier: MIT */
/* A straight-through estimator: forward rounds in place, backward hands the gradient on as if it
 * had not. The gradient is not that of the values, which is what such an operator is for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

static void print(const char* name, tg_tensor x) {
  char text[1000];
  tg_tensor plain;
  check(tg_detach(x, &plain));
  check(tg_tensor_format(plain, text, sizeof text, NULL));
  printf("%s %s\n", name, text);
  check(tg_release(plain));
}

static int32_t forward(void* user_data, tg_context context, const tg_tensor* inputs, size_t count,
                       const tg_value* arguments, size_t argument_count, tg_tensor* outs,
                       size_t out_count) {
  void* data = NULL;
  int64_t n = 0, k;
  tg_status status = tg_context_mark_dirty(context, 0); /* before the first element is written */
  (void)user_data, (void)count, (void)arguments, (void)argument_count, (void)out_count;
  if (status == TG_OK) status = tg_tensor_data(inputs[0], &data);
  if (status == TG_OK) status = tg_tensor_numel(inputs[0], &n);
  if (status != TG_OK) return status;
  for (k = 0; k < n; ++k) ((double*)data)[k] = floor(((double*)data)[k] + 0.5);
  return tg_alias(inputs[0], &outs[0]); /* the input itself */
}

static int32_t backward(void* user_data, tg_context context, const tg_tensor* grad_outputs,
                        size_t out_count, tg_tensor* grad_inputs, size_t count) {
  (void)user_data, (void)context, (void)out_count, (void)count;
  return tg_alias(grad_outputs[0], &grad_inputs[0]);
}

int main(void) {
  const double values[4] = {0.2, 0.7, -1.4, 2.5};
  const int64_t shape[1] = {4};
  tg_operator_definition definition;
  tg_operator rounded;
  tg_tensor w, x, y, square, loss, grad;
  int32_t same = 0;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "round";
  definition.out_count = 1;
  definition.forward = forward;
  definition.backward = backward;
  check(tg_operator_create(&definition, &rounded));

  check(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &w));
  check(tg_mul_scalar(w, 2, &x));
  check(tg_operator_apply(rounded, &x, 1, NULL, 0, &y, 1));
  check(tg_is_same(x, y, &same));
  print("rounded =", y);
  check(tg_mul(y, y, &square)), check(tg_sum(square, &loss)), check(tg_backward(loss));
  check(tg_tensor_grad(w, &grad));
  print("grad    =", grad);

  check(tg_release(w)), check(tg_release(x)), check(tg_release(y)), check(tg_release(square));
  check(tg_release(loss)), check(tg_release(grad)), check(tg_release(rounded));
  return tg_live_handles() != 0 || !same;
}
