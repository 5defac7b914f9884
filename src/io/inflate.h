// SPDX-License-Identifier: MIT
// Reads what was compressed by "deflate" (RFC 1951), the method of zip files and of the library's
// own description.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace tg::io {

// Writes exactly `size` bytes to `out`. false: `deflated` is not one whole stream of that many
// bytes; what stands in `out` is then of no use. Reads and writes nothing outside, whatever the
// bytes are; takes no memory.
bool inflate(const unsigned char* deflated, size_t length, unsigned char* out,
             size_t size) noexcept;

// A stream that is never whole in memory: its bytes come and go in pieces.
class InflatePieces {
 public:
  virtual std::span<const unsigned char> more() = 0;              // empty: there are no more
  virtual void put(const unsigned char* bytes, size_t size) = 0;  // in order, each byte once

 protected:
  ~InflatePieces() = default;
};
inline constexpr size_t kInflateWindow = size_t{64} << 10;

// The same, to the last of `size` bytes and no further; window: kInflateWindow bytes to work in.
// What more() and put() throw passes through.
bool inflate(InflatePieces& pieces, uint64_t size, unsigned char* window);

}  // namespace tg::io
