// SPDX-License-Identifier: MIT
// Errors that every operator has where it would record: an inference tensor among its operands
// (rule R1 of the header) and a stale view (R4). A plain view is never stale.
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

// One operand in the shapes that the operators ask for.
struct Operand {
  tg_tensor vector, matrix, batch;  // [4], [2, 2], [1, 2, 2]
};
struct Shaped {
  Tensor vector, matrix, batch;
  explicit Shaped(const Tensor& from)
      : vector(viewed(from, {4})), matrix(viewed(from, {2, 2})), batch(viewed(from, {1, 2, 2})) {}
  Operand operand() const { return {vector, matrix, batch}; }
};

struct Row {
  const char* function;
  std::vector<tg_status> codes;
  std::function<tg_status(const Operand&, tg_handle*)> call;
};

// Views made in each of the ways that can go stale, of a tensor that is then changed by a call
// that records.
struct Stale {
  Tensor w = leaf({1, 2, 3, 4}), base = make(tg_clone, w), piece = piece_of(base, 4);
  Shaped plain{base}, of_piece{piece}, of_no_grad = in_no_grad(base);
  Stale() { ok(tg_mul_scalar_(base, 2)); }
  static Shaped in_no_grad(const Tensor& base) {
    const In no_grad(Mode::no_grad);
    return Shaped(base);
  }
};

