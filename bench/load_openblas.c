/* SPDX-License-Identifier: MIT
   Rows L1, L3 for OpenBLAS alone: as load_tapegrad.c. */
#include <stdlib.h>

#include "resident.h"

enum { kRowMajor = 101, kNoTranspose = 111 };
extern void cblas_sgemm(int order, int transpose_a, int transpose_b, int m, int n, int k,
                        float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                        float* c, int ldc);

int main(int argc, char** argv) {
  int n = argc > 1 ? atoi(argv[1]) : 2;
  size_t size = (size_t)n * (size_t)n;
  float* a = calloc(3 * size, sizeof(float));
  if (a == NULL) return 1;
  cblas_sgemm(kRowMajor, kNoTranspose, kNoTranspose, n, n, n, 1, a, n, a + size, n, 0, a + 2 * size,
              n);
  if (argc > 2) print_resident_kilobytes();
  free(a);
  return 0;
}
