/* SPDX-License-Identifier: MIT */
/* The host has a cblas_sgemm of its own in the global scope, and uses the same BLAS from its own
   threads meanwhile: both get right results. */
#include "fake_blas.h"

static struct pair pair;
static sgemm_function host_sgemm;
static volatile int stop;

static void* host(void* unused) {
  float* out = floats(300 * 300);
  while (!stop) {
    host_sgemm(101, 111, 111, 300, 300, 300, 1, pair.a, 300, pair.b, 300, 0, out, 300);
    CHECK(wrong_elements(&pair, out) == 0);
  }
  free(out);
  return unused;
}

/* One thread of the host: the serial build bears no more, with or without tapegrad. */
static void host_uses_the_same(int before_us) {
  pthread_t thread;
  float* out = floats(300 * 300);
  void* library = before_us ? open_blas(RTLD_NOW) : NULL;
  CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
  if (library == NULL) library = open_blas(RTLD_NOW);
  if (library != NULL) find(library, "cblas_sgemm", &host_sgemm);
  if (host_sgemm != NULL && !(info_is("build", "\"serial\"") && !before_us)) {
    if (before_us) CHECK(info_is("shared_with_host", "true"));
    CHECK(pthread_create(&thread, NULL, host, NULL) == 0);
    CHECK(hammer(8, 50, &pair, 1) == 0);
    stop = 1;
    pthread_join(thread, NULL);
  }
  free(out);
}

int main(int argc, char** argv) {
  float* out = floats(300 * 300);
  make_pair(&pair, 300, 300, 300, 29);
  if (argc > 1) {
    host_uses_the_same(strcmp(argv[1], "before") == 0);
    return finish();
  }
  fake_begin();
  {
    int (*calls)(void) = NULL;
    void* fake = dlopen(fake_library("host", "static int calls;\n",
                                     "void cblas_sgemm(void) { ++calls; }\n"
                                     "void cblas_dgemm(void) { ++calls; }\n"
                                     "int fake_calls(void) { return calls; }\n"),
                        RTLD_NOW | RTLD_GLOBAL);
    find(fake, "fake_calls", &calls);
    CHECK(calls != NULL);
    CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
    CHECK(calls() == 0);
  }
  fake_end();
  CHECK(run_again("before", NULL, NULL, NULL) == 0);
  CHECK(run_again("after", NULL, NULL, NULL) == 0);
  free(out);
  return finish();
}
