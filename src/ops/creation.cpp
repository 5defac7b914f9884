// SPDX-License-Identifier: MIT
// Tensors from nothing, copies, conversions, and the in-place operators that write given values.
#include <algorithm>
#include <cmath>

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

using kernels::Scalars;

namespace {

// A number as elements of dtype: exact for integers and bool.
void fill_with(const Tensor& out, const Scalars& scalars) noexcept {
  kernels::fill(out.dtype(), out.data(), out.strides(), out.sizes(), out.rank(), scalars);
}

Scalars exact_integer(DType dtype, int64_t value) {
  if (is_floating(dtype)) return {static_cast<double>(value), 0, value, 0};
  const bool fits = with_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>)
      return value == 0 || value == 1;
    else if constexpr (std::is_integral_v<T>)
      return static_cast<int64_t>(static_cast<T>(value)) == value;
    else
      return true;
  });
  if (!fits) {
    fail(TG_ERROR_DTYPE, "value is ", value, ", which does not fit dtype ", dtype,
         "; choose a wider dtype");
  }
  return {0, 0, value, 0};
}

Meta meta_of(const Tensor& x) { return {x.dtype(), x.shape()}; }

struct Clone {
  static constexpr const char* name = "Clone";
  static constexpr Op id = Op::clone;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsNothing};
  static Meta result(const Tensor& x) { return meta_of(x); }
  static void forward(const Tensor& out, const Tensor& x) { copy_elements(out, x); }
  static void gradient(Vjp& v) { v.give(0, v.grad()); }
};

struct ToDType {
  static constexpr const char* name = "ToDType";
  static constexpr Op id = Op::to_dtype;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr SaveMask reads[] = {kReadsNothing};
  struct Args {
    DType dtype;
  };
  static bool gives_floating(const Args& k) { return is_floating(k.dtype); }
  static Meta result(const Args& k, const Tensor& x) { return {k.dtype, x.shape()}; }
  static void forward(const Tensor& out, const Args&, const Tensor& x) { copy_elements(out, x); }
  static void gradient(Vjp& v) { v.give(0, v.grad()); }  // give casts it back
};

// x takes the elements of source, broadcast and cast: nothing of its old value is left.
struct Copy {
  static constexpr const char* name = "Copy";
  static constexpr Op id = Op::copy;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr SaveMask reads[] = {kReadsNothing, kReadsNothing};
  static constexpr bool elementwise = true;
  static constexpr bool converts = true;
  static Meta result(const Tensor& x, const Tensor& source) {
    const Shape shape = broadcast_shapes(x.shape(), source.shape());
    return {x.dtype(), shape};
  }
  static void forward(const Tensor& out, const Tensor&, const Tensor& source) {
    int64_t strides[kMaxRank];
    broadcast_strides(source, out, strides);
    kernels::copy(out.dtype(), out.data(), out.strides(), source.dtype(), source.data(), strides,
                  out.sizes(), out.rank());
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, zeros_like(v.grad()));
    v.give(1, v.grad());
  }
};

struct FillArgs {
  Scalars value;
};
struct Fill {
  static constexpr const char* name = "Fill";
  static constexpr Op id = Op::fill;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsNothing};
  static constexpr bool takes_expanded = true;
  using Args = FillArgs;
  static Meta result(const Args&, const Tensor& x) { return meta_of(x); }
  static void forward(const Tensor& out, const Args& k, const Tensor&) { fill_with(out, k.value); }
  static void gradient(Vjp& v) { v.give(0, zeros_like(v.grad())); }
};

}  // namespace

const Operator clone_operator = operator_for<Clone>();
const Operator to_dtype_operator = operator_for<ToDType>();
const Operator copy_operator = operator_for<Copy>();
const Operator fill_operator = operator_for<Fill>();

Tensor empty(DType dtype, const Shape& shape) {
  return make_tensor(dtype, shape.sizes, shape.rank);
}

void make_bools_sound(const Tensor& x) noexcept {
  if (x.dtype() != DType::boolean) return;
  auto* bytes = reinterpret_cast<uint8_t*>(x.data());
  for (int64_t i = 0; i < x.numel(); ++i) bytes[i] = bytes[i] != 0 ? 1 : 0;
}

Tensor full(DType dtype, const Shape& shape, double value) {
  const Scalars scalars = scalars_for("value", dtype, value);
  Tensor out = empty(dtype, shape);
  fill_with(out, scalars);
  return out;
}

Tensor full_int64(DType dtype, const Shape& shape, int64_t value) {
  const Scalars scalars = exact_integer(dtype, value);
  Tensor out = empty(dtype, shape);
  fill_with(out, scalars);
  return out;
}

