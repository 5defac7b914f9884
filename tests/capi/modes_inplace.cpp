// SPDX-License-Identifier: MIT
// In-place operators, out forms and versions (rules I1 to I6c, I11, I12, I20): every kind of
// tensor in every mode, and what a refused call may not change.
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

// An in-place operator whose other operands, where it has any, need no gradient; x is [1, 4].
struct InPlace {
  const char* name;
  std::function<tg_status(tg_tensor x)> run;
  Values result;
};
const Values kStart = {1, 4};
Tensor two_eight() { return vec({2, 8}); }

const std::vector<InPlace> kOperators = {
    {"tg_add_", [](tg_tensor x) { return tg_add_(x, two_eight()); }, {3, 12}},
    {"tg_sub_", [](tg_tensor x) { return tg_sub_(x, two_eight()); }, {-1, -4}},
    {"tg_mul_", [](tg_tensor x) { return tg_mul_(x, two_eight()); }, {2, 32}},
    {"tg_div_", [](tg_tensor x) { return tg_div_(x, two_eight()); }, {0.5, 0.5}},
    {"tg_add_scalar_", [](tg_tensor x) { return tg_add_scalar_(x, 2); }, {3, 6}},
    {"tg_mul_scalar_", [](tg_tensor x) { return tg_mul_scalar_(x, 2); }, {2, 8}},
    {"tg_sub_scalar_", [](tg_tensor x) { return tg_sub_scalar_(x, 2); }, {-1, 2}},
    {"tg_div_scalar_", [](tg_tensor x) { return tg_div_scalar_(x, 2); }, {0.5, 2}},
    {"tg_pow_scalar_", [](tg_tensor x) { return tg_pow_scalar_(x, 3); }, {1, 64}},
    {"tg_clamp_", [](tg_tensor x) { return tg_clamp_(x, 2, 3); }, {2, 3}},
    {"tg_neg_", tg_neg_, {-1, -4}},
    {"tg_abs_", tg_abs_, {1, 4}},
    {"tg_log_", tg_log_, {0, 1.3862943611198906}},
    {"tg_sqrt_", tg_sqrt_, {1, 2}},
    {"tg_sin_", tg_sin_, {0.8414709848078965, -0.7568024953079282}},
    {"tg_cos_", tg_cos_, {0.5403023058681398, -0.6536436208636119}},
    {"tg_tanh_", tg_tanh_, {0.7615941559557649, 0.999329299739067}},
    {"tg_exp_", tg_exp_, {2.718281828459045, 54.598150033144236}},
    {"tg_sigmoid_", tg_sigmoid_, {0.7310585786300049, 0.9820137900379085}},
    {"tg_relu_", tg_relu_, {1, 4}},
    {"tg_copy_", [](tg_tensor x) { return tg_copy_(x, two_eight()); }, {2, 8}},
    {"tg_fill_", [](tg_tensor x) { return tg_fill_(x, 7); }, {7, 7}},
    {"tg_fill_int64_", [](tg_tensor x) { return tg_fill_int64_(x, 7); }, {7, 7}},
    {"tg_zero_", tg_zero_, {0, 0}},
    {"tg_tensor_copy_in",
     [](tg_tensor x) {
       const double buffer[] = {5, 6};
       return tg_tensor_copy_in(x, buffer, sizeof buffer);
     },
     {5, 6}},
};

void check_near(const Values& found, const Values& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) CHECK(found[i] == Approx(expected[i]).epsilon(1e-12));
}

const Phrases kLeafRemedies = {"no_grad", "functional form"};
const Phrases kInferenceRemedies = {"inside inference mode", "tg_clone"};
Phrases with(Phrases phrases, const std::string& more) {
  phrases.push_back(more);
  return phrases;
}

}  // namespace

