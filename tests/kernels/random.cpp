// SPDX-License-Identifier: MIT
#include "kernels/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#if __has_include(<Random123/philox.h>)
#include <Random123/philox.h>
#define TAPEGRAD_TESTS_HAVE_RANDOM123 1
#endif

#include "layouts.h"

namespace tg::kernels {
namespace {

using test::Numbers;
using test::on_every_target;

using Block = std::vector<uint32_t>;

Block block_of(uint64_t seed, uint64_t block) {
  Block words(4);
  philox(seed, block, words.data());
  return words;
}

TEST_CASE("Philox gives the known answers", "[kernels][random]") {
  on_every_target([] {
    // The first one is in Random123's kat_vectors; the others came from its philox4x32, which the
    // next test asks where it is installed.
    CHECK(block_of(0, 0) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(block_of(~uint64_t{0}, ~uint64_t{0}) ==
          Block{0x4d18d7d2, 0x430ac65a, 0xbd2fa22a, 0x0afae10d});
    CHECK(block_of(0x299f31d0a4093822, 0x85a308d3243f6a88) ==
          Block{0xe69c9c31, 0xb5a3d762, 0xe733bfc1, 0x341a787c});
    CHECK(block_of(1, 0) == Block{0xe3e80670, 0xe50a0ebc, 0x95f222c0, 0xb615aa27});
    CHECK(block_of(42, uint64_t{1} << 32) == Block{0x42e0b8b3, 0x7dbf5de8, 0x2fe739d4, 0x6aaf03eb});
  });
}

#ifdef TAPEGRAD_TESTS_HAVE_RANDOM123
TEST_CASE("Philox is that of Random123", "[kernels][random]") {
  on_every_target([] {
    Numbers numbers(5);
    auto word = [&] { return uint64_t{numbers.next()} << 33 ^ numbers.next(); };
    for (int i = 0; i < 1000; ++i) {
      const uint64_t seed = word(), block = word();
      const philox4x32_ctr_t counter = {
          {static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32), 0, 0}};
      const philox4x32_key_t key = {
          {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)}};
      const philox4x32_ctr_t wanted = philox4x32(counter, key);
      CHECK(block_of(seed, block) == Block(wanted.v, wanted.v + 4));
    }
  });
}
#endif

template <class T>
constexpr DType dtype_of() {
  return sizeof(T) == 4 ? DType::float32 : DType::float64;
}

template <class T, class F>
std::vector<T> draw(F f, int64_t n, uint64_t seed, uint64_t offset) {
  std::vector<T> x(static_cast<size_t>(n));
  f(dtype_of<T>(), x.data(), n, seed, offset);
  return x;
}

TEST_CASE("uniform numbers are the top bits of the words, in order", "[kernels][random]") {
  on_every_target([] {
    const auto floats = draw<float>(uniform, 1001, 7, 3);
    const auto doubles = draw<double>(uniform, 1001, 7, 3);
    for (uint64_t i = 0; i < 1001; ++i) {
      const Block four = block_of(7, 3 + i / 4), two = block_of(7, 3 + i / 2);
      CHECK(floats[i] == static_cast<float>(four[i % 4] >> 8) / 16777216);
      const uint64_t word = uint64_t{two[i % 2 * 2 + 1]} << 32 | two[i % 2 * 2];
      CHECK(doubles[i] == static_cast<double>(word >> 11) / 9007199254740992);
    }
  });
}

TEMPLATE_TEST_CASE("a number depends on seed and place alone", "[kernels][random]", float, double) {
  using T = TestType;
  on_every_target([] {
    for (auto* f : {&uniform, &normal}) {
      const auto all = draw<T>(f, 1000, 99, 10);
      for (const int64_t n : {0, 1, 2, 5, 63, 64, 65, 127, 128, 129, 300}) {
        CHECK(draw<T>(f, n, 99, 10) == std::vector<T>(all.begin(), all.begin() + n));
      }
      const int64_t skipped = sizeof(T) == 4 ? 12 : 6;
      CHECK(draw<T>(f, 500, 99, 13) ==
            std::vector<T>(all.begin() + skipped, all.begin() + skipped + 500));
      CHECK(draw<T>(f, 8, 100, 10) != draw<T>(f, 8, 99, 10));
    }
  });
}

TEST_CASE("a call takes whole blocks", "[kernels][random]") {
  CHECK(blocks_for(DType::float32, 0) == 0);
  CHECK(blocks_for(DType::float32, 1) == 1);
  CHECK(blocks_for(DType::float32, 4) == 1);
  CHECK(blocks_for(DType::float32, 5) == 2);
  CHECK(blocks_for(DType::float64, 4) == 2);
  CHECK(blocks_for(DType::int64, 5) == 3);
  CHECK(blocks_for(DType::float64, std::numeric_limits<int64_t>::max()) == int64_t{1} << 62);
}

TEMPLATE_TEST_CASE("uniform numbers fill [0, 1) evenly", "[kernels][random]", float, double) {
  const int64_t n = 1 << 20;
  const auto x = draw<TestType>(uniform, n, 1, 0);
  std::vector<double> bin(64);
  double sum = 0, neighbours = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    REQUIRE((x[i] >= 0 && x[i] < 1));
    bin[static_cast<size_t>(x[i] * 64)] += 1;
    sum += static_cast<double>(x[i]);
    if (i > 0)
      neighbours += (static_cast<double>(x[i]) - 0.5) * (static_cast<double>(x[i - 1]) - 0.5);
  }
  CHECK(std::fabs(sum / n - 0.5) < 0.001);
  CHECK(std::fabs(neighbours / n * 12) < 0.004);  // correlation; deviation 0.001
  double chi_square = 0;                          // 63 degrees of freedom: 63 +- 11
  for (const double count : bin) chi_square += (count - n / 64) * (count - n / 64) / (n / 64);
  CHECK(chi_square > 25);
  CHECK(chi_square < 110);
}

