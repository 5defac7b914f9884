// SPDX-License-Identifier: MIT
#include <cmath>

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

constexpr int32_t kNone = TG_REDUCTION_NONE, kMean = TG_REDUCTION_MEAN, kSum = TG_REDUCTION_SUM;
constexpr int64_t kIgnore = -100;

TEST_CASE("mse_loss") {
  const Tensor x = tensor({2, 2}, {1, 2, 3, 4}), y = tensor({2}, {0, 4});
  CHECK(values(mse_loss(x, y, kNone)) == List{1, 4, 9, 0});
  CHECK(values(mse_loss(x, y, kSum)) == List{14});
  CHECK(values(mse_loss(x, y, kMean)) == List{3.5});
  CHECK(mse_loss(x, y, kMean).rank() == 0);
  CHECK(values(mse_loss(t(x), y, kNone)) == List{1, 1, 4, 0});
  CHECK(mse_loss(x, tensor(DType::float32, {2}, {0, 4}), kMean).dtype() == DType::float64);
  CHECK(std::isnan(values(mse_loss(tensor({0}, {}), tensor({0}, {}), kMean))[0]));
  CHECK(values(mse_loss(tensor({0}, {}), tensor({0}, {}), kSum)) == List{0});
  check_fails(TG_ERROR_INVALID_ARGUMENT, "reduction is 3", [&] { mse_loss(x, y, 3); });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "reduction is -1", [&] { mse_loss(x, y, -1); });
  check_fails(TG_ERROR_DTYPE, "target has dtype int64", [&] {
    mse_loss(x, tensor(i64, {2}, {1, 2}), kMean);
  });
  check_fails(TG_ERROR_DTYPE, "x has dtype bool", [&] {
    mse_loss(tensor(DType::boolean, {2}, {1, 0}), y, kMean);
  });
  check_fails(TG_ERROR_SHAPE, "do not broadcast", [&] { mse_loss(x, noise({3}, 1), kMean); });
}

TEST_CASE("gradients of mse_loss") {
  const Inputs pair = {leaf(noise({2, 3}, 1)), leaf(noise({3}, 2))};
  for (const int32_t reduction : {kNone, kMean, kSum}) {
    CAPTURE(reduction);
    const auto f = [&](const Inputs& in) { return mse_loss(in[0], in[1], reduction); };
    CHECK(gradcheck(f, pair) == "");
    CHECK(gradcheck(f, {pair[0], leaf(noise({2, 3}, 3))}) == "");
  }
  const Tensor target = noise({3}, 4);
  const Tensor loss = mse_loss(pair[0], target, kMean);
  target.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "that MseLoss saved", [&] { gradients(loss, {}, {pair[0]}); });
}

TEST_CASE("nll_loss with weights, ignored targets and each reduction") {
  const Tensor x = tensor({3, 2}, {-1, -2, -3, -4, -5, -6});
  const Tensor target = tensor(i64, {3}, {1, 0, 1}), weight = tensor({2}, {2, 0.5});
  CHECK(values(nll_loss(x, target, {}, kIgnore, kNone)) == List{2, 3, 6});
  CHECK(values(nll_loss(x, target, {}, kIgnore, kSum)) == List{11});
  check_close(nll_loss(x, target, {}, kIgnore, kMean), {11.0 / 3}, 1e-15);
  CHECK(values(nll_loss(x, target, weight, kIgnore, kNone)) == List{1, 6, 3});
  check_close(nll_loss(x, target, weight, kIgnore, kMean), {10.0 / 3}, 1e-15);
  CHECK(values(nll_loss(x, target, {}, 0, kNone)) == List{2, 0, 6});
  CHECK(values(nll_loss(x, target, {}, 0, kMean)) == List{4});
  CHECK(std::isnan(values(nll_loss(x, tensor(i64, {3}, {7, 7, 7}), {}, 7, kMean))[0]));
  CHECK(values(nll_loss(tensor({2}, {-1, -2}), tensor(i64, {}, {1}), {}, kIgnore, kNone)) ==
        List{2});
  CHECK(std::isnan(
      values(nll_loss(tensor({0, 2}, {}), tensor(i64, {0}, {}), {}, kIgnore, kMean))[0]));
  // Strided operands: the same as their copies.
  const Tensor turned = t(noise({2, 3}, 1)),
               other = slice(tensor(i64, {6}, {1, 9, 0, 9, 1, 9}), 0, 0, INT64_MAX, 2);
  check_close(nll_loss(turned, other, slice(noise({4}, 2), 0, 0, INT64_MAX, 2), kIgnore, kSum),
              values(nll_loss(contiguous(turned), target,
                              contiguous(slice(noise({4}, 2), 0, 0, INT64_MAX, 2)), kIgnore, kSum)),
              0);
  // Classes in dimension 1, places behind them.
  const Tensor image = noise({2, 3, 2, 2}, 3);
  const Tensor places = tensor(i64, {2, 2, 2}, {0, 1, 2, 0, 1, 2, 0, 1});
  const Tensor losses = nll_loss(image, places, {}, kIgnore, kNone);
  CHECK(sizes(losses) == Sizes{2, 2, 2});
  check_close(losses, values(neg(squeeze_dim(gather(image, 1, unsqueeze(places, 1)), 1))), 0);
}

