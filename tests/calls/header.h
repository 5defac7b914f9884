// SPDX-License-Identifier: MIT
// The names of all functions that the public header declares, read from the header itself, so that
// a test can say that its own list is complete.
#pragma once

#include <cctype>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace calls {

inline std::set<std::string> functions_of_header() {
  std::ifstream file(TG_TESTS_DIR "/../include/tapegrad/tapegrad.h");
  std::string text{std::istreambuf_iterator<char>(file), {}};
  for (size_t at = 0; (at = text.find("/*", at)) != std::string::npos;) {
    const size_t end = text.find("*/", at);
    text.erase(at, end == std::string::npos ? end : end + 2 - at);
  }
  std::set<std::string> names;
  for (size_t at = 0; (at = text.find("\nTG_API ", at)) != std::string::npos; ++at) {
    const size_t open = text.find('(', at);
    size_t start = open;
    while (start > 0 && (std::isalnum(static_cast<unsigned char>(text[start - 1])) != 0 ||
                         text[start - 1] == '_')) {
      --start;
    }
    names.insert(text.substr(start, open - start));
  }
  return names;
}

}  // namespace calls
