// SPDX-License-Identifier: MIT
// How a reduction walks a strided tensor: which dimensions are kept and which folded, in which
// order, and how elements come contiguous and in the dtype that the loops compute in.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/dtype.h"
#include "kernels/fold_loops.h"
#include "kernels/strided.h"

namespace tg::kernels {

// Columns are folded this many at a time: what is kept of them stays in the first-level cache,
// and all of it fits a small stack.
inline constexpr int64_t kColumns = 256;
// Room for elements that must be packed: a whole block of a sum, so that packed elements are added
// in the order of contiguous ones.
inline constexpr int64_t kPackBytes = kSumBlockBytes;

constexpr int index_of(DType dtype) { return static_cast<int>(dtype); }

// The 16-bit floats are folded as float; a bool as 0 or 1, whatever its byte is if it is true.
constexpr DType compute_type(DType dtype) {
  switch (dtype) {
    case DType::float16:
    case DType::bfloat16: return DType::float32;
    case DType::boolean: return DType::uint8;
    default: return dtype;
  }
}

// Steps are in bytes.
inline void convert(DType to, void* out, int64_t out_step, DType from, const void* in,
                    int64_t in_step, int64_t n) {
  void* const data[2] = {out, const_cast<void*>(in)};
  const int64_t strides[2] = {out_step, in_step};
  copy_loop(to, from)(data, strides, n, nullptr);
}

// One element of the compute type.
inline void put(DType dtype, void* out, DType compute, const void* value) {
  if (dtype != compute) {
    convert(dtype, out, 0, compute, value, 0, 1);
  } else if (size_of(dtype) == 4) {
    std::memcpy(out, value, 4);
  } else if (size_of(dtype) == 8) {
    std::memcpy(out, value, 8);
  } else {
    std::memcpy(out, value, static_cast<size_t>(size_of(dtype)));
  }
}

// n elements `step` bytes apart as contiguous elements of the compute type: where they lie, or
// packed into `room`.
inline const char* fetch(DType dtype, const char* in, int64_t step, int64_t n, char* room) {
  const DType compute = compute_type(dtype);
  if (compute == dtype && (step == size_of(dtype) || n == 1)) return in;
  convert(compute, room, size_of(compute), dtype, in, step, n);
  return room;
}

struct Dim {
  int64_t size, in, out;  // steps in bytes
};

// Dimensions in walking order, outermost first, those of size 1 left out.
struct Dims {
  int count = 0;
  Dim dim[kMaxWalkRank];

  void push(Dim d) { dim[count++] = d; }
  Dim pop() { return dim[--count]; }

  // By falling step of the input, so that the innermost is nearest in memory.
  void sort() {
    for (int i = 1; i < count; ++i) {
      const Dim d = dim[i];
      int j = i;
      for (; j > 0 && dim[j - 1].in < d.in; --j) dim[j] = dim[j - 1];
      dim[j] = d;
    }
  }

  // Two neighbours become one where the outer one continues the inner one.
  void merge() {
    int last = 0;
    for (int i = 1; i < count; ++i) {
      Dim& outer = dim[last];
      if (outer.in == dim[i].in * dim[i].size && outer.out == dim[i].out * dim[i].size) {
        outer = {outer.size * dim[i].size, dim[i].in, dim[i].out};
      } else {
        dim[++last] = dim[i];
      }
    }
    if (count > 0) count = last + 1;
  }
};

// Steps through the positions of Dims like an odometer; in and out are distances in bytes.
struct Walker {
  const Dims& dims;
  int64_t in = 0, out = 0;
  int64_t at[kMaxWalkRank];

  explicit Walker(const Dims& d) : dims(d) {
    for (int k = 0; k < d.count; ++k) at[k] = 0;
  }
  bool next() {
    for (int k = dims.count; k-- > 0;) {
      const Dim& d = dims.dim[k];
      in += d.in, out += d.out;
      if (++at[k] < d.size) return true;
      in -= d.in * d.size, out -= d.out * d.size;
      at[k] = 0;
    }
    return false;
  }
};

struct Plan {
  Dims kept, folded;
  int64_t in = 0, out = 0;   // where the walk starts
  bool nothing_out = false;  // no element to write
  bool nothing_in = false;   // nothing to fold

  // Whether neighbours in memory go to different results, so that rows are folded into a row.
  bool by_columns() const {
    if (kept.count == 0 || folded.count == 0) return false;
    const int64_t step = folded.dim[folded.count - 1].in;
    return kept.dim[kept.count - 1].in < (step < 0 ? -step : step);
  }
};

// `ordered`: the folded dimensions keep their order and direction, because positions are asked for.
inline Plan plan(int64_t in_item, int64_t out_item, const int64_t* out_strides,
                 const int64_t* in_strides, const int64_t* sizes, int rank, uint32_t folded,
                 bool ordered) {
  Plan p;
  for (int d = 0; d < rank; ++d) {
    const int64_t size = sizes[d];
    int64_t in = in_strides[d] * in_item;
    if ((folded >> d & 1) != 0) {
      if (size == 0) p.nothing_in = true;
      if (size <= 1) continue;
      if (in < 0 && !ordered) {  // from the other end
        p.in += in * (size - 1);
        in = -in;
      }
      p.folded.push({size, in, 0});
    } else {
      if (size == 0) p.nothing_out = true;
      if (size <= 1) continue;
      int64_t out = out_strides[d] * out_item;
      if (in < 0) {
        p.in += in * (size - 1), p.out += out * (size - 1);
        in = -in, out = -out;
      }
      p.kept.push({size, in, out});
    }
  }
  p.kept.sort();
  p.kept.merge();
  if (!ordered) p.folded.sort();
  p.folded.merge();
  return p;
}

}  // namespace tg::kernels
