// SPDX-License-Identifier: MIT
// Losses: what a model's result is compared by.
#include "kernels/reduce.h"
#include "kernels/softmax.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

using kernels::Scalars;

namespace {

void check_reduction(int32_t reduction) {
  if (reduction >= TG_REDUCTION_NONE && reduction <= TG_REDUCTION_SUM) [[likely]]
    return;
  fail(TG_ERROR_INVALID_ARGUMENT, "reduction is ", reduction, "; give TG_REDUCTION_NONE (",
       TG_REDUCTION_NONE + 0, "), TG_REDUCTION_MEAN (", TG_REDUCTION_MEAN + 0,
       ") or TG_REDUCTION_SUM (", TG_REDUCTION_SUM + 0, ")");
}

// ---- squared error ----

struct ReductionArgs {
  int32_t reduction;
};

struct MseLoss {
  static constexpr const char* name = "MseLoss";
  static constexpr Op id = Op::mse_loss;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr SaveMask kBoth = reads_input(0) | reads_input(1);
  static constexpr SaveMask reads[] = {kBoth, kBoth};
  using Args = ReductionArgs;
  static Meta result(const Args& k, const Tensor& x, const Tensor& target) {
    for (int i = 0; i < 2; ++i) {
      const Tensor& operand = i == 0 ? x : target;
      if (is_floating(operand.dtype())) continue;
      fail_operand(TG_ERROR_DTYPE, i, i == 0 ? "x" : "target", " has dtype ", operand.dtype(),
                   "; it must be floating point, so convert it by tg_to_dtype first");
    }
    Meta meta = broadcast_meta(x, target);
    if (k.reduction != TG_REDUCTION_NONE) meta.shape = Shape();
    return meta;
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x, const Tensor& target) {
    if (k.reduction == TG_REDUCTION_NONE) return square_of_difference(out, x, target);
    const Shape shape =
        same_shape(x, target) ? x.shape() : broadcast_shapes(x.shape(), target.shape());
    const Tensor squares = make_tensor({out.dtype(), shape});
    square_of_difference(squares, x, target);
    const double count = k.reduction == TG_REDUCTION_MEAN ? static_cast<double>(shape.numel()) : 1;
    int64_t strides[kMaxRank] = {};  // all dimensions are folded
    kernels::reduce(kernels::Fold::sum, out.dtype(), out.data(), strides, squares.data(),
                    squares.strides(), squares.sizes(), squares.rank(), all_dims(squares), count);
  }
  static void square_of_difference(const Tensor& out, const Tensor& x, const Tensor& target) {
    binary(kernels::Lane::sub, out, x, target);
    binary(kernels::Lane::mul, out, out, out);
  }
  static void gradient(Vjp& v);
};

// The gradient of x: 2 g (x - target), for the mean divided by the count.
struct MseLossBackward {
  static constexpr const char* name = "MseLossBackward";
  static constexpr Op id = Op::mse_loss_backward;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr SaveMask kAll = reads_input(0) | reads_input(1) | reads_input(2);
  static constexpr SaveMask reads[] = {kAll, kAll, kAll};
  using Args = ReductionArgs;
  static Meta result(const Args&, const Tensor&, const Tensor& x, const Tensor& target) {
    return broadcast_meta(x, target);
  }
  static double factor(const Args& k, int64_t elements) {
    return k.reduction == TG_REDUCTION_MEAN ? 2 / static_cast<double>(elements) : 2;
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& g, const Tensor& x,
                      const Tensor& target) {
    const Scalars scalars{factor(k, out.numel()), 0, 0, 0};
    const Tensor scaled = make_tensor(g.dtype(), g.sizes(), g.rank());
    unary(kernels::Lane::mul_scalar, scaled, g, &scalars);
    binary(kernels::Lane::sub, out, x, target);
    binary(kernels::Lane::mul, out, out, scaled);
  }
  static void gradient(Vjp& v) {
    const Tensor g = v.saved(0), x = v.saved(1), target = v.saved(2);
    const auto scaled = [&](const Tensor& by) {
      return mul_scalar(by, factor(v.args<Args>(), v.grad().numel()));
    };
    if (v.wants(0)) v.give(0, mul(v.grad(), scaled(sub(x, target))));
    if (!v.wants(1) && !v.wants(2)) return;
    const Tensor gx = mul(v.grad(), scaled(g));
    if (v.wants(1)) v.give(1, gx);
    if (v.wants(2)) v.give(2, neg(gx));
  }
};

void MseLoss::gradient(Vjp& v) {
  const Tensor gx = run<MseLossBackward>({}, v.args<Args>(), v.grad(), v.saved(0), v.saved(1));
  if (v.wants(0)) v.give(0, gx);
  if (v.wants(1)) v.give(1, neg(gx));
}

// ---- negative log likelihood ----

struct NllArgs {
  int64_t ignore_index;
  int32_t reduction;
};

const int64_t* classes_of(const Tensor& target) {
  return reinterpret_cast<const int64_t*>(target.data());
}

[[noreturn, gnu::cold]] void fail_target(const Tensor& target, const int64_t* values, int64_t flat,
                                         int64_t classes, int64_t ignore_index) {
  int64_t at[kMaxRank];
  int64_t rest = flat;
  for (int d = target.rank() - 1; d >= 0; --d) {
    at[d] = rest % target.size(d);
    rest /= target.size(d);
  }
  fail_operand(TG_ERROR_INDEX, 1, "target", SizesText{at, target.rank()}, " is ", values[flat],
               "; x has ", classes, " classes, so each target must be from 0 to ", classes - 1,
               " or ignore_index, ", ignore_index);
}

void check_target_dtype(const Tensor& target) {
  if (target.dtype() == DType::int64) return;
  fail_operand(TG_ERROR_DTYPE, 1, "target has dtype ", target.dtype(),
               "; it must be int64 with the number of a class in each element, so convert it by "
               "tg_to_dtype, or class probabilities by tg_argmax_dim");
}

void check_target_values(const Tensor& target, int64_t classes, int64_t ignore_index) {
  const Tensor plain = packed(target);
  int64_t bad = 0;
  if (!kernels::targets_in_range(classes_of(plain), plain.numel(), classes, ignore_index, &bad))
      [[unlikely]] {
    fail_target(target, classes_of(plain), bad, classes, ignore_index);
  }
}

// The classes stand in dimension 1, or in dimension 0 where there is no batch.
int class_dim(const Tensor& x) { return x.rank() == 1 ? 0 : 1; }

void check_nll_shapes(const Tensor& x, const Tensor& target, const Tensor& weight) {
  if (x.rank() == 0) {
    fail_operand(TG_ERROR_SHAPE, 0, "x has rank 0; it must be [classes] or [n, classes, ...]");
  }
  const int dim = class_dim(x);
  bool fits = target.rank() == x.rank() - 1;
  for (int d = 0; fits && d < target.rank(); ++d) {
    fits = target.size(d) == x.size(d < dim ? d : d + 1);
  }
  if (!fits) {
    Shape expected;
    for (int d = 0; d < x.rank(); ++d) {
      if (d != dim) expected.push(x.size(d));
    }
    fail_operand(TG_ERROR_SHAPE, 1, "target has shape ", target.shape(), ", x has ", x.shape(),
                 "; target must be ", expected, ", a class for each row of x");
  }
  if (weight && (weight.rank() != 1 || weight.size(0) != x.size(dim))) {
    fail_operand(TG_ERROR_SHAPE, 2, "weight has shape ", weight.shape(), "; it must be [",
                 x.size(dim), "], a factor for each class of x");
  }
}

// target and weight as the kernels read them.
struct NllOperands {
  Tensor target, weight;
  int64_t outer = 1, inner = 1;

