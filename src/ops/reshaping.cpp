// SPDX-License-Identifier: MIT
// The same elements in the same order under another shape: a view where the strides allow it.
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

struct View {
  static constexpr const char* name = "View";
  static constexpr Op id = Op::view;
  static constexpr Shapes shapes = Shapes::always;
  static void gradient(Vjp& v) {
    const Shape shape = v.input(0).shape;
    v.give(0, reshape(v.grad(), shape.sizes, shape.rank));
  }
};

[[noreturn, gnu::cold]] void fail_view(const Tensor& x, const Shape& shape) {
  fail_after_history(View::name, x, TG_ERROR_SHAPE, Named{x}, " cannot be seen as ", shape,
                     ": its elements do not lie in an order that allows it; use tg_reshape, which "
                     "copies");
}

// One size of -1 follows from the others.
Shape inferred_shape(const Tensor& x, const int64_t* sizes, int32_t rank) {
  if (rank < 0 || (rank > 0 && sizes == nullptr) || rank > kMaxRank) {
    return checked_shape(sizes, rank, size_of(x.dtype()));  // throws what fits
  }
  Shape shape(sizes, rank);
  const int64_t elements = x.numel();
  int unknown = -1;
  int64_t known = 1;
  for (int d = 0; d < rank; ++d) {
    if (sizes[d] == -1) {
      if (unknown >= 0) {
        fail(TG_ERROR_INVALID_ARGUMENT, "shape ", shape,
             " has -1 twice; only one size can follow "
             "from the others");
      }
      unknown = d;
    } else if (sizes[d] < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "shape[", d, "] is ", sizes[d],
           "; a size must not be negative, but for one -1");
    } else if (!checked_multiply(known, sizes[d], &known)) {
      fail_after_history(View::name, x, TG_ERROR_SHAPE, "shape ", shape,
                         " has more than 2^63 - 1 elements");
    }
  }
  if (unknown >= 0) {
    if (known == 0) {
      fail_after_history(View::name, x, TG_ERROR_SHAPE, "shape ", shape,
                         ": the size at -1 cannot be found, since the others multiply to 0; give "
                         "it");
    }
    shape[unknown] = elements / known;
    known *= shape[unknown];
  }
  if (known != elements) {
    fail_after_history(View::name, x, TG_ERROR_SHAPE, Named{x}, " has ", elements,
                       " elements, which shape ", Shape(sizes, rank),
                       " cannot hold; the product of the sizes must be equal");
  }
  return shape;
}

// Strides that show x's elements in row-major order under another shape: x's dimensions fall into
// runs that lie without gaps, and the new sizes must cut each run by itself (the rule of PyTorch's
// Tensor.view, as its documentation states it). false: there are none.
bool view_layout(const Tensor& x, const Shape& shape, Layout& layout) {
  layout.shape = shape;
  layout.offset = x.offset();
  if (x.row_major() || shape.numel() == 0) {
    row_major_strides(shape.sizes, shape.rank, layout.strides);
    return true;
  }
  int d = shape.rank - 1;
  int64_t run = 1;                        // elements of the run so far
  int64_t step = x.stride(x.rank() - 1);  // rank 0 is row-major, so there is a dimension
  for (int s = x.rank() - 1; s >= 0; --s) {
    run *= x.size(s);
    const bool ends = s == 0 || (x.size(s - 1) != 1 && x.stride(s - 1) != run * step);
    if (!ends) continue;
    int64_t placed = 1;
    while (d >= 0 && (placed < run || shape[d] == 1)) {
      layout.strides[d] = placed * step;
      placed *= shape[d];
      --d;
    }
    if (placed != run) return false;
    if (s > 0) {
      step = x.stride(s - 1);
      run = 1;
    }
  }
  return d < 0;
}

// The common case: x is row-major, and sizes are all given and make as many elements as it has.
[[gnu::always_inline]] inline bool fits_row_major(const TensorHead* x, const int64_t* sizes,
                                                  int32_t rank) {
  if (x->row_major == 0 || sizes == nullptr || static_cast<uint32_t>(rank) > kMaxRank) return false;
  int64_t product = 1;
  const int64_t n = rank;
  for (int64_t d = 0; d < n; ++d) {
    if (sizes[d] <= 0 || __builtin_mul_overflow(product, sizes[d], &product)) return false;
  }
  if (x->rank == 1) return product == x->sizes()[0];
  int64_t numel = 1;
  for (int d = 0; d < x->rank; ++d) numel *= x->sizes()[d];
  return product == numel;
}

