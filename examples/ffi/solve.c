/* SPDX-License-Identifier: MIT */
/* A X = B, solved by LAPACK's dgesv, with a gradient. For the gradient G of X, that of B solves
 * A^T H = G, and that of A is -H X^T (Giles, An extended collection of matrix derivative results
 * for forward and reverse mode algorithmic differentiation, 2.3.1). */
#include "check.h"

extern void dgesv_(const int32_t* n, const int32_t* k, double* a, const int32_t* rows, int32_t* p,
                   double* b, const int32_t* b_rows, int32_t* info);

/* Matrices by columns: a(i, j) is a[i + j * n]. */
static void solve_backward(const int32_t* n, const int32_t* k, const double* a, const double* x,
                           const double* g, double* turned, int32_t* p, double* grad_a,
                           double* grad_b, int32_t* info) {
  int32_t i, j, c;
  for (i = 0; i < *n; ++i) {
    for (j = 0; j < *n; ++j) turned[j + i * *n] = a[i + j * *n];
  }
  memcpy(grad_b, g, (size_t)*n * (size_t)*k * sizeof(double));
  dgesv_(n, k, turned, n, p, grad_b, n, info);
  for (i = 0; i < *n; ++i) {
    for (j = 0; j < *n; ++j) {
      double sum = 0;
      for (c = 0; c < *k; ++c) sum += grad_b[i + c * *n] * x[j + c * *n];
      grad_a[i + j * *n] = -sum;
    }
  }
}

int main(void) {
  const double matrix[9] = {4, 1, 0, 2, 5, 1, 0, 1, 3}, right[6] = {1, 2, 3, 4, 5, 6};
  const double singular[9] = {1, 2, 3, 2, 4, 6, 1, 1, 1};
  const int64_t square[2] = {3, 3}, columns[2] = {3, 2};
  void (*backward)(const int32_t*, const int32_t*, const double*, const double*, const double*,
                   double*, int32_t*, double*, double*, int32_t*) = solve_backward;
  tg_ffi_definition definition;
  tg_operator solve;
  tg_tensor operands[2], outs[2], product, flat;
  int64_t number;
  memset(&definition, 0, sizeof definition);
  definition.struct_size = sizeof definition;
  definition.name = "solve";
  definition.library = "liblapack.so.3";
  definition.symbol = "dgesv_";
  definition.signature =
      "i32 n, i32 k, inout f64 a[n][n], i32 n, work i32 p[n], inout f64 b[n][k], i32 n, "
      "status i32 info";
  memcpy(&definition.backward_address, &backward, sizeof backward);
  definition.backward_signature =
      "i32 n, i32 k, f64 a[n][n], f64 result b[n][k], f64 grad b[n][k], work f64 t[n][n], "
      "work i32 p[n], out f64 grad a[n][n], out f64 grad b[n][k], status i32 info";
  definition.flags = TG_FFI_FORTRAN | TG_FFI_CHECK;
  check(tg_ffi_operator(&definition, &solve));

  /* Two results: what dgesv leaves in a, its factors, and what it leaves in b, which is X. */
  check(tg_tensor_create(matrix, TG_FLOAT64, square, 2, 1, &operands[0]));
  check(tg_tensor_create(right, TG_FLOAT64, columns, 2, 1, &operands[1]));
  check(tg_operator_apply(solve, operands, 2, NULL, 0, outs, 2));
  print("X =", outs[1]);
  check(tg_mm(operands[0], outs[1], &product));
  print("A X =", product);
  check_gradient(solve, operands, 2, 1, 2);
  check(tg_release(product)), check(tg_release(outs[0])), check(tg_release(outs[1]));

  /* A matrix that cannot be solved with: the routine's own number is in the error. */
  check(tg_tensor_create(singular, TG_FLOAT64, square, 2, 0, &flat));
  check(tg_release(operands[0]));
  operands[0] = flat;
  if (tg_operator_apply(solve, operands, 2, NULL, 0, outs, 2) != TG_ERROR_CALLBACK) return 1;
  tg_last_error_detail(&number, NULL);
  printf("a singular matrix: info = %d\n", (int)number);

  check(tg_release(operands[0])), check(tg_release(operands[1])), check(tg_release(solve));
  return tg_live_handles() != 0;
}