  NllOperands(const Tensor& targets, const Tensor& weights)
      : target(packed(targets)), weight(weights ? packed(weights) : Tensor()) {
    for (int d = 0; d < targets.rank(); ++d) (d == 0 ? outer : inner) *= targets.size(d);
  }
  const void* weight_data() const { return weight ? weight.data() : nullptr; }

  // The divisor of the mean.
  double total_weight(int64_t ignore_index) const {
    const int64_t* classes = classes_of(target);
    const int64_t count = outer * inner;
    double total = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (classes[i] == ignore_index) continue;
      total += !weight ? 1
               : weight.dtype() == DType::float32
                   ? static_cast<double>(reinterpret_cast<const float*>(weight.data())[classes[i]])
                   : reinterpret_cast<const double*>(weight.data())[classes[i]];
    }
    return total;
  }
};

// At each target: -weight x. Linear in x, so the rule reads target and weight alone.
struct NllLoss {
  static constexpr const char* name = "NllLoss";
  static constexpr Op id = Op::nll_loss;
  static constexpr Shapes shapes = Shapes::always;
  static constexpr SaveMask reads[] = {reads_input(1) | reads_input(2), kReadsNothing,
                                       kReadsNothing};
  using Args = NllArgs;
  static Meta result(const Args& k, const Tensor& x, const Tensor& target, const Tensor& weight) {
    if (x.dtype() != DType::float32 && x.dtype() != DType::float64) {
      fail_operand(TG_ERROR_DTYPE, 0, "x has dtype ", x.dtype(),
                   "; it must be float32 or float64, so convert it by tg_to_dtype first");
    }
    check_target_dtype(target);
    if (weight && weight.dtype() != x.dtype()) {
      fail_operand(TG_ERROR_DTYPE, 2, "weight has dtype ", weight.dtype(), ", x has ", x.dtype(),
                   "; they must be equal, so convert one by tg_to_dtype first");
    }
    check_nll_shapes(x, target, weight);
    check_target_values(target, x.size(class_dim(x)), k.ignore_index);
    return {x.dtype(), k.reduction == TG_REDUCTION_NONE ? target.shape() : Shape()};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x, const Tensor& target,
                      const Tensor& weight) {
    const NllOperands n(target, weight);
    kernels::nll_loss(x.dtype(), k.reduction, out.data(), nullptr, packed(x).data(),
                      classes_of(n.target), n.weight_data(), n.outer, x.size(class_dim(x)), n.inner,
                      k.ignore_index);
  }
  static void gradient(Vjp& v);
};

