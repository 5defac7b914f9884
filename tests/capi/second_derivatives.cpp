// SPDX-License-Identifier: MIT
// Gradients of gradients of every operator that has a gradient, in place too, by tg_gradcheck: the
// square of what it gives against central differences, first and second order.
#include <cmath>
#include <fstream>
#include <set>

#include "capi/functional.h"

using namespace capi;

namespace {

using Shapes = std::vector<Sizes>;

struct Row {
  const char* name;
  Shapes shapes;  // of the inputs
  HostFunction fn;
  bool signs = false;    // inputs of both signs; else they are above 0
  double tolerance = 0;  // 0: tg_gradcheck's own
  double eps = 0;        // 0: tg_gradcheck's own
};

// From 0.3 to 1.2, no two the same and none near a bound that a row names.
Tensor input(const Sizes& shape, size_t number, bool signs) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  Values elements;
  for (int64_t i = 0; i < count; ++i) {
    const double at =
        std::fmod(static_cast<double>(i) * 0.618 + static_cast<double>(number) * 0.377, 1);
    elements.push_back((0.3 + 0.9 * at) * (signs && i % 2 == 1 ? -1 : 1));
  }
  return tensor(elements, shape);
}

// ---- rows of each kind of function ----

using Unary = tg_status (*)(tg_tensor, tg_tensor*);
using Binary = tg_status (*)(tg_tensor, tg_tensor, tg_tensor*);
HostFunction of(Unary f) {
  return [f](const tg_tensor* in, tg_tensor* out) { return f(in[0], out); };
}
HostFunction of(Binary f) {
  return [f](const tg_tensor* in, tg_tensor* out) { return f(in[0], in[1], out); };
}
template <class Call>
HostFunction in_place(Call call) {
  return [call](const tg_tensor* in, tg_tensor* out) {
    const tg_status status = tg_clone(in[0], out);
    return status != TG_OK ? status : call(*out, in);
  };
}
HostFunction changed(tg_status (*f)(tg_tensor)) {
  return in_place([f](tg_tensor x, const tg_tensor*) { return f(x); });
}
HostFunction changed(tg_status (*f)(tg_tensor, tg_tensor)) {
  return in_place([f](tg_tensor x, const tg_tensor* in) { return f(x, in[1]); });
}
HostFunction changed(tg_status (*f)(tg_tensor, double), double value) {
  return in_place([=](tg_tensor x, const tg_tensor*) { return f(x, value); });
}
// Its first row alone, so that the rest still depends on the input.
template <class Call>
HostFunction row_changed(Call call) {
  return in_place([call](tg_tensor x, const tg_tensor*) {
    Tensor row;
    const tg_status status = tg_select(x, 0, 0, row.out());
    return status != TG_OK ? status : call(row);
  });
}
HostFunction of(tg_status (*f)(tg_tensor, double, tg_tensor*), double value) {
  return [=](const tg_tensor* in, tg_tensor* out) { return f(in[0], value, out); };
}
template <class Extreme>
HostFunction along(Extreme f) {
  return [f](const tg_tensor* in, tg_tensor* out) {
    Tensor indices;
    return f(in[0], 1, 0, out, indices.out());
  };
}
Tensor list(const std::vector<int64_t>& numbers, const Sizes& shape) {
  Tensor x;
  ok(tg_tensor_create(numbers.data(), TG_INT64, shape.data(), static_cast<int32_t>(shape.size()), 0,
                      x.out()));
  return x;
}

const int64_t kDims[] = {0, 2}, kSix[] = {6}, kTurned[] = {3, 2}, kOrder[] = {2, 0, 1},
              kWide[] = {4, 2, 3}, kStrides[] = {1, 1};

