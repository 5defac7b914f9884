// SPDX-License-Identifier: MIT
// Every operator as a function of tensors. Names are PyTorch's and are not overloaded, so that
// gradient rules and the C layer can take them by name. Rules stand beside their operators in the
// family files: arithmetic, comparison, unary, activation, reduction, matrix, views, indexing,
// joining, loss, creation, random.
#pragma once

#include <span>

#include "core/tensor.h"
#include "ops/run.h"

namespace tg {

// Dimensions as a bit mask: bit d stands for dimension d.
using Dims = uint32_t;
Dims all_dims(const Tensor& x);
// Dims from outside: negative ones count from the end, one given twice is an error. None: all.

// ---- arithmetic ----
Tensor add(const Tensor& a, const Tensor& b, Into into = {});
Tensor sub(const Tensor& a, const Tensor& b, Into into = {});
Tensor mul(const Tensor& a, const Tensor& b, Into into = {});
Tensor div(const Tensor& a, const Tensor& b, Into into = {});
Tensor maximum(const Tensor& a, const Tensor& b, Into into = {});
Tensor minimum(const Tensor& a, const Tensor& b, Into into = {});
Tensor add_scalar(const Tensor& x, double value, Into into = {});
Tensor sub_scalar(const Tensor& x, double value, Into into = {});
Tensor rsub_scalar(const Tensor& x, double value, Into into = {});  // value - x
Tensor mul_scalar(const Tensor& x, double value, Into into = {});
Tensor div_scalar(const Tensor& x, double value, Into into = {});
Tensor pow_scalar(const Tensor& x, double exponent, Into into = {});
Tensor clamp(const Tensor& x, double low, double high, Into into = {});
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b, Into into = {});

// ---- comparison: results are bool and never recorded ----
Tensor eq(const Tensor& a, const Tensor& b, Into into = {});
Tensor ne(const Tensor& a, const Tensor& b, Into into = {});
Tensor lt(const Tensor& a, const Tensor& b, Into into = {});
Tensor le(const Tensor& a, const Tensor& b, Into into = {});
Tensor gt(const Tensor& a, const Tensor& b, Into into = {});
Tensor ge(const Tensor& a, const Tensor& b, Into into = {});
Tensor eq_scalar(const Tensor& x, double value, Into into = {});
Tensor ne_scalar(const Tensor& x, double value, Into into = {});
Tensor lt_scalar(const Tensor& x, double value, Into into = {});
Tensor le_scalar(const Tensor& x, double value, Into into = {});
Tensor gt_scalar(const Tensor& x, double value, Into into = {});
Tensor ge_scalar(const Tensor& x, double value, Into into = {});

// ---- unary and activation ----
Tensor neg(const Tensor& x, Into into = {});
Tensor abs(const Tensor& x, Into into = {});
Tensor exp(const Tensor& x, Into into = {});
Tensor log(const Tensor& x, Into into = {});
Tensor sqrt(const Tensor& x, Into into = {});
Tensor sin(const Tensor& x, Into into = {});
Tensor cos(const Tensor& x, Into into = {});
Tensor tanh(const Tensor& x, Into into = {});
Tensor sigmoid(const Tensor& x, Into into = {});
Tensor relu(const Tensor& x, Into into = {});
Tensor softmax(const Tensor& x, int64_t dim, Into into = {});
Tensor log_softmax(const Tensor& x, int64_t dim, Into into = {});

// ---- reduction ----
Tensor sum(const Tensor& x);
Tensor sum_into(const Tensor& x, Into into);  // not fresh: so sum itself asks nothing
Tensor sum_dims(const Tensor& x, std::span<const int64_t> dims, bool keepdim, Into into = {});
Tensor sum_mask(const Tensor& x, Dims dims, bool keepdim);
Tensor mean(const Tensor& x, Into into = {});
Tensor mean_dims(const Tensor& x, std::span<const int64_t> dims, bool keepdim, Into into = {});
Tensor max(const Tensor& x, Into into = {});
Tensor min(const Tensor& x, Into into = {});
struct ValuesIndices {
  Tensor values, indices;
};
ValuesIndices max_dim(const Tensor& x, int64_t dim, bool keepdim);
ValuesIndices min_dim(const Tensor& x, int64_t dim, bool keepdim);
void max_dim_out(const Tensor& x, int64_t dim, bool keepdim, const Tensor& values,
                 const Tensor& indices);
void min_dim_out(const Tensor& x, int64_t dim, bool keepdim, const Tensor& values,
                 const Tensor& indices);
