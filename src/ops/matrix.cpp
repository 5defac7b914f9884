// SPDX-License-Identifier: MIT
// Products of matrices and vectors. Operands reach blas/gemm.h by their strides, so a transposed or
// expanded one is not copied. Each operand is saved where its partner needs a gradient.
#include "autograd/modes.h"
#include "blas/gemm.h"

#include "base/token.h"
#include "core/packing.h"
#include "kernels/reduce.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

// ---- operands ----

constexpr bool has_products(DType dtype) {
  return dtype == DType::float32 || dtype == DType::float64;
}

[[noreturn, gnu::cold]] void fail_product_dtype(int operand, const char* name, const Tensor& x) {
  fail_operand(TG_ERROR_DTYPE, operand, name, ", ", Named{x}, ", has dtype ", x.dtype(),
               "; products take float32 and float64, so convert it by tg_to_dtype first");
}

[[noreturn, gnu::cold]] void fail_dtypes(int operand, const char* first, const Tensor& a,
                                         const char* second, const Tensor& b) {
  fail_operand(TG_ERROR_DTYPE, operand, first, " has dtype ", a.dtype(), ", ", second, " has ",
               b.dtype(), "; products do not promote, so convert one by tg_to_dtype first");
}

void check_dtypes(const char* first, const Tensor& a, const char* second, const Tensor& b,
                  int operand = 1) {
  if (!has_products(a.dtype())) fail_product_dtype(operand - 1, first, a);
  if (!has_products(b.dtype())) fail_product_dtype(operand, second, b);
  if (a.dtype() != b.dtype()) fail_dtypes(operand, first, a, second, b);
}

void check_rank(int operand, const char* name, const Tensor& x, int rank, const char* advice) {
  if (x.rank() == rank) [[likely]]
    return;
  fail_operand(TG_ERROR_SHAPE, operand, name, " has shape ", x.shape(), " of rank ", x.rank(),
               "; it must have rank ", rank, advice);
}

[[noreturn, gnu::cold]] void fail_inner(int operand, const Tensor& a, int64_t of_a, const Tensor& b,
                                        int64_t of_b) {
  fail_operand(TG_ERROR_SHAPE, operand, "a has shape ", a.shape(), ", b has ", b.shape(),
               ": the inner sizes ", of_a, " and ", of_b,
               " must be equal; transpose or reshape one");
}

[[gnu::always_inline]] inline blas::Matrix matrix(const Tensor& x) {
  return {x.data(), x.size(0), x.size(1), x.stride(0), x.stride(1)};
}
blas::Matrix transposed(const blas::Matrix& x) {
  return {x.data, x.columns, x.rows, x.column_stride, x.row_stride};
}
blas::Vector vector(const Tensor& x) { return {x.data(), x.size(0), x.stride(0)}; }

// The product of two matrices inside a gradient rule that is not itself recorded: no head for the
// transposed operand, no node. The same bits as mm(a, t(b)) gives.
Tensor plain_product(DType dtype, const blas::Matrix& a, const blas::Matrix& b) {
  const int64_t sizes[] = {a.rows, b.columns};
  Tensor out = make_tensor(dtype, sizes, 2);
  blas::gemm(dtype, matrix(out), a, b);
  return out;
}

// g b^T and a^T g.
Tensor product_with_transposed(const Vjp& v, const Tensor& g, const Tensor& b) {
  if (v.creates_graph()) return mm(g, t(b));
  return plain_product(b.dtype(), matrix(g), transposed(matrix(b)));
}
Tensor transposed_product(const Vjp& v, const Tensor& a, const Tensor& g) {
  if (v.creates_graph()) return mm(t(a), g);
  return plain_product(a.dtype(), transposed(matrix(a)), matrix(g));
}

// ---- matrix and matrix ----

// d(ab) = da b + a db.
struct Mm {
  static constexpr const char* name = "Mm";
  static constexpr Op id = Op::mm;
  static constexpr bool can_stop = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0)};
  static Meta result(const Tensor& a, const Tensor& b) {
    const bool fits = has_products(a.dtype()) && a.dtype() == b.dtype() && a.rank() == 2 &&
                      b.rank() == 2 && a.size(1) == b.size(0);
    if (!fits) [[unlikely]]
      refuse(a, b);
    const int64_t sizes[] = {a.size(0), b.size(1)};
    return {a.dtype(), Shape(sizes, 2)};
  }
  [[gnu::cold, gnu::noinline]] static void refuse(const Tensor& a, const Tensor& b) {
    constexpr const char* advice = "; use tg_matmul for other ranks";
    check_dtypes("a", a, "b", b);
    check_rank(0, "a", a, 2, advice);
    check_rank(1, "b", b, 2, advice);
    fail_inner(1, a, a.size(1), b, b.size(0));
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    blas::gemm_here(out.dtype(), matrix(out), matrix(a), matrix(b));
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, product_with_transposed(v, v.grad(), v.saved(1)));
    if (v.wants(1)) v.give(1, transposed_product(v, v.saved(0), v.grad()));
  }
};

