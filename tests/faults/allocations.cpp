// SPDX-License-Identifier: MIT
// Every function of the header while its k-th allocation fails, once or from there on: the status
// is TG_ERROR_OUT_OF_MEMORY, nothing that a caller can see has changed, and then the call works.
// File operations fail likewise, and the old file stays.
#include <catch2/catch.hpp>
#include <memory>

#include "base/thread.h"
#include "calls/header.h"
#include "calls/scenarios.h"
#include "io/failing_files.h"

namespace {

using calls::Scenario;
using calls::World;

// The one allowed trace of a failed call: what a pass had run of its graph is freed (the header, at
// Autograd). `.grad` is as before even so.
bool frees_graph(const std::string& name) { return name == "tg_backward" || name == "tg_grad"; }

// The first place where two fingerprints differ, readable.
std::string difference(const std::string& before, const std::string& after) {
  size_t at = 0;
  while (at < after.size() && at < before.size() && after[at] == before[at]) ++at;
  const size_t from = at > 60 ? at - 60 : 0;
  std::string text = "before: " + before.substr(from, 140) + "\nafter:  " + after.substr(from, 140);
  for (char& c : text) {
    if (c != '\n' && (c < ' ' || c > '~')) c = '.';
  }
  return text;
}

struct Sweep {
  uint64_t failures = 0;   // calls that failed
  uint64_t scenarios = 0;  // with at least one of them
};

void sweep(const Scenario& scenario, bool lasting, Sweep& total) {
  INFO(scenario.name << (lasting ? ", lasting" : ", once"));
  const uint64_t live = tg_live_handles();
  const bool keeps_graph = !frees_graph(scenario.name);
  uint64_t failures = 0;
  auto world = std::make_unique<World>();
  std::string before = world->fingerprint(keeps_graph);
  for (uint64_t k = 1;; ++k) {
    tg::fail_allocation(k, lasting);
    const tg_status status = scenario.call(*world);
    const bool injected = tg::fail_allocation(0, false) >= k;
    INFO("allocation " << k << ": status " << status << ": " << tg_last_error_message());
    if (!injected) {
      CHECK(status == TG_OK);
      break;
    }
    ++failures;
    CHECK(status == TG_ERROR_OUT_OF_MEMORY);
    if (status != TG_ERROR_OUT_OF_MEMORY) break;
    CHECK(std::string(tg_last_error_message()).find("out of memory") != std::string::npos);
    CHECK(world->gave_nothing());
    world->release_made();
    if (const std::string after = world->fingerprint(keeps_graph); after != before) {
      FAIL_CHECK(difference(before, after));
      break;
    }
    if (!keeps_graph) {
      world.reset();  // before the next one: their scopes must not nest
      world = std::make_unique<World>();
      before = world->fingerprint(keeps_graph);
    }
  }
  world.reset();
  CHECK(tg_live_handles() == live);
  total.failures += failures;
  total.scenarios += failures > 0;
}

}  // namespace

TEST_CASE("the scenarios have every function of the header", "[faults]") {
  std::set<std::string> names;
  for (const Scenario& scenario : calls::all_scenarios()) names.insert(scenario.name);
  CHECK(names == calls::functions_of_header());
}

TEST_CASE("a failing allocation is a status, changes nothing, and the next call works",
          "[faults]") {
  Sweep total;
  for (const Scenario& scenario : calls::all_scenarios()) {
    for (const bool lasting : {false, true}) sweep(scenario, lasting, total);
  }
  WARN(total.failures << " failing allocations in " << total.scenarios
                      << " scenarios, each with the fingerprint compared");
  // The floor: a sweep that fails nothing proves nothing.
  CHECK(total.failures > 1300);
  CHECK(total.scenarios > 300);
}

