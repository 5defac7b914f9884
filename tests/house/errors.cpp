// SPDX-License-Identifier: MIT
// Every error that the header's documentation names has a test: a row of tests/capi/rows.h, or a
// line of tests/capi/wrong_arguments.c.
#include <catch2/catch.hpp>
#include <regex>
#include <set>

#include "house/tree.h"

namespace {

// "tg_mm TG_ERROR_SHAPE"
using Pairs = std::set<std::string>;

// Every match of `pattern` in the text: its group 1 with each TG_ERROR_* in its group 2. Where
// `code` is given, the match must begin in code there, not in a comment.
void add_pairs(const std::string& text, const std::regex& pattern, const std::string& code,
               Pairs& pairs) {
  static const std::regex kError(R"re(TG_ERROR_[A-Z_]+)re");
  for (std::sregex_iterator i(text.begin(), text.end(), pattern), end; i != end; ++i) {
    const auto at = static_cast<size_t>(i->position());
    if (!code.empty() && code[at] != text[at]) continue;
    const std::string codes = (*i)[2].str();
    for (std::sregex_iterator c(codes.begin(), codes.end(), kError); c != end; ++c) {
      pairs.insert((*i)[1].str() + " " + c->str());
    }
  }
}

// The codes of `@errors` above each function of the header.
Pairs documented() {
  static const std::regex kName(R"re(\b(tg_[a-z0-9_]+)\()re");
  static const std::regex kError(R"re(TG_ERROR_[A-Z_]+)re");
  Pairs pairs;
  bool in_errors = false;
  std::string codes;
  for (const std::string& line :
       house::lines_of(house::read(house::tree() / "include/tapegrad/tapegrad.h"))) {
    std::smatch match;
    if (line.find("/**") != std::string::npos) codes.clear();
    if (line.find(" *  @") != std::string::npos) {
      in_errors = line.find("@errors") != std::string::npos;
    }
    if (in_errors) codes += line;
    if (line.rfind("TG_API", 0) == 0 && std::regex_search(line, match, kName)) {
      in_errors = false;
      for (std::sregex_iterator c(codes.begin(), codes.end(), kError), end; c != end; ++c) {
        pairs.insert(match[1].str() + " " + c->str());
      }
      codes.clear();
    }
  }
  return pairs;
}

Pairs tested() {
  // "tg_mm", TG_ERROR_SHAPE            in rows.fails(...) and in tables that are run by it
  // "tg_mm", {TG_ERROR_MODE, ...}      in such tables
  static const std::regex kRow(
      R"re("(tg_[a-z0-9_]+)",\s*(\{?\s*TG_ERROR_[A-Z_]+(\s*,\s*TG_ERROR_[A-Z_]+)*))re");
  // EXPECT(tg_mm(a, b, NULL), TG_ERROR_INVALID_ARGUMENT);
  static const std::regex kLine(
      R"re(\bEXPECT\((tg_[a-z0-9_]+)\([^;]*?\),\s*(TG_ERROR_[A-Z_]+)\);)re");
  Pairs pairs;
  for (const std::string& file : house::files_below("tests/capi", {".cpp", ".c", ".h"})) {
    const std::string text = house::read(house::tree() / file);
    const std::string code = house::code_of(text);
    const bool has_rows = text.find("#include \"capi/rows.h\"") != std::string::npos;
    if (has_rows) add_pairs(text, kRow, code, pairs);
    if (file == "tests/capi/wrong_arguments.c") add_pairs(text, kLine, code, pairs);
  }
  return pairs;
}

// What this version has no way to: nothing gives a module a parameter from outside. Once something
// does, its row takes the place of the line here.
const Pairs kOutOfReach = {"tg_module_load_state_dict TG_ERROR_UNSUPPORTED"};

}  // namespace

TEST_CASE("each error that a function's documentation names is tested", "[house]") {
  const Pairs wanted = documented(), found = tested();
  CHECK(wanted.size() >= 850);
  std::vector<std::string> untested, undocumented;
  std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(),
                      std::back_inserter(untested));
  for (const std::string& pair : kOutOfReach) {
    INFO(pair << ": documented " << wanted.count(pair) << ", tested " << found.count(pair));
    CHECK(std::erase(untested, pair) == 1);
  }
  INFO("without a row:" << house::joined(untested));
  CHECK(untested.empty());
  // What each function can give without saying so stands at the head of the page.
  static const std::regex kGeneral("TG_ERROR_(LIMIT|OUT_OF_MEMORY|CALLBACK|INTERNAL)$");
  std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(undocumented));
  std::erase_if(undocumented,
                [](const std::string& pair) { return std::regex_search(pair, kGeneral); });
  INFO("tested, but not in the documentation:" << house::joined(undocumented));
  CHECK(undocumented.empty());
}
