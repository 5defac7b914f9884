// SPDX-License-Identifier: MIT
#include "base/log.h"

#include <cstring>

#include "base/thread.h"

namespace tg {

constinit KeptPlace log_place{};

void write_log(int32_t level, const char* text) noexcept {
  ThreadRecord* mine = thread_record_or_null();
  if (mine == nullptr || mine->in_log != 0) return;
  const KeptUse use(log_place);
  if (use.get() == nullptr) return;
  const ErrnoKeeper keep;
  LastError& error = mine->error;
  LastError before;
  std::memcpy(&before, &error, sizeof before);
  mine->in_log = 1;
  auto* log = static_cast<KeptLog*>(use.get());
  log->call(log, level, text == error.text ? before.text : text);
  mine->in_log = 0;
  std::memcpy(&error, &before, sizeof before);
}

}  // namespace tg
