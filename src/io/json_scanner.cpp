// SPDX-License-Identifier: MIT
#include "io/json_scanner.h"

#include <algorithm>
#include <cstring>

#include "base/checked.h"

namespace tg::io {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20; }

// How many bytes the character at bytes[0] has, 0 if it is no valid UTF-8.
size_t character_size(const unsigned char* bytes, size_t left) {
  const unsigned char lead = bytes[0];
  size_t size;
  unsigned char low = 0x80, high = 0xbf;  // of the second byte
  if (lead < 0x80) {
    return 1;
  } else if (lead >= 0xc2 && lead <= 0xdf) {
    size = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    size = 3;
    if (lead == 0xe0) low = 0xa0;
    if (lead == 0xed) high = 0x9f;
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    size = 4;
    if (lead == 0xf0) low = 0x90;
    if (lead == 0xf4) high = 0x8f;
  } else {
    return 0;
  }
  if (size > left || bytes[1] < low || bytes[1] > high) return 0;
  for (size_t k = 2; k < size; ++k) {
    if ((bytes[k] & 0xc0) != 0x80) return 0;
  }
  return size;
}

void append_utf8(Vector<char>& out, uint32_t c) {
  const auto put = [&](uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xc0 | c >> 6);
    put(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    put(0xe0 | c >> 12);
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  } else {
    put(0xf0 | c >> 18);
    put(0x80 | (c >> 12 & 0x3f));
    put(0x80 | (c >> 6 & 0x3f));
    put(0x80 | (c & 0x3f));
  }
}

}  // namespace

size_t valid_utf8_prefix(std::string_view text) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  size_t i = 0;
  while (i < text.size()) {
    uint64_t eight;
    if (text.size() - i >= sizeof eight) {
      std::memcpy(&eight, bytes + i, sizeof eight);
      if ((eight & 0x8080808080808080u) == 0) {
        i += sizeof eight;
        continue;
      }
    }
    const size_t size = character_size(bytes + i, text.size() - i);
    if (size == 0) return i;
    i += size;
  }
  return i;
}

Message& operator<<(Message& message, Found found) {
  if (found.at >= found.text.size()) return message << "the header ends";
  const auto byte = static_cast<unsigned char>(found.text[found.at]);
  if (byte > 0x20 && byte < 0x7f) return message << "found '" << static_cast<char>(byte) << '\'';
  constexpr char kDigits[] = "0123456789ABCDEF";
  return message << "found byte " << kDigits[byte >> 4] << kDigits[byte & 15];
}

void JsonScanner::refuse_expected(std::string_view expected) const {
  refuse(at_, "header byte ", at_, ": ", expected, " expected, ", Found{text_, at_});
}

void JsonScanner::check_utf8() const {
  const size_t valid = valid_utf8_prefix(text_);
  if (valid < text_.size()) {
    refuse(valid, "header byte ", valid, ": the header is not UTF-8, ", Found{text_, valid});
  }
}

void JsonScanner::skip_blanks() {
  while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
}

bool JsonScanner::take(char c) {
  skip_blanks();
  if (at_ >= text_.size() || text_[at_] != c) return false;
  ++at_;
  return true;
}

void JsonScanner::expect(char c, std::string_view expected) {
  if (!take(c)) refuse_expected(expected);
}

void JsonScanner::expect_end() {
  skip_blanks();
  if (at_ < text_.size()) refuse_expected("the end of the header");
}

std::string_view JsonScanner::take_text(std::string_view expected, size_t* start) {
  expect('"', expected);
  const size_t first = at_;
  *start = first;
  bool escapes = false;
  for (; at_ < text_.size() && text_[at_] != '"'; ++at_) {
    if (is_control(text_[at_])) {
      refuse(at_, "header byte ", at_, ": control character in a text, ", Found{text_, at_});
    }
    if (text_[at_] == '\\') {
      escapes = true;
      ++at_;  // the byte behind it ends no text; unescape() judges it
    }
  }
  if (at_ >= text_.size()) {
    refuse(first, "header byte ", first, ": the text that begins here has no end");
  }
  const std::string_view raw = text_.substr(first, at_ - first);
  ++at_;
  return escapes ? unescape(raw, first) : raw;
}

