// SPDX-License-Identifier: MIT
// What the plain mains of the fuzz targets share: running the target on files that are named.
#pragma once

#include <cstdio>
#include <string>

// The exit code: 1 where a file cannot be opened.
template <class Run>
int run_on_files(int count, char** names, Run run) {
  for (int i = 0; i < count; ++i) {
    std::FILE* in = std::fopen(names[i], "rb");
    if (in == nullptr) {
      std::fprintf(stderr, "%s cannot be opened\n", names[i]);
      return 1;
    }
    std::string bytes;
    char piece[4096];
    for (size_t got; (got = std::fread(piece, 1, sizeof piece, in)) > 0;) bytes.append(piece, got);
    std::fclose(in);
    run(bytes);
  }
  std::printf("%d files\n", count);
  return 0;
}