std::vector<Row> rows() {
  const Shapes one = {{2, 3}}, two = {{2, 3}, {3}}, same = {{2, 3}, {2, 3}};
  return {
      {"tg_clone", one, of(tg_clone)},
      {"tg_contiguous", one,
       [](const tg_tensor* in, tg_tensor* out) {
         Tensor turned;
         const tg_status status = tg_t(in[0], turned.out());
         return status != TG_OK ? status : tg_contiguous(turned, out);
       }},
      {"tg_to_dtype", one,
       [](const tg_tensor* in, tg_tensor* out) {
         Tensor narrow;
         const tg_status status = tg_to_dtype(in[0], TG_FLOAT32, narrow.out());
         return status != TG_OK ? status : tg_to_dtype(narrow, TG_FLOAT64, out);
       },
       false, 1e-3, 1e-2},
      {"tg_copy_", two, changed(tg_copy_)},
      {"tg_fill_", one, row_changed([](tg_tensor row) { return tg_fill_(row, 2); })},
      {"tg_fill_int64_", one, row_changed([](tg_tensor row) { return tg_fill_int64_(row, 2); })},
      {"tg_zero_", one, row_changed(tg_zero_)},
      {"tg_add", two, of(tg_add)},
      {"tg_sub", two, of(tg_sub)},
      {"tg_mul", two, of(tg_mul)},
      {"tg_div", two, of(tg_div)},
      {"tg_add_scalar", one, of(tg_add_scalar, 2)},
      {"tg_sub_scalar", one, of(tg_sub_scalar, 2)},
      {"tg_mul_scalar", one, of(tg_mul_scalar, -3)},
      {"tg_div_scalar", one, of(tg_div_scalar, 4)},
      {"tg_pow_scalar", one, of(tg_pow_scalar, 2.5)},
      {"tg_add_", two, changed(tg_add_)},
      {"tg_sub_", two, changed(tg_sub_)},
      {"tg_mul_", two, changed(tg_mul_)},
      {"tg_div_", two, changed(tg_div_)},
      {"tg_add_scalar_", one, changed(tg_add_scalar_, 2)},
      {"tg_sub_scalar_", one, changed(tg_sub_scalar_, 2)},
      {"tg_mul_scalar_", one, changed(tg_mul_scalar_, -3)},
      {"tg_div_scalar_", one, changed(tg_div_scalar_, 4)},
      {"tg_pow_scalar_", one, changed(tg_pow_scalar_, 2.5)},
      {"tg_neg", one, of(tg_neg)},
      {"tg_neg_", one, changed(tg_neg_)},
      {"tg_abs", one, of(tg_abs), true},
      {"tg_abs_", one, changed(tg_abs_), true},
      {"tg_exp", one, of(tg_exp)},
      {"tg_exp_", one, changed(tg_exp_)},
      {"tg_log", one, of(tg_log)},
      {"tg_log_", one, changed(tg_log_)},
      {"tg_sqrt", one, of(tg_sqrt)},
      {"tg_sqrt_", one, changed(tg_sqrt_)},
      {"tg_sin", one, of(tg_sin)},
      {"tg_sin_", one, changed(tg_sin_)},
      {"tg_cos", one, of(tg_cos)},
      {"tg_cos_", one, changed(tg_cos_)},
      {"tg_tanh", one, of(tg_tanh), true},
      {"tg_tanh_", one, changed(tg_tanh_), true},
      {"tg_sigmoid", one, of(tg_sigmoid), true},
      {"tg_sigmoid_", one, changed(tg_sigmoid_), true},
      {"tg_relu", one, of(tg_relu), true},
      {"tg_relu_", one, changed(tg_relu_), true},
      {"tg_clamp", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_clamp(in[0], 0.5, 0.9, out); }},
      {"tg_clamp_", one,
       in_place([](tg_tensor x, const tg_tensor*) { return tg_clamp_(x, 0.5, 0.9); })},
      {"tg_maximum", two, of(tg_maximum)},
      {"tg_minimum", two, of(tg_minimum)},
      {"tg_where", same,
       [](const tg_tensor* in, tg_tensor* out) {
         Tensor condition;
         const tg_status status = tg_gt_scalar(in[0], 0.7, condition.out());
         return status != TG_OK ? status : tg_where(condition, in[0], in[1], out);
       }},
      {"tg_sum", one, of(tg_sum)},
      {"tg_sum_dims",
       {{2, 2, 3}},
       [](const tg_tensor* in, tg_tensor* out) { return tg_sum_dims(in[0], kDims, 2, 1, out); }},
      {"tg_mean", one, of(tg_mean)},
      {"tg_mean_dims",
       {{2, 2, 3}},
       [](const tg_tensor* in, tg_tensor* out) { return tg_mean_dims(in[0], kDims, 2, 0, out); }},
      {"tg_max", one, of(tg_max)},
      {"tg_min", one, of(tg_min)},
      {"tg_max_dim", one, along(tg_max_dim)},
      {"tg_min_dim", one, along(tg_min_dim)},
      {"tg_softmax", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_softmax(in[0], 1, out); }},
      {"tg_log_softmax", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_log_softmax(in[0], 0, out); }},
      {"tg_mm", {{2, 3}, {3, 2}}, of(tg_mm)},
      {"tg_bmm", {{2, 2, 3}, {2, 3, 1}}, of(tg_bmm)},
      {"tg_mv", two, of(tg_mv)},
      {"tg_dot", {{3}, {3}}, of(tg_dot)},
      {"tg_matmul", {{2, 1, 3}, {3, 2}}, of(tg_matmul)},
      {"tg_addmm",
       {{2}, {2, 3}, {3, 2}},
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_addmm(in[0], in[1], in[2], 0.5, -2, out);
       }},
      {"tg_addmm_", {{2, 2}, {2, 3}, {3, 2}}, in_place([](tg_tensor x, const tg_tensor* in) {
         return tg_addmm_(x, in[1], in[2], 0.5, -2);
       })},
      {"tg_linear",
       {{2, 3}, {2, 3}, {2}},
       [](const tg_tensor* in, tg_tensor* out) { return tg_linear(in[0], in[1], in[2], out); }},
      {"tg_view", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_view(in[0], kSix, 1, out); }},
      {"tg_reshape", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_reshape(in[0], kTurned, 2, out); }},
      {"tg_flatten", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_flatten(in[0], 0, -1, out); }},
      {"tg_t", one, of(tg_t)},
      {"tg_transpose", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_transpose(in[0], 0, 1, out); }},
      {"tg_permute",
       {{2, 1, 3}},
       [](const tg_tensor* in, tg_tensor* out) { return tg_permute(in[0], kOrder, 3, out); }},
      {"tg_expand", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_expand(in[0], kWide, 3, out); }},
      {"tg_squeeze", {{2, 1, 3}}, of(tg_squeeze)},
      {"tg_squeeze_dim",
       {{2, 1, 3}},
       [](const tg_tensor* in, tg_tensor* out) { return tg_squeeze_dim(in[0], 1, out); }},
      {"tg_unsqueeze", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_unsqueeze(in[0], 1, out); }},
      {"tg_select", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_select(in[0], 1, 2, out); }},
      {"tg_narrow", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_narrow(in[0], 1, 1, 2, out); }},
      {"tg_slice", one,
       [](const tg_tensor* in, tg_tensor* out) { return tg_slice(in[0], 1, 0, 3, 2, out); }},
      {"tg_as_strided", one,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_as_strided(in[0], kTurned, kStrides, 2, 1, out);
       }},
      {"tg_split", one,
       [](const tg_tensor* in, tg_tensor* out) {
         tg_tensor parts[2] = {0, 0};
         size_t count = 0;
         const tg_status status = tg_split(in[0], 2, 1, parts, 2, &count);
         tg_release(parts[0]);
         *out = parts[1];
         return status;
       }},
      {"tg_cat", same, [](const tg_tensor* in, tg_tensor* out) { return tg_cat(in, 2, 1, out); }},
      {"tg_stack", same,
       [](const tg_tensor* in, tg_tensor* out) { return tg_stack(in, 2, 1, out); }},
      {"tg_index_select", one,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_index_select(in[0], 1, list({2, 0, 2}, {3}), out);
       }},
      {"tg_gather", one,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_gather(in[0], 1, list({2, 0, 1, 1}, {2, 2}), out);
       }},
      {"tg_mse_loss", same,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_mse_loss(in[0], in[1], TG_REDUCTION_MEAN, out);
       }},
      {"tg_nll_loss", one,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_nll_loss(in[0], list({2, 0}, {2}), 0, -100, TG_REDUCTION_SUM, out);
       }},
      {"tg_cross_entropy", one,
       [](const tg_tensor* in, tg_tensor* out) {
         return tg_cross_entropy(in[0], list({2, 0}, {2}), 0, -100, TG_REDUCTION_MEAN, 0.1, out);
       }},
  };
}

