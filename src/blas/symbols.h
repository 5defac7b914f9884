// SPDX-License-Identifier: MIT
// What is called in a BLAS that is opened at run time. No header of a BLAS is used and none is
// linked: the prototypes stand here, and every extra may be missing.
#pragma once

#include <cstddef>

namespace tg::blas {

// From the reference interface of CBLAS; integers of 32 bits.
inline constexpr int kRowMajor = 101, kNoTranspose = 111, kTranspose = 112;
using Sgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                       float alpha, const float* a, int lda, const float* b, int ldb, float beta,
                       float* c, int ldc);
using Dgemm = void (*)(int order, int transpose_a, int transpose_b, int m, int n, int k,
                       double alpha, const double* a, int lda, const double* b, int ldb,
                       double beta, double* c, int ldc);

struct Symbols {
  Sgemm sgemm;
  Dgemm dgemm;
  // OpenBLAS's own; null elsewhere.
  int (*get_parallel)();  // 0: serial, 1: pthread, 2: openmp
  const char* (*get_config)();
  const char* (*get_corename)();
  int (*get_num_threads)();
  void (*set_num_threads)(int);
  void* (*memory_alloc)(int);
  void (*memory_free)(void*);
  // The OpenMP run-time library that it was linked to.
  int (*omp_get_max_threads)();
  void (*omp_set_num_threads)(int);
};

enum class Vendor : unsigned char { unknown, openblas, other, netlib };

struct Library {
  Symbols symbols;
  Vendor vendor;
  const char* reason;     // "": it can be used; else why not
  bool shared_with_host;  // it was in the process before we asked for it
  int int_bits;           // 0: not known
  char file[256];         // where the loader found it
};

// Opens `name` (a path or a soname) with RTLD_LOCAL and looks at what it offers. The caller has
// blocked the signals: a BLAS may start threads. Never closed: its threads and its buffers would
// outlive it.
void open_library(const char* name, Library& library) noexcept;

}  // namespace tg::blas
