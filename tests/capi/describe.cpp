// SPDX-License-Identifier: MIT
// tg_describe gives api.json, whole or by entry, byte by byte.
#include <fstream>
#include <iterator>

#include "calls/header.h"
#include "capi/rows.h"

using namespace capi;

namespace {

std::string file_text() {
  std::ifstream file(TG_TESTS_DIR "/../api/api.json", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string described(const char* name) {
  size_t length = 0;
  ok(tg_describe(name, nullptr, 0, &length));
  std::string text(length + 1, 'x');
  ok(tg_describe(name, text.data(), text.size(), nullptr));
  REQUIRE(text.back() == '\0');
  text.pop_back();
  CHECK(text.size() == std::strlen(text.c_str()));
  return text;
}

}  // namespace

TEST_CASE("without a name tg_describe gives the whole of api.json", "[describe]") {
  const std::string text = file_text();
  REQUIRE(text.size() > 200000);
  CHECK(described(nullptr) == text);
}

TEST_CASE("each function has its entry, a part of api.json that begins with its name",
          "[describe]") {
  const std::string text = file_text();
  for (const std::string& name : calls::functions_of_header()) {
    INFO(name);
    const std::string entry = described(name.c_str());
    CHECK(text.find(entry) != std::string::npos);
    CHECK_THAT(entry, Catch::Contains("\"name\": \"" + name + "\""));
    CHECK(entry.find("\"name\"") < 10);
    CHECK(entry.front() == '{');
    CHECK(entry.back() == '}');
    CHECK_THAT(entry, Catch::Contains("\"parameters\""));
    CHECK_THAT(entry, Catch::Contains("\"errors\""));
    // Braces outside texts close what they open, and only at the end.
    int depth = 0;
    bool quoted = false;
    for (size_t at = 0; at < entry.size(); ++at) {
      if (quoted && entry[at] == '\\') {
        ++at;
      } else if (entry[at] == '"') {
        quoted = !quoted;
      } else if (!quoted && entry[at] == '{') {
        ++depth;
      } else if (!quoted && entry[at] == '}' && --depth == 0) {
        CHECK(at == entry.size() - 1);
      }
    }
  }
}

TEST_CASE("constants, types and callbacks have entries too", "[describe]") {
  CHECK_THAT(described("TG_ERROR_PEER"), Catch::Contains("\"value\": 19"));
  CHECK_THAT(described("TG_BOOL"), Catch::Contains("\"value\": 10"));
  CHECK_THAT(described("tg_tensor"), Catch::Contains("\"kind\": \"handle\""));
  CHECK_THAT(described("tg_value"), Catch::Contains("\"fields\""));
  CHECK_THAT(described("tg_deleter"), Catch::Contains("\"data\""));
}

TEST_CASE("a description that does not fit is cut at a whole character", "[describe]") {
  const std::string whole = described("tg_mm");
  size_t length = 0;
  for (const size_t capacity : {size_t{1}, size_t{2}, size_t{100}, whole.size()}) {
    std::string part(capacity + 1, 'x');
    ok(tg_describe("tg_mm", part.data(), capacity, &length));
    CHECK(length == whole.size());
    CHECK(part.substr(0, capacity - 1) == whole.substr(0, capacity - 1));
    CHECK(part[capacity - 1] == '\0');
    CHECK(part[capacity] == 'x');
  }
  // At every byte of the whole text near one that continues a character.
  const std::string all = file_text();
  size_t seen = 0;
  for (size_t at = 1; at < all.size() && seen < 20; ++at) {
    if ((static_cast<unsigned char>(all[at]) & 0xc0u) != 0x80u) continue;
    ++seen;
    std::string part(at + 1, 'x');
    ok(tg_describe(nullptr, part.data(), part.size(), &length));
    const std::string kept = part.c_str();
    CHECK(kept.size() < at);
    CHECK(at - kept.size() <= 3);
    CHECK(kept == all.substr(0, kept.size()));
  }
}

TEST_CASE("tg_describe refuses what it cannot tell of", "[errors]") {
  Rows rows;
  char text[8];
  rows.fails("tg_describe", TG_ERROR_NOT_FOUND, {"\"tg_nothing\"", "tg_describe(NULL"},
             tg_describe("tg_nothing", text, sizeof text, rows.untouched<size_t>()));
  rows.fails("tg_describe", TG_ERROR_INVALID_ARGUMENT, {"not valid UTF-8"},
             tg_describe("\xc3", text, sizeof text, rows.untouched<size_t>()));
  rows.fails("tg_describe", TG_ERROR_INVALID_ARGUMENT, {"buffer is NULL"},
             tg_describe("tg_mm", nullptr, 8, rows.untouched<size_t>()));
}
