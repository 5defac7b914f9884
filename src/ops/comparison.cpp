// SPDX-License-Identifier: MIT
// Comparisons: bool results, PyTorch's promotion, never recorded.
#include <cmath>

#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

using kernels::Lane;
using kernels::Scalars;

namespace {

template <Lane kLane>
struct Compare {
  static constexpr const char* name = "Compare";
  static Meta result(const Tensor& a, const Tensor& b) {
    Meta meta = broadcast_meta(a, b);
    meta.dtype = DType::boolean;
    return meta;
  }
  static void forward(const Tensor& out, const Tensor& a, const Tensor& b) {
    binary(kLane, out, a, b);
  }
};

struct CompareArgs {
  double value;
};

// A number that no integer equals is compared as it is: 2.5 and 1e300 are good questions.
template <Lane kLane>
struct CompareScalar {
  static constexpr const char* name = "CompareScalar";
  using Args = CompareArgs;
  static Meta result(const Args&, const Tensor& x) { return {DType::boolean, x.shape()}; }
  static void forward(const Tensor& out, const Args& k, const Tensor& x) {
    Scalars scalars{k.value, 0, 0, 0};
    const bool exact = k.value >= -0x1p63 && k.value < 0x1p63 && k.value == std::trunc(k.value);
    if (exact) {
      scalars.ia = static_cast<int64_t>(k.value);
    } else if (!is_floating(x.dtype())) {
      scalars.b = 1;
    }
    unary(kLane, out, x, &scalars);
  }
};

}  // namespace

Tensor eq(const Tensor& a, const Tensor& b) { return run<Compare<Lane::eq>>({}, {}, a, b); }
Tensor ne(const Tensor& a, const Tensor& b) { return run<Compare<Lane::ne>>({}, {}, a, b); }
Tensor lt(const Tensor& a, const Tensor& b) { return run<Compare<Lane::lt>>({}, {}, a, b); }
Tensor le(const Tensor& a, const Tensor& b) { return run<Compare<Lane::le>>({}, {}, a, b); }
Tensor gt(const Tensor& a, const Tensor& b) { return run<Compare<Lane::gt>>({}, {}, a, b); }
Tensor ge(const Tensor& a, const Tensor& b) { return run<Compare<Lane::ge>>({}, {}, a, b); }
Tensor eq_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::eq_scalar>>({}, {value}, x);
}
Tensor ne_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::ne_scalar>>({}, {value}, x);
}
Tensor lt_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::lt_scalar>>({}, {value}, x);
}
Tensor le_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::le_scalar>>({}, {value}, x);
}
Tensor gt_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::gt_scalar>>({}, {value}, x);
}
Tensor ge_scalar(const Tensor& x, double value) {
  return run<CompareScalar<Lane::ge_scalar>>({}, {value}, x);
}

}  // namespace tg
