// SPDX-License-Identifier: MIT
// Declares the loops of one target, and puts those of one dtype into a column of the table.
// Included once for each target (hwy/foreach_target.h).
#if defined(TAPEGRAD_KERNELS_LANES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef TAPEGRAD_KERNELS_LANES_INL_H_
#undef TAPEGRAD_KERNELS_LANES_INL_H_
#else
#define TAPEGRAD_KERNELS_LANES_INL_H_
#endif

#include "hwy/highway.h"
#include "kernels/lanes.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {

// Each is defined in one file, which instantiates it. [[gnu::used]] (it must stand on the first
// declaration) makes that file's object hold it for table.cpp.
template <Lane kLane, class T>  // elementwise.cpp: float, double
[[gnu::used]] void arithmetic_loop(void* const* data, const int64_t* strides, int64_t n,
                                   const void* parameters) noexcept;
template <Lane kLane, class T>  // elementwise_math.cpp: float, double
[[gnu::used]] void math_loop(void* const* data, const int64_t* strides, int64_t n,
                             const void* parameters) noexcept;
template <Lane kLane, class T>  // elementwise_half.cpp: Float16, BFloat16
[[gnu::used]] void half_loop(void* const* data, const int64_t* strides, int64_t n,
                             const void* parameters) noexcept;
template <Lane kLane, class T>  // elementwise_plain.cpp: integers, Bool, and is_plain() lanes
[[gnu::used]] void plain_loop(void* const* data, const int64_t* strides, int64_t n,
                              const void* parameters) noexcept;

// The compiler vectorises the plain loops well for AVX2; another set of them for AVX-512 would
// only double their size.
#if HWY_TARGET == HWY_AVX3 && (HWY_TARGETS & HWY_AVX2)
namespace plain = N_AVX2;
#else
namespace plain = HWY_NAMESPACE;
#endif

// where moves bytes, whatever they mean.
template <size_t kSize>
struct WordOf;
template <>
struct WordOf<1> {
  using type = int8_t;
};
template <>
struct WordOf<2> {
  using type = int16_t;
};
template <>
struct WordOf<4> {
  using type = int32_t;
};
template <>
struct WordOf<8> {
  using type = int64_t;
};

template <Lane kLane, class T>
constexpr Loop loop_of() {
  if constexpr (kLane == Lane::where) {
    return &plain::plain_loop<kLane, typename WordOf<sizeof(T)>::type>;
  } else if constexpr (kIsHalf<T>) {
    return &half_loop<kLane, T>;
  } else if constexpr (!std::is_floating_point_v<T> || is_plain(kLane)) {
    return &plain::plain_loop<kLane, T>;
  } else if constexpr (is_math(kLane)) {
    return &math_loop<kLane, T>;
  } else {
    return &arithmetic_loop<kLane, T>;
  }
}

struct Column {
  Loop lane[kLanes];
};
template <DType kDType>
constexpr Column column() {
  Column result{};
  for_each_lane([&]<Lane kLane>() {
    if constexpr (takes(kLane, kDType)) {
      result.lane[static_cast<int>(kLane)] = loop_of<kLane, ElementOf<kDType>>();
    }
  });
  return result;
}

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#endif  // include guard
