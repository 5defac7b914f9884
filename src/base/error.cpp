// SPDX-License-Identifier: MIT
#include "base/error.h"

#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/thread.h"

namespace tg {

namespace {

// The longest prefix of at most `size` bytes that ends with a whole UTF-8 character.
size_t whole_characters(std::string_view text, size_t size) {
  if (size >= text.size()) return text.size();
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0u) == 0x80u) --size;
  return size;
}

}  // namespace

Message& Message::operator<<(std::string_view text) {
  const bool whole_so_far = written_ == length_;
  length_ += text.size();
  if (!whole_so_far || capacity_ == 0) return *this;
  const size_t size = whole_characters(text, capacity_ - 1 - written_);
  std::memcpy(buffer_ + written_, text.data(), size);
  written_ += size;
  buffer_[written_] = 0;
  return *this;
}

Message& Message::operator<<(double value) {
  char digits[40];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
}

Message& Message::signed_number(int64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
}

Message& Message::unsigned_number(uint64_t value) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, value);
  return *this << std::string_view(digits, static_cast<size_t>(end.ptr - digits));
}

Message& operator<<(Message& message, Quoted quoted) {
  constexpr size_t kLongest = 200;
  const size_t size = whole_characters(quoted.text, kLongest);
  message << quoted.text.substr(0, size);
  if (size < quoted.text.size()) message << "...";
  return message;
}

Message begin_message() {
  ThreadRecord* thread = thread_record_or_null();
  if (thread == nullptr) return Message(nullptr, 0);
  return Message(thread->error.text, sizeof thread->error.text);
}

Message continue_message(std::string_view known) {
  ThreadRecord* thread = record;
  if (thread == nullptr) return Message(nullptr, 0);
  char* const text = thread->error.text;
  const std::string_view so_far(text);
  if (so_far.find(known) != std::string_view::npos) return Message(nullptr, 0);
  return Message(text + so_far.size(), sizeof thread->error.text - so_far.size());
}

void throw_error(tg_status code, int32_t operand, int64_t number) {
  throw Error{code, operand, number};
}

ErrnoKeeper::ErrnoKeeper() : saved_(errno) {}
ErrnoKeeper::~ErrnoKeeper() { errno = saved_; }

}  // namespace tg