TEMPLATE_TEST_CASE("normal numbers have the moments of the normal distribution",
                   "[kernels][random]", float, double) {
  const int64_t n = 1'000'000;
  const auto x = draw<TestType>(normal, n, 1, 0);
  double sum = 0, squares = 0, cubes = 0, fourths = 0, neighbours = 0;
  int64_t beyond_2 = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double value = static_cast<double>(x[i]);
    sum += value, squares += value * value, cubes += value * value * value;
    fourths += value * value * value * value;
    beyond_2 += std::fabs(value) > 2;
    if (i > 0) neighbours += value * static_cast<double>(x[i - 1]);
  }
  // Five deviations each.
  CHECK(std::fabs(sum / n) < 0.005);
  CHECK(std::fabs(squares / n - 1) < 0.0071);
  CHECK(std::fabs(cubes / n) < 0.0194);
  CHECK(std::fabs(fourths / n - 3) < 0.049);
  CHECK(std::fabs(neighbours / n) < 0.005);
  CHECK(std::fabs(static_cast<double>(beyond_2) / n - 0.0455) < 0.00105);
}

TEST_CASE("normal numbers are Box and Muller's, to the last digits", "[kernels][random]") {
  const long double turn = 6.283185307179586476925286766559L;
  const int64_t n = 100'000;
  const auto doubles = draw<double>(normal, n, 21, 4);
  const auto floats = draw<float>(normal, n, 21, 4);
  double worst = 0, worst_float = 0;
  for (uint64_t i = 0; i < n; ++i) {
    const Block b = block_of(21, 4 + i / 2);
    const uint64_t first = uint64_t{b[1]} << 32 | b[0], second = uint64_t{b[3]} << 32 | b[2];
    const long double u = (static_cast<long double>(first >> 11) + 1) * 0x1p-53L;
    const long double angle = turn * (static_cast<long double>(second >> 11) * 0x1p-53L);
    const long double radius = std::sqrt(-2 * std::log(u));
    const long double wanted = radius * (i % 2 == 0 ? std::cos(angle) : std::sin(angle));
    worst = std::max(worst, static_cast<double>(std::fabs(doubles[i] - wanted) / radius));
    const Block c = block_of(21, 4 + i / 4);
    const size_t pair = i % 4 / 2 * 2;
    const double v = (static_cast<double>(c[pair]) + 1) * 0x1p-32;
    const double a = static_cast<double>(turn) * (static_cast<double>(c[pair + 1]) * 0x1p-32);
    const double value = std::sqrt(-2 * std::log(v)) * (i % 2 == 0 ? std::cos(a) : std::sin(a));
    worst_float = std::max(
        worst_float, std::fabs(static_cast<double>(floats[i]) - value) / (1e-3 + std::fabs(value)));
  }
  CHECK(worst < 6e-16);
  CHECK(worst_float < 6e-8);
}

