// SPDX-License-Identifier: MIT
// The state of a thread (rules M1 to M34): entries, exits, nesting, the call form, the state word.
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "capi/tensors.h"

using namespace capi;

namespace {

// One entry of the stack: how it is entered and left, and the pair (grad, inference) it makes.
struct Entry {
  const char* name;
  tg_status (*enter)();
  tg_status (*leave)();
  tg_status (*call)(tg_callback fn, void* user_data);
  int grad, inference;  // -1: as before
};
const Entry kNoGrad = {"no_grad", tg_no_grad_enter, tg_no_grad_exit, tg_no_grad_call, 0, -1};
const Entry kEnableGrad = {
    "enable_grad", tg_enable_grad_enter, tg_enable_grad_exit, tg_enable_grad_call, 1, -1};
const Entry kSetOff = {
    "set_grad_enabled(0)",
    [] { return tg_set_grad_enabled_enter(0); },
    tg_set_grad_enabled_exit,
    [](tg_callback fn, void* data) { return tg_set_grad_enabled_call(0, fn, data); },
    0,
    -1};
const Entry kSetOn = {
    "set_grad_enabled(1)",
    [] { return tg_set_grad_enabled_enter(1); },
    tg_set_grad_enabled_exit,
    [](tg_callback fn, void* data) { return tg_set_grad_enabled_call(1, fn, data); },
    1,
    -1};
const Entry kInf1 = {"inference_mode(1)",
                     [] { return tg_inference_mode_enter(1); },
                     tg_inference_mode_exit,
                     [](tg_callback fn, void* data) { return tg_inference_mode_call(1, fn, data); },
                     0,
                     1};
const Entry kInf0 = {"inference_mode(0)",
                     [] { return tg_inference_mode_enter(0); },
                     tg_inference_mode_exit,
                     [](tg_callback fn, void* data) { return tg_inference_mode_call(0, fn, data); },
                     1,
                     0};
const Entry* const kEntries[] = {&kNoGrad, &kEnableGrad, &kSetOff, &kSetOn, &kInf1, &kInf0};

using Pair = std::pair<int, int>;
Pair pair() { return {tg_is_grad_enabled(), tg_is_inference_mode_enabled()}; }
Pair after(Pair pair, const Entry& entry) {
  return {entry.grad, entry.inference < 0 ? pair.second : entry.inference};
}
uint64_t word() {
  uint64_t state = 0;
  ok(tg_state_get(&state));
  return state;
}

// Every case starts and ends in the empty default state, whatever fails in it.
struct Fresh {
  Fresh() {
    REQUIRE(pair() == Pair(1, 0));
    REQUIRE(word() == 0);
  }
  ~Fresh() { tg_state_set(0, nullptr); }
};
struct Allowed : Fresh {
  Allowed() { ok(tg_mode_nesting_set(TG_NESTING_ALLOW)); }
};

bool refused(Pair pair, const Entry* innermost, const Entry& entry) {
  const bool turns_off = &entry == &kNoGrad || &entry == &kSetOff;
  if (turns_off && pair.second == 1) return true;
  return &entry == &kInf1 && (innermost == &kNoGrad || innermost == &kSetOff);
}

// A function that a C++ program may hand to the call form.
template <class Function>
int32_t invoke(void* function) {
  return (*static_cast<Function*>(function))();
}
template <class Function>
tg_status call(const Entry& entry, Function function) {
  return entry.call(invoke<Function>, &function);
}

}  // namespace

TEST_CASE("M1: a thread that entered nothing has grad mode 1 and inference mode 0", "[modes]") {
  CHECK(pair() == Pair(1, 0));
  Pair elsewhere;
  std::thread([&] { elsewhere = pair(); }).join();
  CHECK(elsewhere == Pair(1, 0));
}

TEST_CASE("M2: the questions read the pair of the calling thread and keep the last error",
          "[modes]") {
  const Fresh fresh;
  CHECK(tg_no_grad_exit() == TG_ERROR_MODE);
  const std::string message = tg_last_error_message();
  const In mode(Mode::no_grad);
  CHECK(tg_is_grad_enabled() == 0);
  CHECK(tg_is_inference_mode_enabled() == 0);
  Pair elsewhere;
  std::thread([&] { elsewhere = pair(); }).join();
  CHECK(elsewhere == Pair(1, 0));
  CHECK(message == tg_last_error_message());
}

