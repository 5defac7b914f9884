// SPDX-License-Identifier: MIT
// The tokens of JSON that a file's header is made of: punctuation, texts, whole numbers. It builds
// no tree and knows no nesting; the caller's grammar decides what may come next, and a text stays
// where it is unless it has escapes.
//
// Why not a JSON library: those give the first or the last of two equal keys without a sign, take
// 2^64 as a double or spend 30 bytes on a byte of nested brackets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/blocks.h"
#include "base/error.h"

namespace tg::io {

// Length of the longest prefix that is valid UTF-8 (RFC 3629, section 4: no overlong form, no
// surrogate, nothing above U+10FFFF).
size_t valid_utf8_prefix(std::string_view text);

// What stands at a place of the text, for a message: "found ','", "found byte 0A".
struct Found {
  std::string_view text;
  size_t at;
};
Message& operator<<(Message& message, Found found);

class JsonScanner {
 public:
  // source: path or "memory", first word of every message. text_offset: where the text stands in
  // the file; the number of an error is an offset in the file. Texts that had escapes are put into
  // chunks of `unescaped`, whose bytes never move.
  JsonScanner(std::string_view source, std::string_view text, size_t text_offset,
              Vector<Vector<char>>& unescaped)
      : source_(source), text_(text), text_offset_(text_offset), unescaped_(unescaped) {}

  // What the messages speak of from now on.
  void speak_of_file() { subject_ = Subject::file; }
  void speak_of_metadata() { subject_ = Subject::metadata; }
  void speak_of_tensor(std::string_view name, size_t header_byte) {
    subject_ = Subject::tensor;
    tensor_ = name;
    tensor_byte_ = header_byte;
  }

  template <class... Parts>
  [[noreturn]] void refuse_as(tg_status code, size_t at, const Parts&... parts) const {
    const auto number = static_cast<int64_t>(text_offset_ + at);
    if (subject_ == Subject::tensor) {
      fail_number(code, number, Quoted{source_}, ": tensor \"", Quoted{tensor_}, "\" (header byte ",
                  tensor_byte_, "): ", parts...);
    }
    const std::string_view subject = subject_ == Subject::metadata ? ": __metadata__: " : ": ";
    fail_number(code, number, Quoted{source_}, subject, parts...);
  }
  // TG_ERROR_FORMAT at a byte of the text.
  template <class... Parts>
  [[noreturn]] void refuse(size_t at, const Parts&... parts) const {
    refuse_as(TG_ERROR_FORMAT, at, parts...);
  }

  std::string_view text() const { return text_; }
  size_t at() const { return at_; }

  void check_utf8() const;
  // Blanks in front of a token are passed over.
  bool take(char c);
  void expect(char c, std::string_view expected);
  void expect_end();
  // A text in quotes, unescaped; a NUL in it is refused. *start: where its first byte stands.
  std::string_view take_text(std::string_view expected, size_t* start);
  // Digits alone, below 2^63: no sign, no leading zero, no fraction, no exponent.
  int64_t take_size(std::string_view what);

 private:
  enum class Subject : uint8_t { file, metadata, tensor };

  [[noreturn]] void refuse_expected(std::string_view expected) const;
  void skip_blanks();
  std::string_view unescape(std::string_view raw, size_t first);
  uint32_t unescape_unicode(std::string_view raw, size_t* i, size_t first) const;
  uint32_t four_hex_digits(std::string_view raw, size_t i, size_t first) const;

  const std::string_view source_, text_;
  const size_t text_offset_;
  Vector<Vector<char>>& unescaped_;
  size_t at_ = 0;
  Subject subject_ = Subject::file;
  std::string_view tensor_;
  size_t tensor_byte_ = 0;
};

}  // namespace tg::io
