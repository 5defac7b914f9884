// SPDX-License-Identifier: MIT
// What operators save for backward (rules I7 to I7d and their table): changing a saved tensor in
// place before backward is a version error, changing another one is none.
#include <algorithm>
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

using Operands = std::vector<Tensor>;

// An operator, what of it is saved where every floating operand needs a gradient, and how its
// operands are made. `saved` has a letter for each operand and one for the result: 'E' saved,
// '-' not saved.
struct Row {
  const char* name;
  std::string saved;
  std::vector<Sizes> sizes;  // of the floating operands, which come first
  std::function<tg_status(const Operands& x, tg_tensor* out)> run;
  std::function<void(Operands& x)> more = {};  // operands that are no floating point numbers
};

const Sizes kSquare = {2, 2};
void add_index(Operands& x) { x.push_back(indices({1, 0})); }
void add_grid(Operands& x) { x.push_back(indices({1, 0, 0, 1}, {2, 2})); }
void add_condition(Operands& x) {
  const uint8_t bits[] = {1, 0, 0, 1};
  const int64_t shape[] = {2, 2};
  x.push_back(make(tg_tensor_create, bits, TG_BOOL, shape, 2, 0));
}

const std::vector<Row>& rows() {
  static const int64_t kDims[] = {0};
  static const int64_t kShape[] = {4};
  static const int64_t kExpanded[] = {3, 2, 2};
  static const std::vector<Row> rows = {
      {"add",
       "---",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_add(x[0], x[1], out); }},
      {"sub",
       "---",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_sub(x[0], x[1], out); }},
      {"add_scalar",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_add_scalar(x[0], 2, out); }},
      {"sub_scalar",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_sub_scalar(x[0], 2, out); }},
      {"mul_scalar",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_mul_scalar(x[0], 2, out); }},
      {"div_scalar",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_div_scalar(x[0], 2, out); }},
      {"neg", "--", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_neg(x[0], out); }},
      {"sum", "--", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_sum(x[0], out); }},
      {"sum_dims",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_sum_dims(x[0], kDims, 1, 0, out); }},
      {"mean",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_mean(x[0], out); }},
      {"mean_dims",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_mean_dims(x[0], kDims, 1, 0, out); }},
      {"clone",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_clone(x[0], out); }},
      {"cat",
       "---",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) {
         const tg_tensor parts[] = {x[0], x[1]};
         return tg_cat(parts, 2, 0, out);
       }},
      {"stack",
       "---",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) {
         const tg_tensor parts[] = {x[0], x[1]};
         return tg_stack(parts, 2, 0, out);
       }},
      {"expand, then a copy",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_clone(make(tg_expand, x[0], kExpanded, 3), out);
       }},
      {"view, then a copy",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_clone(make(tg_view, x[0], kShape, 1), out);
       }},
      {"reshape that copies",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_reshape(make(tg_t, x[0]), kShape, 1, out);
       }},
      {"to_dtype",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_to_dtype(x[0], TG_FLOAT32, out); }},
      {"contiguous",
       "--",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_contiguous(make(tg_t, x[0]), out); }},
      {"linear with bias",
       "EE--",
       {kSquare, kSquare, {2}},
       [](const Operands& x, tg_tensor* out) { return tg_linear(x[0], x[1], x[2], out); }},
      {"addmm",
       "-EE-",
       {kSquare, kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_addmm(x[0], x[1], x[2], 2, 3, out); }},
      {"mul",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_mul(x[0], x[1], out); }},
      {"mm",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_mm(x[0], x[1], out); }},
      {"mv",
       "EE-",
       {kSquare, {2}},
       [](const Operands& x, tg_tensor* out) { return tg_mv(x[0], x[1], out); }},
      {"dot",
       "EE-",
       {{2}, {2}},
       [](const Operands& x, tg_tensor* out) { return tg_dot(x[0], x[1], out); }},
      {"bmm",
       "EE-",
       {{2, 2, 2}, {2, 2, 2}},
       [](const Operands& x, tg_tensor* out) { return tg_bmm(x[0], x[1], out); }},
      {"matmul",
       "EE-",
       {{2, 2, 2}, {2, 2}},
       [](const Operands& x, tg_tensor* out) { return tg_matmul(x[0], x[1], out); }},
      {"div",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_div(x[0], x[1], out); }},
      {"log", "E-", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_log(x[0], out); }},
      {"sin", "E-", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_sin(x[0], out); }},
      {"cos", "E-", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_cos(x[0], out); }},
      {"abs", "E-", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_abs(x[0], out); }},
      {"clamp",
       "E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_clamp(x[0], 0.1, 0.9, out); }},
      {"pow_scalar",
       "E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_pow_scalar(x[0], 3, out); }},
      {"maximum",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_maximum(x[0], x[1], out); }},
      {"minimum",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_minimum(x[0], x[1], out); }},
      {"mse_loss",
       "EE-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_mse_loss(x[0], x[1], TG_REDUCTION_NONE, out);
       }},
      {"exp", "-E", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_exp(x[0], out); }},
      {"sqrt",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_sqrt(x[0], out); }},
      {"tanh",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_tanh(x[0], out); }},
      {"sigmoid",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_sigmoid(x[0], out); }},
      {"relu",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_relu(x[0], out); }},
      {"softmax",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_softmax(x[0], 1, out); }},
      {"log_softmax",
       "-E",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_log_softmax(x[0], 1, out); }},
      {"max", "EE", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_max(x[0], out); }},
      {"min", "EE", {kSquare}, [](const Operands& x, tg_tensor* out) { return tg_min(x[0], out); }},
      {"gather",
       "-E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_gather(x[0], 0, x[1], out); },
       add_grid},
      {"index_select",
       "-E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_index_select(x[0], 0, x[1], out); },
       add_index},
      {"nll_loss",
       "-E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_nll_loss(x[0], x[1], 0, -100, TG_REDUCTION_SUM, out);
       },
       add_index},
      {"cross_entropy",
       "-E-",
       {kSquare},
       [](const Operands& x, tg_tensor* out) {
         return tg_cross_entropy(x[0], x[1], 0, -100, TG_REDUCTION_SUM, 0, out);
       },
       add_index},
      {"where",
       "--E-",
       {kSquare, kSquare},
       [](const Operands& x, tg_tensor* out) { return tg_where(x[2], x[0], x[1], out); },
       add_condition},
  };
  return rows;
}

