// SPDX-License-Identifier: MIT
#include "core/packing.h"

#include "base/blocks.h"
#include "base/lock.h"

namespace tg {

struct alignas(64) PackedElements {  // the packed elements follow
  std::atomic<uint32_t> refs;
  uint32_t version;  // of the storage, when they were read
  size_t bytes;
  int64_t offset, sizes[2], strides[2];
  void* block;

  bool are_of(const Tensor& x) const {
    return offset == x.offset() && sizes[0] == x.size(0) && sizes[1] == x.size(1) &&
           strides[0] == x.stride(0) && strides[1] == x.stride(1);
  }
  void* data() { return this + 1; }
};
static_assert(sizeof(PackedElements) == 64);

namespace {

// A storage's place for a packing: made with its first one, it lives as long as the storage, so
// that whoever holds the storage may read it.
struct Keeper : Owner {
  Lock lock;
  uint32_t writes;  // since it was made
  PackedElements* kept;
  Keeper* next;  // of its stripe
};

// All keepers, for memory_trim. A list that a fork cut off in the middle of a change is whole: each
// change is one word.
struct Stripe {
  Lock lock;
  Keeper* first;
};
constexpr size_t kStripes = 64;
constinit Stripe stripes[kStripes]{};

Stripe& stripe_of(const Keeper* keeper) {
  return stripes[(reinterpret_cast<uintptr_t>(keeper) >> 6) % kStripes];
}

size_t block_bytes(size_t bytes) { return bytes + sizeof(PackedElements) + 64; }

void let_go(PackedElements* elements) noexcept {
  if (elements == nullptr || elements->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  pack_bytes_add(-static_cast<int64_t>(elements->bytes));
  give_back(elements->block, block_bytes(elements->bytes));
}

PackedElements* exchange(Keeper& keeper, PackedElements* elements) noexcept {
  LockGuard guard(keeper.lock);
  return std::exchange(keeper.kept, elements);
}

void drop_all() noexcept {
  for (Stripe& stripe : stripes) {
    LockGuard guard(stripe.lock);
    for (Keeper* keeper = stripe.first; keeper != nullptr; keeper = keeper->next) {
      let_go(exchange(*keeper, nullptr));
    }
  }
}

void end_keeper(const Owner* owner, std::byte*) noexcept {
  auto* keeper = const_cast<Keeper*>(static_cast<const Keeper*>(owner));
  {
    Stripe& stripe = stripe_of(keeper);
    LockGuard guard(stripe.lock);
    Keeper** place = &stripe.first;
    while (*place != nullptr && *place != keeper) place = &(*place)->next;
    if (*place == keeper) *place = keeper->next;
  }
  let_go(keeper->kept);
  give_back(keeper, sizeof(Keeper));
}

// Null: no memory.
Keeper* keeper_of(Storage& storage) noexcept {
  const Owner* owner = storage.owner.load(std::memory_order_acquire);
  if (owner == nullptr) {
    void* memory = try_take(sizeof(Keeper));
    if (memory == nullptr) return nullptr;
    auto* keeper = new (memory) Keeper{};
    keeper->release = end_keeper;
    {
      Stripe& stripe = stripe_of(keeper);
      LockGuard guard(stripe.lock);
      keeper->next = stripe.first;
      stripe.first = keeper;
    }
    if (storage.owner.compare_exchange_strong(owner, keeper, std::memory_order_seq_cst)) {
      trim_first(drop_all);
      return keeper;
    }
    end_keeper(keeper, nullptr);  // another reader was first
  }
  return const_cast<Keeper*>(static_cast<const Keeper*>(owner));
}

PackedElements* make(const Tensor& x, uint32_t version, size_t bytes, Pack pack) noexcept {
  void* block = try_take(block_bytes(bytes));
  if (block == nullptr) return nullptr;
  const auto address = (reinterpret_cast<uintptr_t>(block) + 63) & ~uintptr_t{63};
  auto* elements = new (reinterpret_cast<void*>(address)) PackedElements{
      {1}, version, bytes, x.offset(), {x.size(0), x.size(1)}, {x.stride(0), x.stride(1)}, block};
  pack_bytes_add(static_cast<int64_t>(bytes));
  pack(elements->data(), x);
  return elements;
}

}  // namespace

// The writer's side of a race with a reader that packs. In the one order of the four accesses to
// version and owner, here and in packing_of, either the reader's keeper comes first: then counting
// the write keeps what the reader read from being kept. Or it comes last: then the reader sees the
// new elements.
void drop_packing(Storage& storage) noexcept {
  storage.version.fetch_add(0, std::memory_order_seq_cst);
  const Owner* owner = storage.owner.load(std::memory_order_seq_cst);
  if (owner == nullptr || (storage.flags() & Storage::kBorrowed) != 0) return;
  auto* keeper = const_cast<Keeper*>(static_cast<const Keeper*>(owner));
  PackedElements* dropped = nullptr;
  {
    LockGuard guard(keeper->lock);
    ++keeper->writes;
    dropped = std::exchange(keeper->kept, nullptr);
  }
  let_go(dropped);
}

Packing::~Packing() { let_go(elements_); }

const void* Packing::data() const { return elements_ != nullptr ? elements_->data() : nullptr; }

Packing packing_of(const Tensor& x, size_t bytes, bool keep, Pack pack) noexcept {
  Storage& storage = x.storage();
  const uint64_t flags = storage.flags();
  if ((flags & Storage::kBorrowed) != 0 || storage.bytes() < kLeastPacked) return {};
  const bool escaped = (flags & Storage::kEscaped) != 0;
  keep = keep && !escaped;
  if (!keep && storage.owner.load(std::memory_order_relaxed) == nullptr) return {};
  Keeper* keeper = keeper_of(storage);
  if (keeper == nullptr) return {};
  const uint32_t version = storage.version.load(std::memory_order_seq_cst);
  uint32_t writes = 0;
  PackedElements* stale = nullptr;
  {
    LockGuard guard(keeper->lock);
    writes = keeper->writes;
    PackedElements* kept = keeper->kept;
    if (kept != nullptr) {
      if (!escaped && kept->version == version) {
        if (!kept->are_of(x)) return {};
        kept->refs.fetch_add(1, std::memory_order_relaxed);
        return Packing(kept);
      }
      stale = std::exchange(keeper->kept, nullptr);
    }
  }
  let_go(stale);
  if (!keep) return {};
  Packing made(make(x, version, bytes, pack));
  if (made) {
    LockGuard guard(keeper->lock);
    // Else the elements changed meanwhile, or another reader was first.
    if (keeper->writes == writes && keeper->kept == nullptr) {
      made.get()->refs.fetch_add(1, std::memory_order_relaxed);
      keeper->kept = made.get();
    }
  }
  return made;
}

}  // namespace tg
