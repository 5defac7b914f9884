// SPDX-License-Identifier: MIT
#include "gradcheck.h"

namespace tg {
namespace {

using test::check_close;
using test::check_fails;
using test::gradcheck;
using test::gradients;
using test::Inputs;
using test::leaf;
using test::noise;
using test::sizes;
using test::tensor;
using test::values;
using List = std::vector<double>;
using Sizes = std::vector<int64_t>;

// The product by its definition: rows of a with columns of b.
List product(const Tensor& a, const Tensor& b) {
  const List x = values(a), y = values(b);
  const auto m = static_cast<size_t>(a.size(0)), k = static_cast<size_t>(a.size(1));
  const auto n = static_cast<size_t>(b.size(1));
  List out(m * n, 0);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) {
      for (size_t l = 0; l < k; ++l) out[i * n + j] += x[i * k + l] * y[l * n + j];
    }
  }
  return out;
}

Tensor every_second_column(const Tensor& x) { return slice(x, 1, 0, INT64_MAX, 2); }

TEST_CASE("mm of row-major, transposed, strided and expanded operands") {
  for (const DType dtype : {DType::float32, DType::float64}) {
    const double margin = dtype == DType::float32 ? 1e-5 : 1e-14;
    const Tensor a = noise({5, 7}, 1, dtype), b = noise({7, 4}, 2, dtype);
    check_close(mm(a, b), product(a, b), margin);
    check_close(mm(t(b), t(a)), product(t(b), t(a)), margin);
    const Tensor wide = every_second_column(noise({5, 14}, 3, dtype));
    check_close(mm(wide, b), product(wide, b), margin);
    const int64_t shape[] = {5, 7};
    const Tensor expanded = expand(noise({7}, 4, dtype), shape, 2);
    check_close(mm(expanded, b), product(expanded, b), margin);
    CHECK(mm(a, b).dtype() == dtype);
  }
  CHECK(values(mm(tensor({2, 2}, {1, 2, 3, 4}), tensor({2, 2}, {5, 6, 7, 8}))) ==
        List{19, 22, 43, 50});
  const Tensor a = noise({40, 70}, 5), b = noise({70, 33}, 6);
  check_close(mm(a, b), product(a, b), 1e-13);
}

TEST_CASE("mm of nothing") {
  CHECK(values(mm(tensor({2, 0}, {}), tensor({0, 2}, {}))) == List{0, 0, 0, 0});
  CHECK(sizes(mm(tensor({0, 3}, {}), noise({3, 2}, 1))) == Sizes{0, 2});
  CHECK(sizes(mm(noise({2, 3}, 1), tensor({3, 0}, {}))) == Sizes{2, 0});
  CHECK(values(mv(tensor({2, 0}, {}), tensor({0}, {}))) == List{0, 0});
  CHECK(values(dot(tensor({0}, {}), tensor({0}, {}))) == List{0});
  CHECK(sizes(bmm(tensor({0, 2, 3}, {}), tensor({0, 3, 2}, {}))) == Sizes{0, 2, 2});
  CHECK(values(bmm(tensor({1, 2, 0}, {}), tensor({1, 0, 1}, {}))) == List{0, 0});
}

TEST_CASE("mm into a given tensor") {
  const Tensor a = noise({3, 3}, 1), b = noise({3, 3}, 2);
  const List expected = product(a, b);
  const Tensor out = zeros(DType::float64, a.shape());
  const uint32_t version = out.storage().version;
  mm(a, b, Into::given(out));
  check_close(out, expected, 1e-14);
  CHECK(out.storage().version == version + 1);
  const Tensor turned = zeros(DType::float64, a.shape());
  mm(a, b, Into::given(t(turned)));
  check_close(t(turned), expected, 1e-14);
  mm(a, b, Into::given(a));  // an operand may be the target
  check_close(a, expected, 1e-14);
  const Tensor narrow = noise({2, 2}, 3, DType::float32);
  const Tensor wide = zeros(DType::float64, narrow.shape());
  mm(narrow, narrow, Into::given(wide));
  check_close(wide, product(narrow, narrow), 1e-5);
  check_fails(TG_ERROR_SHAPE, "they must be equal", [&] { mm(b, b, Into::given(wide)); });
}

