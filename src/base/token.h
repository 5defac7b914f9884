// SPDX-License-Identifier: MIT
// Cancel tokens (abi.md 11): a host puts one in use on a thread, and long calls of that thread ask
// it between their steps. A third word of thread-local storage, beside the mode word and the
// thread's record, so that asking where no token is in use is one load.
#pragma once

#include <atomic>
#include <cstdint>

namespace tg {

struct Token {
  std::atomic<uint32_t> cancelled{0};  // set once, never taken back
};

// In use on this thread; null: none. Whoever sets it holds the token while it stands here.
extern thread_local constinit const Token* token_in_use;

[[noreturn, gnu::cold]] void fail_cancelled();

// For steps that run on other threads: the caller's token, taken along with the work.
inline bool is_cancelled(const Token* asked) noexcept {
  return asked != nullptr && asked->cancelled.load(std::memory_order_relaxed) != 0;
}
// Throws TG_ERROR_CANCELLED. Only where a call can still fail with nothing changed.
inline void ask_token() {
  if (is_cancelled(token_in_use)) [[unlikely]]
    fail_cancelled();
}

}  // namespace tg