TEST_CASE("what nll_loss refuses") {
  const Tensor x = noise({2, 3}, 1), target = tensor(i64, {2}, {0, 2});
  check_fails(TG_ERROR_INDEX, "target[1] is 3; x has 3 classes", [&] {
    nll_loss(x, tensor(i64, {2}, {0, 3}), {}, kIgnore, kMean);
  });
  check_fails(TG_ERROR_INDEX, "target[0] is -1", [&] {
    nll_loss(x, tensor(i64, {2}, {-1, 3}), {}, kIgnore, kMean);
  });
  check_fails(TG_ERROR_INDEX, "target[1, 0] is 5", [] {
    nll_loss(noise({2, 3, 1}, 1), tensor(i64, {2, 1}, {0, 5}), {}, kIgnore, kMean);
  });
  check_fails(TG_ERROR_INDEX, "target[] is 4",
              [] { nll_loss(noise({3}, 1), tensor(i64, {}, {4}), {}, kIgnore, kMean); });
  check_fails(TG_ERROR_DTYPE, "target has dtype int32",
              [&] { nll_loss(x, to_dtype(target, DType::int32), {}, kIgnore, kMean); });
  check_fails(TG_ERROR_DTYPE, "x has dtype int64",
              [&] { nll_loss(to_dtype(x, i64), target, {}, kIgnore, kMean); });
  check_fails(TG_ERROR_DTYPE, "weight has dtype float32, x has float64",
              [&] { nll_loss(x, target, noise({3}, 1, DType::float32), kIgnore, kMean); });
  check_fails(TG_ERROR_SHAPE, "weight has shape [2]; it must be [3]",
              [&] { nll_loss(x, target, noise({2}, 1), kIgnore, kMean); });
  check_fails(TG_ERROR_SHAPE, "target must be [2]", [&] {
    nll_loss(x, tensor(i64, {3}, {0, 1, 2}), {}, kIgnore, kMean);
  });
  check_fails(TG_ERROR_SHAPE, "x has rank 0",
              [&] { nll_loss(tensor({}, {1}), tensor(i64, {}, {0}), {}, kIgnore, kMean); });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "reduction is 5",
              [&] { nll_loss(x, target, {}, kIgnore, 5); });
}

