/* SPDX-License-Identifier: MIT */
/* 400 threads with one size that needs a buffer of the BLAS: none crashes. bare CALLERS: OpenBLAS
   has only so many buffers, and dies when they are used up. */
#include "stress.h"

int main(int argc, char** argv) {
  struct pair pair;
  const int bare = start(argc, argv);
  const int callers = bare && argc > 2 ? atoi(argv[2]) : 400;
  make_pair(&pair, 300, 300, 300, 5);
  CHECK(hammer(callers, bare ? 30 : 10, &pair, 1) == 0);
  return finish();
}
