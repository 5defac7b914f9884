// SPDX-License-Identifier: MIT
// Sums, means, extremes and their positions, over all dimensions or some.
#include "kernels/reduce.h"

#include "ops/elementwise.h"
#include "ops/ops.h"
#include "ops/overlap.h"

namespace tg {

using kernels::Fold;

namespace {

struct DimsArgs {
  Dims dims;
  bool keepdim;
};

bool has_dim(Dims dims, int d) { return (dims >> d & 1) != 0; }

Shape reduced_shape(const Tensor& x, const DimsArgs& k) {
  Shape shape;
  for (int d = 0; d < x.rank(); ++d) {
    if (!has_dim(k.dims, d)) {
      shape.push(x.size(d));
    } else if (k.keepdim) {
      shape.push(1);
    }
  }
  return shape;
}

int64_t reduced_count(const Tensor& x, Dims dims) {
  int64_t count = 1;
  for (int d = 0; d < x.rank(); ++d) {
    if (has_dim(dims, d)) count *= x.size(d);
  }
  return count;
}

// Strides of the result seen with the dimensions of x: 0 where it is reduced.
void reduced_strides(const Tensor& out, const Tensor& x, const DimsArgs& k, int64_t* strides) {
  int at = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if (has_dim(k.dims, d)) {
      strides[d] = 0;
      if (k.keepdim) ++at;
    } else {
      strides[d] = out.stride(at++);
    }
  }
}

// The sum of a row-major float32 or float64 tensor needs no strides.
bool sums_plainly(const Tensor& x) { return x.row_major() && x.dtype() <= DType::float64; }
void sum_plainly(const Tensor& out, const Tensor& x, double divisor) {
  double total = kernels::sum_contiguous(x.dtype(), x.data(), x.numel());
  if (divisor != 1) total /= divisor;
  if (x.dtype() == DType::float32) {
    *reinterpret_cast<float*>(out.data()) = static_cast<float>(total);
  } else {
    *reinterpret_cast<double*>(out.data()) = total;
  }
}

void fold(Fold kind, const Tensor& out, const DimsArgs& k, const Tensor& x, double divisor) {
  if (kind == Fold::sum && out.rank() == 0 && sums_plainly(x)) return sum_plainly(out, x, divisor);
  int64_t strides[kMaxRank];
  reduced_strides(out, x, k, strides);
  kernels::reduce(kind, x.dtype(), out.data(), strides, x.data(), x.strides(), x.sizes(), x.rank(),
                  k.dims, divisor);
}

// A gradient of the result, repeated over what was reduced.
Tensor spread(const Tensor& g, const DimsArgs& k, const Shape& input) {
  if (!k.keepdim && g.rank() > 0) {
    Shape shape = input;
    for (int d = 0; d < input.rank; ++d) {
      if (has_dim(k.dims, d)) shape[d] = 1;
    }
    return expand(reshape(g, shape.sizes, shape.rank), input.sizes, input.rank);
  }
  return expand(g, input.sizes, input.rank);
}

struct Sum {
  static constexpr const char* name = "Sum";
  static constexpr Op id = Op::sum;
  static constexpr Shapes shapes = Shapes::always;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = DimsArgs;
  static Meta result(const Args& k, const Tensor& x) {
    return {is_floating(x.dtype()) ? x.dtype() : DType::int64, reduced_shape(x, k)};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    fold(Fold::sum, out, k, x, 1);
  }
  // Each element counts once.
  static void gradient(Vjp& v) { v.give(0, spread(v.grad(), v.args<Args>(), v.input(0).shape)); }
};

struct Mean {
  static constexpr const char* name = "Mean";
  static constexpr Op id = Op::mean;
  static constexpr Shapes shapes = Shapes::always;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = DimsArgs;
  static Meta result(const Args& k, const Tensor& x) {
    if (!is_floating(x.dtype())) {
      fail_operand(TG_ERROR_DTYPE, 0, Named{x}, " has dtype ", x.dtype(),
                   ", whose mean is no "
                   "number of that dtype; convert it by tg_to_dtype, for example to TG_FLOAT32");
    }
    return {x.dtype(), reduced_shape(x, k)};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    fold(Fold::sum, out, k, x, static_cast<double>(reduced_count(x, k.dims)));
  }
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    const Shape input = v.input(0).shape;
    int64_t count = 1;
    for (int d = 0; d < input.rank; ++d) {
      if (has_dim(k.dims, d)) count *= input[d];
    }
    v.give(0, spread(div_scalar(v.grad(), static_cast<double>(count)), k, input));
  }
};

