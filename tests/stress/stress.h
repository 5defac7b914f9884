/* SPDX-License-Identifier: MIT */
/* Common ground of the programs that try what products on a BLAS do under load, forks and limits.
   Each runs on the BLAS that TG_BLAS names. With "bare" as first argument it calls that BLAS
   without tapegrad: then it shows what tapegrad keeps away from its host (scripts:
   blas_variants.sh). */
#ifndef TAPEGRAD_TESTS_STRESS_H
#define TAPEGRAD_TESTS_STRESS_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <tapegrad/tapegrad.h>
#include <unistd.h>

#define MAYBE_UNUSED __attribute__((unused))

typedef void (*sgemm_function)(int order, int ta, int tb, int m, int n, int k, float alpha,
                               const float* a, int lda, const float* b, int ldb, float beta,
                               float* c, int ldc);

/* Operands of small integers, so that the product is exact and compared for equality. */
struct pair {
  int m, n, k;
  float *a, *b, *c;
};

static int failures;
static sgemm_function bare_sgemm; /* NULL: products go through tapegrad */

#define CHECK(condition) check((condition) != 0, #condition, __FILE__, __LINE__)
static MAYBE_UNUSED int check(int holds, const char* text, const char* file, int line) {
  if (holds) return 1;
  fprintf(stderr, "%s:%d: not so: %s\n", file, line, text);
  ++failures;
  return 0;
}

static MAYBE_UNUSED float* floats(size_t count) {
  float* memory = (float*)malloc((count > 0 ? count : 1) * sizeof(float));
  if (memory == NULL) {
    fprintf(stderr, "no memory\n");
    exit(2);
  }
  return memory;
}

static MAYBE_UNUSED void fill_integers(float* to, size_t count, unsigned seed) {
  size_t i;
  for (i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    to[i] = (float)((int)((seed >> 16) % 9u) - 4);
  }
}

static MAYBE_UNUSED void make_pair(struct pair* p, int m, int n, int k, unsigned seed) {
  int i, j, l;
  p->m = m, p->n = n, p->k = k;
  p->a = floats((size_t)m * (size_t)k);
  p->b = floats((size_t)k * (size_t)n);
  p->c = floats((size_t)m * (size_t)n);
  fill_integers(p->a, (size_t)m * (size_t)k, seed);
  fill_integers(p->b, (size_t)k * (size_t)n, seed + 1u);
  for (i = 0; i < m; ++i) {
    float* row = p->c + (size_t)i * (size_t)n;
    for (j = 0; j < n; ++j) row[j] = 0;
    for (l = 0; l < k; ++l) {
      const float factor = p->a[(size_t)i * (size_t)k + (size_t)l];
      const float* from = p->b + (size_t)l * (size_t)n;
      for (j = 0; j < n; ++j) row[j] += factor * from[j];
    }
  }
}

/* The BLAS that tapegrad opens, or NULL. */
static MAYBE_UNUSED void* open_blas(int mode) {
  const char* name = getenv("TG_BLAS");
  if (name != NULL && *name != 0) return dlopen(name, mode);
  return dlopen("libopenblas.so.0", mode);
}

/* ISO C has no conversion from void * to a pointer to function; POSIX promises that it works. */
static MAYBE_UNUSED void find(void* library, const char* name, void* function) {
  void* found = dlsym(library, name);
  memcpy(function, &found, sizeof found);
}

/* "bare" as first argument: calls BLAS itself from here on. */
static MAYBE_UNUSED int start(int argc, char** argv) {
  if (argc < 2 || strcmp(argv[1], "bare") != 0) return 0;
  find(open_blas(RTLD_NOW), "cblas_sgemm", &bare_sgemm);
  if (bare_sgemm == NULL) {
    fprintf(stderr, "no BLAS to call\n");
    exit(2);
  }
  return 1;
}

static MAYBE_UNUSED tg_status matrix_over(float* data, int rows, int columns, tg_tensor* out) {
  int64_t shape[2];
  shape[0] = rows, shape[1] = columns;
  return tg_tensor_from_memory(data, TG_FLOAT32, shape, NULL, 2, 0, NULL, NULL, out);
}

/* TG_OK and the product in out, or the status of what refused. */
static MAYBE_UNUSED tg_status multiply(const struct pair* p, float* out) {
  tg_tensor a = 0, b = 0, c = 0;
  tg_status status;
  if (bare_sgemm != NULL) {
    bare_sgemm(101, 111, 111, p->m, p->n, p->k, 1, p->a, p->k, p->b, p->n, 0, out, p->n);
    return TG_OK;
  }
  status = matrix_over(p->a, p->m, p->k, &a);
  if (status == TG_OK) status = matrix_over(p->b, p->k, p->n, &b);
  if (status == TG_OK) status = tg_mm(a, b, &c);
  if (status == TG_OK) {
    status = tg_tensor_copy_out(c, out, (size_t)p->m * (size_t)p->n * sizeof(float));
  }
  tg_release(c), tg_release(b), tg_release(a);
  return status;
}

