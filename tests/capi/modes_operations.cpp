// SPDX-License-Identifier: MIT
// Every kind of operation on every kind of tensor in every mode: the cells of the rules' table,
// rows T10 to T19 and T18b. A cell is written "normal/no_grad/inf".
#include <functional>

#include "capi/tensors.h"

using namespace capi;

namespace {

// What a row's operation gives: an operator of one operand, with parameters of its own.
struct Operator {
  const char* name;
  std::function<tg_status(tg_tensor x, tg_tensor* out)> run;
};

// Another operand of the kind that x is: normal, or an inference tensor.
Tensor beside(tg_tensor x, const std::function<Tensor()>& make_it) {
  const Aside aside;  // inference mode may not be entered inside no_grad
  const In mode(is_inference(x) ? Mode::inf : Mode::normal);
  return make_it();
}
Tensor index_for(tg_tensor x) {
  return beside(x, [] { return indices({1, 0}); });
}
Tensor index_grid_for(tg_tensor x) {
  return beside(x, [] { return indices({1, 0, 0, 1}, {2, 2}); });
}
Tensor condition_for(tg_tensor x) {
  return beside(x, [] {
    const uint8_t bits[] = {1, 0, 0, 1};
    const int64_t shape[] = {2, 2};
    return make(tg_tensor_create, bits, TG_BOOL, shape, 2, 0);
  });
}
const int64_t kFirst[] = {0};

// Every differentiable operator; x is [2, 2] with elements in (0, 1).
const std::vector<Operator> kFunctional = {
    {"add", [](tg_tensor x, tg_tensor* out) { return tg_add(x, x, out); }},
    {"sub", [](tg_tensor x, tg_tensor* out) { return tg_sub(x, x, out); }},
    {"mul", [](tg_tensor x, tg_tensor* out) { return tg_mul(x, x, out); }},
    {"div", [](tg_tensor x, tg_tensor* out) { return tg_div(x, x, out); }},
    {"maximum", [](tg_tensor x, tg_tensor* out) { return tg_maximum(x, x, out); }},
    {"minimum", [](tg_tensor x, tg_tensor* out) { return tg_minimum(x, x, out); }},
    {"add_scalar", [](tg_tensor x, tg_tensor* out) { return tg_add_scalar(x, 2, out); }},
    {"sub_scalar", [](tg_tensor x, tg_tensor* out) { return tg_sub_scalar(x, 2, out); }},
    {"mul_scalar", [](tg_tensor x, tg_tensor* out) { return tg_mul_scalar(x, 2, out); }},
    {"div_scalar", [](tg_tensor x, tg_tensor* out) { return tg_div_scalar(x, 2, out); }},
    {"pow_scalar", [](tg_tensor x, tg_tensor* out) { return tg_pow_scalar(x, 3, out); }},
    {"neg", tg_neg},
    {"abs", tg_abs},
    {"exp", tg_exp},
    {"log", tg_log},
    {"sqrt", tg_sqrt},
    {"sin", tg_sin},
    {"cos", tg_cos},
    {"tanh", tg_tanh},
    {"sigmoid", tg_sigmoid},
    {"relu", tg_relu},
    {"clamp", [](tg_tensor x, tg_tensor* out) { return tg_clamp(x, 0.1, 0.5, out); }},
    {"where", [](tg_tensor x, tg_tensor* out) { return tg_where(condition_for(x), x, x, out); }},
    {"sum", tg_sum},
    {"sum_dims", [](tg_tensor x, tg_tensor* out) { return tg_sum_dims(x, kFirst, 1, 0, out); }},
    {"mean", tg_mean},
    {"mean_dims", [](tg_tensor x, tg_tensor* out) { return tg_mean_dims(x, kFirst, 1, 1, out); }},
    {"max", tg_max},
    {"min", tg_min},
    {"max_dim",
     [](tg_tensor x, tg_tensor* out) {
       Tensor positions;
       return tg_max_dim(x, 0, 0, out, positions.out());
     }},
    {"min_dim",
     [](tg_tensor x, tg_tensor* out) {
       Tensor positions;
       return tg_min_dim(x, 1, 1, out, positions.out());
     }},
    {"softmax", [](tg_tensor x, tg_tensor* out) { return tg_softmax(x, 0, out); }},
    {"log_softmax", [](tg_tensor x, tg_tensor* out) { return tg_log_softmax(x, 1, out); }},
    {"mm", [](tg_tensor x, tg_tensor* out) { return tg_mm(x, x, out); }},
    {"matmul", [](tg_tensor x, tg_tensor* out) { return tg_matmul(x, x, out); }},
    {"addmm", [](tg_tensor x, tg_tensor* out) { return tg_addmm(x, x, x, 2, 3, out); }},
    {"linear", [](tg_tensor x, tg_tensor* out) { return tg_linear(x, x, 0, out); }},
    {"cat",
     [](tg_tensor x, tg_tensor* out) {
       const tg_tensor parts[] = {x, x};
       return tg_cat(parts, 2, 0, out);
     }},
    {"stack",
     [](tg_tensor x, tg_tensor* out) {
       const tg_tensor parts[] = {x, x};
       return tg_stack(parts, 2, 0, out);
     }},
    {"index_select",
     [](tg_tensor x, tg_tensor* out) { return tg_index_select(x, 0, index_for(x), out); }},
    {"gather", [](tg_tensor x, tg_tensor* out) { return tg_gather(x, 0, index_grid_for(x), out); }},
    {"mse_loss",
     [](tg_tensor x, tg_tensor* out) { return tg_mse_loss(x, x, TG_REDUCTION_MEAN, out); }},
    {"nll_loss",
     [](tg_tensor x, tg_tensor* out) {
       return tg_nll_loss(x, index_for(x), 0, -100, TG_REDUCTION_SUM, out);
     }},
    {"cross_entropy",
     [](tg_tensor x, tg_tensor* out) {
       return tg_cross_entropy(x, index_for(x), 0, -100, TG_REDUCTION_MEAN, 0.1, out);
     }},
};
const std::vector<Operator> kFunctionalOfVectors = {
    {"dot", [](tg_tensor x, tg_tensor* out) { return tg_dot(x, x, out); }},
};
const std::vector<Operator> kFunctionalOfBatches = {
    {"bmm", [](tg_tensor x, tg_tensor* out) { return tg_bmm(x, x, out); }},
    {"matmul of batches", [](tg_tensor x, tg_tensor* out) { return tg_matmul(x, x, out); }},
};

// Results that are no floating point numbers, or that no gradient flows through.
const std::vector<Operator> kNeverRecorded = {
    {"eq_scalar", [](tg_tensor x, tg_tensor* out) { return tg_eq_scalar(x, 1, out); }},
    {"ne_scalar", [](tg_tensor x, tg_tensor* out) { return tg_ne_scalar(x, 1, out); }},
    {"lt_scalar", [](tg_tensor x, tg_tensor* out) { return tg_lt_scalar(x, 1, out); }},
    {"le_scalar", [](tg_tensor x, tg_tensor* out) { return tg_le_scalar(x, 1, out); }},
    {"gt_scalar", [](tg_tensor x, tg_tensor* out) { return tg_gt_scalar(x, 1, out); }},
    {"ge_scalar", [](tg_tensor x, tg_tensor* out) { return tg_ge_scalar(x, 1, out); }},
    {"eq", [](tg_tensor x, tg_tensor* out) { return tg_eq(x, x, out); }},
    {"ne", [](tg_tensor x, tg_tensor* out) { return tg_ne(x, x, out); }},
    {"lt", [](tg_tensor x, tg_tensor* out) { return tg_lt(x, x, out); }},
    {"le", [](tg_tensor x, tg_tensor* out) { return tg_le(x, x, out); }},
    {"gt", [](tg_tensor x, tg_tensor* out) { return tg_gt(x, x, out); }},
    {"ge", [](tg_tensor x, tg_tensor* out) { return tg_ge(x, x, out); }},
    {"argmax", tg_argmax},
    {"argmin", tg_argmin},
    {"argmax_dim", [](tg_tensor x, tg_tensor* out) { return tg_argmax_dim(x, 0, 1, out); }},
    {"argmin_dim", [](tg_tensor x, tg_tensor* out) { return tg_argmin_dim(x, 1, 0, out); }},
    {"max_dim's indices",
     [](tg_tensor x, tg_tensor* out) {
       Tensor highest;
       return tg_max_dim(x, 0, 0, highest.out(), out);
     }},
    {"to_dtype int64", [](tg_tensor x, tg_tensor* out) { return tg_to_dtype(x, TG_INT64, out); }},
    {"zeros_like", tg_zeros_like},
    {"ones_like", tg_ones_like},
};

// kinds[k] in modes[m] gives cells[k][m]; a result is new, of version 0, and shares nothing.
void check_functional(const std::vector<Operator>& operators, const Sizes& sizes,
                      const char* recorded) {
  for (const std::string kind : kKinds) {
    const Tensor x = of_kind(kind, {0.3}, sizes);
    const Snapshot before = snapshot(x);
    const bool records = kind == "nl" || kind == "nn";
    for (const Mode mode : kModes) {
      const std::string expected = mode == Mode::inf                 ? "i0"
                                   : mode == Mode::normal && records ? recorded
                                                                     : "n0";
      for (const Operator& op : operators) {
        INFO(op.name << " of " << kind << ", " << mode);
        Tensor y;
        {
          const In in(mode);
          ok(op.run(x, y.out()));
        }
        CHECK(kind_of(y) == expected);
        CHECK(is_view(y) == 0);
        CHECK(storage(y) != storage(x));
        if (expected != "i0") CHECK(version(y) == 0);
      }
    }
    CHECK(snapshot(x) == before);
  }
}

}  // namespace

