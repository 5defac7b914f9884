/* SPDX-License-Identifier: MIT */
/* Two subroutines of norms.f90, compiled into the shared library whose path the program is given.
 */
#include "check.h"

int main(int count, char** words) {
  const double values[6] = {3, 1, 2, 4, 2, 2};
  const int64_t shape[2] = {2, 3};
  tg_ffi_definition definition;
  tg_operator norms;
  tg_tensor a, y;
  if (count != 2) return fprintf(stderr, "usage: norms LIBRARY\n"), 2;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "column_norms";
  definition.library = words[1];
  definition.symbol = "column_norms_";
  definition.signature = "i32 m, i32 n, f64 a[m][n], out f64 norms[n]";
  definition.backward_symbol = "column_norms_backward_";
  definition.backward_signature =
      "i32 m, i32 n, f64 a[m][n], f64 norms[n], f64 grad norms[n], out f64 grad a[m][n]";
  definition.flags = TG_FFI_FORTRAN;
  check(tg_ffi_operator(&definition, &norms));

  check(tg_tensor_create(values, TG_FLOAT64, shape, 2, 1, &a));
  check(tg_operator_apply(norms, &a, 1, NULL, 0, &y, 1));
  print("norms of columns =", y);
  check_gradient(norms, &a, 1, 0, 1);

  check(tg_release(y)), check(tg_release(a)), check(tg_release(norms));
  return tg_live_handles() != 0;
}
