// SPDX-License-Identifier: MIT
// Softmax and its logarithm. The activations of single elements stand in unary.cpp.
#include "kernels/softmax.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

struct DimArgs {
  int32_t dim;
};

// x seen as [outer, n, inner], with n the dimension that the softmax runs along.
struct Extents {
  int64_t outer = 1, n = 1, inner = 1;

  Extents(const Tensor& x, int dim) {
    for (int d = 0; d < x.rank(); ++d) {
      (d < dim ? outer : d == dim ? n : inner) *= x.size(d);
    }
  }
};

Meta softmax_meta(const Tensor& x) {
  if (x.dtype() != DType::float32 && x.dtype() != DType::float64) {
    fail_operand(TG_ERROR_DTYPE, 0, Named{x}, " has dtype ", x.dtype(),
                 "; softmax takes float32 and float64, so convert it by tg_to_dtype first");
  }
  return {x.dtype(), x.shape()};
}

using Forward = void (*)(DType, void*, const void*, int64_t, int64_t, int64_t) noexcept;
void along(Forward kernel, const Tensor& out, int dim, const Tensor& x) {
  const Extents e(x, dim);
  kernel(x.dtype(), out.data(), packed(x).data(), e.outer, e.n, e.inner);
}

using Backward = void (*)(DType, void*, const void*, const void*, int64_t, int64_t,
                          int64_t) noexcept;
void along(Backward kernel, const Tensor& out, int dim, const Tensor& g, const Tensor& y) {
  const Extents e(y, dim);
  kernel(y.dtype(), out.data(), packed(g).data(), packed(y).data(), e.outer, e.n, e.inner);
}

Tensor sum_along(const Tensor& x, int dim) {
  return x.rank() == 0 ? x : sum_mask(x, Dims{1} << dim, true);
}

// With y = softmax(x): gx = y (g - s), where s = sum(g y) along dim.
// For a gradient h of gx: of g it is y (h - sum(h y)), which is this operator again; of y it is
// h (g - s) - g sum(h y).
struct SoftmaxBackward {
  static constexpr const char* name = "SoftmaxBackward";
  static constexpr Op id = Op::softmax_backward;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0) | reads_input(1)};
  using Args = DimArgs;
  static Meta result(const Args&, const Tensor&, const Tensor& y) { return softmax_meta(y); }
  static void forward(const Tensor& out, const Args& k, const Tensor& g, const Tensor& y) {
    along(kernels::softmax_backward, out, k.dim, g, y);
  }
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    const Tensor &h = v.grad(), y = v.saved(1);
    if (v.wants(0)) v.give(0, run<SoftmaxBackward>({}, k, h, y));
    if (v.wants(1)) {
      const Tensor g = v.saved(0);
      const Tensor s = sum_along(mul(g, y), k.dim);
      v.give(1, sub(mul(h, sub(g, s)), mul(g, sum_along(mul(h, y), k.dim))));
    }
  }
};

struct Softmax {
  static constexpr const char* name = "Softmax";
  static constexpr Op id = Op::softmax;
  static constexpr bool row_major = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsOutput};
  using Args = DimArgs;
  static Meta result(const Args&, const Tensor& x) { return softmax_meta(x); }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    along(kernels::softmax, out, k.dim, x);
  }
  static void gradient(Vjp& v) {
    v.give(0, run<SoftmaxBackward>({}, v.args<Args>(), v.grad(), v.saved(kSavedOutput)));
  }
};

// With y = log_softmax(x): gx = g - e^y sum(g) along dim.
// For a gradient h of gx: of g it is h - sum(h e^y), of y it is -h e^y sum(g).
struct LogSoftmaxBackward {
  static constexpr const char* name = "LogSoftmaxBackward";
  static constexpr Op id = Op::log_softmax_backward;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0) | reads_input(1)};
  using Args = DimArgs;
  static Meta result(const Args&, const Tensor&, const Tensor& y) { return softmax_meta(y); }
  static void forward(const Tensor& out, const Args& k, const Tensor& g, const Tensor& y) {
    along(kernels::log_softmax_backward, out, k.dim, g, y);
  }
  static void gradient(Vjp& v) {
    const int dim = v.args<Args>().dim;
    const Tensor& h = v.grad();
    const Tensor weighted = mul(h, exp(v.saved(1)));
    if (v.wants(0)) v.give(0, sub(h, sum_along(weighted, dim)));
    if (v.wants(1)) v.give(1, neg(mul(weighted, sum_along(v.saved(0), dim))));
  }
};

struct LogSoftmax {
  static constexpr const char* name = "LogSoftmax";
  static constexpr Op id = Op::log_softmax;
  static constexpr bool row_major = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsOutput};
  using Args = DimArgs;
  static Meta result(const Args&, const Tensor& x) { return softmax_meta(x); }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    along(kernels::log_softmax, out, k.dim, x);
  }
  static void gradient(Vjp& v) {
    v.give(0, run<LogSoftmaxBackward>({}, v.args<Args>(), v.grad(), v.saved(kSavedOutput)));
  }
};

}  // namespace

const Operator softmax_operator = operator_for<Softmax>();
const Operator softmax_backward_operator = operator_for<SoftmaxBackward>();
const Operator log_softmax_operator = operator_for<LogSoftmax>();
const Operator log_softmax_backward_operator = operator_for<LogSoftmaxBackward>();

Tensor softmax(const Tensor& x, int64_t dim, Into into) {
  return run<Softmax>(into, {dim_of(Softmax::name, x, dim, into)}, x);
}
Tensor log_softmax(const Tensor& x, int64_t dim, Into into) {
  return run<LogSoftmax>(into, {dim_of(LogSoftmax::name, x, dim, into)}, x);
}

}  // namespace tg
