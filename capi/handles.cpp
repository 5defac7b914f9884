// SPDX-License-Identifier: MIT
#include "capi/handles.h"

#include <cstring>

#include <cstdlib>
#include <new>

#include "capi/scopes.h"

namespace tg::capi {

constinit std::atomic<Slot*> chunks[kChunks];

namespace {

struct FreeSlots {
  Lock lock;
  Slot* free;     // ready for use
  Slot* resting;  // generations used up: the longest-resting first
  Slot* resting_last;
  uint32_t fresh;  // slots below are made
};
constinit FreeSlots free_slots{};
constexpr uint32_t kRefill = kSpareSlots / 2;

constexpr size_t kChunkBytes = kChunkSlots * sizeof(Slot) + alignof(Slot);

// The next chunk of slots. Chunks never move, and go with the library alone, so a stale handle can
// always be asked.
void make_chunk() {
  const uint32_t index = free_slots.fresh / kChunkSlots;
  if (index >= kChunks) return;
  void* memory = take(kChunkBytes);
  const auto aligned =
      (reinterpret_cast<uintptr_t>(memory) + alignof(Slot) - 1) & ~uintptr_t{alignof(Slot) - 1};
  auto* slots = reinterpret_cast<Slot*>(aligned);
  for (uint32_t i = 0; i < kChunkSlots; ++i) {
    Slot* slot = new (slots + i) Slot{};
    slot->number = index * kChunkSlots + i;
    slot->word.store(uint64_t{1} << Slot::kGenerationShift, std::memory_order_relaxed);
    slot->next = i + 1 < kChunkSlots ? slot + 1 : free_slots.free;
  }
  slots->offset = static_cast<uint8_t>(aligned - reinterpret_cast<uintptr_t>(memory));
  free_slots.free = slots;
  free_slots.fresh += kChunkSlots;
  chunks[index].store(slots, std::memory_order_release);
}

// dlclose: the memory below goes in base/thread.cpp, after this.
[[gnu::destructor]] void chunks_end() {
  if (another_thread_lives()) return;
  for (std::atomic<Slot*>& chunk : chunks) {
    Slot* slots = chunk.exchange(nullptr);
    if (slots == nullptr) break;
    give_back(reinterpret_cast<std::byte*>(slots) - slots->offset, kChunkBytes);
  }
}

Slot* pop_free() {
  if (free_slots.free == nullptr) make_chunk();
  if (Slot* slot = free_slots.free) {
    free_slots.free = slot->next;
    return slot;
  }
  // Only now does a slot whose generations are used up start again (abi.md 2).
  if (Slot* slot = free_slots.resting) {
    free_slots.resting = slot->next;
    slot->word.store(uint64_t{1} << Slot::kGenerationShift, std::memory_order_relaxed);
    return slot;
  }
  return nullptr;
}

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::none: return "object";
    case Kind::tensor: return "tensor";
    case Kind::module: return "module";
    case Kind::optimizer: return "optimizer";
    case Kind::generator: return "generator";
    case Kind::op: return "operator";
    case Kind::dict: return "dict";
    case Kind::node: return "node";
    case Kind::hook: return "hook";
    case Kind::scope: return "scope";
    case Kind::token: return "token";
    case Kind::context: return "context";
    case Kind::object: return "object";
    case Kind::saved_hooks: return "pair of saved-tensor hooks";
  }
  return "object";
}

namespace {

// "a tensor", "an operator".
struct Some {
  const char* kind;
};
Message& operator<<(Message& message, Some some) {
  const bool vowel = std::strchr("aeiou", some.kind[0]) != nullptr;
  return message << (vowel ? "an " : "a ") << some.kind;
}

}  // namespace

void fail_handle(tg_handle handle, Kind wanted, const char* what) {
  const char* kind = name_of(wanted);
  if (handle == 0) {
    fail(TG_ERROR_INVALID_HANDLE, what, " is 0 (none), but ", Some{kind}, " handle is needed");
  }
  Slot* slot = handle >> 53 == 0 ? slot_of(handle) : nullptr;
  const uint64_t generation = handle >> kSlotBits;
  const uint64_t word = slot != nullptr ? slot->word.load(std::memory_order_relaxed) : 0;
  const uint64_t current = Slot::generation(word);
  if (slot == nullptr || generation == 0 || generation > current ||
      (generation == current && (word & Slot::kLive) == 0 && (word & Slot::kPins) == 0)) {
    fail(TG_ERROR_INVALID_HANDLE, what, " is ", handle,
         ", which is forged: no call ever gave this number; give ", Some{kind},
         " handle that a call returned");
  }
  if (generation < current || (word & Slot::kLive) == 0) {
    fail(TG_ERROR_INVALID_HANDLE, what, " is ", handle,
         ", which is stale: it was released; keep "
         "the ",
         kind, " handle until its last use");
  }
  fail(TG_ERROR_INVALID_HANDLE, what, " is ", handle,
       ", which is of the wrong kind: ", Some{name_of(Slot::kind(word))}, ", but ", Some{kind},
       " is needed");
}

Slot* take_slot() {
  ThreadRecord& mine = thread_record();
  Slot* taken = nullptr;
  {
    LockGuard guard(free_slots.lock);
    taken = pop_free();
    while (taken != nullptr && mine.spare_count < kRefill && free_slots.free != nullptr) {
      mine.spare[mine.spare_count++] = pop_free();
    }
  }
  if (taken == nullptr) {
    fail(TG_ERROR_LIMIT, "2^24 - 1 handles are live, which is the most there can be; release some");
  }
  return taken;
}

