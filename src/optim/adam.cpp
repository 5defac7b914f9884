// SPDX-License-Identifier: MIT
// Adam (Kingma, Ba 2015) and AdamW (Loshchilov, Hutter 2019) in the form of torch.optim.Adam:
//   m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g^2;
//   p -= lr / (1 - b1^t) * m / (sqrt(v) / sqrt(1 - b2^t) + eps).
#include "kernels/optim.h"
#include "optim/optimizer.h"

namespace tg {

namespace {

class Adam final : public Optimizer {
 public:
  enum { kLr, kBeta1, kBeta2, kEps, kWeightDecay, kDecoupled };
  Adam(std::span<const Tensor* const> parameters, double lr)
      : Optimizer(parameters, settings_with(lr).list, kStates) {
    check_settings();
  }

 private:
  static constexpr const char* kStates[] = {"exp_avg", "exp_avg_sq"};
  struct Settings {
    Setting list[6];
  };
  static Settings settings_with(double lr) {
    return {{{"lr", lr},
             {"beta1", 0.9},
             {"beta2", 0.999},
             {"eps", 1e-8},
             {"weight_decay", 0},
             {"decoupled", 0}}};
  }

  void check_settings() const override {
    if (!(setting(kLr) >= 0)) {
      fail(TG_ERROR_INVALID_ARGUMENT, "lr is ", setting(kLr), "; it must not be negative");
    }
    for (int i : {kBeta1, kBeta2}) {
      if (!(setting(i) >= 0 && setting(i) < 1)) {
        fail(TG_ERROR_INVALID_ARGUMENT, settings()[static_cast<size_t>(i)].name, " is ", setting(i),
             "; it must lie in [0, 1)");
      }
    }
    if (setting(kEps) < 0 || setting(kWeightDecay) < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "eps is ", setting(kEps), ", weight_decay is ",
           setting(kWeightDecay), "; they must not be negative");
    }
    if (setting(kDecoupled) != 0 && setting(kDecoupled) != 1) {
      fail(TG_ERROR_INVALID_ARGUMENT, "decoupled is ", setting(kDecoupled), "; give 0 or 1");
    }
  }
  int states_needed() const override { return 2; }
  void update(DType dtype, void* p, const void* g, void* const* states, int64_t n, bool,
              double step) const override {
    const kernels::AdamStep parameters{
        setting(kLr),          setting(kBeta1),          setting(kBeta2),           setting(kEps),
        setting(kWeightDecay), setting(kDecoupled) == 1, static_cast<int64_t>(step)};
    kernels::adam(dtype, p, g, states[0], states[1], n, parameters);
  }
};

}  // namespace

OptimizerPointer make_adam(std::span<const Tensor* const> parameters, double lr) {
  return make_optimizer<Adam>(parameters, lr);
}

}  // namespace tg