static MAYBE_UNUSED int wrong_elements(const struct pair* p, const float* out) {
  int wrong = 0;
  size_t i, count = (size_t)p->m * (size_t)p->n;
  for (i = 0; i < count; ++i) wrong += !(out[i] == p->c[i]);
  return wrong;
}

/* Many threads at once, each with its own output. */
struct hammer {
  const struct pair* pairs;
  int pair_count, rounds, number;
  pthread_barrier_t* barrier; /* all begin together; NULL: at once */
  long wrong, refused;
};

static MAYBE_UNUSED void* hammer_thread(void* argument) {
  struct hammer* h = (struct hammer*)argument;
  size_t largest = 0;
  float* out;
  int i;
  for (i = 0; i < h->pair_count; ++i) {
    const size_t size = (size_t)h->pairs[i].m * (size_t)h->pairs[i].n;
    if (size > largest) largest = size;
  }
  out = floats(largest);
  if (h->barrier != NULL) pthread_barrier_wait(h->barrier);
  for (i = 0; i < h->rounds; ++i) {
    const struct pair* p = &h->pairs[(h->number * 7 + i) % h->pair_count];
    if (multiply(p, out) != TG_OK) {
      ++h->refused;
    } else {
      h->wrong += wrong_elements(p, out);
    }
  }
  free(out);
  return NULL;
}

/* Wrong elements in all; refused products count as one each. */
static MAYBE_UNUSED long hammer(int threads, int rounds, const struct pair* pairs, int pair_count) {
  struct hammer* h = (struct hammer*)calloc((size_t)threads, sizeof *h);
  pthread_t* ids = (pthread_t*)calloc((size_t)threads, sizeof *ids);
  pthread_attr_t attributes;
  pthread_barrier_t barrier;
  long wrong = 0;
  int i;
  if (h == NULL || ids == NULL) exit(2);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 << 10);
  pthread_barrier_init(&barrier, NULL, (unsigned)threads);
  for (i = 0; i < threads; ++i) {
    h[i].pairs = pairs, h[i].pair_count = pair_count, h[i].rounds = rounds;
    h[i].number = i, h[i].barrier = &barrier;
    if (pthread_create(&ids[i], &attributes, hammer_thread, &h[i]) != 0) exit(2);
  }
  for (i = 0; i < threads; ++i) {
    pthread_join(ids[i], NULL);
    wrong += h[i].wrong + h[i].refused;
  }
  pthread_barrier_destroy(&barrier);
  pthread_attr_destroy(&attributes);
  free(ids), free(h);
  return wrong;
}

/* Entries of a directory of /proc, "." and ".." left out. */
static MAYBE_UNUSED int entries(const char* path) {
  int count = 0;
  struct dirent* entry;
  DIR* directory = opendir(path);
  if (directory == NULL) return -1;
  while ((entry = readdir(directory)) != NULL) count += entry->d_name[0] != '.';
  closedir(directory);
  return count;
}

static MAYBE_UNUSED int maps_contain(const char* text) {
  char line[1024];
  int found = 0;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL)
    found |= strstr(line, text) != NULL;
  if (maps != NULL) fclose(maps);
  return found;
}

static MAYBE_UNUSED long address_space_mib(void) {
  long pages = 0;
  FILE* statm = fopen("/proc/self/statm", "r");
  if (statm == NULL || fscanf(statm, "%ld", &pages) != 1) pages = 0;
  if (statm != NULL) fclose(statm);
  return pages / (1048576 / sysconf(_SC_PAGESIZE));
}

/* The text of tg_blas_info; static. */
static MAYBE_UNUSED const char* blas_info(void) {
  static char text[8192];
  if (tg_blas_info(text, sizeof text, NULL) != TG_OK) text[0] = 0;
  return text;
}
/* Does it have "key":value, value as it is written there? */
static MAYBE_UNUSED int info_is(const char* key, const char* value) {
  char wanted[256];
  sprintf(wanted, "\"%s\":%s", key, value);
  return strstr(blas_info(), wanted) != NULL;
}
static MAYBE_UNUSED long info_number(const char* key) {
  char wanted[64];
  const char* at;
  sprintf(wanted, "\"%s\":", key);
  at = strstr(blas_info(), wanted);
  return at == NULL ? -1 : atol(at + strlen(wanted));
}

/* Runs this program again in a fresh process, with arguments and TG_BLAS (NULL: as it is). The exit
   code, or 1000 + the signal that ended it. A program that hangs is to call alarm(). */
static MAYBE_UNUSED int run_again(const char* argument1, const char* argument2,
                                  const char* argument3, const char* blas) {
  int status = 0;
  const pid_t child = fork();
  if (child == 0) {
    if (blas != NULL) setenv("TG_BLAS", blas, 1);
    execl("/proc/self/exe", "again", argument1, argument2, argument3, (char*)NULL);
    _exit(3);
  }
  if (child < 0 || waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

static MAYBE_UNUSED int finish(void) {
  if (failures == 0) return 0;
  fprintf(stderr, "%d failures; %s\n", failures, blas_info());
  return 1;
}
#endif