void refuse_stale_views(const std::vector<Row>& table) {
  const Stale stale;
  Rows rows{stale.w,
            stale.base,
            stale.piece,
            stale.plain.matrix,
            stale.of_piece.matrix,
            stale.of_no_grad.matrix,
            stale.plain.vector,
            stale.of_piece.vector,
            stale.of_no_grad.vector};
  for (const Row& row : table) {
    for (const tg_status code : row.codes) {
      const bool mode = code == TG_ERROR_MODE;
      const Shaped& shaped = mode ? stale.of_no_grad : stale.of_piece;
      const Phrases phrases = mode ? Phrases{"no_grad", "make the view in grad mode", "tg_clone"}
                                   : Phrases{"tg_split", "tg_narrow", "tg_clone"};
      rows.fails(row.function, code, phrases, row.call(shaped.operand(), rows.out()));
    }
  }
  CHECK(rows.count() == 2 * table.size());
  for (const Row& row : table) {
    INFO(row.function);
    Tensor out;
    ok(row.call(stale.plain.operand(), out.out()));
    CHECK(requires_grad(out));
  }
}

}  // namespace
TEST_CASE("elementwise operators refuse a stale view where they would record", "[errors]") {
  const Tensor m = tensor({2}, {2, 2});
  const Tensor yes = make(tg_ge_scalar, m, 0.0);
  refuse_stale_views({
      {"tg_clone",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_clone(x.matrix, out); }},
      {"tg_add",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_add(x.matrix, m, out); }},
      {"tg_sub",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sub(m, x.matrix, out); }},
      {"tg_mul",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mul(x.matrix, m, out); }},
      {"tg_div",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_div(m, x.matrix, out); }},
      {"tg_add_scalar",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_add_scalar(x.matrix, 2, out); }},
      {"tg_sub_scalar",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sub_scalar(x.matrix, 2, out); }},
      {"tg_mul_scalar",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mul_scalar(x.matrix, 2, out); }},
      {"tg_div_scalar",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_div_scalar(x.matrix, 2, out); }},
      {"tg_pow_scalar",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_pow_scalar(x.matrix, 2, out); }},
      {"tg_neg",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_neg(x.matrix, out); }},
      {"tg_abs",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_abs(x.matrix, out); }},
      {"tg_exp",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_exp(x.matrix, out); }},
      {"tg_log",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_log(x.matrix, out); }},
      {"tg_sqrt",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sqrt(x.matrix, out); }},
      {"tg_sin",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sin(x.matrix, out); }},
      {"tg_cos",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_cos(x.matrix, out); }},
      {"tg_tanh",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_tanh(x.matrix, out); }},
      {"tg_sigmoid",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sigmoid(x.matrix, out); }},
      {"tg_relu",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_relu(x.matrix, out); }},
      {"tg_clamp",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_clamp(x.matrix, 0, 1, out); }},
      {"tg_maximum",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_maximum(x.matrix, m, out); }},
      {"tg_minimum",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_minimum(m, x.matrix, out); }},
      {"tg_where",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_where(yes, m, x.matrix, out); }},
      {"tg_to_dtype",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_to_dtype(x.matrix, TG_FLOAT32, out); }},
  });
}
TEST_CASE("reductions refuse a stale view where they would record", "[errors]") {
  const int64_t zero[] = {0};
  refuse_stale_views({
      {"tg_sum",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sum(x.matrix, out); }},
      {"tg_sum_dims",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_sum_dims(x.matrix, zero, 1, 0, out); }},
      {"tg_mean",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mean(x.matrix, out); }},
      {"tg_mean_dims",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mean_dims(x.matrix, zero, 1, 0, out); }},
      {"tg_max",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_max(x.matrix, out); }},
      {"tg_min",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_min(x.matrix, out); }},
      {"tg_softmax",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_softmax(x.matrix, 0, out); }},
      {"tg_log_softmax",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_log_softmax(x.matrix, 0, out); }},
  });
}
TEST_CASE("products refuse a stale view where they would record", "[errors]") {
  const Tensor m = tensor({2}, {2, 2}), b = tensor({2}, {1, 2, 2});
  const Tensor v = vec({1, 2, 3, 4}), pair = vec({1, 2});
  refuse_stale_views({
      {"tg_mm",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mm(x.matrix, m, out); }},
      {"tg_bmm",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_bmm(x.batch, b, out); }},
      {"tg_mv",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_mv(x.matrix, pair, out); }},
      {"tg_dot",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_dot(x.vector, v, out); }},
      {"tg_matmul",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_matmul(m, x.matrix, out); }},
      {"tg_addmm",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_addmm(m, x.matrix, m, 1, 1, out); }},
      {"tg_linear",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_linear(m, x.matrix, 0, out); }},
  });
}
TEST_CASE("views of a stale view are refused where they would record", "[errors]") {
  const int64_t four[] = {4}, one[] = {1}, dims[] = {1, 0}, wide[] = {3, 2, 2};
  refuse_stale_views({
      {"tg_view",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_view(x.matrix, four, 1, out); }},
      {"tg_reshape",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_reshape(x.matrix, four, 1, out); }},
      {"tg_flatten",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_flatten(x.matrix, 0, 1, out); }},
      {"tg_t",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_t(x.matrix, out); }},
      {"tg_transpose",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_transpose(x.matrix, 0, 1, out); }},
      {"tg_permute",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_permute(x.matrix, dims, 2, out); }},
      {"tg_expand",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_expand(x.matrix, wide, 3, out); }},
      {"tg_squeeze",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_squeeze(x.batch, out); }},
      {"tg_squeeze_dim",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_squeeze_dim(x.batch, 0, out); }},
      {"tg_unsqueeze",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_unsqueeze(x.matrix, 0, out); }},
      {"tg_select",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_select(x.matrix, 0, 1, out); }},
      {"tg_narrow",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_narrow(x.matrix, 0, 0, 1, out); }},
      {"tg_slice",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_slice(x.matrix, 0, 0, 2, 1, out); }},
      {"tg_as_strided",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) {
         return tg_as_strided(x.matrix, four, one, 1, 0, out);
       }},
  });
}
TEST_CASE("indexing, losses and layers refuse a stale view where they would record", "[errors]") {
  const Tensor m = tensor({2}, {2, 2}), list = indices({0, 1});
  const Tensor places = indices({0, 1, 1, 0}, {2, 2});
  const Handle relu = make(tg_nn_relu);
  refuse_stale_views({
      {"tg_index_select",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_index_select(x.matrix, 0, list, out); }},
      {"tg_gather",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_gather(x.matrix, 0, places, out); }},
      {"tg_mse_loss",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) {
         return tg_mse_loss(x.matrix, m, TG_REDUCTION_MEAN, out);
       }},
      {"tg_nll_loss",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) {
         return tg_nll_loss(x.matrix, list, 0, -100, TG_REDUCTION_MEAN, out);
       }},
      {"tg_cross_entropy",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) {
         return tg_cross_entropy(x.matrix, list, 0, -100, TG_REDUCTION_MEAN, 0, out);
       }},
      {"tg_module_forward",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](const Operand& x, tg_handle* out) { return tg_module_forward(relu, x.matrix, out); }},
  });
}