Tensor argmax(const Tensor& x, Into into = {});
Tensor argmin(const Tensor& x, Into into = {});
Tensor argmax_dim(const Tensor& x, int64_t dim, bool keepdim, Into into = {});
Tensor argmin_dim(const Tensor& x, int64_t dim, bool keepdim, Into into = {});
// Sums what was broadcast, casts what was promoted: brings a gradient to its input's form.
Tensor fit(const Tensor& grad, const Meta& input);

// ---- matrix ----
Tensor mm(const Tensor& a, const Tensor& b, Into into = {});
Tensor bmm(const Tensor& a, const Tensor& b, Into into = {});
Tensor mv(const Tensor& a, const Tensor& x, Into into = {});
Tensor dot(const Tensor& a, const Tensor& b, Into into = {});
Tensor matmul(const Tensor& a, const Tensor& b, Into into = {});
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta, double alpha,
             Into into = {});
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias,  // bias may be null
              Into into = {});

// ---- views: the result shares x's storage ----
Tensor view(const Tensor& x, const int64_t* shape, int32_t rank);  // one -1 allowed
// The same as a pointer whose count is the caller's: a call in tail position needs no frame.
TensorHead* view_head(const Tensor& x, const int64_t* sizes, int32_t rank);
Tensor view_as(const Tensor& x, const Shape& shape);
// A fresh row-major result that nobody else holds, under another shape: no view of anything.
Tensor reshaped_result(const Tensor& fresh, const Shape& shape);
Tensor reshape(const Tensor& x, const int64_t* shape, int32_t rank);
Tensor flatten(const Tensor& x, int64_t start_dim, int64_t end_dim);
Tensor t(const Tensor& x);
Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1);
Tensor permute(const Tensor& x, std::span<const int64_t> dims);
Tensor expand(const Tensor& x, const int64_t* shape, int32_t rank);  // -1 keeps a size
Tensor squeeze(const Tensor& x);
Tensor squeeze_dim(const Tensor& x, int64_t dim);
Tensor unsqueeze(const Tensor& x, int64_t dim);
Tensor select(const Tensor& x, int64_t dim, int64_t index);
Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length);
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step);
Tensor as_strided(const Tensor& x, const int64_t* shape, const int64_t* strides, int32_t rank,
                  int64_t offset);
// How many parts split gives; the parts go to outs.
int64_t split_count(const Tensor& x, int64_t size, int64_t dim);
void split(const Tensor& x, int64_t size, int64_t dim, std::span<Tensor> outs);

// ---- indexing and joining ----
Tensor cat(std::span<const Tensor* const> tensors, int64_t dim, Into into = {});
Tensor stack(std::span<const Tensor* const> tensors, int64_t dim, Into into = {});
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index, Into into = {});
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index, Into into = {});
// Zeros of this shape with source added at index: the gradients of the two above.
Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source);
Tensor index_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source);

// ---- losses ----
Tensor mse_loss(const Tensor& x, const Tensor& target, int32_t reduction, Into into = {});
Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, int64_t ignore_index,
                int32_t reduction, Into into = {});  // weight may be null
Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index, int32_t reduction, double label_smoothing,
                     Into into = {});

// ---- creation and copying ----
Tensor empty(DType dtype, const Shape& shape);  // elements are not set
// Bytes from outside in a bool tensor: each that is not 0 becomes 1.
void make_bools_sound(const Tensor& x) noexcept;
Tensor full(DType dtype, const Shape& shape, double value);
Tensor full_int64(DType dtype, const Shape& shape, int64_t value);
Tensor zeros(DType dtype, const Shape& shape);
Tensor ones(DType dtype, const Shape& shape);
Tensor zeros_like(const Tensor& x);
Tensor ones_like(const Tensor& x);
Tensor scalar(double value, DType dtype);
Tensor eye(DType dtype, int64_t rows, int64_t columns);
Tensor arange(double start, double end, double step, DType dtype);
Tensor clone(const Tensor& x);
Tensor contiguous(const Tensor& x);  // x itself where it is
Tensor to_dtype(const Tensor& x, DType dtype);
Tensor detach(const Tensor& x);
void copy_(const Tensor& x, const Tensor& source);
void fill_(const Tensor& x, double value);
void fill_int64_(const Tensor& x, int64_t value);
void copy_in_(const Tensor& x, const std::byte* row_major);
void copy_out(const Tensor& x, std::byte* row_major);

}  // namespace tg
