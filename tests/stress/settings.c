/* SPDX-License-Identifier: MIT */
/* What belongs to the host is the same after products as before: OpenMP's number of threads on
   every thread, OpenBLAS's own, floating-point control, signal mask, errno, descriptors. */
#include "stress.h"

static struct pair pair;
static int (*omp_get)(void);
static void (*omp_set)(int);
static int (*blas_get)(void);
static void (*blas_set)(int);

static unsigned control_bits(void) {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & 0xffc0u; /* without the sticky flags: any product is inexact */
#else
  return 0;
#endif
}

struct seen {
  int omp, blas, descriptors, error;
  unsigned control;
  sigset_t mask;
};
static void look(struct seen* s) {
  memset(s, 0, sizeof *s);
  s->error = errno;
  s->control = control_bits();
  s->omp = omp_get != NULL ? omp_get() : 0;
  s->blas = blas_get != NULL ? blas_get() : 0;
  pthread_sigmask(SIG_BLOCK, NULL, &s->mask);
  s->descriptors = entries("/proc/self/fd");
}
static int same(const struct seen* a, const struct seen* b) {
  int i, masks = 1;
  for (i = 1; i < 64; ++i) masks &= sigismember(&a->mask, i) == sigismember(&b->mask, i);
  return CHECK(a->omp == b->omp) & CHECK(a->blas == b->blas) & CHECK(a->error == b->error) &
         CHECK(a->control == b->control) & CHECK(a->descriptors == b->descriptors) & CHECK(masks);
}

static void products_change_nothing(int openmp_threads) {
  struct seen before, after;
  float* out = floats(300 * 300);
  tg_tensor a = 0, b = 0, c = 0;
  int i;
  if (omp_set != NULL) omp_set(openmp_threads);
  CHECK(matrix_over(pair.a, 300, 300, &a) == TG_OK);
  CHECK(matrix_over(pair.b, 300, 300, &b) == TG_OK);
  for (i = 0; i < 20; ++i) {
    errno = 7777;
    look(&before);
    if (bare_sgemm != NULL) {
      if (blas_set != NULL) blas_set(1); /* what a careful library would do */
      bare_sgemm(101, 111, 111, 300, 300, 300, 1, pair.a, 300, pair.b, 300, 0, out, 300);
    } else {
      CHECK(tg_mm(a, b, &c) == TG_OK);
      tg_release(c);
    }
    look(&after);
    if (!same(&before, &after)) break;
  }
  tg_release(a), tg_release(b);
  free(out);
}

static void* other_thread(void* unused) {
  products_change_nothing(3);
  return unused;
}

int main(int argc, char** argv) {
  pthread_t thread;
  void* library;
  float* out = floats(300 * 300);
  start(argc, argv);
  make_pair(&pair, 300, 300, 300, 17);
  errno = 7777;
  CHECK(multiply(&pair, out) == TG_OK); /* opens the BLAS */
  CHECK(errno == 7777);
  library = open_blas(RTLD_NOW | RTLD_NOLOAD);
  if (library != NULL) {
    find(library, "omp_get_max_threads", &omp_get);
    find(library, "omp_set_num_threads", &omp_set);
    find(library, "openblas_get_num_threads", &blas_get);
    find(library, "openblas_set_num_threads", &blas_set);
    /* The openmp build copies the caller's OpenMP count at each product, the host's too. */
    if (omp_get != NULL) blas_get = NULL;
  }
  products_change_nothing(5);
  CHECK(omp_get == NULL || omp_get() == 5);
  CHECK(pthread_create(&thread, NULL, other_thread, NULL) == 0);
  pthread_join(thread, NULL);
  CHECK(omp_get == NULL || omp_get() == 5);
  free(out);
  return finish();
}
