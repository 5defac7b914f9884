// SPDX-License-Identifier: MIT
// A tensor: which elements of a storage, in which order, with a past or without. TensorHead is the
// memory, Tensor the counted pointer that the library hands around.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#include "base/blocks.h"
#include "base/dtype.h"
#include "core/mode.h"
#include "core/shape.h"
#include "core/storage.h"

namespace tg {

// All that core knows of autograd: a tensor may have a past, and how to let go of it.
struct History {
  std::atomic<uint32_t> refs{1};
};
void let_go(History* history) noexcept;  // defined in autograd/node.cpp

// Where a view was made decides what may be written through it (modes.md 4); stronger is greater.
// operand: what an operator of the caller's gave back of its operand's memory.
enum class Origin : uint8_t { plain, multi, no_grad, inference, operand };

struct TensorHead;
struct ViewInfo {
  TensorHead* base;          // counted, and with it the storage; never itself a view
  uint32_t history_version;  // the storage version that the view's history belongs to
  Origin origin;
};

struct TensorHead {
  std::atomic<uint32_t> refs;  // handles, saved tensors, locals that own
  DType dtype;
  uint8_t rank : 5;
  uint8_t is_view : 1;
  uint8_t row_major : 1;  // elements lie in row-major order without gaps; fixed at birth
  std::atomic<uint8_t> flags;
  uint8_t embedded;  // lies in a node's block: the node stands behind the strides
  Storage* storage;
  int64_t offset;  // in elements
  // One word like an edge: node in 48 bits, output number in 16. 0: needs no gradient. A leaf's
  // accumulator, or the grad_fn. Bit 0 is a lock, taken only to copy and count, or to swap.
  std::atomic<uint64_t> history;

  static constexpr uint8_t kRequiresGrad = 1;  // an inference tensor that was asked to (i1)
  static constexpr uint8_t kRetainsGrad = 2;
  static constexpr uint8_t kExtras = 4;  // a name or a .grad stands in the table of extras
  static constexpr uint8_t kHooked = 8;  // it has hooks (autograd/hooks.h), and then extras too

  int64_t* sizes() { return reinterpret_cast<int64_t*>(this + 1); }
  const int64_t* sizes() const { return reinterpret_cast<const int64_t*>(this + 1); }
  int64_t* strides() { return sizes() + rank; }
  const int64_t* strides() const { return sizes() + rank; }
  ViewInfo& view_info() { return *reinterpret_cast<ViewInfo*>(sizes() + 2 * rank); }
  const ViewInfo& view_info() const {
    return *reinterpret_cast<const ViewInfo*>(sizes() + 2 * rank);
  }
  History*& owner() { return *reinterpret_cast<History**>(sizes() + 2 * rank); }
  bool has_flag(uint8_t flag) const { return (flags.load(std::memory_order_relaxed) & flag) != 0; }

  // dtype, rank and the marks of birth as one number: 8 bits, 5, is_view, row_major.
  static constexpr int kRankShift = 8;
  static constexpr uint32_t kIsView = 1u << 13;
  static constexpr uint32_t kRowMajor = 1u << 14;
  static constexpr uint32_t kEmbedded = 1u << 24;  // of the word that a head begins with
  uint32_t form() const {
    uint16_t bits;
    std::memcpy(&bits, &dtype, sizeof bits);
    return bits;
  }
};
static_assert(sizeof(TensorHead) == 32);

inline constexpr size_t head_bytes(int rank, bool is_view) {
  return sizeof(TensorHead) + 16 * static_cast<size_t>(rank) + (is_view ? sizeof(ViewInfo) : 0);
}
// size_class(head_bytes(rank, is_view)) without its branches.
inline constexpr uint32_t head_class(int rank, bool is_view) {
  const uint32_t last = static_cast<uint32_t>(rank) + 1 + (is_view ? 1 : 0);
  return last < kStepClasses ? last : kStepClasses;
}
static_assert(head_class(0, false) == size_class(head_bytes(0, false)));
static_assert(head_class(13, true) == size_class(head_bytes(13, true)));
static_assert(head_class(14, true) == size_class(head_bytes(14, true)));
static_assert(head_class(kMaxRank, true) == size_class(head_bytes(kMaxRank, true)));

inline constexpr size_t embedded_head_bytes(int rank) {
  return sizeof(TensorHead) + 16 * static_cast<size_t>(rank) + 16;
}

// The end of a head that nobody counts any more.
void free_head_slow(TensorHead* head) noexcept;
// The same for most tensors: small, without a past, the only one on its own storage. false: nothing
// was done.
static_assert(kLeastPacked > kChargedGlobally);
inline constexpr uint64_t kSpecialExtent =
    Storage::kBorrowed | (Storage::kBytesMask & ~uint64_t{kChargedGlobally - 1});
[[gnu::always_inline]] inline bool free_head_fast(TensorHead* head, ThreadRecord& mine) noexcept {
  Storage* storage = head->storage;
  if (static_cast<void*>(head) != static_cast<void*>(storage + 1) ||
      storage->refs.load(std::memory_order_acquire) != 1)
    return false;
  const uint64_t extent = storage->flags();
  return head->history.load(std::memory_order_relaxed) == 0 &&
         !head->has_flag(TensorHead::kExtras) && (extent & kSpecialExtent) == 0 &&
         give_back_charged(mine, storage,
                           static_cast<uint32_t>(extent >> Storage::kClassShift) & 0xffu,
                           static_cast<int64_t>(extent & (kChargedGlobally - 1)));
}
void free_head(TensorHead* head) noexcept;

// The same for a view that has no past, or none any more. Gives its base, whose count is the
// caller's now.
[[gnu::always_inline]] inline bool free_view_fast(TensorHead* head, ThreadRecord& mine,
                                                  TensorHead*& base) noexcept {
  if (head->is_view == 0 || head->has_flag(TensorHead::kExtras)) return false;
  base = head->view_info().base;
  return push_listed(mine, head, head_class(head->rank, true));
}

// Lets go of one count. true: it was the last, and the head is the caller's to free.
inline bool last_count(TensorHead* head) noexcept { return was_last(head->refs); }

class Tensor {
 public:
  Tensor() noexcept = default;
  explicit Tensor(TensorHead* head) noexcept : head_(head) {}  // takes the count over
  Tensor(const Tensor& other) noexcept : head_(other.head_) {
    if (head_ != nullptr) count_up(head_->refs);
  }
  Tensor(Tensor&& other) noexcept : head_(std::exchange(other.head_, nullptr)) {}
  Tensor& operator=(Tensor other) noexcept {
    std::swap(head_, other.head_);
    return *this;
  }
  ~Tensor() { drop(); }

