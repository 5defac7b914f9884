// SPDX-License-Identifier: MIT
// Finds a wrong binary interface, broken kernels, a core type that the processor is not. It cannot
// find what shows under load only (the serial build of OpenBLAS): the build's name decides that.
#include "blas/self_test.h"

#include <sys/mman.h>
#include <time.h>

#include <cstring>
#include <limits>

#include "base/error.h"

namespace tg::blas {

namespace {

struct Size {
  int m, n, k;
};
// Odd ones, and one beyond the small-matrix kernels of OpenBLAS (up to 100^3).
constexpr Size kSizes[] = {{7, 9, 11}, {33, 65, 129}, {160, 136, 160}};
constexpr int64_t kMost = 160 * 160;  // elements of the largest operand or result

void call(const Symbols& s, bool ta, bool tb, const Size& z, const float* a, const float* b,
          float* c) {
  s.sgemm(kRowMajor, ta ? kTranspose : kNoTranspose, tb ? kTranspose : kNoTranspose, z.m, z.n, z.k,
          1, a, ta ? z.m : z.k, b, tb ? z.k : z.n, 0, c, z.n);
}
void call(const Symbols& s, bool ta, bool tb, const Size& z, const double* a, const double* b,
          double* c) {
  s.dgemm(kRowMajor, ta ? kTranspose : kNoTranspose, tb ? kTranspose : kNoTranspose, z.m, z.n, z.k,
          1, a, ta ? z.m : z.k, b, tb ? z.k : z.n, 0, c, z.n);
}

// Integers from -31 to 32: a sum of 160 products stays far below 2^24, so it is exact in any order.
template <class T>
void fill(T* to, int64_t count, uint32_t seed) {
  for (int64_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;  // Numerical Recipes, chapter 7
    to[i] = static_cast<T>(static_cast<int>(seed >> 26) - 31);
  }
}

template <class T>
bool right(const Symbols& s, const Size& z, bool ta, bool tb, T* a, T* b, T* c, T* row) {
  fill(a, int64_t{z.m} * z.k, 1);
  fill(b, int64_t{z.k} * z.n, 2);
  for (int64_t i = 0; i < int64_t{z.m} * z.n; ++i) c[i] = std::numeric_limits<T>::quiet_NaN();
  call(s, ta, tb, z, a, b, c);
  for (int i = 0; i < z.m; ++i) {
    for (int j = 0; j < z.n; ++j) row[j] = 0;
    for (int p = 0; p < z.k; ++p) {
      const T factor = ta ? a[p * z.m + i] : a[i * z.k + p];
      const T* from = tb ? b + p : b + p * z.n;
      const int step = tb ? z.k : 1;
      for (int j = 0; j < z.n; ++j) row[j] += factor * from[j * step];
    }
    for (int j = 0; j < z.n; ++j) {
      if (!(c[i * z.n + j] == row[j])) return false;
    }
  }
  return true;
}

template <class T>
bool run(const Symbols& s, const char* name, SelfTest& result) {
  const size_t size = (3 * kMost + 256) * sizeof(T);
  // Straight from the system: once a process, and no block to keep for later.
  void* const memory =
      mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T* const room = static_cast<T*>(memory);
  if (memory == MAP_FAILED) {
    result.no_memory = true;
    return false;
  }
  bool passed = true;
  for (const Size& z : kSizes) {
    for (int form = 0; form < 4 && passed; ++form) {
      const bool ta = (form & 2) != 0, tb = (form & 1) != 0;
      passed = right(s, z, ta, tb, room, room + kMost, room + 2 * kMost, room + 3 * kMost);
      if (!passed) {
        Message(result.where, sizeof result.where) << name << ' ' << z.m << 'x' << z.n << 'x' << z.k
                                                   << ' ' << (ta ? 'T' : 'N') << (tb ? 'T' : 'N');
      }
    }
    if (!passed) break;
  }
  munmap(memory, size);
  return passed;
}

int64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
}

}  // namespace

SelfTest self_test(const Symbols& symbols, DType dtype) noexcept {
  SelfTest result{};
  const int64_t begin = now();
  result.passed = dtype == DType::float32 ? run<float>(symbols, "sgemm", result)
                                          : run<double>(symbols, "dgemm", result);
  result.nanoseconds = now() - begin;
  return result;
}

}  // namespace tg::blas
