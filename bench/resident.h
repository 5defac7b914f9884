/* SPDX-License-Identifier: MIT
   Prints what the process has resident now, in KiB, as the kernel counts it. */
#ifndef BENCH_RESIDENT_H
#define BENCH_RESIDENT_H

#include <stdio.h>
#include <string.h>

static void print_resident_kilobytes(void) {
  char line[256];
  FILE* file = fopen("/proc/self/status", "r");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    if (strncmp(line, "VmRSS:", 6) == 0) fputs(line + 6, stdout);
  }
  fclose(file);
}

#endif
