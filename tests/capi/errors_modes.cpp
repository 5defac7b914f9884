// SPDX-License-Identifier: MIT
// Errors of entering and leaving modes. The pair, the stack and its word stay.
#include <functional>

#include "capi/rows.h"

using namespace capi;

namespace {

struct Row {
  const char* function;
  tg_status code;
  Phrases phrases;
  std::function<tg_status()> call;
};

uint64_t word() {
  uint64_t state = 0;
  ok(tg_state_get(&state));
  return state;
}

// Each row fails and leaves pair and word.
void refuse(const std::vector<Row>& table) {
  const uint64_t before = word();
  const int32_t grad = tg_is_grad_enabled(), inference = tg_is_inference_mode_enabled();
  Rows rows;
  for (const Row& row : table) {
    rows.fails(row.function, row.code, row.phrases, row.call());
    CHECK(word() == before);
    CHECK(tg_is_grad_enabled() == grad);
    CHECK(tg_is_inference_mode_enabled() == inference);
  }
}

int32_t must_not_run(void*) {
  FAIL_CHECK("a function ran in a mode that could not be entered");
  return 0;
}
int32_t leaves_one(void*) { return tg_enable_grad_enter(); }
int32_t gives_42(void*) { return 42; }

}  // namespace

TEST_CASE("modes: what nesting refuses", "[errors]") {
  const Aside aside;
  const std::string allow = "tg_mode_nesting_set(TG_NESTING_ALLOW)", leave = "leave the outer mode";
  ok(tg_inference_mode_enter(1));
  refuse({
      {"tg_no_grad_enter",
       TG_ERROR_MODE,
       {"no_grad", "inference_mode(1)", leave, allow},
       tg_no_grad_enter},
      {"tg_set_grad_enabled_enter",
       TG_ERROR_MODE,
       {"set_grad_enabled(0)", "inference_mode(1)", leave, allow},
       [] { return tg_set_grad_enabled_enter(0); }},
      {"tg_no_grad_call",
       TG_ERROR_MODE,
       {"no_grad", "inference_mode(1)", leave, allow},
       [] { return tg_no_grad_call(must_not_run, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_MODE,
       {"set_grad_enabled(0)", "inference_mode(1)", leave, allow},
       [] { return tg_set_grad_enabled_call(0, must_not_run, nullptr); }},
  });
  ok(tg_inference_mode_exit());
  ok(tg_no_grad_enter());
  refuse({
      {"tg_inference_mode_enter",
       TG_ERROR_MODE,
       {"inference_mode(1)", "no_grad", leave, allow},
       [] { return tg_inference_mode_enter(1); }},
      {"tg_inference_mode_call",
       TG_ERROR_MODE,
       {"inference_mode(1)", "no_grad", leave, allow},
       [] { return tg_inference_mode_call(1, must_not_run, nullptr); }},
  });
  ok(tg_no_grad_exit());
}

TEST_CASE("modes: exits without their enter", "[errors]") {
  const Aside aside;
  refuse({
      {"tg_inference_mode_exit",
       TG_ERROR_MODE,
       {"inference_mode", "no mode was entered", "depth 0"},
       tg_inference_mode_exit},
      {"tg_no_grad_exit",
       TG_ERROR_MODE,
       {"no_grad", "no mode was entered", "depth 0"},
       tg_no_grad_exit},
      {"tg_enable_grad_exit",
       TG_ERROR_MODE,
       {"enable_grad", "no mode was entered", "depth 0"},
       tg_enable_grad_exit},
      {"tg_set_grad_enabled_exit",
       TG_ERROR_MODE,
       {"set_grad_enabled", "no mode was entered", "depth 0"},
       tg_set_grad_enabled_exit},
  });
  ok(tg_enable_grad_enter());
  const std::string inner = "innermost entry is enable_grad at depth 1",
                    first = "leave that one first";
  refuse({
      {"tg_inference_mode_exit",
       TG_ERROR_MODE,
       {"inference_mode", inner, first},
       tg_inference_mode_exit},
      {"tg_no_grad_exit", TG_ERROR_MODE, {"no_grad", inner, first}, tg_no_grad_exit},
      {"tg_set_grad_enabled_exit",
       TG_ERROR_MODE,
       {"set_grad_enabled", inner, first},
       tg_set_grad_enabled_exit},
  });
  ok(tg_enable_grad_exit());
  ok(tg_set_grad_enabled_enter(1));
  refuse({{"tg_enable_grad_exit",
           TG_ERROR_MODE,
           {"set_grad_enabled(1)", first},
           tg_enable_grad_exit}});
  ok(tg_set_grad_enabled_exit());
}

TEST_CASE("modes: the call forms put back what fn left, and give a number of its own", "[errors]") {
  const Aside aside;
  const std::string left = "left the modes other than it found them";
  refuse({
      {"tg_inference_mode_call",
       TG_ERROR_MODE,
       {left},
       [] { return tg_inference_mode_call(1, leaves_one, nullptr); }},
      {"tg_no_grad_call",
       TG_ERROR_MODE,
       {left},
       [] { return tg_no_grad_call(leaves_one, nullptr); }},
      {"tg_enable_grad_call",
       TG_ERROR_MODE,
       {left},
       [] { return tg_enable_grad_call(leaves_one, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_MODE,
       {left},
       [] { return tg_set_grad_enabled_call(1, leaves_one, nullptr); }},
      {"tg_inference_mode_call",
       TG_ERROR_CALLBACK,
       {"fn returned 42", "return 0"},
       [] { return tg_inference_mode_call(0, gives_42, nullptr); }},
      {"tg_no_grad_call",
       TG_ERROR_CALLBACK,
       {"fn returned 42", "return 0"},
       [] { return tg_no_grad_call(gives_42, nullptr); }},
      {"tg_enable_grad_call",
       TG_ERROR_CALLBACK,
       {"fn returned 42", "return 0"},
       [] { return tg_enable_grad_call(gives_42, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_CALLBACK,
       {"fn returned 42", "return 0"},
       [] { return tg_set_grad_enabled_call(0, gives_42, nullptr); }},
  });
}

TEST_CASE("modes: numbers that mean nothing and functions that are not there", "[errors]") {
  const Aside aside;
  refuse({
      {"tg_inference_mode_enter",
       TG_ERROR_INVALID_ARGUMENT,
       {"mode is -1", "0 or 1"},
       [] { return tg_inference_mode_enter(-1); }},
      {"tg_set_grad_enabled_enter",
       TG_ERROR_INVALID_ARGUMENT,
       {"enabled is 2", "0 or 1"},
       [] { return tg_set_grad_enabled_enter(2); }},
      {"tg_inference_mode_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"fn is NULL"},
       [] { return tg_inference_mode_call(1, nullptr, nullptr); }},
      {"tg_inference_mode_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"mode is 2"},
       [] { return tg_inference_mode_call(2, must_not_run, nullptr); }},
      {"tg_no_grad_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"fn is NULL"},
       [] { return tg_no_grad_call(nullptr, nullptr); }},
      {"tg_enable_grad_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"fn is NULL"},
       [] { return tg_enable_grad_call(nullptr, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"fn is NULL"},
       [] { return tg_set_grad_enabled_call(1, nullptr, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_INVALID_ARGUMENT,
       {"enabled is -1"},
       [] { return tg_set_grad_enabled_call(-1, must_not_run, nullptr); }},
      {"tg_mode_nesting_set",
       TG_ERROR_INVALID_ARGUMENT,
       {"nesting is 2", "TG_NESTING_ALLOW (1)"},
       [] { return tg_mode_nesting_set(2); }},
      {"tg_state_set",
       TG_ERROR_INVALID_ARGUMENT,
       {"state", "no word that tg_state_get gives"},
       [] { return tg_state_set(UINT64_MAX, nullptr); }},
  });
}

TEST_CASE("modes: a stack that is full, or deeper than a word holds", "[errors]") {
  const Aside aside;
  Rows rows;
  int depth = 0;
  for (; depth < 17; ++depth) ok(tg_enable_grad_enter());
  rows.fails("tg_state_get", TG_ERROR_LIMIT, {"17", "16", "leave some"},
             tg_state_get(rows.untouched<uint64_t>()));
  rows.fails("tg_state_set", TG_ERROR_LIMIT, {"17", "16", "leave some"},
             tg_state_set(0, rows.untouched<uint64_t>()));
  constexpr int kEnough = 1'000'000;
  while (depth < kEnough && tg_enable_grad_enter() == TG_OK) ++depth;
  REQUIRE(depth < kEnough);
  const Row full[] = {
      {"tg_enable_grad_enter", TG_ERROR_LIMIT, {}, tg_enable_grad_enter},
      {"tg_no_grad_enter", TG_ERROR_LIMIT, {}, tg_no_grad_enter},
      {"tg_inference_mode_enter", TG_ERROR_LIMIT, {}, [] { return tg_inference_mode_enter(1); }},
      {"tg_set_grad_enabled_enter",
       TG_ERROR_LIMIT,
       {},
       [] { return tg_set_grad_enabled_enter(0); }},
      {"tg_enable_grad_call",
       TG_ERROR_LIMIT,
       {},
       [] { return tg_enable_grad_call(must_not_run, nullptr); }},
      {"tg_no_grad_call",
       TG_ERROR_LIMIT,
       {},
       [] { return tg_no_grad_call(must_not_run, nullptr); }},
      {"tg_inference_mode_call",
       TG_ERROR_LIMIT,
       {},
       [] { return tg_inference_mode_call(1, must_not_run, nullptr); }},
      {"tg_set_grad_enabled_call",
       TG_ERROR_LIMIT,
       {},
       [] { return tg_set_grad_enabled_call(0, must_not_run, nullptr); }},
  };
  for (const Row& row : full) {
    rows.fails(row.function, row.code, {"at most " + std::to_string(depth), "leave some"},
               row.call());
    CHECK(tg_is_grad_enabled() == 1);
    CHECK(tg_is_inference_mode_enabled() == 0);
  }
  // As many exits as there were enters, and not one more.
  while (depth-- > 0) {
    if (tg_enable_grad_exit() != TG_OK) FAIL("an exit failed at depth " << depth);
  }
  rows.fails("tg_enable_grad_exit", TG_ERROR_MODE, {"depth 0"}, tg_enable_grad_exit());
}
