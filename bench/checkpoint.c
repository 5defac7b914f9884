/* SPDX-License-Identifier: MIT */
/* Row K1: 64 equal layers, differentiated as they are or in checkpoints of eight. Prints the peak
   of the bytes of tensors. checkpoint plain|eights PASSES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tapegrad/tapegrad.h>

enum { kLayers = 64, kGroup = 8, kRows = 512, kWidth = 32 };
static tg_tensor weights[kLayers];

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

static int32_t group(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                     size_t out_count) {
  const int first = *(const int*)user_data;
  tg_tensor now = 0, product = 0;
  tg_status status = tg_alias(inputs[0], &now);
  (void)count, (void)out_count;
  for (int i = first; i < first + kGroup && status == TG_OK; ++i) {
    status = tg_mm(now, weights[i], &product);
    tg_release(now);
    now = 0;
    if (status == TG_OK) status = tg_relu(product, &now);
    tg_release(product);
    product = 0;
  }
  outs[0] = now;
  return status;
}

static void pass(int checkpoints) {
  static int first[kLayers / kGroup];
  const int64_t shape[2] = {kRows, kWidth};
  tg_tensor now, next, loss;
  check(tg_full(0.5, TG_FLOAT32, shape, 2, &now));
  for (int i = 0; i < kLayers / kGroup; ++i) {
    first[i] = i * kGroup;
    if (checkpoints) {
      check(tg_checkpoint(group, &first[i], NULL, &now, 1, &next, 1));
    } else {
      check(group(&first[i], &now, 1, &next, 1));
    }
    check(tg_release(now));
    now = next;
  }
  check(tg_sum(now, &loss));
  check(tg_backward(loss));
  check(tg_release(now));
  check(tg_release(loss));
}

int main(int argc, char** argv) {
  const int64_t shape[2] = {kWidth, kWidth};
  uint64_t before;
  if (argc != 3) return 2;
  for (int i = 0; i < kLayers; ++i) {
    check(tg_full(0.03, TG_FLOAT32, shape, 2, &weights[i]));
    check(tg_tensor_set_requires_grad(weights[i], 1));
  }
  before = tg_memory_current();
  tg_memory_peak_reset();
  for (int i = atoi(argv[2]); i > 0; --i) pass(strcmp(argv[1], "eights") == 0);
  printf("%llu\n", (unsigned long long)(tg_memory_peak() - before));
  return 0;
}