TEST_CASE("M3: each entry from the empty stack gives the pair of the table and its exit (1, 0)",
          "[modes]") {
  const Fresh fresh;
  for (const Entry* entry : kEntries) {
    INFO(entry->name);
    ok(entry->enter());
    CHECK(pair() == after({1, 0}, *entry));
    ok(entry->leave());
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
  }
}

TEST_CASE("M4: each of the 36 pairs of entries, and each exit restores the pair before",
          "[modes]") {
  const Allowed allowed;
  for (const Entry* outer : kEntries) {
    for (const Entry* inner : kEntries) {
      INFO(outer->name << " > " << inner->name);
      ok(outer->enter());
      const Pair middle = pair();
      CHECK(middle == after({1, 0}, *outer));
      ok(inner->enter());
      CHECK(pair() == after(middle, *inner));
      ok(inner->leave());
      CHECK(pair() == middle);
      ok(outer->leave());
      CHECK(pair() == Pair(1, 0));
    }
  }
}

TEST_CASE("M4, M20, M21, M22: which of the 36 pairs the default rule refuses", "[modes]") {
  const Fresh fresh;
  for (const Entry* outer : kEntries) {
    for (const Entry* inner : kEntries) {
      INFO(outer->name << " > " << inner->name);
      ok(outer->enter());
      const Pair middle = pair();
      if (refused(middle, outer, *inner)) {
        fails(inner->enter(), TG_ERROR_MODE);
        CHECK(pair() == middle);
      } else {
        ok(inner->enter());
        ok(inner->leave());
      }
      ok(outer->leave());
      CHECK(pair() == Pair(1, 0));
    }
  }
}

TEST_CASE("M5: deeper stacks follow the same table", "[modes]") {
  struct Row {
    std::vector<const Entry*> stack;
    Pair expected;
    bool allow = false;
  };
  const std::vector<Row> rows = {
      {{&kInf1, &kInf0}, {1, 0}},
      {{&kNoGrad, &kInf0}, {1, 0}},
      {{&kInf1, &kInf1}, {0, 1}},
      {{&kNoGrad, &kEnableGrad}, {1, 0}},
      {{&kInf1, &kEnableGrad}, {1, 1}},
      {{&kEnableGrad, &kNoGrad}, {0, 0}},
      {{&kInf1, &kInf0, &kInf1}, {0, 1}},
      {{&kInf0, &kNoGrad}, {0, 0}},
      {{&kInf1, &kInf0, &kNoGrad}, {0, 0}},
      {{&kNoGrad, &kEnableGrad, &kInf1}, {0, 1}},
      {{&kInf1, &kEnableGrad, &kInf0}, {1, 0}},
      {{&kNoGrad, &kInf0, &kInf1}, {0, 1}},
      {{&kInf1, &kNoGrad}, {0, 1}, true},
      {{&kNoGrad, &kInf1}, {0, 1}, true},
      {{&kInf1, &kNoGrad, &kEnableGrad}, {1, 1}, true},
      {{&kNoGrad, &kInf1, &kInf0}, {1, 0}, true},
      {{&kInf1, &kNoGrad, &kInf0}, {1, 0}, true},
      {{&kNoGrad, &kInf1, &kEnableGrad}, {1, 1}, true},
  };
  for (const Row& row : rows) {
    const Fresh fresh;
    if (row.allow) ok(tg_mode_nesting_set(TG_NESTING_ALLOW));
    std::string name;
    for (const Entry* entry : row.stack) name += std::string(" > ") + entry->name;
    INFO(name);
    std::vector<Pair> pairs;
    for (const Entry* entry : row.stack) {
      pairs.push_back(pair());
      ok(entry->enter());
    }
    CHECK(pair() == row.expected);
    for (size_t i = row.stack.size(); i-- > 0;) {
      ok(row.stack[i]->leave());
      CHECK(pair() == pairs[i]);
    }
  }
}

