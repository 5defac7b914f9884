// SPDX-License-Identifier: MIT
// Kept packings, step by step: what threads do to one another stands in tests/threads/packing.cpp.
#include "core/packing.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <functional>

namespace {

constexpr int64_t kCount = 40000;
constexpr size_t kBytes = kCount * sizeof(float);

tg::Tensor weight(int64_t rows = 200) {
  const int64_t sizes[] = {rows, kCount / 200};
  return tg::make_tensor(tg::DType::float32, sizes, 2);
}

int packs = 0;
std::function<void(const tg::Tensor& x)> meanwhile;  // runs in the middle of a packing

void pack(void* to, const tg::Tensor& x) noexcept {
  std::memset(to, ++packs, kBytes);
  if (meanwhile) std::exchange(meanwhile, nullptr)(x);
}

tg::Packing packing(const tg::Tensor& x, bool keep = true) {
  return tg::packing_of(x, kBytes, keep, pack);
}
int first_byte(const tg::Packing& packing) {
  return packing ? *static_cast<const unsigned char*>(packing.data()) : 0;
}

void write(const tg::Tensor& x) {
  x.storage().raise_version();
  x.storage().written();
}

}  // namespace

TEST_CASE("a packing is made once for a version, by those who may keep it", "[packing]") {
  packs = 0;
  const tg::Tensor x = weight();
  CHECK(!packing(x, false));
  CHECK(packs == 0);
  CHECK(first_byte(packing(x)) == 1);
  CHECK(first_byte(packing(x)) == 1);
  CHECK(first_byte(packing(x, false)) == 1);
  CHECK(reinterpret_cast<uintptr_t>(packing(x).data()) % 64 == 0);
  write(x);
  CHECK(!packing(x, false));
  CHECK(first_byte(packing(x)) == 2);
  // A write that somebody began: nobody knows when its elements come.
  x.storage().raise_version();
  CHECK(!packing(x, false));
  CHECK(first_byte(packing(x)) == 3);
}

TEST_CASE("a packing made while a write ended is used once and not kept", "[packing]") {
  packs = 0;
  const tg::Tensor x = weight();
  x.storage().raise_version();
  meanwhile = [](const tg::Tensor& written) { written.storage().written(); };
  CHECK(first_byte(packing(x)) == 1);
  CHECK(!packing(x, false));
  CHECK(first_byte(packing(x)) == 2);
  CHECK(first_byte(packing(x, false)) == 2);
}

TEST_CASE("of two readers that pack at once the first one's packing is kept", "[packing]") {
  packs = 0;
  const tg::Tensor x = weight();
  meanwhile = [](const tg::Tensor& same) { CHECK(first_byte(packing(same)) == 2); };
  CHECK(first_byte(packing(x)) == 1);
  CHECK(first_byte(packing(x)) == 2);
}

TEST_CASE("a packing in use outlives a trim, a write and its weight", "[packing]") {
  tg::memory_trim();
  REQUIRE(tg::memory_cached() == 0);
  const std::function<void(tg::Tensor&)> ends[] = {
      [](tg::Tensor&) { tg::memory_trim(); },
      [](tg::Tensor& x) { write(x); },
      [](tg::Tensor& x) { x.reset(); },
  };
  for (const auto& end : ends) {
    packs = 0;
    tg::Tensor x = weight();
    {
      const tg::Packing held = packing(x);
      end(x);
      tg::memory_trim();
      CHECK(tg::memory_cached() == kBytes);
      CHECK(first_byte(held) == 1);
      if (x) CHECK(!packing(x, false));
    }
    tg::memory_trim();
    CHECK(tg::memory_cached() == 0);
  }
}

TEST_CASE("a storage keeps one packing, of the elements that came first", "[packing]") {
  packs = 0;
  const tg::Tensor x = weight();
  tg::Layout layout = tg::layout_of(x);
  layout.shape[0] = 100;
  const tg::Tensor part = tg::make_head(x.storage(), tg::DType::float32, layout, tg::kNoView);
  CHECK(first_byte(packing(x)) == 1);
  CHECK(!packing(part));
  CHECK(first_byte(packing(x)) == 1);
  write(part);
  CHECK(first_byte(packing(part)) == 2);
  CHECK(!packing(x));
}

TEST_CASE("no packing is kept of small storages, or where the address is known", "[packing]") {
  packs = 0;
  CHECK(!packing(weight(100)));
  const tg::Tensor x = weight();
  CHECK(first_byte(packing(x)) == 1);
  x.storage().extent.fetch_or(tg::Storage::kEscaped);
  CHECK(!packing(x));
  tg::memory_trim();
  CHECK(tg::memory_cached() == 0);
  CHECK(packs == 1);
}
