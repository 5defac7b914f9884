/* SPDX-License-Identifier: MIT */
/* With little address space OpenBLAS waits for ever for its buffer, or in dlopen. tapegrad gives
   the result, or TG_ERROR_OUT_OF_MEMORY, at every limit, set before the first product or after it.
 */
#include "stress.h"

#include <sys/resource.h>

static void limit_to(long mib) {
  struct rlimit limit;
  limit.rlim_cur = limit.rlim_max = (rlim_t)mib << 20;
  if (setrlimit(RLIMIT_AS, &limit) != 0) exit(2);
}

static int product_is_right(const struct pair* p, float* out) {
  const tg_status status = multiply(p, out);
  if (status == TG_ERROR_OUT_OF_MEMORY) return 1;
  return status == TG_OK && wrong_elements(p, out) == 0;
}

static struct pair pair;
static pthread_barrier_t limited;
static void* after_limit(void* good) {
  float* out = floats(300 * 300);
  int i;
  pthread_barrier_wait(&limited); /* all threads and outputs are there */
  pthread_barrier_wait(&limited); /* the limit is set */
  *(int*)good = 1;
  for (i = 0; i < 10; ++i) *(int*)good &= product_is_right(&pair, out);
  free(out);
  return NULL;
}

/* 32 callers, each for the first time, with 16 MiB to spare. */
static int limit_after_loading(void) {
  pthread_t threads[32];
  int good[32], i, all = 1;
  float* out = floats(300 * 300);
  all &= product_is_right(&pair, out);
  pthread_barrier_init(&limited, NULL, 33);
  for (i = 0; i < 32; ++i) pthread_create(&threads[i], NULL, after_limit, &good[i]);
  pthread_barrier_wait(&limited);
  limit_to(address_space_mib() + 16);
  pthread_barrier_wait(&limited);
  for (i = 0; i < 32; ++i) {
    pthread_join(threads[i], NULL);
    all &= good[i];
  }
  free(out);
  return all;
}

int main(int argc, char** argv) {
  static const char* const limits[] = {"30", "60", "100", "200", "300", "400", "500", "800"};
  const int bare = argc > 1 && strcmp(argv[1], "bare") == 0;
  size_t i;
  if (argc > 2 && (strcmp(argv[1], "at") == 0 || (bare && strcmp(argv[2], "at") == 0))) {
    float* out;
    alarm(10); /* a hang ends here; with the buffers made, all of this takes milliseconds */
    make_pair(&pair, 300, 300, 300, 9);
    out = floats(300 * 300);
    limit_to(atol(argv[bare ? 3 : 2]));
    start(argc, argv);
    return product_is_right(&pair, out) ? 0 : 1;
  }
  for (i = 0; i < sizeof limits / sizeof limits[0]; ++i) {
    const int code =
        bare ? run_again("bare", "at", limits[i], NULL) : run_again("at", limits[i], NULL, NULL);
    printf("%s MiB: %d\n", limits[i], code);
    CHECK(code == 0);
  }
  if (bare) return failures != 0;
  alarm(60);
  make_pair(&pair, 300, 300, 300, 9);
  CHECK(limit_after_loading());
  return finish();
}