TEST_CASE("bmm, mv and dot") {
  const Tensor a = noise({3, 2, 4}, 1), b = noise({3, 4, 5}, 2);
  const Tensor y = bmm(a, b);
  REQUIRE(sizes(y) == Sizes{3, 2, 5});
  for (int i = 0; i < 3; ++i) {
    check_close(select(y, 0, i), product(select(a, 0, i), select(b, 0, i)), 1e-14);
  }
  check_close(bmm(transpose(b, 1, 2), transpose(a, 1, 2)), values(contiguous(transpose(y, 1, 2))),
              1e-14);
  const Tensor m = noise({3, 4}, 3), x = noise({4}, 4);
  check_close(mv(m, x), product(m, unsqueeze(x, 1)), 1e-14);
  const Tensor column = select(noise({4, 3}, 5), 1, 1);
  check_close(mv(m, column), product(m, unsqueeze(column, 1)), 1e-14);
  check_close(mv(t(noise({4, 3}, 6)), x), product(t(noise({4, 3}, 6)), unsqueeze(x, 1)), 1e-14);
  check_close(dot(x, column), product(unsqueeze(x, 0), unsqueeze(column, 1)), 1e-14);
  CHECK(dot(x, x).rank() == 0);
}

TEST_CASE("matmul does what the ranks ask for") {
  const Tensor v = noise({4}, 1), m = noise({3, 4}, 2);
  check_close(matmul(v, v), values(dot(v, v)), 0);
  check_close(matmul(m, v), values(mv(m, v)), 0);
  check_close(matmul(v, t(m)), values(mv(m, v)), 1e-15);
  check_close(matmul(m, t(m)), values(mm(m, t(m))), 0);
  const Tensor a = noise({2, 3, 4}, 3), b = noise({5, 1, 4, 2}, 4);
  const Tensor y = matmul(a, b);
  REQUIRE(sizes(y) == Sizes{5, 2, 3, 2});
  for (int i = 0; i < 5; ++i) {
    for (int j = 0; j < 2; ++j) {
      check_close(select(select(y, 0, i), 0, j),
                  product(select(a, 0, j), select(select(b, 0, i), 0, 0)), 1e-14);
    }
  }
  const Tensor rows = matmul(a, noise({4, 2}, 5));
  REQUIRE(sizes(rows) == Sizes{2, 3, 2});
  check_close(select(rows, 0, 1), product(select(a, 0, 1), noise({4, 2}, 5)), 1e-14);
  CHECK(sizes(matmul(a, v)) == Sizes{2, 3});
  check_close(select(matmul(a, v), 0, 1), product(select(a, 0, 1), unsqueeze(v, 1)), 1e-14);
  REQUIRE(sizes(matmul(v, b)) == Sizes{5, 1, 2});
  check_close(select(matmul(v, b), 0, 2), product(unsqueeze(v, 0), select(select(b, 0, 2), 0, 0)),
              1e-14);
  REQUIRE(sizes(matmul(m, b)) == Sizes{5, 1, 3, 2});
  CHECK(sizes(matmul(tensor({0, 3, 4}, {}), noise({4, 2}, 1))) == Sizes{0, 3, 2});
  CHECK(sizes(matmul(tensor({0, 3, 4}, {}), noise({1, 4, 2}, 1))) == Sizes{0, 3, 2});
}

TEST_CASE("addmm broadcasts x and does not read it where beta is 0") {
  const Tensor a = noise({3, 4}, 1), b = noise({4, 2}, 2), x = noise({2}, 3);
  const Tensor expected = add(mul_scalar(x, 0.5), mul_scalar(mm(a, b), -2));
  check_close(addmm(x, a, b, 0.5, -2), values(expected), 1e-14);
  check_close(addmm(noise({3, 1}, 4), a, b, 1, 1), values(add(noise({3, 1}, 4), mm(a, b))), 1e-14);
  check_close(addmm(tensor({}, {2}), a, b, 1, 0), List(6, 2), 0);
  const Tensor bad = full(DType::float64, Shape(), std::numeric_limits<double>::quiet_NaN());
  check_close(addmm(bad, a, b, 0, 1), values(mm(a, b)), 0);
  check_close(addmm(x, tensor({3, 0}, {}), tensor({0, 2}, {}), 1, 1),
              values(add(x, zeros(DType::float64, test::shape_of({3, 2})))), 0);
}

