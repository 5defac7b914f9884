// SPDX-License-Identifier: MIT
// Scopes: handles made while one is current are released at its exit (abi.md 2). A scope carries
// the chain of scopes around it, so that a task takes its own along when it changes threads.
#pragma once

#include "capi/handles.h"

namespace tg::capi {

struct Scope final : Object {
  Slot* first = nullptr;            // handles that the scope will release, newest first
  Scope* enclosing = nullptr;       // counted
  uint32_t inside = 0;              // scopes whose enclosing one this is
  ThreadRecord* used_by = nullptr;  // the thread whose innermost scope this is
  tg_handle handle = 0;

  Scope() : Object(Kind::scope) {}
  void destroy() noexcept override;
};

void unlink_from_scope(Slot* slot) noexcept;

}  // namespace tg::capi
