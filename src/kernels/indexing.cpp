// SPDX-License-Identifier: MIT
// gather and scatter_add. The innermost dimension is a loop of its own; where the index does not
// change along it (index_select, index_add) whole rows are copied or added.
#include "kernels/indexing.h"

#include <cstring>

#include "base/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/indexing.cpp"
#include "kernels/targets.h"
// After targets.h.
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

#ifndef TAPEGRAD_KERNELS_INDEXING_LOOPS
#define TAPEGRAD_KERNELS_INDEXING_LOOPS
namespace tg::kernels {

// Index 0: float32, 1: float64. out[i] += x[i].
struct IndexingLoops {
  void (*add[2])(void* out, const void* x, int64_t n);
};

}  // namespace tg::kernels
#endif

HWY_BEFORE_NAMESPACE();
namespace tg::kernels {
namespace HWY_NAMESPACE {
namespace {

template <class T>
void add(void* out_data, const void* x_data, int64_t n) {
  T* HWY_RESTRICT out = static_cast<T*>(out_data);
  const T* HWY_RESTRICT x = static_cast<const T*>(x_data);
  for (int64_t i = 0; i < n; ++i) out[i] += x[i];
}

}  // namespace

extern const IndexingLoops kIndexingLoops;
constinit const IndexingLoops kIndexingLoops = {{&add<float>, &add<double>}};

}  // namespace HWY_NAMESPACE
}  // namespace tg::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace tg::kernels {
namespace {

constexpr int kMaxRank = 16;

const IndexingLoops& loops() {
  switch (best_target()) {
#if HWY_TARGETS & HWY_AVX3
    case Target::avx512: return N_AVX3::kIndexingLoops;
#endif
#if HWY_TARGETS & HWY_AVX2
    case Target::avx2: return N_AVX2::kIndexingLoops;
#endif
    default: return HWY_NAMESPACE::kIndexingLoops;
  }
}

// `dense` is the side that the index walks with (out of gather, source of
// scatter_add); `indexed` the other, on which dimension dim does not move: the index does.
struct Dim {
  int64_t size, dense, indexed, index;
};

struct Dims {
  int count = 0;
  Dim dim[kMaxRank];
  bool empty = false;

  // Steps count `item`s, those of the index elements.
  Dims(int64_t item, const int64_t* sizes, const int64_t* dense, const int64_t* indexed,
       const int64_t* index, int rank, int along) {
    for (int d = 0; d < rank; ++d) {
      if (sizes[d] == 0) empty = true;
      if (sizes[d] == 1) continue;
      const Dim next{sizes[d], dense[d] * item, d == along ? 0 : indexed[d] * item, index[d]};
      if (count > 0 && continues(dim[count - 1], next)) {
        dim[count - 1] = {dim[count - 1].size * next.size, next.dense, next.indexed, next.index};
      } else {
        dim[count++] = next;
      }
    }
  }

  // Whether the outer dimension goes on where the inner one ends, so that they are one.
  static bool continues(const Dim& outer, const Dim& inner) {
    return outer.dense == inner.dense * inner.size && outer.indexed == inner.indexed * inner.size &&
           outer.index == inner.index * inner.size;
  }

  Dim pop() { return count > 0 ? dim[--count] : Dim{1, 0, 0, 0}; }
};

struct Walker {
  const Dims& dims;
  int64_t dense = 0, indexed = 0, index = 0;
  int64_t at[kMaxRank];

