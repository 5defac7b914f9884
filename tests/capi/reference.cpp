// SPDX-License-Identifier: MIT
// Every operator against PyTorch's numbers: values and gradients of the 161 cases in
// tests/reference/operators.txt, which tests/reference/make.py wrote.
#include <tapegrad/tapegrad.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace {

struct Array {
  int32_t dtype = TG_FLOAT64;
  std::vector<int64_t> shape;
  std::vector<double> values;
};

struct Case {
  std::string name;
  std::vector<Array> inputs, outs;
  std::vector<std::vector<double>> arguments;
  std::map<size_t, std::vector<double>> grads;
};

std::vector<double> numbers(std::istream& in) {
  std::vector<double> list;
  for (std::string word; in >> word;) list.push_back(std::stod(word));
  return list;
}

Array array(std::istream& in) {
  static const std::map<std::string, int32_t> dtypes = {
      {"float64", TG_FLOAT64}, {"float32", TG_FLOAT32}, {"int64", TG_INT64}, {"bool", TG_BOOL}};
  Array x;
  std::string dtype, shape, colon;
  in >> dtype >> shape >> colon;
  x.dtype = dtypes.at(dtype);
  if (shape != "-") {
    std::istringstream sizes(shape);
    for (std::string size; std::getline(sizes, size, ',');) x.shape.push_back(std::stoll(size));
  }
  x.values = numbers(in);
  return x;
}

std::vector<Case> read_cases() {
  std::ifstream file(std::string(TG_TESTS_DIR) + "/reference/operators.txt");
  REQUIRE(file);
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string word;
    in >> word;
    if (word == "case") {
      cases.emplace_back();
      in >> cases.back().name;
    } else if (word == "in") {
      cases.back().inputs.push_back(array(in));
    } else if (word == "out") {
      cases.back().outs.push_back(array(in));
    } else if (word == "arg") {
      cases.back().arguments.push_back(numbers(in));
    } else if (word == "grad") {
      size_t place = 0;
      std::string colon;
      in >> place >> colon;
      cases.back().grads[place] = numbers(in);
    }
  }
  return cases;
}

void ok(tg_status status) {
  INFO(tg_last_error_message());
  REQUIRE(status == TG_OK);
}

tg_tensor create(const Array& x, bool requires_grad) {
  tg_tensor made = 0, converted = 0;
  const auto rank = static_cast<int32_t>(x.shape.size());
  ok(tg_tensor_create(x.values.data(), TG_FLOAT64, x.shape.data(), rank, requires_grad ? 1 : 0,
                      &made));
  if (x.dtype == TG_FLOAT64) return made;
  ok(tg_to_dtype(made, x.dtype, &converted));
  ok(tg_release(made));
  return converted;
}

std::vector<double> values_of(tg_tensor x) {
  tg_tensor as_double = 0;
  int64_t n = 0;
  ok(tg_to_dtype(x, TG_FLOAT64, &as_double));
  ok(tg_tensor_numel(as_double, &n));
  std::vector<double> values(static_cast<size_t>(n));
  ok(tg_tensor_copy_out(as_double, values.data(), values.size() * sizeof(double)));
  ok(tg_release(as_double));
  return values;
}

void compare(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    INFO("element " << i);
    CHECK(found[i] == Approx(expected[i]).epsilon(1e-12).margin(1e-13));
  }
}

using Outs = std::vector<tg_tensor>;
using In = std::vector<tg_tensor>;
using Arguments = std::vector<std::vector<double>>;
using Call = std::function<tg_status(const In&, const Arguments&, Outs&)>;

int64_t whole(double x) { return static_cast<int64_t>(x); }
std::vector<int64_t> list(const std::vector<double>& from) {
  std::vector<int64_t> to;
  for (double x : from) to.push_back(whole(x));
  return to;
}