TEST_CASE("gradients of nll_loss") {
  const Tensor target = tensor(i64, {3}, {1, 0, 1}), weight = tensor({2}, {2, 0.5});
  const Inputs x = {leaf(noise({3, 2}, 1))};
  for (const int32_t reduction : {kNone, kMean, kSum}) {
    CAPTURE(reduction);
    for (const Tensor& w : {Tensor(), weight}) {
      CHECK(gradcheck(
                [&](const Inputs& in) {
                  return nll_loss(mul(in[0], in[0]), target, w, 0, reduction);
                },
                x) == "");
    }
    CHECK(gradcheck(
              [&](const Inputs& in) {
                return nll_loss(exp(in[0]), tensor(i64, {}, {1}), weight, kIgnore, reduction);
              },
              {leaf(noise({2}, 2))}) == "");
    CHECK(gradcheck(
              [&](const Inputs& in) {
                return nll_loss(exp(in[0]), tensor(i64, {2, 2}, {1, 0, 0, 1}), weight, kIgnore,
                                reduction);
              },
              {leaf(noise({2, 2, 2}, 3))}) == "");
  }
}

TEST_CASE("nll_loss saves target and weight, and weight gets no gradient") {
  const Tensor x = leaf(noise({2, 3}, 1)), target = tensor(i64, {2}, {0, 2});
  const Tensor weight = leaf(noise({3}, 2)), copy = mul_scalar(x, 1);
  const Tensor loss = nll_loss(copy, target, weight, kIgnore, kMean);
  copy.storage().raise_version();
  const auto found = gradients(loss, {}, {x, weight});
  CHECK(found[0]);
  CHECK_FALSE(found[1]);
  CHECK_FALSE(requires_grad(nll_loss(detach(x), target, weight, kIgnore, kMean)));
  weight.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "operand float64[3] that NllLoss saved",
              [&] { gradients(loss, {}, {x}); });
  const Tensor plain = nll_loss(x, target, {}, kIgnore, kMean);
  target.storage().raise_version();
  check_fails(TG_ERROR_VERSION, "operand int64[2] that NllLoss saved",
              [&] { gradients(plain, {}, {x}); });
  Tensor constant;
  {
    const test::Inference mode;
    constant = tensor(i64, {2}, {0, 1});
  }
  check_fails(TG_ERROR_MODE, "operand 1", [&] { nll_loss(x, constant, {}, kIgnore, kMean); });
  check_fails(TG_ERROR_MODE, "operand 1",
              [&] { cross_entropy(x, constant, {}, kIgnore, kMean, 0); });
}

// The definition, class by class.
double entropy_of_row(const List& row, int64_t target, const List& weight, double smoothing) {
  double total = 0;
  for (const double score : row) total += std::exp(score);
  double loss = 0;
  for (size_t c = 0; c < row.size(); ++c) {
    const double share = (static_cast<int64_t>(c) == target ? 1 - smoothing : 0) +
                         smoothing / static_cast<double>(row.size());
    loss -= share * weight[c] * (row[c] - std::log(total));
  }
  return loss;
}

TEST_CASE("cross_entropy against its definition") {
  const Tensor x = noise({3, 4}, 1);
  const Tensor target = tensor(i64, {3}, {1, 3, 0});
  const List weight = {0.5, 2, 1, 3}, ones(4, 1.0);
  for (const double smoothing : {0.0, 0.25, 1.0}) {
    CAPTURE(smoothing);
    List plain, weighted;
    for (int i = 0; i < 3; ++i) {
      const auto at = static_cast<int64_t>(values(target)[static_cast<size_t>(i)]);
      plain.push_back(entropy_of_row(values(select(x, 0, i)), at, ones, smoothing));
      weighted.push_back(entropy_of_row(values(select(x, 0, i)), at, weight, smoothing));
    }
    const Tensor w = tensor({4}, weight);
    check_close(cross_entropy(x, target, {}, kIgnore, kNone, smoothing), plain, 1e-14);
    check_close(cross_entropy(x, target, w, kIgnore, kNone, smoothing), weighted, 1e-14);
    check_close(cross_entropy(x, target, {}, kIgnore, kSum, smoothing),
                {plain[0] + plain[1] + plain[2]}, 1e-14);
    check_close(cross_entropy(x, target, {}, kIgnore, kMean, smoothing),
                {(plain[0] + plain[1] + plain[2]) / 3}, 1e-14);
    check_close(cross_entropy(x, target, w, kIgnore, kMean, smoothing),
                {(weighted[0] + weighted[1] + weighted[2]) / 5.5}, 1e-14);
    // The second row's class is ignored.
    check_close(cross_entropy(x, target, {}, 3, kNone, smoothing), {plain[0], 0, plain[2]}, 1e-14);
    check_close(cross_entropy(x, target, {}, 3, kMean, smoothing), {(plain[0] + plain[2]) / 2},
                1e-14);
    check_close(cross_entropy(select(x, 0, 1), select(target, 0, 1), {}, kIgnore, kMean, smoothing),
                {plain[1]}, 1e-14);
  }
  const Tensor image = noise({2, 3, 2, 2}, 2);
  const Tensor places = tensor(i64, {2, 2, 2}, {0, 1, 2, 0, 1, 2, 0, 1});
  const int64_t channels_last[] = {0, 2, 3, 1};
  const Tensor rows = reshape(permute(image, channels_last), test::shape_of({8, 3}).sizes, 2);
  check_close(cross_entropy(image, places, {}, kIgnore, kNone, 0.1),
              values(cross_entropy(rows, flatten(places, 0, 2), {}, kIgnore, kNone, 0.1)), 1e-14);
}