  explicit Walker(const Dims& d) : dims(d) {
    for (int k = 0; k < d.count; ++k) at[k] = 0;
  }
  bool next() {
    for (int k = dims.count; k-- > 0;) {
      const Dim& d = dims.dim[k];
      dense += d.dense, indexed += d.indexed, index += d.index;
      if (++at[k] < d.size) return true;
      dense -= d.dense * d.size, indexed -= d.indexed * d.size, index -= d.index * d.size;
      at[k] = 0;
    }
    return false;
  }
};

// Of elements of kItem bytes, which is all that copying needs to know of them.
template <int kItem>
void gather_of(char* out, const char* in, const int64_t* index, Dims& dims, int64_t stride) {
  const Dim inner = dims.pop();
  Walker at(dims);
  do {
    char* to = out + at.dense;
    const char* from = in + at.indexed;
    const int64_t* which = index + at.index;
    if (inner.index == 0) {
      from += *which * stride;
      if (inner.dense == kItem && inner.indexed == kItem) {
        std::memcpy(to, from, static_cast<size_t>(inner.size * kItem));
        continue;
      }
      for (int64_t i = 0; i < inner.size; ++i) {
        std::memcpy(to + i * inner.dense, from + i * inner.indexed, kItem);
      }
      continue;
    }
    for (int64_t i = 0; i < inner.size; ++i) {
      std::memcpy(to + i * inner.dense, from + i * inner.indexed + which[i * inner.index] * stride,
                  kItem);
    }
  } while (at.next());
}

template <class T>
void scatter_add_of(T* out, const T* source, const int64_t* index, Dims& dims, int64_t stride) {
  const auto add = loops().add[sizeof(T) == 8 ? 1 : 0];
  const Dim inner = dims.pop();
  Walker at(dims);
  do {
    T* to = out + at.indexed;
    const T* from = source + at.dense;
    const int64_t* which = index + at.index;
    if (inner.index == 0 && inner.dense == 1 && inner.indexed == 1) {
      add(to + *which * stride, from, inner.size);
      continue;
    }
    for (int64_t i = 0; i < inner.size; ++i) {
      to[i * inner.indexed + which[i * inner.index] * stride] += from[i * inner.dense];
    }
  } while (at.next());
}

}  // namespace

bool indices_in_range(const int64_t* index, const int64_t* strides, const int64_t* sizes, int rank,
                      int64_t limit, bool negative_allowed, int64_t* bad) noexcept {
  // index + shift < span, unsigned, is lowest <= index < limit in one comparison.
  const uint64_t shift = negative_allowed ? static_cast<uint64_t>(limit) : 0;
  const uint64_t span = shift + static_cast<uint64_t>(limit);
  Dims dims(1, sizes, strides, strides, strides, rank, -1);
  if (dims.empty) return true;
  const Dim inner = dims.pop();
  Walker at(dims);
  do {
    const int64_t* row = index + at.index;
    bool wrong = false;
    for (int64_t i = 0; i < inner.size; ++i) {
      wrong |= static_cast<uint64_t>(row[i * inner.index]) + shift >= span;
    }
    for (int64_t i = 0; wrong && i < inner.size; ++i) {
      if (static_cast<uint64_t>(row[i * inner.index]) + shift < span) continue;
      if (bad != nullptr) *bad = row[i * inner.index];
      return false;
    }
  } while (at.next());
  return true;
}

void gather(int64_t item, void* out, const int64_t* out_strides, const void* in,
            const int64_t* in_strides, const int64_t* index, const int64_t* index_strides,
            const int64_t* index_sizes, int rank, int dim) noexcept {
  Dims dims(item, index_sizes, out_strides, in_strides, index_strides, rank, dim);
  if (dims.empty) return;
  const int64_t stride = rank > 0 ? in_strides[dim] * item : 0;
  char* const to = static_cast<char*>(out);
  const char* const from = static_cast<const char*>(in);
  switch (item) {
    case 1: return gather_of<1>(to, from, index, dims, stride);
    case 2: return gather_of<2>(to, from, index, dims, stride);
    case 4: return gather_of<4>(to, from, index, dims, stride);
    default: return gather_of<8>(to, from, index, dims, stride);
  }
}

void scatter_add(DType dtype, void* out, const int64_t* out_strides, const int64_t* index,
                 const int64_t* index_strides, const void* source, const int64_t* source_strides,
                 const int64_t* index_sizes, int rank, int dim) noexcept {
  Dims dims(1, index_sizes, source_strides, out_strides, index_strides, rank, dim);
  if (dims.empty) return;
  const int64_t stride = rank > 0 ? out_strides[dim] : 0;
  if (dtype == DType::float64) {
    scatter_add_of(static_cast<double*>(out), static_cast<const double*>(source), index, dims,
                   stride);
  } else {
    scatter_add_of(static_cast<float*>(out), static_cast<const float*>(source), index, dims,
                   stride);
  }
}

}  // namespace tg::kernels
#endif
