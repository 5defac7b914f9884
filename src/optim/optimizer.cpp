// SPDX-License-Identifier: MIT
// What all optimizers share: which parameters, settings and their names, state and its dict, and
// the step that touches each parameter once.
#include "optim/optimizer.h"

#include <charconv>
#include <cmath>

#include "autograd/modes.h"
#include "autograd/record.h"
#include "base/token.h"
#include "ops/gradients.h"
#include "ops/ops.h"
#include "ops/overlap.h"

namespace tg {

namespace {

// State is normal and unrecorded in whatever mode the step runs (modes.md T25, T27).
struct StepModes : EngineModes {
  StepModes() : EngineModes(false) {}
};

String joined(std::string_view front, size_t number, std::string_view back) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number);
  String text(front);
  text.append(digits, static_cast<size_t>(end.ptr - digits));
  text.append(back);
  return text;
}

// The elements of x one after the other in memory, in an order that like has too.
bool runs_alike(const Tensor& x, const Tensor& like) {
  if (x.row_major() && like.row_major()) return true;
  if (!is_dense(x) || !is_dense(like)) return false;
  for (int d = 0; d < x.rank(); ++d) {
    if (x.size(d) != 1 && x.stride(d) != like.stride(d)) return false;
  }
  return true;
}

}  // namespace

Optimizer::Optimizer(std::span<const Tensor* const> parameters, std::span<const Setting> settings,
                     std::span<const char* const> state_names)
    : state_names_(state_names) {
  if (parameters.empty()) {
    fail(TG_ERROR_INVALID_ARGUMENT, "count is 0; give at least one parameter");
  }
  // In the order of modes.md T9: one kind of mistake after the other.
  const auto check = [&](auto&& wrong) {
    for (size_t i = 0; i < parameters.size(); ++i) wrong(i, *parameters[i]);
  };
  check([&](size_t i, const Tensor& x) {
    for (size_t j = 0; j < i; ++j) {
      if (parameters[j]->head() != x.head()) continue;
      fail_operand(TG_ERROR_INVALID_ARGUMENT, static_cast<int>(i), "parameters[", i, "], ",
                   tg::Named{x}, ", is parameters[", j, "] again; give each once");
    }
  });
  check([](size_t i, const Tensor& x) {
    if (!x.is_inference()) return;
    fail_operand(TG_ERROR_MODE, static_cast<int>(i), "parameters[", i, "], ", tg::Named{x},
                 ", is an inference tensor and gets no gradient; tg_clone it outside inference "
                 "mode, or make it outside inference mode");
  });
  check([](size_t i, const Tensor& x) {
    if (is_leaf(*x.head())) return;
    fail_operand(TG_ERROR_AUTOGRAD, static_cast<int>(i), "parameters[", i, "], ", tg::Named{x},
                 ", is no leaf; give the tensor that it was computed from, or its tg_detach");
  });
  check([&](size_t i, const Tensor& x) {
    if (x.dtype() != DType::float32 && x.dtype() != DType::float64) {
      fail_operand(TG_ERROR_DTYPE, static_cast<int>(i), "parameters[", i, "], ", tg::Named{x},
                   ", must be float32 or float64; convert it by tg_to_dtype");
    }
    slots_.push_back({x, {}, 0});
  });
  settings_.assign(settings.begin(), settings.end());
}

void Optimizer::set(std::string_view name, double value) {
  for (Setting& setting : settings_) {
    if (name != setting.name) continue;
    if (std::isnan(value)) {
      fail(TG_ERROR_INVALID_ARGUMENT, name, " is NaN; give a number");
    }
    const double former = setting.value;
    setting.value = value;
    struct Undo {  // a value that the check refuses is not kept
      double* place;
      double former;
      ~Undo() {
        if (place != nullptr) *place = former;
      }
    } undo{&setting.value, former};
    check_settings();
    undo.place = nullptr;
    return;
  }
  char text[256];
  Message known(text, sizeof text);
  for (const Setting& setting : settings_) known << ' ' << setting.name;
  fail(TG_ERROR_NOT_FOUND, "there is no setting \"", Quoted{name}, "\"; known are", text);
}

double Optimizer::get(std::string_view name) const {
  for (const Setting& setting : settings_) {
    if (name == setting.name) return setting.value;
  }
  char text[256];
  Message known(text, sizeof text);
  for (const Setting& setting : settings_) known << ' ' << setting.name;
  fail(TG_ERROR_NOT_FOUND, "there is no setting \"", Quoted{name}, "\"; known are", text);
}