TEST_CASE("T10, T7: functional operators of every kind in every mode", "[modes]") {
  check_functional(kFunctional, {2, 2}, "nn");
  check_functional(kFunctionalOfVectors, {3}, "nn");
  check_functional(kFunctionalOfBatches, {2, 2, 2}, "nn");
}

TEST_CASE("T10: an operator of two operands of different shapes", "[modes]") {
  for (const std::string kind : kKinds) {
    const Tensor a = of_kind(kind, {0.5}, {2, 3});
    const Tensor b = of_kind(kind, {0.5}, {3});
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const In in(mode);
      const std::string expected = mode == Mode::inf                                        ? "i0"
                                   : mode == Mode::normal && (kind == "nl" || kind == "nn") ? "nn"
                                                                                            : "n0";
      CHECK(kind_of(make(tg_mv, a, b)) == expected);
      CHECK(kind_of(make(tg_mul, a, b)) == expected);
      CHECK(kind_of(make(tg_linear, b, a, tg_tensor{0})) == expected);
    }
  }
}

TEST_CASE("T11, T8: zeros_like, comparisons, indices and casts to integer never require grad",
          "[modes]") {
  check_functional(kNeverRecorded, {2, 2}, "n0");
}

TEST_CASE("T12: clone, to_dtype and contiguous of a strided tensor", "[modes]") {
  check_functional(
      {{"clone", tg_clone},
       {"to_dtype", [](tg_tensor x, tg_tensor* out) { return tg_to_dtype(x, TG_FLOAT32, out); }}},
      {2, 2}, "nn");
  for (const std::string kind : kKinds) {
    const Tensor x = of_kind(kind, {1, 2, 3, 4, 5, 6}, {2, 3});
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const In in(mode);
      const Tensor y = make(tg_contiguous, make(tg_t, x));
      const bool records = kind == "nl" || kind == "nn";
      CHECK(kind_of(y) == (mode == Mode::inf                 ? "i0"
                           : mode == Mode::normal && records ? "nn"
                                                             : "n0"));
      CHECK(values(y) == Values{1, 4, 2, 5, 3, 6});
      CHECK(is_view(y) == 0);
      CHECK(storage(y) != storage(x));
    }
  }
}

