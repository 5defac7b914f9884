// SPDX-License-Identifier: MIT
// Sums and extremes over any dimensions and strides: brings the elements, contiguous, to the loops
// of fold_loops.h. Works on bytes and a dtype, so that it is compiled once for all of them.
#include "kernels/reduce.h"

#include <cstring>

#include "kernels/fold_loops.h"
#include "kernels/reduce_plan.h"

namespace tg::kernels {
namespace {

// Rows added up before the sums are carried into totals in double, for float's sake.
constexpr int64_t kRowsBeforeCarry = 128;

// How many rows of few columns are folded as one long row: 1, or as many as fill half the room for
// columns, where the rows lie end to end and there are enough of them.
int64_t rows_at_once(DType dtype, const Dim& column, const Dim& row) {
  const bool dense = column.in == size_of(dtype) && row.in == column.in * column.size;
  const int64_t wide = dense ? kColumns / 2 / column.size : 1;
  return wide > 1 && row.size >= 8 * wide ? wide : 1;
}

struct Sum {
  DType dtype, compute;
  double divisor;
  const FoldLoops& loops;
  int64_t item;  // bytes of an element of the compute type
  bool floating;

  // Writes n sums, each divided and rounded once.
  void store(void* out, int64_t out_step, Total* totals, int64_t n) const {
    if (!floating) {
      convert(DType::int64, out, out_step, DType::int64, totals, sizeof(Total), n);
      return;
    }
    if (divisor != 1) {
      for (int64_t j = 0; j < n; ++j) totals[j].number /= divisor;
    }
    convert(dtype, out, out_step, DType::float64, totals, sizeof(Total), n);
  }

  void store(void* out, Total total) const {
    if (dtype == DType::float32) {
      *static_cast<float*>(out) =
          static_cast<float>(divisor == 1 ? total.number : total.number / divisor);
    } else {
      store(out, 0, &total, 1);
    }
  }

  Total row(const char* in, int64_t step, int64_t n) const {
    const auto sum = loops.sum[index_of(compute)];
    if (compute == dtype && step == item) return sum(in, n);
    alignas(64) char room[kPackBytes];
    const int64_t block = kPackBytes / item;
    if (n <= block) return sum(fetch(dtype, in, step, n, room), n);
    PairwiseSum numbers;
    Total total{.integer = 0};
    for (; n > 0; n -= block, in += block * step) {
      const int64_t count = n < block ? n : block;
      const Total part = sum(fetch(dtype, in, step, count, room), count);
      if (floating) {
        numbers.add(part.number);
      } else {
        total.integer += part.integer;
      }
    }
    if (floating) total.number = numbers.total();
    return total;
  }

  void rows(Plan& p, char* out, const char* in) const {
    const Dim inner = p.folded.count > 0 ? p.folded.pop() : Dim{1, 0, 0};
    Walker kept(p.kept);
    if (p.folded.count == 0) {
      do {
        store(out + kept.out, row(in + kept.in, inner.in, inner.size));
      } while (kept.next());
      return;
    }
    do {
      PairwiseSum numbers;
      Total total{.integer = 0};
      Walker folded(p.folded);
      do {
        const Total part = row(in + kept.in + folded.in, inner.in, inner.size);
        if (floating) {
          numbers.add(part.number);
        } else {
          total.integer += part.integer;
        }
      } while (folded.next());
      if (floating) total.number = numbers.total();
      store(out + kept.out, total);
    } while (kept.next());
  }

  // totals[j]: the sum of column j over all folded dimensions, for n columns.
  void fold_columns(Total* totals, const Dims& outer, const char* in, const Dim& row,
                    int64_t column_step, int64_t n) const {
    alignas(64) char sums[kColumns * sizeof(Total)];
    alignas(64) char room[4 * kColumns * sizeof(double)];
    const auto sum_rows = loops.sum_rows[index_of(compute)];
    void* const into = floating ? static_cast<void*>(sums) : totals;
    std::memset(static_cast<void*>(totals), 0, static_cast<size_t>(n) * sizeof(Total));
    const bool in_place = compute == dtype && column_step == item;
    Walker walker(outer);
    do {
      const char* rows = in + walker.in;
      for (int64_t left = row.size; left > 0; left -= kRowsBeforeCarry) {
        const int64_t block = left < kRowsBeforeCarry ? left : kRowsBeforeCarry;
        if (floating) std::memset(sums, 0, static_cast<size_t>(n * item));
        if (in_place) {
          sum_rows(into, rows, row.in, block, n);
          rows += block * row.in;
        }
        for (int64_t i = 0; i < block && !in_place; i += 4) {
          const int64_t four = block - i < 4 ? block - i : 4;
          for (int64_t k = 0; k < four; ++k, rows += row.in) {
            convert(compute, room + k * n * item, item, dtype, rows, column_step, n);
          }
          sum_rows(into, room, n * item, four, n);
        }
        if (floating) loops.carry[index_of(compute)](&totals->number, sums, n);
      }
    } while (walker.next());
  }

