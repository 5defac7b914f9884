// SPDX-License-Identifier: MIT
// Sums, products, quotients and powers of tensors and numbers. Formulas: b and a broadcast and are
// promoted by PyTorch's rules; Vjp::give brings each gradient back to its input's form.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

using kernels::Lane;
using kernels::Scalars;

namespace {

// ---- two tensors ----

struct Elementwise {
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr bool elementwise = true;
};

struct Add : Elementwise {
  static constexpr const char* name = "Add";
  static constexpr Op id = Op::add;
  static constexpr Lane lane = Lane::add;
  static constexpr SaveMask reads[] = {kReadsNothing, kReadsNothing};
  static Meta result(const Tensor& a, const Tensor& b) { return broadcast_meta(a, b); }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(Lane::add, out, a, b);
  }
  static void gradient(Vjp& v) {
    v.give(0, v.grad());
    v.give(1, v.grad());
  }
};

struct Sub : Elementwise {
  static constexpr const char* name = "Sub";
  static constexpr Op id = Op::sub;
  static constexpr Lane lane = Lane::sub;
  static constexpr SaveMask reads[] = {kReadsNothing, kReadsNothing};
  static Meta result(const Tensor& a, const Tensor& b) {
    if (a.dtype() == DType::boolean && b.dtype() == DType::boolean) {
      fail(TG_ERROR_DTYPE,
           "subtraction of two bool tensors has no meaning; use tg_ne, or convert "
           "one by tg_to_dtype");
    }
    return broadcast_meta(a, b);
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(Lane::sub, out, a, b);
  }
  static void gradient(Vjp& v) {
    v.give(0, v.grad());
    if (v.wants(1)) v.give(1, neg(v.grad()));
  }
};

// d(ab) = b da + a db.
struct Mul : Elementwise {
  static constexpr const char* name = "Mul";
  static constexpr Op id = Op::mul;
  static constexpr Lane lane = Lane::mul;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0)};
  static Meta result(const Tensor& a, const Tensor& b) { return broadcast_meta(a, b); }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(Lane::mul, out, a, b);
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, mul(v.grad(), v.saved(1)));
    if (v.wants(1)) v.give(1, mul(v.grad(), v.saved(0)));
  }
};

// d(a/b) = da / b - a db / b^2.
struct Div : Elementwise {
  static constexpr const char* name = "Div";
  static constexpr Op id = Op::div;
  static constexpr Lane lane = Lane::div;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0) | reads_input(1)};
  static Meta result(const Tensor& a, const Tensor& b) {
    Meta meta = broadcast_meta(a, b);
    if (!is_floating(meta.dtype)) meta.dtype = DType::float32;
    return meta;
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(Lane::div, out, a, b);
  }
  static void gradient(Vjp& v) {
    const Tensor b = v.saved(1);
    if (v.wants(0)) v.give(0, div(v.grad(), b));
    if (v.wants(1)) v.give(1, mul(neg(v.grad()), div(div(v.saved(0), b), b)));
  }
};

// The greater operand gets the gradient; equals share it half each (modes.md B18), and where one is
// NaN both get it.
template <bool kMaximum>
struct Extremum : Elementwise {
  static constexpr const char* name = kMaximum ? "Maximum" : "Minimum";
  static constexpr Op id = kMaximum ? Op::maximum : Op::minimum;
  static constexpr Lane lane = kMaximum ? Lane::maximum : Lane::minimum;
  static constexpr SaveMask kBoth = reads_input(0) | reads_input(1);
  static constexpr SaveMask reads[] = {kBoth, kBoth};
  static Meta result(const Tensor& a, const Tensor& b) { return broadcast_meta(a, b); }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(kMaximum ? Lane::maximum : Lane::minimum, out, a, b);
  }
  static void gradient(Vjp& v) {
    const Tensor a = v.saved(0), b = v.saved(1);
    const Tensor zero = scalar(0, v.grad().dtype());
    const Tensor shared = where(eq(a, b), mul_scalar(v.grad(), 0.5), v.grad());
    if (v.wants(0)) v.give(0, where(kMaximum ? lt(a, b) : gt(a, b), zero, shared));
    if (v.wants(1)) v.give(1, where(kMaximum ? lt(b, a) : gt(b, a), zero, shared));
  }
};
using Maximum = Extremum<true>;
using Minimum = Extremum<false>;

// ---- a tensor and a number ----

struct ScalarArgs {
  double value;
};

Meta same_meta(const Tensor& x) { return {x.dtype(), x.shape()}; }

struct AddScalar : Elementwise {
  static constexpr const char* name = "Add";
  static constexpr Op id = Op::add_scalar;
  static constexpr Lane lane = Lane::add_scalar;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = ScalarArgs;
  static Scalars scalars(const Args& k) { return {k.value, 0, 0, 0}; }
  static Meta result(const Args& k, const Tensor& x) {
    scalars_for("value", x.dtype(), k.value);
    return same_meta(x);
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars = scalars_for("value", x.dtype(), k.value);
    unary(Lane::add_scalar, out, x, &scalars);
  }
  static void gradient(Vjp& v) { v.give(0, v.grad()); }
};

