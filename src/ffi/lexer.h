// SPDX-License-Identifier: MIT
// The words of a signature, one after the other.
#pragma once

#include <cstdint>
#include <string_view>

namespace tg::ffi {

enum class TokenKind : uint8_t {
  end,
  word,
  integer,
  real,
  comma,
  star,
  open,
  close,
  arrow,
  unknown
};

struct Token {
  TokenKind kind;
  uint16_t at;
  std::string_view text;
};

constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next() {
    while (is_blank(peek())) ++at_;
    const size_t from = at_;
    const char c = peek();
    if (from == text_.size()) return token(TokenKind::end, from);
    if (is_letter(c)) {
      while (is_letter(peek()) || is_digit(peek())) ++at_;
      return token(TokenKind::word, from);
    }
    if (is_digit(c) || (c == '-' && is_digit(peek(1)))) return number(from);
    if (c == '-' && peek(1) == '>') {
      at_ += 2;
      return token(TokenKind::arrow, from);
    }
    ++at_;
    while ((static_cast<unsigned char>(peek()) & 0xc0u) == 0x80u) ++at_;  // a character stays whole
    switch (c) {
      case ',': return token(TokenKind::comma, from);
      case '*': return token(TokenKind::star, from);
      case '[': return token(TokenKind::open, from);
      case ']': return token(TokenKind::close, from);
      default: return token(TokenKind::unknown, from);
    }
  }

 private:
  // 0 behind the end; a 0 in the text is no character of the language either.
  char peek(size_t ahead = 0) const {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  Token token(TokenKind kind, size_t from) const {
    return {kind, static_cast<uint16_t>(from), text_.substr(from, at_ - from)};
  }
  void digits() {
    while (is_digit(peek())) ++at_;
  }
  Token number(size_t from) {
    TokenKind kind = peek() == '-' ? TokenKind::real : TokenKind::integer;
    if (peek() == '-') ++at_;
    digits();
    if (peek() == '.') {
      kind = TokenKind::real;
      ++at_;
      digits();
    }
    const bool sign = peek(1) == '-' || peek(1) == '+';
    if (peek() == 'e' && is_digit(peek(sign ? 2 : 1))) {
      kind = TokenKind::real;
      at_ += sign ? 2 : 1;
      digits();
    }
    return token(kind, from);
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace tg::ffi
