// SPDX-License-Identifier: MIT
// Inference tensors beside tensors that require grad (rules T30 to T37 and their table).
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

// An operator of two floating operands that share one shape, and what normal mode says where the
// first or the second one is an inference tensor beside nl.
struct Binary {
  const char* function;
  Sizes sizes;
  std::function<tg_status(tg_tensor a, tg_tensor b, tg_tensor* out)> run;
  bool saves;  // the partner of the operand that needs a gradient
};

const Sizes kSquare = {2, 2};
const std::vector<Binary>& binaries() {
  static const uint8_t kBits[] = {1, 0, 0, 1};
  static const int64_t kShape[] = {2, 2};
  static const std::vector<Binary> rows = {
      {"tg_add", kSquare, tg_add, false},
      {"tg_sub", kSquare, tg_sub, false},
      {"tg_cat", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) {
         const tg_tensor parts[] = {a, b};
         return tg_cat(parts, 2, 0, out);
       },
       false},
      {"tg_stack", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) {
         const tg_tensor parts[] = {a, b};
         return tg_stack(parts, 2, 0, out);
       },
       false},
      {"tg_where", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) {
         // A condition that is normal in every mode.
         ok(tg_inference_mode_enter(0));
         const Tensor condition = make(tg_tensor_create, kBits, TG_BOOL, kShape, 2, 0);
         ok(tg_inference_mode_exit());
         return tg_where(condition, a, b, out);
       },
       false},
      {"tg_mul", kSquare, tg_mul, true},
      {"tg_div", kSquare, tg_div, true},
      {"tg_maximum", kSquare, tg_maximum, true},
      {"tg_minimum", kSquare, tg_minimum, true},
      {"tg_mm", kSquare, tg_mm, true},
      {"tg_dot", {3}, tg_dot, true},
      {"tg_bmm", {2, 2, 2}, tg_bmm, true},
      {"tg_matmul", kSquare, tg_matmul, true},
      {"tg_mse_loss", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) {
         return tg_mse_loss(a, b, TG_REDUCTION_MEAN, out);
       },
       true},
      {"tg_linear", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) { return tg_linear(a, b, 0, out); }, true},
      {"tg_addmm", kSquare,
       [](tg_tensor a, tg_tensor b, tg_tensor* out) { return tg_addmm(a, b, b, 1, 1, out); },
       false},
  };
  return rows;
}

const Phrases kRemedies = {"inference tensor", "tg_clone", "outside inference mode", "no_grad"};
Phrases naming(Phrases more) {
  more.insert(more.end(), kRemedies.begin(), kRemedies.end());
  return more;
}

int32_t failed_operand() {
  int32_t operand = -7;
  tg_last_error_detail(nullptr, &operand);
  return operand;
}

}  // namespace

TEST_CASE("T30: one operand nl and the other an inference tensor, normal mode", "[modes]") {
  for (const Binary& op : binaries()) {
    for (const bool inference_first : {false, true}) {
      INFO(op.function << ", inference operand " << (inference_first ? 0 : 1));
      const Tensor w = of_kind("nl", {0.5}, op.sizes);
      const Tensor i = of_kind("i0", {0.5}, op.sizes);
      const tg_tensor a = inference_first ? i : w, b = inference_first ? w : i;
      Tensor y;
      const tg_status status = op.run(a, b, y.out());
      if (op.saves) {
        fails(status, TG_ERROR_MODE, naming({op.function, "[", "float64"}));
        CHECK(failed_operand() == (inference_first ? 0 : 1));
        CHECK(y == 0);
      } else {
        ok(status);
        CHECK(kind_of(y) == "nn");
        ok(backward_ones(y));  // T36
        CHECK(has_grad(w));
        CHECK_FALSE(has_grad(i));
      }
      CHECK(kind_of(i) == "i0");
      CHECK(kind_of(w) == "nl");
    }
  }
}

