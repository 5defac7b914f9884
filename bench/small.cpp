// SPDX-License-Identifier: MIT
// Rows S: what one small operator costs, the release of its result included. S8 counts the
// allocator calls of rows S1 to S6 and has no code of its own.
#include "side.h"

namespace bench {
namespace {

template <class Make>
void add(const char* name, Make make) {
  for (Mode mode : kModes) {
    rows().push_back(
        {std::string(name) + "/" + mode_name(mode), [mode, make] { return make(mode); }});
  }
}

template <class Call>
void add_unary(const char* name, Call operation) {
  add(name, [operation](Mode mode) {
    return calls(mode, [x = operand(mode, uniform(8, 1), {8}), operation] { return operation(x); });
  });
}

// Nothing to compare: a mode has no numbers.
template <class Call>
Prepared switches(Call call) {
  return {[call](Meter& meter, std::size_t count) {
            meter.start();
            for (std::size_t i = 0; i < count; i++) call();
            meter.stop();
          },
          nullptr};
}

// An operand that requires no grad outside inference mode, as weights' partners do.
side::Tensor partner(Mode mode, const std::vector<float>& values,
                     const std::vector<std::int64_t>& shape) {
  const side::ModeGuard guard(mode);
  return side::make(values, shape, false);
}

}  // namespace

void add_small_rows() {
  add("S1/add8", [](Mode mode) {
    return calls(mode, [a = operand(mode, uniform(8, 1), {8}),
                        b = partner(mode, uniform(8, 2), {8})] { return side::add(a, b); });
  });
  add_unary("S2/mul_scalar8", [](const side::Tensor& x) { return side::mul_scalar(x, 1.5); });
  add_unary("S3/relu8", [](const side::Tensor& x) { return side::relu(x); });
  add("S4/mm2x2", [](Mode mode) {
    return calls(mode, [a = operand(mode, uniform(4, 1), {2, 2}),
                        b = partner(mode, uniform(4, 2), {2, 2})] { return side::mm(a, b); });
  });
  add_unary("S5/view", [](const side::Tensor& x) { return side::view_2x4(x); });
  add_unary("S6/sum8", [](const side::Tensor& x) { return side::sum(x); });
  rows().push_back(
      {"S7/enter_leave/inference", [] { return switches(side::enter_and_leave_inference); }});
  rows().push_back(
      {"S7/enter_leave/no_grad", [] { return switches(side::enter_and_leave_no_grad); }});
}

}  // namespace bench
