// SPDX-License-Identifier: MIT
// The positions of extremes, along one dimension or in the whole tensor. Like reduce.cpp it brings
// the elements to the loops of fold_loops.h, but in their own order, since the first one counts.
#include <cstring>

#include "kernels/fold_loops.h"
#include "kernels/reduce.h"
#include "kernels/reduce_plan.h"

namespace tg::kernels {
namespace {

// Values and positions have different element sizes, so distances in the results count elements.
struct ArgExtreme {
  DType dtype, compute;
  const FoldLoops& loops;
  int minimum;   // 1: min, 0: max
  int64_t item;  // bytes of an element of the compute type
  char* values;
  int64_t* indices;

  void store(int64_t element, int64_t step, const char* best, const int64_t* where,
             int64_t n) const {
    if (values != nullptr) {
      const int64_t bytes = size_of(dtype);
      convert(dtype, values + element * bytes, step * bytes, compute, best, item, n);
    }
    for (int64_t j = 0; j < n && indices != nullptr; ++j) indices[element + j * step] = where[j];
  }

  // Goes on over n more elements, the first of which stands at `position`. *where < 0: none yet.
  void extend(char* best, int64_t* where, const char* in, int64_t step, int64_t n,
              int64_t position) const {
    alignas(64) char room[kPackBytes];
    const int at = index_of(compute);
    const int64_t block = compute == dtype && step == item ? n : kPackBytes / item;
    for (int64_t i = 0; i < n; i += block) {
      const int64_t count = n - i < block ? n - i : block;
      const char* x = fetch(dtype, in + i * step, step, count, room);
      const int64_t found = loops.find[minimum][at](x, count);
      if (*where < 0) {
        std::memcpy(best, x + found * item, static_cast<size_t>(item));
        *where = position + i + found;
      } else {
        loops.find_rows[minimum][at](best, where, x + found * item, position + i + found, 1);
      }
    }
  }

  void rows(const Plan& p, const Dim& along, const char* in) const {
    Walker kept(p.kept);
    do {
      alignas(8) char best[8];
      int64_t where = -1;
      extend(best, &where, in + kept.in, along.in, along.size, 0);
      store(p.out + kept.out, 0, best, &where, 1);
    } while (kept.next());
  }

  void columns(Plan& p, const Dim& along, const char* in) const {
    alignas(64) char best[kColumns * sizeof(double)];
    alignas(64) char room[kColumns * sizeof(double)];
    int64_t where[kColumns];
    const auto find_rows = loops.find_rows[minimum][index_of(compute)];
    const Dim column = p.kept.pop();
    Walker kept(p.kept);
    do {
      for (int64_t j = 0; j < column.size; j += kColumns) {
        const int64_t n = column.size - j < kColumns ? column.size - j : kColumns;
        const char* row = in + kept.in + j * column.in;
        convert(compute, best, item, dtype, row, column.in, n);
        std::memset(where, 0, sizeof where);
        for (int64_t i = 1; i < along.size; ++i) {
          row += along.in;
          find_rows(best, where, fetch(dtype, row, column.in, n, room), i, n);
        }
        store(p.out + kept.out + j * column.out, column.out, best, where, n);
      }
    } while (kept.next());
  }
};

}  // namespace

void arg_reduce(Fold fold, DType dtype, void* values, int64_t* indices, const int64_t* out_strides,
                const void* in, const int64_t* in_strides, const int64_t* sizes, int rank,
                int dim) noexcept {
  Plan p = plan(size_of(dtype), 1, out_strides, in_strides, sizes, rank, uint32_t{1} << dim, true);
  if (p.nothing_out) return;
  const DType compute = compute_type(dtype);
  const ArgExtreme arg{dtype,
                       compute,
                       fold_loops(),
                       fold == Fold::min,
                       size_of(compute),
                       static_cast<char*>(values),
                       indices};
  const char* const first = static_cast<const char*>(in) + p.in;
  const bool columns = p.by_columns();
  const Dim along = p.folded.count > 0 ? p.folded.pop() : Dim{1, 0, 0};
  if (columns) {
    arg.columns(p, along, first);
  } else {
    arg.rows(p, along, first);
  }
}

int64_t arg_reduce_all(Fold fold, DType dtype, const void* in, const int64_t* in_strides,
                       const int64_t* sizes, int rank) noexcept {
  Plan p = plan(size_of(dtype), 1, in_strides, in_strides, sizes, rank, ~uint32_t{0}, true);
  const DType compute = compute_type(dtype);
  const ArgExtreme arg{dtype,   compute, fold_loops(), fold == Fold::min, size_of(compute),
                       nullptr, nullptr};
  const Dim inner = p.folded.count > 0 ? p.folded.pop() : Dim{1, 0, 0};
  alignas(8) char best[8];
  int64_t where = -1, position = 0;
  Walker walker(p.folded);
  do {
    arg.extend(best, &where, static_cast<const char*>(in) + walker.in, inner.in, inner.size,
               position);
    position += inner.size;
  } while (walker.next());
  return where;
}

}  // namespace tg::kernels
