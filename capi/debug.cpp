// SPDX-License-Identifier: MIT
// What debug builds give to tests, beside the C interface.
#ifdef TG_DEBUG
#include "autograd/shadow.h"
#include "capi/seam.h"

// All nodes alive are looked over (autograd/shadow.h); TG_ERROR_INTERNAL: a promise is broken.
extern "C" TG_API tg_status tg_debug_check_nodes(size_t* count) {
  return tg::capi::guarded(__func__, [&] { *count = tg::check_all_nodes(); });
}
#endif
