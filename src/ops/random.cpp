// SPDX-License-Identifier: MIT
#include "ops/random.h"

#include "kernels/random.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

constinit Generator the_default;

void check_floating(DType dtype) {
  if (dtype != DType::float32 && dtype != DType::float64) {
    fail(TG_ERROR_DTYPE, "dtype ", dtype,
         " is not drawn; choose TG_FLOAT32 or TG_FLOAT64 and "
         "convert by tg_to_dtype");
  }
}

}  // namespace

Generator& default_generator() noexcept { return the_default; }

void Generator::set(uint64_t seed, uint64_t offset) noexcept {
  LockGuard guard(lock_);
  seed_ = seed;
  offset_ = offset;
}

void Generator::get(uint64_t* seed, uint64_t* offset) noexcept {
  LockGuard guard(lock_);
  *seed = seed_;
  *offset = offset_;
}

void Generator::reserve(int64_t blocks, uint64_t* seed, uint64_t* first) noexcept {
  LockGuard guard(lock_);
  *seed = seed_;
  *first = offset_;
  offset_ += static_cast<uint64_t>(blocks);
}

void fill_uniform(Generator& generator, const Tensor& out) noexcept {
  const int64_t n = out.numel();
  uint64_t seed = 0, first = 0;
  generator.reserve(kernels::blocks_for(out.dtype(), n), &seed, &first);
  kernels::uniform(out.dtype(), out.data(), n, seed, first);
}

Tensor rand(Generator& generator, DType dtype, const Shape& shape) {
  check_floating(dtype);
  Tensor out = empty(dtype, shape);
  fill_uniform(generator, out);
  return out;
}

Tensor randn(Generator& generator, DType dtype, const Shape& shape) {
  check_floating(dtype);
  Tensor out = empty(dtype, shape);
  const int64_t n = out.numel();
  uint64_t seed = 0, first = 0;
  generator.reserve(kernels::blocks_for(dtype, n), &seed, &first);
  kernels::normal(dtype, out.data(), n, seed, first);
  return out;
}

Tensor randint(Generator& generator, int64_t low, int64_t high, DType dtype, const Shape& shape) {
  if (low >= high) {
    fail(TG_ERROR_INVALID_ARGUMENT, "low is ", low, ", high is ", high,
         "; low must lie below high");
  }
  // The bounds must fit, or the numbers would wrap around.
  full_int64(dtype, Shape(), low);
  full_int64(dtype, Shape(), high - 1);
  // All memory first: a call that fails draws no number.
  Tensor drawn = empty(DType::int64, shape);
  Tensor out = dtype == DType::int64 ? drawn : empty(dtype, shape);
  const int64_t n = drawn.numel();
  uint64_t seed = 0, first = 0;
  generator.reserve(kernels::blocks_for(DType::int64, n), &seed, &first);
  kernels::integers(reinterpret_cast<int64_t*>(drawn.data()), n, low, high, seed, first);
  if (dtype != DType::int64) copy_elements(out, drawn);
  return out;
}

Tensor randperm(Generator& generator, int64_t n) {
  if (n < 0) fail(TG_ERROR_INVALID_ARGUMENT, "n is ", n, "; it must not be negative");
  Tensor out = empty(DType::int64, checked_shape(&n, 1, size_of(DType::int64)));
  uint64_t seed = 0, first = 0;
  generator.reserve(kernels::blocks_for(DType::int64, n), &seed, &first);
  kernels::permutation(reinterpret_cast<int64_t*>(out.data()), n, seed, first);
  return out;
}

}  // namespace tg
