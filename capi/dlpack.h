// SPDX-License-Identifier: MIT
// Tensors handed to other libraries by DLPack and not yet given back.
#pragma once

#include <cstdint>

namespace tg::capi {

uint64_t exported_tensors() noexcept;

}  // namespace tg::capi
