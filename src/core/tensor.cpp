// SPDX-License-Identifier: MIT
#include "core/tensor.h"

#include <bit>
#include <cstring>

#include "core/extras.h"

namespace tg {

namespace {

constexpr size_t kDataAlignment = 64;
constexpr size_t kBlockAlignment = 16;

std::byte* align_data(std::byte* p) {
  const auto address = reinterpret_cast<uintptr_t>(p);
  const auto aligned = (address + kDataAlignment - 1) & ~uintptr_t{kDataAlignment - 1};
  return p + (aligned - address);
}

// dtype, rank, the marks of birth and the empty flags are one word: one store instead of bit by
// bit.
inline TensorHead* init_head(void* memory, Storage* storage, DType dtype, int rank, bool is_view,
                             bool row_major, int64_t offset) {
  auto* head = new (memory) TensorHead;
  head->refs.store(1, std::memory_order_relaxed);
  const uint32_t form = static_cast<uint32_t>(dtype) | static_cast<uint32_t>(rank) << 8 |
                        uint32_t{is_view} << 13 | uint32_t{row_major} << 14;
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(&head->dtype, &form, sizeof form);
  head->storage = storage;
  head->offset = offset;
  head->history.store(0, std::memory_order_relaxed);
  return head;
}

inline Storage* init_storage(void* memory, std::byte* data, const Owner* owner, uint64_t extent) {
  auto* storage = new (memory) Storage;
  storage->refs.store(1, std::memory_order_relaxed);
  storage->version.store(0, std::memory_order_relaxed);
  storage->data = data;
  storage->owner.store(owner, std::memory_order_relaxed);
  if (inference_mode()) extent |= Storage::kInference;
  storage->extent.store(extent, std::memory_order_relaxed);
  return storage;
}

}  // namespace

namespace {

// One block: storage, head, data. The storage stands first, so that its address frees the block.
[[gnu::always_inline]] inline TensorHead* make_block(DType dtype, int rank, int64_t bytes) {
  const size_t front = sizeof(Storage) + head_bytes(rank, false);
  charge(bytes);
  const size_t total = front + (kDataAlignment - kBlockAlignment) + static_cast<size_t>(bytes);
  const uint32_t block_class = size_class(total);
  auto* block = static_cast<std::byte*>(try_take_class(block_class));
  if (block == nullptr) [[unlikely]] {
    discharge(bytes);
    fail_out_of_memory(total);
  }
  Storage* storage =
      init_storage(block, align_data(block + front), nullptr,
                   static_cast<uint64_t>(bytes) | uint64_t{block_class} << Storage::kClassShift);
  return init_head(block + sizeof(Storage), storage, dtype, rank, false, true, 0);
}

}  // namespace

namespace {

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

}  // namespace

Tensor make_row_major_head(const Tensor& x, const int64_t* sizes, int rank, bool with_info) {
  void* memory = take(head_bytes(rank, with_info));
  x.storage().refs.fetch_add(1, std::memory_order_relaxed);
  TensorHead* head = init_head(memory, &x.storage(), x.dtype(), rank, with_info, true, x.offset());
  write_row_major(head, sizes, rank);
  return Tensor(head);
}

// x is row-major, so its strides are the result's and its bytes have been counted before.
Tensor make_same(const Tensor& x) {
  const int rank = x.rank();
  const int64_t* from = x.sizes();
  int64_t elements = 1;
  for (int d = 0; d < rank; ++d) elements *= from[d];
  TensorHead* head = make_block(x.dtype(), rank, elements << size_shift(x.dtype()));
  int64_t* to = head->sizes();
  for (int d = 0; d < 2 * rank; ++d) to[d] = from[d];
  return Tensor(head);
}

Tensor make_tensor(DType dtype, const int64_t* sizes, int rank) {
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

Tensor make_head(Storage& storage, DType dtype, const Layout& layout, bool with_info) {
  const int rank = layout.shape.rank;
  void* memory = take(head_bytes(rank, with_info));
  storage.refs.fetch_add(1, std::memory_order_relaxed);
  const bool row_major = is_row_major(layout.shape.sizes, layout.strides, rank);
  TensorHead* head = init_head(memory, &storage, dtype, rank, with_info, row_major, layout.offset);
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
  void* memory = take(head_bytes(rank, false));
  x.storage().refs.fetch_add(1, std::memory_order_relaxed);
  TensorHead* head =
      init_head(memory, &x.storage(), x.dtype(), rank, false, x.row_major(), x.offset());
  const int64_t* from = x.sizes();
  int64_t* to = head->sizes();
  for (int d = 0; d < 2 * rank; ++d) to[d] = from[d];
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
  TensorHead* head =
      init_head(block + sizeof(Storage), storage, dtype, rank, false, row_major, layout.offset);
  for (int d = 0; d < rank; ++d) {
    head->sizes()[d] = layout.shape.sizes[d];
    head->strides()[d] = layout.strides[d];
  }
  return Tensor(head);
}

namespace {

[[gnu::always_inline]] inline void end_storage(Storage* storage) noexcept {
  const uint64_t extent = storage->flags();
  if ((extent & Storage::kBorrowed) == 0) [[likely]] {
    discharge(static_cast<int64_t>(extent & Storage::kBytesMask));
  }
  if (const Owner* owner = storage->owner.load(std::memory_order_acquire)) [[unlikely]] {
    owner->release(owner, storage->data);
  }
  give_back_class(storage, static_cast<uint32_t>(extent >> Storage::kClassShift) & 0xffu);
}

}  // namespace

void free_storage(Storage* storage) noexcept { end_storage(storage); }

void free_head(TensorHead* head) noexcept {
  // History first: until then a running backward may still give the tensor a .grad.
  if (head->history.load(std::memory_order_relaxed) != 0) forget_history(*head);
  if (head->has_flag(TensorHead::kExtras)) [[unlikely]]
    forget_extras(*head);
  Storage* storage = head->storage;
  // The first head is the tenant of the storage's block; all others have a block of their own.
  if (static_cast<void*>(head) != static_cast<void*>(storage + 1)) {
    TensorHead* base = head->is_view != 0 ? head->view_info().base : nullptr;
    give_back(head, head_bytes(head->rank, head->is_view != 0));
    release_storage(storage);
    if (base != nullptr) Tensor(base).reset();
    return;
  }
  // Most tensors are the only ones on their storage: it ends here without another call.
  if (storage->refs.load(std::memory_order_acquire) == 1) return end_storage(storage);
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
