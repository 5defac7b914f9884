// SPDX-License-Identifier: MIT
// Refusals of a file that say where. A reader has dozens of them, so their parts are gathered in a
// list and written by one function: a function for each form of message would be half of its code.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/error.h"

namespace tg::io {

// What a message speaks of: a file, or a member of an archive.
struct Place {
  std::string_view source;  // the path
  std::string_view member;  // of the archive
  bool in_archive = false;
};

// A text, of which at most 200 bytes are shown, or a number.
class Part {
 public:
  Part(const char* text) : text_(text), kind_(kText) {}
  Part(std::string_view text) : text_(text), kind_(kText) {}
  template <std::unsigned_integral T>
  Part(T number) : number_(number), kind_(kNumber) {}
  static Part hexadecimal(uint32_t number) { return Part({}, number, kHexadecimal); }
  // "found ','", or that the text ends.
  static Part found(std::string_view text, size_t at) { return Part(text, at, kFound); }

 private:
  friend class Refusal;
  enum Kind : uint8_t { kText, kNumber, kHexadecimal, kFound };
  Part(std::string_view text, uint64_t number, Kind kind)
      : text_(text), number_(number), kind_(kind) {}

  std::string_view text_;
  uint64_t number_ = 0;
  Kind kind_;
};

// Throws the error whose number is `at`; the message begins with the place.
[[noreturn, gnu::cold]] void refuse(tg_status code, uint64_t at, const Place& place,
                                    std::initializer_list<Part> parts);
// Its message says `at` in front of the parts: "a.npy: byte 21: ...".
[[noreturn, gnu::cold]] void refuse_byte(tg_status code, uint64_t at, const Place& place,
                                         std::initializer_list<Part> parts);

}  // namespace tg::io