TEST_CASE("a failing file operation of a save keeps the old file", "[faults]") {
  World world;
  const std::string old = calls::bytes_of_file(world.path);
  const std::string folder = world.path.substr(0, world.path.rfind('/'));
  const tg_status changed = tg_dict_set(world.dict, "new", world.q);
  REQUIRE(changed == TG_OK);
  const std::string before = world.fingerprint();
  int failures = 0, ignored = 0;
  for (int k = 1;; ++k) {
    files::Plan plan;
    plan.fail_at = k;
    tg_status status = TG_OK;
    {
      const files::Failing failing(plan);
      status = tg_safetensors_save(world.path.c_str(), world.dict);
    }
    INFO("operation " << k << ": " << tg_last_error_message());
    if (files::plan.counted < k) {
      CHECK(status == TG_OK);
      break;
    }
    size_t names = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++names;
    CHECK(names == 1);      // no file beside it is left behind
    if (status == TG_OK) {  // after the rename: the folder's fsync and close
      ++ignored;
      CHECK(calls::bytes_of_file(world.path) != old);
      std::ofstream(world.path, std::ios::binary) << old;
      continue;
    }
    ++failures;
    CHECK(status == TG_ERROR_IO);
    int64_t number = 0;
    tg_last_error_detail(&number, nullptr);
    CHECK(number == EIO);
    CHECK(std::string(tg_last_error_message()).find(world.path) != std::string::npos);
    CHECK(calls::bytes_of_file(world.path) == old);
    CHECK(world.fingerprint() == before);
  }
  CHECK(calls::bytes_of_file(world.path) != old);
  CHECK(failures >= 5);
  CHECK(ignored <= 4);
}

TEST_CASE("a failing file operation of a save keeps the old file of NumPy's", "[faults]") {
  for (const bool archive : {false, true}) {
    World world;
    const std::string& path = archive ? world.npz : world.npy;
    const std::string old = calls::bytes_of_file(path);
    REQUIRE(tg_dict_set(world.dict, "new", world.q) == TG_OK);
    int failures = 0;
    for (int k = 1;; ++k) {
      files::Plan plan;
      plan.fail_at = k;
      tg_status status = TG_OK;
      {
        const files::Failing failing(plan);
        status =
            archive ? tg_npz_save(path.c_str(), world.dict) : tg_npy_save(path.c_str(), world.q);
      }
      if (files::plan.counted < k) break;
      if (status == TG_OK) continue;  // after the rename
      ++failures;
      CHECK(status == TG_ERROR_IO);
      CHECK(calls::bytes_of_file(path) == old);
    }
    CHECK(calls::bytes_of_file(path) != old);
    CHECK(failures >= 5);
    std::ofstream(path, std::ios::binary) << old;
  }
}

TEST_CASE("a failing file operation of a load gives no dictionary", "[faults]") {
  const struct {
    const char* what;
    tg_status (*load)(const World& world, tg_handle* out);
  } loads[] = {
      {"read",
       [](const World& w, tg_handle* out) { return tg_safetensors_load(w.path.c_str(), 0, out); }},
      {"mapped",
       [](const World& w, tg_handle* out) {
         return tg_safetensors_load(w.path.c_str(), TG_FILE_MAP, out);
       }},
      {"npy", [](const World& w, tg_handle* out) { return tg_npy_load(w.npy.c_str(), out); }},
      {"npz", [](const World& w, tg_handle* out) { return tg_npz_load(w.npz.c_str(), out); }},
  };
  for (const auto& [what, load] : loads) {
    World world;
    const std::string before = world.fingerprint();
    const size_t descriptors = files::open_descriptors();
    int failures = 0;
    for (int k = 1;; ++k) {
      files::Plan plan;
      plan.fail_at = k;
      tg_dict loaded = 1;
      tg_status status = TG_OK;
      {
        const files::Failing failing(plan);
        status = load(world, &loaded);
      }
      INFO(what << ", operation " << k << ": " << tg_last_error_message());
      CHECK(files::open_descriptors() == descriptors);
      if (status == TG_OK) {
        CHECK(tg_release(loaded) == TG_OK);
        if (files::plan.counted < k) break;
        continue;  // closing a file that was only read
      }
      ++failures;
      CHECK(loaded == 0);
      CHECK(status == TG_ERROR_IO);
      CHECK(world.fingerprint() == before);
    }
    CHECK(failures >= 3);
  }
}
