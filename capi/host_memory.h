// SPDX-License-Identifier: MIT
// Tensors on memory of the host: what its layout covers, and the deleter that ends it.
#pragma once

#include "core/tensor.h"
#include "tapegrad/tapegrad.h"

namespace tg::capi {

// data: the first element of `layout`, whose own offset is not read. flags: 0 or TG_READ_ONLY. The
// deleter (null: none) runs once after success, by the rules of tg_drain_set; on failure never.
Tensor borrow(void* data, DType dtype, const Layout& layout, uint32_t flags, tg_deleter deleter,
              void* user_data);

}  // namespace tg::capi