TEST_CASE("I1, I2, I6, I20: in-place operators on every kind in every mode", "[modes]") {
  for (const InPlace& op : kOperators) {
    for (const std::string kind : kKinds) {
      for (const Mode mode : kModes) {
        INFO(op.name << " on " << kind << ", " << mode);
        const Tensor x = of_kind(kind, kStart, {2});
        const Snapshot before = snapshot(x);
        const Handle history = grad_fn(x);
        tg_status status;
        {
          const In in(mode);
          status = op.run(x);
          if (status != TG_OK) CHECK(tg_last_error() == status);
          if (kind == "nl" && mode == Mode::normal) {
            fails(status, TG_ERROR_AUTOGRAD, with(kLeafRemedies, op.name));
          } else if (kind[0] == 'i' && mode != Mode::inf) {
            fails(status, TG_ERROR_MODE, with(kInferenceRemedies, op.name));
          } else {
            ok(status);
          }
        }
        if (status != TG_OK) {
          CHECK(snapshot(x) == before);
          continue;
        }
        check_near(values(x), op.result);
        CHECK(kind_of(x) == kind);
        if (kind[0] == 'i') continue;
        CHECK(version(x) == before.version + 1);
        if (kind == "nn") {
          CHECK(same(grad_fn(x), history) == (mode != Mode::normal));
        }
      }
    }
  }
}

TEST_CASE("I2b: copy_ into an n0 target", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor target = vec({0, 0});
      const Tensor x = of_kind(kind, {3, 4}, {2});
      const Snapshot before = snapshot(target);
      {
        const In in(mode);
        const tg_status status = tg_copy_(target, x);
        if (kind == "i1" && mode == Mode::normal) {
          fails(status, TG_ERROR_MODE, {"tg_copy_", "tg_clone", "no_grad"});
        } else {
          ok(status);
        }
      }
      if (kind == "i1" && mode == Mode::normal) {
        CHECK(snapshot(target) == before);
        continue;
      }
      const bool records = (kind == "nl" || kind == "nn") && mode == Mode::normal;
      CHECK(kind_of(target) == (records ? "nn" : "n0"));
      CHECK(version(target) == 1);
      CHECK(values(target) == Values{3, 4});
    }
  }
}

TEST_CASE("I5: n0 changed by an operand that requires grad becomes nn in normal mode alone",
          "[modes]") {
  const std::vector<std::pair<const char*, tg_status (*)(tg_tensor, tg_tensor)>> operators = {
      {"add_", tg_add_},
      {"sub_", tg_sub_},
      {"mul_", tg_mul_},
      {"div_", tg_div_},
      {"copy_", tg_copy_}};
  for (const auto& [name, run] : operators) {
    for (const Mode mode : kModes) {
      INFO(name << ", " << mode);
      const Tensor x = vec({6, 8});
      const Tensor w = leaf({2, 4});
      {
        const In in(mode);
        ok(run(x, w));
      }
      CHECK(kind_of(x) == (mode == Mode::normal ? "nn" : "n0"));
      CHECK(version(x) == 1);
      CHECK(kind_of(w) == "nl");
      CHECK(version(w) == 0);
      if (mode == Mode::normal) ok(backward_ones(x));
      CHECK(has_grad(w) == (mode == Mode::normal));
    }
  }
}

TEST_CASE("I11b: out of another shape or of a dtype that cannot hold the result", "[modes]") {
  const Tensor a = tensor({2}, {2, 2}), b = tensor({3}, {2, 2});
  const Tensor other = tensor({0}, {4});
  fails(tg_add_out(a, b, other), TG_ERROR_SHAPE, {"tg_add_out"});
  fails(tg_mm_out(a, b, other), TG_ERROR_SHAPE, {"tg_mm_out"});
  CHECK(version(other) == 0);
  CHECK(values(other) == Values(4, 0));
  const Tensor whole = indices({1, 1, 1, 1}, {2, 2});
  fails(tg_mul_out(a, b, whole), TG_ERROR_DTYPE, {"tg_mul_out"});
  CHECK(version(whole) == 0);
  CHECK(values(whole) == Values(4, 1));
  const Tensor narrow_a = make(tg_to_dtype, a, TG_FLOAT32);
  const Tensor narrow_b = make(tg_to_dtype, b, TG_FLOAT32);
  const Tensor wide = tensor({0}, {2, 2});
  ok(tg_mul_out(narrow_a, narrow_b, wide));
  CHECK(values(wide) == Values(4, 6));
  CHECK(version(wide) == 1);
}

