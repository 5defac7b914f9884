// SPDX-License-Identifier: MIT
// Functions of one tensor, element by element. Rules that run in every backward of a network have
// a fused operator of their own (relu_backward and its kin), which is differentiable in its turn.
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

using kernels::Lane;

namespace {

template <Lane kLane>
struct Unary {
  static constexpr Lane lane = kLane;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr bool elementwise = true;
  static Meta result(const Tensor& x) {
    loop_for(kLane, x.dtype());
    return {x.dtype(), x.shape()};
  }
  static void forward(const Tensor& out, const Tensor& x) { unary(kLane, out, x); }
};

// Fused gradients take g first, and the operand or result that the formula reads second.
template <Lane kLane>
struct Fused {
  static constexpr Lane lane = kLane;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr bool elementwise = true;
  static Meta result(const Tensor& g, const Tensor& x) { return broadcast_meta(g, x); }
  static void forward(const Tensor& out, const Tensor& g, const Tensor& x) {
    binary(kLane, out, g, x);
  }
};

struct Neg : Unary<Lane::neg> {
  static constexpr const char* name = "Neg";
  static constexpr Op id = Op::neg;
  static constexpr SaveMask reads[] = {kReadsNothing};
  static Meta result(const Tensor& x) {
    if (x.dtype() == DType::boolean) {
      fail(TG_ERROR_DTYPE,
           "a bool tensor has no negative; compare it with 0, or convert it by "
           "tg_to_dtype");
    }
    return {x.dtype(), x.shape()};
  }
  static void gradient(Vjp& v) { v.give(0, neg(v.grad())); }
};

struct AbsBackward : Fused<Lane::abs_backward> {
  static constexpr const char* name = "AbsBackward";
  static constexpr Op id = Op::abs_backward;
  static constexpr SaveMask reads[] = {reads_input(1), kReadsNothing};
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, run<AbsBackward>({}, {}, v.grad(), v.saved(1)));
  }
};

// d|x| = sign(x) dx; 0 at 0.
struct Abs : Unary<Lane::abs> {
  static constexpr const char* name = "Abs";
  static constexpr Op id = Op::abs;
  static constexpr SaveMask reads[] = {reads_input(0)};
  static void gradient(Vjp& v) { v.give(0, run<AbsBackward>({}, {}, v.grad(), v.saved(0))); }
};

struct Exp : Unary<Lane::exp> {
  static constexpr const char* name = "Exp";
  static constexpr Op id = Op::exp;
  static constexpr SaveMask reads[] = {kReadsOutput};
  static void gradient(Vjp& v) { v.give(0, mul(v.grad(), v.saved(kSavedOutput))); }
};

struct Log : Unary<Lane::log> {
  static constexpr const char* name = "Log";
  static constexpr Op id = Op::log;
  static constexpr SaveMask reads[] = {reads_input(0)};
  static void gradient(Vjp& v) { v.give(0, div(v.grad(), v.saved(0))); }
};

// d sqrt(x) = dx / (2 sqrt(x)).
struct Sqrt : Unary<Lane::sqrt> {
  static constexpr const char* name = "Sqrt";
  static constexpr Op id = Op::sqrt;
  static constexpr SaveMask reads[] = {kReadsOutput};
  static void gradient(Vjp& v) { v.give(0, div(v.grad(), mul_scalar(v.saved(kSavedOutput), 2))); }
};

struct Sin : Unary<Lane::sin> {
  static constexpr const char* name = "Sin";
  static constexpr Op id = Op::sin;
  static constexpr SaveMask reads[] = {reads_input(0)};
  static void gradient(Vjp& v) { v.give(0, mul(v.grad(), cos(v.saved(0)))); }
};

struct Cos : Unary<Lane::cos> {
  static constexpr const char* name = "Cos";
  static constexpr Op id = Op::cos;
  static constexpr SaveMask reads[] = {reads_input(0)};
  static void gradient(Vjp& v) { v.give(0, neg(mul(v.grad(), sin(v.saved(0))))); }
};

// f(g, y) = g (1 - y^2): df/dg = 1 - y^2, df/dy = -2 g y.
struct TanhBackward : Fused<Lane::tanh_backward> {
  static constexpr const char* name = "TanhBackward";
  static constexpr Op id = Op::tanh_backward;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0) | reads_input(1)};
  static void gradient(Vjp& v) {
    const Tensor y = v.saved(1);
    if (v.wants(0)) v.give(0, run<TanhBackward>({}, {}, v.grad(), y));
    if (v.wants(1)) v.give(1, mul_scalar(mul(v.grad(), mul(v.saved(0), y)), -2));
  }
};

