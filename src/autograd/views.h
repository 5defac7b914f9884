// SPDX-License-Identifier: MIT
// Views and what may be done through them: origin, staleness, and the ground for in-place changes
// that rewrite history (modes.md 4).
#pragma once

#include "autograd/node.h"
#include "core/tensor.h"

namespace tg {

// A head on x's storage with this layout. Of a normal tensor it is a view of x's base; of an
// inference tensor it is a tensor of its own that shares memory. No history yet.
Tensor make_view(const Tensor& x, const Layout& layout, Origin own_origin);

// The same for a row-major x seen under another shape.
Tensor make_row_major_view(const Tensor& x, const int64_t* sizes, int rank, Origin own_origin);

// Where views made now come from.
inline Origin current_origin() {
  if (inference_mode()) return Origin::inference;
  return grad_mode() ? Origin::plain : Origin::no_grad;
}

// The base or another view was changed in place after the view was made in a way that the view's
// history cannot follow: its history may not be used (V12, V13).
bool is_stale(const TensorHead& view);

// Throws where x, a view, may not take part in a call that records: stale views by their origin;
// plain views older than their base's last recorded in-place change are not supported yet.
void check_view_history(const char* op, const Tensor& x);

// Throws what writing through x, a view, is refused with where the call records.
void check_view_target(const char* op, const Tensor& x);

}  // namespace tg
