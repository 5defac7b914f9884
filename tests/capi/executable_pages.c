/* SPDX-License-Identifier: MIT */
/* Foreign functions need no memory that is both written and executed: the process's map is read
 * before, inside and after every kind of call, in a process that the kernel forbids such pages
 * (PR_SET_MDWE, Linux 6.3) where it can. */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "check.h"

/* Numbers of <linux/prctl.h>, which older headers do not have. */
#define SET_MDWE 65
#define REFUSE_EXEC_GAIN 1

static int looks;
static void look(const char* when) {
  char line[1000];
  FILE* maps = fopen("/proc/self/maps", "r");
  if (maps == NULL) {
    ++failures;
    return;
  }
  while (fgets(line, sizeof line, maps) != NULL) {
    /* 7f0000000000-7f0000001000 rwxp ... */
    const char* rights = strchr(line, ' ');
    if (rights != NULL && rights[2] == 'w' && rights[3] == 'x') {
      printf("%s: %s", when, line);
      ++failures;
    }
  }
  fclose(maps);
  ++looks;
}

static int32_t doubled(int64_t n, const double* x, double* y) {
  int64_t i;
  look("inside a routine");
  for (i = 0; i < n; ++i) y[i] = 2 * x[i];
  return 0;
}
static void doubled_backward(const int32_t* n, const double* g, double* grad) {
  int32_t i;
  look("inside a backward");
  for (i = 0; i < *n; ++i) grad[i] = 2 * g[i];
}
static void doubled_in_place(const int32_t* n, double* x) {
  int32_t i;
  look("inside a Fortran routine");
  for (i = 0; i < *n; ++i) x[i] *= 2;
}
static void split(double x, double* whole, double* rest) {
  look("inside a function of scalars");
  *whole = (double)(int)x;
  *rest = x - *whole;
}
static double half(double x) {
  look("inside a function that is called directly");
  return x / 2;
}

typedef void (*any_function)(void);
static const void* address_of(any_function function) {
  const void* address;
  memcpy(&address, &function, sizeof address);
  return address;
}

static void run(tg_ffi_definition definition, tg_tensor x, size_t out_count) {
  tg_operator op = 0;
  tg_tensor outs[2] = {0, 0}, sum = 0;
  size_t i;
  definition.struct_size = sizeof definition;
  definition.name = "foreign";
  CHECK(tg_ffi_operator(&definition, &op) == TG_OK);
  look("after an operator was made");
  CHECK(tg_operator_apply(op, &x, 1, NULL, 0, outs, out_count) == TG_OK);
  look("after a call");
  CHECK(tg_sum(outs[0], &sum) == TG_OK && tg_backward(sum) == TG_OK);
  look("after a backward");
  for (i = 0; i < out_count; ++i) CHECK(tg_release(outs[i]) == TG_OK);
  CHECK(tg_release(sum) == TG_OK && tg_release(op) == TG_OK);
}

int main(void) {
  const double values[3] = {0.5, 1, 2};
  const int64_t shape[1] = {3};
  const int wide = PROT_READ | PROT_WRITE | PROT_EXEC;
  tg_ffi_definition definition;
  tg_tensor x = 0;
  void* page;
  int forbidden;
  /* The look finds such a page where there is one. */
  page = mmap(NULL, 4096, wide, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED) {
    look("expected here");
    if (failures != 1) return puts("the look finds nothing"), 1;
    failures = 0;
    munmap(page, 4096);
  }
  forbidden = prctl(SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) == 0;
  page = mmap(NULL, 4096, wide, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (forbidden) CHECK(page == MAP_FAILED);
  if (page != MAP_FAILED) munmap(page, 4096);
  printf("pages that are written and executed are %s by the kernel\n",
         forbidden ? "forbidden" : "not forbidden");
  look("at the start");
  CHECK(tg_tensor_create(values, TG_FLOAT64, shape, 1, 1, &x) == TG_OK);

  memset(&definition, 0, sizeof definition);
  definition.library = "libm.so.6";
  definition.symbol = "sin";
  definition.signature = "f64 -> f64";
  definition.backward_symbol = "cos";
  definition.backward_signature = "f64 -> f64";
  run(definition, x, 1);

  memset(&definition, 0, sizeof definition);
  definition.address = address_of((any_function)half);
  definition.signature = "f64 -> f64";
  definition.flags = TG_FFI_FINITE_DIFFERENCES;
  run(definition, x, 1);
  definition.address = address_of((any_function)split);
  definition.signature = "f64, out f64, out f64";
  run(definition, x, 2);

  memset(&definition, 0, sizeof definition);
  definition.address = address_of((any_function)doubled);
  definition.signature = "i64 n, f64 x[n], out f64 y[n] -> i32 status";
  definition.flags = TG_FFI_FINITE_DIFFERENCES;
  run(definition, x, 1);
  definition.address = address_of((any_function)doubled_in_place);
  definition.signature = "i32 n, inout f64 x[n]";
  definition.backward_address = address_of((any_function)doubled_backward);
  definition.backward_signature = "i32 n, f64 grad x[n], out f64 grad x[n]";
  definition.flags = TG_FFI_FORTRAN | TG_FFI_CHECK;
  run(definition, x, 1);

  CHECK(tg_release(x) == TG_OK && tg_live_handles() == 0);
  look("at the end");
  printf("%d looks at the map\n", looks);
  CHECK(looks > 40);
  return failures != 0;
}
