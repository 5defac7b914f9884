// SPDX-License-Identifier: MIT
// Elements at positions that a tensor of indices names. gather and scatter_add are each other's
// gradients, and so are index_select and index_add.
#include "kernels/indexing.h"

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

// ---- indices ----

const int64_t* index_data(const Tensor& index) {
  return reinterpret_cast<const int64_t*>(index.data());
}

[[noreturn, gnu::cold]] void fail_index(int operand, const Tensor& index, int dim, int64_t size) {
  const Tensor plain = packed(index);
  const int64_t* values = index_data(plain);
  int64_t flat = 0;
  while (values[flat] >= 0 && values[flat] < size) ++flat;
  int64_t at[kMaxRank];
  int64_t rest = flat;
  for (int d = index.rank() - 1; d >= 0; --d) {
    at[d] = rest % index.size(d);
    rest /= index.size(d);
  }
  fail_operand(TG_ERROR_INDEX, operand, "index", SizesText{at, index.rank()}, " is ", values[flat],
               "; dimension ", dim, " has size ", size, ", so each index must be from 0 to ",
               size - 1);
}

void check_index_values(int operand, const Tensor& index, int dim, int64_t size) {
  if (!kernels::indices_in_range(index_data(index), index.strides(), index.sizes(), index.rank(),
                                 size, false, nullptr)) [[unlikely]] {
    fail_index(operand, index, dim, size);
  }
}

// The kernels add in float32 and float64; the 16-bit floats go by way of float32.
template <class Add>
void add_into_zeros(const Tensor& out, const Tensor& source, const Add& add) {
  const bool narrow = size_of(out.dtype()) == 2;
  const Tensor sums = narrow ? make_tensor(DType::float32, out.sizes(), out.rank()) : out;
  std::memset(sums.data(), 0, static_cast<size_t>(sums.numel() * size_of(sums.dtype())));
  add(sums, converted(source, sums.dtype()));
  if (narrow) copy_elements(out, sums);
}

void check_summable(const Tensor& source) {
  if (is_floating(source.dtype())) return;
  fail_operand(TG_ERROR_DTYPE, 1, "source has dtype ", source.dtype(),
               "; it must be floating point, so convert it by tg_to_dtype first");
}

struct DimArgs {
  int64_t dim;  // as given: negative ones count from the end
};
struct PlacesArgs {
  int32_t dim;
  Shape shape;  // of the zeros that are added to
};

// ---- gather ----

struct Gather {
  static constexpr const char* name = "Gather";
  static constexpr Op id = Op::gather;
  static constexpr bool own_dtypes = true;
  static constexpr Shapes shapes = Shapes::always;
  static constexpr SaveMask reads[] = {reads_input(1), kReadsNothing};
  using Args = DimArgs;
  static Meta result(const Args& k, const Tensor& x, const Tensor& index) {
    if (index.dtype() != DType::int64) {
      fail_operand(TG_ERROR_DTYPE, 1, "index has dtype ", index.dtype(),
                   "; it must be int64, so convert it by tg_to_dtype first");
    }
    if (index.rank() != x.rank()) {
      fail_operand(TG_ERROR_SHAPE, 1, "index has shape ", index.shape(), " of rank ", index.rank(),
                   ", x has ", x.shape(), "; their ranks must be equal");
    }
    const int dim = wrap_dim(k.dim, x.rank());
    for (int d = 0; d < x.rank(); ++d) {
      if (d == dim || index.size(d) <= x.size(d)) continue;
      fail_operand(TG_ERROR_SHAPE, 1, "index has shape ", index.shape(), ", x has ", x.shape(),
                   ": index must not be larger than x but at dimension ", dim, ", and is at ", d);
    }
    check_index_values(1, index, dim, x.rank() == 0 ? 1 : x.size(dim));
    return {x.dtype(), index.shape()};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x, const Tensor& index) {
    if (x.rank() == 0) return copy_elements(out, x);
    kernels::gather(size_of(x.dtype()), out.data(), out.strides(), x.data(), x.strides(),
                    index_data(index), index.strides(), index.sizes(), index.rank(),
                    wrap_dim(k.dim, x.rank()));
  }
  static void gradient(Vjp& v) {
    const Shape shape = v.input(0).shape;
    v.give(0, scatter_add(shape, wrap_dim(v.args<Args>().dim, shape.rank), v.saved(1), v.grad()));
  }
};

struct ScatterAdd {
  static constexpr const char* name = "ScatterAdd";
  static constexpr Op id = Op::scatter_add;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsNothing, reads_input(0)};
  using Args = PlacesArgs;
  static Meta result(const Args& k, const Tensor& index, const Tensor& source) {
    check_summable(source);
    if (!same_shape(index, source)) {
      fail_operand(TG_ERROR_SHAPE, 0, "index has shape ", index.shape(), ", source has ",
                   source.shape(), "; they must be equal");
    }
    check_index_values(0, index, k.dim, k.shape.rank == 0 ? 1 : k.shape[k.dim]);
    return {source.dtype(), k.shape};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& index, const Tensor& source) {
    if (out.rank() == 0) return copy_elements(out, source);
    add_into_zeros(out, source, [&](const Tensor& sums, const Tensor& terms) {
      kernels::scatter_add(sums.dtype(), sums.data(), sums.strides(), index_data(index),
                           index.strides(), terms.data(), terms.strides(), index.sizes(),
                           index.rank(), k.dim);
    });
  }
  static void gradient(Vjp& v) {
    if (v.wants(1)) v.give(1, gather(v.grad(), v.args<Args>().dim, v.saved(0)));
  }
};

