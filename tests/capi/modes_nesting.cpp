// SPDX-License-Identifier: MIT
// Nesting of no_grad and inference mode (rules M20 to M28) and the word that carries a thread's
// state to another one (rules M30 to M34).
#include <thread>

#include "capi/tensors.h"

using namespace capi;

namespace {

using Pair = std::pair<int, int>;
Pair pair() { return {tg_is_grad_enabled(), tg_is_inference_mode_enabled()}; }
uint64_t word() {
  uint64_t state = 0;
  ok(tg_state_get(&state));
  return state;
}

// Every case starts and ends in the empty default state, whatever fails in it.
struct Fresh {
  Fresh() { REQUIRE(word() == 0); }
  ~Fresh() { tg_state_set(0, nullptr); }
};

// What the messages of M20 and M21 must name (M28).
const Phrases kRemedies = {"no_grad", "inference_mode(1)", "leave the outer mode first",
                           "tg_mode_nesting_set(TG_NESTING_ALLOW)"};
Phrases remedies(const std::string& function) {
  Phrases phrases = kRemedies;
  phrases.push_back(function);
  return phrases;
}

}  // namespace

TEST_CASE("M20: no_grad is refused while inference mode is 1", "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  fails(tg_no_grad_enter(), TG_ERROR_MODE, remedies("tg_no_grad_enter"));
  fails(tg_set_grad_enabled_enter(0), TG_ERROR_MODE,
        {"tg_set_grad_enabled_enter", "set_grad_enabled(0)", "inference_mode(1)"});
  CHECK(pair() == Pair(0, 1));
  ok(tg_inference_mode_exit());
}

TEST_CASE("M21: inference_mode(1) is refused when the innermost entry turns grad mode off",
          "[modes]") {
  const Fresh fresh;
  ok(tg_no_grad_enter());
  fails(tg_inference_mode_enter(1), TG_ERROR_MODE, remedies("tg_inference_mode_enter"));
  ok(tg_no_grad_exit());
  ok(tg_set_grad_enabled_enter(0));
  fails(tg_inference_mode_enter(1), TG_ERROR_MODE,
        {"tg_inference_mode_enter", "set_grad_enabled(0)", "inference_mode(1)"});
  CHECK(pair() == Pair(0, 0));
  ok(tg_set_grad_enabled_exit());
}

TEST_CASE("M22: what is never refused", "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  ok(tg_inference_mode_enter(1));
  ok(tg_enable_grad_enter());
  ok(tg_set_grad_enabled_enter(1));
  ok(tg_inference_mode_enter(0));
  ok(tg_no_grad_enter());
  ok(tg_no_grad_enter());
  ok(tg_set_grad_enabled_enter(0));
  ok(tg_enable_grad_enter());
  ok(tg_set_grad_enabled_enter(1));
  ok(tg_inference_mode_enter(0));
}

TEST_CASE("M23: no_grad counts inference mode, inference_mode(1) the innermost entry", "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  ok(tg_enable_grad_enter());
  fails(tg_no_grad_enter(), TG_ERROR_MODE, kRemedies);
  ok(tg_enable_grad_exit());
  ok(tg_inference_mode_enter(0));
  ok(tg_no_grad_enter());
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_exit());
  ok(tg_inference_mode_exit());
  ok(tg_no_grad_enter());
  ok(tg_enable_grad_enter());
  ok(tg_inference_mode_enter(1));
  CHECK(pair() == Pair(0, 1));
}

TEST_CASE("M24: a refused enter leaves pair and stack; the next exit closes the entry before",
          "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  const uint64_t before = word();
  fails(tg_no_grad_enter(), TG_ERROR_MODE);
  CHECK(word() == before);
  fails(tg_no_grad_exit(), TG_ERROR_MODE);
  ok(tg_inference_mode_exit());
  CHECK(word() == 0);
  ok(tg_no_grad_enter());
  fails(tg_inference_mode_enter(1), TG_ERROR_MODE);
  ok(tg_no_grad_exit());
  CHECK(word() == 0);
}

TEST_CASE("M25: TG_NESTING_ALLOW holds for this thread alone", "[modes]") {
  const Fresh fresh;
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  ok(tg_inference_mode_enter(1));
  ok(tg_no_grad_enter());
  CHECK(pair() == Pair(0, 1));
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_exit());
  ok(tg_no_grad_enter());
  ok(tg_inference_mode_enter(1));
  CHECK(pair() == Pair(0, 1));
  tg_status elsewhere = TG_OK;
  std::thread([&] {
    tg_inference_mode_enter(1);
    elsewhere = tg_no_grad_enter();
  }).join();
  CHECK(elsewhere == TG_ERROR_MODE);
}

TEST_CASE("M26: tg_mode_nesting_set works at any depth and acts on later enters only", "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  ok(tg_no_grad_enter());
  ok(tg_mode_nesting_set(TG_NESTING_REFUSE));
  CHECK(pair() == Pair(0, 1));
  fails(tg_no_grad_enter(), TG_ERROR_MODE);
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_exit());
  for (const int32_t bad : {-1, 2}) {
    fails(tg_mode_nesting_set(bad), TG_ERROR_INVALID_ARGUMENT, {"tg_mode_nesting_set", "nesting"});
  }
  CHECK(word() == 0);
}

