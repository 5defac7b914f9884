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

// A task's scope in place of the thread's own, for the length of a call that brings it along. The
// thread's own counts as in use meanwhile, so that nobody takes it up or ends it.
class TaskScope {
 public:
  explicit TaskScope(tg_scope handle);  // 0: none. Throws as scope_use
  ~TaskScope();
  TaskScope(const TaskScope&) = delete;
  TaskScope& operator=(const TaskScope&) = delete;

 private:
  ThreadRecord& thread_;
  Scope* own_;
};

void unlink_from_scope(Slot* slot) noexcept;

}  // namespace tg::capi
