// SPDX-License-Identifier: MIT
// What a call by name refuses, for each argument of every function of the header; and random values
// for all of them. The table of what they take is made of api.json by another program than the
// library's own.
#include <catch2/catch.hpp>
#include <random>
#include <set>
#include <string>

#include "calls/header.h"
#include "capi_by_name/wrap.h"

namespace {

using calls::none;
using calls::of_array;
using calls::of_buffer;
using calls::of_handle;
using calls::of_integer;
using calls::of_number;
using calls::of_pointer;
using calls::of_text;
using wrap::Function;
using wrap::Takes;

// Of the right kind, and such that no function does anything with it.
tg_value sound(Takes takes) {
  switch (takes) {
    case Takes::int32:
    case Takes::uint32:
    case Takes::size:
    case Takes::int64: return of_integer(0);
    case Takes::number: return of_number(0);
    default: return none();
  }
}
std::vector<tg_value> sound(const Function& function) {
  std::vector<tg_value> values;
  for (const auto& parameter : function.parameters) values.push_back(sound(parameter.takes));
  return values;
}

std::set<int32_t> kinds_of(Takes takes) {
  switch (takes) {
    case Takes::handle: return {TG_VALUE_NONE, TG_VALUE_HANDLE};
    case Takes::number: return {TG_VALUE_DOUBLE};
    case Takes::text: return {TG_VALUE_NONE, TG_VALUE_TEXT};
    case Takes::pointer: return {TG_VALUE_NONE, TG_VALUE_POINTER};
    case Takes::int64s: return {TG_VALUE_NONE, TG_VALUE_INT64_ARRAY};
    case Takes::handles: return {TG_VALUE_NONE, TG_VALUE_HANDLE_ARRAY};
    case Takes::doubles: return {TG_VALUE_NONE, TG_VALUE_DOUBLE_ARRAY};
    case Takes::places:
    case Takes::buffer:
    case Takes::tensor_bytes: return {TG_VALUE_NONE, TG_VALUE_BUFFER};
    default: return {TG_VALUE_INT64};
  }
}

std::vector<int64_t> beyond(Takes takes) {
  constexpr int64_t kInt32 = int64_t{1} << 31;
  switch (takes) {
    case Takes::int32: return {kInt32, -kInt32 - 1, INT64_MAX, INT64_MIN};
    case Takes::uint32: return {2 * kInt32, -1, INT64_MAX, INT64_MIN};
    case Takes::size: return {-1, INT64_MIN};
    default: return {};
  }
}

// Refused before the function runs: nothing has happened, and the message names the function.
void refuses(const Function& function, const std::vector<tg_value>& values,
             const std::string& phrase) {
  static const tg_value kBefore = of_integer(4711);
  tg_value results[8] = {kBefore, kBefore, kBefore, kBefore, kBefore, kBefore, kBefore, kBefore};
  size_t count = 99;
  const uint64_t live = tg_live_handles();
  const tg_status status =
      tg_call(nullptr, function.name, values.data(), values.size(), results, 8, &count);
  const std::string message = tg_last_error_message();
  INFO(function.name << ": " << message);
  CHECK(status == TG_ERROR_INVALID_ARGUMENT);
  CHECK(message.rfind("tg_call: " + std::string(function.name), 0) == 0);
  CHECK(message.find(phrase) != std::string::npos);
  CHECK(count == 99);
  CHECK(std::memcmp(&results[0], &kBefore, sizeof kBefore) == 0);
  CHECK(tg_live_handles() == live);
}

}  // namespace

TEST_CASE("the table has every function of the header but tg_call", "[by_name]") {
  std::set<std::string> names;
  for (const Function& function : wrap::functions()) names.insert(function.name);
  CHECK(names.insert("tg_call").second);
  CHECK(names == calls::functions_of_header());
}

TEST_CASE("each argument of each function is of its kind, or the call is refused", "[by_name]") {
  size_t tried = 0;
  for (const Function& function : wrap::functions()) {
    for (size_t i = 0; i < function.parameters.size(); ++i) {
      const auto& parameter = function.parameters[i];
      const std::set<int32_t> right = kinds_of(parameter.takes);
      for (int32_t type = -1; type <= 12; ++type) {
        if (right.count(type) == 1) continue;
        auto values = sound(function);
        values[i].type = type;
        refuses(function, values, std::string(": ") + parameter.name + ", value ");
        ++tried;
      }
    }
  }
  CHECK(tried > 5000);
}

TEST_CASE("each integer of each function is in its range, or the call is refused", "[by_name]") {
  size_t tried = 0;
  for (const Function& function : wrap::functions()) {
    for (size_t i = 0; i < function.parameters.size(); ++i) {
      const auto& parameter = function.parameters[i];
      for (const int64_t number : beyond(parameter.takes)) {
        auto values = sound(function);
        values[i].as.integer = number;
        refuses(function, values, std::to_string(number) + "; give ");
        ++tried;
      }
    }
  }
  CHECK(tried > 150);
}

