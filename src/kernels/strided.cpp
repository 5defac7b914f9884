// SPDX-License-Identifier: MIT
#include "kernels/strided.h"

namespace tg::kernels {
namespace {

// One dimension of the walk, strides in bytes.
struct Dimension {
  int64_t size;
  int64_t stride[kMaxOperands];
};

int64_t magnitude(int64_t stride) { return stride < 0 ? -stride : stride; }

// An outer dimension whose steps continue the inner one's for every operand is the same dimension.
bool continues(const Dimension& outer, const Dimension& inner, int operands) {
  for (int k = 0; k < operands; ++k) {
    if (outer.stride[k] != inner.stride[k] * inner.size) return false;
  }
  return true;
}

// Innermost last. Dimensions of size 1 are dropped; the order is by the result's strides, so that
// the result is written forward in memory; what continues is merged. Returns how many are left,
// or -1 for a tensor without elements.
int collapse(Dimension* dimensions, int operands, const int64_t* const* strides,
             const int64_t* item, const int64_t* sizes, int rank) {
  int count = 0;
  for (int d = 0; d < rank; ++d) {
    if (sizes[d] == 0) return -1;
    if (sizes[d] == 1) continue;
    Dimension next{sizes[d], {}};
    for (int k = 0; k < operands; ++k) next.stride[k] = strides[k][d] * item[k];
    int place = count++;
    for (; place > 0; --place) {
      if (magnitude(dimensions[place - 1].stride[0]) >= magnitude(next.stride[0])) break;
      dimensions[place] = dimensions[place - 1];
    }
    dimensions[place] = next;
  }
  int last = 0;
  for (int d = 1; d < count; ++d) {
    if (continues(dimensions[last], dimensions[d], operands)) {
      dimensions[d].size *= dimensions[last].size;
      dimensions[last] = dimensions[d];
    } else {
      dimensions[++last] = dimensions[d];
    }
  }
  return count == 0 ? 0 : last + 1;
}

}  // namespace

void walk(Loop loop, const void* parameters, int operands, void* const* data,
          const int64_t* const* strides, const int64_t* item, const int64_t* sizes,
          int rank) noexcept {
  Dimension dimensions[kMaxWalkRank];
  const int count = collapse(dimensions, operands, strides, item, sizes, rank);
  if (count < 0) return;
  if (count == 0) {
    // One element; the strides that a loop takes for contiguous.
    int64_t step[kMaxOperands];
    for (int k = 0; k < operands; ++k) step[k] = item[k];
    loop(data, step, 1, parameters);
    return;
  }
  const Dimension& inner = dimensions[count - 1];
  if (count == 1) {
    loop(data, inner.stride, inner.size, parameters);
    return;
  }
  char* place[kMaxOperands];
  int64_t index[kMaxWalkRank];
  for (int k = 0; k < operands; ++k) place[k] = static_cast<char*>(data[k]);
  for (int d = 0; d < count - 1; ++d) index[d] = 0;
  for (;;) {
    void* row[kMaxOperands];
    for (int k = 0; k < operands; ++k) row[k] = place[k];
    loop(row, inner.stride, inner.size, parameters);
    // Counts on like an odometer, from the second innermost dimension outward.
    int d = count - 2;
    for (; d >= 0; --d) {
      const Dimension& dimension = dimensions[d];
      if (++index[d] < dimension.size) {
        for (int k = 0; k < operands; ++k) place[k] += dimension.stride[k];
        break;
      }
      index[d] = 0;
      for (int k = 0; k < operands; ++k) place[k] -= dimension.stride[k] * (dimension.size - 1);
    }
    if (d < 0) return;
  }
}

void fill(DType dtype, void* out, const int64_t* strides, const int64_t* sizes, int rank,
          Scalars value) noexcept {
  const int64_t item = size_of(dtype);
  walk(table().at(Lane::fill, dtype), &value, 1, &out, &strides, &item, sizes, rank);
}

}  // namespace tg::kernels
