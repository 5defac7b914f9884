// SPDX-License-Identifier: MIT
// Gradients by differences of values: f'(x) is about (f(x + h) - f(x - h)) / 2h. The error of the
// quotient is of the order of h^2, that of rounding of the order of e / h, where e is the distance
// of numbers at 1; both are least near h = e^(1/3) (Dennis and Schnabel, Numerical Methods for
// Unconstrained Optimization and Nonlinear Equations, 5.6).
#include <cmath>

#include "autograd/modes.h"
#include "base/token.h"
#include "ffi/operator.h"
#include "ops/ops.h"

namespace tg::ffi {

namespace {

double step_of(DType dtype) { return dtype == DType::float32 ? 4.9e-3 : 6.1e-6; }

// h for each element: relative to those that are greater than 1.
Tensor steps(const Tensor& x) { return mul_scalar(clamp(abs(x), 1, HUGE_VAL), step_of(x.dtype())); }

struct Ends {
  Tensor up, down;
};
Ends ends_of(const Tensor& x, const Tensor& h) { return {add(x, h), sub(x, h)}; }

double total(const Tensor& x) {
  const Tensor whole = sum(to_dtype(x, DType::float64));
  double value = 0;
  copy_out(whole, reinterpret_cast<std::byte*>(&value));
  return value;
}

// Operands with one of them replaced.
struct Replaced {
  const Tensor* list[kMaxParameters];
  size_t count;
  Replaced(Operands inputs, size_t place, const Tensor& by) : count(inputs.size()) {
    for (size_t i = 0; i < count; ++i) list[i] = i == place ? &by : inputs[i];
  }
  operator Operands() const { return {list, count}; }
};

}  // namespace

// The results of the function alone, recorded nowhere.
void ForeignOperator::values(Operands inputs, const Binding& binding, std::span<Tensor> outs) {
  routine_.make_outputs(binding, outs);
  call(inputs, binding, outs);
}

Tensor ForeignOperator::element_difference(const Call& of, size_t input) {
  const Tensor& x = *of.inputs[input];
  const Ends ends = ends_of(x, steps(x));
  const auto m = of.grads.size();
  Tensor up[kMaxParameters + 1], down[kMaxParameters + 1], found;
  values(Replaced(of.inputs, input, ends.up), of.binding, {up, m});
  values(Replaced(of.inputs, input, ends.down), of.binding, {down, m});
  const Tensor width = sub(ends.up, ends.down);  // what the rounded step really is
  for (size_t j = 0; j < m; ++j) {
    if (!*of.grads[j]) continue;
    Tensor part = mul(*of.grads[j], div(sub(up[j], down[j]), width));
    found = found ? add(found, part) : std::move(part);
  }
  return found;
}

// One element after the other: the operand is small, or the caller has time.
Tensor ForeignOperator::routine_difference(const Call& of, size_t input) {
  const Tensor& given = *of.inputs[input];
  const Tensor x = make_tensor(given.dtype(), given.sizes(), given.rank());
  copy_elements(x, given);
  const Tensor h = steps(x);
  Tensor found = zeros(x.dtype(), x.shape());
  const auto m = of.grads.size();
  Tensor up[kMaxParameters + 1], down[kMaxParameters + 1];
  const Replaced operands(of.inputs, input, x);
  with_dtype(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      T* const at = reinterpret_cast<T*>(x.data());
      const int64_t n = x.numel();
      for (int64_t k = 0; k < n; ++k) {
        ask_token();
        const T middle = at[k], step = reinterpret_cast<const T*>(h.data())[k];
        const volatile T above = middle + step, below = middle - step;
        at[k] = above;
        values(operands, of.binding, {up, m});
        at[k] = below;
        values(operands, of.binding, {down, m});
        at[k] = middle;
        double change = 0;
        for (size_t j = 0; j < m; ++j) {
          if (*of.grads[j]) change += total(mul(*of.grads[j], sub(up[j], down[j])));
        }
        reinterpret_cast<T*>(found.data())[k] =
            static_cast<T>(change / (static_cast<double>(above) - static_cast<double>(below)));
      }
    }
  });
  return found;
}