TEST_CASE("I12, I6c: a result that does not fit target's dtype or would enlarge it", "[modes]") {
  const Tensor whole = indices({1, 2});
  fails(tg_add_(whole, vec({0.5, 0.5})), TG_ERROR_DTYPE, {"tg_add_"});
  fails(tg_div_(whole, indices({2, 2})), TG_ERROR_DTYPE, {"tg_div_"});
  fails(tg_mul_scalar_(whole, 0.5), TG_ERROR_DTYPE, {"tg_mul_scalar_"});
  fails(tg_exp_(whole), TG_ERROR_DTYPE, {"tg_exp_"});
  CHECK(version(whole) == 0);
  CHECK(values(whole) == Values{1, 2});
  const Tensor row = vec({1, 2});
  fails(tg_add_(row, tensor({1}, {3, 2})), TG_ERROR_SHAPE, {"tg_add_"});
  fails(tg_mul_(row, vec({1, 2, 3})), TG_ERROR_SHAPE, {"tg_mul_"});
  fails(tg_copy_(row, tensor({1}, {3, 2})), TG_ERROR_SHAPE, {"tg_copy_"});
  CHECK(version(row) == 0);
  CHECK(values(row) == Values{1, 2});
  ok(tg_add_(row, tensor({1}, {1})));  // the smaller one broadcasts
  CHECK(values(row) == Values{2, 3});
}

TEST_CASE("I4: nl in place is allowed in no_grad and inf: the value changes, it stays nl",
          "[modes]") {
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    INFO(mode);
    const Tensor w = leaf({1, 2});
    {
      const In in(mode);
      ok(tg_mul_scalar_(w, 3));
      ok(tg_add_(w, vec({1, 1})));
    }
    CHECK(kind_of(w) == "nl");
    CHECK(version(w) == 2);
    CHECK(values(w) == Values{4, 7});
    ok(backward_ones(make(tg_mul, w, w)));
    CHECK(grad_values(w) == Values{8, 14});
  }
}

TEST_CASE("I6: the counter is shared by views and detached tensors, also without elements",
          "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    const Tensor base = vec({1, 2, 3, 4});
    const Tensor view = make(tg_narrow, base, int64_t{0}, int64_t{1}, int64_t{2});
    const Tensor detached = make(tg_detach, view);
    const In in(mode);
    int64_t expected = 0;
    for (const tg_tensor target : {tg_tensor{base}, tg_tensor{view}, tg_tensor{detached}}) {
      ok(tg_fill_(target, 2));
      ++expected;
      for (const tg_tensor other : {tg_tensor{base}, tg_tensor{view}, tg_tensor{detached}}) {
        CHECK(version(other) == expected);
      }
    }
    ok(tg_copy_(view, detached));
    ok(tg_tensor_mark_written(detached));
    CHECK(version(base) == expected + 2);
  }
  const Tensor empty = tensor({}, {0, 3});
  for (const auto change : {tg_exp_, tg_zero_, tg_tensor_mark_written}) ok(change(empty));
  ok(tg_add_(empty, empty));
  ok(tg_copy_(empty, tensor({}, {0, 3})));
  ok(tg_add_out(tensor({}, {0, 3}), tensor({}, {0, 3}), empty));
  CHECK(version(empty) == 6);
}

TEST_CASE("I6b: what adds nothing to the version", "[modes]") {
  const Tensor w = leaf({2});
  const Tensor x = make(tg_mul_scalar, w, 1.0);
  for (const Mode mode : kModes) {
    INFO(mode);
    const In in(mode);
    const int64_t shape[] = {1, 1};
    make(tg_view, x, shape, 2);
    make(tg_detach, x);
    make(tg_clone, x);
    item(x);
    ok(tg_tensor_retain_grad(x));
    ok(tg_tensor_set_requires_grad(w, 1));
    make(tg_exp, x);
    double copied = 0;
    ok(tg_tensor_copy_out(x, &copied, sizeof copied));
  }
  ok(tg_backward(make(tg_mul, x, x)));
  CHECK(version(x) == 0);
  CHECK(version(w) == 0);
  const Tensor grad = grad_of(w);
  CHECK(version(grad) == 0);
  ok(tg_backward(make(tg_mul_scalar, w, 5.0)));
  CHECK(version(grad) == 1);
  CHECK(same(grad, grad_of(w)));
  CHECK(values(grad) == Values{9});
  ok(tg_backward(make(tg_mul_scalar, w, 5.0)));
  CHECK(version(grad) == 2);
}