// ---- index_select ----

// A list of indices is gather's index that does not change along the other dimensions.
struct ListStrides {
  int64_t strides[kMaxRank];

  ListStrides(const Tensor& index, int rank, int dim) {
    for (int d = 0; d < rank; ++d) strides[d] = 0;
    strides[dim] = index.rank() == 0 ? 0 : index.stride(0);
  }
};

int64_t length_of(const Tensor& index) { return index.rank() == 0 ? 1 : index.size(0); }

struct IndexSelect {
  static constexpr const char* name = "IndexSelect";
  static constexpr Op id = Op::index_select;
  static constexpr bool own_dtypes = true;
  static constexpr Shapes shapes = Shapes::always;
  static constexpr SaveMask reads[] = {reads_input(1), kReadsNothing};
  using Args = DimArgs;
  static Meta result(const Args& k, const Tensor& x, const Tensor& index) {
    if (index.dtype() != DType::int64) {
      fail_operand(TG_ERROR_DTYPE, 1, "index has dtype ", index.dtype(),
                   "; it must be int64 or int32, so convert it by tg_to_dtype first");
    }
    if (index.rank() > 1) {
      fail_operand(TG_ERROR_SHAPE, 1, "index has shape ", index.shape(), " of rank ", index.rank(),
                   "; it must have rank 0 or 1, so flatten it or use tg_gather");
    }
    Shape shape = x.shape();
    const int64_t length = length_of(index);
    if (x.rank() == 0 && length != 1) {
      fail_operand(TG_ERROR_SHAPE, 1, "index has ", length,
                   " elements, and x, of rank 0, takes 1; "
                   "give one index, or x a dimension by tg_unsqueeze");
    }
    const int dim = wrap_dim(k.dim, x.rank());
    check_index_values(1, index, dim, x.rank() == 0 ? 1 : x.size(dim));
    if (x.rank() > 0) shape[dim] = length;
    return {x.dtype(), shape};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x, const Tensor& index) {
    if (x.rank() == 0) return copy_elements(out, x);
    const int dim = wrap_dim(k.dim, x.rank());
    const ListStrides list(index, x.rank(), dim);
    kernels::gather(size_of(x.dtype()), out.data(), out.strides(), x.data(), x.strides(),
                    index_data(index), list.strides, out.sizes(), out.rank(), dim);
  }
  static void gradient(Vjp& v) {
    const Shape shape = v.input(0).shape;
    v.give(0, index_add(shape, wrap_dim(v.args<Args>().dim, shape.rank), v.saved(1), v.grad()));
  }
};

struct IndexAdd {
  static constexpr const char* name = "IndexAdd";
  static constexpr Op id = Op::index_add;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsNothing, reads_input(0)};
  using Args = PlacesArgs;
  static Meta result(const Args& k, const Tensor& index, const Tensor& source) {
    check_summable(source);
    Shape expected = k.shape;
    if (expected.rank > 0) expected[k.dim] = length_of(index);
    if (!(source.shape() == expected)) {
      fail_operand(TG_ERROR_SHAPE, 1, "source has shape ", source.shape(), "; it must be ",
                   expected);
    }
    check_index_values(0, index, k.dim, k.shape.rank == 0 ? 1 : k.shape[k.dim]);
    return {source.dtype(), k.shape};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& index, const Tensor& source) {
    if (out.rank() == 0) return copy_elements(out, source);
    const ListStrides list(index, out.rank(), k.dim);
    add_into_zeros(out, source, [&](const Tensor& sums, const Tensor& terms) {
      kernels::scatter_add(sums.dtype(), sums.data(), sums.strides(), index_data(index),
                           list.strides, terms.data(), terms.strides(), terms.sizes(), terms.rank(),
                           k.dim);
    });
  }
  static void gradient(Vjp& v) {
    if (v.wants(1)) v.give(1, index_select(v.grad(), v.args<Args>().dim, v.saved(0)));
  }
};

}  // namespace

const Operator gather_operator = operator_for<Gather>();
const Operator scatter_add_operator = operator_for<ScatterAdd>();
const Operator index_select_operator = operator_for<IndexSelect>();
const Operator index_add_operator = operator_for<IndexAdd>();

Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index, Into into) {
  const bool narrow = index.dtype() == DType::int32;
  return run<IndexSelect>(into, {dim}, x, narrow ? converted(index, DType::int64) : index);
}
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index, Into into) {
  return run<Gather>(into, {dim}, x, index);
}
Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  return run<ScatterAdd>({}, {dim, shape}, index, source);
}
Tensor index_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  return run<IndexAdd>({}, {dim, shape}, index, source);
}

}  // namespace tg
