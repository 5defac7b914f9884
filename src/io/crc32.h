// SPDX-License-Identifier: MIT
// The check sum of zip files: CRC-32 of ISO 3309, as RFC 1952, section 8, writes it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace tg::io {

// Of the bytes so far (0: of none) and those that follow.
uint32_t crc32(uint32_t crc, const void* bytes, size_t size) noexcept;

}  // namespace tg::io
