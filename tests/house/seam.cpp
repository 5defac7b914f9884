// SPDX-License-Identifier: MIT
// Errors cross the border at one place: capi/seam.h has the only catch of the library, and inside
// only fail() throws.
#include <catch2/catch.hpp>
#include <regex>

#include "house/tree.h"

namespace {

// Places in src and capi where `word` stands as code.
std::vector<std::string> places_of(const std::string& word,
                                   std::initializer_list<const char*> allowed) {
  const std::regex pattern("\\b" + word + "\\b");
  std::vector<std::string> found;
  for (const char* folder : {"src", "capi"}) {
    for (const std::string& file : house::files_below(folder, {".h", ".cpp", ".inc"})) {
      if (std::find(allowed.begin(), allowed.end(), file) != allowed.end()) continue;
      const auto lines = house::lines_of(house::code_of(house::read(house::tree() / file)));
      for (size_t i = 0; i < lines.size(); ++i) {
        if (std::regex_search(lines[i], pattern)) found.push_back(house::at(file, i) + lines[i]);
      }
    }
  }
  return found;
}

}  // namespace

TEST_CASE("capi/seam.h has the only catch of the library", "[house]") {
  const auto others = places_of("catch", {"capi/seam.h"});
  INFO(house::joined(others));
  CHECK(others.empty());
}

TEST_CASE("the seam lets a forced unwind through before it catches anything else", "[house]") {
  const std::string code = house::code_of(house::read(house::tree() / "capi/seam.h"));
  const std::regex handler(R"re(\bcatch\s*\(([^)]*)\))re");
  std::vector<std::string> handlers;
  for (std::sregex_iterator i(code.begin(), code.end(), handler), end; i != end; ++i) {
    handlers.push_back((*i)[1].str());
  }
  REQUIRE(handlers.size() >= 2);
  CHECK(handlers.front().find("__forced_unwind") != std::string::npos);
  CHECK(handlers.back() == "...");
}

TEST_CASE("inside the library only base throws", "[house]") {
  std::vector<std::string> others;
  for (const std::string& place : places_of("throw", {"capi/seam.h"})) {
    if (place.rfind("src/base/", 0) != 0) others.push_back(place);
  }
  INFO(house::joined(others));
  CHECK(others.empty());
}

TEST_CASE("no exception is handled by other means", "[house]") {
  for (const char* word : {"set_terminate", "current_exception", "rethrow_exception"}) {
    const auto places = places_of(word, {"capi/seam.h"});
    INFO(house::joined(places));
    CHECK(places.empty());
  }
}