TEST_CASE("I8: each in-place operator on nn gives the gradient of its functional form", "[modes]") {
  struct Row {
    const char* name;
    std::function<tg_status(tg_tensor x)> change;
    std::function<tg_status(tg_tensor x, tg_tensor* out)> functional;
  };
  const Tensor other = vec({2, -3, 0.5});
  const std::vector<Row> rows = {
      {"add_", [&](tg_tensor x) { return tg_add_(x, other); },
       [&](tg_tensor x, tg_tensor* out) { return tg_add(x, other, out); }},
      {"sub_", [&](tg_tensor x) { return tg_sub_(x, other); },
       [&](tg_tensor x, tg_tensor* out) { return tg_sub(x, other, out); }},
      {"mul_", [&](tg_tensor x) { return tg_mul_(x, other); },
       [&](tg_tensor x, tg_tensor* out) { return tg_mul(x, other, out); }},
      {"div_", [&](tg_tensor x) { return tg_div_(x, other); },
       [&](tg_tensor x, tg_tensor* out) { return tg_div(x, other, out); }},
      {"add_scalar_", [](tg_tensor x) { return tg_add_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_add_scalar(x, 3, out); }},
      {"mul_scalar_", [](tg_tensor x) { return tg_mul_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_mul_scalar(x, 3, out); }},
      {"sub_scalar_", [](tg_tensor x) { return tg_sub_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_sub_scalar(x, 3, out); }},
      {"div_scalar_", [](tg_tensor x) { return tg_div_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_div_scalar(x, 3, out); }},
      {"pow_scalar_", [](tg_tensor x) { return tg_pow_scalar_(x, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_pow_scalar(x, 3, out); }},
      {"clamp_", [](tg_tensor x) { return tg_clamp_(x, 0, 3); },
       [](tg_tensor x, tg_tensor* out) { return tg_clamp(x, 0, 3, out); }},
      {"exp_", tg_exp_, tg_exp},
      {"sigmoid_", tg_sigmoid_, tg_sigmoid},
      {"relu_", tg_relu_, tg_relu},
      {"neg_", tg_neg_, tg_neg},
      {"abs_", tg_abs_, tg_abs},
      {"log_", tg_log_, tg_log},
      {"sqrt_", tg_sqrt_, tg_sqrt},
      {"sin_", tg_sin_, tg_sin},
      {"cos_", tg_cos_, tg_cos},
      {"tanh_", tg_tanh_, tg_tanh},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const double first = row.name == std::string("log_") || row.name == std::string("sqrt_")
                             ? 0.5
                             : -0.5;  // where they have a value
    const Tensor w = leaf({first, 1, 2}), u = leaf({first, 1, 2});
    const Tensor changed = make(tg_mul_scalar, w, 2.0);
    ok(row.change(changed));
    Tensor y;
    ok(row.functional(make(tg_mul_scalar, u, 2.0), y.out()));
    CHECK(values(changed) == values(y));
    ok(backward_ones(make(tg_sin, changed)));
    ok(backward_ones(make(tg_sin, y)));
    CHECK(grad_values(w) == grad_values(u));
  }
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  ok(tg_fill_(x, 9));  // nothing of the old value is left
  CHECK(kind_of(x) == "nn");
  ok(backward_ones(make(tg_mul, x, x)));
  CHECK(grad_values(w) == Values{0, 0});
}

TEST_CASE("I8: addmm_ gives the values and gradients of addmm, to all three operands", "[modes]") {
  for (const double beta : {1.0, 0.5, 0.0}) {
    INFO(beta);
    const Tensor w = tensor({1, 2, 3, 4}, {2, 2}, true), u = tensor({1, 2, 3, 4}, {2, 2}, true);
    const Tensor a = tensor({1, -1, 2, 0.5}, {2, 2}, true), b = tensor({3, 1, 0, -2}, {2, 2}, true);
    const Tensor changed = make(tg_clone, w);
    ok(tg_addmm_(changed, a, b, beta, 2));
    const Tensor y = make(tg_addmm, u, a, b, beta, 2.0);
    CHECK(values(changed) == values(y));
    CHECK(version(changed) == 1);
    ok(backward_ones(make(tg_sin, changed)));
    const Values of_a = grad_values(a), of_b = grad_values(b);
    ok(tg_tensor_set_grad(a, 0)), ok(tg_tensor_set_grad(b, 0));
    ok(backward_ones(make(tg_sin, y)));
    CHECK(grad_values(w) == grad_values(u));
    CHECK(grad_values(a) == of_a);
    CHECK(grad_values(b) == of_b);
  }
  // An operand that is the very target is read before it is written.
  const Tensor x = tensor({1, 2, 3, 4}, {2, 2});
  const Values square = values(make(tg_addmm, x, x, x, 1.0, 1.0));
  ok(tg_addmm_(x, x, x, 1, 1));
  CHECK(values(x) == square);
}

TEST_CASE("I9: retain_grad set before an in-place change reports the gradient of the new value",
          "[modes]") {
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  ok(tg_tensor_retain_grad(x));
  ok(tg_mul_scalar_(x, 10));
  ok(backward_ones(make(tg_mul_scalar, x, 3.0)));
  CHECK(grad_values(x) == Values{3, 3});
  CHECK(grad_values(w) == Values{60, 60});
}

TEST_CASE("I10: b.mul_(b) with b = nn succeeds, and its backward is a version error", "[modes]") {
  const Tensor w = leaf({1, 2});
  const Tensor b = make(tg_mul_scalar, w, 2.0);
  ok(tg_mul_(b, b));
  CHECK(values(b) == Values{4, 16});
  CHECK(kind_of(b) == "nn");
  fails(backward_ones(b), TG_ERROR_VERSION, {"tg_backward_from"});
  CHECK_FALSE(has_grad(w));
}

TEST_CASE("I13: in-place on an operand that no node saved leaves the older graph valid",
          "[modes]") {
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  const Tensor y = make(tg_add_scalar, x, 1.0);
  ok(tg_mul_scalar_(x, 10));
  ok(backward_ones(y));
  CHECK(grad_values(w) == Values{2, 2});
  ok(backward_ones(x));
  CHECK(grad_values(w) == Values{22, 22});
}

TEST_CASE("I15: in-place in no_grad or inf on nn keeps its grad_fn", "[modes]") {
  for (const Mode mode : {Mode::no_grad, Mode::inf}) {
    INFO(mode);
    const Tensor w = leaf({1, 2});
    const Tensor x = make(tg_mul_scalar, w, 2.0);
    const Handle history = grad_fn(x);
    {
      const In in(mode);
      ok(tg_mul_scalar_(x, 10));
    }
    CHECK(same(history, grad_fn(x)));
    ok(backward_ones(x));
    CHECK(grad_values(w) == Values{2, 2});
  }
}

TEST_CASE("I16: detach_ of nn, then set_requires_grad(1): a new leaf", "[modes]") {
  const Tensor w = leaf({1, 2});
  const Tensor x = make(tg_mul_scalar, w, 2.0);
  const Tensor saved_it = make(tg_mul, x, x);
  ok(tg_detach_(x));
  ok(tg_tensor_set_requires_grad(x, 1));
  CHECK(kind_of(x) == "nl");
  ok(backward_ones(make(tg_mul_scalar, x, 5.0)));
  CHECK(grad_values(x) == Values{5, 5});
  CHECK_FALSE(has_grad(w));
  ok(backward_ones(saved_it));  // d(4 w^2) = 8 w
  CHECK(grad_values(w) == Values{8, 16});
  CHECK(grad_values(x) == Values{5, 5});
}

TEST_CASE("I21: a leaf that becomes a non-leaf by a recorded change leaves the older graph whole",
          "[modes]") {
  const Tensor x = vec({1, 2});
  const Tensor w = leaf({3, 4});
  ok(tg_tensor_set_requires_grad(x, 1));
  const Tensor older = make(tg_mul_scalar, x, 5.0);
  ok(tg_tensor_set_requires_grad(x, 0));
  ok(tg_add_(x, w));
  CHECK(kind_of(x) == "nn");
  ok(backward_ones(older));
  ok(backward_ones(x));
  CHECK(grad_values(w) == Values{1, 1});
}
