/* SPDX-License-Identifier: MIT
   The library itself from C89: errors and their details, threads, memory, deferred destruction,
   modes around a function, calls by name, and shutting down. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "check.h"

static int woken = 0, destroyed = 0;

static int32_t wake(void* user_data) {
  ++*(int*)user_data;
  return 0;
}
static void destroy(void* payload) { ++*(int*)payload; }

/* What a function sees of the modes: grad mode and inference mode as two digits. */
static int32_t look(void* user_data) {
  *(int*)user_data = 10 * tg_is_grad_enabled() + tg_is_inference_mode_enabled();
  return 0;
}
static int32_t refuse(void* user_data) {
  (void)user_data;
  return tg_error_set(TG_ERROR_TIMEOUT, 42, "look: too late");
}
static int32_t number_seven(void* user_data) {
  (void)user_data;
  return 7;
}

static void errors(void) {
  char text[16];
  int64_t number = 0;
  int32_t operand = 0;
  CHECK(tg_version() == 100 && strcmp(tg_version_string(), "0.1.0") == 0);
  CHECK(tg_error_set(TG_ERROR_PEER, 5, "far away") == TG_ERROR_PEER);
  CHECK(tg_last_error() == TG_ERROR_PEER && strcmp(tg_last_error_message(), "far away") == 0);
  tg_last_error_detail(&number, &operand);
  CHECK(number == 5 && operand == -1);
  CHECK(tg_last_error_copy(text, 4) == 8 && strcmp(text, "far") == 0);
  CHECK(tg_error_set(TG_OK, 0, NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(strstr(tg_status_explain(TG_ERROR_SHAPE), "hape") != NULL);
  tg_last_error_clear();
  CHECK(tg_last_error() == TG_OK && tg_last_error_message()[0] == 0);
}

static void modes(void) {
  int seen = 0;
  int64_t number = 0;
  uint64_t former = 1;
  CHECK(tg_no_grad_call(look, &seen) == TG_OK && seen == 0);
  CHECK(tg_enable_grad_call(look, &seen) == TG_OK && seen == 10);
  CHECK(tg_inference_mode_call(1, look, &seen) == TG_OK && seen == 1);
  CHECK(tg_no_grad_call(refuse, NULL) == TG_ERROR_TIMEOUT);
  CHECK(tg_no_grad_call(number_seven, NULL) == TG_ERROR_CALLBACK);
  tg_last_error_detail(&number, NULL);
  CHECK(number == 7);
  CHECK(tg_enable_grad_enter() == TG_OK && tg_enable_grad_exit() == TG_OK);
  CHECK(tg_set_grad_enabled_enter(0) == TG_OK && tg_is_grad_enabled() == 0);
  CHECK(tg_set_grad_enabled_exit() == TG_OK && tg_is_grad_enabled() == 1);
  CHECK(tg_is_inference_mode_enabled() == 0);
  CHECK(tg_state_set(0, &former) == TG_OK && former == 0);
}

static void memory_and_threads(void) {
  char info[8];
  size_t length = 0;
  tg_tensor large = 0, x = 0, parameters[1];
  const int64_t shape[1] = {1 << 18};
  double total = 0;
  CHECK(tg_zeros(TG_FLOAT32, shape, 1, &large) == TG_OK);
  CHECK(tg_memory_limit_set(tg_memory_current() + 1000) == TG_OK);
  CHECK(tg_zeros(TG_FLOAT32, shape, 1, &x) == TG_ERROR_OUT_OF_MEMORY && x == 0);
  CHECK(tg_memory_limit_set(0) == TG_OK);
  parameters[0] = large;
  CHECK(tg_tensor_set_grad(large, large) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_ones(TG_FLOAT32, shape, 1, &x) == TG_OK && tg_tensor_set_grad(large, x) == TG_OK);
  CHECK(tg_clip_grad_norm_(parameters, 1, 1.0, 2.0, &total) == TG_OK);
  CHECK(fabs(total - 512.0) < 1e-6);
  CHECK(tg_release(x) == TG_OK && tg_is_valid(x) == 0 && tg_is_valid(large) == 1);
  CHECK(tg_release(large) == TG_OK && tg_memory_cached() > 0);
  CHECK(tg_memory_trim() == TG_OK && tg_memory_cached() == 0);
  CHECK(tg_num_threads_set(2) == TG_OK && tg_num_threads() == 2);
  CHECK(tg_num_threads_set(-1) == TG_ERROR_INVALID_ARGUMENT && tg_num_threads_set(0) == TG_OK);
  CHECK(tg_blas_info(info, sizeof info, &length) == TG_OK && length > 100 && info[0] == '{');
}

/* A token that is cancelled ends a backward, and nothing else. */
static void tokens(void) {
  tg_token token = 0, previous = 1;
  tg_tensor x = 0, y = 0;
  int32_t cancelled = 1;
  const float three = 3;
  CHECK(tg_token_create(&token) == TG_OK && token != 0);
  CHECK(tg_token_use(token, &previous) == TG_OK && previous == 0);
  CHECK(tg_tensor_create(&three, TG_FLOAT32, NULL, 0, 1, &x) == TG_OK);
  CHECK(tg_mul(x, x, &y) == TG_OK);
  CHECK(tg_token_is_cancelled(token, &cancelled) == TG_OK && cancelled == 0);
  CHECK(tg_token_cancel(token) == TG_OK);
  CHECK(tg_token_is_cancelled(token, &cancelled) == TG_OK && cancelled == 1);
  CHECK(tg_backward(y) == TG_ERROR_CANCELLED);
  CHECK(tg_token_use(0, &previous) == TG_OK && previous == token);
  CHECK(tg_backward(y) == TG_OK);
  CHECK(tg_release(y) == TG_OK && tg_release(x) == TG_OK && tg_release(token) == TG_OK);
}

/* Out and in again by DLPack: one memory. */
static void exchange(void) {
  const float three = 3;
  tg_tensor x = 0, again = 0;
  void* managed = NULL;
  void *first = NULL, *second = NULL;
  CHECK(tg_tensor_create(&three, TG_FLOAT32, NULL, 0, 0, &x) == TG_OK);
  CHECK(tg_to_dlpack(x, TG_DLPACK_VERSIONED, &managed) == TG_OK);
  CHECK(tg_from_dlpack(managed, TG_DLPACK_VERSIONED, &again) == TG_OK);
  CHECK(tg_tensor_data(x, &first) == TG_OK && tg_tensor_data(again, &second) == TG_OK);
  CHECK(first == second);
  CHECK(tg_release(x) == TG_OK && *(float*)second == 3.0f && tg_release(again) == TG_OK);
}

static void take_line(void* user_data, int32_t level, const char* text) {
  if (level == TG_LOG_ERROR && strcmp(text, tg_last_error_message()) == 0) ++*(int*)user_data;
}
static int32_t free_some(void* user_data, uint64_t current, uint64_t wanted) {
  tg_tensor* garbage = (tg_tensor*)user_data;
  if (current == 0 || wanted == 0) return 1;
  tg_release(*garbage);
  *garbage = 0;
  return 0;
}
static int32_t run_backwards(void* user_data, size_t count, tg_job_fn run, void* job) {
  ++*(int*)user_data;
  while (count > 0) run(job, --count);
  return 0;
}

/* What a host lends: a log, a collector, a pool of threads. */
static void lent(void) {
  static int lines = 0, rounds = 0;
  const int64_t shape[2] = {512, 512};
  tg_tensor garbage = 0, x = 0, y = 0;
  float corner = 0;
  void* elements = NULL;
  CHECK(tg_log_set(take_line, &lines, NULL) == TG_OK);
  CHECK(tg_release(12345) == TG_ERROR_INVALID_HANDLE && lines == 1);
  CHECK(tg_log_set(NULL, NULL, NULL) == TG_OK);
  CHECK(tg_parallel_for_set(run_backwards, &rounds, NULL) == TG_OK);
  CHECK(tg_ones(TG_FLOAT32, shape, 2, &x) == TG_OK && tg_mm(x, x, &y) == TG_OK);
  CHECK(tg_parallel_for_set(NULL, NULL, NULL) == TG_OK && rounds > 0);
  CHECK(tg_tensor_data(y, &elements) == TG_OK);
  corner = ((float*)elements)[512 * 512 - 1];
  CHECK(corner == 512.0f && tg_release(y) == TG_OK);
  CHECK(tg_zeros(TG_FLOAT32, shape, 2, &garbage) == TG_OK);
  CHECK(tg_memory_limit_set(tg_memory_current() + 1000) == TG_OK);
  CHECK(tg_memory_pressure_set(free_some, &garbage, NULL, 0) == TG_OK);
  CHECK(tg_zeros(TG_FLOAT32, shape, 2, &y) == TG_OK && garbage == 0);
  CHECK(tg_memory_pressure_set(NULL, NULL, NULL, 0) == TG_OK && tg_memory_limit_set(0) == TG_OK);
  CHECK(tg_release(x) == TG_OK && tg_release(y) == TG_OK);
}

static void deferred(void) {
  tg_object object = 0;
  CHECK(tg_drain_set(wake, &woken, NULL) == TG_OK);
  CHECK(tg_object_create("thing", &destroyed, destroy, &object) == TG_OK);
  CHECK(tg_release(object) == TG_OK && woken == 1 && destroyed == 0);
  CHECK(tg_drain() == TG_OK && destroyed == 1);
  CHECK(tg_drain_set(NULL, NULL, NULL) == TG_OK);
  CHECK(tg_object_create("thing", &destroyed, destroy, &object) == TG_OK);
  CHECK(tg_shutdown() == TG_ERROR_MODE && tg_release(object) == TG_OK && destroyed == 2);
  CHECK(tg_shutdown() == TG_OK && tg_live_handles() == 0);
}

/* An interpreter's way: a name and values, with what a task carries. */
static void by_name(void) {
  char text[64], entry[100];
  size_t count = 0, length = 0;
  tg_frame frame;
  tg_value values[2], results[1];
  memset(&frame, 0, sizeof frame);
  memset(values, 0, sizeof values);
  frame.struct_size = sizeof frame;
  frame.error = text;
  frame.error_capacity = sizeof text;
  values[0].type = TG_VALUE_DOUBLE;
  values[0].as.number = 2.5;
  values[1].type = TG_VALUE_INT64;
  values[1].as.integer = TG_FLOAT64;
  CHECK(tg_call(NULL, "tg_scalar", values, 2, results, 1, &count) == TG_OK && count == 1);
  CHECK(results[0].type == TG_VALUE_HANDLE);
  values[0] = results[0];
  CHECK(tg_call(&frame, "tg_tensor_item", values, 1, results, 1, NULL) == TG_OK);
  CHECK(results[0].type == TG_VALUE_DOUBLE && results[0].as.number == 2.5 && text[0] == 0);
  CHECK(tg_call(&frame, "tg_release", values, 1, NULL, 0, NULL) == TG_OK);
  tg_last_error_clear();
  CHECK(tg_call(&frame, "tg_release", values, 1, NULL, 0, NULL) == TG_ERROR_INVALID_HANDLE);
  CHECK(strstr(text, "tg_release: ") == text && tg_last_error() == TG_OK);
  CHECK(tg_describe("tg_release", entry, sizeof entry, &length) == TG_OK);
  CHECK(entry[0] == '{' && strstr(entry, "tg_release") != NULL && length > 200);
}

static void wrong_hosts(void) {
  const tg_handle bad = 12345;
  float number = 0;
  int64_t shape[1];
  tg_token token = 0;
  tg_tensor x = 0;
  void* pointer = NULL;
  int32_t word;
  shape[0] = 1;
  CHECK(tg_token_create(&token) == TG_OK);
  CHECK(tg_tensor_create(&number, TG_FLOAT32, shape, 1, 0, &x) == TG_OK);
  CHECK(tg_token_create(NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_token_cancel(bad) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_token_is_cancelled(bad, &word) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_token_is_cancelled(token, NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_token_use(bad, NULL) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_to_dlpack(bad, 0, &pointer) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_to_dlpack(x, 0, NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_to_dlpack(x, 4, &pointer) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_release(x) == TG_OK && tg_release(token) == TG_OK);
  CHECK(tg_from_dlpack(NULL, 0, &x) == TG_ERROR_INVALID_ARGUMENT && x == 0);
  CHECK(tg_from_dlpack(&pointer, 0, NULL) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_from_dlpack(&pointer, 4, &x) == TG_ERROR_INVALID_ARGUMENT);
}

int main(void) {
  errors();
  modes();
  memory_and_threads();
  tokens();
  wrong_hosts();
  exchange();
  lent();
  by_name();
  deferred();
  return failures != 0;
}
