// SPDX-License-Identifier: MIT
// The host's log (tg_log_set): failing calls, and what became of the BLAS. The library writes no
// line anywhere else.
#pragma once

#include "base/kept.h"

namespace tg {

struct KeptLog : Kept {
  void (*call)(KeptLog* self, int32_t level, const char* text) noexcept;
};
extern constinit KeptPlace log_place;

// On this thread, without a lock held. What the function does to this thread's last error is
// undone, and a line that it would cause itself is left out.
[[gnu::cold]] void write_log(int32_t level, const char* text) noexcept;
inline void log_line(int32_t level, const char* text) noexcept {
  if (log_place.is_taken()) [[unlikely]]
    write_log(level, text);
}

}  // namespace tg