void Optimizer::step() {
  check_settings();
  const StepModes modes;
  const auto needed = static_cast<size_t>(states_needed());
  // What can fail comes first: gradients that are laid out as their parameter, and the state.
  struct Work {
    Slot* slot;
    Tensor grad;
    Tensor packed;    // of a parameter that is not dense
    Tensor fresh[2];  // state that the slot does not have yet
  };
  Vector<Work> work;
  work.reserve(slots_.size());
  for (Slot& slot : slots_) {
    ask_token();  // here alone: a parameter that was changed could not be put back
    Tensor grad = grad_of(slot.parameter);
    if (!grad) continue;
    if (slot.parameter.storage().is_read_only()) {
      fail(TG_ERROR_UNSUPPORTED, "a parameter, ", tg::Named{slot.parameter},
           ", is read-only memory; tg_clone it and train the clone");
    }
    if (has_zero_stride(slot.parameter)) {
      fail(TG_ERROR_UNSUPPORTED, "a parameter, ", tg::Named{slot.parameter},
           ", is expanded: one element in memory stands for many; tg_clone it and train the clone");
    }
    if (grad.dtype() != slot.parameter.dtype()) grad = to_dtype(grad, slot.parameter.dtype());
    Work item{&slot, {}, {}, {}};
    if (is_dense(slot.parameter)) {
      if (!runs_alike(grad, slot.parameter)) {
        Tensor same = make_tensor(grad.dtype(), grad.sizes(), grad.rank());
        Layout layout = layout_of(same);
        for (int d = 0; d < same.rank(); ++d) layout.strides[d] = slot.parameter.stride(d);
        same = make_head(same.storage(), same.dtype(), layout, kNoView);
        copy_elements(same, grad);
        grad = same;
      }
    } else {
      item.packed = contiguous(detach(slot.parameter));
      grad = contiguous(grad);
    }
    item.grad = std::move(grad);
    for (size_t i = 0; i < needed; ++i) {
      if (slot.state[i]) continue;
      item.fresh[i] = zeros(slot.parameter.dtype(), slot.parameter.shape());
    }
    work.push_back(std::move(item));
  }
  for (Work& item : work) {
    Slot& slot = *item.slot;
    slot.step += 1;
    const bool first = static_cast<bool>(item.fresh[0]);
    for (size_t i = 0; i < needed; ++i) {
      if (item.fresh[i]) slot.state[i] = std::move(item.fresh[i]);
    }
    slot.parameter.storage().raise_version();
    const Tensor& target = item.packed ? item.packed : slot.parameter;
    void* const states[] = {slot.state[0] ? slot.state[0].data() : nullptr,
                            slot.state[1] ? slot.state[1].data() : nullptr};
    update(target.dtype(), target.data(), item.grad.data(), states, target.numel(), first,
           slot.step);
    if (item.packed) copy_elements(slot.parameter, item.packed);
    slot.parameter.storage().written();
  }
}

Vector<Optimizer::Named> Optimizer::state_dict() const {
  const StepModes modes;
  Vector<Named> list;
  for (size_t i = 0; i < slots_.size(); ++i) {
    bool any = false;
    for (size_t k = 0; k < state_names_.size(); ++k) {
      if (!slots_[i].state[k]) continue;
      any = true;
      String name = joined("state.", i, ".");
      name.append(state_names_[k]);
      list.push_back({name, clone(slots_[i].state[k])});
    }
    if (any || slots_[i].step > 0) {
      list.push_back({joined("state.", i, ".step"), scalar(slots_[i].step, DType::float64)});
    }
  }
  for (const Setting& setting : settings_) {
    String name("param_groups.0.");
    name.append(setting.name);
    list.push_back({name, scalar(setting.value, DType::float64)});
  }
  return list;
}

void Optimizer::load_state_dict(const Vector<Named>& dict) {
  const StepModes modes;
  Vector<bool> used(dict.size());
  auto find = [&](const String& name) -> const Tensor* {
    for (size_t i = 0; i < dict.size(); ++i) {
      if (dict[i].name != name) continue;
      used[i] = true;
      return &dict[i].tensor;
    }
    return nullptr;
  };
  auto number = [](const String& name, const Tensor& x) {
    if (x.numel() != 1) {
      fail(TG_ERROR_SHAPE, name.c_str(), " has shape ", x.shape(), "; it must be one number");
    }
    double value = 0;
    const Tensor as_double = to_dtype(detach(x), DType::float64);
    std::memcpy(&value, as_double.data(), sizeof value);
    return value;
  };
  Vector<Slot> slots(slots_);
  Vector<Setting> settings(settings_);
  for (Setting& setting : settings) {
    String name("param_groups.0.");
    name.append(setting.name);
    const Tensor* x = find(name);
    if (x == nullptr) {
      fail(TG_ERROR_NOT_FOUND, "the dict has no \"", name.c_str(),
           "\"; it is no state of this kind "
           "of optimizer");
    }
    setting.value = number(name, *x);
  }
  for (size_t i = 0; i < slots.size(); ++i) {
    ask_token();
    for (size_t k = 0; k < state_names_.size(); ++k) {
      String name = joined("state.", i, ".");
      name.append(state_names_[k]);
      const Tensor* x = find(name);
      slots[i].state[k] = {};
      if (x == nullptr) continue;
      if (!same_shape(*x, slots[i].parameter)) {
        fail(TG_ERROR_SHAPE, name.c_str(), " has shape ", x->shape(), ", the parameter has ",
             slots[i].parameter.shape(), "; they must be equal");
      }
      // Laid out in the order of the parameter's memory, as step() reads it.
      Tensor state = zeros(slots[i].parameter.dtype(), x->shape());
      copy_elements(state, *x);
      slots[i].state[k] = std::move(state);
    }
    const String name = joined("state.", i, ".step");
    const Tensor* x = find(name);
    slots[i].step = x != nullptr ? number(name, *x) : 0;
  }
  for (size_t i = 0; i < dict.size(); ++i) {
    if (!used[i]) {
      fail(TG_ERROR_NOT_FOUND, "the optimizer knows no \"", Quoted{dict[i].name},
           "\"; the state "
           "belongs to another one");
    }
  }
  settings_.swap(settings);
  struct Undo {
    Vector<Setting>*now, *former;
    ~Undo() {
      if (now != nullptr) now->swap(*former);
    }
  } undo{&settings_, &settings};
  check_settings();
  undo.now = nullptr;
  slots_.swap(slots);
}

void Optimizer::zero_grad() {
  for (const Slot& slot : slots_) check_zero_grad(slot.parameter);
  for (const Slot& slot : slots_) tg::zero_grad(slot.parameter);
}

}  // namespace tg