// ---- extremes ----

void check_has_elements(const Tensor& x) {
  if (x.numel() > 0) return;
  fail_operand(TG_ERROR_SHAPE, 0, Named{x}, " has shape ", x.shape(),
               ", which has no element, and nothing has no extreme; give at least one element");
}

bool is_nan(const Tensor& rank_zero) {
  const Tensor differs = ne(rank_zero, rank_zero);
  return *reinterpret_cast<const bool*>(differs.data());
}

// Where several elements are the extreme they share its gradient evenly (modes.md B18).
template <Fold kFold>
struct Extreme {
  static constexpr const char* name = kFold == Fold::max ? "Max" : "Min";
  static constexpr Op id = kFold == Fold::max ? Op::max : Op::min;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(0) | kReadsOutput};
  static Meta result(const Tensor& x) {
    check_has_elements(x);
    return {x.dtype(), Shape()};
  }
  static void forward(const Tensor& out, const Tensor& x) {
    fold(kFold, out, {all_dims(x), false}, x, 1);
  }
  static void gradient(Vjp& v) {
    const Tensor x = v.saved(0), extreme = v.saved(kSavedOutput);
    const Tensor mask = is_nan(extreme) ? ne(x, x) : eq(x, extreme);
    const Tensor share = div(v.grad(), to_dtype(sum(mask), v.grad().dtype()));
    v.give(0, where(mask, share, scalar(0, share.dtype())));
  }
};

struct DimArgs {
  int32_t dim;
  bool keepdim;
};

DimsArgs dims_args(const Tensor& x, const DimArgs& k) {
  return {x.rank() == 0 ? 0 : Dims{1} << k.dim, k.keepdim};
}

Shape extreme_shape(const Tensor& x, const DimArgs& k) {
  if (x.rank() > 0 && x.size(k.dim) == 0) {
    fail_operand(TG_ERROR_SHAPE, 0, "dimension ", k.dim, " of ", Named{x},
                 " has size 0, and "
                 "nothing has no extreme; give at least one element along it");
  }
  return reduced_shape(x, dims_args(x, k));
}

// values or indices may be null.
void find_extremes(Fold kind, const Tensor& values, const Tensor& indices, const DimArgs& k,
                   const Tensor& x) {
  void* const value = values ? values.data() : nullptr;
  auto* const index = indices ? reinterpret_cast<int64_t*>(indices.data()) : nullptr;
  if (x.rank() == 0) {  // as a vector of one element
    const int64_t one = 1;
    return kernels::arg_reduce(kind, x.dtype(), value, index, &one, x.data(), &one, &one, 1, 0);
  }
  int64_t strides[kMaxRank];
  reduced_strides(values ? values : indices, x, dims_args(x, k), strides);
  kernels::arg_reduce(kind, x.dtype(), value, index, strides, x.data(), x.strides(), x.sizes(),
                      x.rank(), k.dim);
}

// Two results, of which only the values have a gradient: it goes to where they were found.
template <Fold kFold>
struct ExtremeDim {
  static constexpr const char* name = kFold == Fold::max ? "MaxDim" : "MinDim";
  static constexpr Op id = kFold == Fold::max ? Op::max_dim : Op::min_dim;
  using Args = DimArgs;
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    const Shape input = v.input(0).shape;
    Tensor g = v.grad(), indices = v.saved(kSavedExtra);
    if (!k.keepdim && input.rank > 0) {
      g = unsqueeze(g, k.dim);
      indices = unsqueeze(indices, k.dim);
    }
    v.give(0, scatter_add(input, k.dim, indices, g));
  }
};

// The road of ops/run.h for an operator with two results, which saves one of them as its own.
template <class O>
ValuesIndices run_extreme(Fold kind, const Tensor& x, int64_t dim, bool keepdim) {
  const Tensor* const operands[] = {&x};
  const WatchedCall watch;
  const bool records =
      recording_mode() && requires_grad(x) && plan_record(O::name, operands, 1, 1, kReadsNothing);
  const DimArgs args{wrap_dim(dim, x.rank()), keepdim};
  const Meta meta{x.dtype(), extreme_shape(x, args)};
  ValuesIndices out{make_tensor(meta), make_tensor({DType::int64, meta.shape})};
  Reserved node;
  if (records) {
    // The place that reserve_node makes for a saved result takes the indices.
    Recording recording{O::id, 1, kReadsOutput, Shapes::always};
    recording.argument_bytes = sizeof(DimArgs);
    node = Reserved(reserve_node(recording, operands, 1, meta));
    save(*node.get(), node.get()->saved_n - 1u, out.indices, kSavedExtra);
    node.get()->template args<DimArgs>() = args;
  }
  find_extremes(kind, out.values, out.indices, args, x);
  if (watch.on() && records) note_node(*node.get());
  if (records) link(node.give_up(), out.values);
  return out;
}

