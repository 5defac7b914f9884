/* SPDX-License-Identifier: MIT */
/* Hooks from C89: on a tensor, after a leaf's accumulation, and around a node. */
#include <stdio.h>

#include "check.h"

typedef struct counts {
  int runs, ends;
} counts;

static void ended(void* user_data) { ++((counts*)user_data)->ends; }

static int32_t doubles(void* user_data, tg_tensor tensor, tg_tensor grad, tg_tensor* out) {
  ++((counts*)user_data)->runs;
  CHECK(tg_is_valid(tensor) == 1);
  return tg_mul_scalar(grad, 2, out);
}

static int32_t halves_in_place(void* user_data, tg_tensor leaf, tg_tensor grad, tg_tensor* out) {
  ++((counts*)user_data)->runs;
  CHECK(tg_is_valid(leaf) == 1 && *out == 0);
  return tg_mul_scalar_(grad, 0.5);
}

static int32_t adds_one(void* user_data, tg_node node, const tg_tensor* grad_inputs,
                        size_t input_count, const tg_tensor* grad_outputs, size_t output_count,
                        tg_tensor* replaced) {
  ++((counts*)user_data)->runs;
  CHECK(tg_is_valid(node) == 1 && output_count == 1);
  if (grad_inputs == NULL) return tg_add_scalar(grad_outputs[0], 1, &replaced[0]);
  CHECK(input_count == 1);
  return tg_add_scalar(grad_inputs[0], 1, &replaced[0]);
}

int main(void) {
  const double values[2] = {1, 2};
  const int64_t shape[1] = {2};
  double slope[2] = {0, 0};
  tg_tensor w = 0, y = 0, loss = 0, grad = 0;
  tg_node node = 0;
  tg_hook hooks[4] = {0, 0, 0, 0}, none = 9;
  counts seen[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};
  const uint64_t live = tg_live_handles();
  int i;
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &w) == TG_OK);
  CHECK(tg_mul_scalar(w, 3, &y) == TG_OK && tg_sum(y, &loss) == TG_OK);
  CHECK(tg_tensor_grad_fn(y, &node) == TG_OK);
  CHECK(tg_tensor_hook(y, doubles, &seen[0], ended, &hooks[0]) == TG_OK);
  CHECK(tg_post_accumulate_grad_hook(w, halves_in_place, &seen[1], ended, &hooks[1]) == TG_OK);
  CHECK(tg_node_hook(node, TG_BEFORE, adds_one, &seen[2], ended, &hooks[2]) == TG_OK);
  CHECK(tg_node_hook(node, TG_AFTER, adds_one, &seen[3], ended, &hooks[3]) == TG_OK);
  CHECK(tg_node_hook(node, 7, adds_one, NULL, NULL, &none) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(none == 0);
  CHECK(tg_backward(loss) == TG_OK);
  CHECK(tg_tensor_grad(w, &grad) == TG_OK);
  CHECK(tg_tensor_copy_out(grad, slope, sizeof slope) == TG_OK);
  CHECK(slope[0] == 5 && slope[1] == 5); /* ((1 * 2 + 1) * 3 + 1) / 2 */
  for (i = 0; i < 4; ++i) {
    CHECK(seen[i].runs == 1 && seen[i].ends == 0);
    CHECK(tg_release(hooks[i]) == TG_OK);
    CHECK(seen[i].ends == 1);
  }
  CHECK(tg_release(node) == TG_OK && tg_release(grad) == TG_OK && tg_release(loss) == TG_OK);
  CHECK(tg_release(y) == TG_OK && tg_release(w) == TG_OK);
  CHECK(tg_live_handles() == live);
  return failures != 0;
}