TEST_CASE("M6: what x*2, zeros and view(x) give, by pair", "[modes]") {
  const Fresh fresh;
  const Tensor x = leaf({1, 2});
  const int64_t shape[] = {2, 1};
  const auto check = [&](const char* product, const char* zeros, int view_is_leaf) {
    const Tensor y = make(tg_mul_scalar, x, 2.0);
    CHECK(kind_of(y) == product);
    CHECK(kind_of(make(tg_zeros, TG_FLOAT32, shape, 2)) == zeros);
    const Tensor v = make(tg_view, x, shape, 2);
    CHECK(requires_grad(v) == 1);
    CHECK(is_leaf(v) == view_is_leaf);
    CHECK(is_view(v) == 1);
    CHECK(is_inference(v) == 0);
    if (kind_of(y) == "nn") CHECK(node_name(grad_fn(y)) == "MulBackward");
  };
  check("nn", "n0", 0);  // (1, 0)
  ok(tg_no_grad_enter());
  check("n0", "n0", 1);  // (0, 0)
  ok(tg_no_grad_exit());
  ok(tg_inference_mode_enter(1));
  check("i0", "i0", 1);  // (0, 1)
  ok(tg_enable_grad_enter());
  REQUIRE(pair() == Pair(1, 1));
  check("i0", "i0", 1);  // (1, 1)
  ok(tg_enable_grad_exit());
  ok(tg_inference_mode_exit());
}

TEST_CASE("M7: the call form runs fn once in the mode, leaves it and gives back fn's result",
          "[modes]") {
  const Fresh fresh;
  for (const Entry* entry : kEntries) {
    INFO(entry->name);
    int runs = 0;
    Pair inside;
    ok(call(*entry, [&] {
      ++runs;
      inside = pair();
      return 0;
    }));
    CHECK(runs == 1);
    CHECK(inside == after({1, 0}, *entry));
    CHECK(pair() == Pair(1, 0));

    tg_last_error_clear();
    fails(call(*entry, [] { return 42; }), TG_ERROR_CALLBACK, {"42"});
    int64_t number = 0;
    tg_last_error_detail(&number, nullptr);
    CHECK(number == 42);
    CHECK(pair() == Pair(1, 0));

    fails(call(*entry, [] { return attempt(tg_neg, tg_tensor{0}); }), TG_ERROR_INVALID_HANDLE,
          {"tg_neg"});
    fails(call(*entry, [] { return tg_error_set(TG_ERROR_NOT_FOUND, 3, "no such thing"); }),
          TG_ERROR_NOT_FOUND, {"no such thing"});
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
  }
}

TEST_CASE("M7: a number that is a status but that no failing call inside explains is a callback's",
          "[modes]") {
  const Fresh fresh;
  CHECK(tg_no_grad_exit() == TG_ERROR_MODE);  // an older last error with the same code
  fails(tg_no_grad_call([](void*) -> int32_t { return TG_ERROR_MODE; }, nullptr), TG_ERROR_CALLBACK,
        {"tg_no_grad_call"});
}

TEST_CASE("M8: a C++ exception out of fn leaves the mode and becomes TG_ERROR_CALLBACK",
          "[modes]") {
  const Fresh fresh;
  for (const Entry* entry : kEntries) {
    INFO(entry->name);
    fails(call(*entry, []() -> int32_t { throw std::runtime_error("out of fn"); }),
          TG_ERROR_CALLBACK);
    fails(call(*entry, []() -> int32_t { throw 5; }), TG_ERROR_CALLBACK);
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
  }
}

TEST_CASE("M9: only enter changes the state", "[modes]") {
  const Fresh fresh;
  const In mode(Mode::no_grad);
  const uint64_t before = word();
  const Tensor x = leaf({1, 2});
  fails(tg_backward(make(tg_sum, x)), TG_ERROR_AUTOGRAD);
  ok(tg_tensor_set_requires_grad(x, 0));
  ok(tg_mode_nesting_set(TG_NESTING_REFUSE));
  CHECK(word() == before);
}

