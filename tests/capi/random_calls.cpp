// SPDX-License-Identifier: MIT
// Random calls of every function of the header, with random handles, shapes, numbers, pointers and
// modes. Whatever comes in, a known status comes out; handles that a failed call gives are 0; and
// when all that is alive has been released, nothing is left.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "calls/header.h"
#include "calls/random_table.h"

namespace {

using calls::Call;
using calls::Kind;
using calls::Player;
using calls::Row;
using calls::table;

uint64_t seed() {
  const char* text = std::getenv("TG_TEST_SEED");
  return text != nullptr ? std::strtoull(text, nullptr, 0) : 20240807;
}

struct Count {
  uint64_t calls = 0, successes = 0;
};
std::vector<Count> counts;

Kind kind_of(tg_handle handle) {
  int32_t dtype = 0;
  size_t size = 0;
  uint64_t a = 0, b = 0;
  double lr = 0;
  if (tg_tensor_dtype(handle, &dtype) == TG_OK) return Kind::tensor;
  if (tg_module_parameter_count(handle, &size) == TG_OK) return Kind::module;
  if (tg_dict_size(handle, &size) == TG_OK) return Kind::dict;
  if (tg_optimizer_get(handle, "lr", &lr) == TG_OK) return Kind::optimizer;
  if (tg_generator_state_get(handle, &a, &b) == TG_OK) return Kind::generator;
  int32_t cancelled = 0;
  if (tg_token_is_cancelled(handle, &cancelled) == TG_OK) return Kind::token;
  if (tg_node_sequence(handle, &a) == TG_OK) return Kind::node;
  return Kind::object;
}

}  // namespace

void calls::play(Player& player, size_t which) {
  const Row& row = table()[which];
  Call call;
  ++player.depth;
  const tg_status status = row.run(player, call);
  --player.depth;
  ++counts[which].calls;
  counts[which].successes += status == TG_OK;
  auto finding = [&](const char* what) {
    player.findings.push_back(std::string(row.name) + ": " + what + ", status " +
                              std::to_string(status) + ": " + tg_last_error_message());
  };
  if (status < TG_OK || status > TG_ERROR_PEER || status == TG_ERROR_INTERNAL) finding("status");
  if (status != TG_OK && (tg_last_error() != status || tg_last_error_message()[0] == 0)) {
    finding("no last error");
  }
  for (const Call::Place& place : call.places) {
    for (size_t i = 0; i < place.count; ++i) {
      const tg_handle made = place.at[i];
      if (status != TG_OK && made != 0) finding("a handle after a failure");
      if (status != TG_OK || made == 0) continue;
      // Where more places were given than handles came, the rest keeps what the caller had there.
      if (tg_is_valid(made) == 1) {
        player.add(place.kind == Kind::object ? kind_of(made) : place.kind, made);
      }
    }
  }
}

namespace {

void release_all(Player& player) {
  tg_drain_set(nullptr, nullptr, nullptr);
  tg_log_set(nullptr, nullptr, nullptr);
  tg_memory_pressure_set(nullptr, nullptr, nullptr, 0);
  tg_parallel_for_set(nullptr, nullptr, nullptr);
  tg_token_use(0, nullptr);
  tg_state_set(0, nullptr);
  tg_mode_nesting_set(TG_NESTING_REFUSE);
  tg_site_set(nullptr, 0);
  for (; !player.saved_hooks.empty(); player.saved_hooks.pop_back()) {
    if (tg_saved_tensor_hooks_exit(player.saved_hooks.back()) != TG_OK) {
      player.findings.push_back(tg_last_error_message());
    }
  }
  auto& scopes = player.pool[static_cast<size_t>(Kind::scope)];
  for (bool left = true; left;) {  // the innermost ones first
    left = false;
    for (const tg_scope scope : scopes) {
      left = (tg_scope_use(scope, nullptr) == TG_OK && tg_scope_exit(scope) == TG_OK) || left;
    }
  }
  for (auto& own : player.pool) {
    for (const tg_handle handle : own) {
      player.stale.push_back(handle);
      const tg_status status = tg_release(handle);
      if (status != TG_OK && status != TG_ERROR_INVALID_HANDLE) {
        player.findings.push_back(tg_last_error_message());
      }
    }
    own.clear();
  }
  tg_drain();
  if (player.stale.size() > 300) player.stale.resize(150);
}

void prepare_files(Player& player) {
  char name[] = "/tmp/tapegrad-random-XXXXXX";
  REQUIRE(mkdtemp(name) != nullptr);
  player.folder = name;
  tg_dict dict = 0;
  tg_tensor x = 0;
  const int64_t shape[] = {2, 3};
  REQUIRE(tg_dict_create(&dict) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, shape, 2, &x) == TG_OK);
  REQUIRE(tg_dict_set(dict, "0.weight", x) == TG_OK);
  REQUIRE(tg_dict_set(dict, "other", x) == TG_OK);
  const std::string path = player.folder + "/one";
  REQUIRE(tg_safetensors_save(path.c_str(), dict) == TG_OK);
  std::ifstream file(path, std::ios::binary);
  player.saved = {std::istreambuf_iterator<char>(file), {}};
  REQUIRE(player.saved.size() > 100);
  REQUIRE(tg_release(dict) == TG_OK);
  REQUIRE(tg_release(x) == TG_OK);
}