TEST_CASE("T12b: contiguous of contiguous and to_dtype of the same dtype give the same tensor",
          "[modes]") {
  for (const std::string kind : kKinds) {
    const Tensor x = of_kind(kind, {1, 2}, {2});
    const Snapshot before = snapshot(x);
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const In in(mode);
      CHECK(same(x, make(tg_contiguous, x)));
      CHECK(same(x, make(tg_to_dtype, x, TG_FLOAT64)));
    }
    CHECK(snapshot(x) == before);
  }
}

TEST_CASE("T13: detach shares storage, is no view, and is n0 or i0 in all modes", "[modes]") {
  for (const std::string kind : kKinds) {
    const Tensor x = of_kind(kind, {1, 2}, {2});
    const Snapshot before = snapshot(x);
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const In in(mode);
      const Tensor y = make(tg_detach, x);
      CHECK(kind_of(y) == (kind[0] == 'i' ? "i0" : "n0"));
      CHECK(is_view(y) == 0);
      CHECK(storage(y) == storage(x));
      CHECK_FALSE(same(x, y));
    }
    CHECK(snapshot(x) == before);
  }
}

TEST_CASE("T13b: detach_ takes history and requires_grad away, in all modes", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const In in(mode);
      ok(tg_detach_(x));
      CHECK(kind_of(x) == (kind[0] == 'i' ? "i0" : "n0"));
      CHECK(values(x) == Values{1, 2});
      if (kind[0] == 'n') CHECK(version(x) == 0);
    }
  }
}

