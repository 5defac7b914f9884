// SPDX-License-Identifier: MIT
// Tensors that look at another one's memory in another order. A view is a layout and a rule for
// its gradient; no element is touched.
#include <algorithm>

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

struct Permute {
  static constexpr const char* name = "Permute";
  static constexpr Op id = Op::permute;
  static constexpr Shapes shapes = Shapes::never;
  struct Args {
    uint64_t order;  // result dimension d is operand dimension order >> 4 d & 15
  };
  static void gradient(Vjp& v) {
    const uint64_t order = v.args<Args>().order;
    int64_t inverse[kMaxRank] = {};
    const int rank = v.grad().rank();
    for (int d = 0; d < rank; ++d) inverse[order >> 4 * d & 15] = d;
    v.give(0, permute(v.grad(), {inverse, static_cast<size_t>(rank)}));
  }
};

// One element read many times: its gradients add up, which is what Vjp::give does.
struct Expand {
  static constexpr const char* name = "Expand";
  static constexpr Op id = Op::expand;
  static constexpr Shapes shapes = Shapes::always;
  static void gradient(Vjp& v) { v.give(0, v.grad()); }
};

// ---- parts of a dimension ----

struct SliceArgs {
  int64_t start, step;
  int64_t size;    // of the operand's dimension
  int64_t length;  // of the result's
  int64_t dim;
};

Layout slice_layout(const Tensor& x, const SliceArgs& k) {
  Layout layout = layout_of(x);
  const int d = static_cast<int>(k.dim);
  layout.offset += k.start * x.stride(d);
  layout.shape[d] = k.length;
  // A step past the end leaves one element at most, and then no stride is ever taken.
  if (__builtin_mul_overflow(x.stride(d), k.step, &layout.strides[d])) {
    layout.strides[d] = x.stride(d);
  }
  return layout;
}

void drop_dim(Layout& layout, int dim) {
  for (int d = dim + 1; d < layout.shape.rank; ++d) {
    layout.shape[d - 1] = layout.shape[d];
    layout.strides[d - 1] = layout.strides[d];
  }
  --layout.shape.rank;
}

// Zeros with g where the slice was: the gradient of slice, and slice is the gradient of this.
struct SliceBackward {
  static constexpr const char* name = "SliceBackward";
  static constexpr Op id = Op::slice_backward;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {kReadsNothing};
  using Args = SliceArgs;
  static Meta result(const Args& k, const Tensor& g) {
    Meta meta{g.dtype(), g.shape()};
    meta.shape[static_cast<int>(k.dim)] = k.size;
    return meta;
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& g) {
    std::memset(out.data(), 0, static_cast<size_t>(out.storage().bytes()));
    const Layout part = slice_layout(out, k);
    kernels::copy(out.dtype(), out.storage().data + part.offset * size_of(out.dtype()),
                  part.strides, g.dtype(), g.data(), g.strides(), g.sizes(), g.rank());
  }
  static void gradient(Vjp& v);
};

struct Slice {
  static constexpr const char* name = "Slice";
  static constexpr Op id = Op::slice;
  static constexpr Shapes shapes = Shapes::never;
  using Args = SliceArgs;
  static void gradient(Vjp& v) { v.give(0, run<SliceBackward>({}, v.args<Args>(), v.grad())); }
};

void SliceBackward::gradient(Vjp& v) {
  const Args& k = v.args<Args>();
  v.give(0, run_view<Slice>(v.grad(), slice_layout(v.grad(), k), k));
}

struct Select {
  static constexpr const char* name = "Select";
  static constexpr Op id = Op::select;
  static constexpr Shapes shapes = Shapes::never;
  using Args = SliceArgs;
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    v.give(0, run<SliceBackward>({}, k, unsqueeze(v.grad(), k.dim)));
  }
};

// ---- split ----

struct Split {
  static constexpr const char* name = "Split";
  static constexpr Op id = Op::split;
  static constexpr Shapes shapes = Shapes::always;
  struct Args {
    int64_t size;
    int32_t dim;
    int32_t count;
  };
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    const Meta whole = v.input(0);
    Vector<Tensor> parts(static_cast<size_t>(k.count));
    Vector<const Tensor*> list(static_cast<size_t>(k.count));
    for (int i = 0; i < k.count; ++i) {
      auto& part = parts[static_cast<size_t>(i)];
      part = v.grad(i);
      if (!part) {  // nobody used this output
        Shape shape = whole.shape;
        shape[k.dim] = std::min(k.size, whole.shape[k.dim] - i * k.size);
        part = zeros(whole.dtype, shape);
      }
      list[static_cast<size_t>(i)] = &part;
    }
    v.give(0, cat(list, k.dim));
  }
};

