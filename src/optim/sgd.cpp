// SPDX-License-Identifier: MIT
// Stochastic gradient descent with momentum, as torch.optim.SGD states it:
//   g += weight_decay p;  m = momentum m + (1 - dampening) g (the first m is g);
//   p -= lr m, or with nesterov p -= lr (g + momentum m).
#include "kernels/optim.h"
#include "optim/optimizer.h"

namespace tg {

namespace {

class Sgd final : public Optimizer {
 public:
  enum { kLr, kMomentum, kDampening, kWeightDecay, kNesterov };
  Sgd(std::span<const Tensor* const> parameters, double lr)
      : Optimizer(parameters, settings_with(lr).list, kStates) {
    check_settings();
  }

 private:
  static constexpr const char* kStates[] = {"momentum_buffer"};
  struct Settings {
    Setting list[5];
  };
  static Settings settings_with(double lr) {
    return {{{"lr", lr}, {"momentum", 0}, {"dampening", 0}, {"weight_decay", 0}, {"nesterov", 0}}};
  }

  void check_settings() const override {
    if (!(setting(kLr) >= 0)) {
      fail(TG_ERROR_INVALID_ARGUMENT, "lr is ", setting(kLr), "; it must not be negative");
    }
    if (setting(kMomentum) < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "momentum is ", setting(kMomentum),
           "; it must not be negative");
    }
    if (setting(kWeightDecay) < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "weight_decay is ", setting(kWeightDecay),
           "; it must not be negative");
    }
    if (setting(kNesterov) != 0 && setting(kNesterov) != 1) {
      fail(TG_ERROR_INVALID_ARGUMENT, "nesterov is ", setting(kNesterov), "; give 0 or 1");
    }
    if (setting(kNesterov) == 1 && (setting(kMomentum) == 0 || setting(kDampening) != 0)) {
      fail(TG_ERROR_INVALID_ARGUMENT,
           "nesterov needs a momentum above 0 and no dampening; set "
           "momentum first");
    }
  }
  int states_needed() const override { return setting(kMomentum) != 0 ? 1 : 0; }
  void update(DType dtype, void* p, const void* g, void* const* states, int64_t n, bool first,
              double) const override {
    const kernels::SgdStep step{setting(kLr),          setting(kMomentum),      setting(kDampening),
                                setting(kWeightDecay), setting(kNesterov) == 1, first};
    kernels::sgd(dtype, p, g, setting(kMomentum) != 0 ? states[0] : nullptr, n, step);
  }
};

}  // namespace

OptimizerPointer make_sgd(std::span<const Tensor* const> parameters, double lr) {
  return make_optimizer<Sgd>(parameters, lr);
}

}  // namespace tg
