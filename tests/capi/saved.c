/* SPDX-License-Identifier: MIT */
/* Hooks on saved tensors, a checkpoint, anomaly mode and sites from C89. */
#define TAPEGRAD_SITES
#include "check.h"

#include <stdio.h>
#include <string.h>

typedef struct counts {
  int packs, unpacks, frees, ends, runs;
  tg_tensor kept[8];
} counts;

static int32_t pack(void* user_data, tg_tensor x, void** packed) {
  counts* seen = (counts*)user_data;
  *packed = &seen->kept[seen->packs];
  return tg_alias(x, &seen->kept[seen->packs++]);
}
static int32_t unpack(void* user_data, void* packed, tg_tensor* out) {
  ++((counts*)user_data)->unpacks;
  return tg_alias(*(tg_tensor*)packed, out);
}
static void free_packed(void* user_data, void* packed) {
  ++((counts*)user_data)->frees;
  CHECK(tg_release(*(tg_tensor*)packed) == TG_OK);
}
static void ended(void* user_data) { ++((counts*)user_data)->ends; }

static int32_t square(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                      size_t out_count) {
  ++((counts*)user_data)->runs;
  CHECK(count == 1 && out_count == 1);
  return tg_mul(inputs[0], inputs[0], &outs[0]);
}

int main(void) {
  const double values[2] = {1, 2};
  const int64_t shape[1] = {2};
  double slope[2] = {0, 0};
  char place[80];
  tg_tensor w = 0, y = 0, loss = 0, grad = 0, none = 0;
  tg_hook hooks = 0;
  counts seen;
  const uint64_t live = tg_live_handles();
  memset(&seen, 0, sizeof seen);
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &w) == TG_OK);

  CHECK(tg_saved_tensor_hooks_enter(pack, unpack, free_packed, &seen, ended, &hooks) == TG_OK);
  CHECK(tg_mul(w, w, &y) == TG_OK && seen.packs == 2);
  CHECK(tg_saved_tensor_hooks_exit(hooks) == TG_OK && seen.ends == 0);
  CHECK(tg_sum(y, &loss) == TG_OK && tg_backward(loss) == TG_OK);
  CHECK(seen.unpacks == 2 && seen.frees == 2 && seen.ends == 1);
  tg_release(y);
  tg_release(loss);

  CHECK(tg_checkpoint(square, &seen, ended, &w, 1, &y, 1) == TG_OK && seen.runs == 1);
  CHECK(tg_sum(y, &loss) == TG_OK && tg_backward(loss) == TG_OK);
  CHECK(seen.runs == 2 && seen.ends == 2);
  CHECK(tg_tensor_grad(w, &grad) == TG_OK);
  CHECK(tg_tensor_copy_out(grad, slope, sizeof slope) == TG_OK);
  CHECK(slope[0] == 4 && slope[1] == 8);
  tg_release(y);
  tg_release(loss);

  CHECK(tg_anomaly_mode_enter() == TG_OK);
  sprintf(place, "saved.c:%d", __LINE__ + 1);
  TG_SITE();
  CHECK(tg_sub(w, w, &y) == TG_OK && tg_log(y, &none) == TG_ERROR_AUTOGRAD && none == 0);
  CHECK(strstr(tg_last_error_message(), place) != NULL);
  CHECK(tg_site_set(NULL, 0) == TG_OK);
  CHECK(tg_anomaly_mode_exit() == TG_OK);
  tg_release(y);
  tg_release(grad);
  tg_release(w);
  CHECK(tg_live_handles() == live);
  if (failures == 0) printf("saved tensors, a checkpoint, an anomaly and its site from C89\n");
  return failures != 0;
}
