// SPDX-License-Identifier: MIT
// Rows T1 to T3: a recorded chain forward and backward, per node; T8: an operator that writes into
// an existing tensor, over sizes.
#include "chain.h"

namespace bench {
namespace {

constexpr std::size_t kNodes = 10000;

template <class Step>
Prepared chain_row(bool time_backward, Step step) {
  const auto chain = std::make_shared<Chain>();
  return {[chain, time_backward, step](Meter& meter, std::size_t count) {
            for (std::size_t i = 0; i < count; i++) {
              if (!time_backward) meter.start();
              const side::Tensor y = chain->build(kNodes, step);
              if (!time_backward) {
                meter.stop();
                continue;
              }
              meter.start();
              side::backward(y, chain->gradient);
              meter.stop();
              chain->clear_gradients();
            }
          },
          // The values of a shorter chain, whose rounding errors have not grown, and its gradient.
          [chain, step] {
            const side::Tensor y = chain->build(100, step);
            side::backward(y, chain->gradient);
            std::vector<float> values = side::numbers(y);
            for (float g : side::gradient(chain->leaf)) values.push_back(g);
            chain->clear_gradients();
            return values;
          }};
}

template <class Step>
void add_chain(const std::string& name, Step step) {
  rows().push_back({name + "/forward", [step] { return chain_row(false, step); }, kNodes});
  rows().push_back({name + "/backward", [step] { return chain_row(true, step); }, kNodes});
}

struct AddOut {
  side::Tensor a, b, out;
  explicit AddOut(std::size_t elements)
      : a(operand(Mode::kInference, uniform(elements, 1), {static_cast<std::int64_t>(elements)})),
        b(operand(Mode::kInference, uniform(elements, 2), {static_cast<std::int64_t>(elements)})),
        out(operand(Mode::kInference, uniform(elements, 3),
                    {static_cast<std::int64_t>(elements)})) {}
  side::Tensor operator()() {
    side::add_out(a, b, out);
    return side::same(out);
  }
};

}  // namespace

void add_tape_rows() {
  add_chain("T1/mul_scalar", mul_scalar_step(kNodes));
  add_chain("T3/add", [](const side::Tensor& x, const side::Tensor& w) { return side::add(x, w); });
  add_chain("T3/mul", [](const side::Tensor& x, const side::Tensor& w) { return side::mul(x, w); });
  add_chain("T3/tanh", [](const side::Tensor& x, const side::Tensor&) { return side::tanh(x); });
  for (const auto& [label, elements] :
       {std::pair<const char*, std::size_t>{"1e4", 10000}, {"1e5", 100000}, {"1e6", 1000000}}) {
    rows().push_back({std::string("T8/add_out/") + label,
                      [n = elements] { return calls(Mode::kInference, AddOut(n)); }, elements});
  }
}

}  // namespace bench
