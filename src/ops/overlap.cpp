// SPDX-License-Identifier: MIT
#include "ops/overlap.h"

#include <algorithm>
#include <cstdlib>

namespace tg {

namespace {

// Is there k with 0 <= k[t] <= top[t] and sum of stride[t] * k[t] = distance? The greatest stride
// first; what the smaller ones can reach bounds the search. Gives up with true after `budget`
// steps.
struct Reach {
  int64_t stride[2 * kMaxRank];
  int64_t top[2 * kMaxRank];
  int64_t below[2 * kMaxRank + 1];  // what the dimensions from here on can add at most
  int count = 0;

  void add(int64_t step, int64_t size, int64_t* distance) {
    if (size <= 1 || step == 0) return;
    // A negative step runs over the same addresses from the other end.
    if (step < 0) {
      *distance += -step * (size - 1);
      step = -step;
    }
    int place = count++;
    while (place > 0 && stride[place - 1] < step) {
      stride[place] = stride[place - 1];
      top[place] = top[place - 1];
      --place;
    }
    stride[place] = step;
    top[place] = size - 1;
  }

  bool reaches(int64_t distance) {
    below[count] = 0;
    for (int t = count - 1; t >= 0; --t) below[t] = below[t + 1] + stride[t] * top[t];
    int64_t rest[2 * kMaxRank + 1];
    int64_t next[2 * kMaxRank + 1];
    int64_t last[2 * kMaxRank + 1];
    int t = 0;
    rest[0] = distance;
    bool fresh = true;
    for (int budget = 4096; budget > 0; --budget) {
      if (t == count) {
        if (rest[t] == 0) return true;
        --t;
        fresh = false;
        if (t < 0) return false;
        continue;
      }
      if (fresh) {
        const int64_t least = rest[t] - below[t + 1];
        next[t] = least <= 0 ? 0 : (least + stride[t] - 1) / stride[t];
        last[t] = rest[t] < 0 ? -1 : std::min(top[t], rest[t] / stride[t]);
      }
      if (next[t] > last[t]) {
        --t;
        fresh = false;
        if (t < 0) return false;
        continue;
      }
      rest[t + 1] = rest[t] - stride[t] * next[t]++;
      ++t;
      fresh = true;
    }
    return true;
  }
};

}  // namespace

Overlap overlap_of(const Tensor& a, const Tensor& b) {
  if (a.head()->storage != b.head()->storage) return Overlap::none;
  if (a.numel() == 0 || b.numel() == 0) return Overlap::none;
  if (a.offset() == b.offset() && a.dtype() == b.dtype() && same_shape(a, b)) {
    bool same = true;
    for (int d = 0; d < a.rank(); ++d)
      same = same && (a.size(d) == 1 || a.stride(d) == b.stride(d));
    if (same) return Overlap::same;
  }
  // offset_a + sum(s i) = offset_b + sum(r j): j counted from its far end makes all terms positive.
  Reach reach;
  int64_t distance = b.offset() - a.offset();
  for (int d = 0; d < a.rank(); ++d) reach.add(a.stride(d), a.size(d), &distance);
  for (int d = 0; d < b.rank(); ++d) reach.add(-b.stride(d), b.size(d), &distance);
  return reach.reaches(distance) ? Overlap::partial : Overlap::none;
}

bool has_zero_stride(const Tensor& x) {
  for (int d = 0; d < x.rank(); ++d) {
    if (x.size(d) > 1 && x.stride(d) == 0) return true;
  }
  return false;
}

}  // namespace tg
