// SPDX-License-Identifier: MIT
#include "base/deferred.h"

#include <new>
#include <utility>

#include "base/blocks.h"
#include "base/lock.h"

namespace tg {

namespace {

// What tg_drain_set gave. A thread that calls wake holds it, so that its user_data does not end
// while another thread sets a new one.
struct Registration {
  Wake wake;
  void* user_data;
  WakeDestructor destructor;
  uint32_t holders;  // the queue, and calls of wake that run
};

struct Queue {
  Lock lock;
  Deferred* first;
  Deferred* last;
  Registration* registration;  // null: destructors run at once
};
constinit Queue queue{};

void let_go_of(Registration* registration) noexcept {
  {
    LockGuard guard(queue.lock);
    if (--registration->holders > 0) return;
  }
  if (registration->destructor != nullptr) registration->destructor(registration->user_data);
  give_back(registration, sizeof(Registration));
}

}  // namespace

void defer(Deferred* deferred) noexcept {
  Registration* held = nullptr;
  {
    LockGuard guard(queue.lock);
    held = queue.registration;
    if (held != nullptr) {
      ++held->holders;
      deferred->next = nullptr;
      (queue.first != nullptr ? queue.last->next : queue.first) = deferred;
      queue.last = deferred;
    }
  }
  if (held == nullptr) return deferred->run(deferred);
  held->wake(held->user_data);  // what it returns is ignored: it may only signal
  let_go_of(held);
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
  Registration* fresh = nullptr;
  if (wake != nullptr) {
    fresh = new (take(sizeof(Registration))) Registration{wake, user_data, destructor, 1};
  }
  {
    LockGuard guard(queue.lock);
    std::swap(queue.registration, fresh);
  }
  if (fresh != nullptr) let_go_of(fresh);
}

}  // namespace tg
