// SPDX-License-Identifier: MIT
// How heads are written. In line: a view is a head and little else, and a saved tensor is one
// inside its node.
#pragma once

#include <bit>

#include "core/tensor.h"

namespace tg {

inline uint32_t form_of(DType dtype, int rank, bool is_view, bool row_major) {
  return static_cast<uint32_t>(dtype) | static_cast<uint32_t>(rank) << TensorHead::kRankShift |
         (is_view ? TensorHead::kIsView : 0) | (row_major ? TensorHead::kRowMajor : 0);
}

// The form and the flags are one word: one store instead of bit by bit.
inline TensorHead* init_head(void* memory, Storage* storage, uint32_t form, int64_t offset) {
  auto* head = new (memory) TensorHead;
  static_assert(std::endian::native == std::endian::little);
  const uint64_t start = 1 | uint64_t{form} << 32;  // one reference
  std::memcpy(static_cast<void*>(head), &start, sizeof start);
  head->storage = storage;
  head->offset = offset;
  head->history.store(0, std::memory_order_relaxed);
  return head;
}
inline void copy_layout(TensorHead* to, const TensorHead* from, int rank) {
  auto* target = reinterpret_cast<std::byte*>(to->sizes());
  const auto* source = reinterpret_cast<const std::byte*>(from->sizes());
  for (int d = 0; d < rank; ++d, target += 16, source += 16) std::memcpy(target, source, 16);
}

inline void write_row_major(TensorHead* head, const int64_t* sizes, int rank) {
  int64_t* to = head->sizes();
  int64_t stride = 1;
  for (int d = rank - 1; d >= 0; --d) {
    const int64_t size = sizes[d];
    to[d] = size;
    to[rank + d] = stride;
    stride *= size + (size == 0);
  }
}

// A head in a block of its own counts what keeps its storage alive: a view's base, or the storage.
[[gnu::always_inline]] inline TensorHead* init_other_head(void* memory, Storage& storage,
                                                          DType dtype, int rank, bool row_major,
                                                          int64_t offset, ViewInfo info) {
  const bool is_view = info.base != nullptr;  // often known to the compiler
  TensorHead* head = init_head(memory, &storage, form_of(dtype, rank, is_view, row_major), offset);
  if (is_view) {
    auto* end = reinterpret_cast<std::byte*>(head) + head_bytes(rank, false);
    *reinterpret_cast<ViewInfo*>(end) = info;
    count_up(info.base->refs);
  } else {
    count_up(storage.refs);
  }
  return head;
}

// A head for from's elements in row-major order under other sizes, none of them 0; `from` is
// row-major.
[[gnu::always_inline]] inline TensorHead* init_row_major_head(void* memory, const TensorHead* from,
                                                              const int64_t* sizes, int rank,
                                                              ViewInfo info) {
  TensorHead* head =
      init_other_head(memory, *from->storage, from->dtype, rank, true, from->offset, info);
  int64_t* to = head->sizes();
  const int64_t n = rank;
  int64_t stride = 1;
  for (int64_t d = n - 1; d >= 0; --d) {
    to[d] = sizes[d];
    to[n + d] = stride;
    stride *= sizes[d];
  }
  return head;
}
// The same in a block from the thread's list; null: the list is empty.
[[gnu::always_inline]] inline Tensor make_listed_head(const TensorHead* from, const int64_t* sizes,
                                                      int rank, ViewInfo info) {
  // Two roads, so that each knows whether it makes a view.
  if (info.base != nullptr) [[likely]] {
    if (void* memory = take_listed(head_class(rank, true))) [[likely]]
      return Tensor(init_row_major_head(memory, from, sizes, rank, info));
  } else if (void* memory = take_listed(head_class(rank, false))) [[likely]] {
    return Tensor(init_row_major_head(memory, from, sizes, rank, kNoView));
  }
  return {};
}

// A head on the same elements as x, without history and base, inside a block of its owner. Where it
// outlives the owner's need of it, its end lets go of one count of the owner.
[[gnu::always_inline]] inline TensorHead* embed_head(void* memory, const Tensor& x,
                                                     History* owner) {
  const TensorHead* from = x.head();
  const uint32_t form = (from->form() & ~TensorHead::kIsView) | TensorHead::kEmbedded;
  TensorHead* head = init_head(memory, from->storage, form, from->offset);
  count_up(from->storage->refs);
  const int rank = from->rank;
  copy_layout(head, from, rank);
  auto* end = reinterpret_cast<std::byte*>(head->sizes()) + 16 * static_cast<size_t>(rank);
  *reinterpret_cast<History**>(end) = owner;
  return head;
}

}  // namespace tg