struct Bmm {
  static constexpr const char* name = "Bmm";
  static constexpr Op id = Op::bmm;
  static constexpr bool can_stop = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0)};
  static Meta result(const Tensor& a, const Tensor& b) {
    constexpr const char* advice = "; use tg_matmul for other ranks";
    check_dtypes("a", a, "b", b);
    check_rank(0, "a", a, 3, advice);
    check_rank(1, "b", b, 3, advice);
    if (a.size(0) != b.size(0)) {
      fail_operand(TG_ERROR_SHAPE, 1, "a has shape ", a.shape(), ", b has ", b.shape(),
                   ": the batches ", a.size(0), " and ", b.size(0),
                   " must be equal; use tg_matmul, which broadcasts them");
    }
    if (a.size(2) != b.size(1)) fail_inner(1, a, a.size(2), b, b.size(1));
    const int64_t sizes[] = {a.size(0), a.size(1), b.size(2)};
    return {a.dtype(), Shape(sizes, 3)};
  }
  static blas::Matrix part(const Tensor& x, int64_t i) {
    return {x.data() + i * x.stride(0) * size_of(x.dtype()), x.size(1), x.size(2), x.stride(1),
            x.stride(2)};
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    for (int64_t i = 0; i < out.size(0); ++i) {
      ask_token();
      blas::gemm(out.dtype(), part(out, i), part(a, i), part(b, i));
    }
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, bmm(v.grad(), transpose(v.saved(1), 1, 2)));
    if (v.wants(1)) v.give(1, bmm(transpose(v.saved(0), 1, 2), v.grad()));
  }
};

struct ScaleArgs {
  double beta, alpha;
};

// beta x + alpha (a b); x broadcasts.
struct Addmm {
  static constexpr const char* name = "Addmm";
  static constexpr Op id = Op::addmm;
  static constexpr bool can_stop = true;
  static constexpr Shapes shapes = Shapes::if_they_differ;
  static constexpr SaveMask reads[] = {kReadsNothing, reads_input(2), reads_input(1)};
  using Args = ScaleArgs;
  static Meta result(const Args&, const Tensor& x, const Tensor& a, const Tensor& b) {
    constexpr const char* advice = "; reshape it";
    check_dtypes("a", a, "b", b, 2);
    if (x.dtype() != a.dtype()) fail_dtypes(0, "x", x, "a", a);
    check_rank(1, "a", a, 2, advice);
    check_rank(2, "b", b, 2, advice);
    if (a.size(1) != b.size(0)) fail_inner(2, a, a.size(1), b, b.size(0));
    const int64_t sizes[] = {a.size(0), b.size(1)};
    const Shape shape(sizes, 2);
    const int shift = 2 - x.rank();
    bool broadcasts = shift >= 0;
    for (int d = 0; broadcasts && d < x.rank(); ++d) {
      broadcasts = x.size(d) == 1 || x.size(d) == shape[d + shift];
    }
    if (!broadcasts) {
      fail_operand(TG_ERROR_SHAPE, 0, "x has shape ", x.shape(), ", which does not broadcast to ",
                   "that of the product, ", shape, "; reshape or expand it");
    }
    return {a.dtype(), shape};
  }
  static void forward(const Tensor& out, const Args& k, const Tensor& x, const Tensor& a,
                      const Tensor& b) {
    if (k.beta != 0 && x.data() != out.data()) {  // in place it is there already
      int64_t strides[kMaxRank];
      broadcast_strides(x, out, strides);
      kernels::copy(out.dtype(), out.data(), out.strides(), x.dtype(), x.data(), strides,
                    out.sizes(), out.rank());
    }
    blas::gemm(out.dtype(), matrix(out), matrix(a), matrix(b), k.alpha, k.beta);
  }
  static void gradient(Vjp& v) {
    const Args& k = v.args<Args>();
    auto scaled = [](double factor, Tensor g) { return factor == 1 ? g : mul_scalar(g, factor); };
    if (v.wants(0)) v.give(0, scaled(k.beta, v.grad()));
    if (v.wants(1)) {
      v.give(1, scaled(k.alpha, product_with_transposed(v, v.grad(), v.saved(2))));
    }
    if (v.wants(2)) v.give(2, scaled(k.alpha, transposed_product(v, v.saved(1), v.grad())));
  }
};