Tensor zeros(DType dtype, const Shape& shape) {
  Tensor out = empty(dtype, shape);
  std::memset(out.data(), 0, static_cast<size_t>(out.storage().bytes()));
  return out;
}

Tensor ones(DType dtype, const Shape& shape) { return full(dtype, shape, 1); }
Tensor zeros_like(const Tensor& x) { return zeros(x.dtype(), x.shape()); }
Tensor ones_like(const Tensor& x) { return full(x.dtype(), x.shape(), 1); }
Tensor scalar(double value, DType dtype) { return full(dtype, Shape(), value); }

Tensor eye(DType dtype, int64_t rows, int64_t columns) {
  const int64_t sizes[] = {rows, columns};
  Tensor out = zeros(dtype, checked_shape(sizes, 2, size_of(dtype)));
  const int64_t count = std::min(rows, columns);
  if (count == 0) return out;
  const int64_t diagonal = columns + 1;
  kernels::fill(dtype, out.data(), &diagonal, &count, 1, {1, 0, 1, 0});
  return out;
}

Tensor arange(double start, double end, double step, DType dtype) {
  if (!std::isfinite(start) || !std::isfinite(end) || !std::isfinite(step) || step == 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "start is ", start, ", end is ", end, ", step is ", step,
         "; they must be finite and the step not 0");
  }
  if ((step > 0) != (end >= start) && end != start) {
    fail(TG_ERROR_INVALID_ARGUMENT, "a step of ", step, " does not lead from ", start, " to ", end,
         "; change its sign");
  }
  if (dtype == DType::boolean) {
    fail(TG_ERROR_DTYPE, "dtype bool does not count; choose an integer or floating dtype");
  }
  if (!is_floating(dtype)) {
    for (double value : {start, step}) scalars_for("start or step", dtype, value);
  }
  const double count = std::ceil((end - start) / step);
  if (count > 0x1p40) {
    fail(TG_ERROR_SHAPE, "from ", start, " to ", end, " by ", step, " gives ", count,
         " elements, more than are possible");
  }
  const auto n = static_cast<int64_t>(count);
  Tensor out = make_tensor(dtype, &n, 1);
  with_dtype(dtype, [&]<class T>() {
    auto* p = reinterpret_cast<T*>(out.data());
    for (int64_t i = 0; i < n; ++i) {
      const double value = start + static_cast<double>(i) * step;
      if constexpr (std::is_same_v<T, Float16>)
        p[i] = to_float16(static_cast<float>(value));
      else if constexpr (std::is_same_v<T, BFloat16>)
        p[i] = to_bfloat16(static_cast<float>(value));
      else if constexpr (std::is_same_v<T, bool>)
        p[i] = value != 0;
      else if constexpr (std::is_integral_v<T>) {
        p[i] = static_cast<T>(static_cast<int64_t>(start) + i * static_cast<int64_t>(step));
      } else
        p[i] = static_cast<T>(value);
    }
  });
  return out;
}

Tensor clone(const Tensor& x) { return run<Clone>({}, {}, x); }
Tensor contiguous(const Tensor& x) { return x.row_major() ? x : clone(x); }
Tensor to_dtype(const Tensor& x, DType dtype) {
  return x.dtype() == dtype ? x : run<ToDType>({}, {dtype}, x);
}

Tensor detach(const Tensor& x) { return second_head(x); }

void copy_(const Tensor& x, const Tensor& source) { run<Copy>(Into::first(), {}, x, source); }

void fill_(const Tensor& x, double value) {
  check_writable("Fill", x);  // before the number is looked at (T9)
  run<Fill>(Into::first(), {scalars_for("value", x.dtype(), value)}, x);
}

void fill_int64_(const Tensor& x, int64_t value) {
  check_writable("Fill", x);
  run<Fill>(Into::first(), {exact_integer(x.dtype(), value)}, x);
}

void copy_in_(const Tensor& x, const std::byte* row_major) {
  Tensor source = make_tensor(x.dtype(), x.sizes(), x.rank());
  if (source.storage().bytes() > 0) {
    std::memcpy(source.data(), row_major, static_cast<size_t>(source.storage().bytes()));
    make_bools_sound(source);
  }
  copy_(x, source);
}

void copy_out(const Tensor& x, std::byte* row_major) {
  const Tensor source = packed(x);
  const int64_t bytes = x.numel() * size_of(x.dtype());
  if (bytes > 0) std::memcpy(row_major, source.data(), static_cast<size_t>(bytes));
}

}  // namespace tg
