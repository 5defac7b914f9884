// SPDX-License-Identifier: MIT
#include "base/pressure.h"

#include "base/thread.h"

namespace tg {

constinit KeptPlace pressure_place{};

bool relieve_pressure(int64_t wanted) noexcept {
  if (!pressure_place.is_taken()) return false;
  ThreadRecord* mine = thread_record_or_null();
  if (mine == nullptr || mine->in_pressure != 0) return false;
  const KeptUse use(pressure_place);
  if (use.get() == nullptr) return false;
  const ErrnoKeeper keep;
  mine->in_pressure = 1;
  auto* pressure = static_cast<KeptPressure*>(use.get());
  const int32_t answer = pressure->call(pressure, memory_current(), static_cast<uint64_t>(wanted));
  mine->in_pressure = 0;
  return answer == 0;
}

}  // namespace tg
