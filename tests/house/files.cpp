// SPDX-License-Identifier: MIT
// Rules on files: a room fits in the head, says what it is, and leaves nothing unfinished.
#include <catch2/catch.hpp>
#include <regex>

#include "house/tree.h"

namespace {

// Sources of the whole house but the copy of the contract, which is kept to the letter.
std::vector<std::string> sources() {
  std::vector<std::string> all;
  for (const char* folder : {"src", "capi", "include", "tests", "examples", "bench"}) {
    for (const auto& file : house::files_below(folder, {".h", ".hpp", ".cpp", ".c", ".inc"})) {
      if (file.rfind("tests/house/contract/", 0) != 0) all.push_back(file);
    }
  }
  return all;
}

std::vector<std::string> library_sources() {
  std::vector<std::string> all;
  for (const std::string& file : sources()) {
    if (file.rfind("src/", 0) == 0 || file.rfind("capi/", 0) == 0) all.push_back(file);
  }
  return all;
}

// Lines of code of the library that match.
std::vector<std::string> library_code(const std::string& pattern) {
  const std::regex expression(pattern);
  std::vector<std::string> found;
  for (const std::string& file : library_sources()) {
    const auto lines = house::lines_of(house::code_of(house::read(house::tree() / file)));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (std::regex_search(lines[i], expression)) found.push_back(house::at(file, i) + lines[i]);
    }
  }
  return found;
}

// A .cpp may leave the sentence to its header, a test to the file that it mirrors.
bool says_elsewhere(const std::string& file) {
  const house::fs::path path = house::tree() / file;
  if (path.extension() != ".cpp") return false;
  if (house::fs::exists(house::fs::path(path).replace_extension(".h"))) return true;
  return file.rfind("tests/", 0) == 0 && house::fs::exists(house::tree() / "src" / file.substr(6));
}

}  // namespace

TEST_CASE("no file has more than 600 lines, but the public header", "[house]") {
  std::vector<std::string> wrong;
  for (const std::string& file : sources()) {
    const size_t count = house::lines_of(house::read(house::tree() / file)).size();
    if (count > 600 && file.rfind("include/", 0) != 0) {
      wrong.push_back(file + ": " + std::to_string(count) + " lines");
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("each file begins with its licence and a sentence on what it is", "[house]") {
  std::vector<std::string> wrong;
  for (const std::string& file : sources()) {
    const std::string text = house::read(house::tree() / file);
    if (text.substr(0, text.find('\n')).find("SPDX-License-Identifier: MIT") == std::string::npos) {
      wrong.push_back(file + ": the first line is not the SPDX line");
      continue;
    }
    // What stands above the first line of code.
    const std::string code = house::code_of(text);
    const std::string above = text.substr(0, code.find_first_not_of(" \n"));
    if (above.size() < 60 && !says_elsewhere(file)) {
      wrong.push_back(file + ": no sentence says what it is");
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("nothing is left unfinished", "[house]") {
  const std::regex mark(std::string("\\b(TO") + "DO|FIX" + "ME|XX" + "X)\\b|not implemented" +
                        " yet");
  std::vector<std::string> wrong;
  auto all = sources();
  for (const auto& file : house::files_below("docs", {".md"})) all.push_back(file);
  for (const auto& file : house::files_below("cmake", {".cmake", ".in", ".map"})) {
    all.push_back(file);
  }
  for (const std::string& file : all) {
    const auto lines = house::lines_of(house::read(house::tree() / file));
    for (size_t i = 0; i < lines.size(); ++i) {
      if (std::regex_search(lines[i], mark)) wrong.push_back(house::at(file, i) + lines[i]);
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("headers of src guard themselves by #pragma once", "[house]") {
  std::vector<std::string> wrong;
  for (const std::string& file : library_sources()) {
    // Files that are compiled once a SIMD target (…-inl.h) have Highway's toggled guard instead.
    const std::string text = house::read(house::tree() / file);
    if (file.size() > 2 && file.substr(file.size() - 2) == ".h" &&
        text.find("#pragma once") == std::string::npos &&
        text.find("HWY_TARGET_TOGGLE") == std::string::npos) {
      wrong.push_back(file);
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("the library takes no header that prints, asserts or brings constructors", "[house]") {
  const auto wrong = library_code(
      R"re(#\s*include\s*<(iostream|fstream|sstream|iomanip|ostream|locale|clocale|locale\.h|cassert|assert\.h|regex|thread|future|filesystem)>)re");
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("the library has three thread-local words and no more", "[house]") {
  static const std::regex kThreadLocal(R"re(\bthread_local\b)re");
  std::vector<std::string> definitions;
  for (const std::string& file : library_sources()) {
    const auto lines = house::lines_of(house::code_of(house::read(house::tree() / file)));
    bool test_build = false;  // what stands between #ifdef TG_FAULT_INJECTION and #else or #endif
    for (size_t i = 0; i < lines.size(); ++i) {
      if (lines[i].find("#ifdef TG_FAULT_INJECTION") == 0) test_build = true;
      if (lines[i].find("#else") == 0 || lines[i].find("#endif") == 0) test_build = false;
      if (std::regex_search(lines[i], kThreadLocal) && !test_build &&
          lines[i].find("extern") == std::string::npos) {
        definitions.push_back(house::at(file, i) + lines[i]);
      }
    }
  }
  INFO(house::joined(definitions));
  CHECK(definitions.size() == 3);  // modes, record, token in use
}

TEST_CASE("no file is a drawer for odds and ends", "[house]") {
  std::vector<std::string> wrong;
  for (const std::string& file : sources()) {
    const std::string name = house::fs::path(file).stem().string();
    for (const char* drawer : {"util", "utils", "helper", "helpers", "misc", "common"}) {
      if (name == drawer) wrong.push_back(file);
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}

TEST_CASE("lines have at most 100 columns and no tab, but in the public header", "[house]") {
  std::vector<std::string> wrong;
  for (const std::string& file : sources()) {
    if (file == "include/tapegrad/tapegrad.h") continue;
    const auto lines = house::lines_of(house::read(house::tree() / file));
    for (size_t i = 0; i < lines.size(); ++i) {
      // A character is counted once: the bytes that continue one are passed over.
      const auto columns = std::count_if(lines[i].begin(), lines[i].end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
      });
      if (columns > 100 && lines[i].find("http") == std::string::npos &&
          lines[i].find("R\"") == std::string::npos) {
        wrong.push_back(house::at(file, i) + std::to_string(columns) + " columns");
      }
      if (lines[i].find('\t') != std::string::npos) wrong.push_back(house::at(file, i) + "a tab");
    }
  }
  INFO(house::joined(wrong));
  CHECK(wrong.empty());
}
