// SPDX-License-Identifier: MIT
// Deleters, destructors and wake functions: callbacks whose result nobody waits for. They run
// wherever the last reference goes, in the middle of a pass too. As of every callback, the modes
// that one enters or leaves are put back, and an exception does not pass into the library: it
// becomes this thread's last error.
#pragma once

#include <pthread.h>

#include "capi/seam.h"

namespace tg::capi {

// Nobody may unwind through what cannot fail, so the thread is not cancelled inside such a call but
// at the next cancellation point behind it.
class NotCancelled {
 public:
  NotCancelled() { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
  ~NotCancelled() { pthread_setcancelstate(before_, nullptr); }
  NotCancelled(const NotCancelled&) = delete;
  NotCancelled& operator=(const NotCancelled&) = delete;

 private:
  int before_ = 0;
};

template <class F>
void call_user(const char* what, F&& call) noexcept {
  const NotCancelled whole;
  // Without a record there is no memory for one, and nothing of this thread's to put back.
  if (thread_record_or_null() == nullptr) return call();
  guarded_pinned(what, [&] {
    const Callback callback;
    call();
  });
}

// For a T that keeps a host's user_data: once nobody counts it the destructor runs, or waits for
// tg_drain, and T goes.
template <class T>
struct UserData : Deferred {
  void* user_data;
  tg_destructor destructor;

  UserData(void* data, tg_destructor end)
      : Deferred{nullptr, finish}, user_data(data), destructor(end) {}

  void end_data() noexcept {
    if (destructor != nullptr) {
      defer(this);
    } else {
      finish(this);
    }
  }
  static void finish(Deferred* self) noexcept {
    auto* mine = static_cast<T*>(self);
    if (mine->destructor != nullptr) {
      call_user("destructor", [&] { mine->destructor(mine->user_data); });
    }
    mine->~T();
    give_back(mine, sizeof(T));
  }
};

}  // namespace tg::capi
