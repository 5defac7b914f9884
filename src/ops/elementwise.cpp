// SPDX-License-Identifier: MIT
#include "ops/elementwise.h"

#include <cmath>

namespace tg {

using kernels::Lane;
using kernels::Scalars;

namespace {

[[noreturn, gnu::cold]] void fail_lane(DType dtype) {
  fail(TG_ERROR_DTYPE, "dtype ", dtype,
       " is not taken here; convert the operand by tg_to_dtype, "
       "for example to TG_FLOAT32");
}

bool gives_bool(Lane lane) {
  return (lane >= Lane::eq && lane <= Lane::ge) ||
         (lane >= Lane::eq_scalar && lane <= Lane::ge_scalar);
}

}  // namespace

kernels::Loop loop_for(Lane lane, DType dtype) {
  const kernels::Loop loop = kernels::table().at(lane, dtype);
  if (loop == nullptr) [[unlikely]]
    fail_lane(dtype);
  return loop;
}

Tensor converted(const Tensor& x, DType dtype) {
  if (x.dtype() == dtype) return x;
  Tensor out = make_tensor(dtype, x.sizes(), x.rank());
  kernels::copy(dtype, out.data(), out.strides(), x.dtype(), x.data(), x.strides(), x.sizes(),
                x.rank());
  return out;
}

Tensor packed(const Tensor& x) {
  if (x.row_major()) return x;
  Tensor out = make_tensor(x.dtype(), x.sizes(), x.rank());
  kernels::copy(x.dtype(), out.data(), out.strides(), x.dtype(), x.data(), x.strides(), x.sizes(),
                x.rank());
  return out;
}

void broadcast_strides(const Tensor& x, const Tensor& shape, int64_t* strides) {
  const int shift = shape.rank() - x.rank();
  for (int d = 0; d < shape.rank(); ++d) {
    const bool repeated = d < shift || (x.size(d - shift) == 1 && shape.size(d) != 1);
    strides[d] = repeated ? 0 : x.stride(d - shift);
  }
}

DType promoted(const Tensor& a, const Tensor& b) {
  if (a.dtype() == b.dtype()) return a.dtype();
  // A tensor without dimensions raises the category only, as a number does (torch.result_type).
  const bool a_leads = a.rank() > 0 && b.rank() == 0;
  const bool b_leads = b.rank() > 0 && a.rank() == 0;
  if (a_leads && category(a.dtype()) >= category(b.dtype())) return a.dtype();
  if (b_leads && category(b.dtype()) >= category(a.dtype())) return b.dtype();
  if ((a_leads || b_leads) && (is_floating(a.dtype()) || is_floating(b.dtype()))) {
    return is_floating(a.dtype()) ? a.dtype() : b.dtype();
  }
  return promote(a.dtype(), b.dtype());
}

Meta broadcast_meta(const Tensor& a, const Tensor& b) {
  const DType dtype = promoted(a, b);
  if (same_shape(a, b)) return {dtype, a.shape()};
  return {dtype, broadcast_shapes(a.shape(), b.shape())};
}

void unary(Lane lane, const Tensor& out, const Tensor& x, const Scalars* scalars) {
  const DType dtype = gives_bool(lane) ? x.dtype() : out.dtype();
  const kernels::Loop loop = loop_for(lane, dtype);
  if (out.row_major() && x.row_major() && x.dtype() == dtype) [[likely]] {
    void* const data[] = {out.data(), x.data()};
    const int64_t strides[] = {size_of(out.dtype()), size_of(dtype)};
    return loop(data, strides, out.numel(), scalars);
  }
  const Tensor in = converted(x, dtype);
  void* const data[] = {out.data(), in.data()};
  const int64_t* const strides[] = {out.strides(), in.strides()};
  const int64_t item[] = {size_of(out.dtype()), size_of(dtype)};
  kernels::walk(loop, scalars, 2, data, strides, item, out.sizes(), out.rank());
}

void binary(Lane lane, const Tensor& out, const Tensor& a, const Tensor& b,
            const Scalars* scalars) {
  const DType dtype = gives_bool(lane) ? promoted(a, b) : out.dtype();
  const kernels::Loop loop = loop_for(lane, dtype);
  const int64_t item[] = {size_of(out.dtype()), size_of(dtype), size_of(dtype)};
  if (out.row_major() && a.row_major() && b.row_major() && a.dtype() == dtype &&
      b.dtype() == dtype && same_shape(a, out) && same_shape(b, out)) [[likely]] {
    void* const data[] = {out.data(), a.data(), b.data()};
    return loop(data, item, out.numel(), scalars);
  }
  const Tensor left = converted(a, dtype), right = converted(b, dtype);
  int64_t left_strides[kMaxRank], right_strides[kMaxRank];
  broadcast_strides(left, out, left_strides);
  broadcast_strides(right, out, right_strides);
  void* const data[] = {out.data(), left.data(), right.data()};
  const int64_t* const strides[] = {out.strides(), left_strides, right_strides};
  kernels::walk(loop, scalars, 3, data, strides, item, out.sizes(), out.rank());
}

void ternary(Lane lane, const Tensor& out, const Tensor& condition, const Tensor& a,
             const Tensor& b) {
  const DType dtype = out.dtype();
  const kernels::Loop loop = loop_for(lane, dtype);
  const Tensor left = converted(a, dtype), right = converted(b, dtype);
  int64_t condition_strides[kMaxRank], left_strides[kMaxRank], right_strides[kMaxRank];
  broadcast_strides(condition, out, condition_strides);
  broadcast_strides(left, out, left_strides);
  broadcast_strides(right, out, right_strides);
  void* const data[] = {out.data(), condition.data(), left.data(), right.data()};
  const int64_t* const strides[] = {out.strides(), condition_strides, left_strides, right_strides};
  const int64_t item[] = {size_of(dtype), 1, size_of(dtype), size_of(dtype)};
  kernels::walk(loop, nullptr, 4, data, strides, item, out.sizes(), out.rank());
}

Scalars scalars_for(const char* what, DType dtype, double value) {
  Scalars scalars{value, 0, 0, 0};
  if (is_floating(dtype)) return scalars;
  if (dtype == DType::boolean) {
    if (value != 0 && value != 1) {
      fail(TG_ERROR_DTYPE, what, " is ", value,
           ", which a bool tensor cannot take; give 0 or 1, "
           "or convert the tensor by tg_to_dtype first");
    }
  } else if (!(value >= -0x1p63 && value < 0x1p63) || value != std::trunc(value)) {
    fail(TG_ERROR_DTYPE, what, " is ", value, ", which a tensor of dtype ", dtype,
         " cannot take exactly; convert the tensor by tg_to_dtype first");
  }
  scalars.ia = static_cast<int64_t>(value);
  // What the dtype itself cannot hold would wrap around without a word.
  with_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      if (static_cast<int64_t>(static_cast<T>(scalars.ia)) != scalars.ia) {
        fail(TG_ERROR_DTYPE, what, " is ", value, ", which does not fit dtype ", dtype,
             "; convert the tensor by tg_to_dtype first");
      }
    }
  });
  return scalars;
}

}  // namespace tg
