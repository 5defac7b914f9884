// SPDX-License-Identifier: MIT
// Errors of optimizers, their settings and state, and of clipping gradients.
#include <limits>

#include "capi/rows.h"

using namespace capi;

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();

double setting(tg_optimizer optimizer, const char* name) {
  double value = 0;
  ok(tg_optimizer_get(optimizer, name, &value));
  return value;
}

}  // namespace

TEST_CASE("making optimizers: parameters and learning rate", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 2.0), integers = zeros(TG_INT64, {2});
  const Tensor half = zeros(TG_FLOAT16, {2}), i0 = of_kind("i0", {1, 2}, {2});
  ok(tg_tensor_set_name(y, "why"));
  const tg_tensor no_leaf[] = {w, y}, whole[] = {w, integers}, brief[] = {half},
                  inference[] = {w, i0};
  const tg_tensor twice[] = {w, w}, holed[] = {w, 0}, good[] = {w};
  Rows rows{w, y, integers, half, i0};
  rows.fails("tg_optim_sgd", TG_ERROR_AUTOGRAD, {"parameters[1]", "why", "no leaf", "tg_detach"},
             tg_optim_sgd(no_leaf, 2, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_DTYPE, {"parameters[1]", "int64", "float32 or float64"},
             tg_optim_sgd(whole, 2, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_DTYPE, {"parameters[0]", "float16", "tg_to_dtype"},
             tg_optim_sgd(brief, 1, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_MODE, {"parameters[1]", "inference tensor", "tg_clone"},
             tg_optim_sgd(inference, 2, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_HANDLE, {"parameters[1]", "0 (none)"},
             tg_optim_sgd(holed, 2, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_ARGUMENT,
             {"parameters[1]", "parameters[0] again", "once"},
             tg_optim_sgd(twice, 2, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_ARGUMENT, {"count is 0", "at least one"},
             tg_optim_sgd(good, 0, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_ARGUMENT, {"parameters is NULL"},
             tg_optim_sgd(nullptr, 1, 0.1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_ARGUMENT, {"lr is -1", "negative"},
             tg_optim_sgd(good, 1, -1, rows.out()));
  rows.fails("tg_optim_sgd", TG_ERROR_INVALID_ARGUMENT, {"lr is nan"},
             tg_optim_sgd(good, 1, kNan, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_AUTOGRAD, {"parameters[1]", "why", "no leaf", "tg_detach"},
             tg_optim_adam(no_leaf, 2, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_DTYPE, {"parameters[1]", "int64", "float32 or float64"},
             tg_optim_adam(whole, 2, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_DTYPE, {"parameters[0]", "float16", "tg_to_dtype"},
             tg_optim_adam(brief, 1, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_MODE, {"parameters[1]", "inference tensor", "tg_clone"},
             tg_optim_adam(inference, 2, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_HANDLE, {"parameters[1]", "0 (none)"},
             tg_optim_adam(holed, 2, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_ARGUMENT,
             {"parameters[1]", "parameters[0] again", "once"},
             tg_optim_adam(twice, 2, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_ARGUMENT, {"count is 0", "at least one"},
             tg_optim_adam(good, 0, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_ARGUMENT, {"parameters is NULL"},
             tg_optim_adam(nullptr, 1, 0.1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_ARGUMENT, {"lr is -1", "negative"},
             tg_optim_adam(good, 1, -1, rows.out()));
  rows.fails("tg_optim_adam", TG_ERROR_INVALID_ARGUMENT, {"lr is nan"},
             tg_optim_adam(good, 1, kNan, rows.out()));
}

TEST_CASE("settings of optimizers", "[errors]") {
  const Tensor w = leaf({1, 2});
  const tg_tensor list[] = {w};
  const Handle sgd = make(tg_optim_sgd, list, size_t{1}, 0.1);
  const Handle adam = make(tg_optim_adam, list, size_t{1}, 0.1);
  Rows rows{w};
  rows.fails("tg_optimizer_set", TG_ERROR_NOT_FOUND,
             {"\"beta1\"", "lr momentum dampening weight_decay nesterov"},
             tg_optimizer_set(sgd, "beta1", 0.5));
  rows.fails("tg_optimizer_set", TG_ERROR_NOT_FOUND,
             {"\"momentum\"", "lr beta1 beta2 eps weight_decay decoupled"},
             tg_optimizer_set(adam, "momentum", 0.5));
  rows.fails("tg_optimizer_get", TG_ERROR_NOT_FOUND,
             {"\"\"", "lr momentum dampening weight_decay nesterov"},
             tg_optimizer_get(sgd, "", rows.untouched<double>()));
  rows.fails("tg_optimizer_get", TG_ERROR_NOT_FOUND,
             {"\"nesterov\"", "lr beta1 beta2 eps weight_decay decoupled"},
             tg_optimizer_get(adam, "nesterov", rows.untouched<double>()));
  const struct {
    tg_optimizer optimizer;
    const char* name;
    double value;
    const char* phrase;
  } refused[] = {
      {sgd, "lr", -1, "lr is -1"},           {sgd, "lr", kNan, "NaN"},
      {sgd, "momentum", -0.5, "momentum"},   {sgd, "weight_decay", -1, "weight_decay"},
      {sgd, "nesterov", 2, "nesterov is 2"}, {sgd, "nesterov", 1, "set momentum first"},
      {adam, "lr", -1, "lr is -1"},          {adam, "beta1", 1, "beta1 is 1"},
      {adam, "beta2", -0.1, "beta2"},        {adam, "eps", -1, "eps is -1"},
      {adam, "weight_decay", -1, "-1"},      {adam, "decoupled", 0.5, "decoupled is 0.5"},
  };
  for (const auto& row : refused) {
    const double before = setting(row.optimizer, row.name);
    rows.fails("tg_optimizer_set", TG_ERROR_INVALID_ARGUMENT, {row.name, row.phrase},
               tg_optimizer_set(row.optimizer, row.name, row.value));
    CHECK(setting(row.optimizer, row.name) == before);
  }
  rows.fails("tg_optimizer_set", TG_ERROR_INVALID_ARGUMENT, {"name", "UTF-8"},
             tg_optimizer_set(sgd, "\xff", 1));
  rows.fails("tg_optimizer_get", TG_ERROR_INVALID_ARGUMENT, {"name", "UTF-8"},
             tg_optimizer_get(sgd, "\xff", rows.untouched<double>()));
}

TEST_CASE("a step over a parameter that may not be written changes none", "[errors]") {
  const double memory[] = {1, 2};
  const Tensor w = leaf({1, 2}), fixed = read_only(memory, {2});
  ok(tg_tensor_set_requires_grad(fixed, 1));
  ok(tg_tensor_set_name(fixed, "mapped"));
  const Tensor grad = vec({1, 1});
  ok(tg_tensor_set_grad(w, grad));
  ok(tg_tensor_set_grad(fixed, grad));
  const tg_tensor list[] = {w, fixed};
  const Handle sgd = make(tg_optim_sgd, list, size_t{2}, 0.1);
  const Handle adam = make(tg_optim_adam, list, size_t{2}, 0.1);
  Rows rows{w, fixed, grad};
  for (const tg_optimizer optimizer : {tg_optimizer{sgd}, tg_optimizer{adam}}) {
    rows.fails("tg_optimizer_step", TG_ERROR_UNSUPPORTED, {"mapped", "read-only", "tg_clone"},
               tg_optimizer_step(optimizer));
  }
}

TEST_CASE("loading an optimizer's state: all or nothing", "[errors]") {
  const Tensor w = leaf({1, 2}), grad = vec({1, 1});
  ok(tg_tensor_set_grad(w, grad));
  const tg_tensor list[] = {w};
  const Handle sgd = make(tg_optim_sgd, list, size_t{1}, 0.1);
  ok(tg_optimizer_set(sgd, "momentum", 0.9));
  ok(tg_optimizer_step(sgd));
  const Tensor three = vec({1, 2, 3}), negative = tensor({-1}, {}), two = vec({1, 1});
  // The optimizer's own state, with one entry of another kind.
  const auto state_with = [&](const char* name, tg_tensor x) {
    Handle state = make(tg_optimizer_state_dict, tg_optimizer{sgd});
    ok(tg_dict_set(state, name, x));
    return state;
  };
  const Handle misshapen = state_with("state.0.momentum_buffer", three);
  const Handle no_number = state_with("param_groups.0.lr", two);
  const Handle out_of_range = state_with("param_groups.0.lr", negative);
  const Handle foreign = state_with("state.0.exp_avg", two);
  const Handle empty = make(tg_dict_create), sound = state_with("param_groups.0.lr", negative);
  ok(tg_dict_set(sound, "param_groups.0.lr", 0));
  Rows rows{w, grad, three, negative, two};
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_SHAPE,
             {"state.0.momentum_buffer", "[3]", "[2]"},
             tg_optimizer_load_state_dict(sgd, misshapen));
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_SHAPE,
             {"param_groups.0.lr", "[2]", "one number"},
             tg_optimizer_load_state_dict(sgd, no_number));
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_INVALID_ARGUMENT, {"lr is -1", "negative"},
             tg_optimizer_load_state_dict(sgd, out_of_range));
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_NOT_FOUND, {"state.0.exp_avg", "another one"},
             tg_optimizer_load_state_dict(sgd, foreign));
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_NOT_FOUND,
             {"param_groups.0.lr", "no state of this kind"},
             tg_optimizer_load_state_dict(sgd, empty));
  rows.fails("tg_optimizer_load_state_dict", TG_ERROR_NOT_FOUND, {"param_groups.0.lr"},
             tg_optimizer_load_state_dict(sgd, sound));
  CHECK(setting(sgd, "lr") == 0.1);
  CHECK(setting(sgd, "momentum") == 0.9);
}

TEST_CASE("clipping gradients: norms and dtypes", "[errors]") {
  const Tensor w = leaf({1, 2}), half = zeros(TG_FLOAT16, {2}), half_grad = zeros(TG_FLOAT16, {2});
  const Tensor grad = vec({3, 4});
  ok(tg_tensor_set_grad(w, grad));
  ok(tg_tensor_set_grad(half, half_grad));
  const tg_tensor good[] = {w}, brief[] = {w, half}, holed[] = {w, 0};
  Rows rows{w, half, half_grad, grad};
  rows.fails("tg_clip_grad_norm_", TG_ERROR_DTYPE, {"float16", "float32 or float64"},
             tg_clip_grad_norm_(brief, 2, 1, 2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_HANDLE, {"parameters[1]", "0 (none)"},
             tg_clip_grad_norm_(holed, 2, 1, 2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"parameters is NULL"},
             tg_clip_grad_norm_(nullptr, 1, 1, 2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"max_norm is -1", "negative"},
             tg_clip_grad_norm_(good, 1, -1, 2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"max_norm is nan"},
             tg_clip_grad_norm_(good, 1, kNan, 2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"norm_type is 0", "positive"},
             tg_clip_grad_norm_(good, 1, 1, 0, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"norm_type is -2"},
             tg_clip_grad_norm_(good, 1, 1, -2, rows.untouched<double>()));
  rows.fails("tg_clip_grad_norm_", TG_ERROR_INVALID_ARGUMENT, {"norm_type is nan"},
             tg_clip_grad_norm_(good, 1, 1, kNan, rows.untouched<double>()));
}
