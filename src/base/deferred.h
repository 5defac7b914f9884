// SPDX-License-Identifier: MIT
// Destructors and deleters of users: run where the last reference goes, or, once a host asked for
// it, queued until tg_drain (abi.md 2).
#pragma once

#include <cstdint>

namespace tg {

// Stands inside what is to be destroyed, so that queueing needs no memory.
struct Deferred {
  Deferred* next;
  void (*run)(Deferred* self) noexcept;
};

// Runs it now, or queues it and calls the wake function.
void defer(Deferred* deferred) noexcept;
// Runs what is queued, and what that adds.
void drain() noexcept;

using Wake = int32_t (*)(void* user_data);
using WakeDestructor = void (*)(void* user_data);
// wake null: destructors run at once again. The former wake's destructor runs.
void drain_set(Wake wake, void* user_data, WakeDestructor destructor);

}  // namespace tg