// The forms of calls that differ from the table above: several results, or an array of operands.
TEST_CASE("operators of several tensors refuse a stale view where they would record", "[errors]") {
  struct Several {
    const char* function;
    std::vector<tg_status> codes;
    std::function<tg_status(tg_tensor, Rows&)> call;
  };
  const Stale stale;
  const Tensor m = tensor({2}, {2, 2});
  const std::vector<Several> table = {
      {"tg_max_dim",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](tg_tensor x, Rows& rows) { return tg_max_dim(x, 0, 0, rows.out(), rows.out()); }},
      {"tg_min_dim",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](tg_tensor x, Rows& rows) { return tg_min_dim(x, 0, 0, rows.out(), rows.out()); }},
      {"tg_split",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](tg_tensor x, Rows& rows) {
         return tg_split(x, 1, 0, rows.outs(2), 2, rows.untouched<size_t>());
       }},
      {"tg_cat",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](tg_tensor x, Rows& rows) {
         const tg_tensor list[] = {m, x};
         return tg_cat(list, 2, 0, rows.out());
       }},
      {"tg_stack",
       {TG_ERROR_MODE, TG_ERROR_AUTOGRAD},
       [&](tg_tensor x, Rows& rows) {
         const tg_tensor list[] = {m, x};
         return tg_stack(list, 2, 0, rows.out());
       }},
  };
  Rows rows{stale.base, stale.plain.matrix, stale.of_piece.matrix, stale.of_no_grad.matrix, m};
  for (const Several& row : table) {
    for (const tg_status code : row.codes) {
      const bool mode = code == TG_ERROR_MODE;
      const Shaped& shaped = mode ? stale.of_no_grad : stale.of_piece;
      rows.fails(row.function, code, {mode ? "no_grad" : "tg_split"},
                 row.call(shaped.matrix, rows));
    }
  }
  CHECK(rows.count() == 10);
}

TEST_CASE("a copy of a strided stale view is refused where it would record", "[errors]") {
  const Tensor w = leaf({1, 2, 3, 4}), base = make(tg_clone, w), piece = piece_of(base, 4);
  const auto turned = [](const Tensor& x) {
    return make(tg_transpose, viewed(x, {2, 2}), int64_t{0}, int64_t{1});
  };
  const Tensor plain = turned(base), multi = turned(piece);
  Tensor frozen;
  {
    const In no_grad(Mode::no_grad);
    frozen = turned(base);
  }
  ok(tg_mul_scalar_(base, 2));
  Rows rows{base, plain, multi, frozen};
  rows.fails("tg_contiguous", TG_ERROR_MODE, {"no_grad"}, tg_contiguous(frozen, rows.out()));
  rows.fails("tg_contiguous", TG_ERROR_AUTOGRAD, {"tg_split"}, tg_contiguous(multi, rows.out()));
  rows.fails("tg_tensor_grad_fn", TG_ERROR_MODE, {"no_grad"},
             tg_tensor_grad_fn(frozen, rows.out()));
  rows.fails("tg_tensor_grad_fn", TG_ERROR_AUTOGRAD, {"tg_split"},
             tg_tensor_grad_fn(multi, rows.out()));
}

// i1: an inference tensor that was made to require grad, in all shapes, and inference indices.
struct Inference {
  Tensor from, vector, matrix, batch, pair, list, places;
  Inference() {
    const In inf(Mode::inf);
    from = leaf({1, 2, 3, 4});
    vector = leaf({1, 2, 3, 4});
    matrix = tensor({1, 2, 3, 4}, {2, 2}, true);
    batch = tensor({1, 2, 3, 4}, {1, 2, 2}, true);
    pair = leaf({1, 2});
    list = indices({0, 1});
    places = indices({0, 1, 1, 0}, {2, 2});
    ok(tg_tensor_set_name(matrix, "theta"));
  }
};

