// SPDX-License-Identifier: MIT
// Debug builds alone: what is promised of saved tensors is checked where a node is linked to its
// result, and where backward reads. No inference tensor is among them; and their elements are the
// same when they are read, or a version says so.
#pragma once

#include "autograd/node.h"

namespace tg {

#ifdef TG_DEBUG
void shadow_saved(Node& node) noexcept;
void check_shadow(const char* op, const Saved& saved);
#else
inline void shadow_saved(Node&) noexcept {}
#endif

}  // namespace tg
