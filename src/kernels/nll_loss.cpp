// SPDX-License-Identifier: MIT
// The negative log likelihood of classes: one element of a row of log-probabilities counts, so
// there is nothing to vectorise.
#include <cstring>

#include "base/dtype.h"
#include "kernels/softmax.h"

namespace tg::kernels {
namespace {

// Positions of targets: [outer, inner]. The element of class c lies `inner` after that of c - 1.
template <class T>
void loss(int32_t reduction, T* out, double* total_weight, const T* x, const int64_t* target,
          const T* weight, int64_t outer, int64_t classes, int64_t inner, int64_t ignore_index) {
  double sum = 0, weights = 0;
  for (int64_t i = 0; i < outer; ++i, x += classes * inner, target += inner) {
    for (int64_t j = 0; j < inner; ++j) {
      const int64_t at = target[j];
      T part = 0;
      if (at != ignore_index) {
        const T w = weight != nullptr ? weight[at] : T(1);
        part = -w * x[at * inner + j];
        sum += static_cast<double>(part);
        weights += static_cast<double>(w);
      }
      if (reduction == TG_REDUCTION_NONE) out[i * inner + j] = part;
    }
  }
  if (reduction == TG_REDUCTION_SUM) *out = static_cast<T>(sum);
  if (reduction == TG_REDUCTION_MEAN) *out = static_cast<T>(sum / weights);
  if (total_weight != nullptr) *total_weight = weights;
}

template <class T>
void backward(int32_t reduction, T* gx, const T* g, const int64_t* target, const T* weight,
              double total_weight, int64_t outer, int64_t classes, int64_t inner,
              int64_t ignore_index) {
  const int64_t count = outer * classes * inner;
  if (count == 0) return;
  std::memset(static_cast<void*>(gx), 0, static_cast<size_t>(count) * sizeof(T));
  // -g, for the mean over total_weight.
  T scale = 0;
  if (reduction == TG_REDUCTION_SUM) scale = -*g;
  if (reduction == TG_REDUCTION_MEAN) {
    scale = static_cast<T>(-static_cast<double>(*g) / total_weight);
  }
  for (int64_t i = 0; i < outer; ++i, gx += classes * inner, target += inner) {
    for (int64_t j = 0; j < inner; ++j) {
      const int64_t at = target[j];
      if (at == ignore_index) continue;
      if (reduction == TG_REDUCTION_NONE) scale = -g[i * inner + j];
      gx[at * inner + j] = weight != nullptr ? weight[at] * scale : scale;
    }
  }
}

}  // namespace

void nll_loss(DType dtype, int32_t reduction, void* out, double* total_weight, const void* x,
              const int64_t* target, const void* weight, int64_t outer, int64_t classes,
              int64_t inner, int64_t ignore_index) noexcept {
  auto run = [&]<class T>(T* to) {
    loss(reduction, to, total_weight, static_cast<const T*>(x), target,
         static_cast<const T*>(weight), outer, classes, inner, ignore_index);
  };
  if (dtype == DType::float64) {
    run(static_cast<double*>(out));
  } else {
    run(static_cast<float*>(out));
  }
}

void nll_loss_backward(DType dtype, int32_t reduction, void* gx, const void* g,
                       const int64_t* target, const void* weight, double total_weight,
                       int64_t outer, int64_t classes, int64_t inner,
                       int64_t ignore_index) noexcept {
  auto run = [&]<class T>(T* to) {
    backward(reduction, to, static_cast<const T*>(g), target, static_cast<const T*>(weight),
             total_weight, outer, classes, inner, ignore_index);
  };
  if (dtype == DType::float64) {
    run(static_cast<double*>(gx));
  } else {
    run(static_cast<float*>(gx));
  }
}

bool targets_in_range(const int64_t* target, int64_t count, int64_t classes, int64_t ignore_index,
                      int64_t* bad_position) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    const bool inside = static_cast<uint64_t>(target[i]) < static_cast<uint64_t>(classes);
    if (inside || target[i] == ignore_index) continue;
    if (bad_position != nullptr) *bad_position = i;
    return false;
  }
  return true;
}

}  // namespace tg::kernels