TEST_CASE("each function has its number of arguments, or the call is refused", "[by_name]") {
  for (const Function& function : wrap::functions()) {
    auto values = sound(function);
    const std::string phrase = "takes " + std::to_string(values.size()) + " values";
    values.push_back(none());
    refuses(function, values, phrase);
    if (function.parameters.empty()) continue;
    values.resize(values.size() - 2);
    refuses(function, values, phrase);
  }
}

TEST_CASE("each function has room for its results, or it is not called", "[by_name]") {
  for (const Function& function : wrap::functions()) {
    const auto values = sound(function);
    const uint64_t live = tg_live_handles();
    tg_value results[8] = {};
    for (size_t capacity = 0; capacity < function.results; ++capacity) {
      INFO(function.name << ", capacity " << capacity);
      size_t count = 99;
      CHECK(tg_call(nullptr, function.name, values.data(), values.size(), results, capacity,
                    &count) == TG_ERROR_LIMIT);
      CHECK(count == function.results);
      CHECK(results[0].type == TG_VALUE_NONE);
      CHECK(tg_live_handles() == live);
    }
  }
}

namespace {

// Random values for any function. Memory has exactly the size that the values state, so that the
// address sanitizer sees one byte more; addresses are NULL, since no function could bear others.
class Game {
 public:
  explicit Game(uint64_t seed) : random_(seed) {}

  uint64_t below(uint64_t n) { return random_() % n; }
  bool chance(int percent) { return below(100) < static_cast<uint64_t>(percent); }

  void deal() {
    const float numbers[] = {1, 2, 3, 4};
    const int64_t square[] = {2, 2};
    tg_tensor x = 0, y = 0;
    tg_node node = 0;
    tg_module module = 0;
    tg_dict dict = 0;
    tg_optimizer optimizer = 0;
    tg_generator generator = 0;
    REQUIRE(tg_tensor_create(numbers, TG_FLOAT32, square, 2, 1, &x) == TG_OK);
    REQUIRE(tg_mul(x, x, &y) == TG_OK);
    REQUIRE(tg_tensor_grad_fn(y, &node) == TG_OK);
    REQUIRE(tg_nn_linear(2, 2, 1, TG_FLOAT32, &module) == TG_OK);
    REQUIRE(tg_module_state_dict(module, &dict) == TG_OK);
    REQUIRE(tg_optim_sgd(&x, 1, 0.1, &optimizer) == TG_OK);
    REQUIRE(tg_generator_create(3, &generator) == TG_OK);
    pool_ = {x, y, node, module, dict, optimizer, generator};
  }
  void clear() {
    tg_state_set(0, nullptr);
    tg_mode_nesting_set(TG_NESTING_REFUSE);
    tg_memory_limit_set(uint64_t{64} << 20);
    // A scope whose inner ones are not gone yet is refused.
    for (bool left = true; left;) {
      left = false;
      for (const tg_handle handle : pool_) {
        left = (tg_scope_use(handle, nullptr) == TG_OK && handle != 0 &&
                tg_scope_exit(handle) == TG_OK) ||
               left;
      }
    }
    for (const tg_handle handle : pool_) tg_release(handle);
    pool_.clear();
  }

  tg_status call(const Function& function) {
    blocks_.clear();
    filled_.clear();
    std::vector<tg_value> values;
    for (const auto& parameter : function.parameters) values.push_back(value(parameter.takes));
    if (chance(1)) values.push_back(none());
    const size_t capacity = chance(98) ? function.results : below(function.results + 1);
    std::vector<tg_value> results(capacity);
    const tg_value* given = values.empty() && chance(50) ? nullptr : values.data();
    char text[60];
    tg_frame frame{
        sizeof frame, chance(90) ? 0 : random_(), chance(90) ? 0 : any(), 0, text, sizeof text, 0};
    const bool with_frame = chance(30);
    const tg_status status = tg_call(with_frame ? &frame : nullptr, function.name, given,
                                     values.size(), results.data(), capacity, nullptr);
    if (with_frame) CHECK((status == TG_OK) == (text[0] == 0));
    if (status == TG_OK) keep(function, results);
    return status;
  }

 private:
  tg_handle any() {
    const uint64_t what = below(100);
    if (what < 94 && !pool_.empty()) return pool_[below(pool_.size())];
    return what < 97 ? 0 : random_();
  }
  int64_t integer() {
    constexpr int64_t kOthers[] = {99,        INT64_MAX, INT64_MIN,
                                   INT32_MAX, INT32_MIN, int64_t{1} << 40};
    if (chance(96)) return static_cast<int64_t>(below(7)) - 2;
    return kOthers[below(std::size(kOthers))];
  }
  void* memory(size_t bytes, bool zeros) {
    blocks_.push_back(std::make_unique<unsigned char[]>(bytes));
    for (size_t i = 0; i < bytes && !zeros; ++i) {
      blocks_.back()[i] = static_cast<unsigned char>(random_());
    }
    return blocks_.back().get();
  }
  tg_value buffer(size_t count) { return of_buffer(memory(count, false), count); }