// What each epoch starts from, so that calls that need something have it.
void deal(Player& player) {
  const float values[] = {1, 2, 3, 4};
  const int64_t classes[] = {0, 1};
  const int64_t square[] = {2, 2}, two[] = {2}, cube[] = {1, 2, 2};
  std::vector<tg_tensor> tensors(9);
  tg_node node = 0;
  tg_optimizer optimizer = 0;
  tg_generator generator = 0;
  tg_module module = 0;
  tg_dict dict = 0;
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, square, 2, 1, &tensors[0]) == TG_OK);
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, square, 2, 1, &tensors[1]) == TG_OK);
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, two, 1, 1, &tensors[2]) == TG_OK);
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, square, 2, 0, &tensors[3]) == TG_OK);
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, cube, 3, 0, &tensors[4]) == TG_OK);
  REQUIRE(tg_tensor_create(classes, TG_INT64, two, 1, 0, &tensors[5]) == TG_OK);
  REQUIRE(tg_mul(tensors[0], tensors[1], &tensors[6]) == TG_OK);
  REQUIRE(tg_sum(tensors[6], &tensors[7]) == TG_OK);
  REQUIRE(tg_mm(tensors[0], tensors[3], &tensors[8]) == TG_OK);
  REQUIRE(tg_tensor_grad_fn(tensors[6], &node) == TG_OK);
  REQUIRE(tg_optim_sgd(tensors.data(), 2, 0.1, &optimizer) == TG_OK);
  REQUIRE(tg_generator_create(player.random(), &generator) == TG_OK);
  REQUIRE(tg_nn_linear(2, 2, 1, TG_FLOAT32, &module) == TG_OK);
  for (const tg_tensor tensor : tensors) player.add(Kind::tensor, tensor);
  player.add(Kind::node, node);
  player.add(Kind::optimizer, optimizer);
  player.add(Kind::generator, generator);
  player.add(Kind::module, module);
  REQUIRE(tg_module_state_dict(module, &dict) == TG_OK);
  REQUIRE(tg_dict_metadata_set(dict, "a", "b") == TG_OK);
  player.add(Kind::dict, dict);
  REQUIRE(tg_optimizer_state_dict(optimizer, &dict) == TG_OK);
  player.add(Kind::dict, dict);
}

void run(uint64_t calls) {
  WARN("TG_TEST_SEED=" << seed());
  counts.assign(table().size(), {});
  Player player(seed());
  const uint64_t live = tg_live_handles();
  prepare_files(player);
  REQUIRE(tg_memory_limit_set(uint64_t{256} << 20) == TG_OK);
  constexpr uint64_t kEpoch = 400;
  for (uint64_t epoch = 0; epoch < (calls + kEpoch - 1) / kEpoch; ++epoch) {
    const uint64_t memory = tg_memory_current();
    player.may_leave_rings = epoch % 2 == 0;
    const size_t lent = player.memory_lent.size();
    const int64_t due = player.destructors_due, packed = player.packed;
    deal(player);
    for (uint64_t i = 0; i < kEpoch; ++i) {
      // Modes pile up: now and then the thread begins anew, or nothing would ever be recorded.
      if (player.chance(10)) REQUIRE(tg_state_set(0, nullptr) == TG_OK);
      if (player.chance(10)) REQUIRE(tg_token_use(0, nullptr) == TG_OK);
      play(player, player.below(table().size()));
    }
    release_all(player);
    INFO("epoch " << epoch);
    for (const std::string& finding : player.findings) UNSCOPED_INFO(finding);
    REQUIRE(player.findings.empty());
    REQUIRE(tg_live_handles() == live);
    if (!player.may_leave_rings) {
      REQUIRE(tg_memory_current() == memory);
      REQUIRE(player.memory_lent.size() == lent);
      REQUIRE(player.destructors_due == due);
      REQUIRE(player.packed == packed);
    }
    REQUIRE(player.destructors_due >= due);  // none ran twice
    REQUIRE(player.packed >= packed);
  }
  // What rings hold for ever, as the header says.
  for (const auto& [data, before] : player.memory_lent) {
    std::free(static_cast<char*>(data) - before);
  }
  CHECK(tg_shutdown() == TG_OK);
  CHECK(tg_memory_limit_set(0) == TG_OK);
  CHECK(tg_num_threads_set(0) == TG_OK);
  std::filesystem::remove_all(player.folder);
  // A game in which hardly anything succeeds tries little.
  uint64_t rare = 0, successes = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    INFO(table()[i].name << ": " << counts[i].successes << " of " << counts[i].calls);
    CHECK(counts[i].calls >= calls / table().size() / 3);
    successes += counts[i].successes;
    // A shutdown succeeds with no handle alive: at the end, above. Contexts live in callbacks
    // alone, which call their functions (calls/custom.h).
    const bool in_callbacks = std::strncmp(table()[i].name, "tg_context_", 11) == 0;
    if (counts[i].successes == 0 && !in_callbacks &&
        std::strcmp(table()[i].name, "tg_shutdown") != 0) {
      ++rare;
      WARN("never succeeded: " << table()[i].name);
    }
  }
  CHECK(successes > calls / 5);
  CHECK(rare <= (calls < 1'000'000 ? 4 : 0));
}

}  // namespace

TEST_CASE("the table of random calls has every function of the header", "[random]") {
  std::set<std::string> rows;
  for (const Row& row : table()) CHECK(rows.insert(row.name).second);
  CHECK(rows == calls::functions_of_header());
}

TEST_CASE("random calls give known statuses and leave nothing behind", "[random]") { run(100'000); }

TEST_CASE("a million random calls give known statuses and leave nothing behind", "[random][long]") {
  run(1'000'000);
}
