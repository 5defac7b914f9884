// SPDX-License-Identifier: MIT
#include <limits>

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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr DType kEveryDType[] = {DType::float32, DType::float64, DType::float16, DType::bfloat16,
                                 DType::int8,    DType::int16,   DType::int32,   DType::int64,
                                 DType::uint8,   DType::boolean};

Tensor sum_over(const Tensor& x, std::vector<int64_t> dims, bool keepdim) {
  return sum_dims(x, dims, keepdim);
}
Tensor mean_over(const Tensor& x, std::vector<int64_t> dims, bool keepdim) {
  return mean_dims(x, dims, keepdim);
}

TEST_CASE("sum takes every dtype; integers and bool give int64") {
  for (const DType dtype : kEveryDType) {
    CAPTURE(name_of(dtype));
    const Tensor y = sum(tensor(dtype, {2, 3}, {1, 0, 1, 1, 1, 1}));
    CHECK(y.dtype() == (is_floating(dtype) ? dtype : DType::int64));
    CHECK(y.rank() == 0);
    CHECK(values(y) == List{5});
  }
  CHECK(values(sum(tensor(DType::int8, {2}, {100, 100}))) == List{200});
}

TEST_CASE("sum_dims sums over dimensions in any order, negative ones too") {
  const Tensor x = tensor({2, 3, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  CHECK(values(sum_over(x, {1}, false)) == List{9, 12, 27, 30});
  CHECK(sizes(sum_over(x, {1}, true)) == Sizes{2, 1, 2});
  CHECK(values(sum_over(x, {-1, 0}, false)) == List{18, 26, 34});
  CHECK(sizes(sum_over(x, {2, 0}, true)) == Sizes{1, 3, 1});
  CHECK(values(sum_over(x, {}, false)) == List{78});
  CHECK(sizes(sum_over(x, {}, true)) == Sizes{1, 1, 1});
  CHECK(values(sum_over(transpose(x, 0, 2), {1}, false)) == List{9, 27, 12, 30});
  CHECK(values(sum_mask(x, 0, false)) == values(x));
}

TEST_CASE("sums of nothing and of rank 0") {
  CHECK(values(sum(tensor({0, 3}, {}))) == List{0});
  CHECK(values(sum_over(tensor({0, 3}, {}), {0}, false)) == List{0, 0, 0});
  CHECK(sizes(sum_over(tensor({0, 3}, {}), {1}, false)) == Sizes{0});
  CHECK(values(sum(tensor({}, {7}))) == List{7});
  CHECK(values(sum_over(tensor({}, {7}), {-1}, true)) == List{7});
  CHECK(sizes(sum_over(tensor({}, {7}), {0}, true)) == Sizes{});
}

TEST_CASE("mean takes floating dtypes alone") {
  const Tensor x = tensor({2, 2}, {1, 2, 3, 6});
  CHECK(values(mean(x)) == List{3});
  CHECK(values(mean_over(x, {0}, false)) == List{2, 4});
  CHECK(values(mean_over(x, {1}, true)) == List{1.5, 4.5});
  CHECK(values(mean(tensor(DType::bfloat16, {4}, {1, 2, 3, 6}))) == List{3});
  CHECK(std::isnan(values(mean(tensor({0}, {})))[0]));
  CHECK(values(mean(tensor({}, {4}))) == List{4});
  check_fails(TG_ERROR_DTYPE, "has dtype int64, whose mean", [] {
    mean(tensor(DType::int64, {2}, {1, 2}));
  });
  check_fails(TG_ERROR_DTYPE, "tg_to_dtype", [] {
    mean_over(tensor(DType::boolean, {2}, {1, 0}), {0}, false);
  });
}

TEST_CASE("dims out of range and given twice") {
  const Tensor x = noise({2, 3}, 1);
  check_fails(TG_ERROR_INDEX, "dim is 2; a tensor of rank 2 takes -2 to 1",
              [&] { sum_over(x, {2}, false); });
  check_fails(TG_ERROR_INDEX, "dim is -3", [&] { mean_over(x, {-3}, false); });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "twice; give each once", [&] {
    sum_over(x, {1, -1}, false);
  });
}

TEST_CASE("gradients of sum and mean") {
  const Inputs x = {leaf(noise({2, 3, 2}, 2))};
  CHECK(gradcheck([](const Inputs& in) { return mul(sum(in[0]), sum(in[0])); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(sum_over(in[0], {0, 2}, false)); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(sum_over(in[0], {1}, true)); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(mean_over(in[0], {-1}, false)); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(mean(mul(in[0], in[0]))); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(sum(transpose(in[0], 0, 1))); }, x) == "");
  const Tensor zero = leaf(tensor({}, {3}));
  CHECK(values(gradients(sum(mul(zero, zero)), {}, {zero})[0]) == List{6});
  const Tensor none = leaf(tensor({0, 2}, {}));
  CHECK(sizes(gradients(sum(none), {}, {none})[0]) == Sizes{0, 2});
}

TEST_CASE("max and min take every dtype and let NaN win") {
  for (const DType dtype : kEveryDType) {
    CAPTURE(name_of(dtype));
    const Tensor x = tensor(dtype, {2, 2}, {0, 1, 1, 0});
    CHECK(max(x).dtype() == dtype);
    CHECK(values(max(x)) == List{1});
    CHECK(values(min(x)) == List{0});
    CHECK(argmax(x).dtype() == DType::int64);
    CHECK(values(argmax(x)) == List{1});
    CHECK(values(argmin(x)) == List{0});
  }
  CHECK(values(max(tensor({3}, {-5, -2, -9}))) == List{-2});
  CHECK(std::isnan(values(max(tensor({3}, {1, kNaN, 2})))[0]));
  CHECK(std::isnan(values(min(tensor({3}, {1, kNaN, 2})))[0]));
  CHECK(values(argmax(tensor({3}, {1, kNaN, 2}))) == List{1});
  CHECK(values(max(tensor({}, {4}))) == List{4});
  CHECK(values(argmax(tensor({}, {4}))) == List{0});
}

TEST_CASE("argmax counts in row-major order, whatever the strides") {
  const Tensor x = tensor({2, 3}, {1, 9, 3, 4, 5, 9});
  CHECK(values(argmax(x)) == List{1});
  CHECK(values(argmax(t(x))) == List{2});
  CHECK(values(argmin(t(x))) == List{0});
}

TEST_CASE("max_dim gives values and first positions") {
  const Tensor x = tensor({2, 3}, {1, 5, 5, 7, 2, 7});
  ValuesIndices y = max_dim(x, 1, false);
  CHECK(values(y.values) == List{5, 7});
  CHECK(values(y.indices) == List{1, 0});
  CHECK(y.indices.dtype() == DType::int64);
  y = min_dim(x, 0, true);
  CHECK(sizes(y.values) == Sizes{1, 3});
  CHECK(values(y.values) == List{1, 2, 5});
  CHECK(values(y.indices) == List{0, 1, 0});
  y = max_dim(t(x), -2, false);
  CHECK(values(y.indices) == List{1, 0});
  y = max_dim(tensor({}, {4}), -1, true);
  CHECK(values(y.values) == List{4});
  CHECK(values(y.indices) == List{0});
  CHECK(sizes(y.values) == Sizes{});
  CHECK(sizes(max_dim(tensor({0, 3}, {}), 1, false).values) == Sizes{0});
  CHECK(values(argmax_dim(x, 0, false)) == List{1, 0, 1});
  CHECK(sizes(argmin_dim(x, 1, true)) == Sizes{2, 1});
  CHECK(values(argmin_dim(x, 1, true)) == List{0, 1});
}

TEST_CASE("extremes of nothing") {
  const Tensor none = tensor({0, 3}, {});
  check_fails(TG_ERROR_SHAPE, "has no element", [&] { max(none); });
  check_fails(TG_ERROR_SHAPE, "has no element", [&] { min(none); });
  check_fails(TG_ERROR_SHAPE, "has no element", [&] { argmax(none); });
  check_fails(TG_ERROR_SHAPE, "has no element", [&] { argmin(none); });
  check_fails(TG_ERROR_SHAPE, "dimension 0 of float64[0, 3] has size 0",
              [&] { max_dim(none, 0, false); });
  check_fails(TG_ERROR_SHAPE, "has size 0", [&] { argmin_dim(none, -2, false); });
  check_fails(TG_ERROR_INDEX, "dim is 2", [&] { min_dim(none, 2, false); });
}

TEST_CASE("equals share the gradient of max over all evenly") {
  const Tensor x = leaf(tensor({4}, {3, 1, 3, 3}));
  CHECK(values(gradients(max(x), tensor({}, {6}), {x})[0]) == List{2, 0, 2, 2});
  const Tensor y = leaf(tensor({3}, {2, -1, -1}));
  CHECK(values(gradients(min(y), {}, {y})[0]) == List{0, 0.5, 0.5});
  const Tensor n = leaf(tensor({3}, {2, kNaN, kNaN}));
  CHECK(values(gradients(max(n), {}, {n})[0]) == List{0, 0.5, 0.5});
}

TEST_CASE("gradients of extremes") {
  const Inputs x = {leaf(noise({3, 4}, 3))};
  CHECK(gradcheck([](const Inputs& in) { return exp(max(in[0])); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(min(in[0])); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(max_dim(in[0], 0, false).values); }, x) == "");
  CHECK(gradcheck([](const Inputs& in) { return exp(min_dim(in[0], 1, true).values); }, x) == "");
  const Tensor ties = leaf(tensor({2, 2}, {5, 5, 1, 1}));
  CHECK(values(gradients(max_dim(ties, 1, false).values, tensor({2}, {2, 3}), {ties})[0]) ==
        List{2, 0, 3, 0});
  const Tensor zero = leaf(tensor({}, {3}));
  CHECK(values(gradients(max_dim(zero, 0, false).values, {}, {zero})[0]) == List{1});
  CHECK_FALSE(requires_grad(max_dim(ties, 1, false).indices));
  const Tensor half = leaf(tensor(DType::float16, {2}, {1, 2}));
  const Tensor g = gradients(max_dim(half, 0, false).values, {}, {half})[0];
  CHECK(g.dtype() == DType::float16);
  CHECK(values(g) == List{0, 1});
}

TEST_CASE("max saves operand and result, max_dim its indices alone") {
  const Tensor x = leaf(noise({3}, 4));
  const Tensor copy = mul_scalar(x, 1);
  Tensor y = max(copy);
  copy.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "that Max saved", [&] { gradients(y, {}, {x}); });
  y = max(mul_scalar(x, 1));
  y.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "result ", [&] { gradients(y, {}, {x}); });
  const Tensor other = mul_scalar(x, 1);
  const ValuesIndices found = max_dim(other, 0, false);
  other.storage().raise_version();
  found.values.storage().raise_version();
  CHECK(gradients(found.values, {}, {x})[0]);
  found.indices.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "that MaxDim saved", [&] { gradients(found.values, {}, {x}); });
}

