// SPDX-License-Identifier: MIT
// Rows E: elementwise operators and reductions over rows of 1000, in inference mode, with a fresh
// result at each call unless the row says otherwise.
#include "side.h"

namespace bench {
namespace {

constexpr std::int64_t kColumns = 1000;

side::Tensor table(std::size_t elements, std::uint64_t seed, float low = -3) {
  return operand(Mode::kInference, uniform(elements, seed, low, 3),
                 {static_cast<std::int64_t>(elements) / kColumns, kColumns});
}

template <class Call>
void add_sizes(const char* name, Call operation, float low = -3) {
  for (const auto& [label, elements] :
       {std::pair<const char*, std::size_t>{"1e4", 10000}, {"1e6", 1000000}, {"1e7", 10000000}}) {
    rows().push_back({std::string(name) + "/" + label, [n = elements, operation, low] {
                        return calls(Mode::kInference,
                                     [x = table(n, 1, low), operation] { return operation(x); });
                      }});
  }
}

}  // namespace

void add_elementwise_rows() {
  for (const auto& [label, elements] :
       {std::pair<const char*, std::size_t>{"1e4", 10000}, {"1e6", 1000000}, {"1e7", 10000000}}) {
    rows().push_back({std::string("E1/add/") + label, [n = elements] {
                        return calls(Mode::kInference, [a = table(n, 1), b = table(n, 2)] {
                          return side::add(a, b);
                        });
                      }});
  }
  rows().push_back({"E2/add_out/1e7", [] {
                      return calls(Mode::kInference,
                                   [a = table(10000000, 1), b = table(10000000, 2),
                                    out = table(10000000, 3)]() mutable {
                                     side::add_out(a, b, out);
                                     return side::same(out);
                                   });
                    }});
  rows().push_back({"E2/relu_/1e7", [] {
                      return calls(Mode::kInference, [x = table(10000000, 1)]() mutable {
                        side::relu_in_place(x);
                        return side::same(x);
                      });
                    }});
  add_sizes("E3/exp", [](const side::Tensor& x) { return side::exp(x); });
  add_sizes("E3b/sigmoid", [](const side::Tensor& x) { return side::sigmoid(x); });
  add_sizes("E4/tanh", [](const side::Tensor& x) { return side::tanh(x); });
  add_sizes("E6/softmax", [](const side::Tensor& x) { return side::softmax_rows(x); });
  // Positive, so that the order of summation does not show in the comparison.
  add_sizes(
      "E8/sum", [](const side::Tensor& x) { return side::sum(x); }, 0);
}

}  // namespace bench
