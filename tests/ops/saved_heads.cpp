// SPDX-License-Identifier: MIT
// The head of a saved tensor lies in its node's block. Where somebody still holds it when the node
// lets go of it, the block stays for it, and goes with it.
#include <catch2/catch.hpp>
#include <cstring>
#include <vector>

#include "autograd/node.h"
#include "autograd/record.h"
#include "core/extras.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace {

tg::Tensor filled(float value, bool requires_grad = true) {
  const int64_t sizes[] = {3};
  tg::Tensor x = tg::make_tensor(tg::DType::float32, sizes, 1);
  for (int i = 0; i < 3; ++i) reinterpret_cast<float*>(x.data())[i] = value;
  if (requires_grad) tg::set_requires_grad(x, true);
  return x;
}
bool holds(const tg::Tensor& x, float value) {
  for (int i = 0; i < 3; ++i) {
    if (reinterpret_cast<const float*>(x.data())[i] != value) return false;
  }
  return x.rank() == 1 && x.size(0) == 3 && x.stride(0) == 1;
}
tg::Node& node_of(const tg::Tensor& y) { return *tg::Edge(tg::history_word(*y.head())).node(); }

// Blocks of the sizes that nodes have, all written over: what was given back too early is lost.
void overwrite_free_blocks() {
  std::vector<void*> blocks;
  for (size_t size = 16; size <= 512; size += 16) {
    for (int i = 0; i < 8; ++i) {
      blocks.push_back(tg::take(size));
      std::memset(blocks.back(), 0xab, size);
    }
  }
  for (size_t i = 0; i < blocks.size(); ++i) tg::give_back(blocks[i], 16 * (i / 8 + 1));
}

}  // namespace

TEST_CASE("a saved tensor outlives its node", "[saved_heads]") {
  const uint64_t before = tg::memory_current();
  {
    tg::Tensor kept;
    {
      const tg::Tensor a = filled(2), b = filled(5);
      tg::Tensor y = tg::mul(a, b);
      kept = node_of(y).saved()[0].tensor;
      REQUIRE(kept.head()->embedded != 0);
    }
    overwrite_free_blocks();
    CHECK(holds(kept, 2));
    const tg::Tensor again = tg::mul(kept, kept);
    CHECK(holds(again, 4));
  }
  CHECK(tg::memory_current() == before);
}

TEST_CASE("all saved tensors of a node outlive it, and the last takes the block along",
          "[saved_heads]") {
  const uint64_t before = tg::memory_current();
  {
    tg::Tensor first, second;
    {
      const tg::Tensor y = tg::mul(filled(2), filled(5));
      first = node_of(y).saved()[0].tensor;
      second = node_of(y).saved()[1].tensor;
    }
    overwrite_free_blocks();
    CHECK(holds(first, 2));
    first.reset();
    overwrite_free_blocks();
    CHECK(holds(second, 5));
  }
  CHECK(tg::memory_current() == before);
}

TEST_CASE("a saved tensor outlives the backward that consumed it", "[saved_heads]") {
  const tg::Tensor a = filled(2), b = filled(5);
  const uint64_t before = tg::memory_current();
  {
    tg::Tensor kept;
    {
      const tg::Tensor loss = tg::sum(tg::mul(a, b));
      kept = node_of(loss).inputs()[0].node()->saved()[1].tensor;
      const tg::Tensor* const roots[] = {&loss};
      tg::backward(roots, {}, {});
      CHECK_FALSE(node_of(loss).inputs()[0].node()->saved()[1].tensor);
    }
    overwrite_free_blocks();
    CHECK(holds(kept, 5));
  }
  tg::zero_grad(a);
  tg::zero_grad(b);
  CHECK(tg::memory_current() == before);
}

TEST_CASE("a name goes along with a saved tensor, and ends with it", "[saved_heads]") {
  const tg::Tensor a = filled(2), b = filled(5);
  tg::set_name(a, "width");
  tg::Tensor kept;
  {
    const tg::Tensor y = tg::mul(a, b);
    CHECK(tg::name_of_tensor(*node_of(y).saved()[0].tensor.head()) == "width");
    kept = node_of(y).saved()[0].tensor;
  }
  overwrite_free_blocks();
  CHECK(tg::name_of_tensor(*kept.head()) == "width");
  CHECK(holds(kept, 2));
}
