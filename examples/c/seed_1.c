/* SPDX-License-Identifier: MIT */
/* What a result knows of gradients: in inference mode and under no_grad nothing is recorded, so
   y = x * 2 does not require grad, though x does. */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

static const char* truth(int32_t value) { return value ? "True" : "False"; }

int main(void) {
  const float values[3] = {1, 2, 3};
  const int64_t shape[1] = {3};
  tg_tensor x, y, z;
  int32_t requires_grad;

  check(tg_tensor_create(values, TG_FLOAT32, shape, 1, 1, &x));

  check(tg_inference_mode_enter(1));
  check(tg_mul_scalar(x, 2, &y));
  check(tg_inference_mode_exit());
  check(tg_tensor_requires_grad(y, &requires_grad));
  printf("在 inference_mode 中: %s\n", truth(requires_grad));

  check(tg_no_grad_enter());
  check(tg_mul_scalar(x, 2, &z));
  check(tg_no_grad_exit());
  check(tg_tensor_requires_grad(z, &requires_grad));
  printf("在 no_grad 中: %s\n", truth(requires_grad));

  check(tg_release(x));
  check(tg_release(y));
  check(tg_release(z));
  return 0;
}
