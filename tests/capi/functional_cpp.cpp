// SPDX-License-Identifier: MIT
// Functional derivatives and pictures through tapegrad.hpp.
#include <catch2/catch.hpp>
#include <stdexcept>

#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;
using tg::Tensor;
using List = std::vector<Tensor>;

namespace {

Tensor vector_of(std::initializer_list<double> values) {
  return tg::tensor(values, tg::DType::float64);
}
List two(const List& x) { return {x[0] * x[1], x[0].sum()}; }
List cubes(const List& x) { return {(x[0] * x[0] * x[0]).sum()}; }

}  // namespace

TEST_CASE("vjp, jvp and hvp take lambdas", "[cpp]") {
  const uint64_t live = tg_live_handles();
  {
    const Tensor x = vector_of({1, 2}), y = vector_of({3, 4}), v = vector_of({1, 10});
    const Tensor one = vector_of({1}).reshape({});
    const tg::Products back = tg::vjp(two, {x, y}, {v, one});
    REQUIRE(back.outs.size() == 2);
    CHECK(back.products[0].to_vector<double>() == std::vector<double>{4, 41});
    CHECK(back.products[1].to_vector<double>() == std::vector<double>{1, 20});
    const tg::Products along = tg::jvp(two, {x, y}, {v, Tensor()}, 2);
    CHECK(along.products[0].to_vector<double>() == std::vector<double>{3, 40});
    CHECK(along.products[1].item() == 11);
    CHECK(tg::hvp(cubes, {x}, {v})[0].to_vector<double>() == std::vector<double>{6, 120});
    const tg::Gradcheck right = tg::gradcheck(cubes, {x}, 2);
    CHECK(right.passed);
    CHECK_THAT(right.report, Catch::Contains("order 2: all 6 elements agree"));
    const tg::Gradcheck wrong =
        tg::gradcheck([](const List& in) { return List{in[0] * in[0].detach()}; }, {x});
    CHECK(!wrong.passed);
    CHECK_THAT(wrong.report, Catch::Contains("worst: outs[0] at [1]"));
  }
  CHECK(tg_live_handles() == live);
}

TEST_CASE("what a function throws comes out of the call", "[cpp]") {
  const Tensor x = vector_of({1, 2});
  try {
    tg::vjp([](const List& in) { return List{in[0].mm(in[0])}; }, {x}, {x});
    FAIL("no error");
  } catch (const tg::Error& error) {
    CHECK(error.code() == TG_ERROR_SHAPE);
  }
  CHECK_THROWS_WITH(tg::vjp([](const List&) { return List{}; }, {x}, {x}),
                    Catch::Contains("gave 0 tensors, not 1"));
  CHECK_THROWS_WITH(tg::jvp(cubes, {x}, {}), Catch::Contains("not as many"));
  CHECK_THROWS_WITH(tg::hvp(cubes, {x}, {x, x}), Catch::Contains("not as many"));
  CHECK_THROWS_WITH(
      tg::hvp([](const List&) -> List { throw std::runtime_error("my own reason"); }, {x}, {x}),
      Catch::Contains("my own reason"));
}

TEST_CASE("pictures and explanations as strings", "[cpp]") {
  Tensor x = vector_of({1, 2});
  x.set_requires_grad(true);
  const Tensor loss = (x * x).sum();
  CHECK_THAT(tg::graph_dot(loss), Catch::StartsWith("digraph tape {") && Catch::EndsWith("}\n"));
  CHECK_THAT(tg::graph_json(loss), Catch::Contains("\"node_count\": 3"));
  CHECK_THAT(tg::explain(loss), Catch::Contains("It requires grad"));
}