  static Tensor share(TensorHead* head) noexcept {
    count_up(head->refs);
    return Tensor(head);
  }

  explicit operator bool() const { return head_ != nullptr; }
  TensorHead* head() const { return head_; }
  TensorHead* give_up() { return std::exchange(head_, nullptr); }
  void take(Tensor& other) noexcept { head_ = other.give_up(); }  // into a null tensor
  void reset() noexcept {
    drop();
    head_ = nullptr;
  }

  DType dtype() const { return head_->dtype; }
  int rank() const { return head_->rank; }
  const int64_t* sizes() const { return head_->sizes(); }
  const int64_t* strides() const { return head_->strides(); }
  int64_t size(int d) const { return head_->sizes()[d]; }
  int64_t stride(int d) const { return head_->strides()[d]; }
  Shape shape() const { return Shape(sizes(), rank()); }
  int64_t numel() const {
    int64_t n = 1;
    for (int d = 0; d < rank(); ++d) n *= size(d);
    return n;
  }
  int64_t offset() const { return head_->offset; }
  Storage& storage() const { return *head_->storage; }
  std::byte* data() const {
    return head_->storage->data + (head_->offset << size_shift(head_->dtype));
  }
  bool row_major() const { return head_->row_major != 0; }
  bool is_view() const { return head_->is_view != 0; }
  // Made in one with its storage, and so all of that, from its first element on.
  bool is_whole() const {
    return static_cast<const void*>(head_) == static_cast<const void*>(head_->storage + 1);
  }
  bool is_inference() const { return head_->storage->is_inference(); }
  // Nobody else can see these elements: they may be changed or handed on.
  bool is_sole_owner() const {
    return head_->refs.load(std::memory_order_acquire) == 1 && !is_view() &&
           head_->storage->refs.load(std::memory_order_acquire) == 1;
  }

 private:
  void drop() noexcept {
    if (head_ != nullptr && last_count(head_)) free_head(head_);
  }
  TensorHead* head_ = nullptr;
};
static_assert(sizeof(Tensor) == 8);

inline bool same_shape(const Tensor& a, const Tensor& b) {
  return same_sizes(a.sizes(), a.rank(), b.sizes(), b.rank());
}

// float32[2, 3]: how messages name a tensor that has no name of its own.
struct Described {
  const Tensor& tensor;
};
Message& operator<<(Message& message, const Described& described);
// The name that tg_tensor_set_name gave, in quotes; else as Described.
struct Named {
  const Tensor& tensor;
};
Message& operator<<(Message& message, const Named& named);
// The same, or the name of another tensor of the same elements: one that was named afterwards.
struct NamedSomewhere {
  const Tensor& tensor;
};
Message& operator<<(Message& message, const NamedSomewhere& named);

using Operands = std::span<const Tensor* const>;

// A new tensor in row-major order; its elements are not set. The shape was checked before.
Tensor make_tensor(DType dtype, const int64_t* sizes, int rank);
inline Tensor make_tensor(const Meta& meta) {
  return make_tensor(meta.dtype, meta.shape.sizes, meta.shape.rank);
}

Tensor make_rank_zero(DType dtype);

// A new tensor with the dtype and sizes of x, which is row-major; its elements are not set.
Tensor make_same(const Tensor& x);

// A second head on a storage, without history: for views, detached and saved tensors.
struct Layout {
  Shape shape;
  int64_t strides[kMaxRank];
  int64_t offset;  // in elements from the start of the storage
};
Layout layout_of(const Tensor& x);
// info: of a view (its base is counted here); for all others its base is null.
inline constexpr ViewInfo kNoView{nullptr, 0, Origin::plain};
Tensor make_head(Storage& storage, DType dtype, const Layout& layout, ViewInfo info);
// For x's elements in row-major order under another shape; x is row-major.
Tensor make_row_major_head(const Tensor& x, const int64_t* sizes, int rank);
Tensor second_head(const Tensor& x);  // same elements, no history, no base

// Memory of the host. On success `owner` belongs to the storage.
Tensor make_borrowed(std::byte* first, DType dtype, const Layout& layout, int64_t bytes,
                     const Owner* owner, bool read_only);

// No two elements share memory, and no gap lies between them, in some order of dimensions.
bool is_dense(const Tensor& x);

}  // namespace tg