// Floating operands are recorded ones, so that they may be changed in place.
Operands operands_of(const Row& row, const std::vector<bool>& needs_grad, Operands* leaves) {
  Operands x;
  for (size_t i = 0; i < row.sizes.size(); ++i) {
    Tensor made = tensor({0.5}, row.sizes[i], needs_grad[i]);
    x.push_back(make(tg_mul_scalar, made, 1.0));
    leaves->push_back(std::move(made));
  }
  if (row.more) row.more(x);
  return x;
}

void check(const Row& row, const std::vector<bool>& needs_grad, size_t changed, bool saved) {
  Operands leaves;
  const Operands x = operands_of(row, needs_grad, &leaves);
  Tensor y;
  ok(row.run(x, y.out()));
  REQUIRE(kind_of(y) == "nn");
  const tg_tensor target = changed < x.size() ? tg_tensor{x[changed]} : tg_tensor{y};
  {
    // no_grad: the change itself is no part of the graph, y stays the root that was recorded.
    const In in(Mode::no_grad);
    ok(tg_tensor_mark_written(target));
  }
  const tg_status status = backward_ones(y);
  if (!saved) {
    ok(status);
    for (size_t i = 0; i < leaves.size(); ++i) CHECK(has_grad(leaves[i]) == needs_grad[i]);
    return;
  }
  fails(status, TG_ERROR_VERSION,
        {"tg_backward_from", "version 0", "version 1", "tg_clone", "functional form"});
  for (const Tensor& leaf : leaves) CHECK_FALSE(has_grad(leaf));
}

}  // namespace

TEST_CASE("I7: the table of saved tensors, each operator by operand and result", "[modes]") {
  for (const Row& row : rows()) {
    for (size_t i = 0; i < row.saved.size(); ++i) {
      INFO(row.name << ", changed: " << (i + 1 < row.saved.size() ? "operand " : "result ") << i);
      check(row, std::vector<bool>(row.sizes.size(), true), i, row.saved[i] == 'E');
    }
  }
}

