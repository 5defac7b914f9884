// SPDX-License-Identifier: MIT
#include "gradcheck.h"

namespace tg {
namespace {

using test::check_fails;
using test::gradcheck;
using test::gradients;
using test::i64;
using test::Inputs;
using test::leaf;
using test::noise;
using test::shape_of;
using test::sizes;
using test::tensor;
using test::values;
using List = std::vector<double>;
using Sizes = std::vector<int64_t>;

TEST_CASE("index_select takes int64 and int32 lists") {
  const Tensor x = tensor({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor index = tensor(i64, {4}, {2, 0, 2, 1});
  CHECK(values(index_select(x, 0, index)) == List{5, 6, 1, 2, 5, 6, 3, 4});
  CHECK(values(index_select(x, -1, tensor(DType::int32, {1}, {1}))) == List{2, 4, 6});
  CHECK(sizes(index_select(x, 1, tensor(i64, {}, {0}))) == Sizes{3, 1});
  CHECK(values(index_select(t(x), 1, index)) == values(contiguous(t(index_select(x, 0, index)))));
  CHECK(values(index_select(x, 0, slice(index, 0, 0, INT64_MAX, 2))) == List{5, 6, 5, 6});
  CHECK(sizes(index_select(x, 0, tensor(i64, {0}, {}))) == Sizes{0, 2});
  CHECK(values(index_select(tensor({}, {7}), 0, tensor(i64, {1}, {0}))) == List{7});
  for (const DType dtype : {DType::boolean, DType::float16, DType::int32, DType::float64}) {
    CHECK(values(index_select(tensor(dtype, {2}, {0, 1}), 0, tensor(i64, {2}, {1, 0}))) ==
          List{1, 0});
  }
}

TEST_CASE("what index_select refuses") {
  const Tensor x = noise({3, 2}, 1);
  check_fails(TG_ERROR_INDEX, "index[1] is 3; dimension 0 has size 3", [&] {
    index_select(x, 0, tensor(i64, {2}, {0, 3}));
  });
  check_fails(TG_ERROR_INDEX, "index[0] is -1",
              [&] { index_select(x, 0, tensor(i64, {1}, {-1})); });
  check_fails(TG_ERROR_INDEX, "index[] is 5", [&] { index_select(x, 1, tensor(i64, {}, {5})); });
  check_fails(TG_ERROR_INDEX, "dim is 2", [&] { index_select(x, 2, tensor(i64, {1}, {0})); });
  check_fails(TG_ERROR_SHAPE, "rank 2; it must have rank 0 or 1", [&] {
    index_select(x, 0, tensor(i64, {1, 1}, {0}));
  });
  check_fails(TG_ERROR_DTYPE, "index has dtype float64",
              [&] { index_select(x, 0, tensor({1}, {0})); });
  check_fails(TG_ERROR_SHAPE, "takes 1", [&] {
    index_select(tensor({}, {1}), 0, tensor(i64, {2}, {0, 0}));
  });
}

TEST_CASE("gather picks along a dimension") {
  const Tensor x = tensor({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(values(gather(x, 1, tensor(i64, {2, 2}, {2, 0, 1, 1}))) == List{3, 1, 5, 5});
  CHECK(values(gather(x, 0, tensor(i64, {3, 2}, {1, 0, 0, 1, 1, 1}))) == List{4, 2, 1, 5, 4, 5});
  CHECK(values(gather(t(x), -2, t(tensor(i64, {2, 2}, {2, 0, 1, 1})))) == List{3, 5, 1, 5});
  CHECK(values(gather(x, 1, tensor(i64, {1, 1}, {2}))) == List{3});
  CHECK(sizes(gather(x, 1, tensor(i64, {2, 0}, {}))) == Sizes{2, 0});
  CHECK(values(gather(tensor({}, {7}), -1, tensor(i64, {}, {0}))) == List{7});
}

TEST_CASE("what gather refuses") {
  const Tensor x = noise({2, 3}, 1);
  check_fails(TG_ERROR_INDEX, "index[1, 0] is 3; dimension 1 has size 3", [&] {
    gather(x, 1, tensor(i64, {2, 2}, {0, 1, 3, -1}));
  });
  check_fails(TG_ERROR_INDEX, "is -1", [&] { gather(x, 1, tensor(i64, {1, 1}, {-1})); });
  check_fails(TG_ERROR_INDEX, "index[] is 1",
              [&] { gather(tensor({}, {1}), 0, tensor(i64, {}, {1})); });
  check_fails(TG_ERROR_SHAPE, "their ranks must be equal", [&] {
    gather(x, 1, tensor(i64, {2}, {0, 1}));
  });
  check_fails(TG_ERROR_SHAPE, "must not be larger than x", [&] {
    gather(x, 1, tensor(i64, {3, 1}, {0, 1, 0}));
  });
  check_fails(TG_ERROR_DTYPE, "index has dtype int32", [&] {
    gather(x, 1, tensor(DType::int32, {1, 1}, {0}));
  });
  check_fails(TG_ERROR_INDEX, "dim is -3", [&] { gather(x, -3, tensor(i64, {1, 1}, {0})); });
}

TEST_CASE("scatter_add and index_add add what meets in one place") {
  CHECK(values(scatter_add(shape_of({3}), 0, tensor(i64, {4}, {2, 0, 2, 2}),
                           tensor({4}, {1, 2, 3, 4}))) == List{2, 0, 8});
  CHECK(values(index_add(shape_of({2, 2}), 1, tensor(i64, {3}, {1, 1, 0}),
                         tensor({2, 3}, {1, 2, 3, 4, 5, 6}))) == List{3, 3, 6, 9});
  const Tensor half =
      index_add(shape_of({2}), 0, tensor(i64, {2}, {1, 1}), tensor(DType::float16, {2}, {1, 2}));
  CHECK(half.dtype() == DType::float16);
  CHECK(values(half) == List{0, 3});
  check_fails(TG_ERROR_DTYPE, "source has dtype int64",
              [] { scatter_add(shape_of({3}), 0, tensor(i64, {1}, {0}), tensor(i64, {1}, {1})); });
  check_fails(TG_ERROR_INDEX, "index[0] is 3",
              [] { index_add(shape_of({3}), 0, tensor(i64, {1}, {3}), tensor({1}, {1})); });
  check_fails(TG_ERROR_SHAPE, "it must be [1]", [] {
    index_add(shape_of({3}), 0, tensor(i64, {1}, {2}), tensor({2}, {1, 2}));
  });
}

TEST_CASE("gradients of index_select and gather") {
  const Inputs x = {leaf(noise({3, 4}, 1))};
  const Tensor list = tensor(i64, {5}, {2, 0, 2, 1, 2});
  const Tensor places = tensor(i64, {2, 3}, {2, 0, 2, 1, 1, 1});
  CHECK(gradcheck([&](const Inputs& in) { return exp(index_select(in[0], 0, list)); }, x) == "");
  CHECK(gradcheck([&](const Inputs& in) { return exp(index_select(t(in[0]), 1, list)); }, x) == "");
  CHECK(gradcheck([&](const Inputs& in) { return exp(gather(in[0], 1, places)); }, x) == "");
  CHECK(gradcheck([&](const Inputs& in) { return exp(gather(in[0], -2, places)); }, x) == "");
  const Inputs zero = {leaf(tensor({}, {2}))};
  const Tensor first = tensor(i64, {}, {0});
  CHECK(gradcheck([&](const Inputs& in) { return exp(gather(in[0], 0, first)); }, zero) == "");
  CHECK(gradcheck([&](const Inputs& in) { return exp(index_select(in[0], 0, first)); }, zero) ==
        "");
  const Inputs source = {leaf(noise({2, 3}, 2))};
  CHECK(gradcheck(
            [&](const Inputs& in) {
              return exp(scatter_add(shape_of({2, 4}), 1, places, in[0]));
            },
            source) == "");
  CHECK(gradcheck(
            [&](const Inputs& in) {
              return exp(index_add(shape_of({4, 3}), 0, tensor(i64, {2}, {3, 3}), in[0]));
            },
            source) == "");
}

TEST_CASE("gather and index_select save the index alone") {
  const Tensor x = leaf(noise({3}, 1)), index = tensor(i64, {2}, {0, 2});
  const Tensor copy = mul_scalar(x, 1);
  const Tensor picked = gather(copy, 0, index), chosen = index_select(copy, 0, index);
  copy.storage().raise_version();
  CHECK(gradients(picked, tensor({2}, {1, 2}), {x})[0]);
  CHECK(gradients(chosen, tensor({2}, {1, 2}), {x})[0]);
  index.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "operand int64[2] that Gather saved", [&] {
    gradients(picked, tensor({2}, {1, 2}), {x});
  });
  check_fails(TG_ERROR_VERSION, "that IndexSelect saved", [&] {
    gradients(chosen, tensor({2}, {1, 2}), {x});
  });
  Tensor constant;
  {
    const test::Inference mode;
    constant = tensor(i64, {2}, {0, 1});
  }
  check_fails(TG_ERROR_MODE, "Gather: operand 1", [&] { gather(x, 0, constant); });
  check_fails(TG_ERROR_MODE, "IndexSelect: operand 1", [&] { index_select(x, 0, constant); });
  CHECK(values(index_select(detach(x), 0, constant)).size() == 2);
}

}  // namespace
}  // namespace tg
