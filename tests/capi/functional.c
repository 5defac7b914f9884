/* SPDX-License-Identifier: MIT */
/* Functional derivatives and the check of gradients, from C89. */
#include <stdio.h>
#include <string.h>

#include "check.h"

/* The sum of x^3. */
static int32_t cubes(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                     size_t out_count) {
  tg_tensor cube = 0;
  tg_status status = tg_pow_scalar(inputs[0], 3, &cube);
  if (status == TG_OK) status = tg_sum(cube, &outs[0]);
  tg_release(cube);
  *(size_t*)user_data += count + out_count;
  return status;
}

static int equals(tg_tensor x, double first, double second) {
  double found[2] = {0, 0};
  return tg_tensor_copy_out(x, found, sizeof found) == TG_OK && found[0] == first &&
         found[1] == second;
}

int main(void) {
  const double values[2] = {1, 2}, along[2] = {1, 10};
  const int64_t shape[1] = {2};
  tg_tensor x = 0, v = 0, y = 0, grad = 0, tangent = 0, product = 0;
  double change = 0;
  size_t seen = 0;
  int32_t passed = 0;
  char text[1000];

  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x) == TG_OK);
  CHECK(tg_tensor_create(along, TG_FLOAT64, shape, 1, 0, &v) == TG_OK);
  CHECK(tg_vjp(cubes, &seen, &x, 1, NULL, &y, 1, &grad) == TG_OK);
  CHECK(equals(grad, 3, 12));
  CHECK(seen == 2);
  CHECK(tg_jvp(cubes, &seen, &x, &v, 1, NULL, &tangent, 1) == TG_OK);
  CHECK(tg_tensor_item(tangent, &change) == TG_OK && change == 123);
  CHECK(tg_hvp(cubes, &seen, &x, &v, 1, &product) == TG_OK);
  CHECK(equals(product, 6, 120));
  CHECK(tg_gradcheck(cubes, &seen, &x, 1, 1, 2, 0, 0, 0, &passed, text, sizeof text, NULL) ==
        TG_OK);
  CHECK(passed == 1 && strstr(text, "order 2: all") != NULL);
  CHECK(tg_gradcheck(cubes, &seen, &x, 1, 1, 3, 0, 0, 0, &passed, NULL, 0, NULL) ==
        TG_ERROR_INVALID_ARGUMENT);

  CHECK(tg_release(x) == TG_OK && tg_release(v) == TG_OK && tg_release(y) == TG_OK);
  CHECK(tg_release(grad) == TG_OK && tg_release(tangent) == TG_OK && tg_release(product) == TG_OK);
  CHECK(tg_live_handles() == 0);
  return failures != 0;
}