struct RsubScalar : Elementwise {
  static constexpr const char* name = "Rsub";
  static constexpr Op id = Op::rsub_scalar;
  static constexpr Lane lane = Lane::rsub_scalar;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = ScalarArgs;
  static Scalars scalars(const Args& k) { return {k.value, 0, 0, 0}; }
  static Meta result(const Args&, const Tensor& x) { return same_meta(x); }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars = scalars_for("value", x.dtype(), k.value);
    unary(Lane::rsub_scalar, out, x, &scalars);
  }
  static void gradient(Vjp& v) { v.give(0, neg(v.grad())); }
};

struct MulScalar : Elementwise {
  static constexpr const char* name = "Mul";
  static constexpr Op id = Op::mul_scalar;
  static constexpr Lane lane = Lane::mul_scalar;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = ScalarArgs;
  static Scalars scalars(const Args& k) { return {k.value, 0, 0, 0}; }
  static Meta result(const Args& k, const Tensor& x) {
    if (!is_floating(x.dtype())) scalars_for("value", x.dtype(), k.value);
    return same_meta(x);
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars = scalars_for("value", x.dtype(), k.value);
    unary(Lane::mul_scalar, out, x, &scalars);
  }
  static void gradient(Vjp& v) { v.give(0, mul_scalar(v.grad(), v.args<Args>().value)); }
};

// An integer tensor gives float32 (abi.md 5).
struct DivScalar : Elementwise {
  static constexpr const char* name = "Div";
  static constexpr Op id = Op::div_scalar;
  static constexpr Lane lane = Lane::div_scalar;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = ScalarArgs;
  static Scalars scalars(const Args& k) { return {k.value, 0, 0, 0}; }
  static Meta result(const Args&, const Tensor& x) {
    return {is_floating(x.dtype()) ? x.dtype() : DType::float32, x.shape()};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars{k.value, 0, 0, 0};
    unary(Lane::div_scalar, out, x, &scalars);
  }
  static void gradient(Vjp& v) { v.give(0, div_scalar(v.grad(), v.args<Args>().value)); }
};

// d(x^p) = p x^(p-1) dx; an exponent of 0 gives 0 everywhere, at x = 0 too.
struct PowScalar : Elementwise {
  static constexpr const char* name = "Pow";
  static constexpr Op id = Op::pow_scalar;
  static constexpr Lane lane = Lane::pow_scalar;
  static constexpr SaveMask reads[] = {reads_input(0)};
  using Args = ScalarArgs;
  static Scalars scalars(const Args& k) { return {k.value, 0, 0, 0}; }
  static Meta result(const Args& k, const Tensor& x) {
    if (!is_floating(x.dtype())) {
      scalars_for("exponent", DType::int64, k.value);
      if (k.value < 0) {
        fail(TG_ERROR_DTYPE, "exponent is ", k.value,
             "; integers to negative powers are not "
             "integers, so convert the tensor by tg_to_dtype first");
      }
    }
    loop_for(lane, x.dtype());
    return same_meta(x);
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars{k.value, 0, is_floating(x.dtype()) ? 0 : static_cast<int64_t>(k.value),
                          0};
    unary(Lane::pow_scalar, out, x, &scalars);
  }
  static void gradient(Vjp& v) {
    const double p = v.args<Args>().value;
    if (p == 0) return v.give(0, zeros_like(v.grad()));
    v.give(0, mul(v.grad(), mul_scalar(pow_scalar(v.saved(0), p - 1), p)));
  }
};

struct ClampArgs {
  double low, high;
};

Scalars clamp_scalars(DType dtype, const ClampArgs& k) {
  if (is_floating(dtype)) return {k.low, k.high, 0, 0};
  Scalars scalars{0, 0, INT64_MIN, INT64_MAX};
  if (!std::isinf(k.low)) scalars.ia = scalars_for("low", dtype, k.low).ia;
  if (!std::isinf(k.high)) scalars.ib = scalars_for("high", dtype, k.high).ia;
  return scalars;
}

struct Clamp : Elementwise {
  static constexpr const char* name = "Clamp";
  static constexpr Op id = Op::clamp;
  static constexpr SaveMask reads[] = {reads_input(0)};
  using Args = ClampArgs;
  static Meta result(const Args& k, const Tensor& x) {
    if (std::isnan(k.low) || std::isnan(k.high)) {
      fail(TG_ERROR_INVALID_ARGUMENT, "a bound is NaN; give a number, or an infinity for no bound");
    }
    clamp_scalars(x.dtype(), k);
    loop_for(Lane::clamp, x.dtype());
    return same_meta(x);
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    const Scalars scalars = clamp_scalars(x.dtype(), k);
    unary(Lane::clamp, out, x, &scalars);
  }
  static void gradient(Vjp& v);
};

