// SPDX-License-Identifier: MIT
// The operators' entries that write into a given tensor.
#include "ops/ops.h"

#include "capi/seam.h"

using namespace tg::capi;

namespace {

// Entries with a list or a flag, which the operator takes in another form.
tg_status over_dims(const char* function, tg_tensor x, const int64_t* dims, size_t count,
                    int32_t keepdim, tg_tensor out,
                    tg::Tensor (*op)(const tg::Tensor&, std::span<const int64_t>, bool, tg::Into)) {
  return guarded(function, [&] {
    const TensorPin operand(x, "x"), target(out, "out");
    op(*operand, dims_span(dims, count), boolean(keepdim, "keepdim"), tg::Into::given(*target));
  });
}
tg_status over_dim(const char* function, tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor out,
                   tg::Tensor (*op)(const tg::Tensor&, int64_t, bool, tg::Into)) {
  return guarded(function, [&] {
    const TensorPin operand(x, "x"), target(out, "out");
    op(*operand, dim, boolean(keepdim, "keepdim"), tg::Into::given(*target));
  });
}
tg_status into_two(const char* function, tg_tensor x, int64_t dim, int32_t keepdim,
                   tg_tensor values, tg_tensor indices,
                   void (*op)(const tg::Tensor&, int64_t, bool, const tg::Tensor&,
                              const tg::Tensor&)) {
  return guarded(function, [&] {
    const TensorPin operand(x, "x"), first(values, "values"), second(indices, "indices");
    op(*operand, dim, boolean(keepdim, "keepdim"), *first, *second);
  });
}
tg_status joined(const char* function, const tg_tensor* tensors, size_t count, int64_t dim,
                 tg_tensor out,
                 tg::Tensor (*op)(std::span<const tg::Tensor* const>, int64_t, tg::Into)) {
  return guarded(function, [&] {
    const TensorPins operands(tensors, count, "tensors");
    const TensorPin target(out, "out");
    op(operands.tensors(), dim, tg::Into::given(*target));
  });
}

}  // namespace

