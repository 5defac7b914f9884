// SPDX-License-Identifier: MIT
// Gradient clipping by norm, as torch.nn.utils.clip_grad_norm_ states it.
#include <cmath>

#include "autograd/modes.h"
#include "autograd/record.h"
#include "kernels/optim.h"
#include "ops/ops.h"
#include "ops/overlap.h"
#include "optim/optimizer.h"

namespace tg {

double clip_grad_norm(std::span<const Tensor* const> parameters, double max_norm,
                      double norm_type) {
  if (std::isnan(max_norm) || max_norm < 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "max_norm is ", max_norm, "; it must not be negative");
  }
  if (!(norm_type > 0)) {
    fail(TG_ERROR_INVALID_ARGUMENT, "norm_type is ", norm_type,
         "; give a positive number, or INFINITY for the greatest value");
  }
  const EngineModes modes(false);
  Vector<Tensor> grads;
  for (const Tensor* parameter : parameters) {
    Tensor grad = grad_of(*parameter);
    if (!grad) continue;
    if (grad.dtype() != DType::float32 && grad.dtype() != DType::float64) {
      fail(TG_ERROR_DTYPE, "a .grad has dtype ", grad.dtype(), "; it must be float32 or float64");
    }
    check_writable("clip_grad_norm_", grad);
    if (grad.storage().is_read_only() || has_zero_stride(grad)) {
      fail(TG_ERROR_UNSUPPORTED, "a .grad, ", Named{grad},
           grad.storage().is_read_only() ? ", is read-only memory"
                                         : ", is expanded: one element in memory stands for many",
           " and cannot be scaled; set a clone of it by tg_tensor_set_grad");
    }
    grads.push_back(std::move(grad));
  }
  double total = 0;
  for (const Tensor& grad : grads) {
    const Tensor whole = contiguous(detach(grad));
    const int64_t n = whole.numel();
    if (std::isinf(norm_type)) {
      const double greatest = kernels::abs_max(whole.dtype(), whole.data(), n);
      total = greatest > total || std::isnan(greatest) ? greatest : total;
    } else if (norm_type == 1) {
      total += kernels::abs_sum(whole.dtype(), whole.data(), n);
    } else if (norm_type == 2) {
      total += kernels::squared_norm(whole.dtype(), whole.data(), n);
    } else {
      total += kernels::power_sum(whole.dtype(), whole.data(), n, norm_type);
    }
  }
  if (norm_type == 2)
    total = std::sqrt(total);
  else if (!std::isinf(norm_type) && norm_type != 1)
    total = std::pow(total, 1 / norm_type);
  const double scale = max_norm / (total + 1e-6);
  // Like PyTorch a norm that is NaN scales too, so that the fault shows.
  if (!(scale >= 1)) {
    for (const Tensor& grad : grads) mul_scalar(grad, scale, Into::first());
  }
  return total;
}

}  // namespace tg
