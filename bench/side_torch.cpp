// SPDX-License-Identifier: MIT
// What bench_torch says of libtorch as a whole: its threads and its version.
#include "side.h"

namespace bench {

void set_threads(int count) { at::set_num_threads(count); }

std::string library_version() { return "libtorch " TORCH_VERSION; }

void add_rows() {
  add_small_rows();
  add_tape_rows();
  add_product_rows();
  add_elementwise_rows();
  add_module_rows();
  add_figures();
}

}  // namespace bench
