// SPDX-License-Identifier: MIT
// Parts of a tensor's memory, told by their layout: as_strided, and in-place changes through views,
// which give the base a new past.
//
// Where the whole is dense, its gradient is brought into the order of its memory; the part's
// gradient is then the same layout of it, and no element needs to be looked up. Else (gaps,
// overlaps, parts that reach outside) elements are found by a list of their places.
#include <algorithm>

#include "ops/ops.h"
#include "ops/overlap.h"

namespace tg {

namespace {

struct Part {
  Layout whole, part;
};

// ---- in a node: rank, offset, sizes and strides of both ----

size_t packed_bytes(const Layout& layout) {
  return (2 + 2 * static_cast<size_t>(layout.shape.rank)) * sizeof(int64_t);
}
int64_t* pack(int64_t* to, const Layout& layout) {
  const int rank = layout.shape.rank;
  *to++ = rank;
  *to++ = layout.offset;
  to = std::copy_n(layout.shape.sizes, rank, to);
  return std::copy_n(layout.strides, rank, to);
}
const int64_t* unpack(const int64_t* from, Layout& layout) {
  const int rank = static_cast<int>(*from++);
  layout.offset = *from++;
  layout.shape = Shape(from, rank);
  std::copy_n(from + rank, rank, layout.strides);
  return from + 2 * rank;
}
void pack_part(Node& node, const Part& k) { pack(pack(&node.args<int64_t>(), k.whole), k.part); }
Part part_of(const Vjp& v) {
  Part k;
  unpack(unpack(&v.args<int64_t>(), k.whole), k.part);
  return k;
}

// ---- dense wholes ----

struct MemoryOrder {
  int64_t dims[kMaxRank], inverse[kMaxRank];
  size_t rank;
  bool changes = false;