// g where low < x < high, 0 elsewhere: at a bound 0 (modes.md B18). Piecewise constant in x.
struct ClampBackward : Elementwise {
  static constexpr const char* name = "ClampBackward";
  static constexpr Op id = Op::clamp_backward;
  static constexpr SaveMask reads[] = {reads_input(1), kReadsNothing};
  using Args = ClampArgs;
  static Meta result(const Args&, const Tensor& g, const Tensor& x) { return broadcast_meta(g, x); }
  static void forward(const Tensor& out, const Args& k, const Tensor& g, const Tensor& x) {
    const Scalars scalars{k.low, k.high, 0, 0};
    binary(Lane::clamp_backward, out, g, x, &scalars);
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, run<ClampBackward>({}, v.args<Args>(), v.grad(), v.saved(1)));
  }
};

void Clamp::gradient(Vjp& v) {
  v.give(0, run<ClampBackward>({}, v.args<Args>(), v.grad(), v.saved(0)));
}

struct Where : Elementwise {
  static constexpr const char* name = "Where";
  static constexpr Op id = Op::where;
  static constexpr SaveMask reads[] = {kReadsNothing, reads_input(0), reads_input(0)};
  static Meta result(const Tensor& condition, const Tensor& a, const Tensor& b) {
    if (condition.dtype() != DType::boolean) {
      fail_operand(TG_ERROR_DTYPE, 0, "condition has dtype ", condition.dtype(),
                   "; it must be bool, as comparisons give it");
    }
    Meta meta = broadcast_meta(a, b);
    meta.shape = broadcast_shapes(condition.shape(), meta.shape);
    return meta;
  }
  static void forward(const Tensor& out, const Tensor& condition, const Tensor& a,
                      const Tensor& b) {
    ternary(Lane::where, out, condition, a, b);
  }
  static void gradient(Vjp& v) {
    const Tensor condition = v.saved(0);
    const Tensor zero = scalar(0, v.grad().dtype());
    if (v.wants(1)) v.give(1, where(condition, v.grad(), zero));
    if (v.wants(2)) v.give(2, where(condition, zero, v.grad()));
  }
};

}  // namespace

const Operator add_operator = operator_for<Add>();
const Operator sub_operator = operator_for<Sub>();
const Operator mul_operator = operator_for<Mul>();
const Operator div_operator = operator_for<Div>();
const Operator maximum_operator = operator_for<Maximum>();
const Operator minimum_operator = operator_for<Minimum>();
const Operator add_scalar_operator = operator_for<AddScalar>();
const Operator rsub_scalar_operator = operator_for<RsubScalar>();
const Operator mul_scalar_operator = operator_for<MulScalar>();
const Operator div_scalar_operator = operator_for<DivScalar>();
const Operator pow_scalar_operator = operator_for<PowScalar>();
const Operator clamp_operator = operator_for<Clamp>();
const Operator clamp_backward_operator = operator_for<ClampBackward>();
const Operator where_operator = operator_for<Where>();

Tensor add(const Tensor& a, const Tensor& b, Into into) { return run<Add>(into, {}, a, b); }
Tensor sub(const Tensor& a, const Tensor& b, Into into) { return run<Sub>(into, {}, a, b); }
Tensor mul(const Tensor& a, const Tensor& b, Into into) { return run<Mul>(into, {}, a, b); }
Tensor div(const Tensor& a, const Tensor& b, Into into) { return run<Div>(into, {}, a, b); }
Tensor maximum(const Tensor& a, const Tensor& b, Into into) { return run<Maximum>(into, {}, a, b); }
Tensor minimum(const Tensor& a, const Tensor& b, Into into) { return run<Minimum>(into, {}, a, b); }
Tensor add_scalar(const Tensor& x, double value, Into into) {
  return run<AddScalar>(into, {value}, x);
}
Tensor sub_scalar(const Tensor& x, double value, Into into) {
  if (is_floating(x.dtype())) return run<AddScalar>(into, {-value}, x);
  // -value may not fit an unsigned dtype, value may: a tensor of rank 0 subtracts as it is.
  return sub(x, scalar(value, x.dtype()), into);
}
Tensor rsub_scalar(const Tensor& x, double value, Into into) {
  return run<RsubScalar>(into, {value}, x);
}
Tensor mul_scalar(const Tensor& x, double value, Into into) {
  return run<MulScalar>(into, {value}, x);
}
Tensor div_scalar(const Tensor& x, double value, Into into) {
  return run<DivScalar>(into, {value}, x);
}
Tensor pow_scalar(const Tensor& x, double exponent, Into into) {
  return run<PowScalar>(into, {exponent}, x);
}
Tensor clamp(const Tensor& x, double low, double high, Into into) {
  return run<Clamp>(into, {low, high}, x);
}
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, Into into) {
  return run<Where>(into, {}, condition, a, b);
}

}  // namespace tg
