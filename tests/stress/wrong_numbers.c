/* SPDX-License-Identifier: MIT */
/* 400 threads multiply at once, and every element is compared for equality. The serial build of
   OpenBLAS, called by several threads, gives wrong numbers: bare N CALLERS shows it. */
#include "stress.h"

int main(int argc, char** argv) {
  struct pair pairs[16];
  long wrong;
  int i;
  if (start(argc, argv)) {
    const int n = argc > 2 ? atoi(argv[2]) : 136, callers = argc > 3 ? atoi(argv[3]) : 16;
    make_pair(&pairs[0], n, n, n, 1);
    wrong = hammer(callers, 64000 / callers / 2, pairs, 1);
    printf("bare, %d callers, n = %d: %ld wrong elements\n", callers, n, wrong);
    return wrong != 0;
  }
  for (i = 0; i < 16; ++i) {
    /* From 2 to 300; what the BLAS gets depends on the processor, but always those of 280 and more.
     */
    static const int sizes[16] = {2,   300, 8,   280, 31,  290, 64,  300,
                                  129, 17,  200, 300, 144, 100, 256, 3};
    const int n = sizes[i] >= 280 ? 300 - i : sizes[(i * 5 + 1) % 16];
    make_pair(&pairs[i], sizes[i], n, sizes[i], (unsigned)i);
  }
  wrong = hammer(400, 200, pairs, 16);
  printf("400 threads, 80000 products: %ld wrong elements\n", wrong);
  CHECK(wrong == 0);
  return finish();
}
