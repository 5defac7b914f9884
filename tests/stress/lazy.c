/* SPDX-License-Identifier: MIT */
/* A process that makes small products only gets no thread and no BLAS; the first large product
   opens it. bare: dlopen of OpenBLAS alone starts a thread. */
#include "stress.h"

int main(int argc, char** argv) {
  struct pair pair;
  float* out = floats(300 * 300);
  int n;
  if (argc > 1 && strcmp(argv[1], "bare") == 0) {
    start(argc, argv);
    return entries("/proc/self/task") != 1;
  }
  CHECK(entries("/proc/self/task") == 1);
  CHECK(!maps_contain("/libopenblas") && !maps_contain("/libblas") && !maps_contain("/libblis"));
  for (n = 2; n <= 64; n += 31) {
    make_pair(&pair, n, n, n, 19);
    CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
  }
  CHECK(info_is("state", "\"not loaded\""));
  CHECK(entries("/proc/self/task") == 1);
  CHECK(!maps_contain("/libopenblas") && !maps_contain("/libblas") && !maps_contain("/libblis"));
  make_pair(&pair, 300, 300, 300, 19);
  CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
  CHECK(!info_is("state", "\"not loaded\""));
  if (info_is("state", "\"ready\""))
    CHECK(maps_contain("/libopenblas") || maps_contain("/libblas"));
  free(out);
  return finish();
}
