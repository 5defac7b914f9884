/* SPDX-License-Identifier: MIT */
/* Foreign functions from C89: sine of the C library with cosine as its gradient, a routine of this
 * program, and what does not fit. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static int32_t weighted(int64_t n, double weight, const double* x, double* y) {
  int64_t i;
  for (i = 0; i < n; ++i) y[i] = weight * x[i];
  return weight < 0 ? 3 : 0;
}

typedef int32_t (*weighted_function)(int64_t, double, const double*, double*);

/* C89 has no conversion between the two kinds of pointer. */
static const void* address_of(weighted_function function) {
  const void* address;
  memcpy(&address, &function, sizeof address);
  return address;
}

static void sine(void) {
  const double values[2] = {0.5, 2};
  const int64_t shape[1] = {2};
  double slope[2] = {0, 0};
  tg_ffi_definition definition;
  tg_operator op = 0;
  tg_tensor x = 0, y = 0, sum = 0, grad = 0;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "sine";
  definition.library = "libm.so.6";
  definition.symbol = "sin";
  definition.signature = "f64 -> f64";
  definition.backward_symbol = "cos";
  definition.backward_signature = "f64 -> f64";
  CHECK(tg_ffi_operator(&definition, &op) == TG_OK);
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x) == TG_OK);
  CHECK(tg_operator_apply(op, &x, 1, NULL, 0, &y, 1) == TG_OK);
  CHECK(tg_sum(y, &sum) == TG_OK && tg_backward(sum) == TG_OK);
  CHECK(tg_tensor_grad(x, &grad) == TG_OK);
  CHECK(tg_tensor_copy_out(grad, slope, sizeof slope) == TG_OK);
  CHECK(slope[0] == cos(0.5) && slope[1] == cos(2.0));
  CHECK(tg_release(op) == TG_OK);
  CHECK(tg_ffi_operator(NULL, &op) == TG_ERROR_INVALID_ARGUMENT && op == 0);
  CHECK(tg_ffi_operator(&definition, NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_release(x) == TG_OK && tg_release(y) == TG_OK);
  CHECK(tg_release(sum) == TG_OK && tg_release(grad) == TG_OK);
}

static void routine(void) {
  const double values[2] = {1, -2};
  const int64_t shape[1] = {2};
  double result[2] = {0, 0};
  int64_t number = 0;
  tg_ffi_definition definition;
  tg_value weight;
  tg_operator op = 0;
  tg_tensor x = 0, y = 0;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "weighted";
  definition.address = address_of(weighted);
  definition.signature = "i64 n, f64 weight, f64 x[n], out f64 y[n] -> i32 status";
  memset(&weight, 0, sizeof weight);
  weight.type = TG_VALUE_DOUBLE;
  weight.as.number = 3;
  CHECK(tg_ffi_operator(&definition, &op) == TG_OK);
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 0, &x) == TG_OK);
  CHECK(tg_operator_apply(op, &x, 1, &weight, 1, &y, 1) == TG_OK);
  CHECK(tg_tensor_copy_out(y, result, sizeof result) == TG_OK);
  CHECK(result[0] == 3 && result[1] == -6 && tg_release(y) == TG_OK);
  weight.as.number = -1;
  CHECK(tg_operator_apply(op, &x, 1, &weight, 1, &y, 1) == TG_ERROR_CALLBACK && y == 0);
  tg_last_error_detail(&number, NULL);
  CHECK(number == 3);
  CHECK(tg_operator_apply(op, &x, 1, NULL, 0, &y, 1) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_operator_apply(x, &x, 1, &weight, 1, &y, 1) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_release(op) == TG_OK && tg_release(x) == TG_OK);
}

int main(void) {
  sine();
  routine();
  if (tg_live_handles() != 0) return puts("handles are left"), 1;
  return failures != 0;
}