TEST_CASE("an inference tensor beside one that requires grad is refused by name and place",
          "[errors]") {
  struct Mixed {
    const char* function;
    tg_status code;
    int operand;
    std::function<tg_status(tg_handle*)> call;
  };
  const Inference i;
  const Tensor w = leaf({1, 2, 3, 4}), base = make(tg_clone, w);
  const Shaped x{base};
  const Tensor yes = make(tg_ge_scalar, x.matrix, 0.0);
  const tg_tensor list[] = {x.matrix, i.matrix};
  const std::vector<Mixed> table = {
      {"tg_add", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_add(x.matrix, i.matrix, out); }},
      {"tg_sub", TG_ERROR_MODE, 0, [&](tg_handle* out) { return tg_sub(i.matrix, x.matrix, out); }},
      {"tg_mul", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_mul(x.matrix, i.matrix, out); }},
      {"tg_div", TG_ERROR_MODE, 0, [&](tg_handle* out) { return tg_div(i.matrix, x.matrix, out); }},
      {"tg_maximum", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_maximum(x.matrix, i.matrix, out); }},
      {"tg_minimum", TG_ERROR_MODE, 0,
       [&](tg_handle* out) { return tg_minimum(i.matrix, x.matrix, out); }},
      {"tg_where", TG_ERROR_MODE, 2,
       [&](tg_handle* out) { return tg_where(yes, x.matrix, i.matrix, out); }},
      {"tg_mm", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_mm(x.matrix, i.matrix, out); }},
      {"tg_bmm", TG_ERROR_MODE, 0, [&](tg_handle* out) { return tg_bmm(i.batch, x.batch, out); }},
      {"tg_mv", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_mv(x.matrix, i.pair, out); }},
      {"tg_dot", TG_ERROR_MODE, 0, [&](tg_handle* out) { return tg_dot(i.vector, x.vector, out); }},
      {"tg_matmul", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_matmul(x.matrix, i.matrix, out); }},
      {"tg_addmm", TG_ERROR_MODE, 2,
       [&](tg_handle* out) { return tg_addmm(x.matrix, x.matrix, i.matrix, 1, 1, out); }},
      {"tg_linear", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_linear(x.matrix, i.matrix, 0, out); }},
      {"tg_mse_loss", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_mse_loss(x.matrix, i.matrix, TG_REDUCTION_MEAN, out); }},
      {"tg_index_select", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_index_select(x.matrix, 0, i.list, out); }},
      {"tg_gather", TG_ERROR_MODE, 1,
       [&](tg_handle* out) { return tg_gather(x.matrix, 0, i.places, out); }},
      {"tg_nll_loss", TG_ERROR_MODE, 1,
       [&](tg_handle* out) {
         return tg_nll_loss(x.matrix, i.list, 0, -100, TG_REDUCTION_MEAN, out);
       }},
      {"tg_cross_entropy", TG_ERROR_MODE, 1,
       [&](tg_handle* out) {
         return tg_cross_entropy(x.matrix, i.list, 0, -100, TG_REDUCTION_MEAN, 0, out);
       }},
      {"tg_cat", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_cat(list, 2, 0, out); }},
      {"tg_stack", TG_ERROR_MODE, 1, [&](tg_handle* out) { return tg_stack(list, 2, 0, out); }},
  };
  Rows rows{i.vector, i.matrix, i.batch, w, base, x.matrix};
  for (const Mixed& row : table) {
    rows.fails(row.function, row.code,
               {"operand " + std::to_string(row.operand) + ", ", "inference tensor",
                "tg_clone it outside inference mode", "tg_no_grad_enter"},
               row.call(rows.out()));
    int32_t operand = -2;
    tg_last_error_detail(nullptr, &operand);
    CHECK(operand == row.operand);
  }
  rows.fails("tg_mul", TG_ERROR_MODE, {"theta"}, tg_mul(x.matrix, i.matrix, rows.out()));
}
