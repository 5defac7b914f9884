// SPDX-License-Identifier: MIT
// Sizes and strides: counting, row-major order, broadcasting, dimensions given as negative numbers.
// Formulas only; nothing here knows a tensor.
#pragma once

#include <cstdint>

#include "base/checked.h"
#include "base/error.h"

namespace tg {

inline constexpr int kMaxRank = 16;

// Only the first `rank` places are written: a Shape costs what its rank costs.
struct Shape {
  int32_t rank = 0;
  int64_t sizes[kMaxRank];

  Shape() = default;
  Shape(const int64_t* from, int32_t count) : rank(count) {
    for (int32_t d = 0; d < count; ++d) sizes[d] = from[d];
  }
  Shape(const Shape& other) : Shape(other.sizes, other.rank) {}
  Shape& operator=(const Shape& other) {
    rank = other.rank;
    for (int32_t d = 0; d < rank; ++d) sizes[d] = other.sizes[d];
    return *this;
  }
  int64_t operator[](int d) const { return sizes[d]; }
  int64_t& operator[](int d) { return sizes[d]; }
  void push(int64_t size) { sizes[rank++] = size; }
  int64_t numel() const {
    int64_t n = 1;
    for (int32_t d = 0; d < rank; ++d) n *= sizes[d];
    return n;
  }
};

inline bool same_sizes(const int64_t* a, int32_t rank_a, const int64_t* b, int32_t rank_b) {
  if (rank_a != rank_b) return false;
  for (int32_t d = 0; d < rank_a; ++d) {
    if (a[d] != b[d]) return false;
  }
  return true;
}
inline bool operator==(const Shape& a, const Shape& b) {
  return same_sizes(a.sizes, a.rank, b.sizes, b.rank);
}

// What an operator will give: decided before anything is taken or written.
struct Meta {
  DType dtype;
  Shape shape;
};

// "[2, 3]"
struct SizesText {
  const int64_t* sizes;
  int32_t rank;
};
Message& operator<<(Message& message, const SizesText& text);
inline Message& operator<<(Message& message, const Shape& shape) {
  return message << SizesText{shape.sizes, shape.rank};
}

// Row-major strides of sizes (PyTorch's: a size of 0 counts as 1).
inline void row_major_strides(const int64_t* sizes, int32_t rank, int64_t* strides) {
  int64_t stride = 1;
  for (int32_t d = rank - 1; d >= 0; --d) {
    strides[d] = stride;
    stride *= sizes[d] > 1 ? sizes[d] : 1;
  }
}

// Strides that lay the elements out in row-major order without gaps; those of dimensions of size 1
// do not matter, and a tensor without elements always is.
bool is_row_major(const int64_t* sizes, const int64_t* strides, int32_t rank);

// Checks a shape that comes from outside: rank 0 to 16, no negative size, and a product of the
// non-zero sizes that fits with its bytes. Throws.
Shape checked_shape(const int64_t* sizes, int32_t rank, int64_t item);

// The shape that both broadcast to, by PyTorch's rule; throws TG_ERROR_SHAPE naming both.
Shape broadcast_shapes(const Shape& a, const Shape& b);

// A dimension that may be negative, of a tensor of this rank; rank 0 takes 0 and -1, as PyTorch.
int wrap_dim(int64_t dim, int32_t rank);

}  // namespace tg