TEST_CASE("M30: tg_state_get gives one word below 2^53, 0 for the empty default state", "[modes]") {
  const Fresh fresh;
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  for (int i = 0; i < 16; ++i) {
    ok(i % 2 == 0 ? tg_inference_mode_enter(i % 4 == 0) : tg_set_grad_enabled_enter(0));
    CHECK(word() != 0);
    CHECK(word() < uint64_t{1} << 53);
  }
  ok(tg_enable_grad_enter());  // the seventeenth
  uint64_t state = 77;
  fails(tg_state_get(&state), TG_ERROR_LIMIT, {"tg_state_get", "16"});
  CHECK(state == 77);
  ok(tg_enable_grad_exit());
  ok(tg_state_get(&state));
  fails(tg_state_get(nullptr), TG_ERROR_INVALID_ARGUMENT, {"state"});
}

TEST_CASE("M31: tg_state_set replaces all and restores it exactly, entry kinds included",
          "[modes]") {
  const Fresh fresh;
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  ok(tg_no_grad_enter());
  ok(tg_set_grad_enabled_enter(0));
  ok(tg_inference_mode_enter(1));
  ok(tg_inference_mode_enter(0));
  ok(tg_enable_grad_enter());
  ok(tg_set_grad_enabled_enter(1));
  const uint64_t before = word();
  uint64_t former = 0;
  ok(tg_state_set(0, &former));
  CHECK(former == before);
  CHECK(pair() == Pair(1, 0));
  ok(tg_inference_mode_enter(1));
  fails(tg_no_grad_enter(), TG_ERROR_MODE);  // the default rule came with the word
  ok(tg_state_set(former, nullptr));
  CHECK(word() == before);
  ok(tg_set_grad_enabled_exit());
  ok(tg_enable_grad_exit());
  CHECK(pair() == Pair(1, 0));
  ok(tg_inference_mode_exit());
  CHECK(pair() == Pair(0, 1));
  ok(tg_inference_mode_exit());
  ok(tg_set_grad_enabled_exit());
  CHECK(pair() == Pair(0, 0));
  ok(tg_no_grad_exit());
  CHECK(pair() == Pair(1, 0));
}

TEST_CASE("M31: with the old stack deeper than 16 and p given nothing changes", "[modes]") {
  const Fresh fresh;
  for (int i = 0; i < 17; ++i) ok(tg_no_grad_enter());
  uint64_t former = 77;
  fails(tg_state_set(0, &former), TG_ERROR_LIMIT, {"tg_state_set"});
  CHECK(former == 77);
  CHECK(pair() == Pair(0, 0));
  for (int i = 0; i < 17; ++i) ok(tg_no_grad_exit());
  CHECK(word() == 0);
  for (int i = 0; i < 17; ++i) ok(tg_no_grad_enter());
  ok(tg_state_set(0, nullptr));
  CHECK(word() == 0);
  fails(tg_no_grad_exit(), TG_ERROR_MODE);
}

TEST_CASE("M32: a word that no tg_state_get can give is an invalid argument", "[modes]") {
  const Fresh fresh;
  ok(tg_no_grad_enter());
  const uint64_t before = word();
  uint64_t former = 77;
  const uint64_t forged[] = {uint64_t{1} << 53, uint64_t{1} << 63, ~uint64_t{0}, before << 30};
  for (const uint64_t bad : forged) {
    INFO(bad);
    fails(tg_state_set(bad, &former), TG_ERROR_INVALID_ARGUMENT, {"tg_state_set"});
    CHECK(former == 77);
    CHECK(word() == before);
  }
}

TEST_CASE("M32: nesting is not judged anew by tg_state_set", "[modes]") {
  const Fresh fresh;
  ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
  ok(tg_inference_mode_enter(1));
  ok(tg_no_grad_enter());
  ok(tg_mode_nesting_set(TG_NESTING_REFUSE));
  const uint64_t nested = word();
  ok(tg_state_set(0, nullptr));
  ok(tg_state_set(nested, nullptr));
  CHECK(pair() == Pair(0, 1));
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_exit());
}

TEST_CASE("M33: a word may be used on any thread, any number of times", "[modes]") {
  const Fresh fresh;
  ok(tg_inference_mode_enter(1));
  ok(tg_enable_grad_enter());
  const uint64_t carried = word();
  for (int i = 0; i < 3; ++i) {
    Pair elsewhere;
    tg_status statuses[3] = {-1, -1, -1};
    std::thread([&] {
      statuses[0] = tg_state_set(carried, nullptr);
      elsewhere = pair();
      statuses[1] = tg_enable_grad_exit();
      statuses[2] = tg_inference_mode_exit();
    }).join();
    CHECK(elsewhere == Pair(1, 1));
    for (const tg_status status : statuses) CHECK(status == TG_OK);
  }
  CHECK(word() == carried);
}

TEST_CASE("M34: tg_state_set inside fn of a call counts as a change unless it is undone",
          "[modes]") {
  const Fresh fresh;
  ok(tg_no_grad_enter());
  const uint64_t before = word();
  ok(tg_enable_grad_call(
      [](void*) -> int32_t {
        uint64_t mine = 0;
        ok(tg_state_set(0, &mine));
        ok(tg_inference_mode_enter(1));
        return tg_state_set(mine, nullptr);
      },
      nullptr));
  CHECK(word() == before);
  fails(tg_enable_grad_call([](void*) -> int32_t { return tg_state_set(0, nullptr); }, nullptr),
        TG_ERROR_MODE, {"tg_enable_grad_call"});
  CHECK(word() == before);
}