tg_handle publish_result_slow(TensorHead* head) {
  Tensor held(head);
  check_unrestricted();
  NewHandle handle;
  return handle.publish(std::move(held));
}

void return_slot(Slot* slot) noexcept {
  const uint64_t generation = Slot::generation(slot->word.load(std::memory_order_relaxed));
  ThreadRecord* mine = thread_record_or_null();
  if (generation != 0 && mine != nullptr && mine->spare_count < kSpareSlots) [[likely]] {
    mine->spare[mine->spare_count++] = slot;
    return;
  }
  LockGuard guard(free_slots.lock);
  if (generation == 0) {
    slot->next = nullptr;
    (free_slots.resting != nullptr ? free_slots.resting_last->next : free_slots.resting) = slot;
    free_slots.resting_last = slot;
    return;
  }
  slot->next = free_slots.free;
  free_slots.free = slot;
  while (mine != nullptr && mine->spare_count > kRefill) {
    auto* spare = static_cast<Slot*>(mine->spare[--mine->spare_count]);
    spare->next = free_slots.free;
    free_slots.free = spare;
  }
}

void share_object(Kind kind, void* object) noexcept {
  switch (kind) {
    case Kind::tensor: count_up(static_cast<TensorHead*>(object)->refs); return;
    case Kind::node: count_up(static_cast<Node*>(object)->refs); return;
    default: count_up(static_cast<Object*>(object)->refs);
  }
}

void drop_object(Kind kind, void* object) noexcept {
  switch (kind) {
    case Kind::tensor: Tensor(static_cast<TensorHead*>(object)).reset(); return;
    case Kind::node: let_go(static_cast<Node*>(object)); return;
    default: {
      auto* counted = static_cast<Object*>(object);
      if (was_last(counted->refs)) counted->destroy();
    }
  }
}

// One thread comes here for each release: the one that saw the last pin go.
void drop_slot(Slot* slot) noexcept {
  void* object = slot->object.load(std::memory_order_relaxed);
  const uint64_t word = slot->word.load(std::memory_order_relaxed);
  const Kind kind = Slot::kind(word);
  slot->object.store(nullptr, std::memory_order_relaxed);
  slot->word.store((Slot::generation(word) + 1) << Slot::kGenerationShift,
                   std::memory_order_release);
  return_slot(slot);
  drop_object(kind, object);
}

Released try_release(tg_handle handle) noexcept {
  Slot* slot = handle >> 53 == 0 ? slot_of(handle) : nullptr;
  if (slot == nullptr || thread_record_or_null() == nullptr) return Released::not_live;
  const uint64_t generation = handle >> kSlotBits;
  uint64_t word = slot->word.load(std::memory_order_acquire);
  do {
    if (Slot::generation(word) != generation || (word & Slot::kLive) == 0) [[unlikely]]
      return Released::not_live;
    const Kind kind = Slot::kind(word);
    if (kind == Kind::scope || kind == Kind::context || kind == Kind::saved_hooks) [[unlikely]]
      return Released::refused;
    // Dead, and pinned: a call that ends now must not hand the slot on while a scope has it.
  } while (!slot->word.compare_exchange_weak(word, (word & ~Slot::kLive) + 1,
                                             std::memory_order_acq_rel));
  if (slot->scope.load(std::memory_order_acquire) != nullptr) [[unlikely]]
    unlink_from_scope(slot);
  unpin(slot);
  return Released::yes;
}

void fail_release(tg_handle handle, Released why) {
  if (why == Released::not_live) fail_handle(handle, Kind::none, "handle");
  fail(TG_ERROR_MODE,
       "handle is a scope, a context or a pair of saved-tensor hooks, which are not released: a "
       "scope ends by tg_scope_exit, a context when its callback returns, saved-tensor hooks by "
       "tg_saved_tensor_hooks_exit");
}

void release(tg_handle handle) {
  if (handle == 0) return;
  if (const Released done = try_release(handle); done != Released::yes) fail_release(handle, done);
}

bool is_live(tg_handle handle) noexcept {
  Slot* slot = handle >> 53 == 0 ? slot_of(handle) : nullptr;
  if (slot == nullptr) return false;
  const uint64_t word = slot->word.load(std::memory_order_relaxed);
  return handle >> kSlotBits == Slot::generation(word) && (word & Slot::kLive) != 0;
}

namespace {

// Every slot that was ever made, until `visit` says true.
template <class Visit>
void each_slot(Visit visit) {
  for (std::atomic<Slot*>& chunk : chunks) {
    const Slot* slots = chunk.load(std::memory_order_acquire);
    if (slots == nullptr) return;
    for (uint32_t i = 0; i < kChunkSlots; ++i) {
      if (visit(slots[i].word.load(std::memory_order_relaxed))) return;
    }
  }
}

}  // namespace

bool any_pinned() noexcept {
  bool pinned = false;
  each_slot([&](uint64_t word) { return pinned = (word & Slot::kPins) != 0; });
  return pinned;
}

// Counted when asked: making and releasing a handle keep no count.
uint64_t live_handles() noexcept {
  uint64_t live = 0;
  each_slot([&](uint64_t word) {
    live += word >> Slot::kLiveShift & 1u;
    return false;
  });
  return live;
}

}  // namespace tg::capi
