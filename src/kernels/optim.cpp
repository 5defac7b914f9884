// SPDX-License-Identifier: MIT
// The loops of the optimisers and of gradient clipping. They are plain: the compiler vectorises
// them for each target, and without contraction every target gives the same bits.
#include "kernels/optim.h"

#include <cmath>
#include <limits>

#include "base/cpu.h"
#include "kernels/fold_loops.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/optim.cpp"
#include "kernels/targets.h"
// After targets.h.
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef TAPEGRAD_KERNELS_OPTIM_LOOPS
#define TAPEGRAD_KERNELS_OPTIM_LOOPS
namespace tg::kernels {

// AdamStep in the numbers that one element needs.
struct AdamNumbers {
  double step_size, shrink, correction;
};

// Index 0: float32, 1: float64.
struct OptimLoops {
  void (*sgd[2])(void* p, const void* g, void* momentum_buffer, int64_t n, const SgdStep& step);
  void (*adam[2])(void* p, const void* g, void* exp_avg, void* exp_avg_sq, int64_t n,
                  const AdamStep& step, const AdamNumbers& numbers);
  double (*squared_norm[2])(const void* x, int64_t n);
  double (*abs_sum[2])(const void* x, int64_t n);
  double (*abs_max[2])(const void* x, int64_t n);
};

}  // namespace tg::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

enum class Momentum { none, first, running };

template <class T, Momentum kMomentum, bool kNesterov>
HWY_INLINE void sgd_loop(T* HWY_RESTRICT p, const T* HWY_RESTRICT g, T* HWY_RESTRICT buffer,
                         int64_t n, const SgdStep& step) {
  const T lr = static_cast<T>(step.lr), decay = static_cast<T>(step.weight_decay);
  const T momentum = static_cast<T>(step.momentum), fresh = static_cast<T>(1 - step.dampening);
  auto loop = [=](auto decays) HWY_ATTR {
    for (int64_t i = 0; i < n; ++i) {
      T d = g[i];
      if constexpr (decltype(decays)::value) d = d + decay * p[i];
      if constexpr (kMomentum != Momentum::none) {
        T b = d;
        if constexpr (kMomentum == Momentum::running) b = momentum * buffer[i] + fresh * d;
        buffer[i] = b;
        d = kNesterov ? d + momentum * b : b;
      }
      p[i] = p[i] - lr * d;
    }
  };
  // Apart, since 0 times an infinite weight is NaN.
  if (decay != 0) {
    loop(std::true_type());
  } else {
    loop(std::false_type());
  }
}

template <class T>
void sgd(void* p_data, const void* g_data, void* buffer_data, int64_t n, const SgdStep& step) {
  T* p = static_cast<T*>(p_data);
  const T* g = static_cast<const T*>(g_data);
  T* buffer = static_cast<T*>(buffer_data);
  if (buffer == nullptr) {
    sgd_loop<T, Momentum::none, false>(p, g, buffer, n, step);
  } else if (step.first) {
    step.nesterov ? sgd_loop<T, Momentum::first, true>(p, g, buffer, n, step)
                  : sgd_loop<T, Momentum::first, false>(p, g, buffer, n, step);
  } else {
    step.nesterov ? sgd_loop<T, Momentum::running, true>(p, g, buffer, n, step)
                  : sgd_loop<T, Momentum::running, false>(p, g, buffer, n, step);
  }
}

template <class T, bool kDecays>
HWY_INLINE void adam_loop(T* HWY_RESTRICT p, const T* HWY_RESTRICT g, T* HWY_RESTRICT m,
                          T* HWY_RESTRICT v, int64_t n, const AdamStep& step,
                          const AdamNumbers& numbers) {
  const T beta1 = static_cast<T>(step.beta1), fresh1 = static_cast<T>(1 - step.beta1);
  const T beta2 = static_cast<T>(step.beta2), fresh2 = static_cast<T>(1 - step.beta2);
  const T step_size = static_cast<T>(numbers.step_size), eps = static_cast<T>(step.eps);
  const T correction = static_cast<T>(numbers.correction), shrink = static_cast<T>(numbers.shrink);
  const T decay = static_cast<T>(step.weight_decay);
  for (int64_t i = 0; i < n; ++i) {
    T d = g[i], w = p[i];
    if constexpr (kDecays) {
      d = d + decay * w;
    } else {
      w = w * shrink;
    }
    m[i] = beta1 * m[i] + fresh1 * d;
    v[i] = beta2 * v[i] + fresh2 * d * d;
    p[i] = w - step_size * m[i] / (std::sqrt(v[i]) / correction + eps);
  }
}

