// SPDX-License-Identifier: MIT
// What the tests of kernels share: strided arrays in every layout, a walk over positions in
// row-major order, and every target that this processor has.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/cpu.h"

namespace tg::test {

// Runs f once for each target of this processor.
template <class F>
void on_every_target(F f) {
  const Target best = best_target();
  for (int target = 0; target <= static_cast<int>(best); ++target) {
    CAPTURE(target);
    cpu::best.store(target);
    f();
  }
  cpu::best.store(static_cast<int>(best));
}

using Sizes = std::vector<int64_t>;

inline int64_t count_of(const Sizes& sizes) {
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size;
  return count;
}

// Calls f(position) in row-major order.
template <class F>
void for_each_position(const Sizes& sizes, F f) {
  Sizes at(sizes.size(), 0);
  for (int64_t i = 0; i < count_of(sizes); ++i) {
    f(at);
    for (size_t d = sizes.size(); d-- > 0;) {
      if (++at[d] < sizes[d]) break;
      at[d] = 0;
    }
  }
}

enum class Layout { contiguous, transposed, backwards, sliced, expanded };
inline constexpr Layout kLayouts[] = {Layout::contiguous, Layout::transposed, Layout::backwards,
                                      Layout::sliced, Layout::expanded};
// Those whose elements are all apart, so that they can be written.
inline constexpr Layout kOutLayouts[] = {Layout::contiguous, Layout::transposed, Layout::backwards,
                                         Layout::sliced};

template <class T>
struct Array {
  Sizes sizes, strides;
  int64_t start = 0, room = 1;
  std::unique_ptr<T[]> memory;

  explicit Array(Sizes shape, Layout layout = Layout::contiguous)
      : sizes(shape), strides(shape.size()) {
    const int rank = static_cast<int>(shape.size());
    for (int k = rank; k-- > 0;) {
      // The dimension that varies next fastest.
      const auto d = static_cast<size_t>(layout == Layout::transposed ? rank - 1 - k : k);
      if (layout == Layout::expanded && d == 0) continue;
      strides[d] = layout == Layout::sliced ? 2 * room : room;
      room *= (shape[d] > 0 ? shape[d] : 1) * (layout == Layout::sliced ? 2 : 1);
    }
    if (layout == Layout::backwards) {
      for (auto& stride : strides) stride = -stride;
      start = room - 1;
    }
    memory = std::make_unique<T[]>(static_cast<size_t>(room));
  }

  T* data() { return memory.get() + start; }
  const T* data() const { return memory.get() + start; }
  int rank() const { return static_cast<int>(sizes.size()); }
  T& at(const Sizes& position) {
    int64_t offset = start;
    for (size_t d = 0; d < sizes.size(); ++d) offset += position[d] * strides[d];
    return memory[static_cast<size_t>(offset)];
  }
};

// A small generator for data, so that a failure repeats.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2 + 1) {}
  // Knuth's MMIX constants; the high bits are the good ones.
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  int64_t below(int64_t limit) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(limit));
  }
  double between(double low, double high) { return low + (high - low) * next() / 2147483648.0; }

 private:
  uint64_t state_;
};

}  // namespace tg::test
