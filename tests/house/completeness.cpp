// SPDX-License-Identifier: MIT
// The header is the law: what it declares is exported, documented, tested and called from C89; what
// is exported is declared; and everything that the contract fixed for this version is there.
#include <catch2/catch.hpp>
#include <cstdio>
#include <regex>
#include <set>

#include "house/tree.h"

namespace {

using Names = std::set<std::string>;

const char* const kHeader = "include/tapegrad/tapegrad.h";

// Names followed by an opening parenthesis in code.
Names called_in(const std::string& code) {
  static const std::regex kCall(R"re(\b(tg_[a-z0-9_]+)\s*\()re");
  Names names;
  for (std::sregex_iterator i(code.begin(), code.end(), kCall), end; i != end; ++i) {
    names.insert((*i)[1].str());
  }
  return names;
}

struct Declaration {
  std::string name;
  size_t line;
};

std::vector<Declaration> declarations() {
  static const std::regex kFunction(R"re(^TG_API\s.*?\b(tg_[a-z0-9_]+)\()re");
  std::vector<Declaration> found;
  const auto lines = house::lines_of(house::code_of(house::read(house::tree() / kHeader)));
  for (size_t i = 0; i < lines.size(); ++i) {
    std::smatch match;
    if (std::regex_search(lines[i], match, kFunction)) found.push_back({match[1].str(), i});
  }
  return found;
}

Names declared() {
  Names names;
  for (const Declaration& declaration : declarations()) names.insert(declaration.name);
  return names;
}

Names exported() {
  Names names;
  const char* other = std::getenv("TG_SHARED");
  const std::string command =
      "nm -D --defined-only " + std::string(other != nullptr ? other : HOUSE_SHARED);
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char address[64], kind[8], name[256];
  while (std::fscanf(pipe, "%63s %7s %255s", address, kind, name) == 3) {
    const std::string symbol = name;
    if (kind[0] == 'T') names.insert(symbol.substr(0, symbol.find('@')));
  }
  CHECK(pclose(pipe) == 0);
  return names;
}

// What is in `a` and not in `b`.
std::vector<std::string> missing(const Names& a, const Names& b) {
  std::vector<std::string> names;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(names));
  return names;
}

Names called_below(std::initializer_list<const char*> folders,
                   std::initializer_list<const char*> extensions) {
  Names names;
  for (const char* folder : folders) {
    for (const std::string& file : house::files_below(folder, extensions)) {
      if (file.rfind("tests/house/contract/", 0) == 0) continue;
      names.merge(called_in(house::code_of(house::read(house::tree() / file))));
    }
  }
  return names;
}

}  // namespace

TEST_CASE("what the header declares is what the library exports", "[house]") {
  const Names header = declared(), library = exported();
  const auto not_exported = missing(header, library), not_declared = missing(library, header);
  INFO("declared, not exported:" << house::joined(not_exported));
  INFO("exported, not declared:" << house::joined(not_declared));
  CHECK(not_exported.empty());
  CHECK(not_declared.empty());
  CHECK(header.size() >= 200);
}

TEST_CASE("every function that the contract fixed for this version is declared", "[house]") {
  // Sections of the contract carry a letter: those marked H belong to version 0.1.
  static const std::regex kSection(R"re(^/\* ---- .*\(([A-Z])\b)re");
  static const std::regex kFunction(R"re(^[a-z].*?\b(tg_[a-z0-9_]+)\()re");
  Names wanted;
  char section = 0;
  for (const std::string& line :
       house::lines_of(house::read(house::tree() / "tests/house/contract/prototypes.h"))) {
    std::smatch match;
    if (std::regex_search(line, match, kSection)) section = match[1].str()[0];
    if (section == 'H' && std::regex_search(line, match, kFunction)) wanted.insert(match[1].str());
  }
  REQUIRE(wanted.size() >= 200);
  const auto absent = missing(wanted, declared());
  INFO(house::joined(absent));
  CHECK(absent.empty());
}

TEST_CASE("each function has its documentation directly above it", "[house]") {
  const auto lines = house::lines_of(house::read(house::tree() / kHeader));
  std::vector<std::string> bare;
  for (const Declaration& declaration : declarations()) {
    const std::string& above = lines[declaration.line == 0 ? 0 : declaration.line - 1];
    const bool ends_comment = above.size() >= 2 && above.substr(above.size() - 2) == "*/";
    const bool heading = above.rfind("/* ----", 0) == 0;
    if (!ends_comment || heading) {
      bare.push_back(house::at(kHeader, declaration.line) + declaration.name);
    }
  }
  INFO(house::joined(bare));
  CHECK(bare.empty());
}

TEST_CASE("each function is tested", "[house]") {
  const Names tested = called_below({"tests"}, {".cpp", ".c", ".h"});
  const auto untested = missing(declared(), tested);
  INFO(house::joined(untested));
  CHECK(untested.empty());
}

TEST_CASE("each function is called from C89", "[house]") {
  const Names called = called_below({"tests/capi", "tests/seed", "examples"}, {".c"});
  const auto uncalled = missing(declared(), called);
  INFO(house::joined(uncalled));
  CHECK(uncalled.empty());
}

TEST_CASE("each operator of the catalogue has its gradient checked", "[house]") {
  static const std::regex kEntry(R"re(^TG_OP\(([a-z0-9_]+)\))re");
  static const std::regex kBackward(R"re(_backward$)re");
  // Operators that are reached under another name than that of the catalogue.
  static const std::vector<std::pair<std::string, std::string>> kOtherNames = {
      {"extreme", "max"},
      {"extreme_dim", "max_dim"},
      {"rsub_scalar", "sigmoid"},
      {"scatter_add", "gather"},
      {"index_add", "index_select"},
      {"copy", "copy_"},
      {"fill", "fill_"},
      {"copy_slices", "through_view"},
      {"copy_slices_rest", "through_view"}};
  std::string tests;  // those that compare gradients with finite differences
  for (const std::string& file : house::files_below("tests/ops", {".cpp"})) {
    const std::string text = house::read(house::tree() / file);
    if (text.find("gradcheck.h") != std::string::npos) tests += house::code_of(text);
  }
  std::vector<std::string> unchecked;
  size_t count = 0;
  for (const std::string& line :
       house::lines_of(house::read(house::tree() / "src/ops/catalogue.inc"))) {
    std::smatch match;
    if (!std::regex_search(line, match, kEntry)) continue;
    std::string name = match[1].str();
    ++count;
    // A fused gradient is checked by the second order of its operator.
    name = std::regex_replace(name, kBackward, "");
    for (const auto& [entry, other] : kOtherNames) {
      if (name == entry) name = other;
    }
    if (!std::regex_search(tests, std::regex("\\b" + name + "\\b"))) unchecked.push_back(name);
  }
  CHECK(count >= 50);
  INFO(house::joined(unchecked));
  CHECK(unchecked.empty());
}