struct NllBackwardArgs {
  NllArgs nll;
  int64_t classes;
};

// From g the gradient of x: -weight g at each target, 0 elsewhere. The adjoint of that is
// nll_loss again.
struct NllLossBackward {
  static constexpr const char* name = "NllLossBackward";
  static constexpr Op id = Op::nll_loss_backward;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1) | reads_input(2), kReadsNothing,
                                       kReadsNothing};
  using Args = NllBackwardArgs;
  static Meta result(const Args& k, const Tensor& g, const Tensor& target, const Tensor&) {
    Meta meta{g.dtype(), {}};
    if (target.rank() == 0) meta.shape.push(k.classes);
    for (int d = 0; d < target.rank(); ++d) {
      meta.shape.push(target.size(d));
      if (d == 0) meta.shape.push(k.classes);
    }
    return meta;
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& g, const Tensor& target,
                      const Tensor& weight) {
    const NllOperands n(target, weight);
    const double total =
        k.nll.reduction == TG_REDUCTION_MEAN ? n.total_weight(k.nll.ignore_index) : 1;
    kernels::nll_loss_backward(out.dtype(), k.nll.reduction, out.data(), packed(g).data(),
                               classes_of(n.target), n.weight_data(), total, n.outer, k.classes,
                               n.inner, k.nll.ignore_index);
  }
  static void gradient(Vjp& v) {
    if (!v.wants(0)) return;
    const NllArgs& k = v.args<Args>().nll;
    v.give(0, nll_loss(v.grad(), v.saved(1), v.has_saved(2) ? v.saved(2) : Tensor(), k.ignore_index,
                       k.reduction));
  }
};

