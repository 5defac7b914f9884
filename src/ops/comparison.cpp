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
  static constexpr bool own_dtypes = true;
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

Tensor eq(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::eq>>(into, {}, a, b);
}
Tensor ne(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::ne>>(into, {}, a, b);
}
Tensor lt(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::lt>>(into, {}, a, b);
}
Tensor le(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::le>>(into, {}, a, b);
}
Tensor gt(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::gt>>(into, {}, a, b);
}
Tensor ge(const Tensor& a, const Tensor& b, Into into) {
  return run<Compare<Lane::ge>>(into, {}, a, b);
}
Tensor eq_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::eq_scalar>>(into, {value}, x);
}
Tensor ne_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::ne_scalar>>(into, {value}, x);
}
Tensor lt_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::lt_scalar>>(into, {value}, x);
}
Tensor le_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::le_scalar>>(into, {value}, x);
}
Tensor gt_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::gt_scalar>>(into, {value}, x);
}
Tensor ge_scalar(const Tensor& x, double value, Into into) {
  return run<CompareScalar<Lane::ge_scalar>>(into, {value}, x);
}

}  // namespace tg