TEST_CASE("linear of every rank, with and without bias") {
  const Tensor weight = noise({5, 3}, 1), bias = noise({5}, 2);
  const Tensor x = noise({2, 4, 3}, 3);
  const Tensor y = linear(x, weight, bias);
  REQUIRE(sizes(y) == Sizes{2, 4, 5});
  for (int i = 0; i < 2; ++i) {
    const Tensor rows = select(x, 0, i);
    check_close(select(y, 0, i), values(add(mm(rows, t(weight)), bias)), 1e-14);
    check_close(linear(rows, weight, {}), values(mm(rows, t(weight))), 1e-14);
  }
  const Tensor vector = select(select(x, 0, 1), 0, 2);
  CHECK(sizes(linear(vector, weight, bias)) == Sizes{5});
  check_close(linear(vector, weight, bias), values(add(mv(weight, vector), bias)), 1e-14);
  // Dimensions that do not lie one stride apart are copied; others are read where they lie.
  const Tensor turned = transpose(noise({4, 2, 3}, 4), 0, 1);
  check_close(linear(turned, weight, bias), values(linear(contiguous(turned), weight, bias)), 0);
  const Tensor odd = slice(noise({2, 4, 6}, 5), 2, 0, INT64_MAX, 2);
  check_close(linear(odd, weight, bias), values(linear(contiguous(odd), weight, bias)), 1e-15);
  const Tensor column = select(noise({5, 2}, 6), 1, 0);
  check_close(linear(x, t(noise({3, 5}, 7)), column),
              values(linear(x, contiguous(t(noise({3, 5}, 7))), contiguous(column))), 1e-15);
  CHECK(sizes(linear(tensor({0, 3}, {}), weight, bias)) == Sizes{0, 5});
  check_close(linear(tensor({2, 0}, {}), tensor({5, 0}, {}), bias),
              values(add(zeros(DType::float64, test::shape_of({2, 5})), bias)), 0);
}

TEST_CASE("products do not promote and take float32 and float64") {
  const Tensor f = noise({2, 2}, 1, DType::float32), d = noise({2, 2}, 1);
  const Tensor n = tensor(DType::int64, {2, 2}, {1, 2, 3, 4}), v = noise({2}, 1);
  check_fails(TG_ERROR_DTYPE, "a has dtype float32, b has float64", [&] { mm(f, d); });
  check_fails(TG_ERROR_DTYPE, "has dtype int64; products take", [&] { mm(n, n); });
  check_fails(TG_ERROR_DTYPE, "tg_to_dtype", [&] { matmul(d, n); });
  check_fails(TG_ERROR_DTYPE, "x has float64", [&] { mv(f, v); });
  check_fails(TG_ERROR_DTYPE, "a has dtype float64, b has float32",
              [&] { dot(v, noise({2}, 1, DType::float32)); });
  check_fails(TG_ERROR_DTYPE, "b has float64", [&] { bmm(unsqueeze(f, 0), unsqueeze(d, 0)); });
  check_fails(TG_ERROR_DTYPE, "x has dtype float32, a has float64", [&] { addmm(f, d, d, 1, 1); });
  check_fails(TG_ERROR_DTYPE, "x has dtype float32, weight has float64", [&] { linear(f, d, {}); });
  check_fails(TG_ERROR_DTYPE, "x has dtype float32, bias has float64", [&] { linear(f, f, v); });
  const Tensor half = to_dtype(f, DType::float16);
  check_fails(TG_ERROR_DTYPE, "has dtype float16", [&] { mm(half, half); });
}

