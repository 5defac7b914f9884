// SPDX-License-Identifier: MIT
// A copy of a tensor's elements in the order in which a kernel reads them, kept with the storage:
// a layer that is evaluated again and again brings its weight into that order once. It is worth no
// more than the time it saves, so it goes whenever memory is wanted, and nothing depends on it.
#pragma once

#include <cstddef>
#include <utility>

#include "core/tensor.h"

namespace tg {

struct PackedElements;

// Holds a packing while a kernel reads it, so that a trim or a write elsewhere cannot free it.
class Packing {
 public:
  Packing() noexcept = default;
  explicit Packing(PackedElements* elements) noexcept : elements_(elements) {}  // takes the count
  Packing(Packing&& other) noexcept : elements_(std::exchange(other.elements_, nullptr)) {}
  Packing& operator=(Packing&& other) noexcept {
    std::swap(elements_, other.elements_);
    return *this;
  }
  ~Packing();
  explicit operator bool() const { return elements_ != nullptr; }
  const void* data() const;  // on 64 bytes; null: there is none
  PackedElements* get() const { return elements_; }

 private:
  PackedElements* elements_ = nullptr;
};

// Writes x's elements in the kernel's order.
using Pack = void (*)(void* to, const Tensor& x) noexcept;

// The packing kept for x and the present version of its storage. Where there is none and `keep` is
// set, one of `bytes` is made and kept, unless the storage's address was given out (then it changes
// without a version), it keeps one of other elements, or there is no memory. A packing of an older
// version is dropped.
Packing packing_of(const Tensor& x, size_t bytes, bool keep, Pack pack) noexcept;

}  // namespace tg
