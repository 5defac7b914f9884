// SPDX-License-Identifier: MIT
#include "core/shape.h"

namespace tg {

Message& operator<<(Message& message, const SizesText& text) {
  message << '[';
  for (int32_t d = 0; d < text.rank; ++d) {
    if (d > 0) message << ", ";
    message << text.sizes[d];
  }
  return message << ']';
}

bool is_row_major(const int64_t* sizes, const int64_t* strides, int32_t rank) {
  int64_t expected = 1;
  bool ordered = true;
  for (int32_t d = rank - 1; d >= 0; --d) {
    if (sizes[d] == 0) return true;
    if (sizes[d] != 1) {
      ordered = ordered && strides[d] == expected;
      expected *= sizes[d];
    }
  }
  return ordered;
}

Shape checked_shape(const int64_t* sizes, int32_t rank, int64_t item) {
  if (rank < 0) fail(TG_ERROR_INVALID_ARGUMENT, "rank is ", rank, "; it must not be negative");
  if (rank > kMaxRank) {
    fail(TG_ERROR_LIMIT, "rank is ", rank, "; at most ", kMaxRank, " dimensions are possible");
  }
  if (rank > 0 && sizes == nullptr) {
    fail(TG_ERROR_INVALID_ARGUMENT, "shape is NULL but rank is ", rank, "; give ", rank, " sizes");
  }
  int64_t bytes = item;
  for (int32_t d = 0; d < rank; ++d) {
    if (sizes[d] < 0) {
      fail(TG_ERROR_INVALID_ARGUMENT, "shape[", d, "] is ", sizes[d],
           "; a size must not be negative");
    }
    // Sizes of 0 are left out: [huge, 0, huge] would otherwise hide an overflow.
    if (sizes[d] > 0 && !checked_multiply(bytes, sizes[d], &bytes)) {
      fail(TG_ERROR_SHAPE, "shape ", SizesText{sizes, rank},
           " has more than 2^63 - 1 bytes; make it smaller");
    }
  }
  return Shape(sizes, rank);
}

Shape broadcast_shapes(const Shape& a, const Shape& b) {
  const Shape& longer = a.rank >= b.rank ? a : b;
  const Shape& shorter = a.rank >= b.rank ? b : a;
  Shape out(longer);
  const int32_t shift = longer.rank - shorter.rank;
  int64_t elements = 1;
  for (int32_t d = 0; d < longer.rank; ++d) {
    if (d >= shift) {
      const int64_t size = shorter.sizes[d - shift];
      if (out.sizes[d] == 1) {
        out.sizes[d] = size;
      } else if (size != 1 && size != out.sizes[d]) {
        fail(TG_ERROR_SHAPE, "shapes ", a, " and ", b, " do not broadcast: dimension ", d, " has ",
             a.rank >= b.rank ? out.sizes[d] : size, " and ",
             a.rank >= b.rank ? size : out.sizes[d],
             "; sizes must be equal or 1, so reshape or expand one operand");
      }
    }
    if (out.sizes[d] > 0 && !checked_multiply(elements, out.sizes[d], &elements)) {
      fail(TG_ERROR_SHAPE, "shapes ", a, " and ", b, " broadcast to more than 2^63 - 1 elements");
    }
  }
  return out;
}

int wrap_dim(int64_t dim, int32_t rank) {
  const int64_t range = rank > 0 ? rank : 1;
  if (dim < -range || dim >= range) {
    fail(TG_ERROR_INDEX, "dim is ", dim, "; a tensor of rank ", rank, " takes ", -range, " to ",
         range - 1);
  }
  return static_cast<int>(dim < 0 ? dim + range : dim);
}

}  // namespace tg