TEST_CASE("shapes that do not fit a product") {
  const Tensor a = noise({2, 3}, 1), v = noise({3}, 1), b = noise({2, 2, 3}, 1);
  check_fails(TG_ERROR_SHAPE, "a has shape [2, 3], b has [2, 3]: the inner sizes 3 and 2",
              [&] { mm(a, a); });
  check_fails(TG_ERROR_SHAPE, "b has shape [3] of rank 1; it must have rank 2", [&] { mm(a, v); });
  check_fails(TG_ERROR_SHAPE, "tg_matmul", [&] { mm(v, a); });
  check_fails(TG_ERROR_SHAPE, "the inner sizes 3 and 2", [&] { mv(a, noise({2}, 1)); });
  check_fails(TG_ERROR_SHAPE, "a has 3 elements, b has 2", [&] { dot(v, noise({2}, 1)); });
  check_fails(TG_ERROR_SHAPE, "the batches 2 and 1", [&] { bmm(b, noise({1, 3, 2}, 1)); });
  check_fails(TG_ERROR_SHAPE, "the inner sizes 3 and 2", [&] { bmm(b, b); });
  check_fails(TG_ERROR_SHAPE, "has rank 0; tg_matmul", [&] { matmul(tensor({}, {1}), v); });
  check_fails(TG_ERROR_SHAPE, "has rank 0; tg_matmul", [&] { matmul(v, tensor({}, {1})); });
  check_fails(TG_ERROR_SHAPE, "the inner sizes", [&] { matmul(b, a); });
  check_fails(TG_ERROR_SHAPE, "do not broadcast", [&] { matmul(b, noise({3, 3, 2}, 1)); });
  check_fails(TG_ERROR_SHAPE, "does not broadcast", [&] { addmm(v, a, t(a), 1, 1); });
  check_fails(TG_ERROR_SHAPE, "does not broadcast", [&] { addmm(b, a, t(a), 1, 1); });
  check_fails(TG_ERROR_SHAPE, "the inner sizes", [&] { addmm(v, a, a, 1, 1); });
  check_fails(TG_ERROR_SHAPE, "x has rank 0", [&] { linear(tensor({}, {1}), a, {}); });
  check_fails(TG_ERROR_SHAPE, "weight is [out, in]", [&] { linear(a, t(a), {}); });
  check_fails(TG_ERROR_SHAPE, "weight has shape [3] of rank 1", [&] { linear(a, v, {}); });
  check_fails(TG_ERROR_SHAPE, "bias must be [2]", [&] { linear(a, a, v); });
}

TEST_CASE("gradients of products") {
  const Inputs two = {leaf(noise({3, 4}, 1)), leaf(noise({4, 2}, 2))};
  CHECK(gradcheck([](const Inputs& in) { return mm(in[0], in[1]); }, two) == "");
  CHECK(gradcheck([](const Inputs& in) { return mm(t(in[1]), t(in[0])); }, two) == "");
  CHECK(gradcheck([](const Inputs& in) { return mm(in[0], t(in[0])); }, {two[0]}) == "");
  const Inputs batch = {leaf(noise({2, 3, 4}, 3)), leaf(noise({2, 4, 2}, 4))};
  CHECK(gradcheck([](const Inputs& in) { return bmm(in[0], in[1]); }, batch) == "");
  const Inputs matrix_vector = {leaf(noise({3, 4}, 5)), leaf(noise({4}, 6))};
  CHECK(gradcheck([](const Inputs& in) { return mv(in[0], in[1]); }, matrix_vector) == "");
  CHECK(gradcheck([](const Inputs& in) { return dot(in[0], in[1]); },
                  {leaf(noise({4}, 7)), leaf(noise({4}, 8))}) == "");
  const Inputs three = {leaf(noise({2}, 9)), two[0], two[1]};
  CHECK(gradcheck([](const Inputs& in) { return addmm(in[0], in[1], in[2], 0.5, -2); }, three) ==
        "");
  CHECK(gradcheck([](const Inputs& in) { return addmm(in[0], in[1], in[2], 1, 1); }, three) == "");
}