// RFC 8259, section 7. The result is never longer than what it was written as, so the chunk never
// grows. Every backslash of raw has a byte behind it: take_text() saw to that.
std::string_view JsonScanner::unescape(std::string_view raw, size_t first) {
  constexpr size_t kChunk = 4096;
  const auto free_in = [](const Vector<char>& chunk) { return chunk.capacity() - chunk.size(); };
  if (unescaped_.empty() || free_in(unescaped_.back()) < raw.size()) {
    unescaped_.emplace_back();
    unescaped_.back().reserve(std::max(kChunk, raw.size()));
  }
  Vector<char>& chunk = unescaped_.back();
  const size_t begin = chunk.size();
  for (size_t i = 0; i < raw.size();) {
    if (raw[i] != '\\') {
      chunk.push_back(raw[i++]);
      continue;
    }
    constexpr std::string_view kWritten = "\"\\/bfnrt", kMeant = "\"\\/\b\f\n\r\t";
    const size_t k = kWritten.find(raw[i + 1]);
    if (k != std::string_view::npos) {
      chunk.push_back(kMeant[k]);
      i += 2;
    } else if (raw[i + 1] == 'u') {
      append_utf8(chunk, unescape_unicode(raw, &i, first));
    } else {
      const size_t at = first + i;
      refuse(at, "header byte ", at, ": no escape of JSON, ", Found{text_, at + 1},
             " behind the backslash");
    }
  }
  return {chunk.data() + begin, chunk.size() - begin};
}

// \u and four digits, or two of them for a character above U+FFFF.
uint32_t JsonScanner::unescape_unicode(std::string_view raw, size_t* i, size_t first) const {
  const size_t at = first + *i;
  const uint32_t high = four_hex_digits(raw, *i, first);
  *i += 6;
  if (high == 0) refuse(at, "header byte ", at, ": \\u0000, a NUL, would end a C text early");
  if (high < 0xd800 || high > 0xdfff) return high;
  if (high <= 0xdbff && raw.substr(*i, 2) == "\\u") {
    const uint32_t low = four_hex_digits(raw, *i, first);
    if (low >= 0xdc00 && low <= 0xdfff) {
      *i += 6;
      return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  refuse(at, "header byte ", at, ": half of a surrogate pair is no character");
}

// Those behind the backslash and the u at raw[i].
uint32_t JsonScanner::four_hex_digits(std::string_view raw, size_t i, size_t first) const {
  uint32_t value = 0;
  for (size_t k = i + 2; k < i + 6; ++k) {
    const char c = k < raw.size() ? raw[k] : '"';
    uint32_t digit;
    if (is_digit(c)) {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a' + 10);
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A' + 10);
    } else {
      refuse(first + k, "header byte ", first + k, ": 4 hexadecimal digits expected behind \\u, ",
             Found{text_, first + k});
    }
    value = value * 16 + digit;
  }
  return value;
}

int64_t JsonScanner::take_size(std::string_view what) {
  skip_blanks();
  const size_t first = at_;
  if (first < text_.size() && text_[first] == '-') {
    refuse(first, what, " at header byte ", first, " has a sign; digits alone are taken");
  }
  int64_t value = 0;
  for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
    if (!checked_multiply(value, 10, &value) || !checked_add(value, text_[at_] - '0', &value)) {
      refuse(first, what, " at header byte ", first, " is above 2^63 - 1");
    }
  }
  if (at_ == first) refuse_expected("a number in digits");
  if (at_ - first > 1 && text_[first] == '0') {
    refuse(first, what, " at header byte ", first, " has a leading zero");
  }
  if (at_ < text_.size() && (text_[at_] == '.' || text_[at_] == 'e' || text_[at_] == 'E')) {
    refuse(first, what, " at header byte ", first, " is no whole number in digits");
  }
  return value;
}

}  // namespace tg::io
