// SPDX-License-Identifier: MIT
// Handles: a slot number and a generation in one number below 2^53. The kind stands in the slot.
// All changes of a slot are made on one atomic word, so that a release on one thread and a call on
// another never meet a freed object.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "autograd/node.h"
#include "base/thread.h"
#include "core/tensor.h"
#include "tapegrad/tapegrad.h"

namespace tg::capi {

enum class Kind : uint8_t {
  none,
  tensor,
  module,
  optimizer,
  generator,
  op,
  dict,
  node,
  hook,
  scope,
  token,
  context,
  object,
  saved_hooks,
};
const char* name_of(Kind kind);

// What stands behind a handle that is neither tensor nor node.
struct Object {
  std::atomic<uint32_t> refs{1};
  Kind kind;
  explicit Object(Kind of) : kind(of) {}
  virtual void destroy() noexcept = 0;

 protected:
  ~Object() = default;
};

struct Scope;

// word: generation 29 bits | kind 4 | live 1 | pins 30. What a handle must meet stands above the
// pins, so one comparison tells whether it is live and of the right kind. A line of its own:
// threads that use different handles do not slow each other.
struct alignas(64) Slot {
  std::atomic<uint64_t> word;
  std::atomic<void*> object;  // atomic: a fast release reads it before it knows that it may
  uint32_t number;
  uint8_t offset;             // of the chunk's first slot: bytes that its memory begins before it
  std::atomic<Scope*> scope;  // that will release the handle; written under the lock of scopes
  Slot* previous;             // in the scope's list; `next` also links free slots
  Slot* next;

  static constexpr int kGenerationShift = 35;
  static constexpr int kKindShift = 31;
  static constexpr int kLiveShift = 30;
  static constexpr uint64_t kLive = uint64_t{1} << kLiveShift;
  static constexpr uint64_t kPins = kLive - 1;
  static constexpr uint64_t kNextGeneration = uint64_t{1} << kGenerationShift;
  // Generations run from 1 to 2^29 - 1; one more shifts out of the word and leaves 0: used up.

  static uint64_t generation(uint64_t word) { return word >> kGenerationShift; }
  static Kind kind(uint64_t word) { return static_cast<Kind>(word >> kKindShift & 15u); }
  // What stands above the pins of a live handle. Made this way round, no generation that is too
  // great for the word can lose its upper bits and be taken for another.
  static uint64_t live_tag(uint64_t generation, Kind kind) {
    return generation << (kGenerationShift - kLiveShift) |
           uint64_t{static_cast<uint8_t>(kind)} << (kKindShift - kLiveShift) | 1u;
  }
};

inline constexpr int kSlotBits = 24;
inline constexpr uint32_t kChunkSlots = 1024;
inline constexpr uint32_t kChunks = (1u << kSlotBits) / kChunkSlots;
extern constinit std::atomic<Slot*> chunks[kChunks];

inline Slot* slot_of(tg_handle handle) {
  const auto number = static_cast<uint32_t>(handle & ((1u << kSlotBits) - 1));
  Slot* chunk = chunks[number / kChunkSlots].load(std::memory_order_acquire);
  return chunk != nullptr ? chunk + number % kChunkSlots : nullptr;
}

[[noreturn]] void fail_handle(tg_handle handle, Kind wanted, const char* what);
void drop_slot(Slot* slot) noexcept;  // the last pin of a released handle is gone

// Pins the slot of a live handle of this kind; Kind::none takes any. Null: there is none.
[[gnu::always_inline]] inline Slot* pin_if(tg_handle handle, Kind kind) noexcept {
  Slot* slot = slot_of(handle);
  if (slot == nullptr) [[unlikely]]
    return nullptr;
  const uint64_t generation = handle >> kSlotBits;
  uint64_t word = slot->word.load(std::memory_order_relaxed);
  do {
    const bool fits = kind != Kind::none
                          ? word >> Slot::kLiveShift == Slot::live_tag(generation, kind)
                          : Slot::generation(word) == generation && (word & Slot::kLive) != 0;
    if (!fits) [[unlikely]]
      return nullptr;
  } while (!exchange_if(slot->word, word, word + 1));
  return slot;
}
// what: how a message names the argument.
[[gnu::always_inline]] inline Slot* pin(tg_handle handle, Kind kind, const char* what) {
  Slot* slot = pin_if(handle, kind);
  if (slot == nullptr) [[unlikely]]
    fail_handle(handle, kind, what);
  return slot;
}
[[gnu::always_inline]] inline void unpin(Slot* slot) noexcept {
  const uint64_t before = count_down(slot->word);
  if ((before & (Slot::kLive | Slot::kPins)) == 1) [[unlikely]]
    drop_slot(slot);
}

// Holds the object behind a handle: it cannot die while a call uses it.
class Pin {
 public:
  Pin(tg_handle handle, Kind kind, const char* what) : slot_(pin(handle, kind, what)) {}
  ~Pin() {
    if (slot_ != nullptr) unpin(slot_);
  }
  Pin(const Pin&) = delete;
  Pin& operator=(const Pin&) = delete;

