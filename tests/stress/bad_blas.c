/* SPDX-License-Identifier: MIT */
/* Libraries that pretend to be a BLAS are refused, or used if they are right; results are right
   with each of them. */
#include "fake_blas.h"

static int in_child(char** argv) {
  struct pair pair;
  float* out = floats(300 * 300);
  static double x[300 * 300];
  alarm(60);
  make_pair(&pair, 300, 300, 300, 23);
  CHECK(multiply(&pair, out) == TG_OK && wrong_elements(&pair, out) == 0);
  CHECK(info_is("state", argv[2]));
  {
    /* float64: ones times ones */
    static const int64_t shape[2] = {300, 300};
    tg_tensor a = 0, c = 0;
    size_t i;
    for (i = 0; i < 90000; ++i) x[i] = 1;
    CHECK(tg_tensor_from_memory(x, TG_FLOAT64, shape, NULL, 2, 0, NULL, NULL, &a) == TG_OK);
    CHECK(tg_mm(a, a, &c) == TG_OK);
    CHECK(tg_tensor_copy_out(c, x, sizeof x) == TG_OK);
    for (i = 0; i < 90000; ++i) {
      if (!CHECK(x[i] == 300)) break;
    }
    tg_release(a), tg_release(c);
  }
  if (argv[3] != NULL) CHECK(strstr(blas_info(), argv[3]) != NULL);
  free(out);
  return finish();
}

static void expect(const char* state, const char* text, const char* blas) {
  const int code = run_again("child", state, text, blas);
  if (code != 0) fprintf(stderr, "with %s: %d\n", blas, code);
  CHECK(code == 0);
}

/* A BLAS that nobody named, but that the loader finds under the name tapegrad asks for. */
static void expect_found(const char* state, const char* text, const char* blas) {
  char link[160];
  sprintf(link, "%s/libopenblas.so.0", fake_directory);
  CHECK(symlink(blas, link) == 0);
  CHECK(setenv("LD_LIBRARY_PATH", fake_directory, 1) == 0 && unsetenv("TG_BLAS") == 0);
  CHECK(run_again("child", state, text, NULL) == 0);
  CHECK(unsetenv("LD_LIBRARY_PATH") == 0 && unlink(link) == 0);
}

/* OpenBLAS, with the kernels of a processor without AVX. */
#define OLD_KERNELS                                                      \
  SINGLE DOUBLE                                                          \
      "int openblas_get_parallel(void) { return 0; }\n"                  \
      "const char *openblas_get_config(void) { return \"OpenBLAS\"; }\n" \
      "const char *openblas_get_corename(void) { return \"Prescott\"; }\n"

static int processor_has(const char* flag) {
  char line[8192];
  FILE* file = fopen("/proc/cpuinfo", "r");
  int found = 0;
  while (file != NULL && !found && fgets(line, sizeof line, file) != NULL) {
    found = strncmp(line, "flags", 5) == 0 && strstr(line, flag) != NULL;
  }
  if (file != NULL) fclose(file);
  return found;
}

#define RIGHT "#define INT int\n#define WRONG(T) 0\n"
#define BATCH "void cblas_sgemm_batch(void) {}\n"
#define SINGLE "BODY(cblas_sgemm, float)\n"
#define DOUBLE "BODY(cblas_dgemm, double)\n"

int main(int argc, char** argv) {
  if (argc > 2 && strcmp(argv[1], "child") == 0) return in_child(argv);
  fake_begin();
  expect("\"ready\"", "\"vendor\":\"other\"", fake_library("right", RIGHT, SINGLE DOUBLE BATCH));
  expect("\"none\"", "failed: sgemm 7x9x11 NN",
         fake_library("wrong", "#define INT int\n#define WRONG(T) (sizeof(T) == 4)\n",
                      SINGLE DOUBLE BATCH));
  expect("\"ready\"", "failed: dgemm 7x9x11 NN",
         fake_library("wrong_double", "#define INT int\n#define WRONG(T) (sizeof(T) == 8)\n",
                      SINGLE DOUBLE BATCH));
  expect("\"none\"", "it has no cblas_dgemm", fake_library("no_double", RIGHT, SINGLE BATCH));
  expect("\"none\"", "it has no cblas_sgemm", fake_library("no_float", RIGHT, DOUBLE BATCH));
  expect("\"none\"", "its integers have 64 bits",
         fake_library("suffixed", RIGHT,
                      "void cblas_sgemm64_(void) {}\nvoid cblas_dgemm64_(void) {}\n"));
  expect("\"none\"", "its integers have 64 bits",
         fake_library("wide", RIGHT,
                      SINGLE DOUBLE "int openblas_get_parallel(void) { return 0; }\n"
                                    "const char *openblas_get_config(void) { return \"OpenBLAS "
                                    "0.3.21 USE64BITINT\"; }\n"));
  expect("\"none\"", "the reference BLAS", fake_library("netlib", RIGHT, SINGLE DOUBLE));
  expect("\"none\"", "it cannot be opened", "/nonexistent/libblas.so");
  expect("\"none\"", "TG_BLAS is none", "none");
  {
    const char* const old = fake_library("old", RIGHT, OLD_KERNELS);
    expect("\"ready\"", "\"core\":\"Prescott\"", old);
    if (processor_has(" avx2 ")) {
      expect_found("\"none\"", "it does not know this processor", old);
    } else {
      expect_found("\"ready\"", "\"core\":\"Prescott\"", old);
    }
  }
  fake_end();
  return finish();
}
