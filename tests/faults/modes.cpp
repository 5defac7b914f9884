// SPDX-License-Identifier: MIT
// Every scenario in every mode: what does not fail gives the same bits, and in inference mode
// nothing is recorded, whatever is called.
#include <catch2/catch.hpp>
#include <map>
#include <memory>

#include "base/thread.h"
#include "calls/scenarios.h"

namespace {

using calls::Scenario;
using calls::World;

// The results that a scenario made, each as dtype, shape and bits.
std::vector<std::string> results_of(const World& world) {
  std::vector<std::string> list;
  for (const auto& some : world.made()) {
    for (const tg_handle made : some) {
      int32_t dtype = 0, rank = 0;
      int64_t sizes[16], count = 0;
      if (made == 0 || tg_tensor_dtype(made, &dtype) != TG_OK) continue;
      REQUIRE(tg_tensor_shape(made, sizes, 16, &rank) == TG_OK);
      REQUIRE(tg_tensor_numel(made, &count) == TG_OK);
      std::string bits(static_cast<size_t>(count) * 8, 0);
      size_t bytes = 0;
      for (const size_t size : {1, 2, 4, 8}) {  // the one that fits
        bytes = static_cast<size_t>(count) * size;
        if (tg_tensor_copy_out(made, bits.data(), bytes) == TG_OK) break;
      }
      bits.resize(bytes);
      std::string text = std::to_string(dtype) + ":";
      for (int32_t d = 0; d < rank; ++d) text += std::to_string(sizes[d]) + ",";
      list.push_back(text + bits);
    }
  }
  return list;
}

enum class Mode { normal, no_grad, inference };

struct Outcome {
  tg_status status;
  std::vector<std::string> results;
  uint64_t recorded;  // nodes
};

Outcome run(const Scenario& scenario, Mode mode) {
  World world;
  if (mode == Mode::no_grad) REQUIRE(tg_no_grad_enter() == TG_OK);
  if (mode == Mode::inference) REQUIRE(tg_inference_mode_enter(1) == TG_OK);
  const uint64_t before = tg::thread_record().sequence;
  Outcome outcome{scenario.call(world), {}, 0};
  outcome.recorded = tg::thread_record().sequence - before;
  if (outcome.status == TG_OK) outcome.results = results_of(world);
  return outcome;  // the world's end leaves all modes
}

// They leave or replace inference mode, which is their purpose.
bool changes_modes(const std::string& name) {
  return name.find("_mode_") != std::string::npos || name.find("_grad_e") != std::string::npos ||
         name.find("tg_state") != std::string::npos || name == "tg_call";
}

}  // namespace

TEST_CASE("what does not fail gives the same bits in every mode", "[faults]") {
  size_t compared = 0, failed = 0;
  for (const Scenario& scenario : calls::all_scenarios()) {
    if (changes_modes(scenario.name)) continue;
    INFO(scenario.name);
    const Outcome normal = run(scenario, Mode::normal);
    CHECK(normal.status == TG_OK);
    for (const Mode mode : {Mode::no_grad, Mode::inference}) {
      const Outcome other = run(scenario, mode);
      if (other.status != TG_OK) {
        ++failed;
        continue;
      }
      CHECK(other.results == normal.results);
      compared += normal.results.size();
    }
  }
  WARN(compared << " results compared, " << failed << " calls refused");
  CHECK(compared > 250);
}

TEST_CASE("in inference mode the tape does not grow, whatever is called", "[faults]") {
  size_t calls = 0;
  for (const Scenario& scenario : calls::all_scenarios()) {
    if (changes_modes(scenario.name)) continue;
    INFO(scenario.name);
    const Outcome outcome = run(scenario, Mode::inference);
    CHECK(outcome.recorded == 0);
    ++calls;
  }
  CHECK(calls > 300);
}
