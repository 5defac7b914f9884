// SPDX-License-Identifier: MIT
// Deleters and destructors: callbacks that have nothing to return and run wherever the last
// reference goes, in the middle of a pass too. As of every callback, the modes that one enters or
// leaves are put back, and an exception does not pass into the library: it becomes this thread's
// last error.
#pragma once

#include "capi/seam.h"

namespace tg::capi {

template <class F>
void call_user(F&& call) noexcept {
  // Without a record there is no memory for one, and nothing of this thread's to put back.
  if (thread_record_or_null() == nullptr) return call();
  guarded_pinned("deleter", [&] {
    const Callback callback;
    call();
  });
}

}  // namespace tg::capi