void ForeignOperator::gradients_by_differences(const Call& of, std::span<Tensor> found) {
  Tensor given[kMaxParameters];
  size_t count = 0;
  Binding binding = of.binding;
  {
    const EngineModes modes(false);
    if (routine_.signature().is_elementwise) routine_.bind(of.inputs, binding);
    const Call plain{of.inputs, of.outs, of.grads, binding, of.wanted};
    for (size_t i = 0; i < of.inputs.size(); ++i) {
      if ((of.wanted & gives_) >> i & 1) {
        given[count++] = routine_.signature().is_elementwise ? element_difference(plain, i)
                                                             : routine_difference(plain, i);
      }
    }
  }
  mark_as_once(of, {given, count});
  count = 0;
  for (size_t i = 0; i < of.inputs.size(); ++i) {
    if ((of.wanted & gives_) >> i & 1) found[i] = std::move(given[count++]);
  }
}

// Under create_graph the gradients get a past, which says that it cannot be followed.
void ForeignOperator::mark_as_once(const Call& of, std::span<const Tensor> given) {
  if (!recording_mode()) return;
  const Tensor* from[kMaxUserMask];
  size_t n = 0;
  const auto add_operand = [&](const Tensor* x) {
    if (*x && requires_grad(*x) && n < kMaxUserMask) from[n++] = x;
  };
  for (const Tensor* x : of.inputs) add_operand(x);
  for (const Tensor* grad : of.grads) add_operand(grad);
  if (n == 0) return;
  const uint32_t all = (uint32_t{1} << n) - 1;
  link_user(reserve_user_node({*once_, all, 0, 0}, {from, n}, given), given, ~uint32_t{0});
}

// ---- the check of a gradient that was given ----

namespace {

// A direction without a pattern that a wrong gradient could be blind to, the same on every machine:
// multiples of the golden ratio, modulo 1, in [0.5, 1.5).
Tensor direction_like(const Tensor& x, double start) {
  Tensor out = make_tensor(x.dtype(), x.sizes(), x.rank());
  with_dtype(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      T* const data = reinterpret_cast<T*>(out.data());
      const int64_t n = out.numel();
      double value = start;
      for (int64_t k = 0; k < n; ++k) {
        value += 0.6180339887498949;
        if (value >= 1.5) value -= 1;
        data[k] = static_cast<T>(value);
      }
    }
  });
  return out;
}

}  // namespace

// For weights w of the results and a direction d of an operand, the sum of w * (f(x + hd) - f(x -
// hd)) / 2h must be that of d * gradient.
void ForeignOperator::check(Operands inputs, std::span<const Tensor> outs, const Binding& binding,
                            uint32_t wanted) {
  const EngineModes modes(false);
  const size_t m = outs.size();
  Tensor weights[kMaxParameters + 1], found[kMaxParameters];
  const Tensor* grads[kMaxParameters + 1];
  for (size_t j = 0; j < m; ++j) {
    if ((differentiable_ >> j & 1) != 0) weights[j] = direction_like(outs[j], 0.5);
    grads[j] = &weights[j];
  }
  gradients({inputs, outs, {grads, m}, binding, wanted}, found);
  for (size_t i = 0; i < inputs.size(); ++i) {
    if ((wanted >> i & 1) == 0) continue;
    const Tensor& x = *inputs[i];
    const Tensor direction = direction_like(x, 0.7);
    const Tensor h = mul(steps(x), direction);
    const Ends ends = ends_of(x, h);
    Tensor up[kMaxParameters + 1], down[kMaxParameters + 1];
    values(Replaced(inputs, i, ends.up), binding, {up, m});
    values(Replaced(inputs, i, ends.down), binding, {down, m});
    double change = 0, size = 0;
    for (size_t j = 0; j < m; ++j) {
      if (!weights[j]) continue;
      const Tensor part = mul(weights[j], sub(up[j], down[j]));
      change += total(part) / 2;
      size += total(abs(part)) / 2;
    }
    const Tensor gradient = fit(found[i], {x.dtype(), x.shape()});
    const Tensor part = mul(gradient, h);
    const double told = total(part);
    size += total(abs(part));
    const double tolerance = x.dtype() == DType::float32 ? 2e-2 : 1e-4;
    // Written so that a NaN fails.
    if (std::fabs(change - told) <= tolerance * size + step_of(x.dtype()) * 1e-8) continue;
    fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(i), name, ": its backward gives inputs[", i,
                 "], ", Named{x}, ", a gradient under which the results would change by ", told,
                 " along a small step, but they change by ", change,
                 "; correct the backward, or leave TG_FFI_CHECK away");
  }
  to_check_.store(false, std::memory_order_relaxed);
}

}  // namespace tg::ffi