Tensor permuted(const Tensor& x, const int* order) {
  Layout layout;
  layout.shape.rank = x.rank();
  layout.offset = x.offset();
  uint64_t packed_order = 0;
  for (int d = 0; d < x.rank(); ++d) {
    layout.shape[d] = x.size(order[d]);
    layout.strides[d] = x.stride(order[d]);
    packed_order |= static_cast<uint64_t>(order[d]) << 4 * d;
  }
  return run_view<Permute>(x, layout, {packed_order});
}

}  // namespace

const Operator permute_operator = operator_for<Permute>();
const Operator expand_operator = operator_for<Expand>();
const Operator select_operator = operator_for<Select>();
const Operator slice_operator = operator_for<Slice>();
const Operator slice_backward_operator = operator_for<SliceBackward>();
const Operator split_operator = operator_for<Split>();

Tensor t(const Tensor& x) {
  if (x.rank() > 2) {
    view_records(Permute::name, x);
    fail_operand(TG_ERROR_SHAPE, 0, Named{x}, " has rank ", x.rank(),
                 "; tg_t takes rank 0 to 2, "
                 "so use tg_transpose");
  }
  const int order[] = {x.rank() - 1, 0};
  return permuted(x, order);
}

Tensor transpose(const Tensor& x, int64_t dim0, int64_t dim1) {
  const int first = dim_of(Permute::name, x, dim0), second = dim_of(Permute::name, x, dim1);
  int order[kMaxRank];
  for (int d = 0; d < x.rank(); ++d) order[d] = d;
  if (x.rank() > 0) std::swap(order[first], order[second]);
  return permuted(x, order);
}

Tensor permute(const Tensor& x, std::span<const int64_t> dims) {
  if (dims.size() != static_cast<size_t>(x.rank())) {
    fail_after_history(Permute::name, x, TG_ERROR_SHAPE, "dims has ", dims.size(), " entries, ",
                       Named{x}, " has rank ", x.rank(), "; give each dimension once");
  }
  int order[kMaxRank];
  Dims seen = 0;
  for (size_t i = 0; i < dims.size(); ++i) {
    const int d = dim_of(Permute::name, x, dims[i]);
    if ((seen >> d & 1) != 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "dims names dimension ", d, " twice; give each once");
    }
    seen |= Dims{1} << d;
    order[i] = d;
  }
  return permuted(x, order);
}

Tensor expand(const Tensor& x, const int64_t* sizes, int32_t rank) {
  if (rank < 0 || rank > kMaxRank || (rank > 0 && sizes == nullptr)) {
    checked_shape(sizes, rank, size_of(x.dtype()));  // throws what fits
  }
  const int shift = rank - x.rank();
  if (shift < 0) {
    fail_after_history(Expand::name, x, TG_ERROR_SHAPE, Named{x}, " has rank ", x.rank(),
                       " and cannot be expanded to ", SizesText{sizes, rank},
                       "; give at least as many sizes");
  }
  Layout layout;
  layout.offset = x.offset();
  Shape target(sizes, rank);
  for (int d = 0; d < rank; ++d) {
    const bool is_new = d < shift;
    const int64_t own = is_new ? 1 : x.size(d - shift);
    if (sizes[d] == -1 && !is_new) target[d] = own;
    if (target[d] < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "shape[", d, "] is ", sizes[d],
           is_new ? "; a new dimension needs a size" : "; only -1 keeps the size");
    }
    if (own != target[d] && own != 1) {
      fail_after_history(Expand::name, x, TG_ERROR_SHAPE, Named{x}, " cannot be expanded to ",
                         SizesText{sizes, rank}, ": dimension ", d, " has ", own,
                         " elements and only 1 can be repeated");
    }
    layout.strides[d] = is_new || own != target[d] ? 0 : x.stride(d - shift);
  }
  layout.shape = checked_shape(target.sizes, rank, size_of(x.dtype()));
  return run_view<Expand>(x, layout, {});
}

