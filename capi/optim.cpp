// SPDX-License-Identifier: MIT
// The optimizers' C entries: one line each; what a step does stands in src/optim.
#include "optim/optimizer.h"

#include "capi/objects.h"
#include "capi/seam.h"
#include "io/dict.h"

namespace tg::capi {

namespace {

template <class F>
tg_status make_optimizer(const char* function, tg_optimizer* out, const tg_tensor* parameters,
                         size_t count, double lr, F&& make) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPins pins(parameters, count, "parameters");
    auto* box = make_object<OptimizerPointer>(Kind::optimizer, make(pins.tensors(), lr));
    *out = handle.publish(Kind::optimizer, static_cast<Object*>(box));
  });
}

template <class F>
tg_status with_optimizer(const char* function, tg_optimizer optimizer, F&& body) {
  return guarded(function, [&] {
    const Pin pin(optimizer, Kind::optimizer, "optimizer");
    body(object_of<OptimizerPointer>(pin));
  });
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;
using tg::OptimizerPointer;

tg_status tg_optim_sgd(const tg_tensor* parameters, size_t count, double lr, tg_optimizer* out) {
  return make_optimizer(__func__, out, parameters, count, lr, tg::make_sgd);
}
tg_status tg_optim_adam(const tg_tensor* parameters, size_t count, double lr, tg_optimizer* out) {
  return make_optimizer(__func__, out, parameters, count, lr, tg::make_adam);
}

tg_status tg_optimizer_set(tg_optimizer optimizer, const char* name, double value) {
  return with_optimizer(__func__, optimizer, [&](OptimizerPointer& o) {
    check_text(name, "name");
    o->set(name, value);
  });
}
tg_status tg_optimizer_get(tg_optimizer optimizer, const char* name, double* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const Pin pin(optimizer, Kind::optimizer, "optimizer");
    check_text(name, "name");
    *out = object_of<OptimizerPointer>(pin)->get(name);
  });
}
tg_status tg_optimizer_step(tg_optimizer optimizer) {
  return with_optimizer(__func__, optimizer, [](OptimizerPointer& o) { o->step(); });
}
tg_status tg_optimizer_zero_grad(tg_optimizer optimizer) {
  return with_optimizer(__func__, optimizer, [](OptimizerPointer& o) { o->zero_grad(); });
}

tg_status tg_optimizer_state_dict(tg_optimizer optimizer, tg_dict* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const Pin pin(optimizer, Kind::optimizer, "optimizer");
    tg::Dict dict;
    for (tg::Optimizer::Named& entry : object_of<OptimizerPointer>(pin)->state_dict()) {
      dict.append(entry.name, std::move(entry.tensor));
    }
    auto* box = make_object<tg::Dict>(Kind::dict, std::move(dict));
    *out = handle.publish(Kind::dict, static_cast<Object*>(box));
  });
}

tg_status tg_optimizer_load_state_dict(tg_optimizer optimizer, tg_dict dict) {
  return with_optimizer(__func__, optimizer, [&](OptimizerPointer& o) {
    const Pin pin(dict, Kind::dict, "dict");
    const tg::Dict& from = object_of<tg::Dict>(pin);
    tg::Vector<tg::Optimizer::Named> list;
    for (size_t i = 0; i < from.size(); ++i) list.push_back({from.at(i).name, from.at(i).tensor});
    o->load_state_dict(list);
  });
}

tg_status tg_clip_grad_norm_(const tg_tensor* parameters, size_t count, double max_norm,
                             double norm_type, double* total_norm) {
  return guarded(__func__, [&] {
    const TensorPins pins(parameters, count, "parameters");
    const double total = tg::clip_grad_norm(pins.tensors(), max_norm, norm_type);
    if (total_norm != nullptr) *total_norm = total;
  });
}