TEST_CASE("what cross_entropy refuses") {
  const Tensor x = noise({2, 3}, 1), target = tensor(i64, {2}, {0, 2});
  check_fails(TG_ERROR_INVALID_ARGUMENT, "label_smoothing is 1.5",
              [&] { cross_entropy(x, target, {}, kIgnore, kMean, 1.5); });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "label_smoothing is -0.1",
              [&] { cross_entropy(x, target, {}, kIgnore, kMean, -0.1); });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "it must be from 0 to 1", [&] {
    cross_entropy(x, target, {}, kIgnore, kMean, std::numeric_limits<double>::quiet_NaN());
  });
  check_fails(TG_ERROR_INVALID_ARGUMENT, "reduction is 4",
              [&] { cross_entropy(x, target, {}, kIgnore, 4, 0); });
  check_fails(TG_ERROR_INDEX, "target[0] is 3", [&] {
    cross_entropy(x, tensor(i64, {2}, {3, 0}), {}, kIgnore, kMean, 0);
  });
  check_fails(TG_ERROR_DTYPE, "target has dtype float64",
              [&] { cross_entropy(x, x, {}, kIgnore, kMean, 0); });
  check_fails(TG_ERROR_DTYPE, "has dtype float16",
              [&] { cross_entropy(to_dtype(x, DType::float16), target, {}, kIgnore, kMean, 0); });
  check_fails(TG_ERROR_SHAPE, "x has rank 0",
              [&] { cross_entropy(tensor({}, {1}), tensor(i64, {}, {0}), {}, kIgnore, kMean, 0); });
  check_fails(TG_ERROR_SHAPE, "target must be [2]",
              [&] { cross_entropy(x, tensor(i64, {1}, {0}), {}, kIgnore, kMean, 0); });
}

TEST_CASE("gradients of cross_entropy") {
  const Tensor target = tensor(i64, {3}, {1, 0, 3}), weight = tensor({4}, {0.5, 2, 1, 3});
  const Inputs x = {leaf(noise({3, 4}, 1))};
  for (const int32_t reduction : {kNone, kMean, kSum}) {
    for (const double smoothing : {0.0, 0.2}) {
      for (const Tensor& w : {Tensor(), weight}) {
        CAPTURE(reduction, smoothing);
        CHECK(gradcheck(
                  [&](const Inputs& in) {
                    return cross_entropy(in[0], target, w, 0, reduction, smoothing);
                  },
                  x) == "");
      }
    }
  }
  // softmax(x) - onehot(target), divided by the count.
  const Tensor p = softmax(x[0], 1);
  const Tensor expected =
      div_scalar(sub(p, tensor({3, 4}, {0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1})), 3);
  const Tensor loss = cross_entropy(x[0], target, {}, kIgnore, kMean, 0);
  check_close(gradients(loss, {}, x)[0], values(expected), 1e-15);
}

}  // namespace
}  // namespace tg
