// SPDX-License-Identifier: MIT
// Tensors from lists of numbers, their elements as doubles, and what an error says.
#pragma once

#include <catch2/catch.hpp>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "autograd/modes.h"
#include "autograd/record.h"
#include "base/thread.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace tg::test {

inline constexpr DType f32 = DType::float32;
inline constexpr DType f64 = DType::float64;
inline constexpr DType i64 = DType::int64;

inline Shape shape_of(std::initializer_list<int64_t> sizes) {
  return Shape(sizes.begin(), static_cast<int32_t>(sizes.size()));
}

// Row-major elements, converted from float64.
inline Tensor tensor(DType dtype, std::initializer_list<int64_t> sizes,
                     const std::vector<double>& values) {
  const Tensor wide = make_tensor(f64, sizes.begin(), static_cast<int>(sizes.size()));
  REQUIRE(static_cast<size_t>(wide.numel()) == values.size());
  if (!values.empty()) std::memcpy(wide.data(), values.data(), values.size() * sizeof(double));
  return to_dtype(wide, dtype);
}
inline Tensor tensor(std::initializer_list<int64_t> sizes, const std::vector<double>& values) {
  return tensor(f64, sizes, values);
}

// Numbers from -1 to 1 that look like noise and are the same each time.
inline Tensor noise(std::initializer_list<int64_t> sizes, uint64_t seed, DType dtype = f64) {
  std::vector<double> values(static_cast<size_t>(shape_of(sizes).numel()));
  for (double& value : values) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<double>(static_cast<int64_t>(seed >> 11) - (int64_t{1} << 52)) * 0x1p-52;
  }
  return tensor(dtype, sizes, values);
}

inline Tensor leaf(Tensor x) {
  set_requires_grad(x, true);
  return x;
}

// Elements in row-major order.
inline std::vector<double> values(const Tensor& x) {
  const Tensor wide = contiguous(to_dtype(detach(x), f64));
  std::vector<double> list(static_cast<size_t>(wide.numel()));
  if (!list.empty()) std::memcpy(list.data(), wide.data(), list.size() * sizeof(double));
  return list;
}

inline std::vector<int64_t> sizes(const Tensor& x) { return {x.sizes(), x.sizes() + x.rank()}; }

inline void check_close(const Tensor& x, const std::vector<double>& expected, double margin) {
  const std::vector<double> found = values(x);
  REQUIRE(found.size() == expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i);
    CHECK(found[i] == Approx(expected[i]).margin(margin).epsilon(margin));
  }
}

// The gradients of sum(y g) by the inputs; a null g stands for 1.
inline std::vector<Tensor> gradients(const Tensor& y, const Tensor& g,
                                     const std::vector<Tensor>& inputs, bool create_graph = false) {
  const Tensor* const roots[] = {&y};
  const Tensor* const seeds[] = {&g};
  std::vector<const Tensor*> asked;
  for (const Tensor& x : inputs) asked.push_back(&x);
  std::vector<Tensor> found(inputs.size());
  GradFlags flags;
  flags.retain_graph = true;
  flags.create_graph = create_graph;
  flags.allow_unused = true;
  grad(roots, seeds, asked, flags, found);
  return found;
}

// That f fails with this code and that the text contains the phrase.
template <class F>
void check_fails(tg_status code, const std::string& phrase, F f) {
  CAPTURE(phrase);
  try {
    f();
  } catch (const Error& error) {
    CHECK(error.code == code);
    CHECK_THAT(std::string(thread_record().error.text), Catch::Contains(phrase));
    return;
  }
  FAIL("it did not fail");
}

// A mode for the rest of a block.
class Mode {
 public:
  Mode(ModeEntry entry, ModeKind kind) : kind_(kind) { enter_mode(entry); }
  ~Mode() { exit_mode(kind_); }
  Mode(const Mode&) = delete;
  Mode& operator=(const Mode&) = delete;

 private:
  ModeKind kind_;
};
struct NoGrad : Mode {
  NoGrad() : Mode(ModeEntry::no_grad, ModeKind::no_grad) {}
};
struct Inference : Mode {
  Inference() : Mode(ModeEntry::inference_on, ModeKind::inference_mode) {}
};

}  // namespace tg::test