  Slot* slot() const { return slot_; }
  void* object() const { return slot_->object.load(std::memory_order_relaxed); }
  Kind kind() const { return Slot::kind(slot_->word.load(std::memory_order_relaxed)); }
  // Hands the pin over: the caller unpins.
  Slot* keep() { return std::exchange(slot_, nullptr); }

 private:
  Slot* slot_;
};

// A tensor argument: pinned, and seen as the counted pointer that operators take, without a count.
class TensorPin {
 public:
  [[gnu::always_inline]] TensorPin(tg_handle handle, const char* what)
      : slot_(pin(handle, Kind::tensor, what)),
        head_(static_cast<TensorHead*>(slot_->object.load(std::memory_order_relaxed))) {}
  [[gnu::always_inline]] ~TensorPin() { unpin(slot_); }
  TensorPin(const TensorPin&) = delete;
  TensorPin& operator=(const TensorPin&) = delete;
  operator const Tensor&() const { return reinterpret_cast<const Tensor&>(head_); }
  const Tensor& operator*() const { return *this; }
  const Tensor* operator->() const { return &static_cast<const Tensor&>(*this); }

 private:
  Slot* slot_;
  TensorHead* head_;  // a Tensor is exactly this pointer (static_assert in core/tensor.h)
};

// A tensor argument that may be 0: then a null tensor.
class OptionalPin {
 public:
  OptionalPin(tg_handle handle, const char* what) {
    if (handle == 0) return;
    Pin pin(handle, Kind::tensor, what);
    head_ = static_cast<TensorHead*>(pin.object());
    slot_ = pin.keep();
  }
  ~OptionalPin() {
    if (slot_ != nullptr) unpin(slot_);
  }
  OptionalPin(const OptionalPin&) = delete;
  OptionalPin& operator=(const OptionalPin&) = delete;
  const Tensor& operator*() const { return reinterpret_cast<const Tensor&>(head_); }

 private:
  Slot* slot_ = nullptr;
  TensorHead* head_ = nullptr;
};

// A slot taken before the work is done, so that publishing the result cannot fail.
Slot* take_slot();  // throws TG_ERROR_LIMIT or TG_ERROR_OUT_OF_MEMORY
void return_slot(Slot* slot) noexcept;
void link_to_scope(Slot* slot) noexcept;

// The handle in this slot owns the object from here on. Tensors and nodes join the thread's scope.
[[gnu::always_inline]] inline tg_handle publish_in(Slot* slot, Kind kind, void* object,
                                                   bool joins_scope, ThreadRecord* mine) noexcept {
  slot->object.store(object, std::memory_order_relaxed);
  // Before the handle is live: whoever releases it must find its scope.
  if (joins_scope && mine->scope != nullptr) [[unlikely]]
    link_to_scope(slot);
  const uint64_t free_word = slot->word.load(std::memory_order_relaxed);  // its generation alone
  slot->word.store(free_word | Slot::live_tag(0, kind) << Slot::kLiveShift,
                   std::memory_order_release);
  return free_word >> (Slot::kGenerationShift - kSlotBits) | slot->number;
}

class NewHandle {
 public:
  NewHandle() : slot_(take()) {}
  ~NewHandle() {
    if (slot_ != nullptr) return_slot(slot_);
  }
  NewHandle(const NewHandle&) = delete;
  NewHandle& operator=(const NewHandle&) = delete;

  tg_handle publish(Kind kind, void* object, bool joins_scope = false) noexcept {
    return publish_in(std::exchange(slot_, nullptr), kind, object, joins_scope, record);
  }
  tg_handle publish(Tensor tensor) noexcept {
    return publish(Kind::tensor, tensor.give_up(), true);
  }

