// SPDX-License-Identifier: MIT
// The debug build's check of saved tensors: memory that changes behind the back of its version.
#include "autograd/shadow.h"

#include <catch2/catch.hpp>

#include <utility>

#include "ops/values.h"

#ifdef TG_DEBUG

namespace {

using namespace tg;
using namespace tg::test;

void run_backward(const Tensor& y) {
  const Tensor ones = ones_like(detach(y));
  const Tensor *const roots[] = {&y}, *const grads[] = {&ones};
  backward(roots, grads, {});
}

}  // namespace

TEST_CASE("a saved tensor whose memory changes without a version is found", "[shadow]") {
  const Tensor x = leaf(tensor({2, 3}, {1, 2, 3, 4, 5, 6}));
  for (const bool changes : {false, true}) {
    const Tensor once = mul_scalar(x, 1), y = exp(once),
                 z = mul(transpose(once, 0, 1), transpose(y, 0, 1));
    auto* elements = reinterpret_cast<double*>(once.data());
    const double before = elements[4];
    if (changes) elements[4] = 7;
    if (changes) {
      check_fails(TG_ERROR_INTERNAL, "its version has not", [&] { run_backward(z); });
    } else {
      run_backward(z);
    }
    elements[4] = before;
  }
}

#ifndef __SANITIZE_THREAD__
TEST_CASE("the look over all nodes finds what no node may reach", "[shadow]") {
  const size_t before = check_all_nodes();
  const Tensor x = leaf(tensor({2}, {1, 2}));
  {
    const Tensor y = exp(mul_scalar(x, 2));
    CHECK(check_all_nodes() == before + 3);  // with the leaf's
    auto* elements = reinterpret_cast<double*>(y.data());
    const double exponential = std::exchange(elements[0], 0);
    check_fails(TG_ERROR_INTERNAL, "its version has not", [] { check_all_nodes(); });
    elements[0] = exponential;
    CHECK(check_all_nodes() == before + 3);
  }
  CHECK(check_all_nodes() == before + 1);
  enter_mode(ModeEntry::inference_on);
  const Tensor made_there = tensor({2}, {1, 2});
  exit_mode(ModeKind::inference_mode);
  const auto bytes = static_cast<uint32_t>(saved_head_bytes(made_there));
  Node* node = make_node(Op{}, {1, 1, 1, bytes, 0, 0});
  save(*node, 0, made_there, 0);
  check_fails(TG_ERROR_INTERNAL, "is_inference", [] { check_all_nodes(); });
  let_go(node);
  CHECK(check_all_nodes() == before + 1);
}
#endif

#endif
