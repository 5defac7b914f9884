// SPDX-License-Identifier: MIT
// Elements at positions that a tensor of indices names, and tensors put together. gather and
// scatter_add are each other's gradients, and so are index_select and index_add.
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
  const Tensor sums =
      narrow ? make_tensor(DType::float32, out.sizes(), out.rank()) : out;
  std::memset(sums.data(), 0,
              static_cast<size_t>(sums.numel() * size_of(sums.dtype())));
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
  static void forward(const Tensor& out, const Args& k, const Tensor& index,
                      const Tensor& source) {
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
      fail_operand(TG_ERROR_SHAPE, 1, "index has ", length, " elements, and x, of rank 0, takes 1; "
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
  static void forward(const Tensor& out, const Args& k, const Tensor& index,
                      const Tensor& source) {
    if (out.rank() == 0) return copy_elements(out, source);
    const ListStrides list(index, out.rank(), k.dim);
    add_into_zeros(out, source, [&](const Tensor& sums, const Tensor& terms) {
      kernels::scatter_add(sums.dtype(), sums.data(), sums.strides(), index_data(index),
                           list.strides, terms.data(), terms.strides(), terms.sizes(),
                           terms.rank(), k.dim);
    });
  }
  static void gradient(Vjp& v) {
    if (v.wants(1)) v.give(1, index_select(v.grad(), v.args<Args>().dim, v.saved(0)));
  }
};

// ---- cat and stack: any number of operands, nothing saved ----

// In the node: this, and a Part for each operand behind it.
struct JoinArgs {
  int32_t dim, count;
};
struct Part {
  int64_t length;  // along dim; -1: an operand of shape [0] that was passed over
  DType dtype;
};
static_assert(sizeof(JoinArgs) % alignof(Part) == 0);

const Part* parts_of(const JoinArgs& args) {
  return reinterpret_cast<const Part*>(&args + 1);
}

using Operands = std::span<const Tensor* const>;

// The rules of modes.md 3 for any number of operands. Whether the call records.
bool plan_join(const char* op, Operands tensors) {
  if (!recording_mode()) return false;
  bool any_wanted = false, any_normal = false;
  for (const Tensor* x : tensors) {
    any_wanted = any_wanted || requires_grad(*x);
    any_normal = any_normal || !x->is_inference();
  }
  if (!any_wanted || !any_normal) return false;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Tensor& x = *tensors[i];
    if (!requires_grad(x)) continue;
    if (x.is_inference()) {
      fail_operand(TG_ERROR_MODE, static_cast<int>(i), op, ": operand ", i, ", ", Named{x},
                   ", is an inference tensor that requires grad beside normal tensors; tg_clone it "
                   "outside inference mode, or make it under tg_no_grad_enter instead of inference "
                   "mode");
    }
    if (x.is_view()) check_view_history(op, x);
  }
  return true;
}

void check_count(Operands tensors) {
  if (tensors.empty()) {
    fail(TG_ERROR_INVALID_ARGUMENT, "count is 0; give at least one tensor");
  }
  if (tensors.size() > UINT16_MAX) {
    fail(TG_ERROR_LIMIT, "count is ", tensors.size(), "; at most 65535 are possible, so join them "
         "in groups");
  }
}

DType joined_dtype(Operands tensors) {
  DType dtype = tensors[0]->dtype();
  for (const Tensor* x : tensors) dtype = promote(dtype, x->dtype());
  return dtype;
}

// A vector without elements fits everywhere, as in PyTorch, whose older versions had no other
// empty tensor.
bool is_passed_over(const Tensor& x) { return x.rank() == 1 && x.size(0) == 0; }

struct Cat {
  static constexpr const char* name = "Cat";
  static constexpr Op id = Op::cat;

  static Meta result(Operands tensors, int64_t dim, JoinArgs& args) {
    Meta meta{joined_dtype(tensors), {}};
    const Tensor* first = nullptr;
    size_t first_place = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& x = *tensors[i];
      if (x.rank() == 0) {
        fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "], ", Named{x},
                     ", has rank 0 and cannot be joined; give it a dimension by tg_unsqueeze, or "
                     "use tg_stack");
      }
      if (first == nullptr && !is_passed_over(x)) {
        first = &x;
        first_place = i;
      }
    }
    const Tensor& model = first != nullptr ? *first : *tensors[0];
    for (size_t i = 0; i < tensors.size(); ++i) {
      if (tensors[i]->rank() != model.rank() && !is_passed_over(*tensors[i])) {
        fail_shape(tensors, i, first_place, "their ranks must be equal");
      }
    }
    args.dim = wrap_dim(dim, model.rank());
    meta.shape = model.shape();
    int64_t length = 0;
    for (size_t i = 0; i < tensors.size(); ++i) {
      const Tensor& x = *tensors[i];
      if (is_passed_over(x)) continue;
      for (int d = 0; d < model.rank(); ++d) {
        if (d != args.dim && x.size(d) != model.size(d)) {
          fail_shape(tensors, i, first_place, "their sizes must be equal but along dim");
        }
      }
      if (!checked_add(length, x.size(args.dim), &length)) {
        fail(TG_ERROR_SHAPE, "the result would have more than 2^63 - 1 elements along dim ",
             args.dim);
      }
    }
    meta.shape[args.dim] = length;
    return meta;
  }
  [[noreturn, gnu::cold]] static void fail_shape(Operands tensors, size_t i, size_t first,
                                                 const char* rule) {
    fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "] has shape ",
                 tensors[i]->shape(), ", tensors[", first, "] has ", tensors[first]->shape(), "; ",
                 rule);
  }

  static Part part(const JoinArgs& args, const Tensor& x) {
    return {is_passed_over(x) ? -1 : x.size(args.dim), x.dtype()};
  }
  static void forward(const Tensor& out, const JoinArgs& args, Operands tensors) {
    std::byte* data = out.data();
    for (const Tensor* x : tensors) {
      if (is_passed_over(*x)) continue;
      kernels::copy(out.dtype(), data, out.strides(), x->dtype(), x->data(), x->strides(),
                    x->sizes(), x->rank());
      data += x->size(args.dim) * out.stride(args.dim) * size_of(out.dtype());
    }
  }
  // Each operand gets its part of g.
  static void gradient(Vjp& v) {
    const JoinArgs& args = v.args<JoinArgs>();
    const Part* part = parts_of(args);
    const Tensor& g = v.grad();
    int64_t start = 0;
    for (int i = 0; i < args.count; ++i, ++part) {
      if (v.wants(i)) {
        const int64_t none = 0;
        const Tensor piece = part->length < 0 ? zeros(part->dtype, Shape(&none, 1))
                                              : narrow(g, args.dim, start, part->length);
        v.give(i, to_dtype(piece, part->dtype));
      }
      if (part->length > 0) start += part->length;
    }
  }
};

