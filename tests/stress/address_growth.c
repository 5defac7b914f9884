/* SPDX-License-Identifier: MIT */
/* OpenBLAS maps 128 MiB a caller and keeps them. Behind the gate it is so much a ticket, however
   many threads call. bare CALLERS shows the growth without it. */
#include "stress.h"

#include <malloc.h>

int main(int argc, char** argv) {
  struct pair pair;
  long before, once, twice, tickets;
  const int bare = start(argc, argv);
  const int callers = bare ? (argc > 2 ? atoi(argv[2]) : 50) : 400;
  mallopt(M_ARENA_MAX, 1); /* the C library's arenas are not what is measured */
  make_pair(&pair, 260, 260, 260, 11);
  before = address_space_mib();
  CHECK(hammer(callers, 3, &pair, 1) == 0);
  once = address_space_mib();
  CHECK(hammer(callers, 3, &pair, 1) == 0);
  twice = address_space_mib();
  tickets = bare ? 2 : info_number("gate");
  printf("%ld MiB before, %ld after, %ld after a second round, %ld tickets\n", before, once, twice,
         tickets);
  /* Each caller has a stack, two results and lists of blocks of its own. The openmp build maps
     300 MiB when it is opened. */
  CHECK(once - before <=
        64 + 128 * tickets + callers + (!bare && info_is("build", "\"openmp\"") ? 300 : 0));
  CHECK(twice - once <= callers);
  return finish();
}
