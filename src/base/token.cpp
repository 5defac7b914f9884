// SPDX-License-Identifier: MIT
#include "base/token.h"

#include "base/error.h"

namespace tg {

thread_local constinit const Token* token_in_use = nullptr;

void fail_cancelled() {
  fail(TG_ERROR_CANCELLED,
       "the token in use on this thread was cancelled, so the call ended before it was done; "
       "nothing was changed; take the token off by tg_token_use(0, ...) to go on without it");
}

}  // namespace tg
