// SPDX-License-Identifier: MIT
// Gradients of elementwise operators, views and in-place changes against finite differences, first
// and second order: broadcast, transposed and empty operands too.
#include "gradcheck.h"

namespace tg {
namespace {

using test::gradcheck;
using test::Inputs;
using test::leaf;
using test::noise;

using Unary = Tensor (*)(const Tensor&);

struct Row {
  const char* name;
  Unary function;
};

// Points are moved to (1.5, 3.5) where the function wants positive ones, and are never corners.
Tensor positive(const Tensor& x) { return add_scalar(mul_scalar(x, 0.5), 2.5); }

const Row kRows[] = {
    {"neg", [](const Tensor& x) { return neg(x); }},
    {"abs", [](const Tensor& x) { return abs(x); }},
    {"exp", [](const Tensor& x) { return exp(x); }},
    {"log", [](const Tensor& x) { return log(positive(x)); }},
    {"sqrt", [](const Tensor& x) { return sqrt(positive(x)); }},
    {"sin", [](const Tensor& x) { return sin(x); }},
    {"cos", [](const Tensor& x) { return cos(x); }},
    {"tanh", [](const Tensor& x) { return tanh(x); }},
    {"sigmoid", [](const Tensor& x) { return sigmoid(x); }},
    {"relu", [](const Tensor& x) { return relu(mul(x, x)); }},
    {"clamp", [](const Tensor& x) { return clamp(mul(x, x), -0.4321, 0.4567); }},
    {"add_scalar", [](const Tensor& x) { return mul(add_scalar(x, 1.5), x); }},
    {"sub_scalar", [](const Tensor& x) { return mul(sub_scalar(x, 1.5), x); }},
    {"rsub_scalar", [](const Tensor& x) { return mul(rsub_scalar(x, 1.5), x); }},
    {"mul_scalar", [](const Tensor& x) { return mul(mul_scalar(x, 1.5), x); }},
    {"div_scalar", [](const Tensor& x) { return mul(div_scalar(x, 1.5), x); }},
    {"pow_scalar", [](const Tensor& x) { return pow_scalar(positive(x), 2.5); }},
    {"clone", [](const Tensor& x) { return mul(clone(x), x); }},
};

TEST_CASE("gradients of functions of one tensor, first and second order") {
  for (const Row& row : kRows) {
    INFO(row.name);
    CHECK(gradcheck([&](const Inputs& in) { return row.function(in[0]); },
                    {leaf(noise({2, 3}, 5))}) == "");
    CHECK(gradcheck([&](const Inputs& in) { return row.function(t(in[0])); },
                    {leaf(noise({2, 3}, 6))}) == "");
    CHECK(gradcheck([&](const Inputs& in) { return row.function(in[0]); },
                    {leaf(noise({0, 3}, 7))}) == "");
  }
}

using Binary = Tensor (*)(const Tensor&, const Tensor&);

TEST_CASE("gradients of functions of two tensors, broadcast and transposed") {
  struct Pair {
    const char* name;
    Binary function;
  };
  const Pair pairs[] = {
      {"add", [](const Tensor& a, const Tensor& b) { return mul(add(a, b), a); }},
      {"sub", [](const Tensor& a, const Tensor& b) { return mul(sub(a, b), b); }},
      {"mul", [](const Tensor& a, const Tensor& b) { return mul(a, b); }},
      {"div", [](const Tensor& a, const Tensor& b) { return div(a, positive(b)); }},
      {"maximum", [](const Tensor& a, const Tensor& b) { return maximum(mul(a, a), b); }},
      {"minimum", [](const Tensor& a, const Tensor& b) { return minimum(mul(a, a), b); }},
      {"where", [](const Tensor& a,
                   const Tensor& b) { return where(gt_scalar(a, 0.1), mul(a, b), mul(b, b)); }},
  };
  for (const Pair& pair : pairs) {
    INFO(pair.name);
    auto check = [&](std::initializer_list<int64_t> a, std::initializer_list<int64_t> b) {
      return gradcheck([&](const Inputs& in) { return pair.function(in[0], in[1]); },
                       {leaf(noise(a, 8)), leaf(noise(b, 9))});
    };
    CHECK(check({2, 3}, {2, 3}) == "");
    CHECK(check({2, 3}, {3}) == "");
    CHECK(check({2, 1}, {1, 3}) == "");
    CHECK(check({2, 3}, {}) == "");
    CHECK(check({0, 3}, {3}) == "");
    CHECK(gradcheck([&](const Inputs& in) { return pair.function(t(in[0]), in[1]); },
                    {leaf(noise({3, 2}, 10)), leaf(noise({2, 3}, 11))}) == "");
  }
}

TEST_CASE("gradients through views") {
  auto check = [](Unary function, std::initializer_list<int64_t> shape) {
    return gradcheck([&](const Inputs& in) { return function(in[0]); }, {leaf(noise(shape, 12))});
  };
  CHECK(check(
            [](const Tensor& x) {
              const int64_t shape[] = {3, -1};
              const Tensor y = view(x, shape, 2);
              return mul(y, y);
            },
            {2, 3}) == "");
  CHECK(check(
            [](const Tensor& x) {
              const int64_t order[] = {2, 0, 1};
              const Tensor y = permute(x, order);
              return mul(y, y);
            },
            {2, 3, 2}) == "");
  CHECK(check(
            [](const Tensor& x) {
              const int64_t shape[] = {2, 3, 2};
              const Tensor y = expand(x, shape, 3);
              return mul(y, y);
            },
            {3, 1}) == "");
  CHECK(check(
            [](const Tensor& x) {
              const Tensor y = select(x, 1, -1);
              return mul(y, y);
            },
            {2, 3}) == "");
  CHECK(check(
            [](const Tensor& x) {
              const Tensor y = slice(x, 0, 1, 5, 2);
              return mul(y, y);
            },
            {5, 2}) == "");
  CHECK(check(
            [](const Tensor& x) {
              const int64_t shape[] = {3, 2}, strides[] = {1, 2};  // elements are read twice
              const Tensor y = as_strided(x, shape, strides, 2, 1);
              return mul(y, y);
            },
            {3, 3}) == "");
  CHECK(check(
            [](const Tensor& x) {
              std::vector<Tensor> parts(2);
              split(x, 2, 0, parts);
              return mul(parts[1], parts[1]);  // the first part is not used
            },
            {3, 2}) == "");
  CHECK(check([](const Tensor& x) { return mul(to_dtype(x, DType::float64), x); }, {3}) == "");
}

TEST_CASE("gradients of what is written in place through views: copy_slices, copy_slices_rest") {
  using View = Tensor (*)(const Tensor&);
  const View views[] = {
      [](const Tensor& x) { return select(x, 0, 1); },
      [](const Tensor& x) { return select(x, 1, 0); },
      [](const Tensor& x) { return slice(x, 1, 0, 3, 2); },
      [](const Tensor& x) { return t(x); },
      [](const Tensor& x) {
        const int64_t shape[] = {2}, strides[] = {4};
        return as_strided(x, shape, strides, 1, x.offset() + 1);
      },
  };
  using Base = Tensor (*)(const Tensor&);
  const Base bases[] = {
      [](const Tensor& x) { return mul(x, x); },
      [](const Tensor& x) {  // not row-major
        const Tensor turned = mul(t(x), t(x));
        return detach(turned).row_major() ? clone(x) : turned;
      },
  };
  for (const Base base : bases) {
    for (const View view : views) {
      const auto through_view = [&](const Inputs& in) {
        const Tensor b = base(in[0]), part = view(b);
        mul(part, in[1], Into::first());
        mul_scalar(view(b), 3, Into::first());
        return mul(b, mul(b, in[1]));
      };
      CHECK(gradcheck(through_view, {leaf(noise({2, 3}, 31)), leaf(noise({}, 32))}) == "");
    }
  }
  // The base requires no grad at first, its memory has gaps, and the view reaches all of it.
  CHECK(gradcheck(
            [](const Inputs& in) {
              const int64_t shape[] = {3}, strides[] = {2}, six[] = {6};
              const Tensor memory = zeros(DType::float64, Shape(six, 1));
              Layout layout = layout_of(memory);
              layout.shape = Shape(shape, 1);
              layout.strides[0] = strides[0];
              const Tensor b = make_head(memory.storage(), DType::float64, layout, kNoView);
              copy_(narrow(b, 0, 1, 2), in[0]);
              mul(narrow(b, 0, 0, 2), in[0], Into::first());
              return mul(b, b);
            },
            {leaf(noise({2}, 33))}) == "");
}

TEST_CASE("gradients of what is written in place") {
  const Inputs x = {leaf(noise({2, 3}, 13)), leaf(noise({3}, 14))};
  CHECK(gradcheck(
            [](const Inputs& in) {
              const Tensor y = clone(in[0]);
              copy_(y, mul(in[1], in[1]));
              return mul(y, y);
            },
            x) == "");
  CHECK(gradcheck(
            [](const Inputs& in) {
              const Tensor y = mul(in[0], in[0]);
              fill_(y, 2);
              return mul(add(y, in[1]), in[0]);
            },
            x) == "");
  CHECK(gradcheck(
            [](const Inputs& in) {
              const Tensor y = mul(in[0], in[0]);
              mul(y, in[1], Into::first());
              sigmoid(y, Into::first());
              return y;
            },
            x) == "");
}

}  // namespace
}  // namespace tg