// ---- with vectors ----

struct Mv {
  static constexpr const char* name = "Mv";
  static constexpr Op id = Op::mv;
  static constexpr bool can_stop = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0)};
  static Meta result(const Tensor& a, const Tensor& x) {
    check_dtypes("a", a, "x", x);
    check_rank(0, "a", a, 2, "; use tg_matmul for other ranks");
    check_rank(1, "x", x, 1, "; use tg_matmul for other ranks");
    if (a.size(1) != x.size(0)) {
      fail_operand(TG_ERROR_SHAPE, 1, "a has shape ", a.shape(), ", x has ", x.shape(),
                   ": the inner sizes ", a.size(1), " and ", x.size(0),
                   " must be equal; transpose a or choose another x");
    }
    return {a.dtype(), Shape(a.sizes(), 1)};
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& x) {
    blas::gemv(out.dtype(), vector(out), matrix(a), vector(x));
  }
  // Of a: the outer product of g and x; of x: a^T g.
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, mul(unsqueeze(v.grad(), 1), unsqueeze(v.saved(1), 0)));
    if (v.wants(1)) v.give(1, mv(t(v.saved(0)), v.grad()));
  }
};

struct Dot {
  static constexpr const char* name = "Dot";
  static constexpr Op id = Op::dot;
  static constexpr bool can_stop = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0)};
  static Meta result(const Tensor& a, const Tensor& b) {
    check_dtypes("a", a, "b", b);
    check_rank(0, "a", a, 1, "; use tg_matmul for other ranks");
    check_rank(1, "b", b, 1, "; use tg_matmul for other ranks");
    if (a.size(0) != b.size(0)) {
      fail_operand(TG_ERROR_SHAPE, 1, "a has ", a.size(0), " elements, b has ", b.size(0),
                   "; they must have equally many");
    }
    return {a.dtype(), Shape()};
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    blas::dot(out.dtype(), out.data(), vector(a), vector(b));
  }
  static void gradient(Vjp& v) {
    if (v.wants(0)) v.give(0, mul(v.grad(), v.saved(1)));
    if (v.wants(1)) v.give(1, mul(v.grad(), v.saved(0)));
  }
};

// ---- linear ----

// x of any rank seen as a matrix, its last dimension as columns: where it lies if the dimensions
// before it lie one stride apart, else packed into `room`.
blas::Matrix rows_of(const Tensor& x, Tensor& room) {
  const int last = x.rank() - 1;
  if (last == 1) return matrix(x);
  int64_t rows = 1;
  for (int d = 0; d < last; ++d) rows *= x.size(d);
  if (last == 0) return {x.data(), 1, x.size(0), 0, x.stride(0)};
  bool even = true;
  for (int d = last - 1; d > 0; --d) {
    even = even && x.stride(d - 1) == x.stride(d) * x.size(d);
  }
  if (even) return {x.data(), rows, x.size(last), x.stride(last - 1), x.stride(last)};
  room = packed(x);
  return {room.data(), rows, x.size(last), x.size(last), 1};
}

// The same as a tensor, for rules that are recorded.
Tensor as_rows(const Tensor& x) {
  if (x.rank() == 2) return x;
  int64_t sizes[] = {1, x.size(x.rank() - 1)};
  for (int d = 0; d < x.rank() - 1; ++d) sizes[0] *= x.size(d);
  return reshape(x, sizes, 2);
}

Shape with_last(const Tensor& x, int64_t size) {
  Shape shape = x.shape();
  shape[shape.rank - 1] = size;
  return shape;
}

// y = x weight^T + bias. bias may be absent.
struct Linear {
  static constexpr const char* name = "Linear";
  static constexpr Op id = Op::linear;
  static constexpr bool can_stop = true;
  static constexpr bool row_major = true;
  static constexpr Shapes shapes = Shapes::never;
  static constexpr SaveMask reads[] = {reads_input(1), reads_input(0), kReadsNothing};

