/* SPDX-License-Identifier: MIT */
/* What the examples of this folder share: statuses that end the program, and a check of a gradient
 * against differences of values: every element of every operand is moved a little to both sides. */
#ifndef TAPEGRAD_EXAMPLES_FFI_CHECK_H
#define TAPEGRAD_EXAMPLES_FFI_CHECK_H

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

/* The sum of w * y, where y is the result number `which` of `out_count` and w runs 0.3, 0.4, ... */
static tg_tensor weighted(tg_operator op, const tg_tensor* inputs, size_t count, size_t which,
                          size_t out_count) {
  tg_tensor outs[4], product, sum, steps, weights, shaped;
  int64_t shape[16], n;
  int32_t rank;
  size_t i;
  check(tg_operator_apply(op, inputs, count, NULL, 0, outs, out_count));
  check(tg_tensor_numel(outs[which], &n));
  check(tg_tensor_shape(outs[which], shape, 16, &rank));
  check(tg_arange(0, (double)n, 1, TG_FLOAT64, &steps));
  check(tg_mul_scalar(steps, 0.1, &weights));
  check(tg_add_scalar_(weights, 0.3));
  check(tg_reshape(weights, shape, rank, &shaped));
  check(tg_mul(outs[which], shaped, &product));
  check(tg_sum(product, &sum));
  check(tg_release(steps)), check(tg_release(weights)), check(tg_release(shaped));
  check(tg_release(product));
  for (i = 0; i < out_count; ++i) check(tg_release(outs[i]));
  return sum;
}

static double value_of(tg_operator op, const tg_tensor* inputs, size_t count, size_t which,
                       size_t out_count) {
  double value;
  tg_tensor sum;
  check(tg_no_grad_enter());
  sum = weighted(op, inputs, count, which, out_count);
  check(tg_no_grad_exit());
  check(tg_tensor_item(sum, &value));
  check(tg_release(sum));
  return value;
}

/* Ends the program where a gradient is wrong. All operands are float64 leaves that require grad. */
static void check_gradient(tg_operator op, const tg_tensor* inputs, size_t count, size_t which,
                           size_t out_count) {
  const tg_tensor sum = weighted(op, inputs, count, which, out_count);
  const double step = 1e-6;
  tg_tensor grads[4], moved[4];
  double values[100], slopes[100], worst = 0;
  int64_t shape[16], n, k;
  int32_t rank;
  size_t i;
  check(tg_grad(&sum, NULL, 1, inputs, count, 0, grads));
  for (i = 0; i < count; ++i) {
    check(tg_tensor_numel(inputs[i], &n));
    check(tg_tensor_shape(inputs[i], shape, 16, &rank));
    check(tg_tensor_copy_out(inputs[i], values, (size_t)n * sizeof(double)));
    check(tg_tensor_copy_out(grads[i], slopes, (size_t)n * sizeof(double)));
    memcpy(moved, inputs, count * sizeof *inputs);
    for (k = 0; k < n; ++k) {
      double ends[2], difference;
      int side;
      for (side = 0; side < 2; ++side) {
        values[k] += side == 0 ? -step : 2 * step;
        check(tg_tensor_create(values, TG_FLOAT64, shape, rank, 0, &moved[i]));
        ends[side] = value_of(op, moved, count, which, out_count);
        check(tg_release(moved[i]));
      }
      values[k] -= step;
      difference = fabs((ends[1] - ends[0]) / (2 * step) - slopes[k]) / (1 + fabs(slopes[k]));
      if (!(difference < 1e-6)) {
        fprintf(stderr, "operand %d, element %d: the gradient is %g, differences give %g\n", (int)i,
                (int)k, slopes[k], (ends[1] - ends[0]) / (2 * step));
        exit(1);
      }
      if (difference > worst) worst = difference;
    }
    check(tg_release(grads[i]));
  }
  check(tg_release(sum));
  printf("the gradient agrees with differences\n");
}

#endif
