// SPDX-License-Identifier: MIT
// Four bytes a step ("slicing by 4": Kounavis and Berry, A systematic approach to building high
// performance software-based CRC generators, 2005): a member's check costs less than reading it.
#include "io/crc32.h"

#include <cstring>

namespace tg::io {

namespace {

constexpr uint32_t kPolynomial = 0xedb88320;  // x^32 + x^26 + ... + 1, its lowest bit first

struct Tables {
  uint32_t of[4][256];
};
// of[0][b] is the remainder of byte b; of[k][b] that of byte b with k zero bytes behind it.
consteval Tables make_tables() {
  Tables tables{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t rest = b;
    for (int bit = 0; bit < 8; ++bit) rest = rest >> 1 ^ (rest & 1 ? kPolynomial : 0);
    tables.of[0][b] = rest;
  }
  for (int k = 1; k < 4; ++k) {
    for (int b = 0; b < 256; ++b) {
      const uint32_t rest = tables.of[k - 1][b];
      tables.of[k][b] = rest >> 8 ^ tables.of[0][rest & 255];
    }
  }
  return tables;
}
constexpr Tables kTables = make_tables();

}  // namespace

uint32_t crc32(uint32_t crc, const void* bytes, size_t size) noexcept {
  const auto& of = kTables.of;
  const auto* next = static_cast<const unsigned char*>(bytes);
  crc = ~crc;
  for (; size >= 4; size -= 4, next += 4) {
    uint32_t word;
    std::memcpy(&word, next, 4);
    word ^= crc;
    crc = of[3][word & 255] ^ of[2][word >> 8 & 255] ^ of[1][word >> 16 & 255] ^ of[0][word >> 24];
  }
  for (; size > 0; --size, ++next) crc = crc >> 8 ^ of[0][(crc ^ *next) & 255];
  return ~crc;
}

}  // namespace tg::io