TEST_CASE("M10: an exit with an empty stack is a mode error that changes nothing", "[modes]") {
  const Fresh fresh;
  for (const Entry* entry : kEntries) {
    INFO(entry->name);
    fails(entry->leave(), TG_ERROR_MODE, {"_exit: "});
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
  }
  fails(tg_no_grad_exit(), TG_ERROR_MODE, {"tg_no_grad_exit", "no_grad", "depth 0"});
}

TEST_CASE("M10, M11: an exit closes entries of its own kind alone and names both kinds",
          "[modes]") {
  const Allowed allowed;
  const auto kind = [](const Entry* entry) { return std::string(entry->name).substr(0, 6); };
  for (const Entry* outer : kEntries) {
    for (const Entry* inner : kEntries) {
      for (const Entry* leaving : kEntries) {
        INFO(outer->name << " > " << inner->name << ", exit of " << leaving->name);
        ok(outer->enter());
        ok(inner->enter());
        const uint64_t before = word();
        if (kind(inner) == kind(leaving)) {
          ok(leaving->leave());
        } else {
          const std::string left = leaving->name;
          fails(leaving->leave(), TG_ERROR_MODE,
                {left.substr(0, left.find('(')), inner->name, "depth 2"});
          CHECK(word() == before);
          ok(inner->leave());
        }
        ok(outer->leave());
      }
    }
  }
}

TEST_CASE("M12: a mode other than 0 and 1 is an invalid argument and enters nothing", "[modes]") {
  const Fresh fresh;
  for (const int32_t bad : {-1, 2, 256}) {
    fails(tg_inference_mode_enter(bad), TG_ERROR_INVALID_ARGUMENT,
          {"tg_inference_mode_enter", "mode"});
    fails(tg_set_grad_enabled_enter(bad), TG_ERROR_INVALID_ARGUMENT,
          {"tg_set_grad_enabled_enter", "enabled"});
    bool ran = false;
    const auto fn = [](void* data) -> int32_t {
      *static_cast<bool*>(data) = true;
      return 0;
    };
    fails(tg_inference_mode_call(bad, fn, &ran), TG_ERROR_INVALID_ARGUMENT, {"mode"});
    fails(tg_set_grad_enabled_call(bad, fn, &ran), TG_ERROR_INVALID_ARGUMENT, {"enabled"});
    CHECK_FALSE(ran);
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
  }
}

TEST_CASE("M13: an exit that would close the entry of a running call is a mode error", "[modes]") {
  const Fresh fresh;
  for (const Entry* entry : kEntries) {
    INFO(entry->name);
    ok(entry->enter());
    ok(call(kEnableGrad, [&] {
      const Pair inside = pair();
      fails(tg_enable_grad_exit(), TG_ERROR_MODE, {"tg_enable_grad_exit"});
      CHECK(pair() == inside);
      ok(tg_enable_grad_enter());
      ok(tg_enable_grad_exit());
      fails(tg_enable_grad_exit(), TG_ERROR_MODE);
      return 0;
    }));
    ok(entry->leave());
    if (refused(pair(), nullptr, *entry)) continue;
    ok(call(*entry, [&] {
      fails(entry->leave(), TG_ERROR_MODE);
      return 0;
    }));
  }
}

TEST_CASE("M14: a call puts back a stack that fn left otherwise", "[modes]") {
  const Fresh fresh;
  const auto check = [&](auto leave_changed) {
    fails(tg_enable_grad_call(invoke<decltype(leave_changed)>, &leave_changed), TG_ERROR_MODE,
          {"tg_enable_grad_call"});
    CHECK(pair() == Pair(1, 0));
    CHECK(word() == 0);
    const auto failing = [&] {
      leave_changed();
      return tg_error_set(TG_ERROR_INDEX, 0, "fn's own");
    };
    fails(call(kEnableGrad, failing), TG_ERROR_INDEX, {"fn's own"});
    CHECK(word() == 0);
  };
  SECTION("an entry more") {
    check([]() -> int32_t { return tg_no_grad_enter(); });
  }
  SECTION("forty entries more") {
    check([]() -> int32_t {
      for (int i = 0; i < 40; ++i) ok(tg_enable_grad_enter());
      return 0;
    });
  }
  SECTION("the nesting rule") {
    check([]() -> int32_t { return tg_mode_nesting_set(TG_NESTING_ALLOW); });
  }
  SECTION("M34: another state") {
    check([]() -> int32_t { return tg_state_set(0, nullptr); });
  }
}