  // false: the whole is not dense, or the part reaches outside, or one of them is empty.
  bool find(const Part& k) {
    const Layout& whole = k.whole;
    rank = static_cast<size_t>(whole.shape.rank);
    for (size_t i = 0; i < rank; ++i) dims[i] = static_cast<int64_t>(i);
    std::stable_sort(dims, dims + rank,
                     [&](int64_t a, int64_t b) { return whole.strides[a] > whole.strides[b]; });
    int64_t elements = 1;
    for (size_t i = rank; i-- > 0;) {
      const int64_t d = dims[i], size = whole.shape.sizes[d];
      if (size != 1 && whole.strides[d] != elements) return false;
      elements *= size;
      inverse[d] = static_cast<int64_t>(i);
      changes = changes || d != static_cast<int64_t>(i);
    }
    int64_t least = 0;
    if (elements == 0 || k.part.shape.numel() == 0) return false;
    const int64_t span = span_of(k.part, &least);
    return least >= whole.offset && least + span <= whole.offset + elements;
  }
  static int64_t span_of(const Layout& layout, int64_t* least) {
    int64_t low = layout.offset, high = layout.offset;
    for (int d = 0; d < layout.shape.rank; ++d) {
      const int64_t reach = (layout.shape.sizes[d] - 1) * layout.strides[d];
      (reach < 0 ? low : high) += reach;
    }
    *least = low;
    return high - low + 1;
  }
  Tensor to_memory(const Tensor& x) const { return changes ? permute(x, {dims, rank}) : x; }
  Tensor from_memory(const Tensor& x) const { return changes ? permute(x, {inverse, rank}) : x; }
};

// The part of a row-major tensor in the whole's order of memory.
Tensor part_in(const Tensor& memory, const Part& k) {
  return as_strided(memory, k.part.shape.sizes, k.part.strides, k.part.shape.rank,
                    memory.offset() + k.part.offset - k.whole.offset);
}

// No element lies twice in the layout, as far as its strides tell.
bool is_injective(const Layout& layout) {
  int order[kMaxRank];
  const int rank = layout.shape.rank;
  for (int d = 0; d < rank; ++d) order[d] = d;
  std::sort(order, order + rank,
            [&](int a, int b) { return layout.strides[a] < layout.strides[b]; });
  int64_t reach = 0;
  for (int i = 0; i < rank; ++i) {
    const int64_t size = layout.shape.sizes[order[i]], stride = layout.strides[order[i]];
    if (size <= 1) continue;
    if (stride <= reach) return false;
    reach += (size - 1) * stride;
  }
  return true;
}

// ---- all other wholes ----

// Storage offsets of a layout's elements in row-major order.
struct Offsets {
  const Layout& layout;
  int64_t place[kMaxRank] = {};
  int64_t offset;
  explicit Offsets(const Layout& from) : layout(from), offset(from.offset) {}
  void next() {
    for (int d = layout.shape.rank - 1; d >= 0; --d) {
      offset += layout.strides[d];
      if (++place[d] < layout.shape.sizes[d]) return;
      offset -= layout.shape.sizes[d] * layout.strides[d];
      place[d] = 0;
    }
  }
};

// For each element of the part: which element of the whole lies there, in row-major order, the
// first where several do; the whole's number of elements stands for none.
Tensor places_of(const Part& k) {
  const int64_t elements = k.whole.shape.numel(), parts = k.part.shape.numel();
  int64_t least = 0;
  const int64_t span = elements == 0 ? 0 : MemoryOrder::span_of(k.whole, &least);
  Tensor owner = make_tensor(DType::int64, &span, 1);
  auto* owners = reinterpret_cast<int64_t*>(owner.data());
  std::fill_n(owners, span, elements);
  Offsets whole(k.whole);
  for (int64_t i = 0; i < elements; ++i, whole.next()) {
    if (owners[whole.offset - least] == elements) owners[whole.offset - least] = i;
  }
  Tensor index = make_tensor(DType::int64, &parts, 1);
  auto* places = reinterpret_cast<int64_t*>(index.data());
  Offsets part(k.part);
  for (int64_t i = 0; i < parts; ++i, part.next()) {
    const int64_t at = part.offset - least;
    places[i] = at >= 0 && at < span ? owners[at] : elements;
  }
  return index;
}

Tensor flat(const Tensor& x, int64_t elements) { return reshape(x, &elements, 1); }
Tensor shaped(const Tensor& x, const Shape& shape) { return reshape(x, shape.sizes, shape.rank); }

// Zeros of the whole's shape with g at the part's places, where one lies twice the sum.
Tensor added_at(const Part& k, const Tensor& places, const Tensor& g) {
  const int64_t elements = k.whole.shape.numel();
  const int64_t with_none[] = {elements + 1};
  const Tensor sums = index_add(Shape(with_none, 1), 0, places, flat(g, places.numel()));
  return shaped(narrow(sums, 0, 0, elements), k.whole.shape);
}

// ---- as_strided ----

// Where elements of the whole share memory, the sum that the first of them got is divided among
// them, as in PyTorch.
Tensor shared_out(const Layout& whole, const Tensor& sums) {
  const int64_t elements = whole.shape.numel();
  const Tensor first = places_of({whole, whole});
  const Tensor one = ones(sums.dtype(), Shape(&elements, 1));
  const Tensor counts = maximum(index_add(one.shape(), 0, first, one), one);
  return shaped(index_select(div(flat(sums, elements), counts), 0, first), whole.shape);
}

// Element i of the result is an element of the operand's storage; its gradient goes to the operand
// element that lies there, and nowhere if the operand does not reach it (modes.md V1c).
struct AsStrided {
  static constexpr const char* name = "AsStrided";
  static constexpr Op id = Op::as_strided;
  static void gradient(Vjp& v) {
    const Part k = part_of(v);
    MemoryOrder order;
    if (!order.find(k) || !is_injective(k.part)) {
      const Tensor sums = added_at(k, places_of(k), v.grad());
      return v.give(0, is_injective(k.whole) ? sums : shared_out(k.whole, sums));
    }
    Shape shape;
    for (size_t i = 0; i < order.rank; ++i) shape.push(k.whole.shape.sizes[order.dims[i]]);
    const Tensor memory = zeros(v.grad().dtype(), shape);
    copy_(part_in(memory, k), v.grad());
    v.give(0, order.from_memory(memory));
  }
};

// Without the edge.
Node* reserve_part(const Part& k) {
  Node* node =
      make_node(AsStrided::id, {1, 1, 0, 0, 0, packed_bytes(k.whole) + packed_bytes(k.part)});
  pack_part(*node, k);
  return node;
}
Node* reserve_as_strided(const Tensor& x, const Layout& layout) {
  Node* node = reserve_part({layout_of(x), layout});
  node->inputs()[0] = take_edge(*x.head());
  return node;
}

// ---- in place through a view ----
// Of base' = joined(rest(base), f(part(base))) the gradient of the part goes through f, all else
// past it. `rest` has two results, the base without the part and the part, so that f's gradient is
// put straight into the base's.

// Inputs: the rest, and the part's new value.
struct CopySlices {
  static constexpr const char* name = "CopySlices";
  static void gradient(Vjp& v) {
    const Part k = part_of(v);
    v.give(0, v.grad());  // the part of it is overwritten by the other node
    if (!v.wants(1)) return;
    MemoryOrder order;
    if (!order.find(k)) {
      const int64_t elements = k.whole.shape.numel(), one = 1;
      const Tensor none = zeros(v.grad().dtype(), Shape(&one, 1)), all = flat(v.grad(), elements);
      const Tensor* const list[] = {&all, &none};
      return v.give(1, shaped(index_select(cat(list, 0), 0, places_of(k)), k.part.shape));
    }
    const Tensor part = part_in(contiguous(order.to_memory(v.grad())), k);
    // A copy of a small part saves one of the whole, which can be written where nobody shares it.
    const bool small = 2 * k.part.shape.numel() <= k.whole.shape.numel();
    v.give(1, small ? clone(part) : part);
  }
};

struct CopySlicesRest {
  static constexpr const char* name = "CopySlicesRest";
  static void gradient(Vjp& v) {
    const Part k = part_of(v);
    const Tensor& part = v.grad(1);  // null: f has no use for the former value
    Tensor whole = v.grad(0) ? v.grad(0) : zeros(part.dtype(), k.whole.shape);
    MemoryOrder order;
    if (!order.find(k)) {
      const Tensor places = places_of(k);
      const Tensor covered = added_at(k, places, ones(whole.dtype(), k.part.shape));
      const Tensor kept = to_dtype(eq_scalar(covered, 0), whole.dtype());
      whole = mul(whole, kept);
      return v.give(0, part ? add(whole, added_at(k, places, part)) : whole);
    }
    // Held by the node and here: then nobody else can see it.
    const bool ours = !v.creates_graph() && !order.changes && whole.row_major() &&
                      !whole.is_view() && v.grad(0) &&
                      whole.head()->refs.load(std::memory_order_acquire) == 2 &&
                      whole.storage().refs.load(std::memory_order_acquire) == 1;
    Tensor memory = order.to_memory(whole);
    if (!ours) memory = memory.row_major() ? clone(memory) : contiguous(memory);
    const Tensor place = part_in(memory, k);
    // What is recorded where elements stand for several writes one value, and gives zeros back
    // (V9).
    if (part && !has_zero_stride(place)) {
      copy_(place, part);
    } else {
      fill_(place, 0);
    }
    v.give(0, order.from_memory(memory));
  }
};

}  // namespace

const Operator as_strided_operator = operator_for<AsStrided>();
const Operator copy_slices_operator = operator_for<CopySlices>();
const Operator copy_slices_rest_operator = operator_for<CopySlicesRest>();

Rebase reserve_rebase(const Tensor& target) {
  const Tensor base = Tensor::share(target.head()->view_info().base);
  const Part k{layout_of(base), layout_of(target)};
  const size_t bytes = packed_bytes(k.whole) + packed_bytes(k.part);
  Rebase rebase;
  rebase.joined = Reserved(make_node(Op::copy_slices, {2, 1, 0, 0, 0, bytes + sizeof(uint64_t)}));
  rebase.joined.get()->set(Node::kInPlace);
  pack_part(*rebase.joined.get(), k);
  rebase.rest = Reserved(make_node(Op::copy_slices_rest, {1, 2, 0, 0, 0, bytes}));
  pack_part(*rebase.rest.get(), k);
  rebase.part = Reserved(reserve_part(k));
  return rebase;
}

void renew_history(const Tensor& view) {
  const Tensor base = Tensor::share(view.head()->view_info().base);
  const uint32_t version = view.storage().version.load(std::memory_order_relaxed);
  Reserved node(reserve_as_strided(base, layout_of(view)));
  // A base that was detached meanwhile: nothing flows to the view's former past any more.
  if (!node.get()->inputs()[0]) node.get()->set(Node::kFreed);
  put_history(*view.head(), node.give_up(), version);
}

Tensor as_strided(const Tensor& x, const int64_t* sizes, const int64_t* strides, int32_t rank,
                  int64_t offset) {
  Layout layout;
  layout.shape = checked_shape(sizes, rank, size_of(x.dtype()));
  layout.offset = offset;
  if (rank > 0 && strides == nullptr) {
    fail(TG_ERROR_INVALID_ARGUMENT, "strides is NULL; give one for each size");
  }
  int64_t last = offset;
  bool empty = false;
  for (int d = 0; d < rank; ++d) {
    if (strides[d] < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "strides[", d, "] is ", strides[d],
           "; a stride must not be negative");
    }
    layout.strides[d] = strides[d];
    empty = empty || sizes[d] == 0;
    int64_t reach = 0;
    if (sizes[d] > 0 &&
        (!checked_multiply(sizes[d] - 1, strides[d], &reach) || !checked_add(last, reach, &last))) {
      fail_after_history(AsStrided::name, x, TG_ERROR_SHAPE, "shape ", SizesText{sizes, rank},
                         " with strides ", SizesText{strides, rank},
                         " reaches past 2^63 - 1 elements");
    }
  }
  const int64_t available = x.storage().bytes() / size_of(x.dtype());
  if (offset < 0 || (empty ? offset > available : last >= available)) {
    fail_after_history(AsStrided::name, x, TG_ERROR_INDEX, "shape ", SizesText{sizes, rank},
                       " with strides ", SizesText{strides, rank}, " and offset ", offset,
                       " reaches outside the storage of ", Named{x}, ", which holds ", available,
                       " elements");
  }
  const bool records = view_records(AsStrided::name, x);
  Tensor out = make_view(x, layout, current_origin());
  if (records) link(reserve_as_strided(x, layout), out);
  return out;
}

}  // namespace tg
