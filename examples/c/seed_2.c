/* SPDX-License-Identifier: MIT */
/* Where the two modes differ: a tensor made in inference mode has no place in any graph and is no
   leaf; one made under no_grad is an ordinary leaf. */
#include <stdio.h>
#include <stdlib.h>
#include <tapegrad/tapegrad.h>

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "%s\n", tg_last_error_message());
    exit(1);
  }
}

/* Ten times x = x x. A handle is released as soon as the next one is there. */
static tg_tensor tenfold_product(void) {
  const int64_t shape[2] = {100, 100};
  tg_tensor x, next, sum;
  int i;

  check(tg_randn(0, TG_FLOAT32, shape, 2, &x));
  for (i = 0; i < 10; i++) {
    check(tg_mm(x, x, &next));
    check(tg_release(x));
    x = next;
  }
  check(tg_sum(x, &sum));
  check(tg_release(x));
  return sum;
}

static const char* is_leaf(tg_tensor x) {
  int32_t leaf;

  check(tg_tensor_is_leaf(x, &leaf));
  return leaf ? "True" : "False";
}

int main(void) {
  tg_tensor inferred, plain;

  check(tg_inference_mode_enter(1));
  inferred = tenfold_product();
  check(tg_inference_mode_exit());
  printf("在 inference_mode 中: %s\n", is_leaf(inferred));

  check(tg_no_grad_enter());
  plain = tenfold_product();
  check(tg_no_grad_exit());
  printf("在 no_grad 中: %s\n", is_leaf(plain));

  check(tg_release(inferred));
  check(tg_release(plain));
  return 0;
}
