// SPDX-License-Identifier: MIT
// Copies with conversion between any two dtypes. Memory bounds these loops, so they are compiled
// for the baseline alone.
#include <cstring>
#include <limits>
#include <type_traits>

#include "kernels/half.h"
#include "kernels/lanes.h"
#include "kernels/strided.h"

namespace tg::kernels {
namespace {

// C++ leaves open what becomes of a number out of range; here it saturates, and NaN gives 0.
template <class To, class From>
To truncated(From value) {
  using Limits = std::numeric_limits<To>;
  // Limits of fewer bits than From's mantissa are exact; a wider maximum rounds up to a power of
  // two, which is itself out of range: hence >=.
  constexpr From kLeast = static_cast<From>(Limits::min());
  constexpr From kGreatest = static_cast<From>(Limits::max());
  if (value >= kGreatest) return Limits::max();
  if (value <= kLeast) return Limits::min();
  return value == value ? static_cast<To>(value) : To{0};
}

template <class To, class From>
To converted(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (kIsHalf<From>) {
    return converted<To>(widened(value));
  } else if constexpr (std::is_same_v<From, Bool>) {
    return converted<To>(static_cast<uint8_t>(value.byte != 0));
  } else if constexpr (std::is_same_v<To, Bool>) {
    return {static_cast<uint8_t>(value != 0)};
  } else if constexpr (kIsHalf<To>) {
    return narrowed<To>(static_cast<float>(value));  // a double rounds twice, as in PyTorch
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return truncated<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

template <class To, class From>
void convert(void* const* data, const int64_t* strides, int64_t n, const void*) noexcept {
  char* out = static_cast<char*>(data[0]);
  const char* in = static_cast<const char*>(data[1]);
  constexpr int64_t kOut = sizeof(To), kIn = sizeof(From);
  auto one = [&](int64_t to, int64_t from) {
    From value;
    std::memcpy(&value, in + from, sizeof(From));
    const To result = converted<To>(value);
    std::memcpy(out + to, &result, sizeof(To));
  };
  if (strides[0] == kOut && strides[1] == kIn) {
#pragma GCC ivdep
    for (int64_t i = 0; i < n; ++i) one(i * kOut, i * kIn);
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    one(i * strides[0], i * strides[1]);
    __asm__ volatile("");  // not worth the vector code the compiler would write for each stride
  }
}

// The same dtype: bytes, whatever they mean. memmove, since in place the two are the same.
template <class Word>
void move(void* const* data, const int64_t* strides, int64_t n, const void*) noexcept {
  char* out = static_cast<char*>(data[0]);
  const char* in = static_cast<const char*>(data[1]);
  constexpr int64_t kSize = sizeof(Word);
  if (strides[0] == kSize && strides[1] == kSize) {
    if (n > 0) std::memmove(out, in, static_cast<size_t>(n) * sizeof(Word));
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    Word value;
    std::memcpy(&value, in + i * strides[1], sizeof(Word));
    std::memcpy(out + i * strides[0], &value, sizeof(Word));
    __asm__ volatile("");  // as above
  }
}

struct Conversions {
  Loop loop[kDTypes][kDTypes];  // [to][from]
};

template <int kTo, int kFrom>
constexpr Loop conversion() {
  using To = ElementOf<static_cast<DType>(kTo)>;
  using From = ElementOf<static_cast<DType>(kFrom)>;
  if constexpr (kTo != kFrom) return &convert<To, From>;
  if constexpr (sizeof(To) == 1) return &move<uint8_t>;
  if constexpr (sizeof(To) == 2) return &move<uint16_t>;
  if constexpr (sizeof(To) == 4) return &move<uint32_t>;
  if constexpr (sizeof(To) == 8) return &move<uint64_t>;
}

template <int kTo, int... kFrom>
constexpr void set_row(Conversions& table, std::integer_sequence<int, kFrom...>) {
  ((table.loop[kTo][kFrom + 1] = conversion<kTo, kFrom + 1>()), ...);
}
template <int... kTo>
constexpr Conversions make_conversions(std::integer_sequence<int, kTo...> dtypes) {
  Conversions table{};
  (set_row<kTo + 1>(table, dtypes), ...);
  return table;
}
constexpr Conversions kConversions =
    make_conversions(std::make_integer_sequence<int, kDTypes - 1>());

// A transposed copy of 4- or 8-byte elements touches a cache line for each element of a row; in
// tiles each line is used whole before it leaves the cache.
constexpr int64_t kTile = 32;

bool is_transposed(const int64_t* out_strides, const int64_t* in_strides, const int64_t* sizes,
                   int rank, int* row, int* column) {
  if (rank < 2) return false;
  // The innermost dimension of each side: where a step is one element.
  int out_inner = -1, in_inner = -1;
  for (int d = 0; d < rank; ++d) {
    if (sizes[d] < kTile) continue;
    if (out_strides[d] == 1) out_inner = d;
    if (in_strides[d] == 1) in_inner = d;
  }
  *row = in_inner;
  *column = out_inner;
  return out_inner >= 0 && in_inner >= 0 && out_inner != in_inner;
}

}  // namespace

Loop copy_loop(DType to, DType from) noexcept {
  return kConversions.loop[static_cast<int>(to)][static_cast<int>(from)];
}

void copy(DType to, void* out, const int64_t* out_strides, DType from, const void* in,
          const int64_t* in_strides, const int64_t* sizes, int rank) noexcept {
  const Loop loop = copy_loop(to, from);
  const int64_t item[2] = {size_of(to), size_of(from)};
  const int64_t* const strides[2] = {out_strides, in_strides};
  void* const data[2] = {out, const_cast<void*>(in)};
  int row, column;
  if (!is_transposed(out_strides, in_strides, sizes, rank, &row, &column) || rank > kMaxWalkRank) {
    walk(loop, nullptr, 2, data, strides, item, sizes, rank);
    return;
  }
  // Tile by tile over the two inner dimensions; within a tile all others run as they are.
  int64_t part[kMaxWalkRank];
  for (int d = 0; d < rank; ++d) part[d] = sizes[d];
  for (int64_t i = 0; i < sizes[row]; i += kTile) {
    part[row] = sizes[row] - i < kTile ? sizes[row] - i : kTile;
    for (int64_t j = 0; j < sizes[column]; j += kTile) {
      part[column] = sizes[column] - j < kTile ? sizes[column] - j : kTile;
      void* const corner[2] = {
          static_cast<char*>(out) + (i * out_strides[row] + j * out_strides[column]) * item[0],
          static_cast<char*>(data[1]) + (i * in_strides[row] + j * in_strides[column]) * item[1]};
      walk(loop, nullptr, 2, corner, strides, item, part, rank);
    }
  }
}

}  // namespace tg::kernels