TEST_CASE("inference tensors give tensors without a past") {
  Tensor x;
  {
    const test::Inference mode;
    x = noise({3}, 5);
    set_requires_grad(x, true);
  }
  CHECK_FALSE(requires_grad(sum(x)));
  CHECK_FALSE(requires_grad(max_dim(x, 0, false).values));
}

TEST_CASE("fit sums what was broadcast and casts what was promoted") {
  const Tensor g = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  auto fitted = [&](const Tensor& like) { return fit(g, {like.dtype(), like.shape()}); };
  CHECK(values(fitted(tensor({3}, {0, 0, 0}))) == List{5, 7, 9});
  CHECK(values(fitted(tensor({2, 1}, {0, 0}))) == List{6, 15});
  CHECK(values(fitted(tensor({1}, {0}))) == List{21});
  CHECK(values(fitted(tensor({}, {0}))) == List{21});
  CHECK(fitted(tensor(DType::float16, {1, 3}, {0, 0, 0})).dtype() == DType::float16);
  CHECK(fitted(g).head() == g.head());
  CHECK(values(fit(tensor({}, {2}), {DType::float64, g.shape()})) == List{2, 2, 2, 2, 2, 2});
  CHECK(sizes(fit(tensor({0, 2}, {}), {DType::float64, Shape()})) == Sizes{});
  const Inputs x = {leaf(noise({2, 1, 3}, 6)), leaf(noise({4, 1}, 7))};
  CHECK(gradcheck([](const Inputs& in) { return mul(mul(in[0], in[1]), in[0]); }, x) == "");
}

}  // namespace
}  // namespace tg