struct Stack {
  static constexpr const char* name = "Stack";
  static constexpr Op id = Op::stack;

  static Meta result(Operands tensors, int64_t dim, JoinArgs& args) {
    const Tensor& first = *tensors[0];
    Meta meta{joined_dtype(tensors), {}};
    for (size_t i = 1; i < tensors.size(); ++i) {
      if (!same_shape(first, *tensors[i])) {
        fail_operand(TG_ERROR_SHAPE, static_cast<int>(i), "tensors[", i, "] has shape ",
                     tensors[i]->shape(), ", tensors[0] has ", first.shape(),
                     "; they must be equal");
      }
    }
    args.dim = wrap_dim(dim, first.rank() + 1);
    if (first.rank() == kMaxRank) {
      fail(TG_ERROR_LIMIT, "tensors[0] has rank ", kMaxRank, "; the result would have one more, "
           "and at most ", kMaxRank, " dimensions are possible");
    }
    for (int d = 0; d < first.rank(); ++d) {
      if (d == args.dim) meta.shape.push(static_cast<int64_t>(tensors.size()));
      meta.shape.push(first.size(d));
    }
    if (args.dim == first.rank()) meta.shape.push(static_cast<int64_t>(tensors.size()));
    return meta;
  }
  static Part part(const JoinArgs&, const Tensor& x) { return {1, x.dtype()}; }
  static void forward(const Tensor& out, const JoinArgs& args, Operands tensors) {
    int64_t strides[kMaxRank];
    for (int d = 0; d + 1 < out.rank(); ++d) strides[d] = out.stride(d < args.dim ? d : d + 1);
    std::byte* data = out.data();
    for (const Tensor* x : tensors) {
      kernels::copy(out.dtype(), data, strides, x->dtype(), x->data(), x->strides(), x->sizes(),
                    x->rank());
      data += out.stride(args.dim) * size_of(out.dtype());
    }
  }
  static void gradient(Vjp& v) {
    const JoinArgs& args = v.args<JoinArgs>();
    const Part* part = parts_of(args);
    for (int i = 0; i < args.count; ++i, ++part) {
      if (v.wants(i)) v.give(i, to_dtype(select(v.grad(), args.dim, i), part->dtype));
    }
  }
};

// The road of ops/run.h for any number of operands.
template <class O>
Tensor run_join(Operands tensors, int64_t dim) {
  check_count(tensors);
  const bool records = plan_join(O::name, tensors);
  JoinArgs args{0, static_cast<int32_t>(tensors.size())};
  const Meta meta = O::result(tensors, dim, args);
  Tensor out = make_tensor(meta);
  Reserved node;
  if (records) {
    const size_t n = tensors.size();
    node = Reserved(make_node(O::id, {static_cast<uint32_t>(n), 1, 0, 0,
                                      sizeof(JoinArgs) + n * sizeof(Part)}));
    Node& made = *node.get();
    made.args<JoinArgs>() = args;
    auto* part = const_cast<Part*>(parts_of(made.args<JoinArgs>()));
    for (size_t i = 0; i < n; ++i) {
      part[i] = O::part(args, *tensors[i]);
      if (requires_grad(*tensors[i])) made.inputs()[i] = take_edge(*tensors[i]->head());
    }
  }
  O::forward(out, args, tensors);
  if (records) link(node.give_up(), out);
  return out;
}

}  // namespace

const Operator gather_operator = operator_for<Gather>();
const Operator scatter_add_operator = operator_for<ScatterAdd>();
const Operator index_select_operator = operator_for<IndexSelect>();
const Operator index_add_operator = operator_for<IndexAdd>();
const Operator cat_operator = operator_for<Cat>();
const Operator stack_operator = operator_for<Stack>();

Tensor cat(Operands tensors, int64_t dim) { return run_join<Cat>(tensors, dim); }
Tensor stack(Operands tensors, int64_t dim) { return run_join<Stack>(tensors, dim); }
Tensor index_select(const Tensor& x, int64_t dim, const Tensor& index) {
  const bool narrow = index.dtype() == DType::int32;
  return run<IndexSelect>({}, {dim}, x, narrow ? converted(index, DType::int64) : index);
}
Tensor gather(const Tensor& x, int64_t dim, const Tensor& index) {
  return run<Gather>({}, {dim}, x, index);
}
Tensor scatter_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  return run<ScatterAdd>({}, {dim, shape}, index, source);
}
Tensor index_add(const Shape& shape, int dim, const Tensor& index, const Tensor& source) {
  return run<IndexAdd>({}, {dim, shape}, index, source);
}

}  // namespace tg
