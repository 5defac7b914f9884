// SPDX-License-Identifier: MIT
// Draws the arguments of random calls: handles that are live, stale, forged, of another kind or 0,
// and memory of exactly the size that the call states, so that AddressSanitizer sees one byte more.
#pragma once

#include <tapegrad/tapegrad.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace calls {

enum class Kind {
  tensor,
  module,
  optimizer,
  generator,
  dict,
  node,
  object,
  scope,
  token,
  op,
  hook
};
constexpr int kKinds = 11;

// One call's memory, and where its handles will come.
struct Call {
  struct Place {
    Kind kind;
    tg_handle* at;
    size_t count;
  };
  std::vector<std::unique_ptr<unsigned char[]>> blocks;
  std::vector<Place> places;
  std::vector<std::unique_ptr<std::string>> texts;
  std::vector<void*> borrowed;  // memory that a deleter will end
  int objects = 0;              // payloads that a destructor will end
};

struct Player {
  std::mt19937_64 random;
  std::array<std::vector<tg_handle>, kKinds> pool;
  std::vector<tg_handle> stale;
  std::vector<uint64_t> states;
  std::string folder;
  std::string saved;  // bytes of a sound safetensors file
  std::map<void*, size_t> memory_lent;
  int64_t destructors_due = 0;
  int64_t packed = 0;                // by hooks on saved tensors, and not freed
  std::vector<tg_hook> saved_hooks;  // entered, the innermost last
  int depth = 0;
  bool may_leave_rings = false;
  std::vector<std::string> findings;

  explicit Player(uint64_t seed) : random(seed) {}

  uint64_t below(uint64_t n) { return random() % n; }
  bool chance(int percent) { return below(100) < static_cast<uint64_t>(percent); }

  // ---- handles ----

  tg_handle handle(Kind kind) {
    const auto& own = pool[static_cast<size_t>(kind)];
    const uint64_t what = below(100);
    if (what < 93 && !own.empty()) return own[below(own.size())];
    if (what < 95) {
      const auto& other = pool[below(kKinds)];
      if (!other.empty()) return other[below(other.size())];
    }
    if (what < 97 && !stale.empty()) return stale[below(stale.size())];
    if (what < 99) {
      switch (below(4)) {
        case 0: return random();
        case 1: return below(1 << 12) | (below(8) << 24);
        case 2: return UINT64_MAX;
        default: return own.empty() ? 5 : own[0] ^ (uint64_t{1} << below(64));
      }
    }
    return 0;
  }
  tg_handle any_handle() { return handle(static_cast<Kind>(below(kKinds))); }

  void add(Kind kind, tg_handle made) {
    auto& own = pool[static_cast<size_t>(kind)];
    int64_t elements = 0;
    const bool too_large =
        kind == Kind::tensor && tg_tensor_numel(made, &elements) == TG_OK && elements > 512;
    if (kind != Kind::scope && (too_large || own.size() >= 40)) {
      tg_release(made);
      stale.push_back(made);
      return;
    }
    own.push_back(made);
  }
  void forget(size_t kind, size_t place) {
    stale.push_back(pool[kind][place]);
    pool[kind][place] = pool[kind].back();
    pool[kind].pop_back();
    if (stale.size() > 300) stale.erase(stale.begin(), stale.begin() + 150);
  }

  // ---- numbers ----