// The functions whose documentation names a gradient.
std::set<std::string> functions_with_gradient() {
  std::ifstream file(TG_TESTS_DIR "/../include/tapegrad/tapegrad.h");
  std::set<std::string> names;
  bool has_gradient = false;
  for (std::string line; std::getline(file, line);) {
    has_gradient = has_gradient || line.starts_with(" *  @gradient");
    if (!line.starts_with("TG_API")) continue;
    const size_t open = line.find('('), start = line.rfind("tg_", open);
    if (std::exchange(has_gradient, false)) names.insert(line.substr(start, open - start));
  }
  return names;
}

}  // namespace

TEST_CASE("gradients of gradients of every operator", "[gradcheck]") {
  std::set<std::string> checked;
  for (const Row& row : rows()) {
    INFO(row.name);
    checked.insert(row.name);
    std::vector<Tensor> inputs;
    Tensors handles;
    for (const Sizes& shape : row.shapes) {
      inputs.push_back(input(shape, inputs.size(), row.signs));
      handles.push_back(inputs.back());
    }
    bool has_past = false;
    const HostFunction squared = [&](const tg_tensor* in, tg_tensor* out) {
      Tensor made;
      tg_status status = row.fn(in, made.out());
      if (status == TG_OK) status = tg_mul(made, made, out);
      Handle node;
      if (status == TG_OK) status = tg_tensor_grad_fn(made, node.out());
      has_past = has_past || node != 0;
      return status;
    };
    int32_t passed = -1;
    char report[4000] = "";
    ok(tg_gradcheck(run_host, data_of(squared), handles.data(), handles.size(), 1, 2, row.eps,
                    row.tolerance, row.tolerance, &passed, report, sizeof report, nullptr));
    INFO(report);
    CHECK(passed == 1);
    CHECK(has_past);
  }
  CHECK(checked == functions_with_gradient());
}
