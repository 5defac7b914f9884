// SPDX-License-Identifier: MIT
// Just enough JSON to read the conformance kit: texts without surrogate pairs, numbers as text.
#pragma once

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

struct Json {
  enum Kind { null, boolean, number, text, array, object } kind = null;
  std::string written;  // of a number or text; "true" or "false"
  std::vector<Json> items;
  std::map<std::string, Json> members;

  bool has(const std::string& name) const { return members.count(name) != 0; }
  const Json& operator[](const std::string& name) const {
    static const Json none;
    const auto found = members.find(name);
    return found == members.end() ? none : found->second;
  }
  // Great integers, inf, -inf and nan are texts.
  double real() const { return std::strtod(written.c_str(), nullptr); }
  int64_t integer() const {
    return written[0] == '-' ? std::strtoll(written.c_str(), nullptr, 10)
                             : static_cast<int64_t>(std::strtoull(written.c_str(), nullptr, 10));
  }
};

class JsonReader {
 public:
  static Json file(const std::string& path) {
    std::ifstream stream(path);
    JsonReader reader;
    reader.source_.assign(std::istreambuf_iterator<char>(stream), {});
    return reader.value();
  }

 private:
  char next() {
    while (at_ < source_.size() && std::strchr(" \n\t\r", source_[at_]) != nullptr) ++at_;
    if (at_ == source_.size()) throw std::runtime_error("the JSON ends too early");
    return source_[at_];
  }
  void take(char wanted) {
    if (next() != wanted) throw std::runtime_error("bad JSON at byte " + std::to_string(at_));
    ++at_;
  }
  // Calls item until the closing letter, with commas between.
  template <class Item>
  void list(char closing, Item item) {
    ++at_;
    while (next() != closing) {
      item();
      if (next() == ',') ++at_;
    }
    ++at_;
  }
  Json value() {
    Json json;
    switch (next()) {
      case '{':
        json.kind = Json::object;
        list('}', [&] {
          const std::string name = text();
          take(':');
          json.members[name] = value();
        });
        break;
      case '[':
        json.kind = Json::array;
        list(']', [&] { json.items.push_back(value()); });
        break;
      case '"':
        json.kind = Json::text;
        json.written = text();
        break;
      default:
        while (at_ < source_.size() && std::strchr(",]} \n", source_[at_]) == nullptr) {
          json.written += source_[at_++];
        }
        json.kind = json.written == "null"                              ? Json::null
                    : json.written == "true" || json.written == "false" ? Json::boolean
                                                                        : Json::number;
    }
    return json;
  }
  std::string text() {
    take('"');
    std::string result;
    for (; source_.at(at_) != '"'; ++at_) {
      if (source_[at_] != '\\') {
        result += source_[at_];
        continue;
      }
      switch (source_.at(++at_)) {
        case 'n': result += '\n'; break;
        case 't': result += '\t'; break;
        case 'r': result += '\r'; break;
        case 'b': result += '\b'; break;
        case 'f': result += '\f'; break;
        case 'u': {
          const auto code = std::strtoul(source_.substr(at_ + 1, 4).c_str(), nullptr, 16);
          at_ += 4;
          if (code < 0x80) {
            result += static_cast<char>(code);
          } else if (code < 0x800) {
            result += static_cast<char>(0xc0 | code >> 6);
            result += static_cast<char>(0x80 | (code & 0x3f));
          } else {
            result += static_cast<char>(0xe0 | code >> 12);
            result += static_cast<char>(0x80 | (code >> 6 & 0x3f));
            result += static_cast<char>(0x80 | (code & 0x3f));
          }
          break;
        }
        default: result += source_[at_];
      }
    }
    ++at_;
    return result;
  }

  std::string source_;
  std::size_t at_ = 0;
};
