// SPDX-License-Identifier: MIT
// The source tree as the rules of the house see it: files with their lines, code without comments
// and texts. TG_TREE in the environment names another tree, so that a rule can be seen failing.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

namespace house {

namespace fs = std::filesystem;

inline fs::path tree() {
  const char* other = std::getenv("TG_TREE");
  return other != nullptr ? other : HOUSE_TREE;
}

inline std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Paths below `folder`, relative to the tree, sorted.
inline std::vector<std::string> files_below(const std::string& folder,
                                            std::initializer_list<const char*> extensions) {
  std::vector<std::string> found;
  if (!fs::exists(tree() / folder)) return found;
  for (const auto& entry : fs::recursive_directory_iterator(tree() / folder)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() &&
        std::find(extensions.begin(), extensions.end(), extension) != extensions.end()) {
      found.push_back(fs::relative(entry.path(), tree()).string());
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

// The code alone: comments become spaces, characters of texts too (the quotes stay), so that
// columns and lines are those of the file. Texts on #include lines stay.
inline std::string code_of(const std::string& text) {
  std::string code = text;
  enum { kCode, kLine, kBlock, kText, kCharacter, kRaw } state = kCode;
  std::string raw_end;
  bool include = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (c == '\n') {
      include = false;
      if (state == kLine) state = kCode;
      continue;
    }
    switch (state) {
      case kCode:
        if (c == '/' && (next == '/' || next == '*')) {
          state = next == '/' ? kLine : kBlock;
          code[i] = code[i + 1] = ' ';
          ++i;
        } else if (c == '#' && text.compare(i, 8, "#include") == 0) {
          include = true;
        } else if (c == 'R' && next == '"' && (i == 0 || !std::isalnum(text[i - 1]))) {
          const size_t open = text.find('(', i);
          raw_end = ")" + text.substr(i + 2, open - i - 2) + "\"";
          i = open;
          state = kRaw;
        } else if (c == '"' && !include) {
          state = kText;
        } else if (c == '\'' &&
                   (i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1])))) {
          state = kCharacter;
        }
        break;
      case kLine: code[i] = ' '; break;
      case kBlock:
        code[i] = ' ';
        if (c == '*' && next == '/') {
          code[++i] = ' ';
          state = kCode;
        }
        break;
      case kText:
      case kCharacter:
        if (c == '\\') {
          code[i] = ' ';
          if (next != '\n') code[++i] = ' ';
        } else if (c == (state == kText ? '"' : '\'')) {
          state = kCode;
        } else {
          code[i] = ' ';
        }
        break;
      case kRaw:
        if (text.compare(i, raw_end.size(), raw_end) == 0) {
          i += raw_end.size() - 1;
          state = kCode;
        } else {
          code[i] = ' ';
        }
        break;
    }
  }
  return code;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Findings, one a line: what a failing rule shows.
inline std::string joined(const std::vector<std::string>& findings) {
  std::string all;
  for (const std::string& finding : findings) all += "\n  " + finding;
  return all;
}

inline std::string at(const std::string& file, size_t line_index) {
  return file + ":" + std::to_string(line_index + 1) + ": ";
}

}  // namespace house
