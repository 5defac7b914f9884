// SPDX-License-Identifier: MIT
// Reads what was compressed by "deflate" (RFC 1951), the method of zip files and of the library's
// own description.
#pragma once

#include <cstddef>

namespace tg::io {

// Writes exactly `size` bytes to `out`. false: `deflated` is not one whole stream of that many
// bytes; what stands in `out` is then of no use. Reads and writes nothing outside, whatever the
// bytes are; takes no memory.
bool inflate(const unsigned char* deflated, size_t length, unsigned char* out,
             size_t size) noexcept;

}  // namespace tg::io