TEST_CASE("gradients of matmul") {
  const auto product = [](const Inputs& in) { return matmul(in[0], in[1]); };
  CHECK(gradcheck(product, {leaf(noise({4}, 1)), leaf(noise({4}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({4}, 1)), leaf(noise({4, 3}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({2, 4}, 1)), leaf(noise({4}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({2, 3, 4}, 1)), leaf(noise({4}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({2, 3, 4}, 1)), leaf(noise({4, 2}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({4}, 1)), leaf(noise({2, 4, 3}, 2))}) == "");
  CHECK(gradcheck(product, {leaf(noise({2, 1, 3, 4}, 1)), leaf(noise({3, 4, 2}, 2))}) == "");
}

TEST_CASE("gradients of linear, recorded and not, agree") {
  const auto layer = [](const Inputs& in) { return linear(in[0], in[1], in[2]); };
  const auto no_bias = [](const Inputs& in) { return linear(in[0], in[1], {}); };
  const Tensor weight = leaf(noise({3, 4}, 1)), bias = leaf(noise({3}, 2));
  const Inputs cases[] = {{leaf(noise({4}, 3)), weight, bias},
                          {leaf(noise({2, 4}, 4)), weight, bias},
                          {leaf(noise({2, 3, 4}, 5)), weight, bias}};
  for (const Inputs& in : cases) {
    CHECK(gradcheck(layer, in) == "");
    CHECK(gradcheck(no_bias, {in[0], in[1]}) == "");
    const Tensor y = layer(in), g = test::weights_for(y, 6);
    const std::vector<Tensor> plain = gradients(y, g, in), recorded = gradients(y, g, in, true);
    for (size_t i = 0; i < 3; ++i) {
      CHECK(sizes(plain[i]) == sizes(in[i]));
      check_close(plain[i], values(recorded[i]), 1e-15);
      CHECK(plain[i].row_major());
    }
  }
  CHECK(gradcheck([](const Inputs& in) { return linear(transpose(in[0], 0, 1), in[1], in[2]); },
                  cases[2]) == "");
  // A gradient that is expanded: that of a sum.
  const Inputs& in = cases[1];
  check_close(gradients(sum(layer(in)), {}, {bias})[0], List(3, 2), 0);
}

TEST_CASE("each operand is saved where its partner needs a gradient") {
  const Tensor a = leaf(noise({2, 2}, 1)), b = noise({2, 2}, 2);
  const Tensor left = mul_scalar(a, 1);
  Tensor y = mm(left, b);
  left.storage().raise_version();  // not saved: b needs no gradient
  CHECK(gradients(y, b, {a})[0]);
  b.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "operand float64[2, 2] that Mm saved",
              [&] { gradients(y, b, {a}); });
  const Tensor weight = leaf(noise({2, 2}, 3)), bias = leaf(noise({2}, 4));
  const Tensor x = noise({2, 2}, 5), shift = mul_scalar(bias, 1);
  y = linear(x, weight, shift);
  shift.storage().raise_version();
  CHECK(gradients(y, b, {weight, bias})[1]);
  x.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "that Linear saved", [&] { gradients(y, b, {weight}); });
  y = addmm(shift, a, b, 1, 1);
  shift.storage().raise_version();
  CHECK(gradients(y, b, {a, bias})[0]);
}

TEST_CASE("inference operands of products beside operands that require grad") {
  Tensor constant, vector;
  {
    const test::Inference mode;
    constant = noise({2, 2}, 1);
    vector = noise({2}, 2);
  }
  const Tensor x = leaf(noise({2, 2}, 3)), bias = leaf(noise({2}, 4)), plain = noise({2, 2}, 5);
  check_fails(TG_ERROR_MODE, "Mm: operand 1", [&] { mm(x, constant); });
  check_fails(TG_ERROR_MODE, "Mm: operand 0", [&] { mm(constant, x); });
  check_fails(TG_ERROR_MODE, "Linear: operand 1", [&] { linear(x, constant, {}); });
  check_fails(TG_ERROR_MODE, "Linear: operand 0", [&] { linear(constant, x, {}); });
  check_fails(TG_ERROR_MODE, "Mv: operand 1", [&] { mv(x, vector); });
  CHECK(requires_grad(linear(plain, constant, bias)));
  CHECK(requires_grad(linear(x, x, vector)));
  CHECK(requires_grad(addmm(x, constant, constant, 1, 1)));
  CHECK_FALSE(requires_grad(mm(constant, plain)));
}

}  // namespace
}  // namespace tg
