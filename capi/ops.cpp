// SPDX-License-Identifier: MIT
// The operators' C entries: one line each. Shapes, dtypes and gradients are the operators' own.
#include "ops/ops.h"

#include "capi/seam.h"

using namespace tg::capi;

// ---- elementwise ----
tg_status tg_add(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::add, a, b);
}
tg_status tg_sub(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::sub, a, b);
}
tg_status tg_mul(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::mul, a, b);
}
tg_status tg_div(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::div, a, b);
}
tg_status tg_maximum(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::maximum, a, b);
}
tg_status tg_minimum(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::minimum, a, b);
}
tg_status tg_eq(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::eq, a, b);
}
tg_status tg_lt(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::lt, a, b);
}
tg_status tg_gt(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::gt, a, b);
}
tg_status tg_ne(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::ne, a, b);
}
tg_status tg_le(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::le, a, b);
}
tg_status tg_ge(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::ge, a, b);
}
tg_status tg_add_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::add_scalar, x, value);
}
tg_status tg_sub_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::sub_scalar, x, value);
}
tg_status tg_mul_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::mul_scalar, x, value);
}
tg_status tg_div_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::div_scalar, x, value);
}
tg_status tg_pow_scalar(tg_tensor x, double exponent, tg_tensor* out) {
  return call(__func__, out, tg::pow_scalar, x, exponent);
}
tg_status tg_add_(tg_tensor x, tg_tensor other) {
  return call_in_place(__func__, tg::add, x, other);
}
tg_status tg_sub_(tg_tensor x, tg_tensor other) {
  return call_in_place(__func__, tg::sub, x, other);
}
tg_status tg_mul_(tg_tensor x, tg_tensor other) {
  return call_in_place(__func__, tg::mul, x, other);
}
tg_status tg_div_(tg_tensor x, tg_tensor other) {
  return call_in_place(__func__, tg::div, x, other);
}
tg_status tg_add_scalar_(tg_tensor x, double value) {
  return call_in_place(__func__, tg::add_scalar, x, value);
}
tg_status tg_sub_scalar_(tg_tensor x, double value) {
  return call_in_place(__func__, tg::sub_scalar, x, value);
}
tg_status tg_mul_scalar_(tg_tensor x, double value) {
  return call_in_place(__func__, tg::mul_scalar, x, value);
}
tg_status tg_div_scalar_(tg_tensor x, double value) {
  return call_in_place(__func__, tg::div_scalar, x, value);
}
tg_status tg_pow_scalar_(tg_tensor x, double exponent) {
  return call_in_place(__func__, tg::pow_scalar, x, exponent);
}
tg_status tg_neg(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::neg, x); }
tg_status tg_abs(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::abs, x); }
tg_status tg_exp(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::exp, x); }
tg_status tg_log(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::log, x); }
tg_status tg_sqrt(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::sqrt, x); }
tg_status tg_sin(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::sin, x); }
tg_status tg_cos(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::cos, x); }
tg_status tg_tanh(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::tanh, x); }
tg_status tg_sigmoid(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::sigmoid, x); }
tg_status tg_relu(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::relu, x); }
tg_status tg_neg_(tg_tensor x) { return call_in_place(__func__, tg::neg, x); }
tg_status tg_abs_(tg_tensor x) { return call_in_place(__func__, tg::abs, x); }
tg_status tg_log_(tg_tensor x) { return call_in_place(__func__, tg::log, x); }
tg_status tg_sqrt_(tg_tensor x) { return call_in_place(__func__, tg::sqrt, x); }
tg_status tg_sin_(tg_tensor x) { return call_in_place(__func__, tg::sin, x); }
tg_status tg_cos_(tg_tensor x) { return call_in_place(__func__, tg::cos, x); }
tg_status tg_tanh_(tg_tensor x) { return call_in_place(__func__, tg::tanh, x); }
tg_status tg_exp_(tg_tensor x) { return call_in_place(__func__, tg::exp, x); }
tg_status tg_sigmoid_(tg_tensor x) { return call_in_place(__func__, tg::sigmoid, x); }
tg_status tg_relu_(tg_tensor x) { return call_in_place(__func__, tg::relu, x); }
tg_status tg_clamp(tg_tensor x, double low, double high, tg_tensor* out) {
  return call(__func__, out, tg::clamp, x, low, high);
}
tg_status tg_clamp_(tg_tensor x, double low, double high) {
  return call_in_place(__func__, tg::clamp, x, low, high);
}
tg_status tg_where(tg_tensor condition, tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::where, condition, a, b);
}
tg_status tg_eq_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::eq_scalar, x, value);
}
tg_status tg_ne_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::ne_scalar, x, value);
}
tg_status tg_lt_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::lt_scalar, x, value);
}
tg_status tg_le_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::le_scalar, x, value);
}
tg_status tg_gt_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::gt_scalar, x, value);
}
tg_status tg_ge_scalar(tg_tensor x, double value, tg_tensor* out) {
  return call(__func__, out, tg::ge_scalar, x, value);
}
// ---- reductions ----
namespace {

// Operators with two results.
tg_status call_two(const char* function, tg_tensor* values, tg_tensor* indices,
                   tg::ValuesIndices (*op)(const tg::Tensor&, int64_t, bool), tg_tensor x,
                   int64_t dim, int32_t keepdim) {
  return guarded(function, [&] {
    if (indices != nullptr) *indices = 0;
    clear_out(values, "values");
    clear_out(indices, "indices");
    NewHandle first, second;
    const TensorPin operand(x, "operand 0");
    tg::ValuesIndices both = op(*operand, dim, boolean(keepdim, "keepdim"));
    *values = first.publish(std::move(both.values));
    *indices = second.publish(std::move(both.indices));
  });
}

// A result from an operand and a list.
template <class F>
tg_status call_with(const char* function, tg_tensor* out, tg_tensor x, F&& op) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin operand(x, "operand 0");
    *out = handle.publish(op(*operand));
  });
}

}  // namespace
tg_status tg_sum(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::sum, x); }
tg_status tg_sum_dims(tg_tensor x, const int64_t* dims, size_t count, int32_t keepdim,
                      tg_tensor* out) {
  return call_with(__func__, out, x, [&](const tg::Tensor& operand) {
    return tg::sum_dims(operand, dims_span(dims, count), boolean(keepdim, "keepdim"));
  });
}
tg_status tg_mean(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::mean, x); }
tg_status tg_mean_dims(tg_tensor x, const int64_t* dims, size_t count, int32_t keepdim,
                       tg_tensor* out) {
  return call_with(__func__, out, x, [&](const tg::Tensor& operand) {
    return tg::mean_dims(operand, dims_span(dims, count), boolean(keepdim, "keepdim"));
  });
}
tg_status tg_max(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::max, x); }
tg_status tg_max_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor* values,
                     tg_tensor* indices) {
  return call_two(__func__, values, indices, tg::max_dim, x, dim, keepdim);
}
tg_status tg_min(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::min, x); }
tg_status tg_min_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor* values,
                     tg_tensor* indices) {
  return call_two(__func__, values, indices, tg::min_dim, x, dim, keepdim);
}
tg_status tg_argmax(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::argmax, x); }
tg_status tg_argmax_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor* out) {
  return call_with(__func__, out, x, [&](const tg::Tensor& operand) {
    return tg::argmax_dim(operand, dim, boolean(keepdim, "keepdim"));
  });
}
tg_status tg_argmin(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::argmin, x); }
tg_status tg_argmin_dim(tg_tensor x, int64_t dim, int32_t keepdim, tg_tensor* out) {
  return call_with(__func__, out, x, [&](const tg::Tensor& operand) {
    return tg::argmin_dim(operand, dim, boolean(keepdim, "keepdim"));
  });
}
tg_status tg_softmax(tg_tensor x, int64_t dim, tg_tensor* out) {
  return call(__func__, out, tg::softmax, x, dim);
}
tg_status tg_log_softmax(tg_tensor x, int64_t dim, tg_tensor* out) {
  return call(__func__, out, tg::log_softmax, x, dim);
}
// ---- products ----
tg_status tg_mm(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::mm, a, b);
}
tg_status tg_bmm(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::bmm, a, b);
}
tg_status tg_matmul(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::matmul, a, b);
}
tg_status tg_dot(tg_tensor a, tg_tensor b, tg_tensor* out) {
  return call(__func__, out, tg::dot, a, b);
}
tg_status tg_mv(tg_tensor a, tg_tensor x, tg_tensor* out) {
  return call(__func__, out, tg::mv, a, x);
}
tg_status tg_addmm(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha,
                   tg_tensor* out) {
  return call(__func__, out, tg::addmm, x, a, b, beta, alpha);
}
tg_status tg_addmm_(tg_tensor x, tg_tensor a, tg_tensor b, double beta, double alpha) {
  return call_in_place(__func__, tg::addmm, x, a, b, beta, alpha);
}
tg_status tg_linear(tg_tensor x, tg_tensor weight, tg_tensor bias, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin operand(x, "x"), factor(weight, "weight");
    const OptionalPin summand(bias, "bias");
    *out = handle.publish(tg::linear(*operand, *factor, *summand));
  });
}
// ---- shape ----
tg_status tg_view(tg_tensor x, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return call(__func__, out, tg::view_head, x, shape, rank);
}
tg_status tg_reshape(tg_tensor x, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return call(__func__, out, tg::reshape, x, shape, rank);
}
tg_status tg_expand(tg_tensor x, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return call(__func__, out, tg::expand, x, shape, rank);
}
tg_status tg_flatten(tg_tensor x, int64_t start_dim, int64_t end_dim, tg_tensor* out) {
  return call(__func__, out, tg::flatten, x, start_dim, end_dim);
}
tg_status tg_t(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::t, x); }
tg_status tg_transpose(tg_tensor x, int64_t dim0, int64_t dim1, tg_tensor* out) {
  return call(__func__, out, tg::transpose, x, dim0, dim1);
}
tg_status tg_permute(tg_tensor x, const int64_t* dims, size_t count, tg_tensor* out) {
  return call_with(__func__, out, x, [&](const tg::Tensor& operand) {
    return tg::permute(operand, dims_span(dims, count));
  });
}
tg_status tg_squeeze(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::squeeze, x); }
tg_status tg_squeeze_dim(tg_tensor x, int64_t dim, tg_tensor* out) {
  return call(__func__, out, tg::squeeze_dim, x, dim);
}
tg_status tg_unsqueeze(tg_tensor x, int64_t dim, tg_tensor* out) {
  return call(__func__, out, tg::unsqueeze, x, dim);
}
tg_status tg_select(tg_tensor x, int64_t dim, int64_t index, tg_tensor* out) {
  return call(__func__, out, tg::select, x, dim, index);
}
tg_status tg_narrow(tg_tensor x, int64_t dim, int64_t start, int64_t length, tg_tensor* out) {
  return call(__func__, out, tg::narrow, x, dim, start, length);
}
tg_status tg_slice(tg_tensor x, int64_t dim, int64_t start, int64_t end, int64_t step,
                   tg_tensor* out) {
  return call(__func__, out, tg::slice, x, dim, start, end, step);
}
tg_status tg_as_strided(tg_tensor x, const int64_t* shape, const int64_t* strides, int32_t rank,
                        int64_t offset, tg_tensor* out) {
  return call(__func__, out, tg::as_strided, x, shape, strides, rank, offset);
}
tg_status tg_split(tg_tensor x, int64_t size, int64_t dim, tg_tensor* outs, size_t capacity,
                   size_t* count) {
  return guarded(__func__, [&] {
    clear_outs(outs, capacity, "outs");
    check_pointer(count, "count");
    const TensorPin operand(x, "operand 0");
    const auto parts = static_cast<size_t>(tg::split_count(*operand, size, dim));
    if (outs == nullptr) {
      *count = parts;
      return;
    }
    if (parts > capacity) {
      *count = parts;
      tg::fail(TG_ERROR_LIMIT, "the split has ", parts, " parts, outs has room for ", capacity,
               "; give a larger array");
    }
    NewHandles handles(parts);
    tg::Vector<tg::Tensor> tensors(parts);
    tg::split(*operand, size, dim, tensors);
    for (size_t i = 0; i < parts; ++i) outs[i] = handles.publish(i, std::move(tensors[i]));
    *count = parts;
  });
}
// ---- joining and indexing ----
tg_status tg_cat(const tg_tensor* tensors, size_t count, int64_t dim, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPins operands(tensors, count, "tensors");
    *out = handle.publish(tg::cat(operands.tensors(), dim));
  });
}
tg_status tg_stack(const tg_tensor* tensors, size_t count, int64_t dim, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPins operands(tensors, count, "tensors");
    *out = handle.publish(tg::stack(operands.tensors(), dim));
  });
}
tg_status tg_index_select(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor* out) {
  return call(__func__, out, tg::index_select, x, dim, index);
}
tg_status tg_gather(tg_tensor x, int64_t dim, tg_tensor index, tg_tensor* out) {
  return call(__func__, out, tg::gather, x, dim, index);
}
// ---- losses ----
tg_status tg_mse_loss(tg_tensor x, tg_tensor target, int32_t reduction, tg_tensor* out) {
  return call(__func__, out, tg::mse_loss, x, target, reduction);
}
tg_status tg_nll_loss(tg_tensor x, tg_tensor target, tg_tensor weight, int64_t ignore_index,
                      int32_t reduction, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin operand(x, "x"), classes(target, "target");
    const OptionalPin factor(weight, "weight");
    *out = handle.publish(tg::nll_loss(*operand, *classes, *factor, ignore_index, reduction));
  });
}
tg_status tg_cross_entropy(tg_tensor x, tg_tensor target, tg_tensor weight, int64_t ignore_index,
                           int32_t reduction, double label_smoothing, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin operand(x, "x"), classes(target, "target");
    const OptionalPin factor(weight, "weight");
    *out = handle.publish(
        tg::cross_entropy(*operand, *classes, *factor, ignore_index, reduction, label_smoothing));
  });
}
