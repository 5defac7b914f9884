// SPDX-License-Identifier: MIT
// One call of each function for operators, autograd, modules, optimizers and files; calls/world.h
// has the objects.
#pragma once

#include "calls/values.h"
#include "calls/world.h"

namespace calls {

inline tg_status call_mul(World& w, tg_frame* frame) {
  const tg_value operands[] = {of_handle(w.x), of_handle(w.b)};
  tg_value product = none();
  const tg_status status = tg_call(frame, "tg_mul", operands, 2, &product, 1, &w.length);
  *w.out() = product.as.handle;
  return status;
}

inline const std::vector<Scenario>& scenarios_operators() {
  static const std::vector<Scenario> rows = {
    {"tg_add", [](World& w) { return tg_add(w.x, w.r, w.out()); }},
    {"tg_sub", [](World& w) { return tg_sub(w.x, w.b, w.out()); }},
    {"tg_mul", [](World& w) { return tg_mul(w.x, w.b, w.out()); }},
    {"tg_mul", [](World& w) { return tg_mul(w.x, w.h, w.out()); }},
    {"tg_mul", [](World& w) { return tg_mul(w.view_of_x, w.t, w.out()); }},
    {"tg_div", [](World& w) { return tg_div(w.x, w.b, w.out()); }},
    {"tg_add_scalar", [](World& w) { return tg_add_scalar(w.x, 2, w.out()); }},
    {"tg_sub_scalar", [](World& w) { return tg_sub_scalar(w.x, 2, w.out()); }},
    {"tg_mul_scalar", [](World& w) { return tg_mul_scalar(w.x, 2, w.out()); }},
    {"tg_div_scalar", [](World& w) { return tg_div_scalar(w.x, 2, w.out()); }},
    {"tg_pow_scalar", [](World& w) { return tg_pow_scalar(w.x, 3, w.out()); }},
    {"tg_add_", [](World& w) { return tg_add_(w.z, w.r); }},
    {"tg_sub_", [](World& w) { return tg_sub_(w.z, w.b); }},
    {"tg_mul_", [](World& w) { return tg_mul_(w.z, w.b); }},
    {"tg_mul_", [](World& w) { return tg_mul_(w.p, w.one); }},
    {"tg_add_", [](World& w) { return tg_add_(w.view_of_p, w.h); }},
    {"tg_div_", [](World& w) { return tg_div_(w.z, w.b); }},
    {"tg_add_scalar_", [](World& w) { return tg_add_scalar_(w.z, 2); }},
    {"tg_sub_scalar_", [](World& w) { return tg_sub_scalar_(w.z, 2); }},
    {"tg_mul_scalar_", [](World& w) { return tg_mul_scalar_(w.z, 2); }},
    {"tg_div_scalar_", [](World& w) { return tg_div_scalar_(w.z, 2); }},
    {"tg_pow_scalar_", [](World& w) { return tg_pow_scalar_(w.z, 3); }},
    {"tg_add_out", [](World& w) { return tg_add_out(w.p, w.q, w.o); }},
    {"tg_sub_out", [](World& w) { return tg_sub_out(w.p, w.one, w.o); }},
    {"tg_mul_out", [](World& w) { return tg_mul_out(w.p, w.one, w.o); }},
    {"tg_div_out", [](World& w) { return tg_div_out(w.p, w.q, w.o); }},
    {"tg_add_scalar_out", [](World& w) { return tg_add_scalar_out(w.p, 2, w.o); }},
    {"tg_sub_scalar_out", [](World& w) { return tg_sub_scalar_out(w.p, 2, w.o); }},
    {"tg_mul_scalar_out", [](World& w) { return tg_mul_scalar_out(w.p, 2, w.o); }},
    {"tg_div_scalar_out", [](World& w) { return tg_div_scalar_out(w.p, 2, w.o); }},
    {"tg_pow_scalar_out", [](World& w) { return tg_pow_scalar_out(w.p, 2, w.o); }},
    {"tg_mm_out", [](World& w) { return tg_mm_out(w.p, w.tp, w.mm); }},
    {"tg_neg", [](World& w) { return tg_neg(w.x, w.out()); }},
    {"tg_neg_", [](World& w) { return tg_neg_(w.z); }},
    {"tg_neg_out", [](World& w) { return tg_neg_out(w.p, w.o); }},
    {"tg_abs", [](World& w) { return tg_abs(w.x, w.out()); }},
    {"tg_abs_", [](World& w) { return tg_abs_(w.z); }},
    {"tg_abs_out", [](World& w) { return tg_abs_out(w.p, w.o); }},
    {"tg_exp", [](World& w) { return tg_exp(w.x, w.out()); }},
    {"tg_exp_", [](World& w) { return tg_exp_(w.z); }},
    {"tg_exp_out", [](World& w) { return tg_exp_out(w.p, w.o); }},
    {"tg_log", [](World& w) { return tg_log(w.x, w.out()); }},
    {"tg_log_", [](World& w) { return tg_log_(w.z); }},
    {"tg_log_out", [](World& w) { return tg_log_out(w.p, w.o); }},
    {"tg_sqrt", [](World& w) { return tg_sqrt(w.x, w.out()); }},
    {"tg_sqrt_", [](World& w) { return tg_sqrt_(w.z); }},
    {"tg_sqrt_out", [](World& w) { return tg_sqrt_out(w.p, w.o); }},
    {"tg_sin", [](World& w) { return tg_sin(w.x, w.out()); }},
    {"tg_sin_", [](World& w) { return tg_sin_(w.z); }},
    {"tg_sin_out", [](World& w) { return tg_sin_out(w.p, w.o); }},
    {"tg_cos", [](World& w) { return tg_cos(w.x, w.out()); }},
    {"tg_cos_", [](World& w) { return tg_cos_(w.z); }},
    {"tg_cos_out", [](World& w) { return tg_cos_out(w.p, w.o); }},
    {"tg_tanh", [](World& w) { return tg_tanh(w.x, w.out()); }},
    {"tg_tanh_", [](World& w) { return tg_tanh_(w.z); }},
    {"tg_tanh_out", [](World& w) { return tg_tanh_out(w.p, w.o); }},
    {"tg_sigmoid", [](World& w) { return tg_sigmoid(w.x, w.out()); }},
    {"tg_sigmoid_", [](World& w) { return tg_sigmoid_(w.z); }},
    {"tg_sigmoid_out", [](World& w) { return tg_sigmoid_out(w.p, w.o); }},
    {"tg_relu", [](World& w) { return tg_relu(w.x, w.out()); }},
    {"tg_relu_", [](World& w) { return tg_relu_(w.z); }},
    {"tg_relu_out", [](World& w) { return tg_relu_out(w.p, w.o); }},
    {"tg_clamp", [](World& w) { return tg_clamp(w.x, 0, 2, w.out()); }},
    {"tg_clamp_", [](World& w) { return tg_clamp_(w.z, 0, 2); }},
    {"tg_clamp_out", [](World& w) { return tg_clamp_out(w.p, 0, 2, w.o); }},
    {"tg_maximum", [](World& w) { return tg_maximum(w.x, w.b, w.out()); }},
    {"tg_maximum_out", [](World& w) { return tg_maximum_out(w.p, w.one, w.o); }},
    {"tg_minimum", [](World& w) { return tg_minimum(w.x, w.r, w.out()); }},
    {"tg_minimum_out", [](World& w) { return tg_minimum_out(w.p, w.one, w.o); }},
    {"tg_where", [](World& w) { return tg_where(w.c, w.x, w.b, w.out()); }},
    {"tg_where_out", [](World& w) { return tg_where_out(w.c, w.p, w.one, w.o); }},
    {"tg_eq_scalar", [](World& w) { return tg_eq_scalar(w.x, 2, w.out()); }},
    {"tg_eq_scalar_out", [](World& w) { return tg_eq_scalar_out(w.p, 2, w.o); }},
    {"tg_ne_scalar", [](World& w) { return tg_ne_scalar(w.x, 2, w.out()); }},
    {"tg_ne_scalar_out", [](World& w) { return tg_ne_scalar_out(w.p, 2, w.o); }},
    {"tg_lt_scalar", [](World& w) { return tg_lt_scalar(w.x, 2, w.out()); }},
    {"tg_lt_scalar_out", [](World& w) { return tg_lt_scalar_out(w.p, 2, w.o); }},
    {"tg_le_scalar", [](World& w) { return tg_le_scalar(w.x, 2, w.out()); }},
    {"tg_le_scalar_out", [](World& w) { return tg_le_scalar_out(w.p, 2, w.o); }},
    {"tg_gt_scalar", [](World& w) { return tg_gt_scalar(w.x, 2, w.out()); }},
    {"tg_gt_scalar_out", [](World& w) { return tg_gt_scalar_out(w.p, 2, w.o); }},
    {"tg_ge_scalar", [](World& w) { return tg_ge_scalar(w.x, 2, w.out()); }},
    {"tg_ge_scalar_out", [](World& w) { return tg_ge_scalar_out(w.p, 2, w.o); }},
    {"tg_ne", [](World& w) { return tg_ne(w.x, w.b, w.out()); }},
    {"tg_ne_out", [](World& w) { return tg_ne_out(w.p, w.one, w.o); }},
    {"tg_le", [](World& w) { return tg_le(w.x, w.r, w.out()); }},
    {"tg_le_out", [](World& w) { return tg_le_out(w.p, w.one, w.o); }},
    {"tg_ge", [](World& w) { return tg_ge(w.x, w.b, w.out()); }},
    {"tg_ge_out", [](World& w) { return tg_ge_out(w.p, w.one, w.o); }},
    {"tg_eq", [](World& w) { return tg_eq(w.x, w.b, w.out()); }},
    {"tg_eq_out", [](World& w) { return tg_eq_out(w.p, w.one, w.o); }},
    {"tg_lt", [](World& w) { return tg_lt(w.x, w.b, w.out()); }},
    {"tg_lt_out", [](World& w) { return tg_lt_out(w.p, w.one, w.o); }},
    {"tg_gt", [](World& w) { return tg_gt(w.x, w.b, w.out()); }},
    {"tg_gt_out", [](World& w) { return tg_gt_out(w.p, w.one, w.o); }},
    {"tg_sum", [](World& w) { return tg_sum(w.x, w.out()); }},
    {"tg_sum", [](World& w) { return tg_sum(w.h, w.out()); }},
    {"tg_sum_out", [](World& w) { return tg_sum_out(w.p, w.one); }},
    {"tg_sum_dims", [](World& w) { return tg_sum_dims(w.x, kDims, 1, 0, w.out()); }},
    {"tg_sum_dims_out", [](World& w) { return tg_sum_dims_out(w.p, kDims, 2, 0, w.one); }},
    {"tg_mean", [](World& w) { return tg_mean(w.x, w.out()); }},
    {"tg_mean_out", [](World& w) { return tg_mean_out(w.p, w.one); }},
    {"tg_mean_dims", [](World& w) { return tg_mean_dims(w.x, kDims, 2, 1, w.out()); }},
    {"tg_mean_dims_out", [](World& w) { return tg_mean_dims_out(w.p, kDims, 2, 0, w.one); }},
    {"tg_max", [](World& w) { return tg_max(w.x, w.out()); }},
    {"tg_max_out", [](World& w) { return tg_max_out(w.p, w.one); }},
    {"tg_min", [](World& w) { return tg_min(w.x, w.out()); }},
    {"tg_min_out", [](World& w) { return tg_min_out(w.p, w.one); }},
    {"tg_max_dim", [](World& w) { return tg_max_dim(w.x, 1, 0, w.out(), w.out()); }},
    {"tg_min_dim", [](World& w) { return tg_min_dim(w.x, 0, 1, w.out(), w.out()); }},
    {"tg_argmax", [](World& w) { return tg_argmax(w.x, w.out()); }},
    {"tg_argmax_out", [](World& w) { return tg_argmax_out(w.p, w.one); }},
    {"tg_max_dim_out", [](World& w) { return tg_max_dim_out(w.p, 1, 0, w.row_o, w.place_o); }},
    {"tg_min_dim_out", [](World& w) { return tg_min_dim_out(w.p, 1, 0, w.row_o, w.place_o); }},
    {"tg_argmax_dim", [](World& w) { return tg_argmax_dim(w.x, 1, 0, w.out()); }},
    {"tg_argmax_dim_out", [](World& w) { return tg_argmax_dim_out(w.p, 1, 0, w.row_o); }},
    {"tg_argmin", [](World& w) { return tg_argmin(w.x, w.out()); }},
    {"tg_argmin_out", [](World& w) { return tg_argmin_out(w.p, w.one); }},
    {"tg_argmin_dim", [](World& w) { return tg_argmin_dim(w.x, 1, 0, w.out()); }},
    {"tg_argmin_dim_out", [](World& w) { return tg_argmin_dim_out(w.p, 1, 0, w.row_o); }},
    {"tg_softmax", [](World& w) { return tg_softmax(w.x, 1, w.out()); }},
    {"tg_softmax_out", [](World& w) { return tg_softmax_out(w.p, 1, w.o); }},
    {"tg_log_softmax", [](World& w) { return tg_log_softmax(w.x, 0, w.out()); }},
    {"tg_log_softmax_out", [](World& w) { return tg_log_softmax_out(w.p, 0, w.o); }},
    {"tg_mm", [](World& w) { return tg_mm(w.x, w.t, w.out()); }},
    {"tg_mm", [](World& w) { return tg_mm(w.large, w.large, w.out()); }},
    {"tg_bmm", [](World& w) { return tg_bmm(w.batch, w.batch_t, w.out()); }},
    {"tg_bmm_out", [](World& w) { return tg_bmm_out(w.cube, w.cube_t, w.cube_o); }},
    {"tg_mv", [](World& w) { return tg_mv(w.x, w.r, w.out()); }},
    {"tg_mv_out", [](World& w) { return tg_mv_out(w.p, w.q_row, w.row_o); }},
    {"tg_dot", [](World& w) { return tg_dot(w.r, w.r, w.out()); }},
    {"tg_dot_out", [](World& w) { return tg_dot_out(w.q_row, w.q_row, w.one); }},
    {"tg_matmul", [](World& w) { return tg_matmul(w.batch, w.t, w.out()); }},
    {"tg_matmul", [](World& w) { return tg_matmul(w.r, w.t, w.out()); }},
    {"tg_matmul_out", [](World& w) { return tg_matmul_out(w.cube, w.tp, w.cube_o); }},
    {"tg_addmm", [](World& w) { return tg_addmm(w.mm_bias, w.x, w.t, 2, 0.5, w.out()); }},
    {"tg_addmm_", [](World& w) { return tg_addmm_(w.mm, w.x, w.t, 2, 0.5); }},
    {"tg_addmm_out", [](World& w) { return tg_addmm_out(w.mm, w.p, w.tp, 2, 0.5, w.mm); }},
    {"tg_linear", [](World& w) { return tg_linear(w.batch, w.b, w.mm_bias, w.out()); }},
    {"tg_linear_out", [](World& w) { return tg_linear_out(w.p, w.q, 0, w.mm); }},
    {"tg_view", [](World& w) { return tg_view(w.x, kFlat, 1, w.out()); }},
    {"tg_reshape", [](World& w) { return tg_reshape(w.view_of_x, kFlat, 1, w.out()); }},
    {"tg_flatten", [](World& w) { return tg_flatten(w.batch, 0, -1, w.out()); }},
    {"tg_t", [](World& w) { return tg_t(w.x, w.out()); }},
    {"tg_transpose", [](World& w) { return tg_transpose(w.x, 0, 1, w.out()); }},
    {"tg_permute", [](World& w) { return tg_permute(w.x, kOrder, 2, w.out()); }},
    {"tg_expand", [](World& w) { return tg_expand(w.r, kShape, 2, w.out()); }},
    {"tg_squeeze", [](World& w) { return tg_squeeze(w.x, w.out()); }},
    {"tg_squeeze_dim", [](World& w) { return tg_squeeze_dim(w.x, 0, w.out()); }},
    {"tg_unsqueeze", [](World& w) { return tg_unsqueeze(w.x, 0, w.out()); }},
    {"tg_select", [](World& w) { return tg_select(w.x, 0, 1, w.out()); }},
    {"tg_narrow", [](World& w) { return tg_narrow(w.x, 1, 1, 2, w.out()); }},
    {"tg_slice", [](World& w) { return tg_slice(w.x, 1, 0, 3, 2, w.out()); }},
    {"tg_as_strided", [](World& w) {
       return tg_as_strided(w.x, kSquare, kOverlapping, 2, 0, w.out());
     }},
    {"tg_split", [](World& w) { w.outs(2); return tg_split(w.x, 1, 0, w.places, 2, &w.length); }},
    {"tg_cat", [](World& w) { return tg_cat(w.pair, 2, 1, w.out()); }},
    {"tg_cat_out", [](World& w) { return tg_cat_out(w.plain_pair, 2, 0, w.cat_o); }},
    {"tg_stack", [](World& w) { return tg_stack(w.pair, 2, 0, w.out()); }},
    {"tg_stack_out", [](World& w) { return tg_stack_out(w.plain_pair, 2, 0, w.stack_o); }},
    {"tg_index_select", [](World& w) { return tg_index_select(w.x, 1, w.index, w.out()); }},
    {"tg_index_select_out", [](World& w) { return tg_index_select_out(w.p, 1, w.index, w.mm); }},
    {"tg_gather", [](World& w) { return tg_gather(w.x, 1, w.i, w.out()); }},
    {"tg_gather_out", [](World& w) { return tg_gather_out(w.p, 1, w.i, w.o); }},
    {"tg_mse_loss", [](World& w) { return tg_mse_loss(w.x, w.b, TG_REDUCTION_MEAN, w.out()); }},
    {"tg_mse_loss", [](World& w) { return tg_mse_loss(w.x, w.b, TG_REDUCTION_NONE, w.out()); }},
    {"tg_mse_loss_out",
     [](World& w) { return tg_mse_loss_out(w.p, w.q, TG_REDUCTION_NONE, w.o); }},
    {"tg_nll_loss_out", [](World& w) {
       return tg_nll_loss_out(w.p, w.classes, w.q_row, -100, TG_REDUCTION_NONE, w.row_o);
     }},
    {"tg_cross_entropy_out", [](World& w) {
       return tg_cross_entropy_out(w.p, w.classes, 0, -100, TG_REDUCTION_NONE, 0.1, w.row_o);
     }},
    {"tg_nll_loss", [](World& w) {
       return tg_nll_loss(w.x, w.classes, w.r, -100, TG_REDUCTION_MEAN, w.out());
     }},
    {"tg_cross_entropy", [](World& w) {
       return tg_cross_entropy(w.x, w.classes, 0, -100, TG_REDUCTION_MEAN, 0.1, w.out());
     }},
    {"tg_cross_entropy", [](World& w) {
       return tg_cross_entropy(w.x, w.classes, w.q_row, 1, TG_REDUCTION_NONE, 0, w.out());
     }},
    {"tg_backward", [](World& w) { return tg_backward(w.loss); }},
    {"tg_backward", [](World& w) { return tg_backward(w.fan); }},
    {"tg_backward_from", [](World& w) {
       return tg_backward_from(w.roots, w.root_grads, 2, TG_RETAIN_GRAPH);
     }},
    {"tg_backward_from", [](World& w) {
       return tg_backward_from(w.roots, w.root_grads, 2, TG_CREATE_GRAPH);
     }},
    {"tg_grad", [](World& w) {
       w.outs(2);
       return tg_grad(&w.loss, nullptr, 1, w.pair, 2, TG_CREATE_GRAPH, w.places);
     }},
    {"tg_grad", [](World& w) {
       w.outs(2);
       return tg_grad(w.roots, w.root_grads, 2, w.pair, 2, 0, w.places);
     }},
    {"tg_node_name", [](World& w) {
       return tg_node_name(w.node, w.text, sizeof w.text, &w.length);
     }},
    {"tg_node_inputs", [](World& w) {
       w.outs(2);
       return tg_node_inputs(w.node, w.places, 2, &w.length);
     }},
    {"tg_node_input_number", [](World& w) { return tg_node_input_number(w.node, 0, &w.u32); }},
    {"tg_node_sequence", [](World& w) { return tg_node_sequence(w.node, &w.u64); }},
    {"tg_node_saved_bytes", [](World& w) { return tg_node_saved_bytes(w.node, &w.u64); }},
    {"tg_nn_linear", [](World& w) { return tg_nn_linear(3, 2, 1, TG_FLOAT32, w.out()); }},
    {"tg_nn_relu", [](World& w) { return tg_nn_relu(w.out()); }},
    {"tg_nn_function", [](World& w) {
       return tg_nn_function(World::function, &w, World::end_function, w.out());
     }},
    {"tg_nn_sequential", [](World& w) { return tg_nn_sequential(w.modules, 3, w.out()); }},
    {"tg_module_forward", [](World& w) { return tg_module_forward(w.module, w.p, w.out()); }},
    {"tg_module_train", [](World& w) { return tg_module_train(w.module, 0); }},
    {"tg_module_eval", [](World& w) { return tg_module_eval(w.module); }},
    {"tg_module_is_training", [](World& w) { return tg_module_is_training(w.module, &w.number); }},
    {"tg_module_set_requires_grad", [](World& w) {
       return tg_module_set_requires_grad(w.module, 0);
     }},
    {"tg_module_set_requires_grad", [](World& w) {
       return tg_module_set_requires_grad(w.frozen, 1);
     }},
    {"tg_module_zero_grad", [](World& w) { return tg_module_zero_grad(w.module); }},
    {"tg_module_parameter_count", [](World& w) {
       return tg_module_parameter_count(w.module, &w.length);
     }},
    {"tg_module_parameter_at", [](World& w) {
       return tg_module_parameter_at(w.module, 1, w.out());
     }},
    {"tg_module_parameter_name", [](World& w) {
       return tg_module_parameter_name(w.module, 1, w.text, sizeof w.text, &w.length);
     }},
    {"tg_module_state_dict", [](World& w) { return tg_module_state_dict(w.module, w.out()); }},
    {"tg_module_load_state_dict", [](World& w) {
       return tg_module_load_state_dict(w.module, w.module_state, 1, nullptr, 0, nullptr);
     }},
    {"tg_optim_sgd", [](World& w) { return tg_optim_sgd(w.pair, 2, 0.1, w.out()); }},
    {"tg_optim_adam", [](World& w) { return tg_optim_adam(w.pair, 2, 0.1, w.out()); }},
    {"tg_optimizer_set", [](World& w) { return tg_optimizer_set(w.sgd, "momentum", 0.5); }},
    {"tg_optimizer_get", [](World& w) { return tg_optimizer_get(w.sgd, "lr", &w.real); }},
    {"tg_optimizer_step", [](World& w) { return tg_optimizer_step(w.sgd); }},
    {"tg_optimizer_step", [](World& w) { return tg_optimizer_step(w.fresh_adam); }},
    {"tg_optimizer_zero_grad", [](World& w) { return tg_optimizer_zero_grad(w.sgd); }},
    {"tg_optimizer_state_dict", [](World& w) { return tg_optimizer_state_dict(w.sgd, w.out()); }},
    {"tg_optimizer_load_state_dict", [](World& w) {
       return tg_optimizer_load_state_dict(w.sgd, w.sgd_state);
     }},
    {"tg_clip_grad_norm_", [](World& w) { return tg_clip_grad_norm_(w.pair, 2, 0.5, 2, &w.real); }},
    {"tg_dict_create", [](World& w) { return tg_dict_create(w.out()); }},
    {"tg_dict_set", [](World& w) {
       return tg_dict_set(w.dict, "a name that is long enough to need memory", w.p);
     }},
    {"tg_dict_set", [](World& w) { return tg_dict_set(w.dict, "x", w.q); }},
    {"tg_dict_get", [](World& w) { return tg_dict_get(w.dict, "x", w.out()); }},
    {"tg_dict_size", [](World& w) { return tg_dict_size(w.dict, &w.length); }},
    {"tg_dict_name_at", [](World& w) {
       return tg_dict_name_at(w.dict, 0, w.text, sizeof w.text, &w.length);
     }},
    {"tg_dict_metadata_set", [](World& w) {
       return tg_dict_metadata_set(w.dict, "a key that is long enough to need memory",
           "a value that is as long as that");
     }},
    {"tg_dict_metadata_set", [](World& w) {
       return tg_dict_metadata_set(w.dict, "format",
           "a value that is longer than what was there before");
     }},
    {"tg_dict_metadata_get", [](World& w) {
       return tg_dict_metadata_get(w.dict, "format", w.text, sizeof w.text, &w.length);
     }},
    {"tg_safetensors_save", [](World& w) { return tg_safetensors_save(w.path.c_str(), w.dict); }},
    {"tg_safetensors_load", [](World& w) {
       return tg_safetensors_load(w.path.c_str(), 0, w.out());
     }},
    {"tg_safetensors_load", [](World& w) {
       return tg_safetensors_load(w.path.c_str(), TG_FILE_MAP, w.out());
     }},
    {"tg_safetensors_load_memory", [](World& w) {
       return tg_safetensors_load_memory(w.file.data(), w.file.size(), w.out());
     }},
    {"tg_npy_save", [](World& w) { return tg_npy_save(w.npy.c_str(), w.view); }},
    {"tg_npy_load", [](World& w) { return tg_npy_load(w.npy.c_str(), w.out()); }},
    {"tg_npz_save", [](World& w) { return tg_npz_save(w.npz.c_str(), w.dict); }},
    {"tg_npz_load", [](World& w) { return tg_npz_load(w.npz.c_str(), w.out()); }},
    {"tg_memory_current", [](World&) { return no_status(tg_memory_current()); }},
    {"tg_memory_peak", [](World&) { return no_status(tg_memory_peak()); }},
    {"tg_memory_cached", [](World&) { return no_status(tg_memory_cached()); }},
    {"tg_memory_peak_reset", [](World&) { tg_memory_peak_reset(); return done(); }},
    {"tg_memory_limit_set", [](World&) { return tg_memory_limit_set(0); }},
    {"tg_memory_trim", [](World&) { return tg_memory_trim(); }},
    {"tg_num_threads_set", [](World&) { return tg_num_threads_set(2); }},
    {"tg_num_threads", [](World&) { return no_status(tg_num_threads()); }},
    {"tg_blas_info", [](World& w) { return tg_blas_info(w.text, sizeof w.text, &w.length); }},
    {"tg_call", [](World& w) { return call_mul(w, nullptr); }},
    {"tg_call",
     [](World& w) {
       tg_frame frame{sizeof frame, 0, 0, 0, w.text, sizeof w.text, 0};
       const tg_status status = call_mul(w, &frame);
       return status == TG_OK ? status : tg_error_set(status, 0, w.text);
     }},
    {"tg_describe",
     [](World& w) { return tg_describe("tg_add", w.text, sizeof w.text, &w.length); }},
  };
  return rows;
}

}  // namespace calls
