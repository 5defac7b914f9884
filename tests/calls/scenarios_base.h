// SPDX-License-Identifier: MIT
// One call of each function for errors, handles, tensors and modes; calls/world.h has the objects.
#pragma once

#include "calls/world.h"

namespace calls {

inline const std::vector<Scenario>& scenarios_base() {
  static const std::vector<Scenario> rows = {
    {"tg_version", [](World&) { return no_status(tg_version()); }},
    {"tg_version_string", [](World&) { return no_status(tg_version_string()); }},
    {"tg_status_name", [](World&) { return no_status(tg_status_name(3)); }},
    {"tg_status_explain", [](World&) { return no_status(tg_status_explain(3)); }},
    {"tg_last_error", [](World&) { return no_status(tg_last_error()); }},
    {"tg_last_error_message", [](World&) { return no_status(tg_last_error_message()); }},
    {"tg_last_error_copy", [](World& w) {
       return no_status(tg_last_error_copy(w.text, sizeof w.text));
     }},
    {"tg_last_error_detail", [](World& w) {
       tg_last_error_detail(&w.integer, &w.number); return TG_OK;
     }},
    {"tg_last_error_clear", [](World&) { tg_last_error_clear(); return TG_OK; }},
    {"tg_error_set", [](World& w) {
       return tg_error_set(TG_ERROR_TIMEOUT, 7, "late") == TG_ERROR_TIMEOUT ? TG_OK : TG_ERROR_INTERNAL;
     }},
    {"tg_shutdown", [](World& w) {
       return tg_shutdown() == TG_ERROR_MODE ? TG_OK : TG_ERROR_INTERNAL;
     }},
    {"tg_alias", [](World& w) { return tg_alias(w.x, w.out()); }},
    {"tg_alias", [](World& w) { return tg_alias(w.module, w.out()); }},
    {"tg_alias", [](World& w) { return tg_alias(w.node, w.out()); }},
    {"tg_release", [](World& w) { return tg_release(w.spare); }},
    {"tg_release_many", [](World& w) { return tg_release_many(w.spares, 2); }},
    {"tg_is_valid", [](World& w) { return no_status(tg_is_valid(w.x)); }},
    {"tg_is_same", [](World& w) { return tg_is_same(w.x, w.b, &w.number); }},
    {"tg_live_handles", [](World&) { return no_status(tg_live_handles()); }},
    {"tg_scope_enter", [](World& w) { return tg_scope_enter(&w.entered); }},
    {"tg_scope_keep", [](World& w) { return tg_scope_keep(w.scope, w.scoped); }},
    {"tg_scope_exit", [](World& w) { return tg_scope_exit(w.scope); }},
    {"tg_scope_use", [](World& w) { return tg_scope_use(w.scope, &w.handle); }},
    {"tg_drain", [](World&) { return tg_drain(); }},
    {"tg_drain_set", [](World& w) { return tg_drain_set(World::wake, &w, nullptr); }},
    {"tg_object_create", [](World& w) {
       return tg_object_create("type of a long name that needs memory", &w, nullptr, w.out());
     }},
    {"tg_object_payload", [](World& w) {
       return tg_object_payload(w.object, "payload", &w.pointer);
     }},
    {"tg_tensor_create", [](World& w) {
       return tg_tensor_create(kNumbers, TG_FLOAT32, kShape, 2, 1, w.out());
     }},
    {"tg_tensor_create", [](World& w) {
       return tg_tensor_create(kNumbers, TG_FLOAT64, nullptr, 0, 0, w.out());
     }},
    {"tg_tensor_from_memory", [](World& w) {
       return tg_tensor_from_memory(w.memory, TG_FLOAT32, kShape, nullptr, 2, 0,
           World::end_memory, &w, w.out());
     }},
    {"tg_tensor_from_memory", [](World& w) {
       return tg_tensor_from_memory(w.memory, TG_FLOAT32, kShape, nullptr, 2, TG_READ_ONLY,
           nullptr, nullptr, w.out());
     }},
    {"tg_scalar", [](World& w) { return tg_scalar(2, TG_FLOAT64, w.out()); }},
    {"tg_empty", [](World& w) { return tg_empty(TG_FLOAT16, kShape, 2, w.out()); }},
    {"tg_zeros", [](World& w) { return tg_zeros(TG_INT8, kShape, 2, w.out()); }},
    {"tg_ones", [](World& w) { return tg_ones(TG_BOOL, kShape, 2, w.out()); }},
    {"tg_full", [](World& w) { return tg_full(2.5, TG_BFLOAT16, kShape, 2, w.out()); }},
    {"tg_full_int64", [](World& w) { return tg_full_int64(7, TG_INT64, kShape, 2, w.out()); }},
    {"tg_eye", [](World& w) { return tg_eye(TG_FLOAT32, 3, 4, w.out()); }},
    {"tg_arange", [](World& w) { return tg_arange(0, 5, 1, TG_FLOAT32, w.out()); }},
    {"tg_zeros_like", [](World& w) { return tg_zeros_like(w.x, w.out()); }},
    {"tg_ones_like", [](World& w) { return tg_ones_like(w.i, w.out()); }},
    {"tg_manual_seed", [](World&) { return tg_manual_seed(5); }},
    {"tg_generator_create", [](World& w) { return tg_generator_create(3, w.out()); }},
    {"tg_generator_state_get", [](World& w) {
       return tg_generator_state_get(w.generator, &w.u64, &w.u64_too);
     }},
    {"tg_generator_state_set", [](World& w) { return tg_generator_state_set(w.generator, 1, 2); }},
    {"tg_rand", [](World& w) { return tg_rand(w.generator, TG_FLOAT32, kShape, 2, w.out()); }},
    {"tg_randn", [](World& w) { return tg_randn(0, TG_FLOAT64, kShape, 2, w.out()); }},
    {"tg_randint", [](World& w) {
       return tg_randint(w.generator, 0, 9, TG_INT64, kShape, 2, w.out());
     }},
    {"tg_randperm", [](World& w) { return tg_randperm(w.generator, 20, w.out()); }},
    {"tg_tensor_dtype", [](World& w) { return tg_tensor_dtype(w.x, &w.number); }},
    {"tg_tensor_rank", [](World& w) { return tg_tensor_rank(w.x, &w.number); }},
    {"tg_tensor_shape", [](World& w) { return tg_tensor_shape(w.x, w.sizes, 16, &w.number); }},
    {"tg_tensor_strides", [](World& w) { return tg_tensor_strides(w.x, w.sizes, 16, &w.number); }},
    {"tg_tensor_storage_offset", [](World& w) {
       return tg_tensor_storage_offset(w.x, &w.integer);
     }},
    {"tg_tensor_size", [](World& w) { return tg_tensor_size(w.x, 1, &w.integer); }},
    {"tg_tensor_numel", [](World& w) { return tg_tensor_numel(w.x, &w.integer); }},
    {"tg_tensor_nbytes", [](World& w) { return tg_tensor_nbytes(w.x, &w.u64); }},
    {"tg_tensor_data", [](World& w) { return tg_tensor_data(w.x, &w.pointer); }},
    {"tg_tensor_storage_nbytes", [](World& w) { return tg_tensor_storage_nbytes(w.x, &w.u64); }},
    {"tg_tensor_storage_id", [](World& w) { return tg_tensor_storage_id(w.x, &w.u64); }},
    {"tg_tensor_copy_out", [](World& w) { return tg_tensor_copy_out(w.view, w.text, 24); }},
    {"tg_tensor_item", [](World& w) { return tg_tensor_item(w.one, &w.real); }},
    {"tg_tensor_item_int64", [](World& w) {
       return tg_tensor_item_int64(w.number_int, &w.integer);
     }},
    {"tg_tensor_format", [](World& w) {
       return tg_tensor_format(w.y, w.text, sizeof w.text, &w.length);
     }},
    {"tg_tensor_format", [](World& w) {
       return tg_tensor_format(w.i, w.text, sizeof w.text, &w.length);
     }},
    {"tg_tensor_is_contiguous", [](World& w) {
       return tg_tensor_is_contiguous(w.view, &w.number);
     }},
    {"tg_tensor_is_view", [](World& w) { return tg_tensor_is_view(w.view, &w.number); }},
    {"tg_tensor_is_leaf", [](World& w) { return tg_tensor_is_leaf(w.x, &w.number); }},
    {"tg_tensor_is_inference", [](World& w) {
       return tg_tensor_is_inference(w.inference, &w.number);
     }},
    {"tg_tensor_requires_grad", [](World& w) { return tg_tensor_requires_grad(w.x, &w.number); }},
    {"tg_tensor_version", [](World& w) { return tg_tensor_version(w.x, &w.integer); }},
    {"tg_tensor_grad", [](World& w) { return tg_tensor_grad(w.x, w.out()); }},
    {"tg_tensor_grad_fn", [](World& w) { return tg_tensor_grad_fn(w.y, w.out()); }},
    {"tg_tensor_name", [](World& w) {
       return tg_tensor_name(w.x, w.text, sizeof w.text, &w.length);
     }},
    {"tg_tensor_set_requires_grad", [](World& w) { return tg_tensor_set_requires_grad(w.p, 1); }},
    {"tg_tensor_set_requires_grad", [](World& w) { return tg_tensor_set_requires_grad(w.x, 0); }},
    {"tg_tensor_set_grad", [](World& w) { return tg_tensor_set_grad(w.b, w.p); }},
    {"tg_tensor_set_grad", [](World& w) { return tg_tensor_set_grad(w.p, w.q); }},
    {"tg_tensor_set_grad", [](World& w) { return tg_tensor_set_grad(w.x, 0); }},
    {"tg_tensor_set_name", [](World& w) {
       return tg_tensor_set_name(w.p, "a name of more than a few bytes,
           so that it needs memory of its own");
     }},
    {"tg_tensor_retain_grad", [](World& w) { return tg_tensor_retain_grad(w.y); }},
    {"tg_tensor_copy_in", [](World& w) { return tg_tensor_copy_in(w.p, kNumbers, 24); }},
    {"tg_tensor_copy_in", [](World& w) { return tg_tensor_copy_in(w.view, kNumbers, 24); }},
    {"tg_tensor_mark_written", [](World& w) { return tg_tensor_mark_written(w.p); }},
    {"tg_detach", [](World& w) { return tg_detach(w.y, w.out()); }},
    {"tg_detach_", [](World& w) { return tg_detach_(w.z); }},
    {"tg_detach_", [](World& w) { return tg_detach_(w.x); }},
    {"tg_clone", [](World& w) { return tg_clone(w.x, w.out()); }},
    {"tg_contiguous", [](World& w) { return tg_contiguous(w.view_of_x, w.out()); }},
    {"tg_to_dtype", [](World& w) { return tg_to_dtype(w.x, TG_FLOAT64, w.out()); }},
    {"tg_copy_", [](World& w) { return tg_copy_(w.z, w.r); }},
    {"tg_copy_", [](World& w) { return tg_copy_(w.p, w.h); }},
    {"tg_fill_", [](World& w) { return tg_fill_(w.z, 2); }},
    {"tg_fill_int64_", [](World& w) { return tg_fill_int64_(w.i, 1); }},
    {"tg_zero_", [](World& w) { return tg_zero_(w.z); }},
    {"tg_inference_mode_enter", [](World& w) { return tg_inference_mode_enter(1); }},
    {"tg_inference_mode_exit", [](World& w) {
       return World::left(tg_inference_mode_enter(1), tg_inference_mode_exit);
     }},
    {"tg_no_grad_enter", [](World& w) { return tg_no_grad_enter(); }},
    {"tg_no_grad_exit", [](World& w) { return World::left(tg_no_grad_enter(), tg_no_grad_exit); }},
    {"tg_enable_grad_enter", [](World& w) { return tg_enable_grad_enter(); }},
    {"tg_enable_grad_exit", [](World& w) {
       return World::left(tg_enable_grad_enter(), tg_enable_grad_exit);
     }},
    {"tg_set_grad_enabled_enter", [](World& w) { return tg_set_grad_enabled_enter(0); }},
    {"tg_set_grad_enabled_exit", [](World& w) {
       return World::left(tg_set_grad_enabled_enter(0), tg_set_grad_enabled_exit);
     }},
    {"tg_is_inference_mode_enabled", [](World&) {
       return no_status(tg_is_inference_mode_enabled());
     }},
    {"tg_is_grad_enabled", [](World&) { return no_status(tg_is_grad_enabled()); }},
    {"tg_inference_mode_call", [](World&) {
       return tg_inference_mode_call(1, World::make_in_callback, &w);
     }},
    {"tg_no_grad_call", [](World&) { return tg_no_grad_call(World::make_in_callback, &w); }},
    {"tg_enable_grad_call", [](World&) {
       return tg_enable_grad_call(World::make_in_callback, &w);
     }},
    {"tg_set_grad_enabled_call", [](World&) {
       return tg_set_grad_enabled_call(0, World::make_in_callback, &w);
     }},
    {"tg_mode_nesting_set", [](World&) { return tg_mode_nesting_set(TG_NESTING_REFUSE); }},
    {"tg_state_get", [](World& w) { return tg_state_get(&w.u64); }},
    {"tg_state_set", [](World& w) { return tg_state_set(0, &w.u64); }},
  };
  return rows;
}

}  // namespace calls