TEST_CASE("T13b: live views of a detached tensor keep the grad_fn they had", "[modes]") {
  for (const Mode mode : kModes) {
    INFO(mode);
    const Tensor w = leaf({1, 2});
    const Tensor x = make(tg_mul_scalar, w, 3.0);
    const Tensor v = make(tg_select, x, 0, 1);
    {
      const In in(mode);
      ok(tg_detach_(x));
    }
    CHECK(kind_of(x) == "n0");
    CHECK(kind_of(v) == "nn");
    ok(tg_backward(v));
    CHECK(grad_values(w) == Values{0, 3});
  }
}

TEST_CASE("T14: set_requires_grad(1)", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const Snapshot before = snapshot(x);
      const In in(mode);
      const tg_status status = tg_tensor_set_requires_grad(x, 1);
      if (kind[0] == 'i' && mode != Mode::inf) {
        fails(status, TG_ERROR_MODE,
              {"tg_tensor_set_requires_grad", "tg_clone", "outside inference mode"});
        CHECK(snapshot(x) == before);
      } else {
        ok(status);
        CHECK(kind_of(x) == (kind == "n0" ? "nl" : kind == "i0" ? "i1" : kind));
        CHECK(values(x) == before.data);
        if (kind[0] == 'n') CHECK(version(x) == 0);
      }
    }
  }
}

TEST_CASE("T14b: set_requires_grad(0)", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const Snapshot before = snapshot(x);
      const In in(mode);
      const tg_status status = tg_tensor_set_requires_grad(x, 0);
      if (kind == "nn") {
        fails(status, TG_ERROR_AUTOGRAD, {"tg_tensor_set_requires_grad", "tg_detach"});
        CHECK(snapshot(x) == before);
      } else {
        ok(status);
        CHECK(kind_of(x) == (kind[0] == 'i' ? "i0" : "n0"));
      }
    }
  }
}

TEST_CASE("T15: retain_grad", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {2}, {1});
      const Snapshot before = snapshot(x);
      tg_status status;
      {
        const In in(mode);
        status = tg_tensor_retain_grad(x);
        if (kind == "n0") fails(status, TG_ERROR_AUTOGRAD, {"tg_tensor_retain_grad"});
        if (kind[0] == 'i') {
          fails(status, TG_ERROR_MODE,
                {"tg_tensor_retain_grad", "tg_clone", "outside inference mode"});
        }
      }
      CHECK(snapshot(x) == before);
      if (kind == "nl" || kind == "nn") {
        ok(status);
        ok(tg_backward(make(tg_mul_scalar, x, 3.0)));
        CHECK(grad_values(x) == Values{3});
      }
    }
  }
}

TEST_CASE("T16: an inference tensor has no version", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const Tensor detached = make(tg_detach, x);
      const In in(mode);
      for (const tg_tensor t : {tg_tensor{x}, tg_tensor{detached}}) {
        int64_t number = 77;
        const tg_status status = tg_tensor_version(t, &number);
        if (kind[0] == 'i') {
          fails(status, TG_ERROR_MODE, {"tg_tensor_version", "tg_tensor_is_inference", "tg_clone"});
          CHECK(number == 77);
        } else {
          ok(status);
          CHECK(number == 0);
        }
      }
    }
  }
}

TEST_CASE("T18: item, copy_out, format, shape and data work on every kind in every mode",
          "[modes]") {
  for (const std::string kind : kKinds) {
    const Tensor x = of_kind(kind, {2.5}, {1});
    const Snapshot before = snapshot(x);
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const In in(mode);
      CHECK(item(x) == 2.5);
      double copied = 0;
      ok(tg_tensor_copy_out(x, &copied, sizeof copied));
      CHECK(copied == 2.5);
      char text[200];
      ok(tg_tensor_format(x, text, sizeof text, nullptr));
      CHECK_THAT(std::string(text), Catch::StartsWith("tensor([2.5000]"));
      int64_t size = 0;
      int32_t rank = 0;
      ok(tg_tensor_shape(x, &size, 1, &rank));
      CHECK(size == 1);
      CHECK(rank == 1);
      void* data = nullptr;
      ok(tg_tensor_data(x, &data));
      CHECK(*static_cast<double*>(data) == 2.5);
    }
    CHECK(snapshot(x) == before);
  }
}

