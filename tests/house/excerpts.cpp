// SPDX-License-Identifier: MIT
// What the documentation quotes of the library's own code stands there to the letter: a ```c++
// fence begins with a comment that names its file, and the rest of it is found in that file.
#include <catch2/catch.hpp>

#include "house/tree.h"

namespace {

struct Excerpt {
  std::string place;  // in the documentation
  std::string file;   // that it quotes
  std::string code;
};

std::vector<Excerpt> excerpts() {
  std::vector<Excerpt> found;
  for (const std::string& page : house::files_below("docs", {".md"})) {
    const auto lines = house::lines_of(house::read(house::tree() / page));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i] != "```c++") continue;
      Excerpt excerpt{house::at(page, i), "", ""};
      for (++i; i < lines.size() && lines[i] != "```"; ++i) {
        if (excerpt.file.empty()) {
          REQUIRE(lines[i].rfind("// ", 0) == 0);
          excerpt.file = lines[i].substr(3);
        } else {
          excerpt.code += lines[i] + "\n";
        }
      }
      found.push_back(excerpt);
    }
  }
  return found;
}

}  // namespace

TEST_CASE("excerpts in the documentation are what stands in the code", "[house]") {
  const auto all = excerpts();
  CHECK_FALSE(all.empty());
  for (const Excerpt& excerpt : all) {
    INFO(excerpt.place << excerpt.file << "\n" << excerpt.code);
    CHECK(house::read(house::tree() / excerpt.file).find(excerpt.code) != std::string::npos);
  }
}