  int64_t small() {
    constexpr int64_t kRare[] = {-4,        7,         17,        INT64_MAX,
                                 INT64_MIN, INT32_MAX, INT32_MIN, INT64_C(1) << 40};
    return chance(96) ? static_cast<int64_t>(below(5)) - 1 : kRare[below(std::size(kRare))];
  }
  int64_t dim() { return chance(96) ? static_cast<int64_t>(below(6)) - 3 : small(); }
  double number() {
    constexpr double kNumbers[] = {0,    1,     2,        -1,        0.5, 3,    1e-3, -2.5, 100,
                                   1e18, 1e308, INFINITY, -INFINITY, NAN, -0.0, 255,  256};
    return kNumbers[chance(70) ? below(8) : below(std::size(kNumbers))];
  }
  int32_t boolean() { return chance(97) ? static_cast<int32_t>(below(2)) : 2; }
  int32_t dtype() {
    constexpr int32_t kCommon[] = {TG_FLOAT32, TG_FLOAT32, TG_FLOAT32, TG_INT64};
    if (chance(75)) return kCommon[below(4)];
    return chance(95) ? static_cast<int32_t>(below(10)) + 1 : static_cast<int32_t>(below(14)) - 2;
  }
  // At most 256 elements, but now and then a shape that cannot be.
  std::vector<int64_t> sizes(bool may_be_huge) {
    if (chance(35)) return {2, 2};  // so that operands fit
    const int rank = chance(97) ? static_cast<int>(below(4)) : static_cast<int>(below(19));
    std::vector<int64_t> drawn;
    int64_t product = 1;
    for (int d = 0; d < rank; ++d) {
      int64_t size = static_cast<int64_t>(chance(92) ? below(3) + 1 : below(6));
      if (product * size > 256) size = 1;
      product *= size == 0 ? 1 : size;
      drawn.push_back(size);
    }
    if (!drawn.empty() && chance(3)) drawn[below(drawn.size())] = -1;
    if (!drawn.empty() && may_be_huge && chance(1)) drawn[below(drawn.size())] = small();
    return drawn;
  }

  // ---- memory ----

  template <class T>
  T* block(Call& call, size_t count, bool noise = true) {
    // Not from T[]: the block has the call's very size and no byte more.
    call.blocks.push_back(std::make_unique<unsigned char[]>(count * sizeof(T)));
    unsigned char* bytes = call.blocks.back().get();
    for (size_t i = 0; noise && i < count * sizeof(T); ++i) {
      bytes[i] = static_cast<unsigned char>(random());
    }
    return reinterpret_cast<T*>(bytes);
  }
  template <class T>
  T* array(Call& call, const std::vector<T>& values) {
    T* items = block<T>(call, values.size(), false);
    if (!values.empty()) std::memcpy(items, values.data(), values.size() * sizeof(T));
    return items;
  }
  template <class T>
  T* out(Call& call) {
    return chance(99) ? block<T>(call, 1) : nullptr;
  }
  tg_handle* out_handles(Call& call, Kind kind, size_t count) {
    tg_handle* at = block<tg_handle>(call, count);
    call.places.push_back({kind, at, count});
    return at;
  }
  const char* text(Call& call) {
    constexpr const char* kTexts[] = {"a",        "b",    "weight",       "0.weight",
                                      "0.bias",   "lr",   "momentum",     "beta1",
                                      "nesterov", "eps",  "type",         "",
                                      "\xc3\xa9", "\xff", "__metadata__", "param_groups.0.lr"};
    if (chance(1)) return nullptr;
    if (chance(1)) {
      call.texts.push_back(std::make_unique<std::string>(5000, 'x'));
    } else {
      call.texts.push_back(std::make_unique<std::string>(kTexts[below(std::size(kTexts))]));
    }
    return call.texts.back()->c_str();
  }
  const char* path(Call& call, const char* ending = "") {
    constexpr const char* kNames[] = {"/one",  "/two", "/two",     "/three",
                                      "/none", "",     "/bad\xff", "/no/folder"};
    if (chance(1)) return nullptr;
    const char* name = kNames[below(std::size(kNames))];
    call.texts.push_back(std::make_unique<std::string>(folder + name + ending));
    return call.texts.back()->c_str();
  }
  size_t bytes_of(tg_tensor x) {
    uint64_t bytes = 0;
    if (tg_tensor_nbytes(x, &bytes) != TG_OK || chance(8)) return below(64);
    return bytes;
  }
};

inline size_t item_size(int32_t dtype) {
  constexpr size_t kSizes[] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  return dtype > 0 && dtype < static_cast<int32_t>(std::size(kSizes))
             ? kSizes[static_cast<size_t>(dtype)]
             : 0;
}

}  // namespace calls