Call unary(tg_status (*f)(tg_tensor, tg_tensor*)) {
  return [f](const In& in, const Arguments&, Outs& out) { return f(in[0], out.data()); };
}
Call binary(tg_status (*f)(tg_tensor, tg_tensor, tg_tensor*)) {
  return [f](const In& in, const Arguments&, Outs& out) { return f(in[0], in[1], out.data()); };
}
Call scalar(tg_status (*f)(tg_tensor, double, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) { return f(in[0], k[0][0], out.data()); };
}
Call along(tg_status (*f)(tg_tensor, int64_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in[0], whole(k[0][0]), out.data());
  };
}
Call along_two(tg_status (*f)(tg_tensor, int64_t, int64_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in[0], whole(k[0][0]), whole(k[1][0]), out.data());
  };
}
Call dims(tg_status (*f)(tg_tensor, const int64_t*, size_t, int32_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    const auto d = list(k[0]);
    return f(in[0], d.data(), d.size(), static_cast<int32_t>(k[1][0]), out.data());
  };
}
Call shaped(tg_status (*f)(tg_tensor, const int64_t*, int32_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    const auto s = list(k[0]);
    return f(in[0], s.data(), static_cast<int32_t>(s.size()), out.data());
  };
}
Call values_indices(tg_status (*f)(tg_tensor, int64_t, int32_t, tg_tensor*, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in[0], whole(k[0][0]), static_cast<int32_t>(k[1][0]), &out[0], &out[1]);
  };
}
Call indices(tg_status (*f)(tg_tensor, int64_t, int32_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in[0], whole(k[0][0]), static_cast<int32_t>(k[1][0]), out.data());
  };
}
Call joined(tg_status (*f)(const tg_tensor*, size_t, int64_t, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in.data(), in.size(), whole(k[0][0]), out.data());
  };
}
Call indexed(tg_status (*f)(tg_tensor, int64_t, tg_tensor, tg_tensor*)) {
  return [f](const In& in, const Arguments& k, Outs& out) {
    return f(in[0], whole(k[0][0]), in[1], out.data());
  };
}

const std::map<std::string, Call>& calls() {
  static const std::map<std::string, Call> table = {
      {"add", binary(tg_add)},
      {"sub", binary(tg_sub)},
      {"mul", binary(tg_mul)},
      {"div", binary(tg_div)},
      {"maximum", binary(tg_maximum)},
      {"minimum", binary(tg_minimum)},
      {"eq", binary(tg_eq)},
      {"ne", binary(tg_ne)},
      {"lt", binary(tg_lt)},
      {"le", binary(tg_le)},
      {"gt", binary(tg_gt)},
      {"ge", binary(tg_ge)},
      {"eq_scalar", scalar(tg_eq_scalar)},
      {"ne_scalar", scalar(tg_ne_scalar)},
      {"lt_scalar", scalar(tg_lt_scalar)},
      {"le_scalar", scalar(tg_le_scalar)},
      {"gt_scalar", scalar(tg_gt_scalar)},
      {"ge_scalar", scalar(tg_ge_scalar)},
      {"add_scalar", scalar(tg_add_scalar)},
      {"sub_scalar", scalar(tg_sub_scalar)},
      {"mul_scalar", scalar(tg_mul_scalar)},
      {"div_scalar", scalar(tg_div_scalar)},
      {"pow_scalar", scalar(tg_pow_scalar)},
      {"neg", unary(tg_neg)},
      {"abs", unary(tg_abs)},
      {"exp", unary(tg_exp)},
      {"log", unary(tg_log)},
      {"sqrt", unary(tg_sqrt)},
      {"sin", unary(tg_sin)},
      {"cos", unary(tg_cos)},
      {"tanh", unary(tg_tanh)},
      {"sigmoid", unary(tg_sigmoid)},
      {"relu", unary(tg_relu)},
      {"sum", unary(tg_sum)},
      {"mean", unary(tg_mean)},
      {"max", unary(tg_max)},
      {"min", unary(tg_min)},
      {"argmax", unary(tg_argmax)},
      {"argmin", unary(tg_argmin)},
      {"sum_dims", dims(tg_sum_dims)},
      {"mean_dims", dims(tg_mean_dims)},
      {"max_dim", values_indices(tg_max_dim)},
      {"min_dim", values_indices(tg_min_dim)},
      {"argmax_dim", indices(tg_argmax_dim)},
      {"argmin_dim", indices(tg_argmin_dim)},
      {"softmax", along(tg_softmax)},
      {"log_softmax", along(tg_log_softmax)},
      {"mm", binary(tg_mm)},
      {"bmm", binary(tg_bmm)},
      {"mv", binary(tg_mv)},
      {"dot", binary(tg_dot)},
      {"matmul", binary(tg_matmul)},
      {"reshape", shaped(tg_reshape)},
      {"view", shaped(tg_view)},
      {"expand", shaped(tg_expand)},
      {"flatten", along_two(tg_flatten)},
      {"t", unary(tg_t)},
      {"transpose", along_two(tg_transpose)},
      {"squeeze", unary(tg_squeeze)},
      {"squeeze_dim", along(tg_squeeze_dim)},
      {"unsqueeze", along(tg_unsqueeze)},
      {"select", along_two(tg_select)},
      {"cat", joined(tg_cat)},
      {"stack", joined(tg_stack)},
      {"index_select", indexed(tg_index_select)},
      {"gather", indexed(tg_gather)},
      {"clone", unary(tg_clone)},
      {"contiguous", unary(tg_contiguous)},
      {"clamp", [](const In& in, const Arguments& k,
                   Outs& out) { return tg_clamp(in[0], k[0][0], k[1][0], out.data()); }},
      {"where", [](const In& in, const Arguments&,
                   Outs& out) { return tg_where(in[0], in[1], in[2], out.data()); }},
      {"addmm",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_addmm(in[0], in[1], in[2], k[0][0], k[1][0], out.data());
       }},
      {"linear", [](const In& in, const Arguments&,
                    Outs& out) { return tg_linear(in[0], in[1], in[2], out.data()); }},
      {"permute",
       [](const In& in, const Arguments& k, Outs& out) {
         const auto d = list(k[0]);
         return tg_permute(in[0], d.data(), d.size(), out.data());
       }},
      {"narrow",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_narrow(in[0], whole(k[0][0]), whole(k[1][0]), whole(k[2][0]), out.data());
       }},
      {"slice",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_slice(in[0], whole(k[0][0]), whole(k[1][0]), whole(k[2][0]), whole(k[3][0]),
                         out.data());
       }},
      {"as_strided",
       [](const In& in, const Arguments& k, Outs& out) {
         const auto shape = list(k[0]), strides = list(k[1]);
         return tg_as_strided(in[0], shape.data(), strides.data(),
                              static_cast<int32_t>(shape.size()), whole(k[2][0]), out.data());
       }},
      {"split",
       [](const In& in, const Arguments& k, Outs& out) {
         size_t count = 0;
         return tg_split(in[0], whole(k[0][0]), whole(k[1][0]), out.data(), out.size(), &count);
       }},
      {"mse_loss",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_mse_loss(in[0], in[1], static_cast<int32_t>(k[0][0]), out.data());
       }},
      {"nll_loss",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_nll_loss(in[0], in[1], in[2], whole(k[0][0]), static_cast<int32_t>(k[1][0]),
                            out.data());
       }},
      {"cross_entropy",
       [](const In& in, const Arguments& k, Outs& out) {
         return tg_cross_entropy(in[0], in[1], in[2], whole(k[0][0]), static_cast<int32_t>(k[1][0]),
                                 k[2][0], out.data());
       }},
  };
  return table;
}

