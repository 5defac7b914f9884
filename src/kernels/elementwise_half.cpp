// SPDX-License-Identifier: MIT
// The lanes of float16 and bfloat16: a block of elements becomes float, the float lane runs, and
// the results are rounded once, to nearest even.
#include <bit>
#include <cstring>

#include "kernels/half.h"
#include "kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/elementwise_half.cpp"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "kernels/lanes-inl.h"

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kBlock = 256;

template <class T>
HWY_NOINLINE void widen(float* out, const char* in, int64_t stride, int64_t n) {
  if (stride == sizeof(T)) {
    for (int64_t i = 0; i < n; ++i) {
      T element;
      std::memcpy(&element, in + i * static_cast<int64_t>(sizeof(T)), sizeof(T));
      out[i] = widened(element);
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    T element;
    std::memcpy(&element, in + i * stride, sizeof(T));
    out[i] = widened(element);
  }
}

template <class T>
HWY_NOINLINE void narrow(char* out, int64_t stride, const float* in, int64_t n) {
  if (stride == sizeof(T)) {
    for (int64_t i = 0; i < n; ++i) {
      const T element = narrowed<T>(in[i]);
      std::memcpy(out + i * static_cast<int64_t>(sizeof(T)), &element, sizeof(T));
    }
    return;
  }
  for (int64_t i = 0; i < n; ++i) {
    const T element = narrowed<T>(in[i]);
    std::memcpy(out + i * stride, &element, sizeof(T));
  }
}

// The loop that does the work, on blocks in float. Comparisons write their bytes directly.
template <class T>
HWY_NOINLINE void in_blocks(Loop loop, int operands, bool result_is_bool, void* const* data,
                            const int64_t* strides, int64_t n, const void* parameters) {
  alignas(64) float block[3][kBlock];
  char* out = static_cast<char*>(data[0]);
  for (int64_t i = 0; i < n; i += kBlock) {
    const int64_t m = n - i < kBlock ? n - i : kBlock;
    void* rows[3] = {block[0], block[1], block[2]};
    int64_t steps[3] = {sizeof(float), sizeof(float), sizeof(float)};
    for (int k = 1; k <= operands; ++k) {
      widen<T>(block[k], static_cast<const char*>(data[k]) + i * strides[k], strides[k], m);
    }
    if (result_is_bool) {
      rows[0] = out + i * strides[0];
      steps[0] = strides[0];
    }
    loop(rows, steps, m, parameters);
    if (!result_is_bool) narrow<T>(out + i * strides[0], strides[0], block[0], m);
  }
}

template <class T>
void fill(void* const* data, const int64_t* strides, int64_t n, const void* parameters) {
  const float number = static_cast<float>(static_cast<const Scalars*>(parameters)->a);
  const T value = narrowed<T>(number);
  int16_t word;
  std::memcpy(&word, &value, sizeof(word));
  const Scalars scalars{0, 0, word, 0};
  plain::plain_loop<Lane::fill, int16_t>(data, strides, n, &scalars);
}

}  // namespace

template <Lane kLane, class T>
void half_loop(void* const* data, const int64_t* strides, int64_t n,
               const void* parameters) noexcept {
  if constexpr (kLane == Lane::fill) {
    fill<T>(data, strides, n, parameters);
  } else {
    constexpr bool kWithScalar = is_comparison_with_scalar(kLane);
    Scalars rounded;
    if constexpr (kWithScalar) {
      // The number is rounded to the dtype, as the elements were.
      const double number = static_cast<const Scalars*>(parameters)->a;
      rounded = {widened(narrowed<T>(static_cast<float>(number))), 0, 0, 0};
      parameters = &rounded;
    }
    in_blocks<T>(loop_of<kLane, float>(), operands_of(kLane), kWithScalar || is_comparison(kLane),
                 data, strides, n, parameters);
  }
}

namespace {

template <class T>
constexpr Column instantiate() {
  Column result{};
  for_each_lane([&]<Lane kLane>() {
    if constexpr (kLane != Lane::where) {
      result.lane[static_cast<int>(kLane)] = &half_loop<kLane, T>;
    }
  });
  return result;
}
[[maybe_unused]] constexpr Column kFloat16 = instantiate<Float16>();
[[maybe_unused]] constexpr Column kBFloat16 = instantiate<BFloat16>();

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();
