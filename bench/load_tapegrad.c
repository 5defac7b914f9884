/* SPDX-License-Identifier: MIT
   Rows L1, L3: a process that links tapegrad, makes one product n by n (2 if not said), prints the
   bytes it has resident if asked, and ends. */
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

#include "resident.h"

int main(int argc, char** argv) {
  int64_t shape[2];
  tg_tensor a, b, c;
  shape[0] = shape[1] = argc > 1 ? atoi(argv[1]) : 2;
  if (tg_ones(TG_FLOAT32, shape, 2, &a) != TG_OK || tg_ones(TG_FLOAT32, shape, 2, &b) != TG_OK ||
      tg_mm(a, b, &c) != TG_OK) {
    return 1;
  }
  if (argc > 2) print_resident_kilobytes();
  tg_release(a);
  tg_release(b);
  tg_release(c);
  return 0;
}
