/* SPDX-License-Identifier: MIT
   Wrong arguments on purpose, from C89: for every function of the header a handle that is none in
   each handle's place, NULL in each place that needs a pointer, and numbers that mean nothing. Each
   call must give the status named beside it, a message that begins with the function's name, and
   leave every handle place 0. */
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

#define BAD ((tg_handle)0x1fffffff000000u)

static int failures = 0, calls = 0;
static tg_handle handle, good_tensor, good_module, good_optimizer, good_generator, good_dict;
static tg_handle good_node, good_scope, good_object, good_handle;
static int32_t word;
static int64_t number;
static uint64_t count64;
static double real;
static size_t count;
static uint32_t out_number;
static void* pointer;
static const int64_t many[17] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};

static int32_t nothing(void* user_data) {
  (void)user_data;
  return 0;
}

static int32_t identity(void* user_data, const tg_tensor* inputs, size_t input_count,
                        tg_tensor* outs, size_t out_count) {
  (void)user_data;
  (void)input_count;
  (void)out_count;
  return tg_alias(inputs[0], &outs[0]);
}

static void expect(const char* call, tg_status found, tg_status wanted) {
  const char* message = tg_last_error_message();
  const size_t name = strcspn(call, "(");
  ++calls;
  if (found != wanted || tg_last_error() != wanted || handle != 0 ||
      strncmp(message, call, name) != 0 || message[name] != ':') {
    ++failures;
    printf("%s gave %s, not %s: %s\n", call, tg_status_name(found), tg_status_name(wanted),
           message);
  }
  tg_last_error_clear();
  handle = 0;
}

#define EXPECT(call, wanted) expect(#call, call, wanted)