  tg_value value(Takes takes) {
    // Another kind, but never fewer bytes than places have.
    if (chance(2)) takes = static_cast<Takes>(below(static_cast<int>(Takes::places) + 1));
    if (chance(1)) return none();
    switch (takes) {
      case Takes::handle: return of_handle(any());
      case Takes::number: return of_number(chance(90) ? static_cast<double>(below(5)) : NAN);
      case Takes::text: {
        constexpr const char* kTexts[] = {"a", "lr", "weight", "", "\xff", "momentum"};
        tg_value text = of_text(kTexts[below(std::size(kTexts))]);
        char* copy = static_cast<char*>(memory(text.count + 1, true));
        std::memcpy(copy, text.as.text, text.count);
        text.as.text = copy;
        return text;
      }
      case Takes::pointer: return chance(50) ? none() : of_pointer(nullptr);
      case Takes::int64s: {
        auto* items = static_cast<int64_t*>(memory(8 * 4, true));
        // No great sizes: a view of few bytes and countless elements is no error, but takes its
        // time.
        for (int i = 0; i < 4; ++i) items[i] = chance(98) ? integer() % 5 : INT64_MIN;
        return of_array(TG_VALUE_INT64_ARRAY, items, chance(70) ? 2 : below(5));
      }
      case Takes::handles: {
        auto* items = static_cast<tg_handle*>(memory(8 * 4, true));
        for (int i = 0; i < 4; ++i) items[i] = any();
        return of_array(TG_VALUE_HANDLE_ARRAY, items, chance(70) ? 1 : below(5));
      }
      case Takes::doubles: return of_array(TG_VALUE_DOUBLE_ARRAY, memory(8 * 2, false), below(3));
      case Takes::places: {
        const size_t count = below(20);
        auto* items = static_cast<tg_handle*>(memory(8 * count, true));
        filled_.push_back({items, count});
        return of_buffer(items, count);
      }
      case Takes::buffer: return buffer(below(200));
      case Takes::tensor_bytes: return buffer(chance(70) ? 16 : below(40));
      default: return of_integer(integer());
    }
  }

  void keep(const Function& function, const std::vector<tg_value>& results) {
    const std::string name = function.name;
    if (name == "tg_scope_use" || name == "tg_token_use") return;  // no new handle
    for (const tg_value& result : results) {
      if (result.type == TG_VALUE_HANDLE) pool_.push_back(result.as.handle);
    }
    if (name != "tg_split" && name != "tg_node_inputs" && name != "tg_grad") return;
    for (const auto& [items, count] : filled_) {
      for (size_t i = 0; i < count; ++i) pool_.push_back(items[i]);
    }
  }

  std::mt19937_64 random_;
  std::vector<tg_handle> pool_;
  std::vector<std::unique_ptr<unsigned char[]>> blocks_;
  std::vector<std::pair<const tg_handle*, size_t>> filled_;
};

// What would outlive the call: files, a number of threads, a struct that somebody must take; and
// what gives any status there is.
bool is_left_out(const std::string& name) {
  return name == "tg_error_set" || name == "tg_to_dlpack" ||
         name.find("_save") != std::string::npos || name == "tg_num_threads_set" ||
         name == "tg_shutdown" || name == "tg_memory_limit_set";
}

void play(uint64_t calls) {
  const char* text = std::getenv("TG_TEST_SEED");
  const uint64_t seed = text != nullptr ? std::strtoull(text, nullptr, 0) : 20240807;
  WARN("TG_TEST_SEED=" << seed);
  Game game(seed);
  std::vector<const Function*> functions;
  for (const Function& function : wrap::functions()) {
    if (!is_left_out(function.name)) functions.push_back(&function);
  }
  const uint64_t live = tg_live_handles();
  uint64_t successes = 0, made = 0;
  while (made < calls) {
    game.deal();
    for (int i = 0; i < 300; ++i, ++made) {
      const Function& function = *functions[game.below(functions.size())];
      const tg_status status = game.call(function);
      INFO(function.name);
      REQUIRE((status >= TG_OK && status <= TG_ERROR_PEER && status != TG_ERROR_INTERNAL));
      successes += status == TG_OK;
    }
    game.clear();
    REQUIRE(tg_live_handles() == live);
  }
  CHECK(successes > calls / 5);
  WARN(successes << " of " << made << " calls succeeded");
  tg_memory_limit_set(0);
  tg_last_error_clear();
}

}  // namespace

TEST_CASE("random values give known statuses and leave nothing behind", "[by_name]") {
  play(50'000);
}

TEST_CASE("a million random values give known statuses and leave nothing behind",
          "[by_name][long]") {
  play(1'000'000);
}