// ---- elementwise ----
tg_status tg_add_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::add, a, b);
}
tg_status tg_sub_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::sub, a, b);
}
tg_status tg_mul_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::mul, a, b);
}
tg_status tg_div_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::div, a, b);
}
tg_status tg_maximum_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::maximum, a, b);
}
tg_status tg_minimum_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::minimum, a, b);
}
tg_status tg_eq_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::eq, a, b);
}
tg_status tg_ne_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::ne, a, b);
}
tg_status tg_lt_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::lt, a, b);
}
tg_status tg_le_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::le, a, b);
}
tg_status tg_gt_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::gt, a, b);
}
tg_status tg_ge_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::ge, a, b);
}
tg_status tg_add_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::add_scalar, x, value);
}
tg_status tg_sub_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::sub_scalar, x, value);
}
tg_status tg_mul_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::mul_scalar, x, value);
}
tg_status tg_div_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::div_scalar, x, value);
}
tg_status tg_pow_scalar_out(tg_tensor x, double exponent, tg_tensor out) {
  return call_out(__func__, out, tg::pow_scalar, x, exponent);
}
tg_status tg_eq_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::eq_scalar, x, value);
}
tg_status tg_ne_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::ne_scalar, x, value);
}
tg_status tg_lt_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::lt_scalar, x, value);
}
tg_status tg_le_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::le_scalar, x, value);
}
tg_status tg_gt_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::gt_scalar, x, value);
}
tg_status tg_ge_scalar_out(tg_tensor x, double value, tg_tensor out) {
  return call_out(__func__, out, tg::ge_scalar, x, value);
}
tg_status tg_neg_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::neg, x); }
tg_status tg_abs_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::abs, x); }
tg_status tg_exp_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::exp, x); }
tg_status tg_log_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::log, x); }
tg_status tg_sqrt_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::sqrt, x); }
tg_status tg_sin_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::sin, x); }
tg_status tg_cos_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::cos, x); }
tg_status tg_tanh_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::tanh, x); }
tg_status tg_sigmoid_out(tg_tensor x, tg_tensor out) {
  return call_out(__func__, out, tg::sigmoid, x);
}
tg_status tg_relu_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::relu, x); }
tg_status tg_clamp_out(tg_tensor x, double low, double high, tg_tensor out) {
  return call_out(__func__, out, tg::clamp, x, low, high);
}
tg_status tg_where_out(tg_tensor condition, tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::where, condition, a, b);
}
// ---- reductions ----
tg_status tg_sum_out(tg_tensor x, tg_tensor out) {
  return call_out(__func__, out, tg::sum_into, x);
}
tg_status tg_mean_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::mean, x); }
tg_status tg_max_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::max, x); }
tg_status tg_min_out(tg_tensor x, tg_tensor out) { return call_out(__func__, out, tg::min, x); }
tg_status tg_argmax_out(tg_tensor x, tg_tensor out) {
  return call_out(__func__, out, tg::argmax, x);
}
tg_status tg_argmin_out(tg_tensor x, tg_tensor out) {
  return call_out(__func__, out, tg::argmin, x);
}
tg_status tg_sum_dims_out(tg_tensor x, const int64_t* dims, size_t count, int32_t keepdim,
                          tg_tensor out) {
  return over_dims(__func__, x, dims, count, keepdim, out, tg::sum_dims);
}
tg_status tg_mean_dims_out(tg_tensor x, const int64_t* dims, size_t count, int32_t keepdim,
                           tg_tensor out) {
  return over_dims(__func__, x, dims, count, keepdim, out, tg::mean_dims);
}
tg_status tg_max_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor values,
                         tg_tensor indices) {
  return into_two(__func__, x, dim, keepdim, values, indices, tg::max_dim_out);
}
tg_status tg_min_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor values,
                         tg_tensor indices) {
  return into_two(__func__, x, dim, keepdim, values, indices, tg::min_dim_out);
}
tg_status tg_argmax_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor out) {
  return over_dim(__func__, x, dim, keepdim, out, tg::argmax_dim);
}
tg_status tg_argmin_dim_out(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor out) {
  return over_dim(__func__, x, dim, keepdim, out, tg::argmin_dim);
}
tg_status tg_softmax_out(tg_tensor x, int64_t dim, tg_tensor out) {
  return call_out(__func__, out, tg::softmax, x, dim);
}
tg_status tg_log_softmax_out(tg_tensor x, int64_t dim, tg_tensor out) {
  return call_out(__func__, out, tg::log_softmax, x, dim);
}
// ---- products ----
tg_status tg_mm_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::mm, a, b);
}
tg_status tg_bmm_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::bmm, a, b);
}
tg_status tg_matmul_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::matmul, a, b);
}
tg_status tg_dot_out(tg_tensor a, tg_tensor b, tg_tensor out) {
  return call_out(__func__, out, tg::dot, a, b);
}
tg_status tg_mv_out(tg_tensor a, tg_tensor x, tg_tensor out) {
  return call_out(__func__, out, tg::mv, a, x);
}
tg_status tg_addmm_out(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha,
                       tg_tensor out) {
  return call_out(__func__, out, tg::addmm, x, a, b, beta, alpha);
}
tg_status tg_linear_out(tg_tensor x, tg_tensor weight, tg_tensor bias, tg_tensor out) {
  return guarded(__func__, [&] {
    const TensorPin operand(x, "x"), factor(weight, "weight"), target(out, "out");
    const OptionalPin summand(bias, "bias");
    tg::linear(*operand, *factor, *summand, tg::Into::given(*target));
  });
}
// ---- joining and indexing ----
tg_status tg_cat_out(const tg_tensor* tensors, size_t count, int64_t dim, tg_tensor out) {
  return joined(__func__, tensors, count, dim, out, tg::cat);
}
tg_status tg_stack_out(const tg_tensor* tensors, size_t count, int64_t dim, tg_tensor out) {
  return joined(__func__, tensors, count, dim, out, tg::stack);
}
tg_status tg_index_select_out(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor out) {
  return call_out(__func__, out, tg::index_select, x, dim, index);
}
tg_status tg_gather_out(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor out) {
  return call_out(__func__, out, tg::gather, x, dim, index);
}

// ---- losses ----
tg_status tg_mse_loss_out(tg_tensor x, tg_tensor target, int32_t reduction, tg_tensor out) {
  return call_out(__func__, out, tg::mse_loss, x, target, reduction);
}
tg_status tg_nll_loss_out(tg_tensor x, tg_tensor target, tg_tensor weight, int64_t ignore_index,
                          int32_t reduction, tg_tensor out) {
  return guarded(__func__, [&] {
    const TensorPin operand(x, "x"), classes(target, "target");
    const OptionalPin factor(weight, "weight");
    const TensorPin result(out, "out");
    tg::nll_loss(*operand, *classes, *factor, ignore_index, reduction, tg::Into::given(*result));
  });
}
tg_status tg_cross_entropy_out(tg_tensor x, tg_tensor target, tg_tensor weight,
                               int64_t ignore_index, int32_t reduction, double label_smoothing,
                               tg_tensor out) {
  return guarded(__func__, [&] {
    const TensorPin operand(x, "x"), classes(target, "target");
    const OptionalPin factor(weight, "weight");
    const TensorPin result(out, "out");
    tg::cross_entropy(*operand, *classes, *factor, ignore_index, reduction, label_smoothing,
                      tg::Into::given(*result));
  });
}