TEST_CASE("the first normal numbers of seed 0 have these bits everywhere", "[kernels][random]") {
  on_every_target([] {
    std::vector<uint32_t> floats;
    std::vector<uint64_t> doubles;
    for (const float x : draw<float>(normal, 8, 0, 0)) floats.push_back(std::bit_cast<uint32_t>(x));
    for (const double x : draw<double>(normal, 8, 0, 0)) {
      doubles.push_back(std::bit_cast<uint64_t>(x));
    }
    CHECK(floats == std::vector<uint32_t>{0x3f7dbb33, 0xbf6cb6b0, 0xbf1e1b9f, 0xbef6d1b2,
                                          0xbe1d5357, 0x3e392a6d, 0x3f54ec98, 0x3e4a2da3});
    CHECK(doubles == std::vector<uint64_t>{0xbfd973628c131c04, 0xbfd3dd84ff91e709,
                                           0x3ff63083c830bea5, 0x3fd511d43e0f2703,
                                           0xbfca5734828884a4, 0x3ff7f2507bd97b0c,
                                           0xbff302c4d6bd16d6, 0x3fe2d761564c260e});
  });
}

// Fowler, Noll and Vo's FNV-1a, a byte at a time.
template <class T>
uint64_t hash_of(const std::vector<T>& x) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const T value : x) {
    for (const unsigned char byte : std::bit_cast<std::array<unsigned char, sizeof(T)>>(value)) {
      hash = (hash ^ byte) * 0x100000001b3;
    }
  }
  return hash;
}

TEST_CASE("a hundred thousand normal numbers have these bits everywhere", "[kernels][random]") {
  on_every_target([] {
    CHECK(hash_of(draw<float>(normal, 100'000, 0, 0)) == 0x5d4dde197bac7fc5);
    CHECK(hash_of(draw<double>(normal, 100'000, 0, 0)) == 0xd9b0b72b724a3c14);
  });
}

TEMPLATE_TEST_CASE("all numbers have the same bits on every target", "[kernels][random]", float,
                   double) {
  std::vector<TestType> first[2];
  on_every_target([&] {
    int which = 0;
    for (auto* f : {&uniform, &normal}) {
      const auto x = draw<TestType>(f, 200'001, 1234, 5678);
      if (first[which].empty()) first[which] = x;
      CHECK(x == first[which++]);
    }
  });
}

TEST_CASE("integers lie in their range and reach all of it", "[kernels][random]") {
  on_every_target([] {
    constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();
    constexpr int64_t kGreatest = std::numeric_limits<int64_t>::max();
    std::vector<int64_t> x(60'000);
    const auto n = static_cast<int64_t>(x.size());
    integers(x.data(), n, -2, 4, 3, 0);
    std::map<int64_t, int64_t> seen;
    for (const int64_t value : x) ++seen[value];
    CHECK(seen.size() == 6);
    CHECK(seen.begin()->first == -2);
    CHECK(seen.rbegin()->first == 3);
    for (const auto& [value, count] : seen) CHECK(std::abs(count - 10'000) < 500);
    // Word by word: floor(word * range / 2^64).
    integers(x.data(), n, 10, 10 + (int64_t{1} << 32), 3, 8);
    for (uint64_t i = 0; i < 1000; ++i) {
      CHECK(x[i] == 10 + int64_t{block_of(3, 8 + i / 2)[i % 2 * 2 + 1]});
    }
    integers(x.data(), n, 5, 6, 3, 0);
    CHECK(std::count(x.begin(), x.end(), 5) == n);
    integers(x.data(), n, kLeast, kGreatest, 3, 0);
    CHECK(*std::min_element(x.begin(), x.end()) < kLeast / 1000 * 999);
    CHECK(*std::max_element(x.begin(), x.end()) > kGreatest / 1000 * 999);
    // The end of a call changes nothing before it.
    std::vector<int64_t> shorter(777);
    integers(shorter.data(), 777, kLeast, kGreatest, 3, 0);
    CHECK(std::equal(shorter.begin(), shorter.end(), x.begin()));
  });
}

TEST_CASE("a permutation has every number once, and every order is as likely",
          "[kernels][random]") {
  on_every_target([] {
    for (const int64_t n : {0, 1, 2, 5, 256, 257, 258, 10'000}) {
      std::vector<int64_t> x(static_cast<size_t>(n), -1), sorted(x.size());
      permutation(x.data(), n, 8, 2);
      std::iota(sorted.begin(), sorted.end(), 0);
      if (n > 5) CHECK(x != sorted);
      std::sort(x.begin(), x.end());
      CHECK(x == sorted);
    }
  });
  std::map<std::vector<int64_t>, int> seen;
  const int draws = 24'000;
  for (uint64_t i = 0; i < draws; ++i) {
    std::vector<int64_t> x(4);
    permutation(x.data(), 4, 5, 2 * i);
    ++seen[x];
  }
  CHECK(seen.size() == 24);
  double chi_square = 0;  // 23 degrees of freedom: 23 +- 7
  for (const auto& [order, count] : seen) chi_square += (count - 1000.0) * (count - 1000.0) / 1000;
  CHECK(chi_square > 5);
  CHECK(chi_square < 55);
}

}  // namespace
}  // namespace tg::kernels
