/* SPDX-License-Identifier: MIT
   What a call by its name costs: nanoseconds of a small call made directly, by tg_call, and by
   tg_call with a frame. Each figure is the best of several rounds, in processor time. */
#include <stdio.h>
#include <string.h>
#include <tapegrad/tapegrad.h>
#include <time.h>

enum { CALLS = 200000, ROUNDS = 10 };

static tg_tensor x;
static tg_frame frame;
static tg_value operands[2], result;

static void ask(void) {
  int32_t dtype;
  tg_tensor_dtype(x, &dtype);
}
static void ask_by_name(void) { tg_call(NULL, "tg_tensor_dtype", operands, 1, &result, 1, NULL); }
static void ask_in_frame(void) {
  tg_call(&frame, "tg_tensor_dtype", operands, 1, &result, 1, NULL);
}

static void add(void) {
  tg_tensor out = 0;
  tg_add(x, x, &out);
  tg_release(out);
}
static void add_by_name(void) {
  tg_call(NULL, "tg_add", operands, 2, &result, 1, NULL);
  tg_release(result.as.handle);
}
static void add_in_frame(void) {
  tg_call(&frame, "tg_add", operands, 2, &result, 1, NULL);
  tg_release(result.as.handle);
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

static void print(const char* what, void (*direct)(void), void (*by_name)(void),
                  void (*in_frame)(void)) {
  const double plain = nanoseconds(direct);
  const double named = nanoseconds(by_name), framed = nanoseconds(in_frame);
  printf("%-34s %6.1f ns, by name %+6.1f ns, with a frame %+6.1f ns\n", what, plain, named - plain,
         framed - plain);
}

int main(void) {
  const int64_t shape[1] = {8};
  static char text[200];
  memset(&frame, 0, sizeof frame);
  frame.struct_size = sizeof frame;
  frame.error = text;
  frame.error_capacity = sizeof text;
  if (tg_zeros(TG_FLOAT32, shape, 1, &x) != TG_OK) return 1;
  memset(operands, 0, sizeof operands);
  operands[0].type = operands[1].type = TG_VALUE_HANDLE;
  operands[0].as.handle = operands[1].as.handle = x;
  print("tg_tensor_dtype", ask, ask_by_name, ask_in_frame);
  print("tg_add of 8 floats, and tg_release", add, add_by_name, add_in_frame);
  return tg_release(x) != TG_OK;
}