template <class T>
void adam(void* p_data, const void* g_data, void* m_data, void* v_data, int64_t n,
          const AdamStep& step, const AdamNumbers& numbers) {
  T* p = static_cast<T*>(p_data);
  const T* g = static_cast<const T*>(g_data);
  T *m = static_cast<T*>(m_data), *v = static_cast<T*>(v_data);
  if (step.weight_decay != 0 && !step.decoupled) {
    adam_loop<T, true>(p, g, m, v, n, step, numbers);
  } else {
    adam_loop<T, false>(p, g, m, v, n, step, numbers);
  }
}

struct Square {
  HWY_INLINE static double of(double x) { return x * x; }
};
struct Absolute {
  HWY_INLINE static double of(double x) { return std::fabs(x); }
};

constexpr int64_t kLanes = 16;
constexpr int64_t kBlock = 2048;

// In 16 lanes, folded block by block; the same order on every target.
template <class T, class F>
double sum_of(const void* data, int64_t n) {
  const T* HWY_RESTRICT x = static_cast<const T*>(data);
  PairwiseSum blocks;
  for (; n > 0; n -= kBlock, x += kBlock) {
    double lane[kLanes] = {};
    const int64_t count = n < kBlock ? n : kBlock;
    int64_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      for (int64_t j = 0; j < kLanes; ++j) lane[j] += F::of(static_cast<double>(x[i + j]));
    }
    for (int64_t j = 0; i < count; ++i, ++j) lane[j] += F::of(static_cast<double>(x[i]));
    for (int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (int64_t j = 0; j < half; ++j) lane[j] += lane[j + half];
    }
    blocks.add(lane[0]);
  }
  return blocks.total();
}

// A NaN stays: no comparison with it holds.
template <class T>
HWY_INLINE T greater(T x, T best) {
  return (x > best) | (x != x) ? x : best;
}

template <class T>
double abs_max(const void* data, int64_t n) {
  const T* HWY_RESTRICT x = static_cast<const T*>(data);
  T lane[2 * kLanes] = {};
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    for (int64_t j = 0; j < 2 * kLanes; ++j) lane[j] = greater(std::fabs(x[i + j]), lane[j]);
  }
  for (int64_t j = 0; i < n; ++i, ++j) lane[j] = greater(std::fabs(x[i]), lane[j]);
  T best = 0;
  for (const T value : lane) best = greater(value, best);
  return static_cast<double>(best);
}

}  // namespace

extern const OptimLoops kOptimLoops;
constinit const OptimLoops kOptimLoops = {
    {&sgd<float>, &sgd<double>},
    {&adam<float>, &adam<double>},
    {&sum_of<float, Square>, &sum_of<double, Square>},
    {&sum_of<float, Absolute>, &sum_of<double, Absolute>},
    {&abs_max<float>, &abs_max<double>},
};

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {
namespace {

const OptimLoops& loops() {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kOptimLoops;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kOptimLoops;
#endif
    default: return HWY_NAMESPACE::kOptimLoops;
  }
}

int index_of(DType dtype) { return dtype == DType::float64 ? 1 : 0; }

}  // namespace

void sgd(DType dtype, void* p, const void* g, void* momentum_buffer, int64_t n,
         const SgdStep& step) noexcept {
  loops().sgd[index_of(dtype)](p, g, momentum_buffer, n, step);
}

void adam(DType dtype, void* p, const void* g, void* exp_avg, void* exp_avg_sq, int64_t n,
          const AdamStep& step) noexcept {
  const double steps = static_cast<double>(step.step);
  const AdamNumbers numbers{
      .step_size = step.lr / (1 - std::pow(step.beta1, steps)),
      .shrink = step.decoupled ? 1 - step.lr * step.weight_decay : 1,
      .correction = std::sqrt(1 - std::pow(step.beta2, steps)),
  };
  loops().adam[index_of(dtype)](p, g, exp_avg, exp_avg_sq, n, step, numbers);
}

double squared_norm(DType dtype, const void* x, int64_t n) noexcept {
  return loops().squared_norm[index_of(dtype)](x, n);
}

double abs_sum(DType dtype, const void* x, int64_t n) noexcept {
  return loops().abs_sum[index_of(dtype)](x, n);
}

double abs_max(DType dtype, const void* x, int64_t n) noexcept {
  return loops().abs_max[index_of(dtype)](x, n);
}

double power_sum(DType dtype, const void* x, int64_t n, double p) noexcept {
  PairwiseSum sum;
  for (int64_t i = 0; i < n; ++i) {
    const double value = dtype == DType::float64 ? static_cast<const double*>(x)[i]
                                                 : static_cast<const float*>(x)[i];
    // |x|^0 counts the elements that are not 0, the limit of the norms from above.
    sum.add(p == 0 ? (value != 0 ? 1 : 0) : std::pow(std::fabs(value), p));
  }
  return sum.total();
}

}  // namespace tg::kernels
#endif
