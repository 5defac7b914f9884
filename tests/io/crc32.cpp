// SPDX-License-Identifier: MIT
// The check sum against its definition, bit by bit, at every length, place and cut.
#include "io/crc32.h"

#include <catch2/catch.hpp>
#include <random>

#include "corpus/zip.h"

TEST_CASE("the check sum is that of ISO 3309", "[io]") {
  CHECK(tg::io::crc32(0, "", 0) == 0);
  CHECK(tg::io::crc32(0, "123456789", 9) == 0xcbf43926);  // the check value of CRC catalogues
  std::mt19937_64 random(20261130);
  std::string bytes;
  for (int i = 0; i < 100; ++i) bytes += static_cast<char>(random());
  for (size_t first = 0; first < 8; ++first) {
    for (size_t size = 0; first + size <= bytes.size(); ++size) {
      const std::string part = bytes.substr(first, size);
      const uint32_t crc = tg::io::crc32(0, bytes.data() + first, size);
      REQUIRE(crc == corpus::crc32(part));
      const size_t cut = size == 0 ? 0 : random() % size;
      REQUIRE(tg::io::crc32(tg::io::crc32(0, part.data(), cut), part.data() + cut, size - cut) ==
              crc);
    }
  }
}
