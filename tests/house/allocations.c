/* SPDX-License-Identifier: MIT */
/* A warmed-up training step calls the allocator not once: neither malloc and its kin nor the
   system's mmap. Nor does any call that enters, leaves or asks for a mode, up to the depth that a
   state word holds. The program's own malloc stands in front of the C library's and counts. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <tapegrad/tapegrad.h>
#include <unistd.h>

extern void* __libc_malloc(size_t size);
extern void* __libc_calloc(size_t count, size_t size);
extern void* __libc_realloc(void* block, size_t size);
extern void* __libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void* block);

static volatile long calls; /* volatile: compilers hold that malloc writes no variable of ours */

void* malloc(size_t size) {
  ++calls;
  return __libc_malloc(size);
}
void* calloc(size_t count, size_t size) {
  ++calls;
  return __libc_calloc(count, size);
}
void* realloc(void* block, size_t size) {
  ++calls;
  return __libc_realloc(block, size);
}
void* memalign(size_t alignment, size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  ++calls;
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** block, size_t alignment, size_t size) {
  ++calls;
  *block = __libc_memalign(alignment, size);
  return *block == NULL ? 12 : 0;
}
void* mmap(void* address, size_t length, int protection, int flags, int file, off_t offset) {
  ++calls;
  return (void*)syscall(SYS_mmap, address, length, protection, flags, file, offset);
}
void free(void* block) { __libc_free(block); }

static void check(tg_status status) {
  if (status != TG_OK) {
    fprintf(stderr, "allocations: %s\n", tg_last_error_message());
    exit(1);
  }
}

struct training {
  tg_module net;
  tg_optimizer optimizer;
  tg_tensor x, target;
};

static struct training make_training(int adam) {
  const int64_t shape[2] = {32, 64};
  struct training t;
  tg_module layers[3];
  tg_tensor parameters[4];
  size_t count, i;

  check(tg_nn_linear(64, 128, 1, TG_FLOAT32, &layers[0]));
  check(tg_nn_relu(&layers[1]));
  check(tg_nn_linear(128, 10, 1, TG_FLOAT32, &layers[2]));
  check(tg_nn_sequential(layers, 3, &t.net));
  check(tg_release_many(layers, 3));
  check(tg_module_parameter_count(t.net, &count));
  for (i = 0; i < count; ++i) check(tg_module_parameter_at(t.net, i, &parameters[i]));
  if (adam) {
    check(tg_optim_adam(parameters, count, 1e-3, &t.optimizer));
  } else {
    check(tg_optim_sgd(parameters, count, 1e-2, &t.optimizer));
    check(tg_optimizer_set(t.optimizer, "momentum", 0.9));
  }
  check(tg_release_many(parameters, count));
  check(tg_randn(0, TG_FLOAT32, shape, 2, &t.x));
  check(tg_randint(0, 0, 10, TG_INT64, shape, 1, &t.target));
  return t;
}

static void step(const struct training* t) {
  tg_tensor scores, loss;

  check(tg_module_forward(t->net, t->x, &scores));
  check(tg_cross_entropy(scores, t->target, 0, -100, TG_REDUCTION_MEAN, 0, &loss));
  check(tg_optimizer_zero_grad(t->optimizer));
  check(tg_backward(loss));
  check(tg_optimizer_step(t->optimizer));
  check(tg_release(scores));
  check(tg_release(loss));
}

/* ---- M17: a mode call allocates nothing in steady state up to depth 16 ---- */

enum { DEPTH = 16, KINDS = 6 };

static tg_status enter(int kind) {
  switch (kind) {
    case 0: return tg_no_grad_enter();
    case 1: return tg_enable_grad_enter();
    case 2: return tg_set_grad_enabled_enter(0);
    case 3: return tg_set_grad_enabled_enter(1);
    case 4: return tg_inference_mode_enter(1);
    default: return tg_inference_mode_enter(0);
  }
}
static tg_status leave(int kind) {
  if (kind == 0) return tg_no_grad_exit();
  if (kind == 1) return tg_enable_grad_exit();
  return kind < 4 ? tg_set_grad_enabled_exit() : tg_inference_mode_exit();
}

static int32_t nothing(void* user_data) {
  (void)user_data;
  return 0;
}

/* Each kind of entry at each depth to 16, the call forms where there is room, words and questions;
   the stack is empty afterwards. */
static void all_mode_calls(void) {
  uint64_t word = 0, former = 0;
  int first, depth;

  check(tg_mode_nesting_set(TG_NESTING_ALLOW));
  for (first = 0; first < KINDS; ++first) {
    for (depth = 0; depth < DEPTH; ++depth) {
      check(tg_no_grad_call(nothing, NULL));
      check(tg_enable_grad_call(nothing, NULL));
      check(tg_set_grad_enabled_call(0, nothing, NULL));
      check(tg_inference_mode_call(1, nothing, NULL));
      check(enter((first + depth) % KINDS));
      check(tg_state_get(&word));
      if (tg_is_grad_enabled() + tg_is_inference_mode_enabled() > 2) exit(1);
    }
    check(tg_state_set(0, &former));
    check(tg_state_set(former, NULL));
    while (depth-- > 0) check(leave((first + depth) % KINDS));
  }
  check(tg_mode_nesting_set(TG_NESTING_REFUSE));
}

static int modes_allocate_nothing(void) {
  long before, during;
  int i;

  all_mode_calls();
  before = calls;
  for (i = 0; i < 100; ++i) all_mode_calls();
  during = calls - before;
  if (during != 0) {
    fprintf(stderr, "allocations: warmed-up mode calls called the allocator %ld times\n", during);
  }
  return during == 0;
}

int main(void) {
  void* volatile block; /* a pair that nobody looks at is optimized away */
  int adam, i;
  long before, during;
  struct training t;

  check(tg_num_threads_set(1));
  before = calls;
  block = malloc(1);
  free(block);
  if (calls != before + 1) {
    fprintf(stderr, "allocations: the counter does not count\n");
    return 1;
  }
  for (adam = 0; adam < 2; ++adam) {
    t = make_training(adam);
    for (i = 0; i < 3; ++i) step(&t);
    before = calls;
    for (i = 0; i < 20; ++i) step(&t);
    during = calls - before;
    check(tg_release(t.net));
    check(tg_release(t.optimizer));
    check(tg_release(t.x));
    check(tg_release(t.target));
    if (during != 0) {
      fprintf(stderr, "allocations: 20 warmed-up steps with %s called the allocator %ld times\n",
              adam ? "Adam" : "SGD", during);
      return 1;
    }
  }
  if (!modes_allocate_nothing()) return 1;
  printf("allocations: none in 20 warmed-up steps with SGD, none with Adam, none in mode calls\n");
  return 0;
}
