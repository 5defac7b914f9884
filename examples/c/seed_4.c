/* SPDX-License-Identifier: MIT */
/* What the modes cost in memory: the same forward pass with the tape, under no_grad and in
   inference mode. With the tape both hidden activations are kept for the way back; without it each
   goes as soon as the next layer has read it. */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

static tg_module make_net(void) {
  tg_module layers[5], net;

  check(tg_nn_linear(1000, 1000, 1, TG_FLOAT32, &layers[0]));
  check(tg_nn_relu(&layers[1]));
  check(tg_nn_linear(1000, 1000, 1, TG_FLOAT32, &layers[2]));
  check(tg_nn_relu(&layers[3]));
  check(tg_nn_linear(1000, 10, 1, TG_FLOAT32, &layers[4]));
  check(tg_nn_sequential(layers, 5, &net));
  check(tg_release_many(layers, 5));
  return net;
}

/* Bytes of tensor data beyond those that were there before: at most, and after the forward pass. */
static void measure_forward(tg_module net, tg_tensor x) {
  uint64_t before, peak, kept;
  tg_tensor y;

  tg_memory_peak_reset();
  before = tg_memory_current();
  check(tg_module_forward(net, x, &y));
  peak = tg_memory_peak() - before;
  kept = tg_memory_current() - before;
  printf("peak %lu bytes, kept %lu bytes\n", (unsigned long)peak, (unsigned long)kept);
  check(tg_release(y));
}

int main(void) {
  const int64_t shape[2] = {50, 1000};
  tg_module net;
  tg_tensor x;

  net = make_net();
  check(tg_randn(0, TG_FLOAT32, shape, 2, &x));

  printf("不使用任何上下文管理器:\n");
  measure_forward(net, x);

  printf("\n使用 no_grad:\n");
  check(tg_no_grad_enter());
  measure_forward(net, x);
  check(tg_no_grad_exit());

  printf("\n使用 inference_mode:\n");
  check(tg_inference_mode_enter(1));
  measure_forward(net, x);
  check(tg_inference_mode_exit());

  check(tg_release(x));
  check(tg_release(net));
  return 0;
}
