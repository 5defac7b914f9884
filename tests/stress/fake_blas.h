/* SPDX-License-Identifier: MIT */
/* Makes small libraries that pretend to be a BLAS, with the C compiler of the machine. */
#ifndef TAPEGRAD_TESTS_FAKE_BLAS_H
#define TAPEGRAD_TESTS_FAKE_BLAS_H
#include "stress.h"

static char fake_directory[64] = "/tmp/tapegrad_fake_blas_XXXXXX";

static MAYBE_UNUSED void fake_begin(void) {
  if (mkdtemp(fake_directory) == NULL) exit(2);
}
static MAYBE_UNUSED void fake_end(void) {
  char command[128];
  sprintf(command, "rm -r %s", fake_directory);
  CHECK(system(command) == 0);
}

/* BODY(name, type) is a plain product in C over INT; WRONG(type) is added to its first element. */
static const char* const fake_gemm[] = {
    "#define BODY(N, T) void N(int o, int ta, int tb, INT m, INT n, INT k, T al, const T *a, ",
    "INT la, const T *b, INT lb, T be, T *c, INT lc) { INT i, j, p; (void)o; ",
    "for (i = 0; i < m; ++i) for (j = 0; j < n; ++j) { T s = 0; for (p = 0; p < k; ++p) ",
    "s += (ta == 111 ? a[i*la+p] : a[p*la+i]) * (tb == 111 ? b[p*lb+j] : b[j*lb+p]); ",
    "c[i*lc+j] = al * s + (be == 0 ? 0 : be * c[i*lc+j]); } ",
    "if (m > 0 && n > 0) c[0] += WRONG(T); }\n"};

/* Compiles head, fake_gemm, tail; the path of the library, in a static text. */
static MAYBE_UNUSED const char* fake_library(const char* name, const char* head, const char* tail) {
  static char path[128];
  char command[512];
  size_t i;
  FILE* file;
  sprintf(path, "%s/%s.c", fake_directory, name);
  file = fopen(path, "w");
  if (file == NULL || fputs(head, file) < 0) exit(2);
  for (i = 0; i < sizeof fake_gemm / sizeof fake_gemm[0]; ++i) fputs(fake_gemm[i], file);
  if (fputs(tail, file) < 0 || fclose(file) != 0) exit(2);
  sprintf(command, "cc -O1 -shared -fPIC -o %s/%s.so %s/%s.c", fake_directory, name, fake_directory,
          name);
  if (system(command) != 0) exit(2);
  sprintf(path, "%s/%s.so", fake_directory, name);
  return path;
}
#endif
