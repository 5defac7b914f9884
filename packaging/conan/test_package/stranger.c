/* SPDX-License-Identifier: MIT */
/* Ends with 0 if the library that was linked computes: the gradient of the sum of squares is 2x. */
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

int main(void) {
  const float values[2] = {3, 4};
  const int64_t shape[1] = {2};
  tg_tensor x, y, loss, grad;
  char text[64];
  if (tg_tensor_create(values, TG_FLOAT32, shape, 1, 1, &x) || tg_mul(x, x, &y) ||
      tg_sum(y, &loss) || tg_backward(loss) || tg_tensor_grad(x, &grad) ||
      tg_tensor_format(grad, text, sizeof text, NULL)) {
    puts(tg_last_error_message());
    return 1;
  }
  puts(text);
  return strcmp(text, "tensor([6., 8.])") != 0;
}
