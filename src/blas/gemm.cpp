// SPDX-License-Identifier: MIT
#include "blas/gemm.h"

#include <climits>

#include "base/blocks.h"
#include "base/cpu.h"
#include "base/parallel.h"
#include "base/token.h"
#include "blas/counters.h"
#include "blas/governor.h"
#include "kernels/matvec.h"
#include "kernels/packed_gemm.h"
#include "kernels/small_gemm.h"
#include "kernels/table.h"

namespace tg::blas {

namespace {

using kernels::Product;

// Matrices of this many bytes are read from memory, not from a cache, so several threads read them
// faster than one.
constexpr int64_t kMemoryBytes = 16 << 20;

struct Panels {
  int64_t count, size;  // of the cut dimension; the last may be smaller
  bool rows;
};

// By the shape alone: the cut decides bits. Measured with OpenBLAS on two cores: a thin panel packs
// the other operand again, so 1024 rows in panels of 128 cost 10 %, in panels of 512 2 %.
Panels cut(const Product& s, double work) {
  constexpr double kOne = 24e6, kTwo = 1073741824.0, kFour = 8589934592.0;
  const int64_t wanted = work < kOne ? 1 : work <= kTwo ? 2 : work <= kFour ? 4 : 8;
  const bool rows = s.m >= s.n / 2;
  const int64_t length = rows ? s.m : s.n;
  int64_t size = (length + wanted - 1) / wanted;
  if (wanted > 1) size = (size + 15) / 16 * 16;
  return {(length + size - 1) / size, size, rows};
}

// How an operand of a BLAS is passed: a leading dimension, and whether it lies transposed.
struct Layout {
  int leading;  // 0: a BLAS does not take it
  bool transposed;
};

// BLAS wants rows (or columns) that lie together, distinct elements and 32-bit numbers.
Layout layout(int64_t rows, int64_t columns, int64_t row_stride, int64_t column_stride) {
  if (column_stride == 1 || columns == 1) {
    const int64_t leading = rows == 1 ? columns : row_stride;
    if (leading >= columns && leading <= INT_MAX) return {static_cast<int>(leading), false};
  }
  if (row_stride == 1 || rows == 1) {
    const int64_t leading = columns == 1 ? rows : column_stride;
    if (leading >= rows && leading <= INT_MAX) return {static_cast<int>(leading), true};
  }
  return {0, false};
}

struct Call {
  Product product;
  DType dtype;
  Panels panels;
  Layout a, b, c;
  bool blas;  // else the own kernel
  const Token* token;
};

// Bias and relu after a BLAS, row by row while the panel is still in a cache.
void finish(const Call& call, const Product& s) {
  const int64_t item = size_of(call.dtype);
  const kernels::Table& table = kernels::table();
  const kernels::Loop add = table.at(kernels::Lane::add, call.dtype);
  const kernels::Loop relu = table.at(kernels::Lane::relu, call.dtype);
  const int64_t strides[3] = {s.c_column * item, s.c_column * item, s.bias_stride * item};
  char* row = static_cast<char*>(s.c);
  for (int64_t i = 0; i < s.m; ++i, row += s.c_row * item) {
    void* const data[3] = {row, row, const_cast<void*>(s.bias)};
    if (s.bias != nullptr) add(data, strides, s.n, nullptr);
    if (s.relu) relu(data, strides, s.n, nullptr);
  }
}

void call_blas(const Call& call, const Product& s) {
  const Symbols& symbols = governor.found.library.symbols;
  const int ta = call.a.transposed ? kTranspose : kNoTranspose;
  const int tb = call.b.transposed ? kTranspose : kNoTranspose;
  const int m = static_cast<int>(s.m), n = static_cast<int>(s.n), k = static_cast<int>(s.k);
  if (call.dtype == DType::float32) {
    symbols.sgemm(kRowMajor, ta, tb, m, n, k, static_cast<float>(s.alpha),
                  static_cast<const float*>(s.a), call.a.leading, static_cast<const float*>(s.b),
                  call.b.leading, static_cast<float>(s.beta), static_cast<float*>(s.c),
                  call.c.leading);
  } else {
    symbols.dgemm(kRowMajor, ta, tb, m, n, k, s.alpha, static_cast<const double*>(s.a),
                  call.a.leading, static_cast<const double*>(s.b), call.b.leading, s.beta,
                  static_cast<double*>(s.c), call.c.leading);
  }
}

void run_part(const Call& call, const Product& s) {
  if (call.blas) {
    Ticket ticket;
    if (ticket.admitted()) {
      call_blas(call, s);
      count(&Counters::blas);
      if (s.bias != nullptr || s.relu) finish(call, s);
      return;
    }
  }
  count(&Counters::own);
  kernels::product(call.dtype, s);
}

const void* at(const void* data, int64_t index, int64_t item) {
  return static_cast<const char*>(data) + index * item;
}

void run_panel(void* job, size_t index) {
  const Call& call = *static_cast<const Call*>(job);
  if (is_cancelled(call.token)) return;
  const int64_t item = size_of(call.dtype);
  const int64_t begin = static_cast<int64_t>(index) * call.panels.size;
  Product s = call.product;
  if (call.panels.rows) {
    s.m = s.m - begin < call.panels.size ? s.m - begin : call.panels.size;
    s.a = at(s.a, begin * s.a_row, item);
    s.c = static_cast<char*>(s.c) + begin * s.c_row * item;
  } else {
    s.n = s.n - begin < call.panels.size ? s.n - begin : call.panels.size;
    s.b = at(s.b, begin * s.b_column, item);
    s.c = static_cast<char*>(s.c) + begin * s.c_column * item;
    if (s.bias != nullptr) s.bias = at(s.bias, begin * s.bias_stride, item);
  }
  run_part(call, s);
}

// Beyond the small sizes: BLAS or not, whole or in panels.
[[gnu::noinline]] void run_large(DType dtype, const Product& s, double work) {
  Call call{s, dtype, cut(s, work), {}, {}, {}, false, token_in_use};
  if (s.m <= INT_MAX && s.n <= INT_MAX && s.k <= INT_MAX) {
    call.a = layout(s.m, s.k, s.a_row, s.a_column);
    call.b = layout(s.k, s.n, s.b_row, s.b_column);
    call.c = layout(s.m, s.n, s.c_row, s.c_column);
    call.blas = call.a.leading > 0 && call.b.leading > 0 && call.c.leading > 0 &&
                !call.c.transposed && wants_blas(dtype, work);
  }
  // Where calls take turns, threads would only wait for each other.
  const bool takes_turns = call.blas && governor.limit.load(std::memory_order_relaxed) == 1;
  if (call.panels.count == 1 || takes_turns) {
    for (int64_t i = 0; i < call.panels.count; ++i) run_panel(&call, static_cast<size_t>(i));
  } else {
    parallel_for(static_cast<size_t>(call.panels.count), run_panel, &call);
  }
  ask_token();  // cancelled stays cancelled: no part was left out behind its back
}

// Few rows times a transposed matrix, as in a layer: a BLAS spends its time on packing the weight.
// GFLOP/s on one Sapphire Rapids thread, float32, of this kernel with a kept packing, without one,
// and of OpenBLAS 0.3.21. AVX-512: 8x1024x1024 79 56 26, 50x1000x1000 164 136 100, 128x1000x1000
// 167 156 133, 256x1000x1000 152 151 147; AVX2: 50x1000x1000 82 75 62, 256x1000x1000 83 80 79.
// With smaller weights the small kernel is as fast (64x256x128: 135 both).
bool is_layer(DType dtype, const Product& s) {
  return dtype == DType::float32 && s.b_row == 1 && s.c_column == 1 && s.m >= 2 && s.m <= 256 &&
         s.n >= 64 && static_cast<double>(s.n) * static_cast<double>(s.k) >= 32768 &&
         s.alpha == 1 && s.beta == 0 && best_target() >= Target::avx2;
}

struct LayerCall {
  Product product;
  const float* rows;     // a, packed; null: no memory
  const float* packing;  // of b; null: none is kept
  int64_t part;          // columns
  const Token* token;
};

void run_layer_part(void* job, size_t index) {
  const LayerCall& call = *static_cast<const LayerCall*>(job);
  if (is_cancelled(call.token)) return;
  constexpr int64_t item = sizeof(float);
  const int64_t begin = static_cast<int64_t>(index) * call.part;
  Product s = call.product;
  s.n = s.n - begin < call.part ? s.n - begin : call.part;
  s.b = at(s.b, begin * s.b_column, item);
  s.c = static_cast<char*>(s.c) + begin * item;
  if (s.bias != nullptr) s.bias = at(s.bias, begin * s.bias_stride, item);
  const float* packing = call.packing != nullptr ? call.packing + begin * s.k : nullptr;
  if (call.rows != nullptr && kernels::packed_product(s, call.rows, packing)) return;
  kernels::product(DType::float32, s);  // the same bits
}

// Each element is summed by itself, so neither packing nor cut changes a bit.
[[gnu::noinline]] void run_layer(const Product& s, double work, const void* packing) {
  constexpr double kAlone = 24e6, kPart = 6e6, kMostParts = 16;
  count(&Counters::own);
  const size_t bytes = static_cast<size_t>(s.m * s.k) * sizeof(float) + kernels::kPackedAlignment;
  void* const memory = try_take(bytes);
  float* rows = nullptr;
  if (memory != nullptr) {
    rows = kernels::aligned(memory);
    kernels::pack_rows(rows, s);
  }
  const double parts = work < kAlone ? 1 : work / kPart < kMostParts ? work / kPart : kMostParts;
  const int64_t width = kernels::packed_width(), whole = static_cast<int64_t>(parts);
  const int64_t part = ((s.n + whole - 1) / whole + width - 1) / width * width;
  LayerCall call{s, rows, static_cast<const float*>(packing), part, token_in_use};
  parallel_for(static_cast<size_t>((s.n + part - 1) / part), run_layer_part, &call);
  if (memory != nullptr) give_back(memory, bytes);
  ask_token();
}

struct VectorCall {
  kernels::MatrixVector product;
  DType dtype;
  int64_t part;
  const Token* token;
};

void run_vector_part(void* job, size_t index) {
  const VectorCall& call = *static_cast<const VectorCall*>(job);
  if (is_cancelled(call.token)) return;
  const int64_t item = size_of(call.dtype);
  const int64_t begin = static_cast<int64_t>(index) * call.part;
  kernels::MatrixVector s = call.product;
  s.m = s.m - begin < call.part ? s.m - begin : call.part;
  s.a = at(s.a, begin * s.a_row, item);
  s.y = static_cast<char*>(s.y) + begin * s.y_stride * item;
  if (s.bias != nullptr) s.bias = at(s.bias, begin * s.bias_stride, item);
  kernels::matrix_vector(call.dtype, s);
}

// Each result is summed by itself, so this cut, unlike that of BLAS's panels, changes no bit.
void run_vector(DType dtype, const kernels::MatrixVector& s) {
  count(&Counters::own);
  const int64_t item = size_of(dtype);
  if (s.m < 64 || static_cast<double>(s.m) * static_cast<double>(s.n) <
                      static_cast<double>(kMemoryBytes / item)) {
    return kernels::matrix_vector(dtype, s);
  }
  constexpr int64_t kParts = 8;
  VectorCall call{s, dtype, ((s.m + kParts - 1) / kParts + 15) / 16 * 16, token_in_use};
  // A single row would choose another order of the sum: the last part has two or more.
  while (s.m % call.part == 1) call.part += 16;
  parallel_for(static_cast<size_t>((s.m + call.part - 1) / call.part), run_vector_part, &call);
  ask_token();
}

// The chain of multiply_tiny with what may follow it.
template <class T>
void tiny_finished(const Product& s) {
  multiply_tiny<T>(
      {s.c, 2, 2, s.c_row, s.c_column}, {const_cast<void*>(s.a), 2, 2, s.a_row, s.a_column},
      {const_cast<void*>(s.b), 2, 2, s.b_row, s.b_column}, [&](T* place, T sum, int column) {
        sum *= static_cast<T>(s.alpha);
        if (s.beta != 0) sum += static_cast<T>(s.beta) * *place;
        if (s.bias != nullptr) {
          sum += static_cast<const T*>(s.bias)[column * s.bias_stride];
        }
        if (s.relu && sum < 0) sum = 0;
        *place = sum;
      });
}

}  // namespace

void count_own() noexcept { count(&Counters::own); }

void multiply(DType dtype, const Product& s, const void* packing) {
  if (s.m == 2 && s.n == 2 && s.k == 2) {
    count(&Counters::own);
    return dtype == DType::float32 ? tiny_finished<float>(s) : tiny_finished<double>(s);
  }
  if (s.m == 0 || s.n == 0) return;
  if (s.n == 1) {
    return run_vector(dtype, {.y = s.c,
                              .y_stride = s.c_row,
                              .a = s.a,
                              .a_row = s.a_row,
                              .a_column = s.a_column,
                              .x = s.b,
                              .x_stride = s.b_row,
                              .m = s.m,
                              .n = s.k,
                              .alpha = s.alpha,
                              .beta = s.beta,
                              .bias = s.bias,
                              .bias_stride = 0,
                              .relu = s.relu});
  }
  if (s.m == 1) {
    return run_vector(dtype, {.y = s.c,
                              .y_stride = s.c_column,
                              .a = s.b,
                              .a_row = s.b_column,
                              .a_column = s.b_row,
                              .x = s.a,
                              .x_stride = s.a_column,
                              .m = s.n,
                              .n = s.k,
                              .alpha = s.alpha,
                              .beta = s.beta,
                              .bias = s.bias,
                              .bias_stride = s.bias_stride,
                              .relu = s.relu});
  }
  const double work =
      static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k);
  if (is_layer(dtype, s)) return run_layer(s, work, packing);
  if (work > static_cast<double>(own_threshold())) return run_large(dtype, s, work);
  count(&Counters::own);
  kernels::product(dtype, s);
}

