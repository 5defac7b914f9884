// SPDX-License-Identifier: MIT
// Handles on their way into a callback and out of it: those that it is lent end with the call,
// whoever keeps the object; those that it gives are the library's, also where it failed.
#pragma once

#include "capi/seam.h"

namespace tg::capi {

class LentHandle {
 public:
  explicit LentHandle(const Tensor& tensor) {
    if (tensor) publish(Kind::tensor, tensor.head());
  }
  explicit LentHandle(Node& node) { publish(Kind::node, &node); }
  ~LentHandle() {
    if (handle_ != 0) try_release(handle_);
  }
  LentHandle(LentHandle&& other) noexcept : handle_(std::exchange(other.handle_, 0)) {}
  LentHandle& operator=(LentHandle&&) = delete;
  operator tg_handle() const { return handle_; }

 private:
  void publish(Kind kind, void* object) {
    NewHandle fresh;
    share_object(kind, object);
    handle_ = fresh.publish(kind, object);
  }
  tg_handle handle_ = 0;
};

// 0 for null tensors.
class LentHandles {
 public:
  explicit LentHandles(std::span<const Tensor> tensors) : LentHandles(tensors.size()) {
    for (const Tensor& tensor : tensors) lend(tensor);
  }
  explicit LentHandles(Operands tensors) : LentHandles(tensors.size()) {
    for (const Tensor* tensor : tensors) lend(*tensor);
  }
  const tg_handle* data() const { return handles_.data(); }
  size_t size() const { return handles_.size(); }

 private:
  explicit LentHandles(size_t count) {
    lent_.reserve(count);
    handles_.reserve(count);
  }
  void lend(const Tensor& tensor) {
    lent_.emplace_back(tensor);
    handles_.push_back(lent_.back());
  }

  Vector<LentHandle> lent_;
  Vector<tg_handle> handles_;
};

// Places where a callback puts handles.
class GivenHandles {
 public:
  explicit GivenHandles(size_t count) : handles_(count) {}
  ~GivenHandles() {
    for (const tg_handle handle : handles_) {
      if (handle != 0) try_release(handle);
    }
  }
  GivenHandles(const GivenHandles&) = delete;
  GivenHandles& operator=(const GivenHandles&) = delete;
  tg_handle* places() { return handles_.data(); }
  size_t size() const { return handles_.size(); }
  tg_handle operator[](size_t i) const { return handles_[i]; }

 private:
  Vector<tg_handle> handles_;
};

}  // namespace tg::capi