// Two targets: a result of one kind in each, both written after all that may fail.
void extreme_into(Fold kind, const char* name, const Tensor& x, int64_t dim, bool keepdim,
                  const Tensor& values, const Tensor& indices) {
  const Tensor* const operands[] = {&x, &values};
  const WatchedCall watch;
  plan_out(name, values, operands, 1, "values");
  plan_out(name, indices, operands, 2, "indices");
  const DimArgs args{wrap_dim(dim, x.rank()), keepdim};
  const Meta meta{x.dtype(), extreme_shape(x, args)};
  TargetRules rules{.own_dtypes = true, .looked_at = watch.on(), .out = "values"};
  const TargetPlan first = plan_target(values, meta, operands, 1, false, rules, false);
  rules.out = "indices";
  const TargetPlan second =
      plan_target(indices, {DType::int64, meta.shape}, operands, 2, false, rules, false);
  if (overlap_of(values, indices) != Overlap::none) {
    fail_operand(TG_ERROR_UNSUPPORTED, 2, "indices, ", Named{indices},
                 ", shares memory with values, ", Named{values}, "; give two tensors of their own");
  }
  // The kernel takes one set of strides for both.
  const auto place = [&](const Tensor& target, const TargetPlan& plan, DType dtype) {
    if (!plan.direct) return plan.scratch;
    return target.row_major() ? target : make_tensor({dtype, meta.shape});
  };
  const Tensor found = place(values, first, meta.dtype), at = place(indices, second, DType::int64);
  const auto write = [&](const Tensor& target, const Tensor& made) {
    if (made.head() != target.head()) copy_elements(target, made);
    target.storage().written();
    if (watch.on()) [[unlikely]]
      note_write(target.storage(), target.storage().version.load(std::memory_order_relaxed));
  };
  values.storage().raise_version();
  indices.storage().raise_version();
  find_extremes(kind, found, at, args, x);
  write(values, found);
  write(indices, at);
}

template <Fold kFold>
struct Arg {
  static constexpr const char* name = kFold == Fold::max ? "ArgMax" : "ArgMin";
  static constexpr bool own_dtypes = true;
  static Meta result(const Tensor& x) {
    check_has_elements(x);
    return {DType::int64, Shape()};
  }
  static void forward(const Tensor& out, const Tensor& x) {
    *reinterpret_cast<int64_t*>(out.data()) =
        kernels::arg_reduce_all(kFold, x.dtype(), x.data(), x.strides(), x.sizes(), x.rank());
  }
};

template <Fold kFold>
struct ArgDim {
  static constexpr const char* name = kFold == Fold::max ? "ArgMaxDim" : "ArgMinDim";
  static constexpr bool own_dtypes = true;
  using Args = DimArgs;
  static Meta result(const Args& k, const Tensor& x) { return {DType::int64, extreme_shape(x, k)}; }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    find_extremes(kFold, {}, out, k, x);
  }
};

}  // namespace

const Operator sum_operator = operator_for<Sum>();
const Operator mean_operator = operator_for<Mean>();
const Operator max_operator = operator_for<Extreme<Fold::max>>();
const Operator min_operator = operator_for<Extreme<Fold::min>>();
const Operator max_dim_operator = operator_for<ExtremeDim<Fold::max>>();
const Operator min_dim_operator = operator_for<ExtremeDim<Fold::min>>();

Dims all_dims(const Tensor& x) { return (Dims{1} << x.rank()) - 1; }

namespace {

Dims dims_of(const char* op, const Tensor& x, std::span<const int64_t> dims, Into into) {
  if (dims.empty()) return all_dims(x);
  Dims mask = 0;
  for (const int64_t dim : dims) {
    const Dims bit = Dims{1} << dim_of(op, x, dim, into);
    if ((mask & bit) != 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "dims names dimension ", dim, " of ", Named{x},
           " twice; give each once");
    }
    mask |= bit;
  }
  return mask & all_dims(x);  // rank 0 takes dim 0 but has none
}