TEST_CASE("I7: products save an operand only where its partner needs a gradient", "[modes]") {
  const std::vector<std::string> products = {"mul", "mm", "mv", "dot", "bmm", "matmul"};
  for (const Row& row : rows()) {
    const std::string name = row.name;
    INFO(name);
    if (std::find(products.begin(), products.end(), name) != products.end()) {
      check(row, {true, false}, 0, false);
      check(row, {true, false}, 1, true);
      check(row, {false, true}, 0, true);
      check(row, {false, true}, 1, false);
    } else if (name == "addmm") {
      check(row, {false, true, false}, 1, false);
      check(row, {false, true, false}, 2, true);
      check(row, {false, false, true}, 1, true);
      check(row, {false, false, true}, 2, false);
      check(row, {true, false, false}, 1, false);
      check(row, {true, false, false}, 2, false);
    } else if (name == "linear with bias") {
      check(row, {true, false, false}, 0, false);
      check(row, {true, false, false}, 1, true);
      check(row, {false, true, false}, 0, true);
      check(row, {false, true, false}, 1, false);
      check(row, {false, false, true}, 0, false);
      check(row, {false, false, true}, 1, false);
    } else if (name == "div") {
      check(row, {true, false}, 0, false);
      check(row, {true, false}, 1, true);
      check(row, {false, true}, 0, true);
      check(row, {false, true}, 1, true);
    } else if (name == "maximum" || name == "minimum" || name == "mse_loss") {
      for (size_t changed = 0; changed < 2; ++changed) {
        check(row, {true, false}, changed, true);
        check(row, {false, true}, changed, true);
      }
    }
  }
}

TEST_CASE("I7: max_dim and min_dim save their indices and not their values", "[modes]") {
  for (const auto run : {tg_max_dim, tg_min_dim}) {
    for (int changed = 0; changed < 3; ++changed) {
      INFO(changed);
      const Tensor w = tensor({1, 5, 3, 2}, {2, 2}, true);
      const Tensor x = make(tg_mul_scalar, w, 1.0);
      Tensor highest, positions;
      ok(run(x, 1, 0, highest.out(), positions.out()));
      CHECK(kind_of(highest) == "nn");
      CHECK(kind_of(positions) == "n0");
      {
        const In in(Mode::no_grad);
        ok(tg_tensor_mark_written(changed == 0 ? x : changed == 1 ? highest : positions));
      }
      const tg_status status = backward_ones(highest);
      if (changed == 2) {
        fails(status, TG_ERROR_VERSION, {"version 0", "version 1"});
      } else {
        ok(status);
        CHECK(grad_values(w) == (run == tg_max_dim ? Values{0, 1, 1, 0} : Values{1, 0, 0, 1}));
      }
    }
  }
}

TEST_CASE("I7, I7b: whoever writes, in whatever mode, breaks what was saved", "[modes]") {
  struct Writer {
    const char* name;
    std::function<void(tg_tensor w)> write;
  };
  const std::vector<Writer> writers = {
      {"the tensor, with the old value",
       [](tg_tensor w) {
         const double old[] = {2, 3};
         ok(tg_tensor_copy_in(w, old, sizeof old));
       }},
      {"the tensor", [](tg_tensor w) { ok(tg_mul_scalar_(w, 2)); }},
      {"a view", [](tg_tensor w) { ok(tg_zero_(make(tg_select, w, 0, 1))); }},
      {"a detached tensor", [](tg_tensor w) { ok(tg_fill_(make(tg_detach, w), 1)); }},
      {"mark_written", [](tg_tensor w) { ok(tg_tensor_mark_written(w)); }},
      {"out form",
       [](tg_tensor w) {
         ok(tg_add_out(vec({1, 1}), vec({1, 1}), w));
       }},
      {"an optimizer",
       [](tg_tensor w) {
         ok(tg_tensor_set_grad(w, make(tg_detach, w)));  // a normal tensor in any mode
         const tg_tensor parameters[] = {w};
         Handle optimizer;
         ok(tg_optim_sgd(parameters, 1, 0.1, optimizer.out()));
         ok(tg_optimizer_step(optimizer));
         ok(tg_tensor_set_grad(w, 0));
       }},
  };
  for (const Writer& writer : writers) {
    for (const Mode mode : {Mode::no_grad, Mode::inf}) {
      INFO(writer.name << ", " << mode);
      const Tensor w = leaf({2, 3});
      const Tensor y = make(tg_mul, w, w);
      {
        const In in(mode);
        writer.write(w);
      }
      fails(backward_ones(y), TG_ERROR_VERSION);
      CHECK_FALSE(has_grad(w));
    }
  }
}