  // Short contiguous rows: `wide` of them at a time are one row, whose pieces are added at the end.
  void fold_narrow(Total* totals, const Dims& outer, const char* in, const Dim& row,
                   int64_t column_step, int64_t n, int64_t wide) const {
    const int64_t whole = row.size / wide, rest = row.size % wide;
    Total parts[kColumns];
    fold_columns(parts, outer, in, {whole, row.in * wide, 0}, column_step, n * wide);
    std::memcpy(totals, parts, static_cast<size_t>(n) * sizeof(Total));
    for (int64_t w = 1; w < wide; ++w) add(totals, parts + w * n, n);
    if (rest > 0) {
      fold_columns(parts, outer, in + whole * wide * row.in, {rest, row.in, 0}, column_step, n);
      add(totals, parts, n);
    }
  }

  void add(Total* totals, const Total* more, int64_t n) const {
    for (int64_t j = 0; j < n; ++j) {
      if (floating) {
        totals[j].number += more[j].number;
      } else {
        totals[j].integer += more[j].integer;
      }
    }
  }

  void columns(Plan& p, char* out, const char* in) const {
    const Dim column = p.kept.pop(), row = p.folded.pop();
    Total totals[kColumns];
    const int64_t wide = rows_at_once(dtype, column, row);
    Walker kept(p.kept);
    do {
      for (int64_t j = 0; j < column.size; j += kColumns) {
        const int64_t n = column.size - j < kColumns ? column.size - j : kColumns;
        const char* first = in + kept.in + j * column.in;
        if (wide > 1) {
          fold_narrow(totals, p.folded, first, row, column.in, n, wide);
        } else {
          fold_columns(totals, p.folded, first, row, column.in, n);
        }
        store(out + kept.out + j * column.out, column.out, totals, n);
      }
    } while (kept.next());
  }

  void nothing(const Plan& p, char* out) const {
    Walker kept(p.kept);
    do {
      store(out + kept.out, Total{.integer = 0});
    } while (kept.next());
  }
};

void sum(DType dtype, void* out, const int64_t* out_strides, const void* in,
         const int64_t* in_strides, const int64_t* sizes, int rank, uint32_t reduced,
         double divisor) {
  const DType compute = compute_type(dtype);
  const Sum sum{dtype, compute, divisor, fold_loops(), size_of(compute), is_floating(dtype)};
  const int64_t out_item = sum.floating ? size_of(dtype) : size_of(DType::int64);
  Plan p = plan(size_of(dtype), out_item, out_strides, in_strides, sizes, rank, reduced, false);
  if (p.nothing_out) return;
  char* const first_out = static_cast<char*>(out) + p.out;
  const char* const first_in = static_cast<const char*>(in) + p.in;
  if (p.nothing_in) {
    sum.nothing(p, first_out);
  } else if (p.by_columns()) {
    sum.columns(p, first_out, first_in);
  } else {
    sum.rows(p, first_out, first_in);
  }
}

struct Extreme {
  DType dtype, compute;
  const FoldLoops& loops;
  int minimum;   // 1: min, 0: max
  int64_t item;  // bytes of an element of the compute type

  void rows(Plan& p, char* out, const char* in) const {
    alignas(64) char room[kPackBytes];
    const auto extreme = loops.extreme[minimum][index_of(compute)];
    const auto extreme_rows = loops.extreme_rows[minimum][index_of(compute)];
    const Dim inner = p.folded.count > 0 ? p.folded.pop() : Dim{1, 0, 0};
    const bool in_place = compute == dtype && inner.in == item;
    const int64_t block = in_place ? inner.size : kPackBytes / item;
    Walker kept(p.kept);
    do {
      alignas(8) char best[8], next[8];
      bool first = true;
      Walker folded(p.folded);
      do {
        for (int64_t i = 0; i < inner.size; i += block) {
          const int64_t n = inner.size - i < block ? inner.size - i : block;
          const char* x = in + kept.in + folded.in + i * inner.in;
          extreme(first ? best : next, fetch(dtype, x, inner.in, n, room), n);
          if (!first) extreme_rows(best, next, 1);
          first = false;
        }
      } while (folded.next());
      put(dtype, out + kept.out, compute, best);
    } while (kept.next());
  }

