// SPDX-License-Identifier: MIT
// Finds a function in a shared library.
#pragma once

#include <utility>

namespace tg::ffi {

// A library that was opened for a function. Once the operator is made it stays open for ever:
// threads of its own may run in it.
class Library {
 public:
  Library() = default;
  explicit Library(void* handle) : handle_(handle) {}
  Library(Library&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Library& operator=(Library&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Library();
  void keep() { handle_ = nullptr; }
  explicit operator bool() const { return handle_ != nullptr; }
  void* handle() const { return handle_; }

 private:
  void* handle_ = nullptr;
};

struct Found {
  const void* address;
  Library library;
};

// library: a path or a soname; null: whatever this process has loaded for all to see. Throws
// TG_ERROR_NOT_FOUND.
Found find_symbol(const char* library, const char* symbol);

}  // namespace tg::ffi