TEST_CASE("T18b: mark_written", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      {
        const In in(mode);
        const tg_status status = tg_tensor_mark_written(x);
        if (kind[0] == 'i' && mode != Mode::inf) {
          fails(status, TG_ERROR_MODE,
                {"tg_tensor_mark_written", "inside inference mode", "tg_clone"});
        } else {
          ok(status);
        }
      }
      CHECK(kind_of(x) == kind);
      if (kind[0] == 'n') CHECK(version(x) == 1);
    }
  }
}

TEST_CASE("T19: set_grad", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      const Snapshot before = snapshot(x);
      const Tensor grad = vec({5, 6});
      const In in(mode);
      const tg_status status = tg_tensor_set_grad(x, grad);
      if (kind[0] == 'i') {
        fails(status, TG_ERROR_MODE, {"tg_tensor_set_grad", "tg_clone", "outside inference mode"});
        CHECK_FALSE(has_grad(x));
      } else {
        ok(status);
        CHECK(grad_values(x) == Values{5, 6});
        CHECK(storage(grad_of(x)) == storage(grad));
      }
      CHECK(kind_of(x) == kind);
      CHECK(values(x) == before.data);
    }
  }
}

TEST_CASE("T19b: set_grad with an inference tensor as grad is a mode error for every kind",
          "[modes]") {
  for (const std::string kind : kKinds) {
    for (const std::string given : {"i0", "i1"}) {
      for (const Mode mode : kModes) {
        INFO(kind << " given " << given << ", " << mode);
        const Tensor x = of_kind(kind, {1, 2}, {2});
        const Tensor grad = of_kind(given, {5, 6}, {2});
        const In in(mode);
        fails(tg_tensor_set_grad(x, grad), TG_ERROR_MODE,
              {"tg_tensor_set_grad", "tg_clone", "outside inference mode"});
        CHECK_FALSE(has_grad(x));
        CHECK(kind_of(x) == kind);
      }
    }
  }
}

TEST_CASE("T19c: set_grad(x, 0) clears, and tg_tensor_grad gives", "[modes]") {
  for (const std::string kind : kKinds) {
    for (const Mode mode : kModes) {
      INFO(kind << ", " << mode);
      const Tensor x = of_kind(kind, {1, 2}, {2});
      if (kind[0] == 'n') ok(tg_tensor_set_grad(x, vec({5, 6})));
      const In in(mode);
      CHECK(has_grad(x) == (kind[0] == 'n'));
      ok(tg_tensor_set_grad(x, 0));
      CHECK_FALSE(has_grad(x));
      CHECK(kind_of(x) == kind);
    }
  }
}

TEST_CASE("T19d: an optimizer made over every kind", "[modes]") {
  for (const auto make_optimizer : {tg_optim_sgd, tg_optim_adam}) {
    for (const std::string kind : kKinds) {
      for (const Mode mode : kModes) {
        INFO(kind << ", " << mode);
        const Tensor x = of_kind(kind, {1, 2}, {2});
        const tg_tensor parameters[] = {x};
        const Tensor grad = vec({2, 2});  // normal, so made before the mode is entered
        const In in(mode);
        Handle optimizer;
        const tg_status status = make_optimizer(parameters, 1, 0.5, optimizer.out());
        if (kind[0] == 'i') {
          fails(status, TG_ERROR_MODE, {"tg_optim_"});
          CHECK(optimizer == 0);
        } else if (kind == "nn") {
          fails(status, TG_ERROR_AUTOGRAD, {"tg_optim_"});
          CHECK(optimizer == 0);
        } else {
          ok(status);
          ok(tg_optimizer_step(optimizer));  // without .grad it is passed over
          CHECK(version(x) == 0);
          ok(tg_tensor_set_grad(x, grad));
          ok(tg_optimizer_step(optimizer));
          CHECK(version(x) == 1);
          CHECK(values(x)[0] < 1);
          CHECK(kind_of(x) == kind);
        }
      }
    }
  }
}