TEST_CASE("I7: each backward asks, with TG_RETAIN_GRAPH too", "[modes]") {
  const Tensor w = leaf({2, 3});
  const Tensor y = make(tg_mul, w, w);
  ok(backward_ones(y, TG_RETAIN_GRAPH));
  CHECK(grad_values(w) == Values{4, 6});
  {
    const In in(Mode::no_grad);
    ok(tg_mul_scalar_(w, 2));
  }
  fails(backward_ones(y, TG_RETAIN_GRAPH), TG_ERROR_VERSION);
  fails(backward_ones(y), TG_ERROR_VERSION);
  CHECK(grad_values(w) == Values{4, 6});
}

TEST_CASE("I7d: the message names operator, tensor, both versions and both remedies", "[modes]") {
  const Tensor w = leaf({2, 3});
  ok(tg_tensor_set_name(w, "weights"));
  const Tensor u = vec({1, 1});
  ok(tg_fill_(u, 3));  // version 1 when it is saved
  const Tensor named = make(tg_mul, w, w), unnamed = make(tg_mul, w, u);
  {
    const In in(Mode::no_grad);
    ok(tg_zero_(w));
    ok(tg_zero_(u));
    ok(tg_zero_(u));
  }
  fails(backward_ones(named), TG_ERROR_VERSION,
        {"tg_backward_from", "Mul", "weights", "version 0", "version 1", "tg_clone",
         "functional form"});
  fails(backward_ones(unnamed), TG_ERROR_VERSION,
        {"tg_backward_from", "Mul", "[2]", "float64", "version 1", "version 3", "tg_clone",
         "functional form"});
}

TEST_CASE("I7: tg_grad finds a change of whatever a node saved, also of what it does not need",
          "[modes]") {
  const Tensor w = leaf({1, 2}), x = make(tg_mul_scalar, w, 2.0), u = make(tg_clone, x);
  const Tensor y = make(tg_mul, u, w);
  ok(tg_add_scalar_(u, 1));
  // The gradient of u is w, which was not changed.
  const Tensor sum = make(tg_sum, y);
  const tg_tensor outputs[] = {sum}, inputs[] = {x};
  tg_tensor out = 0;
  fails(tg_grad(outputs, nullptr, 1, inputs, 1, 0, &out), TG_ERROR_VERSION, {"Mul"});
  CHECK(out == 0);
}

TEST_CASE("I7: tg_grad does not look at what the node of an input itself saved", "[modes]") {
  const Tensor w = leaf({1, 2}), u = make(tg_clone, w), x = make(tg_mul, u, w);
  const Tensor y = make(tg_sum, make(tg_mul_scalar, x, 3.0));
  ok(tg_add_scalar_(u, 1));
  const tg_tensor outputs[] = {y}, inputs[] = {x};
  Tensor out;
  ok(tg_grad(outputs, nullptr, 1, inputs, 1, 0, out.out()));
  CHECK(values(out) == Values{3, 3});
}

TEST_CASE("I7: the gradient of mse_loss saves both operands and its own", "[modes]") {
  const Tensor target = vec({1, 1}), seed = vec({1, 2});
  for (const tg_tensor changed : {tg_tensor{0}, tg_tensor{target}, tg_tensor{seed}}) {
    const Tensor w = leaf({2, 3}), x = make(tg_mul_scalar, w, 1.0);
    const Tensor loss = make(tg_mse_loss, x, target, int32_t{TG_REDUCTION_NONE});
    const tg_tensor roots[] = {loss}, grads[] = {seed}, inputs[] = {x};
    Tensor gradient;
    ok(tg_grad(roots, grads, 1, inputs, 1, TG_CREATE_GRAPH, gradient.out()));
    CHECK(kind_of(gradient) == "nn");
    if (changed != 0) ok(tg_mul_scalar_(changed, 1));
    if (changed == 0) ok(tg_mul_scalar_(x, 1));
    fails(backward_ones(gradient), TG_ERROR_VERSION, {"MseLossBackward"});
  }
}