  static Meta result(const Tensor& x, const Tensor& weight, const Tensor& bias) {
    check_dtypes("x", x, "weight", weight);
    if (bias && bias.dtype() != x.dtype()) [[unlikely]]
      fail_dtypes(2, "x", x, "bias", bias);
    if (x.rank() == 0) {
      fail_operand(TG_ERROR_SHAPE, 0, "x has rank 0; it must have at least one dimension, of ",
                   "weight's size 1");
    }
    check_rank(1, "weight", weight, 2, ", [out, in]");
    if (x.size(x.rank() - 1) != weight.size(1)) [[unlikely]] {
      fail_operand(TG_ERROR_SHAPE, 1, "x has shape ", x.shape(), ", weight has ", weight.shape(),
                   ": their last sizes ", x.size(x.rank() - 1), " and ", weight.size(1),
                   " must be equal; weight is [out, in], so transpose it if it is [in, out]");
    }
    if (bias && (bias.rank() != 1 || bias.size(0) != weight.size(0))) [[unlikely]] {
      fail_operand(TG_ERROR_SHAPE, 2, "bias has shape ", bias.shape(), ", weight has ",
                   weight.shape(), "; bias must be [", weight.size(0), "]");
    }
    return {x.dtype(), with_last(x, weight.size(0))};
  }
  static void forward(const Tensor& out, const Tensor& x, const Tensor& weight,
                      const Tensor& bias) {
    Tensor room, unused;
    const blas::Matrix y = rows_of(out, unused), rows = rows_of(x, room), w = matrix(weight);
    // Where nothing is recorded the weight is likely to stay as it is, so its packing is kept;
    // while it is trained, every step would make it stale. The bits are the same.
    Packing packing;
    if (const size_t bytes = blas::packing_bytes(out.dtype(), y, rows, w)) {
      packing = packing_of(weight, bytes, !recording_mode(), pack);
    }
    blas::linear(out.dtype(), y, rows, w, bias ? bias.data() : nullptr, bias ? bias.stride(0) : 0,
                 false, packing.data());
  }
  static void pack(void* to, const Tensor& weight) noexcept {
    blas::pack_weight(to, matrix(weight));
  }
  // With rows g and x: gx = g weight, gweight = g^T x, gbias = the sum of g's rows.
  static void gradient(Vjp& v) {
    if (v.creates_graph()) return recorded_gradient(v);
    const Tensor& g = v.grad();
    const DType dtype = g.dtype();
    Tensor room;
    const blas::Matrix rows = rows_of(g, room);
    if (v.wants(0)) {
      const Tensor weight = v.saved(1);
      const Shape shape = with_last(g, weight.size(1));
      Tensor gx = make_tensor(dtype, shape.sizes, shape.rank);
      blas::gemm(dtype, {gx.data(), rows.rows, weight.size(1), weight.size(1), 1}, rows,
                 matrix(weight));
      v.give(0, std::move(gx));
    }
    if (v.wants(1)) {
      Tensor x_room;
      const Tensor x = v.saved(0);
      v.give(1, plain_product(dtype, transposed(rows), rows_of(x, x_room)));
    }
    if (v.wants(2)) v.give(2, sum_mask(g, (Dims{1} << (g.rank() - 1)) - 1, false));
  }
  static void recorded_gradient(Vjp& v) {
    const Tensor& g = v.grad();
    const Tensor rows = as_rows(g);
    if (v.wants(0)) {
      const Tensor weight = v.saved(1);
      const Shape shape = with_last(g, weight.size(1));
      v.give(0, reshape(mm(rows, weight), shape.sizes, shape.rank));
    }
    if (v.wants(1)) v.give(1, mm(t(rows), as_rows(v.saved(0))));
    if (v.wants(2)) v.give(2, sum_mask(rows, 1, false));
  }
};

// ---- matmul ----

Shape batch_of(const Tensor& x) { return Shape(x.sizes(), x.rank() - 2); }

int64_t last_of(const Tensor& a) { return a.size(a.rank() - 1); }
int64_t rows_in(const Tensor& b) { return b.size(b.rank() == 1 ? 0 : b.rank() - 2); }

bool may_be_multiplied(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && has_products(a.dtype()) && a.rank() > 0 && b.rank() > 0 &&
         last_of(a) == rows_in(b);
}

