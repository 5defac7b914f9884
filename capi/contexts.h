// SPDX-License-Identifier: MIT
// Contexts: what a callback of a user's operator asks and tells its run by. A context is live while
// its callback runs, on the thread that it runs on.
#pragma once

#include "capi/objects.h"
#include "ops/custom.h"

namespace tg::capi {

// Exactly one of the two is there: of forward, or of backward and jvp.
struct Context {
  CustomCall* call;
  CustomReplay* replay;
  const ThreadRecord* thread;
};

// The handle of one, for a block.
class LentContext {
 public:
  explicit LentContext(CustomCall& call) : LentContext(&call, nullptr) {}
  explicit LentContext(CustomReplay& replay) : LentContext(nullptr, &replay) {}
  ~LentContext();
  LentContext(const LentContext&) = delete;
  LentContext& operator=(const LentContext&) = delete;
  tg_context handle() const { return handle_; }

 private:
  LentContext(CustomCall* call, CustomReplay* replay);
  tg_context handle_;
};

}  // namespace tg::capi
