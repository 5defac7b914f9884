// SPDX-License-Identifier: MIT
// Rows M: products. The raw side of each (cblas_sgemm into a buffer that is reused, and the limits
// of the machine) stands in raw.cpp under the same names.
#include "side.h"

namespace bench {
namespace {

side::Tensor matrix(std::int64_t rows, std::int64_t columns, std::uint64_t seed, float high = 1) {
  return operand(Mode::kInference,
                 uniform(static_cast<std::size_t>(rows * columns), seed, -high, high),
                 {rows, columns});
}

Prepared mm_square(std::int64_t n) {
  return calls(Mode::kInference,
               [a = matrix(n, n, 1), b = matrix(n, n, 2)] { return side::mm(a, b); });
}

// The weight as a module holds it: it requires grad where the mode has such inputs.
Prepared linear(Mode mode, std::int64_t batch, std::int64_t in, std::int64_t out) {
  return calls(mode, [x = matrix(batch, in, 1),
                      weight = operand(mode, uniform(static_cast<std::size_t>(in * out), 2),
                                       {out, in})] { return side::linear(x, weight); });
}

}  // namespace

void add_product_rows() {
  const std::pair<const char*, int> squares[] = {{"M1", 256}, {"M1", 512}, {"M1", 1024}, {"M2", 64},
                                                 {"M2", 100}, {"M2", 128}, {"M3", 32},   {"M4", 16},
                                                 {"M5", 4},   {"M5", 8}};
  for (const auto& [row, n] : squares) {
    rows().push_back(
        {std::string(row) + "/mm" + std::to_string(n), [size = n] { return mm_square(size); }});
  }
  for (Mode mode : {Mode::kInference, Mode::kNoGrad}) {
    rows().push_back({std::string("M6/linear50x1000x1000/") + mode_name(mode),
                      [mode] { return linear(mode, 50, 1000, 1000); }});
  }
  rows().push_back(
      {"M7/linear1x1000x1000", [] { return linear(Mode::kInference, 1, 1000, 1000); }});
  rows().push_back(
      {"M8/linear1x768x50257", [] { return linear(Mode::kInference, 1, 768, 50257); }});
  rows().push_back({"M9/mm1024/threads1", [] { return mm_square(1024); }, 1, 1, true});
  rows().push_back({"M9/mm1024/threads2", [] { return mm_square(1024); }, 1, 2, true});
}

}  // namespace bench