TEST_CASE("T30: with n0 instead of nl every row gives n0", "[modes]") {
  for (const Binary& op : binaries()) {
    for (const bool inference_first : {false, true}) {
      INFO(op.function << ", inference operand " << (inference_first ? 0 : 1));
      const Tensor n = of_kind("n0", {0.5}, op.sizes);
      const Tensor i = of_kind("i0", {0.5}, op.sizes);
      Tensor y;
      ok(op.run(inference_first ? i : n, inference_first ? n : i, y.out()));
      CHECK(kind_of(y) == "n0");
    }
  }
}

TEST_CASE("T30: mv", "[modes]") {
  const Tensor matrix = of_kind("nl", {2}, {2, 2}), vector = of_kind("nl", {3}, {2});
  const Tensor frozen_matrix = of_kind("i0", {2}, {2, 2}), frozen = of_kind("i0", {3}, {2});
  fails(attempt(tg_mv, matrix, frozen), TG_ERROR_MODE, naming({"tg_mv"}));
  fails(attempt(tg_mv, frozen_matrix, vector), TG_ERROR_MODE, naming({"tg_mv"}));
  CHECK(kind_of(make(tg_mv, of_kind("n0", {2}, {2, 2}), frozen)) == "n0");
}

TEST_CASE("T30: linear saves weight and x only for each other's gradient, bias never", "[modes]") {
  const Tensor x = of_kind("n0", {1}, {2, 2});
  const Tensor wl = of_kind("nl", {2}, {2, 2}), wi = of_kind("i0", {2}, {2, 2});
  const Tensor bl = of_kind("nl", {3}, {2}), bi = of_kind("i0", {3}, {2});
  const Tensor xl = of_kind("nl", {1}, {2, 2});
  const Tensor y = make(tg_linear, x, wl, bi);
  CHECK(kind_of(y) == "nn");
  const Tensor z = make(tg_linear, x, wi, bl);
  CHECK(kind_of(z) == "nn");
  ok(backward_ones(z));
  CHECK(grad_values(bl) == Values{2, 2});
  CHECK(kind_of(make(tg_linear, xl, wl, bi)) == "nn");
  fails(attempt(tg_linear, xl, wi, bl), TG_ERROR_MODE, naming({"tg_linear"}));
  fails(attempt(tg_linear, wi, wl, bl), TG_ERROR_MODE, naming({"tg_linear"}));
}

TEST_CASE("T30: addmm saves the factors only for each other's gradient", "[modes]") {
  const Tensor nl = of_kind("nl", {2}, {2, 2}), i0 = of_kind("i0", {2}, {2, 2});
  CHECK(kind_of(make(tg_addmm, nl, i0, i0, 1.0, 1.0)) == "nn");
  CHECK(kind_of(make(tg_addmm, i0, nl, nl, 1.0, 1.0)) == "nn");
  fails(attempt(tg_addmm, i0, nl, i0, 1.0, 1.0), TG_ERROR_MODE, naming({"tg_addmm"}));
  CHECK(failed_operand() == 2);
  fails(attempt(tg_addmm, i0, i0, nl, 1.0, 1.0), TG_ERROR_MODE, naming({"tg_addmm"}));
  CHECK(failed_operand() == 1);
}

TEST_CASE("T30, I20: in-place operators whose operand or target is an inference tensor",
          "[modes]") {
  struct InPlace {
    const char* function;
    tg_status (*run)(tg_tensor x, tg_tensor other);
    bool saves;
    double result;  // of 6 and 2
  };
  const InPlace operators[] = {{"tg_add_", tg_add_, false, 8},
                               {"tg_sub_", tg_sub_, false, 4},
                               {"tg_copy_", tg_copy_, false, 2},
                               {"tg_mul_", tg_mul_, true, 12},
                               {"tg_div_", tg_div_, true, 3}};
  for (const InPlace& op : operators) {
    INFO(op.function);
    const Tensor operand = of_kind("i0", {2}, {2});
    const Tensor w = leaf({6, 6});
    const Tensor target = make(tg_clone, w);
    const Snapshot before = snapshot(target);
    const Handle history = grad_fn(target);
    const tg_status status = op.run(target, operand);
    if (op.saves) {
      fails(status, TG_ERROR_MODE, naming({op.function}));
      CHECK(snapshot(target) == before);
      CHECK(same(history, grad_fn(target)));
    } else {
      ok(status);
      CHECK(kind_of(target) == "nn");
      CHECK(version(target) == 1);
      CHECK(values(target) == Values(2, op.result));
      ok(backward_ones(target));
      CHECK(grad_values(w) == Values(2, op.function == std::string("tg_copy_") ? 0 : 1));
    }
    const Tensor frozen = of_kind("i0", {6}, {2});
    const Snapshot frozen_before = snapshot(frozen);
    fails(op.run(frozen, w), TG_ERROR_MODE, {op.function, "inside inference mode", "tg_clone"});
    CHECK(snapshot(frozen) == frozen_before);
    const Tensor plain = of_kind("n0", {6}, {2});
    ok(op.run(plain, operand));
    CHECK(kind_of(plain) == "n0");
    CHECK(version(plain) == 1);
  }
}

