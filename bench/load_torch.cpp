// SPDX-License-Identifier: MIT
// Rows L1, L3 for libtorch: as load_tapegrad.c.
#include <torch/torch.h>

#include <cstdlib>

#include "resident.h"

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 2;
  const at::Tensor c = at::mm(torch::ones({n, n}), torch::ones({n, n}));
  if (argc > 2) print_resident_kilobytes();
  return c.dim() == 2 ? 0 : 1;
}
