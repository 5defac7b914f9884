// SPDX-License-Identifier: MIT
// Views and what may be done through them: origin, staleness, and histories that follow in-place
// changes of the base (modes.md 4).
#pragma once

#include "autograd/node.h"
#include "core/tensor.h"

namespace tg {

// A head on x's storage with this layout. Of a normal tensor it is a view of x's base; of an
// inference tensor it is a tensor of its own that shares memory. No history yet.
Tensor make_view(const Tensor& x, const Layout& layout, Origin own_origin);

// What a view of x knows of its base; of an inference tensor it knows none.
inline ViewInfo view_info_for(TensorHead* x, Origin own_origin) {
  const Storage& storage = *x->storage;
  if (storage.is_inference()) return kNoView;
  const uint32_t version = storage.version.load(std::memory_order_relaxed);
  if (x->is_view == 0) return {x, version, own_origin};
  const ViewInfo& parent = x->view_info();
  return {parent.base, version, own_origin > parent.origin ? own_origin : parent.origin};
}

// Where views made now come from.
inline Origin current_origin() {
  if (recording_mode()) return Origin::plain;
  // Grad mode off, or inference mode on.
  static_assert(static_cast<int>(Origin::inference) == static_cast<int>(Origin::no_grad) + 1);
  return static_cast<Origin>(static_cast<int>(Origin::no_grad) + (inference_mode() ? 1 : 0));
}

// The base or another view was changed in place after the view was made in a way that the view's
// history cannot follow: its history may not be used (V12, V13).
bool is_stale(const TensorHead& view);

// A plain view that requires grad and whose memory was written after its history was: the history
// is to be made anew from the base's (V5).
bool is_behind(const TensorHead& view);
// The same where the base has a new past, made by a recorded write.
bool is_rewritten(const TensorHead& view);

// Makes the history of a plain view that is behind: an AsStrided of its base. What a view is made
// of is the operators' knowledge, so this is defined in ops/strided.cpp.
void renew_history(const Tensor& view);
// Its last step: the node becomes the view's history, unless another thread was first.
void put_history(TensorHead& view, Node* fresh, uint32_t version) noexcept;

// Before x, a view, takes part in a call that records, or is asked for its history. Throws where it
// is stale; a plain view that is behind catches up.
void use_history(const char* op, const Tensor& x);

// Throws what writing through x, a view, is refused with where the call records.
void check_view_target(const char* op, const Tensor& x);

}  // namespace tg