TEST_CASE("T31: only inference operands in normal mode give n0", "[modes]") {
  for (const std::string first : {"i0", "i1"}) {
    for (const std::string second : {"i0", "i1"}) {
      for (const Binary& op : binaries()) {
        INFO(op.function << " of " << first << " and " << second);
        if (op.function == std::string("tg_where") && (first == "i1" || second == "i1")) continue;
        const Tensor a = of_kind(first, {0.5}, op.sizes), b = of_kind(second, {0.5}, op.sizes);
        Tensor y;
        ok(op.run(a, b, y.out()));
        CHECK(kind_of(y) == "n0");
      }
    }
  }
}

TEST_CASE("T32: one operand nl, one an inference tensor: n0 in no_grad, i0 in inf", "[modes]") {
  for (const Binary& op : binaries()) {
    for (const std::string kind : {"i0", "i1"}) {
      for (const Mode mode : {Mode::no_grad, Mode::inf}) {
        INFO(op.function << " with " << kind << ", " << mode);
        const Tensor w = of_kind("nl", {0.5}, op.sizes), i = of_kind(kind, {0.5}, op.sizes);
        const In in(mode);
        Tensor y, z;
        ok(op.run(w, i, y.out()));
        ok(op.run(i, w, z.out()));
        CHECK(kind_of(y) == (mode == Mode::inf ? "i0" : "n0"));
        CHECK(kind_of(z) == (mode == Mode::inf ? "i0" : "n0"));
      }
    }
  }
}

TEST_CASE("T33: i1 beside any normal operand is a mode error, its view is a constant", "[modes]") {
  for (const Binary& op : binaries()) {
    for (const std::string kind : {"n0", "nl", "nn"}) {
      INFO(op.function << " with " << kind);
      const Tensor n = of_kind(kind, {0.5}, op.sizes), i = of_kind("i1", {0.5}, op.sizes);
      Tensor y;
      fails(op.run(n, i, y.out()), TG_ERROR_MODE, naming({op.function, "requires grad"}));
      CHECK(y == 0);
      fails(op.run(i, n, y.out()), TG_ERROR_MODE, naming({op.function, "requires grad"}));
      CHECK(y == 0);
    }
  }
  const Tensor n = leaf({1, 2}), i = of_kind("i1", {3}, {2});
  const int64_t shape[] = {2};
  CHECK(kind_of(make(tg_add, n, make(tg_view, i, shape, 1))) == "nn");
  // Nothing differentiable comes out of a comparison.
  CHECK(kind_of(make(tg_lt, n, i)) == "n0");
}

TEST_CASE("T34: an index, target or condition that is i0 beside an operand that requires grad",
          "[modes]") {
  Tensor index, grid, condition;
  {
    const In in(Mode::inf);
    const uint8_t bits[] = {1, 0, 0, 1};
    const int64_t shape[] = {2, 2};
    index = indices({1, 0});
    grid = indices({1, 0, 0, 1}, {2, 2});
    condition = make(tg_tensor_create, bits, TG_BOOL, shape, 2, 0);
  }
  for (const std::string kind : {"nl", "nn", "n0"}) {
    INFO(kind);
    const Tensor x = of_kind(kind, {0.5}, {2, 2}), c = of_kind("n0", {1}, {2, 2});
    const auto check = [&](const char* function, tg_status status) {
      if (kind == "n0") {
        ok(status);
      } else {
        fails(status, TG_ERROR_MODE, naming({function}));
      }
    };
    check("tg_gather", attempt(tg_gather, x, int64_t{0}, grid));
    check("tg_index_select", attempt(tg_index_select, x, int64_t{0}, index));
    check("tg_nll_loss", attempt(tg_nll_loss, x, index, tg_tensor{0}, int64_t{-100}, 1));
    check("tg_cross_entropy",
          attempt(tg_cross_entropy, x, index, tg_tensor{0}, int64_t{-100}, 1, 0.0));
    check("tg_where", attempt(tg_where, condition, x, c));
    check("tg_where", attempt(tg_where, condition, c, x));
  }
}

