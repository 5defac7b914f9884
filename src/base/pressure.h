// SPDX-License-Identifier: MIT
// The host's pressure function (tg_memory_pressure_set): asked to free memory where a request would
// pass its soft limit or was refused.
#pragma once

#include "base/kept.h"

namespace tg {

struct KeptPressure : Kept {
  int32_t (*call)(KeptPressure* self, uint64_t current, uint64_t wanted) noexcept;
};
extern constinit KeptPlace pressure_place;

// Runs it on this thread, without a lock held. true: the request may be tried again. A request that
// the function causes itself does not come here again.
[[gnu::cold]] bool relieve_pressure(int64_t wanted) noexcept;

}  // namespace tg