static void handles(void) {
  EXPECT(tg_alias(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_alias(good_handle, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_release(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_is_same(BAD, good_handle, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_is_same(good_handle, BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_is_same(good_handle, good_handle, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_scope_enter(NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_scope_keep(BAD, good_handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_scope_keep(good_scope, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_scope_exit(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_scope_use(BAD, &handle), TG_ERROR_INVALID_HANDLE);
}

static void objects_of_extensions_and_bindings(void) {
  EXPECT(tg_object_create("name", NULL, NULL, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_object_create(NULL, NULL, NULL, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_object_payload(BAD, "name", &pointer), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_object_payload(good_object, "name", NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_object_payload(good_object, NULL, &pointer), TG_ERROR_INVALID_ARGUMENT);
}

static void modes(void) {
  EXPECT(tg_inference_mode_enter(2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_set_grad_enabled_enter(2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_inference_mode_call(2, nothing, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_set_grad_enabled_call(2, nothing, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mode_nesting_set(2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_state_get(NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void tensors_making(void) {
  EXPECT(tg_tensor_create(NULL, TG_FLOAT32, NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_create(NULL, 99, NULL, 0, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_create(NULL, TG_FLOAT32, NULL, -1, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_create(NULL, TG_FLOAT32, many, 17, 0, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_tensor_create(NULL, TG_FLOAT32, NULL, 0, 2, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_from_memory(NULL, TG_FLOAT32, NULL, NULL, 0, 0, NULL, NULL, NULL),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_from_memory(NULL, 99, NULL, NULL, 0, 0, NULL, NULL, &handle),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_from_memory(NULL, TG_FLOAT32, NULL, NULL, -1, 0, NULL, NULL, &handle),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_from_memory(NULL, TG_FLOAT32, many, many, 17, 0, NULL, NULL, &handle),
         TG_ERROR_LIMIT);
  EXPECT(tg_tensor_from_memory(NULL, TG_FLOAT32, NULL, NULL, 0, 64, NULL, NULL, &handle),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_scalar(1.0, TG_FLOAT32, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_scalar(1.0, 99, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_empty(TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_empty(99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_empty(TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_empty(TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_zeros(TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_zeros(99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_zeros(TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_zeros(TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_ones(TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ones(99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ones(TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ones(TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_full(1.0, TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full(1.0, 99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full(1.0, TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full(1.0, TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_full_int64(0, TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full_int64(0, 99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full_int64(0, TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_full_int64(0, TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_eye(TG_FLOAT32, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_eye(99, 0, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_arange(1.0, 1.0, 1.0, TG_FLOAT32, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_arange(1.0, 1.0, 1.0, 99, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_zeros_like(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_zeros_like(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ones_like(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ones_like(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_generator_create(0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_generator_state_get(BAD, &count64, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_generator_state_get(good_generator, NULL, &count64), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_generator_state_get(good_generator, &count64, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_generator_state_set(BAD, 0, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_rand(BAD, TG_FLOAT32, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_rand(good_generator, TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_rand(good_generator, 99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_rand(good_generator, TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_rand(good_generator, TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_randn(BAD, TG_FLOAT32, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_randn(good_generator, TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randn(good_generator, 99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randn(good_generator, TG_FLOAT32, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randn(good_generator, TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_randint(BAD, 0, 0, TG_FLOAT32, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_randint(good_generator, 0, 0, TG_FLOAT32, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randint(good_generator, 0, 0, 99, NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randint(good_generator, 0, 0, TG_FLOAT32, NULL, -1, &handle),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_randint(good_generator, 0, 0, TG_FLOAT32, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_randperm(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_randperm(good_generator, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void tensors_asking(void) {
  EXPECT(tg_tensor_dtype(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_dtype(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_rank(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_rank(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_shape(BAD, &number, 0, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_shape(good_tensor, &number, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_strides(BAD, &number, 0, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_strides(good_tensor, &number, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_storage_offset(BAD, &number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_storage_offset(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_size(BAD, 0, &number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_size(good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_numel(BAD, &number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_numel(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_nbytes(BAD, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_nbytes(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_data(BAD, &pointer), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_data(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_storage_nbytes(BAD, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_storage_nbytes(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_storage_id(BAD, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_storage_id(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_copy_out(BAD, NULL, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_item(BAD, &real), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_item(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_item_int64(BAD, &number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_item_int64(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_format(BAD, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_is_contiguous(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_is_contiguous(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_is_view(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_is_view(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_is_leaf(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_is_leaf(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_is_inference(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_is_inference(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_requires_grad(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_requires_grad(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_version(BAD, &number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_version(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_grad(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_grad(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_grad_fn(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_grad_fn(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_name(BAD, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
}

static void tensors_changing(void) {
  EXPECT(tg_tensor_set_requires_grad(BAD, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_set_requires_grad(good_tensor, 2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_set_grad(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_set_grad(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_set_name(BAD, "name"), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_set_name(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tensor_retain_grad(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_copy_in(BAD, NULL, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tensor_mark_written(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_detach(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_detach(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_detach_(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_clone(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_clone(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_contiguous(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_contiguous(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_to_dtype(BAD, TG_FLOAT32, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_to_dtype(good_tensor, TG_FLOAT32, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_to_dtype(good_tensor, 99, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_copy_(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_copy_(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_fill_(BAD, 1.0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_fill_int64_(BAD, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_zero_(BAD), TG_ERROR_INVALID_HANDLE);
}

static void operators_elementwise(void) {
  EXPECT(tg_add(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sub(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sub(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sub(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mul(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_div(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_div(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_div(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_add_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sub_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sub_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mul_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_div_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_div_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_pow_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_pow_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_add_(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sub_(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sub_(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_div_(BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_div_(good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_scalar_(BAD, 1.0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_scalar_(BAD, 1.0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_out(BAD, good_tensor, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_out(good_tensor, BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_add_out(good_tensor, good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_out(BAD, good_tensor, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_out(good_tensor, BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mul_out(good_tensor, good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mm_out(BAD, good_tensor, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mm_out(good_tensor, BAD, good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mm_out(good_tensor, good_tensor, BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_neg(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_neg(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_abs(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_abs(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_exp(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_exp(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_exp_(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_log(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_log(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sqrt(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sqrt(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sin(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sin(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_cos(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_cos(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_tanh(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_tanh(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sigmoid(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sigmoid(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sigmoid_(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_relu(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_relu(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_relu_(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_clamp(BAD, 1.0, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_clamp(good_tensor, 1.0, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_maximum(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_maximum(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_maximum(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_minimum(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_minimum(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_minimum(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_where(BAD, good_tensor, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_where(good_tensor, BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_where(good_tensor, good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_where(good_tensor, good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_eq_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_eq_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ne_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ne_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_lt_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_lt_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_le_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_le_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_gt_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_gt_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ge_scalar(BAD, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ge_scalar(good_tensor, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ne(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ne(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ne(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_le(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_le(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_le(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_ge(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ge(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_ge(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_eq(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_eq(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_eq(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_lt(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_lt(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_lt(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_gt(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_gt(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_gt(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void operators_reductions(void) {
  EXPECT(tg_sum(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sum(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sum_dims(BAD, NULL, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_sum_dims(good_tensor, NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_sum_dims(good_tensor, NULL, 0, 2, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mean(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mean(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mean_dims(BAD, NULL, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mean_dims(good_tensor, NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mean_dims(good_tensor, NULL, 0, 2, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_max(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_max(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_min(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_min(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_max_dim(BAD, 0, 0, &handle, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_max_dim(good_tensor, 0, 0, NULL, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_max_dim(good_tensor, 0, 0, &handle, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_max_dim(good_tensor, 0, 2, &handle, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_min_dim(BAD, 0, 0, &handle, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_min_dim(good_tensor, 0, 0, NULL, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_min_dim(good_tensor, 0, 0, &handle, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_min_dim(good_tensor, 0, 2, &handle, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmax(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_argmax(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmax_dim(BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_argmax_dim(good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmax_dim(good_tensor, 0, 2, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmin(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_argmin(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmin_dim(BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_argmin_dim(good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_argmin_dim(good_tensor, 0, 2, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_softmax(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_softmax(good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_log_softmax(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_log_softmax(good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void operators_products(void) {
  EXPECT(tg_mm(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mm(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mm(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_bmm(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_bmm(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_bmm(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_mv(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mv(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mv(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dot(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dot(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dot(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_matmul(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_matmul(good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_matmul(good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_addmm(BAD, good_tensor, good_tensor, 1.0, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_addmm(good_tensor, BAD, good_tensor, 1.0, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_addmm(good_tensor, good_tensor, BAD, 1.0, 1.0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_addmm(good_tensor, good_tensor, good_tensor, 1.0, 1.0, NULL),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_linear(BAD, good_tensor, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_linear(good_tensor, BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_linear(good_tensor, good_tensor, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_linear(good_tensor, good_tensor, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void operators_shape(void) {
  EXPECT(tg_view(BAD, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_view(good_tensor, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_view(good_tensor, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_view(good_tensor, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_reshape(BAD, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_reshape(good_tensor, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_reshape(good_tensor, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_reshape(good_tensor, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_flatten(BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_flatten(good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_t(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_t(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_transpose(BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_transpose(good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_permute(BAD, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_permute(good_tensor, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_expand(BAD, NULL, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_expand(good_tensor, NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_expand(good_tensor, NULL, -1, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_expand(good_tensor, many, 17, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_squeeze(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_squeeze(good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_squeeze_dim(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_squeeze_dim(good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_unsqueeze(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_unsqueeze(good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_select(BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_select(good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_narrow(BAD, 0, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_narrow(good_tensor, 0, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_slice(BAD, 0, 0, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_slice(good_tensor, 0, 0, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_as_strided(BAD, NULL, NULL, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_as_strided(good_tensor, NULL, NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_as_strided(good_tensor, NULL, NULL, -1, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_as_strided(good_tensor, many, many, 17, 0, &handle), TG_ERROR_LIMIT);
  EXPECT(tg_split(BAD, 0, 0, &handle, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_split(good_tensor, 0, 0, &handle, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_cat(NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_stack(NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_index_select(BAD, 0, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_index_select(good_tensor, 0, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_index_select(good_tensor, 0, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_gather(BAD, 0, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_gather(good_tensor, 0, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_gather(good_tensor, 0, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void losses(void) {
  EXPECT(tg_mse_loss(BAD, good_tensor, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mse_loss(good_tensor, BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_mse_loss(good_tensor, good_tensor, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nll_loss(BAD, good_tensor, good_tensor, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_nll_loss(good_tensor, BAD, good_tensor, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_nll_loss(good_tensor, good_tensor, BAD, 0, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_nll_loss(good_tensor, good_tensor, good_tensor, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_cross_entropy(BAD, good_tensor, good_tensor, 0, 0, 1.0, &handle),
         TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_cross_entropy(good_tensor, BAD, good_tensor, 0, 0, 1.0, &handle),
         TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_cross_entropy(good_tensor, good_tensor, BAD, 0, 0, 1.0, &handle),
         TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_cross_entropy(good_tensor, good_tensor, good_tensor, 0, 0, 1.0, NULL),
         TG_ERROR_INVALID_ARGUMENT);
}

static void autograd(void) {
  EXPECT(tg_backward(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_backward_from(&good_tensor, NULL, 1, 64), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_grad(NULL, NULL, 0, NULL, 0, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_grad(&good_tensor, NULL, 1, &good_tensor, 1, 64, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_node_name(BAD, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_node_inputs(BAD, &handle, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_node_inputs(good_node, &handle, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_node_input_number(BAD, 0, &out_number), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_node_input_number(good_node, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_node_sequence(BAD, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_node_sequence(good_node, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_node_saved_bytes(BAD, &count64), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_node_saved_bytes(good_node, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static void modules_and_optimizers(void) {
  EXPECT(tg_nn_linear(0, 0, 0, TG_FLOAT32, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nn_linear(0, 0, 2, TG_FLOAT32, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nn_linear(0, 0, 0, 99, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nn_relu(NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nn_function(identity, NULL, NULL, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_nn_sequential(NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_forward(BAD, good_tensor, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_forward(good_module, BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_forward(good_module, good_tensor, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_train(BAD, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_train(good_module, 2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_eval(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_is_training(BAD, &word), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_is_training(good_module, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_set_requires_grad(BAD, 0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_set_requires_grad(good_module, 2), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_zero_grad(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_parameter_count(BAD, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_parameter_count(good_module, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_parameter_at(BAD, 0, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_parameter_at(good_module, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_parameter_name(BAD, 0, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_state_dict(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_state_dict(good_module, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_module_load_state_dict(BAD, good_dict, 0, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_load_state_dict(good_module, BAD, 0, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_module_load_state_dict(good_module, good_dict, 2, NULL, 0, &count),
         TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optim_sgd(NULL, 0, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optim_adam(NULL, 0, 1.0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optimizer_set(BAD, "name", 1.0), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_set(good_optimizer, NULL, 1.0), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optimizer_get(BAD, "name", &real), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_get(good_optimizer, "name", NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optimizer_get(good_optimizer, NULL, &real), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optimizer_step(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_zero_grad(BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_state_dict(BAD, &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_state_dict(good_optimizer, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_optimizer_load_state_dict(BAD, good_dict), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_optimizer_load_state_dict(good_optimizer, BAD), TG_ERROR_INVALID_HANDLE);
}

static void dictionaries_and_files(void) {
  EXPECT(tg_dict_create(NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_set(BAD, "name", good_tensor), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_set(good_dict, "name", BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_set(good_dict, NULL, good_tensor), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_get(BAD, "name", &handle), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_get(good_dict, "name", NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_get(good_dict, NULL, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_size(BAD, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_size(good_dict, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_name_at(BAD, 0, NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_metadata_set(BAD, "name", "name"), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_metadata_set(good_dict, NULL, "name"), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_dict_metadata_get(BAD, "name", NULL, 0, &count), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_dict_metadata_get(good_dict, NULL, NULL, 0, &count), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_safetensors_save("name", BAD), TG_ERROR_INVALID_HANDLE);
  EXPECT(tg_safetensors_save(NULL, good_dict), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_safetensors_load("name", 0, NULL), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_safetensors_load(NULL, 0, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_safetensors_load("name", 64, &handle), TG_ERROR_INVALID_ARGUMENT);
  EXPECT(tg_safetensors_load_memory(NULL, 0, NULL), TG_ERROR_INVALID_ARGUMENT);
}

static int make(void) {
  const int64_t shape[2] = {2, 2};
  tg_handle product = 0;
  if (tg_tensor_create(NULL, TG_FLOAT32, shape, 2, 1, &good_tensor) != TG_OK) return 1;
  if (tg_nn_relu(&good_module) != TG_OK || tg_generator_create(1, &good_generator) != TG_OK)
    return 1;
  if (tg_optim_sgd(&good_tensor, 1, 0.1, &good_optimizer) != TG_OK) return 1;
  if (tg_dict_create(&good_dict) != TG_OK || tg_mul_scalar(good_tensor, 2.0, &product) != TG_OK)
    return 1;
  if (tg_tensor_grad_fn(product, &good_node) != TG_OK || tg_release(product) != TG_OK) return 1;
  if (tg_object_create("thing", NULL, NULL, &good_object) != TG_OK) return 1;
  if (tg_alias(good_tensor, &good_handle) != TG_OK) return 1;
  return tg_scope_enter(&good_scope) != TG_OK;
}

int main(void) {
  if (make() != 0) return puts(tg_last_error_message()), 1;
  handles();
  objects_of_extensions_and_bindings();
  modes();
  tensors_making();
  tensors_asking();
  tensors_changing();
  operators_elementwise();
  operators_reductions();
  operators_products();
  operators_shape();
  losses();
  autograd();
  modules_and_optimizers();
  dictionaries_and_files();
  tg_scope_exit(good_scope); /* releases what was made inside */
  tg_release(good_handle), tg_release(good_object), tg_release(good_node), tg_release(good_dict);
  tg_release(good_optimizer);
  tg_release(good_generator);
  tg_release(good_module);
  tg_release(good_tensor);
  if (tg_live_handles() != 0) {
    printf("%lu handles are alive\n", (unsigned long)tg_live_handles());
    ++failures;
  }
  printf("%d wrong calls, %d unexpected results\n", calls, failures);
  return failures != 0;
}
