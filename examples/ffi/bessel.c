/* SPDX-License-Identifier: MIT */
/* Bessel functions of the GNU Scientific Library. J0' = -J1 (Abramowitz and Stegun, 9.1.28). */
#include "check.h"

int main(void) {
  const double values[5] = {0, 0.5, 1, 2.5, 10};
  const int64_t shape[1] = {5};
  tg_ffi_definition definition;
  tg_operator j0, j1;
  tg_tensor x, y;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "bessel_J0";
  definition.library = "libgsl.so.27";
  definition.symbol = "gsl_sf_bessel_J0";
  definition.signature = "f64 -> f64";
  definition.backward_symbol = "gsl_sf_bessel_J1";
  definition.backward_signature = "-1 * f64 -> f64";
  check(tg_ffi_operator(&definition, &j0));

  check(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x));
  check(tg_operator_apply(j0, &x, 1, NULL, 0, &y, 1));
  print("J0(x) =", y);
  check_gradient(j0, &x, 1, 0, 1);
  check(tg_release(y));

  /* J1' is no function of the library, so differences find it. */
  definition.name = "bessel_J1";
  definition.symbol = "gsl_sf_bessel_J1";
  definition.backward_symbol = NULL;
  definition.backward_signature = NULL;
  definition.flags = TG_FFI_FINITE_DIFFERENCES;
  check(tg_ffi_operator(&definition, &j1));
  check(tg_operator_apply(j1, &x, 1, NULL, 0, &y, 1));
  print("J1(x) =", y);
  check_gradient(j1, &x, 1, 0, 1);

  check(tg_release(y)), check(tg_release(x)), check(tg_release(j0)), check(tg_release(j1));
  return tg_live_handles() != 0;
}
