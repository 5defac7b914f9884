// SPDX-License-Identifier: MIT
#include "gradcheck.h"

namespace tg {
namespace {

using test::check_close;
using test::check_fails;
using test::gradcheck;
using test::gradients;
using test::i64;
using test::Inputs;
using test::leaf;
using test::noise;
using test::sizes;
using test::tensor;
using test::values;
using List = std::vector<double>;
using Sizes = std::vector<int64_t>;

Tensor joined(std::vector<Tensor> tensors, int64_t dim) {
  std::vector<const Tensor*> list;
  for (const Tensor& x : tensors) list.push_back(&x);
  return cat(list, dim);
}
Tensor stacked(std::vector<Tensor> tensors, int64_t dim) {
  std::vector<const Tensor*> list;
  for (const Tensor& x : tensors) list.push_back(&x);
  return stack(list, dim);
}

TEST_CASE("cat along each dimension, of strided tensors and of several dtypes") {
  const Tensor a = tensor({2, 2}, {1, 2, 3, 4}), b = tensor({1, 2}, {5, 6});
  CHECK(values(joined({a, b}, 0)) == List{1, 2, 3, 4, 5, 6});
  CHECK(sizes(joined({a, b}, 0)) == Sizes{3, 2});
  CHECK(values(joined({a, t(b)}, -1)) == List{1, 2, 5, 3, 4, 6});
  CHECK(values(joined({t(a), a}, 1)) == List{1, 3, 1, 2, 2, 4, 3, 4});
  CHECK(values(joined({a}, 0)) == values(a));
  CHECK(joined({a}, 0).head() != a.head());
  const Tensor n = tensor(DType::int8, {1, 2}, {7, 8}), f = tensor(DType::float32, {1, 2}, {9, 1});
  CHECK(joined({n, f}, 0).dtype() == DType::float32);
  CHECK(values(joined({n, f}, 0)) == List{7, 8, 9, 1});
  CHECK(joined({n, tensor(DType::int16, {1, 2}, {1, 2})}, 0).dtype() == DType::int16);
  CHECK(joined({tensor(DType::boolean, {1}, {1}), tensor(i64, {1}, {2})}, 0).dtype() == i64);
}

TEST_CASE("cat passes over vectors without elements, keeps other empty tensors") {
  const Tensor a = noise({2, 3}, 1), none = tensor({0}, {});
  CHECK(values(joined({none, a, none}, 1)) == values(a));
  CHECK(sizes(joined({none, none}, 0)) == Sizes{0});
  CHECK(sizes(joined({tensor({0, 3}, {}), a}, 0)) == Sizes{2, 3});
  CHECK(sizes(joined({tensor({2, 0}, {}), tensor({2, 0}, {})}, 0)) == Sizes{4, 0});
  check_fails(TG_ERROR_SHAPE, "tensors[1] has shape [0, 2], tensors[0] has [2, 3]", [&] {
    joined({a, tensor({0, 2}, {})}, 0);
  });
}

TEST_CASE("what cat refuses") {
  const Tensor a = noise({2, 3}, 1);
  check_fails(TG_ERROR_INVALID_ARGUMENT, "count is 0", [] { joined({}, 0); });
  check_fails(TG_ERROR_SHAPE, "tensors[1] has shape [2, 2], tensors[0] has [2, 3]; their sizes",
              [&] {
                joined({a, noise({2, 2}, 1)}, 0);
              });
  check_fails(TG_ERROR_SHAPE, "tensors[2] has shape [3], tensors[1] has [2, 3]; their ranks", [&] {
    joined({tensor({0}, {}), a, noise({3}, 1)}, 0);
  });
  check_fails(TG_ERROR_SHAPE, "tensors[1], float64[], has rank 0", [&] {
    joined({a, tensor({}, {1})}, 0);
  });
  check_fails(TG_ERROR_INDEX, "dim is 2", [&] { joined({a, a}, 2); });
}

TEST_CASE("as many tensors as a node can hold, and one more") {
  const Tensor x = leaf(tensor({1}, {2}));
  std::vector<const Tensor*> list(65535, &x);
  const Tensor y = cat(list, 0);
  CHECK(sizes(y) == Sizes{65535});
  CHECK(values(gradients(sum(y), {}, {x})[0]) == List{65535});
  const Tensor s = stack(list, 1);
  CHECK(sizes(s) == Sizes{1, 65535});
  CHECK(values(gradients(sum(s), {}, {x})[0]) == List{65535});
  list.push_back(&x);
  check_fails(TG_ERROR_LIMIT, "count is 65536", [&] { cat(list, 0); });
  check_fails(TG_ERROR_LIMIT, "count is 65536", [&] { stack(list, 0); });
}

TEST_CASE("stack along each new dimension") {
  const Tensor a = tensor({2}, {1, 2}), b = tensor(DType::float32, {2}, {3, 4});
  CHECK(values(stacked({a, b}, 0)) == List{1, 2, 3, 4});
  CHECK(values(stacked({a, b}, -1)) == List{1, 3, 2, 4});
  CHECK(sizes(stacked({a, b, a}, 1)) == Sizes{2, 3});
  CHECK(stacked({a, b}, 0).dtype() == DType::float64);
  CHECK(values(stacked({tensor({}, {1}), tensor({}, {2})}, 0)) == List{1, 2});
  CHECK(sizes(stacked({tensor({0, 2}, {})}, 1)) == Sizes{0, 1, 2});
  const Tensor x = noise({2, 3}, 1), y = t(noise({3, 2}, 2));
  for (int dim = 0; dim < 3; ++dim) {
    CAPTURE(dim);
    check_close(stacked({x, y}, dim), values(joined({unsqueeze(x, dim), unsqueeze(y, dim)}, dim)),
                0);
  }
  check_fails(TG_ERROR_INVALID_ARGUMENT, "count is 0", [] { stacked({}, 0); });
  check_fails(TG_ERROR_SHAPE, "tensors[1] has shape [3], tensors[0] has [2]", [&] {
    stacked({a, noise({3}, 1)}, 0);
  });
  check_fails(TG_ERROR_INDEX, "dim is 2", [&] { stacked({a, a}, 2); });
  Shape highest;
  for (int d = 0; d < kMaxRank; ++d) highest.push(1);
  const Tensor deep = zeros(DType::float32, highest);
  check_fails(TG_ERROR_LIMIT, "rank 16", [&] { stacked({deep, deep}, 0); });
}

TEST_CASE("gradients of cat and stack") {
  const Inputs x = {leaf(noise({2, 3}, 1)), leaf(noise({2, 1}, 2)), leaf(noise({2, 3}, 3))};
  CHECK(gradcheck(
            [](const Inputs& in) {
              return exp(joined({in[0], tensor({0}, {}), in[1], noise({2, 2}, 4), in[2]}, 1));
            },
            x) == "");
  CHECK(gradcheck(
            [](const Inputs& in) {
              return exp(stacked({in[0], in[2], in[0]}, 1));
            },
            {x[0], x[1], x[2]}) == "");
  // Each operand's gradient has its own dtype and shape.
  const Tensor f = leaf(tensor(DType::float32, {1}, {1})), none = leaf(tensor({0}, {}));
  const Tensor d = leaf(tensor({1}, {2}));
  const auto found = gradients(joined({f, none, d}, 0), tensor({2}, {3, 4}), {f, none, d});
  CHECK(found[0].dtype() == DType::float32);
  CHECK(values(found[0]) == List{3});
  CHECK(sizes(found[1]) == Sizes{0});
  CHECK(values(found[2]) == List{4});
}

TEST_CASE("cat saves nothing, and takes inference tensors as constants") {
  Tensor constant, asking;
  {
    const test::Inference mode;
    constant = noise({2}, 1);
    asking = noise({2}, 1);
    set_requires_grad(asking, true);
  }
  const Tensor x = leaf(noise({2}, 2)), copy = mul_scalar(x, 1);
  const Tensor y = joined({constant, copy}, 0);
  copy.storage().raise_version();
  CHECK(values(gradients(sum(y), {}, {x})[0]) == List{1, 1});
  CHECK(requires_grad(stacked({x, constant}, 0)));
  CHECK_FALSE(requires_grad(joined({constant, asking}, 0)));
  check_fails(TG_ERROR_MODE, "Cat: operand 1", [&] { joined({x, asking}, 0); });
  check_fails(TG_ERROR_MODE, "Stack: operand 0", [&] { stacked({asking, x}, 0); });
  const test::NoGrad mode;
  CHECK_FALSE(requires_grad(joined({x, x}, 0)));
}

}  // namespace
}  // namespace tg
