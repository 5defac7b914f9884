// SPDX-License-Identifier: MIT
// Every function of the header that runs callbacks, while the k-th of them fails: at once, or after
// it has done its work. The status is TG_ERROR_CALLBACK, nothing that a caller can see has changed,
// and then the call works.
#include <catch2/catch.hpp>
#include <memory>
#include <set>

#include "calls/scenarios.h"

namespace {

using calls::Scenario;
using calls::World;

// What a pass had run of a graph that is not retained is freed (the header, at Autograd).
bool frees_graph(const std::string& name) { return name == "tg_backward" || name == "tg_grad"; }

// The function of a mode's call stores what it makes where it likes.
bool makes_itself(const std::string& name) { return name.ends_with("_call"); }

struct Sweep {
  uint64_t failures = 0;
  std::set<std::string> functions;
};

void sweep(const Scenario& scenario, bool late, Sweep& total) {
  INFO(scenario.name << (late ? ", late" : ", at once"));
  const uint64_t live = tg_live_handles();
  const bool keeps_graph = !frees_graph(scenario.name);
  auto world = std::make_unique<World>();
  std::string before = world->fingerprint(keeps_graph);
  for (uint64_t k = 1; k < 1000; ++k) {
    calls::failing_callback = {k, 0, late};
    const tg_status status = scenario.call(*world);
    const bool failed = calls::failing_callback.counted >= k;
    calls::failing_callback = {};
    INFO("callback " << k << ": status " << status << ": " << tg_last_error_message());
    if (!failed) {
      CHECK(status == TG_OK);
      break;
    }
    ++total.failures;
    total.functions.insert(scenario.name);
    CHECK(status == TG_ERROR_CALLBACK);
    if (status != TG_ERROR_CALLBACK) break;
    CHECK(std::string(tg_last_error_message()).find("returned 77") != std::string::npos);
    int64_t number = 0;
    tg_last_error_detail(&number, nullptr);
    CHECK(number == calls::kOwnNumber);
    if (!makes_itself(scenario.name)) CHECK(world->gave_nothing());
    world->release_made();
    CHECK(world->fingerprint(keeps_graph) == before);
    if (!keeps_graph) {
      world.reset();  // before the next one: their scopes must not nest
      world = std::make_unique<World>();
      before = world->fingerprint(keeps_graph);
    }
  }
  world.reset();
  CHECK(tg_live_handles() == live);
}

}  // namespace

TEST_CASE("a failing callback is a status, changes nothing, and the next call works", "[faults]") {
  Sweep total;
  for (const Scenario& scenario : calls::all_scenarios()) {
    for (const bool late : {false, true}) sweep(scenario, late, total);
  }
  WARN(total.failures << " failing callbacks in " << total.functions.size() << " functions");
  // The floor: a sweep that fails nothing proves nothing.
  for (const char* function :
       {"tg_inference_mode_call", "tg_operator_apply", "tg_tensor_hook", "tg_node_hook", "tg_vjp",
        "tg_jvp", "tg_hvp", "tg_gradcheck", "tg_checkpoint", "tg_saved_tensor_hooks_enter",
        "tg_module_forward"}) {
    INFO(function);
    CHECK(total.functions.count(function) == 1);
  }
}