TEST_CASE("T35: the message names operator, operand by name or shape and dtype, and position",
          "[modes]") {
  const Tensor w = tensor({1}, {3, 2}, true), i = of_kind("i0", {1}, {3, 2});
  fails(attempt(tg_mul, w, i), TG_ERROR_MODE, naming({"tg_mul", "[3, 2]", "float64", "operand 1"}));
  CHECK(failed_operand() == 1);
  ok(tg_tensor_set_name(i, "frozen"));
  fails(attempt(tg_mul, i, w), TG_ERROR_MODE, naming({"tg_mul", "frozen", "operand 0"}));
  CHECK(failed_operand() == 0);
}

TEST_CASE("T36: nl + i0: backward gives nl the gradient and touches i0 not at all", "[modes]") {
  const Tensor w = leaf({1, 2}), i = of_kind("i0", {5, 6}, {2});
  ok(backward_ones(make(tg_mul_scalar, make(tg_add, w, i), 3.0)));
  CHECK(grad_values(w) == Values{3, 3});
  CHECK_FALSE(has_grad(i));
  CHECK(kind_of(i) == "i0");
  CHECK(values(i) == Values{5, 6});
}

TEST_CASE("T37: in inference mode an i0 operand may change normal tensors in place", "[modes]") {
  for (const std::string kind : {"n0", "nl", "nn"}) {
    for (const auto run : {tg_add_, tg_mul_, tg_copy_, tg_div_}) {
      INFO(kind);
      const Tensor x = of_kind(kind, {4}, {2}), i = of_kind("i0", {2}, {2});
      const Handle history = grad_fn(x);
      {
        const In in(Mode::inf);
        ok(run(x, i));
      }
      CHECK(kind_of(x) == kind);
      CHECK(version(x) == 1);
      CHECK(values(x) != Values{4, 4});
      if (kind == "nn") CHECK(same(history, grad_fn(x)));
    }
  }
}

TEST_CASE(
    "T28, T30: beside a view that no gradient flows to, an inference tensor is not saved and no "
    "error",
    "[modes]") {
  const Tensor w = leaf({2, 3});
  Tensor view, i0;
  {
    const In inf(Mode::inf);
    view = make(tg_narrow, w, int64_t{0}, int64_t{0}, int64_t{2});
    i0 = vec({5, 7});
  }
  const Tensor y = make(tg_mul, i0, view);
  CHECK(values(y) == Values{10, 21});
  CHECK(kind_of(y) == "nn");
  uint64_t bytes = 1;
  ok(tg_node_saved_bytes(grad_fn(y), &bytes));
  CHECK(bytes == 0);
  ok(backward_ones(y));
  ok(backward_ones(y));  // nothing was freed by the first
  CHECK_FALSE(has_grad(w));
  // Where a gradient flows to one of them, only what it needs is kept.
  const Tensor u = leaf({1, 1}), z = make(tg_mul, u, view);
  ok(backward_ones(z));
  CHECK(grad_values(u) == Values{2, 3});
  CHECK_FALSE(has_grad(w));
  fails(attempt(tg_mul, u, i0), TG_ERROR_MODE, {"saved for backward"});
  // What is kept whichever operand it is for is refused.
  fails(attempt(tg_maximum, i0, view), TG_ERROR_MODE, {"saved for backward"});
  fails(attempt(tg_div, view, i0), TG_ERROR_MODE, {"saved for backward"});
  CHECK(values(make(tg_div, i0, view))[0] == 2.5);
}