TEST_CASE("M14: a deep stack is put back entry by entry", "[modes]") {
  const Fresh fresh;
  for (int i = 0; i < 40; ++i) ok(i % 2 == 0 ? tg_no_grad_enter() : tg_enable_grad_enter());
  fails(call(kEnableGrad, [] { return tg_state_set(0, nullptr); }), TG_ERROR_MODE);
  fails(call(kEnableGrad,
             [] {
               for (int i = 0; i < 20; ++i) ok(tg_no_grad_enter());
               return 0;
             }),
        TG_ERROR_MODE);
  for (int i = 39; i >= 0; --i) {
    CHECK(pair() == Pair(i % 2, 0));
    ok(i % 2 == 0 ? tg_no_grad_exit() : tg_enable_grad_exit());
  }
  CHECK(word() == 0);
}

TEST_CASE("M15: a call that may not enter does not call fn, and fn NULL is an invalid argument",
          "[modes]") {
  const Fresh fresh;
  int runs = 0;
  const auto count = [&] {
    ++runs;
    return 0;
  };
  ok(tg_inference_mode_enter(1));
  fails(call(kNoGrad, count), TG_ERROR_MODE, {"tg_no_grad_call"});
  fails(call(kSetOff, count), TG_ERROR_MODE, {"tg_set_grad_enabled_call"});
  ok(tg_inference_mode_exit());
  ok(tg_no_grad_enter());
  fails(call(kInf1, count), TG_ERROR_MODE, {"tg_inference_mode_call"});
  ok(tg_no_grad_exit());
  CHECK(runs == 0);
  for (const Entry* entry : kEntries) {
    fails(entry->call(nullptr, nullptr), TG_ERROR_INVALID_ARGUMENT, {"fn"});
    CHECK(word() == 0);
  }
}

TEST_CASE("M16: stacks of at least 1000 entries work, above a bound the enter is TG_ERROR_LIMIT",
          "[modes]") {
  const Fresh fresh;
  int depth = 0;
  tg_status status = TG_OK;
  for (; depth < 200000; ++depth) {
    status = kEntries[depth % 2]->enter();
    if (status != TG_OK) break;
    if (pair() != Pair(depth % 2, 0)) FAIL("wrong pair at depth " << depth);
  }
  CHECK(depth >= 1000);
  if (depth < 200000) {
    fails(status, TG_ERROR_LIMIT);
    CHECK(pair() == Pair((depth - 1) % 2, 0));
  }
  while (depth-- > 0) {
    if (kEntries[depth % 2]->leave() != TG_OK) FAIL("exit failed at depth " << depth);
    if (depth > 0 && pair() != Pair((depth - 1) % 2, 0)) FAIL("wrong pair at depth " << depth);
  }
  CHECK(pair() == Pair(1, 0));
  fails(tg_no_grad_exit(), TG_ERROR_MODE);
}

TEST_CASE("M16: an inference entry far below decides until another one is met", "[modes]") {
  const Allowed allowed;
  // Few entries of inference mode among many others, at depths that the state word does not hold.
  std::vector<std::pair<const Entry*, Pair>> entered;
  uint32_t random = 1;
  for (int depth = 0; depth < 400; ++depth) {
    random = random * 1664525u + 1013904223u;
    const uint32_t drawn = random >> 24;
    const Entry* entry = kEntries[drawn < 12 ? 4 + drawn % 2 : drawn % 4];
    const Pair before = pair();
    ok(entry->enter());
    if (pair() != after(before, *entry)) FAIL("wrong pair entering at depth " << depth);
    entered.emplace_back(entry, before);
  }
  for (; !entered.empty(); entered.pop_back()) {
    ok(entered.back().first->leave());
    if (pair() != entered.back().second) FAIL("wrong pair leaving depth " << entered.size());
  }
  CHECK(pair() == Pair(1, 0));
}