struct Tanh : Unary<Lane::tanh> {
  static constexpr const char* name = "Tanh";
  static constexpr Op id = Op::tanh;
  static constexpr SaveMask reads[] = {kReadsOutput};
  static void gradient(Vjp& v) {
    v.give(0, run<TanhBackward>({}, {}, v.grad(), v.saved(kSavedOutput)));
  }
};

// f(g, y) = g y (1 - y): df/dg = y (1 - y), df/dy = g (1 - 2 y).
struct SigmoidBackward : Fused<Lane::sigmoid_backward> {
  static constexpr const char* name = "SigmoidBackward";
  static constexpr Op id = Op::sigmoid_backward;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0) | reads_input(1)};
  static void gradient(Vjp& v) {
    const Tensor y = v.saved(1);
    if (v.wants(0)) v.give(0, run<SigmoidBackward>({}, {}, v.grad(), y));
    if (v.wants(1)) {
      v.give(1, mul(v.grad(), mul(v.saved(0), rsub_scalar(mul_scalar(y, 2), 1))));
    }
  }
};

struct Sigmoid : Unary<Lane::sigmoid> {
  static constexpr const char* name = "Sigmoid";
  static constexpr Op id = Op::sigmoid;
  static constexpr SaveMask reads[] = {kReadsOutput};
  static void gradient(Vjp& v) {
    v.give(0, run<SigmoidBackward>({}, {}, v.grad(), v.saved(kSavedOutput)));
  }
};

// f(g, y) = g where y > 0: constant in y but for jumps.
struct ReluBackward : Fused<Lane::relu_backward> {
  static constexpr const char* name = "ReluBackward";
  static constexpr Op id = Op::relu_backward;
  static constexpr SaveMask reads[] = {reads_input(1), kReadsNothing};
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, run<ReluBackward>({}, {}, v.grad(), v.saved(1)));
  }
};

struct Relu : Unary<Lane::relu> {
  static constexpr const char* name = "Relu";
  static constexpr Op id = Op::relu;
  static constexpr SaveMask reads[] = {kReadsOutput};
  static void gradient(Vjp& v) {
    v.give(0, run<ReluBackward>({}, {}, v.grad(), v.saved(kSavedOutput)));
  }
};

}  // namespace

const Operator neg_operator = operator_for<Neg>();
const Operator abs_operator = operator_for<Abs>();
const Operator abs_backward_operator = operator_for<AbsBackward>();
const Operator exp_operator = operator_for<Exp>();
const Operator log_operator = operator_for<Log>();
const Operator sqrt_operator = operator_for<Sqrt>();
const Operator sin_operator = operator_for<Sin>();
const Operator cos_operator = operator_for<Cos>();
const Operator tanh_operator = operator_for<Tanh>();
const Operator tanh_backward_operator = operator_for<TanhBackward>();
const Operator sigmoid_operator = operator_for<Sigmoid>();
const Operator sigmoid_backward_operator = operator_for<SigmoidBackward>();
const Operator relu_operator = operator_for<Relu>();
const Operator relu_backward_operator = operator_for<ReluBackward>();

Tensor neg(const Tensor& x, Into into) { return run<Neg>(into, {}, x); }
Tensor abs(const Tensor& x, Into into) { return run<Abs>(into, {}, x); }
Tensor exp(const Tensor& x, Into into) { return run<Exp>(into, {}, x); }
Tensor log(const Tensor& x, Into into) { return run<Log>(into, {}, x); }
Tensor sqrt(const Tensor& x, Into into) { return run<Sqrt>(into, {}, x); }
Tensor sin(const Tensor& x, Into into) { return run<Sin>(into, {}, x); }
Tensor cos(const Tensor& x, Into into) { return run<Cos>(into, {}, x); }
Tensor tanh(const Tensor& x, Into into) { return run<Tanh>(into, {}, x); }
Tensor sigmoid(const Tensor& x, Into into) { return run<Sigmoid>(into, {}, x); }
Tensor relu(const Tensor& x, Into into) { return run<Relu>(into, {}, x); }

}  // namespace tg
