/* SPDX-License-Identifier: MIT */
/* A chain of a million operators in a thread whose stack has 64 KiB: recorded, differentiated and
 * freed, and freed without a backward. Whatever walks the graph must not recurse. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>

#include "check.h"

#define LENGTH 1000000
#define STACK_BYTES ((size_t)64 << 10)

/* Factors 2 and 0.5 by turns, so that the chain's gradient is exactly 1; every fifth step has a
 * second operand. */
static tg_tensor build(tg_tensor x, tg_tensor one) {
  tg_tensor y = 0;
  int i, scalars = 0;
  CHECK(tg_alias(x, &y) == TG_OK);
  for (i = 0; i < LENGTH && failures == 0; i++) {
    tg_tensor next = 0;
    if (i % 5 == 4) {
      CHECK(tg_mul(y, one, &next) == TG_OK);
    } else {
      CHECK(tg_mul_scalar(y, scalars++ % 2 == 0 ? 2.0 : 0.5, &next) == TG_OK);
    }
    CHECK(tg_release(y) == TG_OK);
    y = next;
  }
  return y;
}

static void* work(void* unused) {
  const uint64_t live = tg_live_handles();
  const uint64_t bytes = tg_memory_current();
  tg_tensor x = 0, one = 0, y = 0, grad = 0;
  tg_node node = 0;
  double value = 0;
  int round;
  (void)unused;
  for (round = 0; round < 3; round++) {
    CHECK(tg_scalar(3, TG_FLOAT64, &x) == TG_OK);
    CHECK(tg_scalar(1, TG_FLOAT64, &one) == TG_OK);
    CHECK(tg_tensor_set_requires_grad(x, 1) == TG_OK);
    y = build(x, one);
    if (round == 0) { /* backward frees what was saved, release the nodes */
      CHECK(tg_backward(y) == TG_OK);
      CHECK(tg_tensor_grad(x, &grad) == TG_OK);
      CHECK(tg_tensor_item(grad, &value) == TG_OK);
      CHECK(value == 1.0);
      CHECK(tg_release(grad) == TG_OK);
    } else if (round == 1) { /* the graph is kept, walked twice, and lives on by a node's handle */
      CHECK(tg_backward_from(&y, NULL, 1, TG_RETAIN_GRAPH) == TG_OK);
      CHECK(tg_grad(&y, NULL, 1, &x, 1, TG_RETAIN_GRAPH, &grad) == TG_OK);
      CHECK(tg_tensor_item(grad, &value) == TG_OK);
      CHECK(value == 1.0);
      CHECK(tg_release(grad) == TG_OK);
      CHECK(tg_tensor_grad_fn(y, &node) == TG_OK);
    }
    CHECK(tg_release(x) == TG_OK);
    CHECK(tg_release(one) == TG_OK);
    CHECK(tg_release(y) == TG_OK);
    if (round == 1) CHECK(tg_release(node) == TG_OK);
    CHECK(tg_live_handles() == live);
    CHECK(tg_memory_current() == bytes);
  }
  return NULL;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_t thread;
  CHECK(pthread_attr_init(&attributes) == 0);
  CHECK(pthread_attr_setstacksize(&attributes, STACK_BYTES) == 0);
  CHECK(pthread_create(&thread, &attributes, work, NULL) == 0);
  if (failures == 0) CHECK(pthread_join(thread, NULL) == 0);
  CHECK(pthread_attr_destroy(&attributes) == 0);
  if (failures == 0)
    printf("a chain of %d operators in %lu bytes of stack\n", LENGTH, (unsigned long)STACK_BYTES);
  return failures == 0 ? 0 : 1;
}
