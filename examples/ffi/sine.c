/* SPDX-License-Identifier: MIT */
/* sin of the C library as an operator, with cos as its derivative. */
#include "check.h"

int main(void) {
  const double values[4] = {0, 0.5, 2, -1};
  const int64_t shape[1] = {4};
  tg_ffi_definition definition;
  tg_operator sine;
  tg_tensor x, y;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "sine";
  definition.library = "libm.so.6";
  definition.symbol = "sin";
  definition.signature = "f64 -> f64";
  definition.backward_symbol = "cos";
  definition.backward_signature = "f64 -> f64";
  check(tg_ffi_operator(&definition, &sine));

  check(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x));
  check(tg_operator_apply(sine, &x, 1, NULL, 0, &y, 1));
  print("sin x =", y);
  check_gradient(sine, &x, 1, 0, 1);

  check(tg_release(y)), check(tg_release(x)), check(tg_release(sine));
  return tg_live_handles() != 0;
}
