// SPDX-License-Identifier: MIT
// The arrows between the rooms: who may include whom. Each `#include "room/..."` of the tree is
// held against the table below; docs/architecture.md draws it.
#include <catch2/catch.hpp>
#include <map>
#include <regex>
#include <set>

#include "house/tree.h"

namespace {

using Rooms = std::set<std::string>;

// A room may always include itself.
const std::map<std::string, Rooms> kMayInclude = {
    {"base", {}},
    {"kernels", {"base"}},
    {"blas", {"base", "kernels"}},
    {"core", {"base"}},
    {"autograd", {"core", "base"}},
    {"ops", {"autograd", "core", "blas", "kernels", "base"}},
    {"nn", {"ops", "autograd", "core", "blas", "kernels", "base"}},
    {"optim", {"ops", "autograd", "core", "blas", "kernels", "base"}},
    {"io", {"ops", "autograd", "core", "blas", "kernels", "base"}},
    {"ffi", {"ops", "autograd", "core", "blas", "kernels", "base"}},
    {"capi",
     {"nn", "optim", "io", "ffi", "ops", "autograd", "core", "blas", "kernels", "base",
      "tapegrad"}},
};

struct Include {
  std::string file;
  size_t line;
  std::string path;
  bool quoted;
  std::string room() const { return path.substr(0, path.find('/')); }
  std::string say(const std::string& what) const {
    return house::at(file, line) + path + ": " + what;
  }
};

std::vector<Include> includes_below(const std::string& folder) {
  static const std::regex kInclude(R"re(^\s*#\s*include\s*(["<])([^">]+)[">])re");
  std::vector<Include> found;
  for (const std::string& file : house::files_below(folder, {".h", ".hpp", ".cpp", ".c", ".inc"})) {
    const std::vector<std::string> lines = house::lines_of(house::read(house::tree() / file));
    for (size_t i = 0; i < lines.size(); ++i) {
      std::smatch match;
      if (std::regex_search(lines[i], match, kInclude)) {
        found.push_back({file, i, match[2].str(), match[1].str() == "\""});
      }
    }
  }
  return found;
}

// What is wrong with the includes of one room, whose files lie below `folder`.
std::vector<std::string> against_the_table(const std::string& room, const std::string& folder) {
  std::vector<std::string> wrong;
  const Rooms& allowed = kMayInclude.at(room);
  for (const Include& include : includes_below(folder)) {
    const std::string other = include.room();
    if (kMayInclude.count(other) == 0) continue;
    if (other != room && allowed.count(other) == 0) {
      wrong.push_back(include.say(room + " may not include " + other));
    }
  }
  return wrong;
}

}  // namespace

TEST_CASE("each room includes only rooms below it", "[house]") {
  std::vector<std::string> wrong;
  size_t seen = 0;
  for (const auto& [room, allowed] : kMayInclude) {
    const std::string folder = room == "capi" ? "capi" : "src/" + room;
    seen += includes_below(folder).size();
    for (const std::string& finding : against_the_table(room, folder)) wrong.push_back(finding);
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
  CHECK(seen > 100);  // else the rule has read the wrong tree
}

TEST_CASE("every folder of src is a room of the table", "[house]") {
  for (const auto& entry : house::fs::directory_iterator(house::tree() / "src")) {
    INFO(entry.path());
    CHECK(kMayInclude.count(entry.path().filename().string()) == 1);
  }
}

TEST_CASE("tests of a room include that room and rooms below", "[house]") {
  std::vector<std::string> wrong;
  for (const auto& [room, allowed] : kMayInclude) {
    if (room == "capi") continue;
    for (const std::string& finding : against_the_table(room, "tests/" + room)) {
      wrong.push_back(finding);
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("whoever stands outside includes public headers only", "[house]") {
  std::vector<std::string> wrong;
  for (const char* folder :
       {"tests/capi", "tests/seed", "tests/stress", "examples", "bench", "bindings", "include"}) {
    for (const Include& include : includes_below(folder)) {
      // Tests of failing allocations arm the counter in base/blocks.h.
      if (include.file.find("faults.cpp") != std::string::npos) continue;
      if (kMayInclude.count(include.room()) != 0 && include.room() != "capi") {
        wrong.push_back(include.say("not a public header"));
      }
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("includes of the library name the room", "[house]") {
  std::vector<std::string> wrong;
  for (const char* folder : {"src", "capi"}) {
    for (const Include& include : includes_below(folder)) {
      const std::string room = include.room();
      const bool known = kMayInclude.count(room) != 0 || room == "hwy" || room == "tapegrad";
      if (include.quoted && !known) wrong.push_back(include.say("names no room"));
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("foreign headers have one room each", "[house]") {
  std::vector<std::string> wrong;
  for (const Include& include : includes_below("src")) {
    const std::string own = include.file.substr(4, include.file.find('/', 4) - 4);
    if (include.room() == "hwy" && own != "kernels") {
      wrong.push_back(include.say("Highway belongs to kernels"));
    }
    if (include.room() == "tapegrad" && own != "base") {
      wrong.push_back(include.say("the C header is read by base and capi alone"));
    }
    if (include.path == "ffi.h" && own != "ffi") {
      wrong.push_back(include.say("libffi belongs to ffi"));
    }
    if (include.path == "cblas.h" || include.path == "openblas_config.h") {
      wrong.push_back(include.say("OpenBLAS is found by symbol, not by header"));
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("nothing in src calls the C interface", "[house]") {
  static const std::regex kCall(R"re(\btg_[a-z0-9_]+\s*\()re");
  std::vector<std::string> wrong;
  for (const std::string& file : house::files_below("src", {".h", ".cpp", ".inc"})) {
    const auto lines = house::lines_of(house::code_of(house::read(house::tree() / file)));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (std::regex_search(lines[i], kCall)) wrong.push_back(house::at(file, i) + lines[i]);
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}