void NllLoss::gradient(Vjp& v) {
  const Shape shape = v.input(0).shape;
  const NllBackwardArgs args{v.args<Args>(), shape[shape.rank == 1 ? 0 : 1]};
  v.give(0, run<NllLossBackward>({}, args, v.grad(), v.saved(1),
                                 v.has_saved(2) ? v.saved(2) : Tensor()));
}

// weight has no gradient.
Tensor constant(const Tensor& weight) {
  return weight && requires_grad(weight) ? detach(weight) : weight;
}

// What label smoothing adds: the loss against all classes alike, sum of -weight[c] x[c]. The mean
// is divided as nll_loss divides it.
Tensor uniform_loss(const Tensor& x, const Tensor& target, const Tensor& weight,
                    int64_t ignore_index, int32_t reduction) {
  const int dim = class_dim(x);
  Tensor weighted = x;
  if (weight) {
    Shape along;
    for (int d = 0; d < x.rank(); ++d) along.push(d == dim ? x.size(d) : 1);
    weighted = mul(x, reshape(weight, along.sizes, along.rank));
  }
  const Tensor ignored = eq(target, full_int64(DType::int64, Shape(), ignore_index));
  const Tensor losses =
      where(ignored, scalar(0, x.dtype()), neg(sum_mask(weighted, Dims{1} << dim, false)));
  if (reduction == TG_REDUCTION_NONE) return losses;
  const Tensor total = sum(losses);
  if (reduction == TG_REDUCTION_SUM) return total;
  return div_scalar(total, NllOperands(target, weight).total_weight(ignore_index));
}

}  // namespace

const Operator mse_loss_operator = operator_for<MseLoss>();
const Operator mse_loss_backward_operator = operator_for<MseLossBackward>();
const Operator nll_loss_operator = operator_for<NllLoss>();
const Operator nll_loss_backward_operator = operator_for<NllLossBackward>();

Tensor mse_loss(const Tensor& x, const Tensor& target, int32_t reduction, Into into) {
  check_reduction(reduction);
  return run<MseLoss>(into, {reduction}, x, target);
}

Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                int32_t reduction, Into into) {
  check_reduction(reduction);
  const bool fresh = into.kind == Into::Kind::fresh;
  return run<NllLoss>(into, {ignore_index, reduction}, x, target,
                      fresh ? constant(weight) : weight);
}

Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, int32_t reduction, double label_smoothing, Into into) {
  check_reduction(reduction);
  if (!(label_smoothing >= 0 && label_smoothing <= 1)) {
    fail(TG_ERROR_INVALID_ARGUMENT, "label_smoothing is ", label_smoothing,
         "; it must be from 0 to 1");
  }
  if (into.kind != Into::Kind::fresh) {
    constexpr const char* name = "CrossEntropy";
    const Tensor* const operands[] = {&x, &target, &weight};
    plan_out(name, *into.out, operands, 3);
    const Tensor made = cross_entropy(x, target, weight, ignore_index, reduction, label_smoothing);
    copy_into(name, made, operands, 3, into);
    return {};
  }
  check_target_dtype(target);
  if (x.rank() == 0) check_nll_shapes(x, target, weight);
  const Tensor factor = constant(weight);
  const Tensor logs = log_softmax(x, class_dim(x));
  const Tensor loss = nll_loss(logs, target, factor, ignore_index, reduction);
  if (label_smoothing == 0) return loss;
  const Tensor uniform = uniform_loss(logs, target, factor, ignore_index, reduction);
  const double share = label_smoothing / static_cast<double>(x.size(class_dim(x)));
  return add(mul_scalar(loss, 1 - label_smoothing), mul_scalar(uniform, share));
}

}  // namespace tg