 private:
  static Slot* take() {
    ThreadRecord& mine = thread_record();
    if (mine.spare_count > 0) [[likely]]
      return static_cast<Slot*>(mine.spare[--mine.spare_count]);
    return take_slot();
  }
  Slot* slot_;
};

// The same for a call whose only effect is the tensor that it gives: where no handle is left the
// tensor goes, and nothing has happened. So the slot is taken last, and nothing guards it.
tg_handle publish_result_slow(TensorHead* head);
[[gnu::always_inline]] inline tg_handle publish_result(TensorHead* head) {
  ThreadRecord* mine = record;
  if (mine == nullptr || mine->spare_count == 0 || mine->scope != nullptr) [[unlikely]]
    return publish_result_slow(head);
  auto* slot = static_cast<Slot*>(mine->spare[--mine->spare_count]);
  return publish_in(slot, Kind::tensor, head, false, mine);
}

// A number of things that lasts for a call: in place where they are few, as they mostly are.
template <class T>
class Few {
 public:
  explicit Few(size_t count) : Few() {
    if (count > kInPlace) {
      things_ = BlockAllocator<T>().allocate(count);
      room_ = count;
    }
    // Where one throws, those before it are ended as at the end of the call.
    for (; count_ < count; ++count_) std::construct_at(things_ + count_);
  }
  ~Few() {
    while (count_ > 0) std::destroy_at(things_ + --count_);
    if (room_ > kInPlace) BlockAllocator<T>().deallocate(things_, room_);
  }
  Few(const Few&) = delete;
  Few& operator=(const Few&) = delete;
  T& operator[](size_t i) { return things_[i]; }
  operator std::span<T>() { return {things_, count_}; }
  operator std::span<const T>() const { return {things_, count_}; }

 private:
  static constexpr size_t kInPlace = 8;
  Few() {}
  T* things_ = reinterpret_cast<T*>(in_place_);
  size_t count_ = 0, room_ = kInPlace;
  alignas(T) std::byte in_place_[kInPlace * sizeof(T)];
};

// As many slots as an array out will need.
class NewHandles {
 public:
  explicit NewHandles(size_t count) : handles_(count) {}
  tg_handle publish(size_t i, Tensor tensor) noexcept {
    return handles_[i].publish(std::move(tensor));
  }

 private:
  Few<NewHandle> handles_;
};

// Ends a handle. Throws where it is not live; 0 is fine.
void release(tg_handle handle);
// The common release, inline: a live tensor handle that no call uses and no scope holds, on a
// thread with room for the slot. One change of the word ends the handle and readies the slot. Gives
// the head, whose count is the caller's now. false: nothing was done.
[[gnu::always_inline]] inline bool end_tensor_handle(tg_handle handle, ThreadRecord* mine,
                                                     TensorHead*& head, bool alone) noexcept {
  Slot* slot = slot_of(handle);
  if (slot == nullptr || mine == nullptr || mine->spare_count == kSpareSlots) [[unlikely]]
    return false;
  const uint64_t generation = handle >> kSlotBits;
  uint64_t word = slot->word.load(std::memory_order_acquire);
  uint64_t next;  // the free word of the next generation; none follows the last one
  if (word >> Slot::kLiveShift != Slot::live_tag(generation, Kind::tensor) ||
      (word & Slot::kPins) != 0 || __builtin_add_overflow(word, Slot::kNextGeneration, &next))
      [[unlikely]]
    return false;
  next = next >> Slot::kGenerationShift << Slot::kGenerationShift;
  void* object = slot->object.load(std::memory_order_relaxed);  // of this generation, or CAS fails
  if (slot->scope.load(std::memory_order_acquire) != nullptr ||
      !exchange_if(slot->word, word, next, alone)) [[unlikely]]
    return false;
  mine->spare[mine->spare_count++] = slot;
  head = static_cast<TensorHead*>(object);
  return true;
}
enum class Released : uint8_t { yes, not_live, refused };
Released try_release(tg_handle handle) noexcept;
[[noreturn]] void fail_release(tg_handle handle, Released why);
// Whether the handle is live now; never fails.
bool is_live(tg_handle handle) noexcept;
uint64_t live_handles() noexcept;  // looks at every slot
bool any_pinned() noexcept;        // a call holds an object, released or not
// A second count of what a slot holds.
void share_object(Kind kind, void* object) noexcept;
void drop_object(Kind kind, void* object) noexcept;

}  // namespace tg::capi
