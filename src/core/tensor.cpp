// SPDX-License-Identifier: MIT
#include "core/tensor.h"

#include <bit>
#include <cstring>

#include "core/extras.h"
#include "core/heads-inl.h"

namespace tg {

namespace {

constexpr size_t kDataAlignment = 64;
constexpr size_t kBlockAlignment = 16;

std::byte* align_data(std::byte* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  const auto aligned = (address + kDataAlignment - 1) & ~uintptr_t{kDataAlignment - 1};
  return p + (aligned - address);
}

inline Storage* init_storage(void* memory, std::byte* data, const Owner* owner, uint64_t extent) {
  auto* storage = new (memory) Storage;
  storage->data = data;
  storage->owner.store(owner, std::memory_order_relaxed);
  static_assert(Storage::kInference > kInferenceNow);
  constexpr int kUp = std::countr_zero(Storage::kInference) - std::countr_zero(kInferenceNow);
  storage->extent.store(extent | (state & kInferenceNow) << kUp, std::memory_order_relaxed);
  return storage;
}

inline size_t front_bytes(int rank) { return sizeof(Storage) + head_bytes(rank, false); }

// One block: storage, head, data. The storage stands first, so that its address frees the block.
[[gnu::always_inline]] inline TensorHead* make_block(DType dtype, int rank, int64_t bytes) {
  const size_t front = front_bytes(rank);
  const size_t total = front + (kDataAlignment - kBlockAlignment) + static_cast<size_t>(bytes);
  const uint32_t block_class = size_class(total);
  auto* block = static_cast<std::byte*>(take_charged(block_class, bytes));
  Storage* storage =
      init_storage(block, align_data(block + front), nullptr,
                   static_cast<uint64_t>(bytes) | uint64_t{block_class} << Storage::kClassShift);
  return init_head(block + sizeof(Storage), storage, form_of(dtype, rank, false, true), 0);
}

}  // namespace

Tensor make_row_major_head(const Tensor& x, const int64_t* sizes, int rank) {
  void* memory = take_class(head_class(rank, false));
  TensorHead* head =
      init_other_head(memory, x.storage(), x.dtype(), rank, true, x.offset(), kNoView);
  write_row_major(head, sizes, rank);
  return Tensor(head);
}

Tensor make_same(const Tensor& x) {
  // Where x fills a small block of its own, the result's block is the same: form, bytes and class
  // need not be worked out again.
  const TensorHead* from = x.head();
  const Storage* storage = from->storage;
  const uint64_t extent = storage->flags();
  if (static_cast<const void*>(from) == static_cast<const void*>(storage + 1) &&
      (extent & kSpecialExtent) == 0) [[likely]] {
    constexpr uint64_t kClassMask = uint64_t{0xff} << Storage::kClassShift;
    const int rank = from->rank;
    const auto block_class = static_cast<uint32_t>(extent >> Storage::kClassShift) & 0xffu;
    if (void* taken =
            take_charged_fast(block_class, static_cast<int64_t>(extent & (kChargedGlobally - 1)))) {
      auto* block = static_cast<std::byte*>(taken);
      Storage* made = init_storage(block, align_data(block + front_bytes(rank)), nullptr,
                                   extent & (kClassMask | (kChargedGlobally - 1)));
      TensorHead* head = init_head(block + sizeof(Storage), made, from->form(), 0);
      copy_layout(head, from, rank);
      return Tensor(head);
    }
  }
  return make_tensor(x.dtype(), x.sizes(), x.rank());
}

namespace {

// Large, empty or impossible ones too.
[[gnu::noinline]] Tensor make_tensor_slow(DType dtype, const int64_t* sizes, int rank) {
  // A size of 0 counts as 1 in the product, as in the strides: [0, huge, huge] must not overflow.
  int64_t elements = 1;
  bool overflow = false, empty = false;
  for (int d = 0; d < rank; ++d) {
    empty |= sizes[d] == 0;
    overflow |= __builtin_mul_overflow(elements, sizes[d] + (sizes[d] == 0), &elements);
  }
  constexpr int64_t kMost = static_cast<int64_t>(Storage::kBytesMask >> 2);
  if (overflow || elements > kMost >> size_shift(dtype)) [[unlikely]] {
    if (overflow || elements > INT64_MAX >> size_shift(dtype)) {
      fail(TG_ERROR_SHAPE, "a result of shape ", SizesText{sizes, rank}, " and dtype ", dtype,
           " has more than 2^63 - 1 bytes; make it smaller");
    }
    if (!empty) fail_out_of_memory(static_cast<size_t>(elements << size_shift(dtype)));
  }
  TensorHead* head = make_block(dtype, rank, empty ? 0 : elements << size_shift(dtype));
  write_row_major(head, sizes, rank);
  return Tensor(head);
}

}  // namespace

Tensor make_tensor(DType dtype, const int64_t* sizes, int rank) {
  uint64_t elements = 1;
  for (int d = 0; d < rank; ++d) {
    // Each factor stays small, so no product overflows; 0 falls out as the greatest number.
    const uint64_t size = static_cast<uint64_t>(sizes[d]);
    if (size - 1 >= uint64_t{kChargedGlobally}) return make_tensor_slow(dtype, sizes, rank);
    elements *= size;
    if (elements >= uint64_t{kChargedGlobally}) return make_tensor_slow(dtype, sizes, rank);
  }
  const auto bytes = static_cast<int64_t>(elements << size_shift(dtype));
  const size_t front = front_bytes(rank);
  const uint32_t block_class =
      size_class(front + (kDataAlignment - kBlockAlignment) + static_cast<size_t>(bytes));
  if (bytes >= kChargedGlobally) return make_tensor_slow(dtype, sizes, rank);
  auto* block = static_cast<std::byte*>(take_charged_fast(block_class, bytes));
  if (block == nullptr) [[unlikely]]
    return make_tensor_slow(dtype, sizes, rank);
  Storage* storage =
      init_storage(block, align_data(block + front), nullptr,
                   static_cast<uint64_t>(bytes) | uint64_t{block_class} << Storage::kClassShift);
  TensorHead* head =
      init_head(block + sizeof(Storage), storage, form_of(dtype, rank, false, true), 0);
  write_row_major(head, sizes, rank);
  return Tensor(head);
}

Tensor make_rank_zero(DType dtype) { return Tensor(make_block(dtype, 0, size_of(dtype))); }

Tensor make_head(Storage& storage, DType dtype, const Layout& layout, ViewInfo info) {
  const int rank = layout.shape.rank;
  const bool row_major = is_row_major(layout.shape.sizes, layout.strides, rank);
  void* memory = take_class(head_class(rank, info.base != nullptr));
  TensorHead* head = init_other_head(memory, storage, dtype, rank, row_major, layout.offset, info);
  for (int d = 0; d < rank; ++d) {
    head->sizes()[d] = layout.shape.sizes[d];
    head->strides()[d] = layout.strides[d];
  }
  return Tensor(head);
}

Layout layout_of(const Tensor& x) {
  Layout layout;
  layout.shape = x.shape();
  for (int d = 0; d < x.rank(); ++d) layout.strides[d] = x.stride(d);
  layout.offset = x.offset();
  return layout;
}

Tensor second_head(const Tensor& x) {
  const int rank = x.rank();
  void* memory = take_class(head_class(rank, false));
  count_up(x.storage().refs);
  TensorHead* head =
      init_head(memory, &x.storage(), x.head()->form() & ~TensorHead::kIsView, x.offset());
  copy_layout(head, x.head(), rank);
  return Tensor(head);
}

Tensor make_borrowed(std::byte* first, DType dtype, const Layout& layout, int64_t bytes,
                     const Owner* owner, bool read_only) {
  const int rank = layout.shape.rank;
  const size_t total = sizeof(Storage) + head_bytes(rank, false);
  const uint32_t block_class = size_class(total);
  auto* block = static_cast<std::byte*>(take_class(block_class));
  uint64_t extent = static_cast<uint64_t>(bytes) | uint64_t{block_class} << Storage::kClassShift |
                    Storage::kBorrowed | Storage::kEscaped;
  if (read_only) extent |= Storage::kReadOnly;
  Storage* storage = init_storage(block, first, owner, extent);
  const bool row_major = is_row_major(layout.shape.sizes, layout.strides, rank);
  TensorHead* head = init_head(block + sizeof(Storage), storage,
                               form_of(dtype, rank, false, row_major), layout.offset);
  for (int d = 0; d < rank; ++d) {
    head->sizes()[d] = layout.shape.sizes[d];
    head->strides()[d] = layout.strides[d];
  }
  return Tensor(head);
}

void free_storage(Storage* storage) noexcept {
  const uint64_t extent = storage->flags();
  if (ThreadRecord* mine = record; mine != nullptr && (extent & kSpecialExtent) == 0) [[likely]] {
    if (give_back_charged(*mine, storage,
                          static_cast<uint32_t>(extent >> Storage::kClassShift) & 0xffu,
                          static_cast<int64_t>(extent & (kChargedGlobally - 1)))) {
      return;
    }
  }
  if ((extent & Storage::kBorrowed) == 0) [[likely]] {
    discharge(static_cast<int64_t>(extent & Storage::kBytesMask));
  }
  if (const Owner* owner = storage->owner.load(std::memory_order_acquire)) [[unlikely]] {
    owner->release(owner, storage->data);
  }
  give_back_class(storage, static_cast<uint32_t>(extent >> Storage::kClassShift) & 0xffu);
}

void free_head(TensorHead* head) noexcept {
  ThreadRecord* mine = record;
  if (mine == nullptr || !free_head_fast(head, *mine)) free_head_slow(head);
}

void free_head_slow(TensorHead* head) noexcept {
  // History first: until then a running backward may still give the tensor a .grad.
  if (head->history.load(std::memory_order_relaxed) != 0) {
    forget_history(*head);
    if (ThreadRecord* mine = record; mine != nullptr && free_head_fast(head, *mine)) return;
  }
  if (head->has_flag(TensorHead::kExtras)) [[unlikely]] {
    // One with hooks has come here with its history: forget_history leaves it alone till now.
    if (head->has_flag(TensorHead::kHooked)) {
      if (!end_hooked(*head)) return;
      if (head->history.load(std::memory_order_relaxed) != 0) forget_history(*head);
    }
    forget_extras(*head);
  }
  Storage* storage = head->storage;
  // The first head is the tenant of the storage's block; all others have a block of their own.
  if (static_cast<void*>(head) != static_cast<void*>(storage + 1)) {
    if (head->embedded != 0) {
      History* owner = head->owner();
      release_storage(storage);
      return let_go(owner);
    }
    if (head->is_view != 0) {
      const Tensor base(head->view_info().base);
      return give_back_class(head, head_class(head->rank, true));
    }
    give_back_class(head, head_class(head->rank, false));
    return release_storage(storage);
  }
  release_storage(storage);
}

bool is_dense(const Tensor& x) {
  if (x.row_major()) return true;
  // Dimensions by falling stride: then the same test as for row-major order.
  int order[kMaxRank];
  int count = 0;
  for (int d = 0; d < x.rank(); ++d) {
    if (x.size(d) == 0) return true;
    if (x.size(d) == 1) continue;
    int place = count++;
    while (place > 0 && x.stride(order[place - 1]) < x.stride(d)) {
      order[place] = order[place - 1];
      --place;
    }
    order[place] = d;
  }
  int64_t expected = 1;
  for (int i = count - 1; i >= 0; --i) {
    if (x.stride(order[i]) != expected) return false;
    expected *= x.size(order[i]);
  }
  return true;
}

Message& operator<<(Message& message, const Described& described) {
  const Tensor& x = described.tensor;
  return message << x.dtype() << SizesText{x.sizes(), x.rank()};
}

}  // namespace tg
