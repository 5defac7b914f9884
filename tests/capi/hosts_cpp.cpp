// SPDX-License-Identifier: MIT
// What hosts lend, foreign functions and calls by name, through tapegrad.hpp.
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/tensors.h"
#include "tapegrad/tapegrad.hpp"

namespace tg = tapegrad;

namespace {

tg::Tensor numbers(bool requires_grad = false) {
  return tg::tensor({1.0, 2.0, 3.0}, tg::DType::float64, requires_grad);
}

}  // namespace

TEST_CASE("a token in use ends a backward, and its guard puts the former one back", "[cpp]") {
  const tg::Token token;
  const tg::Tensor loss = numbers(true).sum();
  {
    const tg::UseToken use(token);
    CHECK_FALSE(token.is_cancelled());
    token.cancel();
    CHECK(token.is_cancelled());
    try {
      loss.backward();
      FAIL("not cancelled");
    } catch (const tg::Error& error) {
      CHECK(error.code() == TG_ERROR_CANCELLED);
    }
  }
  CHECK_NOTHROW(loss.backward());
}

TEST_CASE("a log gets the message of a failing call, and what it throws harms nobody", "[cpp]") {
  std::vector<std::string> lines;
  tg::set_log([&](int32_t level, const char* text) {
    lines.push_back(std::to_string(level) + " " + text);
    throw std::runtime_error("from the log");
  });
  CHECK_THROWS_AS(numbers().view({2, 2}), tg::Error);
  tg::set_log({});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("1 tg_view") == 0);
  CHECK_THROWS_AS(numbers().view({2, 2}), tg::Error);
  CHECK(lines.size() == 1);
}

TEST_CASE("a pressure function says whether a request is worth another try", "[cpp]") {
  int asked = 0;
  bool again = false;
  tg::set_memory_pressure([&](uint64_t, uint64_t wanted) {
    ++asked;
    CHECK(wanted >= 8000000);
    if (again) tg::memory::set_limit(0);
    return again;
  });
  tg::memory::set_limit(tg::memory::current() + 1000);
  CHECK_THROWS_AS(tg::zeros({1000000}, tg::DType::float64), tg::Error);
  CHECK(asked == 1);
  again = true;
  CHECK_NOTHROW(tg::zeros({1000000}, tg::DType::float64));  // it took the limit away
  CHECK(asked == 2);
  tg::memory::set_limit(0);
  tg::set_memory_pressure({});
  CHECK_NOTHROW(tg::zeros({1000000}, tg::DType::float64));
}

TEST_CASE("a lent pool computes what the library's own does", "[cpp]") {
  tg::manual_seed(3);
  const tg::Tensor a = tg::randn({400, 400}), own = a.mm(a);
  std::size_t runs = 0;
  tg::set_parallel_for([&](std::size_t count, tg_job_fn run, void* job) {
    for (std::size_t i = count; i-- > 0; ++runs) run(job, i);
  });
  const int32_t threads = tg::num_threads();
  tg::set_num_threads(2);
  const tg::Tensor lent = a.mm(a);
  tg::set_parallel_for({});
  tg::set_num_threads(threads);
  CHECK(runs > 0);
  CHECK((own == lent).to(tg::DType::int64).min().item() == 1);
}

TEST_CASE("a tensor goes out by DLPack and comes back as the same memory", "[cpp]") {
  tg::Tensor x = numbers();
  const tg::Tensor back = tg::from_dlpack(tg::to_dlpack(x));
  x.fill_(7);
  CHECK(back.to_vector<double>() == std::vector<double>{7, 7, 7});
  CHECK_THROWS_AS(tg::to_dlpack(numbers(true)), tg::Error);
}

TEST_CASE("a foreign function is an operator with a gradient", "[cpp]") {
  tg_ffi_definition definition{};
  definition.name = "Sine";
  definition.library = "libm.so.6";
  definition.symbol = "sin";
  definition.signature = "f64 -> f64";
  definition.backward_symbol = "cos";
  definition.backward_signature = "f64 -> f64";
  const tg::Operator sine(definition);
  const tg::Tensor x = numbers(true), y = sine({x});
  y.sum().backward();
  for (int i = 0; i < 3; ++i) {
    CHECK(y.to_vector<double>()[static_cast<size_t>(i)] == std::sin(i + 1.0));
    CHECK(x.grad().to_vector<double>()[static_cast<size_t>(i)] == std::cos(i + 1.0));
  }
  definition.symbol = "no_such_function";
  CHECK_THROWS_AS(tg::Operator(definition), tg::Error);
}

TEST_CASE("a function is called by its name, and described", "[cpp]") {
  tg_value value{};
  value.type = TG_VALUE_DOUBLE;
  value.as.number = 2.5;
  tg_value dtype{};
  dtype.type = TG_VALUE_INT64;
  dtype.as.integer = TG_FLOAT64;
  const std::vector<tg_value> results = tg::call("tg_scalar", {value, dtype});
  REQUIRE(results.size() == 1);
  CHECK(tg::Tensor(results[0].as.handle).item() == 2.5);
  try {
    tg::call("tg_nothing", {});
    FAIL("called");
  } catch (const tg::Error& error) {
    CHECK(error.code() == TG_ERROR_NOT_FOUND);
  }
  char text[200];
  tg_frame frame{};
  frame.struct_size = sizeof frame;
  frame.error = text;
  frame.error_capacity = sizeof text;
  tg::clear_last_error();
  try {
    tg::call("tg_nothing", {}, &frame);
    FAIL("called");
  } catch (const tg::Error& error) {
    CHECK(std::string(error.what()).find("tg_nothing") != std::string::npos);
  }
  CHECK(tg::last_error() == TG_OK);
  CHECK(tg::describe("tg_add").find("\"tg_add\"") != std::string::npos);
  CHECK(tg::describe().size() > 100000);
}