void check(const Case& c) {
  INFO("case " << c.name);
  In inputs;
  for (size_t i = 0; i < c.inputs.size(); ++i) {
    inputs.push_back(create(c.inputs[i], c.grads.count(i) != 0));
  }
  Outs outs(c.outs.size(), 0);
  ok(calls().at(c.name)(inputs, c.arguments, outs));
  std::vector<tg_tensor> roots, weights;
  for (size_t i = 0; i < outs.size(); ++i) {
    std::vector<int64_t> shape(16);
    int32_t rank = 0, dtype = 0, requires_grad = 0;
    ok(tg_tensor_shape(outs[i], shape.data(), 16, &rank));
    shape.resize(static_cast<size_t>(rank));
    CHECK(shape == c.outs[i].shape);
    ok(tg_tensor_dtype(outs[i], &dtype));
    CHECK(dtype == c.outs[i].dtype);
    compare(values_of(outs[i]), c.outs[i].values);
    ok(tg_tensor_requires_grad(outs[i], &requires_grad));
    if (requires_grad == 0) continue;
    Array weight = c.outs[i];
    for (size_t k = 0; k < weight.values.size(); ++k) {
      weight.values[k] = std::cos(static_cast<double>(k));
    }
    roots.push_back(outs[i]);
    weights.push_back(create(weight, false));
  }
  CHECK(roots.empty() == c.grads.empty());
  if (!roots.empty()) ok(tg_backward_from(roots.data(), weights.data(), roots.size(), 0));
  for (const auto& [place, expected] : c.grads) {
    INFO("gradient of input " << place);
    tg_tensor grad = 0;
    ok(tg_tensor_grad(inputs[place], &grad));
    REQUIRE(grad != 0);
    compare(values_of(grad), expected);
    ok(tg_release(grad));
  }
  for (const auto* handles : {&inputs, &outs, &weights}) {
    ok(tg_release_many(handles->data(), handles->size()));
  }
}

}  // namespace

TEST_CASE("operators give PyTorch's values and gradients", "[reference]") {
  const uint64_t live = tg_live_handles();
  const std::vector<Case> cases = read_cases();
  REQUIRE(cases.size() == 161);
  for (const Case& c : cases) check(c);
  CHECK(tg_live_handles() == live);
}
