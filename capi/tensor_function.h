// SPDX-License-Identifier: MIT
// A host's function of tensors (tg_function) as the library calls it.
#pragma once

#include "capi/lent.h"

namespace tg::capi {

inline void check_function(tg_function fn) {
  check_pointer(reinterpret_cast<const void*>(fn), "fn");
}

// Each out must be set where fn returns 0.
void call_tensor_function(tg_function fn, void* user_data, std::span<const Tensor> inputs,
                          std::span<Tensor> outs);

// The places of an array of results, and what will stand in them.
class Results {
 public:
  // places may be null: nobody wants them.
  Results(tg_tensor* places, size_t count) : places_(places), handles_(places ? count : 0) {
    tensors_.resize(count);
  }
  std::span<Tensor> tensors() { return tensors_; }
  void publish() noexcept {
    if (places_ == nullptr) return;
    for (size_t i = 0; i < tensors_.size(); ++i) {
      places_[i] = handles_.publish(i, std::move(tensors_[i]));
    }
  }

 private:
  tg_tensor* places_;
  NewHandles handles_;
  Vector<Tensor> tensors_;
};

}  // namespace tg::capi