// Every other case, and an empty list of blocks: by the layout.
[[gnu::noinline]] TensorHead* other_view(const Tensor& x, const int64_t* sizes, int32_t rank) {
  return view_as(x, inferred_shape(x, sizes, rank)).give_up();
}
[[gnu::noinline]] TensorHead* recorded_view(const Tensor& x, const int64_t* sizes, int32_t rank) {
  if (x.is_view()) use_history(View::name, x);
  Tensor out = make_listed_head(x.head(), sizes, rank, view_info_for(x.head(), Origin::plain));
  if (!out) [[unlikely]]
    return other_view(x, sizes, rank);
  link_view<View>(out, x, {});
  return out.give_up();
}

}  // namespace

const Operator view_operator = operator_for<View>();

TensorHead* view_head(const Tensor& x, const int64_t* sizes, int32_t rank) {
  TensorHead* from = x.head();
  if (!fits_row_major(from, sizes, rank)) [[unlikely]]
    return other_view(x, sizes, rank);
  Origin origin = Origin::plain;
  if (!recording_mode()) {
    origin = current_origin();
  } else if (requires_grad(*from) && !from->storage->is_inference()) {
    return is_watched() ? other_view(x, sizes, rank) : recorded_view(x, sizes, rank);
  }
  TensorHead* out = make_listed_head(from, sizes, rank, view_info_for(from, origin)).give_up();
  return out != nullptr ? out : other_view(x, sizes, rank);
}
Tensor view(const Tensor& x, const int64_t* sizes, int32_t rank) {
  return Tensor(view_head(x, sizes, rank));
}

Tensor view_as(const Tensor& x, const Shape& shape) {
  Layout layout;
  if (!view_layout(x, shape, layout)) fail_view(x, shape);
  return run_view<View>(x, layout, {});
}

Tensor reshape(const Tensor& x, const int64_t* sizes, int32_t rank) {
  const Shape shape = inferred_shape(x, sizes, rank);
  Layout layout;
  if (view_layout(x, shape, layout)) return run_view<View>(x, layout, {});
  return reshaped_result(clone(x), shape);
}

Tensor reshaped_result(const Tensor& fresh, const Shape& shape) {
  Tensor out = make_row_major_head(fresh, shape.sizes, shape.rank);
  if (recording_mode() && requires_grad(fresh)) {
    link_view<View>(out, fresh, {});
    if (is_watched()) [[unlikely]]
      WatchedCall::note(out);
  }
  return out;
}

Tensor flatten(const Tensor& x, int64_t start_dim, int64_t end_dim) {
  const int start = dim_of(View::name, x, start_dim), end = dim_of(View::name, x, end_dim);
  if (start > end) {
    fail_after_history(View::name, x, TG_ERROR_INDEX, "start_dim is ", start_dim, ", end_dim is ",
                       end_dim, "; the start must not lie behind the end");
  }
  if (x.rank() == 0) {
    const int64_t one = 1;
    return reshape(x, &one, 1);
  }
  if (start == end) return x;
  Shape shape;
  for (int d = 0; d < start; ++d) shape.push(x.size(d));
  int64_t run = 1;
  for (int d = start; d <= end; ++d) run *= x.size(d);
  shape.push(run);
  for (int d = end + 1; d < x.rank(); ++d) shape.push(x.size(d));
  return reshape(x, shape.sizes, shape.rank);
}

Tensor squeeze(const Tensor& x) {
  Layout layout;
  layout.offset = x.offset();
  for (int d = 0; d < x.rank(); ++d) {
    if (x.size(d) == 1) continue;
    layout.strides[layout.shape.rank] = x.stride(d);
    layout.shape.push(x.size(d));
  }
  return run_view<View>(x, layout, {});
}

Tensor squeeze_dim(const Tensor& x, int64_t dim) {
  const int d = dim_of(View::name, x, dim);
  Layout layout;
  layout.offset = x.offset();
  for (int i = 0; i < x.rank(); ++i) {
    if (i == d && x.size(i) == 1) continue;
    layout.strides[layout.shape.rank] = x.stride(i);
    layout.shape.push(x.size(i));
  }
  return run_view<View>(x, layout, {});
}

Tensor unsqueeze(const Tensor& x, int64_t dim) {
  const int d = dim_of(View::name, x, dim, 1);
  if (x.rank() == kMaxRank) {
    fail(TG_ERROR_LIMIT, Named{x}, " has rank ", kMaxRank, " already, which is the greatest");
  }
  Layout layout;
  layout.offset = x.offset();
  for (int i = 0; i <= x.rank(); ++i) {
    const int from = i < d ? i : i - 1;
    if (i == d) {
      layout.strides[i] = d < x.rank() ? x.size(d) * x.stride(d) : 1;
      layout.shape.push(1);
    } else {
      layout.strides[i] = x.stride(from);
      layout.shape.push(x.size(from));
    }
  }
  return run_view<View>(x, layout, {});
}

}  // namespace tg