// Never recorded, so x's history does not matter.
template <class O>
Tensor run_arg(const Tensor& x, int64_t dim, bool keepdim, Into into) {
  const int d =
      into.kind == Into::Kind::fresh ? wrap_dim(dim, x.rank()) : dim_of(O::name, x, dim, into);
  return run<O>(into, {d, keepdim}, x);
}

}  // namespace

Tensor sum(const Tensor& x) {
  if (sums_plainly(x) && !(recording_mode() && requires_grad(x)) && !is_watched()) [[likely]] {
    Tensor out = make_rank_zero(x.dtype());
    sum_plainly(out, x, 1);
    return out;
  }
  return sum_mask(x, all_dims(x), false);
}
Tensor sum_dims(const Tensor& x, std::span<const int64_t> dims, bool keepdim, Into into) {
  if (into.kind != Into::Kind::fresh) {
    return run_into<Sum>(into, {dims_of(Sum::name, x, dims, into), keepdim}, x), Tensor();
  }
  return sum_mask(x, dims_of(Sum::name, x, dims, into), keepdim);
}
Tensor sum_mask(const Tensor& x, Dims dims, bool keepdim) {
  return run<Sum>({}, {dims, keepdim}, x);
}
Tensor sum_into(const Tensor& x, Into into) {
  return run_into<Sum>(into, {all_dims(x), false}, x), Tensor();
}
Tensor mean(const Tensor& x, Into into) { return run<Mean>(into, {all_dims(x), false}, x); }
Tensor mean_dims(const Tensor& x, std::span<const int64_t> dims, bool keepdim, Into into) {
  return run<Mean>(into, {dims_of(Mean::name, x, dims, into), keepdim}, x);
}
Tensor max(const Tensor& x, Into into) { return run<Extreme<Fold::max>>(into, {}, x); }
Tensor min(const Tensor& x, Into into) { return run<Extreme<Fold::min>>(into, {}, x); }
ValuesIndices max_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return run_extreme<ExtremeDim<Fold::max>>(Fold::max, x, dim, keepdim);
}
ValuesIndices min_dim(const Tensor& x, int64_t dim, bool keepdim) {
  return run_extreme<ExtremeDim<Fold::min>>(Fold::min, x, dim, keepdim);
}
void max_dim_out(const Tensor& x, int64_t dim, bool keepdim, const Tensor& values,
                 const Tensor& indices) {
  extreme_into(Fold::max, "MaxDim", x, dim, keepdim, values, indices);
}
void min_dim_out(const Tensor& x, int64_t dim, bool keepdim, const Tensor& values,
                 const Tensor& indices) {
  extreme_into(Fold::min, "MinDim", x, dim, keepdim, values, indices);
}
Tensor argmax(const Tensor& x, Into into) { return run<Arg<Fold::max>>(into, {}, x); }
Tensor argmin(const Tensor& x, Into into) { return run<Arg<Fold::min>>(into, {}, x); }
Tensor argmax_dim(const Tensor& x, int64_t dim, bool keepdim, Into into) {
  return run_arg<ArgDim<Fold::max>>(x, dim, keepdim, into);
}
Tensor argmin_dim(const Tensor& x, int64_t dim, bool keepdim, Into into) {
  return run_arg<ArgDim<Fold::min>>(x, dim, keepdim, into);
}

Tensor fit(const Tensor& grad, const Meta& input) {
  const Shape& shape = input.shape;
  const int shift = grad.rank() - shape.rank;
  Dims leading = 0, inner = 0;
  for (int d = 0; d < grad.rank(); ++d) {
    if (d < shift) {
      leading |= Dims{1} << d;
    } else if (shape[d - shift] == 1 && grad.size(d) != 1) {
      inner |= Dims{1} << d;
    }
  }
  Tensor out = grad;
  if (inner != 0) {
    out = sum_mask(out, leading | inner, true);
    if (leading != 0) out = view_as(out, shape);
  } else if (leading != 0) {
    out = sum_mask(out, leading, false);
  }
  if (!same_sizes(out.sizes(), out.rank(), shape.sizes, shape.rank)) {
    out = expand(out, shape.sizes, shape.rank);
  }
  return to_dtype(out, input.dtype);
}

}  // namespace tg
