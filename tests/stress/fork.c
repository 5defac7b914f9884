/* SPDX-License-Identifier: MIT */
/* A process forks while four of its threads multiply; each child multiplies too and ends. A child
   of a process that uses OpenBLAS with threads of its own hangs: bare shows it. */
#include "stress.h"

static struct pair pair;
static volatile int stop;

static void* worker(void* unused) {
  float* out = floats(300 * 300);
  while (!stop) CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
  free(out);
  return unused;
}

int main(int argc, char** argv) {
  pthread_t threads[4];
  float* out = floats(300 * 300);
  const int bare = start(argc, argv);
  const int forks = bare ? 100 : 1000;
  int i, hung = 0;
  make_pair(&pair, 300, 300, 300, 13);
  for (i = 0; i < 4; ++i) pthread_create(&threads[i], NULL, worker, NULL);
  for (i = 0; i < forks && hung < 3; ++i) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
      alarm(bare ? 2 : 10); /* the product takes a millisecond; a hang ends here */
      _exit(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0 ? 0 : 1);
    }
    if (!CHECK(child > 0 && waitpid(child, &status, 0) == child)) break;
    if (!CHECK(status == 0)) ++hung;
  }
  stop = 1;
  if (bare) return failures != 0; /* its threads may hang as well */
  for (i = 0; i < 4; ++i) pthread_join(threads[i], NULL);
  /* A child of a quiet parent goes on with the BLAS. */
  if (info_is("state", "\"ready\"")) {
    int status = 0;
    const pid_t child = fork();
    if (child == 0) {
      const long before = info_number("calls_blas");
      alarm(10);
      _exit(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0 &&
                    info_number("calls_blas") > before
                ? 0
                : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
  }
  free(out);
  return finish();
}
