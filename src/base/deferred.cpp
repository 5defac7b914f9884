// SPDX-License-Identifier: MIT
#include "base/deferred.h"

#include "base/lock.h"

namespace tg {

namespace {

struct Queue {
  Lock lock;
  Deferred* first;
  Deferred* last;
  Wake wake;
  void* user_data;
  WakeDestructor destructor;
};
constinit Queue queue{};

}  // namespace

void defer(Deferred* deferred) noexcept {
  Wake wake = nullptr;
  void* user_data = nullptr;
  {
    LockGuard guard(queue.lock);
    wake = queue.wake;
    user_data = queue.user_data;
    if (wake != nullptr) {
      deferred->next = nullptr;
      (queue.first != nullptr ? queue.last->next : queue.first) = deferred;
      queue.last = deferred;
    }
  }
  if (wake != nullptr) {
    wake(user_data);  // what it returns is ignored: it may only signal
  } else {
    deferred->run(deferred);
  }
}

void drain() noexcept {
  for (;;) {
    Deferred* first = nullptr;
    {
      LockGuard guard(queue.lock);
      first = queue.first;
      if (first == nullptr) return;
      queue.first = first->next;
    }
    first->run(first);
  }
}

void drain_set(Wake wake, void* user_data, WakeDestructor destructor) {
  WakeDestructor former = nullptr;
  void* former_data = nullptr;
  {
    LockGuard guard(queue.lock);
    former = queue.wake != nullptr ? queue.destructor : nullptr;
    former_data = queue.user_data;
    queue.wake = wake;
    queue.user_data = user_data;
    queue.destructor = destructor;
  }
  if (former != nullptr) former(former_data);
}

}  // namespace tg
