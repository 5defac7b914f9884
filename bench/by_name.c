/* SPDX-License-Identifier: MIT
   What one small call costs from C, directly, by tg_call, and by tg_call with a frame: add of 8
   floats, its result released, in each mode. Prints "way/mode nanoseconds", the least of several
   rounds in processor time, as the benchmarks of the bindings do. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>
#include <time.h>

enum { CALLS = 200000, ROUNDS = 10 };

static tg_frame frame;
static tg_value operands[2], result;

static void check(tg_status status) {
  if (status == TG_OK) return;
  fprintf(stderr, "%s\n", tg_last_error_message());
  exit(1);
}

static void add_directly(void) {
  tg_tensor out = 0;
  check(tg_add(operands[0].as.handle, operands[1].as.handle, &out));
  check(tg_release(out));
}
static void add_by_name(void) {
  check(tg_call(NULL, "tg_add", operands, 2, &result, 1, NULL));
  check(tg_release(result.as.handle));
}
static void add_in_frame(void) {
  check(tg_call(&frame, "tg_add", operands, 2, &result, 1, NULL));
  check(tg_release(result.as.handle));
}

static double nanoseconds(void (*one)(void)) {
  double best = 1e300;
  int round, i;
  for (round = 0; round < ROUNDS; ++round) {
    const clock_t start = clock();
    double each;
    for (i = 0; i < CALLS; ++i) one();
    each = (double)(clock() - start) * 1e9 / CLOCKS_PER_SEC / CALLS;
    if (each < best) best = each;
  }
  return best;
}

/* The left operand requires grad where it can; the frame has the modes that the thread has. */
static void measure(const char* mode, int32_t requires_grad) {
  static const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  const int64_t shape[1] = {8};
  check(tg_tensor_create(values, TG_FLOAT32, shape, 1, requires_grad, &operands[0].as.handle));
  check(tg_tensor_create(values, TG_FLOAT32, shape, 1, 0, &operands[1].as.handle));
  check(tg_state_get(&frame.state));
  printf("C/%s %.1f\n", mode, nanoseconds(add_directly));
  printf("C by tg_call/%s %.1f\n", mode, nanoseconds(add_by_name));
  printf("C by tg_call with a frame/%s %.1f\n", mode, nanoseconds(add_in_frame));
  check(tg_release(operands[0].as.handle));
  check(tg_release(operands[1].as.handle));
}

int main(void) {
  static char text[200];
  frame.struct_size = sizeof frame;
  frame.error = text;
  frame.error_capacity = sizeof text;
  operands[0].type = operands[1].type = TG_VALUE_HANDLE;
  check(tg_inference_mode_enter(1));
  measure("inference", 0);
  check(tg_inference_mode_exit());
  check(tg_no_grad_enter());
  measure("no_grad", 1);
  check(tg_no_grad_exit());
  measure("grad", 1);
  return 0;
}
