// SPDX-License-Identifier: MIT
// A strict reader of JSON (RFC 8259) for tests: what it takes is JSON, and can be asked.
#pragma once

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace capi {

struct Json {
  enum class Kind { null, boolean, number, text, list, object } kind = Kind::null;
  bool flag = false;
  double number = 0;
  std::string text;
  std::vector<Json> list;
  std::map<std::string, Json> object;

  const Json& operator[](const std::string& key) const { return object.at(key); }
  const Json& operator[](size_t i) const { return list.at(i); }
  bool is_null() const { return kind == Kind::null; }
  size_t size() const { return list.size(); }
};

class JsonReader {
 public:
  static Json read(const std::string& text) {
    JsonReader reader(text);
    Json value = reader.value();
    reader.skip();
    if (reader.at_ != text.size()) reader.wrong("the end");
    return value;
  }

 private:
  explicit JsonReader(const std::string& text) : text_(text) {}
  [[noreturn]] void wrong(const std::string& wanted) const {
    throw std::runtime_error("JSON: wanted " + wanted + " at " + std::to_string(at_) + " in " +
                             text_.substr(0, 300));
  }
  void skip() {
    while (at_ < text_.size() && std::string(" \t\r\n").find(text_[at_]) != std::string::npos) {
      ++at_;
    }
  }
  bool take(const std::string& word) {
    if (text_.compare(at_, word.size(), word) != 0) return false;
    at_ += word.size();
    return true;
  }
  void need(const std::string& word) {
    skip();
    if (!take(word)) wrong(word);
  }
  Json value() {
    skip();
    Json out;
    if (take("null")) return out;
    if (take("true") || take("false")) {
      out.kind = Json::Kind::boolean;
      out.flag = text_[at_ - 2] == 'u';
      return out;
    }
    if (at_ < text_.size() && text_[at_] == '"') {
      out.kind = Json::Kind::text;
      out.text = string();
      return out;
    }
    if (take("[")) {
      out.kind = Json::Kind::list;
      skip();
      if (take("]")) return out;
      do out.list.push_back(value());
      while (more());
      need("]");
      return out;
    }
    if (take("{")) {
      out.kind = Json::Kind::object;
      skip();
      if (take("}")) return out;
      do {
        skip();
        const std::string key = string();
        need(":");
        if (!out.object.emplace(key, value()).second) wrong("another key than " + key);
      } while (more());
      need("}");
      return out;
    }
    out.kind = Json::Kind::number;
    char* end = nullptr;
    out.number = std::strtod(text_.c_str() + at_, &end);
    const auto next = static_cast<size_t>(end - text_.c_str());
    if (next == at_) wrong("a value");
    at_ = next;
    return out;
  }
  bool more() {
    skip();
    return take(",");
  }
  std::string string() {
    if (!take("\"")) wrong("a string");
    std::string out;
    for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (static_cast<unsigned char>(text_[at_]) < 0x20) wrong("no control character");
      if (text_[at_] != '\\') {
        out += text_[at_];
      } else if (text_[++at_] == '"' || text_[at_] == '\\') {
        out += text_[at_];
      } else if (take("u00")) {
        out += static_cast<char>(std::stoi(text_.substr(at_, 2), nullptr, 16));
        ++at_;
      } else {
        wrong("an escape");
      }
    }
    if (!take("\"")) wrong("the end of a string");
    return out;
  }

  const std::string& text_;
  size_t at_ = 0;
};

}  // namespace capi
