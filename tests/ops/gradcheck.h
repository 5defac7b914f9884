// SPDX-License-Identifier: MIT
// Gradients against central differences, in float64: of a function of some leaves (order 1), and of
// the function's gradients, computed under create_graph, once more (order 2).
#pragma once

#include <cmath>
#include <functional>
#include <sstream>
#include <string>
#include <vector>

#include "values.h"

namespace tg::test {

using Inputs = std::vector<Tensor>;
using Function = std::function<Tensor(const Inputs&)>;

// Fixed numbers that the result is weighted by, so that each element of it counts on its own.
inline Tensor weights_for(const Tensor& y, uint64_t seed) {
  std::vector<double> list;
  for (int64_t i = 0; i < y.numel(); ++i) {
    list.push_back(std::sin(static_cast<double>(i) * 1.7 + static_cast<double>(seed)) + 0.3);
  }
  const Tensor flat = tensor({y.numel()}, list);
  return to_dtype(reshape(flat, y.sizes(), y.rank()), y.dtype());
}

inline double weighted_sum(const Tensor& y, const Tensor& weights) {
  const std::vector<double> a = values(y), b = values(weights);
  double total = 0;
  for (size_t i = 0; i < a.size(); ++i) total += a[i] * b[i];
  return total;
}

// Nothing if the gradients of f agree with differences; else what differs. The inputs are
// row-major float64 leaves, which are changed and put back.
inline std::string check_first_order(const Function& f, const Inputs& inputs) {
  constexpr double kStep = 1e-5, kTolerance = 1e-6;
  const Tensor y = f(inputs);
  const Tensor weights = weights_for(y, 1);
  Inputs found(inputs.size());
  if (requires_grad(y)) found = gradients(y, weights, inputs);
  std::ostringstream report;
  for (size_t k = 0; k < inputs.size(); ++k) {
    const Tensor& x = inputs[k];
    if (found[k] && !(found[k].shape() == x.shape() && found[k].dtype() == x.dtype())) {
      report << "input " << k << ": the gradient has another shape or dtype\n";
      continue;
    }
    const std::vector<double> gradient =
        found[k] ? values(found[k]) : std::vector<double>(static_cast<size_t>(x.numel()), 0.0);
    auto* elements = reinterpret_cast<double*>(x.data());
    for (size_t i = 0; i < gradient.size(); ++i) {
      const double before = elements[i];
      elements[i] = before + kStep;
      const double above = weighted_sum(f(inputs), weights);
      elements[i] = before - kStep;
      const double below = weighted_sum(f(inputs), weights);
      elements[i] = before;
      const double difference = (above - below) / (2 * kStep);
      if (!(std::abs(gradient[i] - difference) <= kTolerance * (1 + std::abs(difference)))) {
        report << "input " << k << ", element " << i << ": gradient " << gradient[i]
               << ", difference " << difference << '\n';
      }
    }
  }
  return report.str();
}

inline std::string check_second_order(const Function& f, const Inputs& inputs) {
  const Tensor y = f(inputs);
  if (!requires_grad(y)) return "the result does not require grad\n";
  // The gradients depend on the inputs and on the gradient that comes in.
  Inputs all = inputs;
  all.push_back(leaf(weights_for(y, 2)));
  const Function gradients_of_f = [&](const Inputs& xs) {
    const Inputs leaves(xs.begin(), xs.end() - 1);
    const Inputs found = gradients(f(leaves), xs.back(), leaves, true);
    Tensor total = scalar(0, f64);
    for (size_t k = 0; k < found.size(); ++k) {
      if (found[k]) total = add(total, sum(mul(found[k], weights_for(found[k], 3 + k))));
    }
    return total;
  };
  return check_first_order(gradients_of_f, all);
}

inline std::string gradcheck(const Function& f, const Inputs& inputs) {
  const std::string first = check_first_order(f, inputs);
  if (!first.empty()) return "order 1\n" + first;
  const std::string second = check_second_order(f, inputs);
  return second.empty() ? second : "order 2\n" + second;
}

}  // namespace tg::test
