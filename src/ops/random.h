// SPDX-License-Identifier: MIT
// Generators and random tensors: Philox 4x32-10 by counter, the same numbers on every machine
// (kernels/random.h). A call takes its blocks of the counter at once, so threads never share one.
#pragma once

#include <cstdint>

#include "base/lock.h"
#include "core/tensor.h"

namespace tg {

class Generator {
 public:
  void set(uint64_t seed, uint64_t offset) noexcept;
  void get(uint64_t* seed, uint64_t* offset) noexcept;
  // Takes `blocks` blocks of 128 bits; gives the seed and the first of them.
  void reserve(int64_t blocks, uint64_t* seed, uint64_t* first) noexcept;

 private:
  Lock lock_;
  uint64_t seed_ = 0;
  uint64_t offset_ = 0;
};

Generator& default_generator() noexcept;

// Writes uniform numbers into a row-major tensor; takes no memory, so it cannot fail.
void fill_uniform(Generator& generator, const Tensor& out) noexcept;

Tensor rand(Generator& generator, DType dtype, const Shape& shape);   // uniform on [0, 1)
Tensor randn(Generator& generator, DType dtype, const Shape& shape);  // standard normal
Tensor randint(Generator& generator, int64_t low, int64_t high, DType dtype, const Shape& shape);
Tensor randperm(Generator& generator, int64_t n);  // int64

}  // namespace tg
