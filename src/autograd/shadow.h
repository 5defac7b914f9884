// SPDX-License-Identifier: MIT
// Debug builds alone: what is promised of saved tensors is checked where a node is linked to its
// result, where backward reads, and after each test for every node that is alive. No inference
// tensor is among them; and their elements are the same when they are read, or a version says so.
#pragma once

#include "autograd/node.h"

namespace tg {

#ifdef TG_DEBUG
void shadow_saved(Node& node) noexcept;
void check_shadow(const char* op, const Saved& saved);
// Looks over all nodes alive, of all graphs, and gives their number. No other thread may use the
// library meanwhile. Under the thread sanitizer there are none: the list's lock would hide races.
size_t check_all_nodes();
#else
inline void shadow_saved(Node&) noexcept {}
#endif

}  // namespace tg
