// SPDX-License-Identifier: MIT
// Foreign functions for the scenarios and the random calls, and the definitions of operators made
// of them.
#pragma once

#include <tapegrad/tapegrad.h>

#include <cmath>
#include <cstring>

namespace calls {

inline float half_of(float x) { return x / 2; }
inline float slope_of_half(float) { return 0.5f; }
// y = sum of w x over the columns, by columns in memory; m and n by address.
inline void column_sums(const int32_t* m, const int32_t* n, const float* w, const float* x,
                        float* scratch, float* y, int32_t* info) {
  for (int32_t j = 0; j < *n; ++j) {
    for (int32_t i = 0; i < *m; ++i) scratch[i] = *w * x[i + j * *m];
    y[j] = 0;
    for (int32_t i = 0; i < *m; ++i) y[j] += scratch[i];
  }
  *info = 0;
}
inline void column_sums_backward(const int32_t* m, const int32_t* n, const float* w, const float* x,
                                 const float* y, const float* g, float* gx) {
  // What is read and not needed is saved all the same.
  const float nothing = *n > 0 && *m > 0 ? 0 * x[0] + 0 * y[0] : 0;
  for (int32_t j = 0; j < *n; ++j) {
    for (int32_t i = 0; i < *m; ++i) gx[i + j * *m] = *w * g[j] + nothing;
  }
}

template <class F>
const void* address_of(F* function) {
  return reinterpret_cast<const void*>(function);
}

// 0: a function of elements with its derivative; 1: the same by differences; 2: a routine on arrays
// with its backward; 3: the same, checked; 4: by differences.
inline tg_ffi_definition foreign_definition(int kind) {
  tg_ffi_definition made;
  std::memset(&made, 0, sizeof made);
  made.struct_size = sizeof made;
  made.name = "foreign";
  if (kind < 2) {
    made.address = address_of(half_of);
    made.signature = "f32 -> f32";
    made.backward_address = address_of(slope_of_half);
    made.backward_signature = "f32 -> f32";
  } else {
    made.address = address_of(column_sums);
    made.signature =
        "i32 m, i32 n, f32 w, f32 x[m][n], work f32 s[m], out f32 y[n], status i32 info";
    made.backward_address = address_of(column_sums_backward);
    made.backward_signature =
        "i32 m, i32 n, f32 w, f32 x[m][n], f32 y[n], f32 grad y[n], out f32 grad x[m][n]";
    made.flags = TG_FFI_FORTRAN;
  }
  if (kind == 3) made.flags |= TG_FFI_CHECK;
  if (kind == 1 || kind == 4) {
    made.flags |= TG_FFI_FINITE_DIFFERENCES;
    made.backward_address = nullptr;
    made.backward_signature = nullptr;
  }
  return made;
}

inline tg_value foreign_weight() {
  tg_value value;
  std::memset(&value, 0, sizeof value);
  value.type = TG_VALUE_DOUBLE;
  value.as.number = 2;
  return value;
}

}  // namespace calls