// What is wrong with the mode comes first (T9), by the rules of one product.
[[noreturn, gnu::cold]] void fail_matmul(const Tensor& a, const Tensor& b, Into into) {
  constexpr const char* name = "Matmul";
  const Tensor* const operands[] = {&a, &b};
  if (into.kind != Into::Kind::fresh) {
    plan_out(name, *into.out, operands, 2);
  } else if (recording_mode() && (is_special(a) || is_special(b))) {
    if (const uint32_t wanted = wanted_operands(operands, 2); wanted != 0) {
      plan_special(name, operands, 2, wanted, Mm::reads);
    }
  }
  check_dtypes("a", a, "b", b);
  for (int i = 0; i < 2; ++i) {
    if (operands[i]->rank() != 0) continue;
    fail_operand(TG_ERROR_SHAPE, i, i == 0 ? "a" : "b",
                 " has rank 0; tg_matmul takes rank 1 and more, so use tg_mul");
  }
  fail_inner(1, a, last_of(a), b, rows_in(b));
}

// A step over an operand on its way into a product. Where the operand shows requires_grad and no
// gradient flows to it, the step is not recorded: else it would be saved for one.
template <class Step>
Tensor on_the_way(const Tensor& x, Step&& step) {
  const TensorHead& head = *x.head();
  const bool dry = recording_mode() && x.is_view() && !x.is_inference() && requires_grad(x) &&
                   history_word(head) == 0 && !is_behind(head);
  if (!dry) return step(x);
  use_history("Matmul", x);
  const EngineModes modes(false);
  return step(x);
}

// Rows of a batch times one matrix or vector are one product: nothing is expanded.
Tensor folded_matmul(const Tensor& a, const Tensor& b) {
  Shape shape(a.sizes(), a.rank() - 1);
  const Tensor rows = on_the_way(a, as_rows);
  if (b.rank() == 1) return reshaped_result(mv(rows, b), shape);
  shape.push(b.size(1));
  return reshaped_result(mm(rows, b), shape);
}

// The batch expanded to `batch` and made one dimension.
Tensor batched(const Tensor& x, const Shape& batch) {
  Shape shape = batch;
  shape.push(x.size(x.rank() - 2));
  shape.push(x.size(x.rank() - 1));
  const int64_t sizes[] = {batch.numel(), shape[batch.rank], shape[batch.rank + 1]};
  return reshape(expand(x, shape.sizes, shape.rank), sizes, 3);
}

}  // namespace

const Operator mm_operator = operator_for<Mm>();
const Operator bmm_operator = operator_for<Bmm>();
const Operator mv_operator = operator_for<Mv>();
const Operator dot_operator = operator_for<Dot>();
const Operator addmm_operator = operator_for<Addmm>();
const Operator linear_operator = operator_for<Linear>();

Tensor mm(const Tensor& a, const Tensor& b, Into into) { return run<Mm>(into, {}, a, b); }
Tensor bmm(const Tensor& a, const Tensor& b, Into into) { return run<Bmm>(into, {}, a, b); }
Tensor mv(const Tensor& a, const Tensor& x, Into into) { return run<Mv>(into, {}, a, x); }
Tensor dot(const Tensor& a, const Tensor& b, Into into) { return run<Dot>(into, {}, a, b); }
Tensor addmm(const Tensor& x, const Tensor& a, const Tensor& b, double beta, double alpha,
             Into into) {
  return run<Addmm>(into, {beta, alpha}, x, a, b);
}
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias, Into into) {
  return run<Linear>(into, {}, x, weight, bias);
}

Tensor matmul(const Tensor& a, const Tensor& b, Into into) {
  if (!may_be_multiplied(a, b)) fail_matmul(a, b, into);
  if (b.rank() <= 2) {
    if (a.rank() == 1) return b.rank() == 1 ? dot(a, b, into) : mv(on_the_way(b, t), a, into);
    if (a.rank() == 2) return b.rank() == 1 ? mv(a, b, into) : mm(a, b, into);
  }
  if (into.kind != Into::Kind::fresh) {
    constexpr const char* name = "Matmul";
    const Tensor* const operands[] = {&a, &b};
    plan_out(name, *into.out, operands, 2);
    copy_into(name, matmul(a, b), operands, 2, into);
    return {};
  }
  if (b.rank() <= 2) return folded_matmul(a, b);
  const Tensor left =
      a.rank() == 1 ? on_the_way(a, [](const Tensor& x) { return unsqueeze(x, 0); }) : a;
  Shape shape = broadcast_shapes(batch_of(left), batch_of(b));
  const auto batch = [&](const Tensor& x) { return batched(x, shape); };
  const Tensor product = bmm(on_the_way(left, batch), on_the_way(b, batch));
  if (a.rank() > 1) shape.push(a.size(a.rank() - 2));
  shape.push(b.size(b.rank() - 1));
  return reshaped_result(product, shape);
}

}  // namespace tg