Tensor select(const Tensor& x, int64_t dim, int64_t index) {
  if (x.rank() == 0)
    fail_after_history(Select::name, x, TG_ERROR_INDEX, Named{x},
                       " has rank 0: it has no dimension to select from");
  const int d = dim_of(Select::name, x, dim);
  const int64_t size = x.size(d);
  if (index < -size || index >= size) {
    fail_after_history(Select::name, x, TG_ERROR_INDEX, "index is ", index, "; dimension ", d,
                       " of ", Named{x}, " takes ", -size, " to ", size - 1);
  }
  const SliceArgs args{index < 0 ? index + size : index, 1, size, 1, d};
  Layout layout = slice_layout(x, args);
  drop_dim(layout, d);
  return run_view<Select>(x, layout, args);
}

[[gnu::always_inline]] static inline void check_has_dim(const Tensor& x, const char* what) {
  if (x.rank() != 0) [[likely]]
    return;
  fail_after_history(Slice::name, x, TG_ERROR_INDEX, Named{x},
                     " has rank 0: it has no dimension to ", what);
}

Tensor narrow(const Tensor& x, int64_t dim, int64_t start, int64_t length) {
  check_has_dim(x, "narrow");
  const int d = dim_of(Slice::name, x, dim);
  const int64_t size = x.size(d);
  if (start < -size || start > size) {
    fail_after_history(Slice::name, x, TG_ERROR_INDEX, "start is ", start, "; dimension ", d,
                       " of ", Named{x}, " takes ", -size, " to ", size);
  }
  const int64_t first = start < 0 ? start + size : start;
  if (length < 0 || length > size - first) {
    if (length >= 0) view_records(Slice::name, x);
    fail(length < 0 ? TG_ERROR_INVALID_ARGUMENT : TG_ERROR_INDEX, "length is ", length,
         "; dimension ", d, " of ", Named{x}, " has ", size - first, " elements from start ",
         first);
  }
  const SliceArgs args{first, 1, size, length, d};
  return run_view<Slice>(x, slice_layout(x, args), args);
}

// Bounds are clipped as in PyTorch and Python; a step must be positive.
Tensor slice(const Tensor& x, int64_t dim, int64_t start, int64_t end, int64_t step) {
  check_has_dim(x, "slice");
  const int d = dim_of(Slice::name, x, dim);
  if (step <= 0) fail(TG_ERROR_INVALID_ARGUMENT, "step is ", step, "; it must be positive");
  const int64_t size = x.size(d);
  auto clip = [size](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t first = clip(start), last = std::max(first, clip(end));
  const int64_t length = (last - first) / step + ((last - first) % step != 0 ? 1 : 0);
  const SliceArgs args{first, step, size, length, d};
  return run_view<Slice>(x, slice_layout(x, args), args);
}

int64_t split_count(const Tensor& x, int64_t size, int64_t dim) {
  if (x.rank() == 0) {
    fail_after_history(Split::name, x, TG_ERROR_INDEX, Named{x},
                       " has rank 0: it has no dimension to split");
  }
  const int d = dim_of(Split::name, x, dim);
  if (size < 0 || (size == 0 && x.size(d) != 0)) {
    fail(TG_ERROR_INVALID_ARGUMENT, "size is ", size, "; parts must have at least one element");
  }
  if (x.size(d) == 0) return 1;
  return (x.size(d) - 1) / size + 1;
}

void split(const Tensor& x, int64_t size, int64_t dim, std::span<Tensor> outs) {
  const int d = wrap_dim(dim, x.rank());
  if (outs.size() > UINT16_MAX) {
    fail(TG_ERROR_LIMIT, "the split has ", outs.size(), " parts; at most 65535 are possible");
  }
  const bool records = recording_mode() && requires_grad(x) && !x.is_inference();
  if (records && x.is_view()) use_history(Split::name, x);
  const Origin origin = std::max(Origin::multi, current_origin());
  Reserved node;
  if (records) {
    Recording recording{
        Split::id,          1, kReadsNothing, Split::shapes, static_cast<uint32_t>(outs.size()),
        sizeof(Split::Args)};
    const Tensor* const operands[] = {&x};
    node = Reserved(reserve_node(recording, operands, 1, {}));
    node.get()->args<Split::Args>() = {size, d, static_cast<int32_t>(outs.size())};
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    const int64_t start = static_cast<int64_t>(i) * size;
    const SliceArgs part{start, 1, x.size(d), std::min(size, x.size(d) - start), d};
    outs[i] = make_view(x, slice_layout(x, part), origin);
  }
  if (!records) return;
  if (is_watched()) [[unlikely]]
    note_node(*node.get());
  for (size_t i = 0; i < outs.size(); ++i) {
    node.get()->refs.fetch_add(1, std::memory_order_relaxed);
    link(node.get(), outs[i], static_cast<uint32_t>(i));
  }
}

}  // namespace tg
