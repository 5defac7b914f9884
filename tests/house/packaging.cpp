// SPDX-License-Identifier: MIT
// The Debian packages agree with the library: the list of symbols, by which other packages learn
// which version they need, and the number of the version.
#include <catch2/catch.hpp>
#include <regex>

#include "house/tree.h"

namespace {

// What the only group of `expression` matches in each line that it matches.
std::vector<std::string> found_in(const char* file, const char* expression) {
  const std::regex pattern(expression);
  std::vector<std::string> found;
  for (const std::string& line : house::lines_of(house::read(house::tree() / file))) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back(match[1].str());
  }
  return found;
}

}  // namespace

TEST_CASE("the package's list of symbols is what the header declares", "[house]") {
  auto declared = found_in("include/tapegrad/tapegrad.h", R"re(^TG_API\s.*?\b(tg_[a-z0-9_]+)\()re");
  auto listed =
      found_in("packaging/debian/libtapegrad0.symbols", R"re(^ (tg_[a-z0-9_]+)@TAPEGRAD_0 \d)re");
  std::sort(declared.begin(), declared.end());
  std::sort(listed.begin(), listed.end());
  std::vector<std::string> different;
  std::set_symmetric_difference(declared.begin(), declared.end(), listed.begin(), listed.end(),
                                std::back_inserter(different));
  INFO("bash scripts/package --symbols adds new ones: " << house::joined(different));
  CHECK(different.empty());
  CHECK(declared.size() >= 200);
}

TEST_CASE("the package has the version of the project", "[house]") {
  const auto project = found_in("CMakeLists.txt", R"re(^ *VERSION (\d+\.\d+\.\d+)$)re");
  const auto packages =
      found_in("packaging/debian/changelog", R"re(^tapegrad \((\d+\.\d+\.\d+)\))re");
  REQUIRE(project.size() == 1);
  REQUIRE_FALSE(packages.empty());
  CHECK(packages.front() == project.front());
}
