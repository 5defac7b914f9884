// SPDX-License-Identifier: MIT
// Errors inside the library: fail() writes the text into the thread's record and throws; the one
// catch stands in capi/seam.h. Text is built without printf, locale or memory.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/dtype.h"
#include "tapegrad/tapegrad.h"

namespace tg {

inline constexpr size_t kMessageCapacity = 4096;  // with the NUL: the bound of abi.md 3

// What is thrown. The text lies in the thread's record (base/thread.h).
struct Error {
  tg_status code;
  int32_t operand;  // position of the operand at fault, -1: none
  int64_t number;   // a callback's number, errno, a byte offset
};

// A text of bounded length; what does not fit is cut at a whole UTF-8 character.
class Message {
 public:
  Message(char* buffer, size_t capacity) : buffer_(buffer), capacity_(capacity) {
    if (capacity_ > 0) buffer_[0] = 0;
  }
  Message& operator<<(std::string_view text);
  Message& operator<<(const char* text) { return *this << std::string_view(text); }
  Message& operator<<(char c) { return *this << std::string_view(&c, 1); }
  Message& operator<<(double value);
  Message& operator<<(DType dtype) { return *this << name_of(dtype); }
  template <std::integral T>
  Message& operator<<(T value) {
    if constexpr (std::is_signed_v<T>) return signed_number(value);
    return unsigned_number(value);
  }
  size_t length() const { return length_; }  // of the whole text, also what was cut
  size_t written() const { return written_; }

 private:
  Message& signed_number(int64_t value);
  Message& unsigned_number(uint64_t value);

  char* buffer_;
  size_t capacity_;
  size_t length_ = 0;   // of the text as it should be
  size_t written_ = 0;  // of the text that lies in the buffer
};

// At most 200 bytes of a foreign text (a name, a path), cut at a whole character, then "...".
struct Quoted {
  std::string_view text;
};
Message& operator<<(Message& message, Quoted quoted);

// The buffer of the thread's record; a static one where no record can be had.
Message begin_message();
// Goes on where the message of an error that is on its way ends; nothing is written where that has
// `known` already.
Message continue_message(std::string_view known);
[[noreturn, gnu::cold]] void throw_error(tg_status code, int32_t operand, int64_t number);

// The function's name is put in front at the seam: parts begin with what was expected.
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(tg_status code, const Parts&... parts) {
  Message message = begin_message();
  (message << ... << parts);
  throw_error(code, -1, 0);
}
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail_operand(tg_status code, int32_t operand,
                                                         const Parts&... parts) {
  Message message = begin_message();
  (message << ... << parts);
  throw_error(code, operand, 0);
}
// number: errno, a byte offset or what a callback returned.
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail_number(tg_status code, int64_t number,
                                                        const Parts&... parts) {
  Message message = begin_message();
  (message << ... << parts);
  throw_error(code, -1, number);
}

template <class... Parts>
[[gnu::cold, gnu::noinline]] void add_to_message(std::string_view known, const Parts&... parts) {
  Message message = continue_message(known);
  (message << ... << parts);
}

// Puts errno back to what it was: the host's errno is no business of the library.
class ErrnoKeeper {
 public:
  ErrnoKeeper();
  ~ErrnoKeeper();
  ErrnoKeeper(const ErrnoKeeper&) = delete;
  ErrnoKeeper& operator=(const ErrnoKeeper&) = delete;

 private:
  int saved_;
};

// Invariants of the library's own, checked in debug builds only.
#ifdef TG_DEBUG
#define TG_CHECK(condition)           \
  ((condition) ? static_cast<void>(0) \
               : ::tg::fail(TG_ERROR_INTERNAL, "broken invariant: " #condition))
#else
#define TG_CHECK(condition) static_cast<void>(0)
#endif

}  // namespace tg