constinit Counters counters[kCounterLines]{};

void gemm(DType dtype, const Matrix& c, const Matrix& a, const Matrix& b, double alpha,
          double beta) {
  gemm_here(dtype, c, a, b, alpha, beta);
}

void gemv(DType dtype, const Vector& y, const Matrix& a, const Vector& x, double alpha,
          double beta) {
  if (y.size == 0) return;
  run_vector(dtype, {.y = y.data,
                     .y_stride = y.stride,
                     .a = a.data,
                     .a_row = a.row_stride,
                     .a_column = a.column_stride,
                     .x = x.data,
                     .x_stride = x.stride,
                     .m = y.size,
                     .n = alpha == 0 ? 0 : x.size,
                     .alpha = alpha,
                     .beta = beta,
                     .bias = nullptr,
                     .bias_stride = 0,
                     .relu = false});
}

void dot(DType dtype, void* result, const Vector& x, const Vector& y) noexcept {
  count(&Counters::own);
  kernels::dot(dtype, result, x.data, x.stride, y.data, y.stride, x.size);
}

namespace {

Product layer(const Matrix& y, const Matrix& x, const Matrix& weight, const void* bias,
              int64_t bias_stride, bool relu) {
  return {.c = y.data,
          .c_row = y.row_stride,
          .c_column = y.column_stride,
          .a = x.data,
          .a_row = x.row_stride,
          .a_column = x.column_stride,
          .b = weight.data,
          .b_row = weight.column_stride,
          .b_column = weight.row_stride,
          .m = y.rows,
          .n = y.columns,
          .k = x.columns,
          .alpha = 1,
          .beta = 0,
          .bias = bias,
          .bias_stride = bias_stride,
          .relu = relu};
}

}  // namespace

void linear(DType dtype, const Matrix& y, const Matrix& x, const Matrix& weight, const void* bias,
            int64_t bias_stride, bool relu, const void* packing) {
  multiply(dtype, layer(y, x, weight, bias, bias_stride, relu), packing);
}

size_t packing_bytes(DType dtype, const Matrix& y, const Matrix& x, const Matrix& weight) noexcept {
  // Beyond this many rows a kept packing is worth less than a twentieth of the time.
  constexpr int64_t kMostRows = 128;
  if (y.rows > kMostRows || !is_layer(dtype, layer(y, x, weight, nullptr, 0, false))) return 0;
  return static_cast<size_t>(kernels::packed_elements(weight.rows, weight.columns)) * sizeof(float);
}

void pack_weight(void* to, const Matrix& weight) noexcept {
  kernels::pack_columns(static_cast<float*>(to), weight.data, weight.row_stride,
                        weight.column_stride, weight.rows, weight.columns);
}

}  // namespace tg::blas
