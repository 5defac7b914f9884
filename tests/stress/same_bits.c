/* SPDX-License-Identifier: MIT */
/* One product has the same bits for any number of threads and under any load. OpenBLAS by itself
   gives others with two threads than with one: bare N shows it (with OPENBLAS_CORETYPE=Haswell). */
#include "stress.h"

enum { NN, NT, TN };

static void fill_fractions(float* to, size_t count, unsigned seed) {
  size_t i;
  for (i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    to[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
  }
}

static tg_status product(int form, int m, int n, int k, float* a, float* b, float* out) {
  tg_tensor x = 0, y = 0, t = 0, c = 0;
  tg_status status = form == TN ? matrix_over(a, k, m, &t) : matrix_over(a, m, k, &x);
  if (status == TG_OK && form == TN) status = tg_transpose(t, 0, 1, &x);
  if (status == TG_OK && form == NT) {
    status = matrix_over(b, n, k, &t);
    if (status == TG_OK) status = tg_transpose(t, 0, 1, &y);
  } else if (status == TG_OK) {
    status = matrix_over(b, k, n, &y);
  }
  if (status == TG_OK) status = tg_mm(x, y, &c);
  if (status == TG_OK) status = tg_tensor_copy_out(c, out, (size_t)m * (size_t)n * sizeof(float));
  tg_release(c), tg_release(t), tg_release(y), tg_release(x);
  return status;
}

struct job {
  int form, m, n, k;
  float *a, *b;
  const float* wanted;
  int same;
};
static void* under_load(void* argument) {
  struct job* j = (struct job*)argument;
  const size_t count = (size_t)j->m * (size_t)j->n;
  float* out = floats(count);
  int i;
  j->same = 1;
  for (i = 0; i < 3; ++i) {
    j->same &= product(j->form, j->m, j->n, j->k, j->a, j->b, out) == TG_OK &&
               memcmp(out, j->wanted, count * sizeof(float)) == 0;
  }
  free(out);
  return NULL;
}

static int bare(int n) {
  void (*set)(int) = NULL;
  const size_t count = (size_t)n * (size_t)n;
  float *a = floats(count), *b = floats(count), *one = floats(count), *two = floats(count);
  find(open_blas(RTLD_NOW), "openblas_set_num_threads", &set);
  if (set == NULL) return 2;
  fill_fractions(a, count, 1), fill_fractions(b, count, 2);
  set(1);
  bare_sgemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, one, n);
  set(2);
  bare_sgemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, two, n);
  return memcmp(one, two, count * sizeof(float)) != 0;
}

int main(int argc, char** argv) {
  static const int shapes[][3] = {{100, 100, 100},    {130, 130, 130},  {131, 257, 129},
                                  {300, 300, 300},    {50, 1000, 1000}, {1000, 50, 1000},
                                  {512, 512, 512},    {333, 777, 555},  {1, 1000, 4000},
                                  {1024, 1024, 1024}, {2048, 1025, 600}};
  size_t s;
  int form;
  if (start(argc, argv)) return bare(argc > 2 ? atoi(argv[2]) : 512);
  for (s = 0; s < sizeof shapes / sizeof shapes[0]; ++s) {
    const int m = shapes[s][0], n = shapes[s][1], k = shapes[s][2];
    const size_t size = (size_t)m * (size_t)n;
    float *a = floats((size_t)m * (size_t)k), *b = floats((size_t)k * (size_t)n);
    float *wanted = floats(size), *out = floats(size);
    fill_fractions(a, (size_t)m * (size_t)k, 3), fill_fractions(b, (size_t)k * (size_t)n, 4);
    for (form = NN; form <= TN; ++form) {
      static const int counts[] = {2, 3, 4, 7};
      pthread_t threads[16];
      struct job jobs[16];
      size_t i;
      tg_num_threads_set(1);
      CHECK(product(form, m, n, k, a, b, wanted) == TG_OK);
      for (i = 0; i < 4; ++i) {
        tg_num_threads_set(counts[i]);
        CHECK(product(form, m, n, k, a, b, out) == TG_OK);
        CHECK(memcmp(out, wanted, size * sizeof(float)) == 0);
      }
      if ((double)m * n * k > 200e6) continue; /* the load of the largest takes too long */
      tg_num_threads_set(2);
      for (i = 0; i < 16; ++i) {
        jobs[i].form = form, jobs[i].m = m, jobs[i].n = n, jobs[i].k = k;
        jobs[i].a = a, jobs[i].b = b, jobs[i].wanted = wanted;
        pthread_create(&threads[i], NULL, under_load, &jobs[i]);
      }
      for (i = 0; i < 16; ++i) {
        pthread_join(threads[i], NULL);
        CHECK(jobs[i].same);
      }
    }
    free(a), free(b), free(wanted), free(out);
  }
  return finish();
}