  // The extremes of n columns over all folded dimensions.
  void fold_columns(char* best, const Dims& folded, const char* in, int64_t column_step,
                    int64_t n) const {
    alignas(64) char room[kColumns * sizeof(double)];
    const auto extreme_rows = loops.extreme_rows[minimum][index_of(compute)];
    convert(compute, best, item, dtype, in, column_step, n);
    Walker walker(folded);
    while (walker.next()) {
      extreme_rows(best, fetch(dtype, in + walker.in, column_step, n, room), n);
    }
  }

  // Short contiguous rows: `wide` of them at a time are one row, whose pieces are folded at the
  // end, and then the rows that are left.
  void fold_narrow(char* best, Dims folded, const char* in, int64_t column_step, int64_t n,
                   int64_t wide) const {
    const auto extreme_rows = loops.extreme_rows[minimum][index_of(compute)];
    Dim& row = folded.dim[folded.count - 1];
    const Dim rest{row.size % wide, row.in, 0};
    const char* const last = in + (row.size - rest.size) * row.in;
    row = {row.size / wide, row.in * wide, 0};
    fold_columns(best, folded, in, column_step, n * wide);
    for (int64_t w = 1; w < wide; ++w) extreme_rows(best, best + w * n * item, n);
    if (rest.size == 0) return;
    row = rest;
    fold_columns(best + n * item, folded, last, column_step, n);
    extreme_rows(best, best + n * item, n);
  }

  void columns(Plan& p, char* out, const char* in) const {
    alignas(64) char best[kColumns * sizeof(double)];
    const Dim column = p.kept.pop();
    const int64_t wide = rows_at_once(dtype, column, p.folded.dim[p.folded.count - 1]);
    Walker kept(p.kept);
    do {
      for (int64_t j = 0; j < column.size; j += kColumns) {
        const int64_t n = column.size - j < kColumns ? column.size - j : kColumns;
        const char* first = in + kept.in + j * column.in;
        if (wide > 1) {
          fold_narrow(best, p.folded, first, column.in, n, wide);
        } else {
          fold_columns(best, p.folded, first, column.in, n);
        }
        convert(dtype, out + kept.out + j * column.out, column.out, compute, best, item, n);
      }
    } while (kept.next());
  }
};

bool is_contiguous(const int64_t* strides, const int64_t* sizes, int rank, int64_t* count) {
  int64_t expected = 1;
  for (int d = rank; d-- > 0;) {
    if (sizes[d] != 1 && strides[d] != expected) return false;
    expected *= sizes[d];
  }
  *count = expected;
  return true;
}

[[gnu::noinline]] void reduce_any(Fold fold, DType dtype, void* out, const int64_t* out_strides,
                                  const void* in, const int64_t* in_strides, const int64_t* sizes,
                                  int rank, uint32_t reduced, double divisor) {
  if (fold == Fold::sum) {
    sum(dtype, out, out_strides, in, in_strides, sizes, rank, reduced, divisor);
    return;
  }
  const int64_t bytes = size_of(dtype);
  Plan p = plan(bytes, bytes, out_strides, in_strides, sizes, rank, reduced, false);
  if (p.nothing_out) return;
  const DType compute = compute_type(dtype);
  const Extreme extreme{dtype, compute, fold_loops(), fold == Fold::min, size_of(compute)};
  char* const first_out = static_cast<char*>(out) + p.out;
  const char* const first_in = static_cast<const char*>(in) + p.in;
  if (p.by_columns()) {
    extreme.columns(p, first_out, first_in);
  } else {
    extreme.rows(p, first_out, first_in);
  }
}

}  // namespace

double sum_contiguous(DType dtype, const void* x, int64_t n) noexcept {
  return fold_loops().sum[index_of(dtype)](x, n).number;
}

void reduce(Fold fold, DType dtype, void* out, const int64_t* out_strides, const void* in,
            const int64_t* in_strides, const int64_t* sizes, int rank, uint32_t reduced,
            double divisor) noexcept {
  // The sum of a whole contiguous tensor needs no plan.
  const uint32_t all = (uint32_t{1} << rank) - 1;
  int64_t count;
  if (fold == Fold::sum && dtype <= DType::float64 && (reduced & all) == all &&
      is_contiguous(in_strides, sizes, rank, &count)) {
    double total = sum_contiguous(dtype, in, count);
    if (divisor != 1) total /= divisor;
    if (dtype == DType::float32) {
      *static_cast<float*>(out) = static_cast<float>(total);
    } else {
      *static_cast<double*>(out) = total;
    }
    return;
  }
  reduce_any(fold, dtype, out, out_strides, in, in_strides, sizes, rank, reduced, divisor);
}

}  // namespace tg::kernels
