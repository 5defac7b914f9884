// SPDX-License-Identifier: MIT
#include "base/blocks.h"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/lock.h"
#include "base/pressure.h"
#include "base/thread.h"

namespace tg {

constinit Account account{{0}, {0}, {INT64_MAX}, {INT64_MAX}};

namespace {

// Large blocks that were freed stay for reuse up to this many bytes: a page that was touched costs
// nothing the second time, a fresh one 1.4 us for 4 KiB.
constexpr int64_t kKeepLarge = int64_t{512} << 20;
constexpr size_t kMapped = size_t{2} << 20;  // from here on blocks are mapped, on huge pages
constexpr size_t kFirstSlab = size_t{96} << 10;
constexpr size_t kCutAtOnce = 2048;
constexpr size_t kLastSlab = size_t{4} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kPage = 4096;
constexpr size_t kReadyAtOnce = size_t{32} << 10;

struct Slab {  // stands at the head of each slab, so that dlclose can free them all
  Slab* next;
  size_t size;
  bool mapped;
};
constexpr size_t kSlabHeader = 64;

struct Depot {
  Lock lock;
  FreeBlock* batches[kSmallClasses];  // each a whole batch; the second word links batches
  FreeBlock* large[kClasses - kSmallClasses];
  Slab* slabs;
};
constinit Depot depot{};
constinit std::atomic<int64_t> large_bytes{0};
constinit std::atomic<int64_t> pack_bytes{0};
constinit std::atomic<void (*)() noexcept> drop_first{nullptr};

struct Batch {  // laid over the first block of a batch in the depot: every class holds 16 bytes
  FreeBlock* rest;
  Batch* next;
};

// A child of fork may find lists that another thread was changing: it forgets them.
struct DepotGuard : LockGuard {
  DepotGuard() : LockGuard(depot.lock) {
    if (!whole()) {
      for (auto& batch : depot.batches) batch = nullptr;
      for (auto& block : depot.large) block = nullptr;
      large_bytes.store(0, std::memory_order_relaxed);
    }
  }
};

void* map_memory(size_t size) noexcept {
  ErrnoKeeper keep;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, size, MADV_HUGEPAGE);
  return memory;
}

void* system_take(size_t size) noexcept {
  ErrnoKeeper keep;
  return size >= kMapped ? map_memory(size) : std::malloc(size);
}

void system_give_back(void* memory, size_t size) noexcept {
  ErrnoKeeper keep;
  if (size >= kMapped) {
    munmap(memory, size);
  } else {
    std::free(memory);
  }
}

void* take_large(uint32_t size_class) noexcept {
  const size_t size = class_size(size_class);
  {
    DepotGuard guard;
    FreeBlock*& list = depot.large[size_class - kSmallClasses];
    if (list != nullptr) {
      FreeBlock* block = list;
      list = block->next;
      large_bytes.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
      return block;
    }
  }
  void* memory = system_take(size);
  if (memory != nullptr) return memory;
  memory_trim();  // cached blocks are given back before a request fails
  return system_take(size);
}

void give_back_large(void* block, uint32_t size_class) noexcept {
  const auto size = static_cast<int64_t>(class_size(size_class));
  if (large_bytes.load(std::memory_order_relaxed) + size > kKeepLarge) {
    return system_give_back(block, static_cast<size_t>(size));
  }
  DepotGuard guard;
  auto* free_block = static_cast<FreeBlock*>(block);
  FreeBlock*& list = depot.large[size_class - kSmallClasses];
  free_block->next = list;
  list = free_block;
  large_bytes.fetch_add(size, std::memory_order_relaxed);
}

// A new slab for this thread. What is left of the old one (less than a block) is lost.
bool refill_slab(Blocks& blocks, size_t block_size) noexcept {
  if (blocks.slab_next < kFirstSlab) blocks.slab_next = kFirstSlab;
  size_t size = blocks.slab_next;
  while (size < block_size + kSlabHeader) size *= 2;
  const bool mapped = size >= kHugePage;
  void* memory = mapped ? map_memory(size) : system_take(size);
  if (memory == nullptr) return false;
  auto* slab = static_cast<Slab*>(memory);
  slab->size = size;
  slab->mapped = mapped;
  {
    DepotGuard guard;
    slab->next = depot.slabs;
    depot.slabs = slab;
  }
  blocks.slab = static_cast<std::byte*>(memory) + kSlabHeader;
  blocks.slab_left = size - kSlabHeader;
  blocks.slab_ready = mapped ? blocks.slab + blocks.slab_left : blocks.slab;
  if (blocks.slab_next < kLastSlab) blocks.slab_next *= 2;
  return true;
}

// Touches the next pages of the slab in one call of the system, which costs half of what a fault
// for each does; few at first, so that a thread of few tensors keeps few pages. A kernel that does
// not know the advice (before 5.14) leaves the pages to their faults.
void touch_ahead(Blocks& blocks) noexcept {
  ErrnoKeeper keep;
  blocks.ready_next = std::clamp(2 * blocks.ready_next, kPage, kReadyAtOnce);
  const auto page_of = [](const std::byte* at) { return reinterpret_cast<uintptr_t>(at) & -kPage; };
  const uintptr_t begin = page_of(blocks.slab);
  const uintptr_t end = page_of(blocks.slab + std::min(blocks.ready_next, blocks.slab_left) - 1);
  const size_t size = end + kPage - begin;
  std::byte* from = blocks.slab - (reinterpret_cast<uintptr_t>(blocks.slab) - begin);
  madvise(from, size, MADV_POPULATE_WRITE);
  blocks.slab_ready = from + size;
}

}  // namespace

void* take_slow(uint32_t size_class) noexcept {
  if (size_class >= kSmallClasses) return take_large(size_class);
  ThreadRecord* mine = thread_record_or_null();
  if (mine == nullptr) return nullptr;
  Blocks& blocks = mine->blocks;
  FreeBlock*& list = blocks.free[size_class];
  if (list == nullptr && blocks.reserve[size_class] != nullptr) {
    list = blocks.reserve[size_class];
    blocks.reserve[size_class] = nullptr;
    blocks.room[size_class] = 0;
  }
  if (list == nullptr) {
    DepotGuard guard;
    auto* batch = reinterpret_cast<Batch*>(depot.batches[size_class]);
    if (batch != nullptr) {
      depot.batches[size_class] = reinterpret_cast<FreeBlock*>(batch->next);
      list = reinterpret_cast<FreeBlock*>(batch);
      blocks.room[size_class] = 0;
    }
  }
  if (list != nullptr) {
    FreeBlock* block = list;
    list = block->next;
    ++blocks.room[size_class];
    return block;
  }
  const size_t size = class_size(size_class);
  if (blocks.slab_left < size && !refill_slab(blocks, size)) return nullptr;
  std::byte* block = blocks.slab;
  if (block + std::max(size, kCutAtOnce) > blocks.slab_ready) touch_ahead(blocks);
  // Small ones are cut several at a time, so that a long run of them comes here seldom.
  const size_t count = std::clamp(std::min(kCutAtOnce, blocks.slab_left) / size, size_t{1},
                                  size_t{blocks.room[size_class]} + 1);
  for (size_t i = count; i-- > 1;) {
    auto* free_block = reinterpret_cast<FreeBlock*>(block + i * size);
    free_block->next = list;
    list = free_block;
  }
  blocks.room[size_class] -= static_cast<uint16_t>(count - 1);
  blocks.slab += count * size;
  blocks.slab_left -= count * size;
  return block;
}

void give_back_slow(void* block, uint32_t size_class) noexcept {
  if (size_class >= kSmallClasses) return give_back_large(block, size_class);
  auto* free_block = static_cast<FreeBlock*>(block);
  ThreadRecord* mine = thread_record_or_null();
  if (mine == nullptr) return;  // no record and no memory for one: the block is lost, not the host
  Blocks& blocks = mine->blocks;
  if (push_listed(*mine, block, size_class)) return;  // the record is new
  if (blocks.reserve[size_class] != nullptr) {
    auto* batch = reinterpret_cast<Batch*>(blocks.reserve[size_class]);
    DepotGuard guard;
    batch->next = reinterpret_cast<Batch*>(depot.batches[size_class]);
    depot.batches[size_class] = reinterpret_cast<FreeBlock*>(batch);
  }
  blocks.reserve[size_class] = blocks.free[size_class];
  free_block->next = nullptr;
  blocks.free[size_class] = free_block;
  blocks.room[size_class] = batch_size(size_class) - 1;
}

void fail_out_of_memory(size_t size) {
  fail(TG_ERROR_OUT_OF_MEMORY, "out of memory: ", size,
       " bytes could not be had; release tensors or call tg_memory_trim");
}

void settle_and_give_up(ThreadRecord& thread) noexcept {
  settle(thread.blocks);
  // Incomplete batches cannot go to the depot: they stay with the record for its next thread.
}

void free_all_blocks() noexcept {
  memory_trim();
  for (Slab* slab = depot.slabs; slab != nullptr;) {
    Slab* next = slab->next;
    if (slab->mapped) {
      munmap(slab, slab->size);
    } else {
      std::free(slab);
    }
    slab = next;
  }
  depot.slabs = nullptr;
}

// ---- account ----

static void raise_peak(int64_t total) noexcept {
  int64_t peak = account.peak.load(std::memory_order_relaxed);
  while (total > peak &&
         !account.peak.compare_exchange_weak(peak, total, std::memory_order_relaxed)) {
  }
}

void settle(Blocks& blocks) noexcept {
  const int64_t own = blocks.bytes.load(std::memory_order_relaxed);
  blocks.bytes.store(0, std::memory_order_relaxed);
  account.settled.fetch_add(own, std::memory_order_relaxed);
  renew_headroom(blocks);
}

// Whether `bytes` more pass a limit, and how many are in use.
static bool passes(const std::atomic<int64_t>& bound, int64_t bytes, int64_t* current) noexcept {
  const int64_t limit = bound.load(std::memory_order_relaxed);
  if (limit == INT64_MAX) return false;
  *current = static_cast<int64_t>(memory_current());
  return bytes > limit - *current;
}

// A request asks the pressure function once, whatever the reasons.
struct Request {
  int64_t bytes;
  bool asked = false;

  // true: it may be tried again.
  bool relieve() noexcept {
    if (asked) return false;
    asked = true;
    return relieve_pressure(bytes);
  }
};

static void charge_request(Request& request) {
  const int64_t bytes = request.bytes;
  int64_t current = 0;
  if (passes(account.soft_limit, bytes, &current)) request.relieve();
  if (passes(account.limit, bytes, &current) &&
      (!request.relieve() || passes(account.limit, bytes, &current))) {
    fail(TG_ERROR_OUT_OF_MEMORY, "out of memory: ", bytes, " bytes more than the ", current,
         " in use would pass the limit of ", account.limit.load(std::memory_order_relaxed),
         " bytes; release tensors or raise tg_memory_limit_set");
  }
  Blocks& blocks = thread_record().blocks;
  if (bytes >= kChargedGlobally) {
    account.settled.fetch_add(bytes, std::memory_order_relaxed);
  } else {
    blocks.bytes.store(blocks.bytes.load(std::memory_order_relaxed) + bytes,
                       std::memory_order_relaxed);
    if (blocks.bytes.load(std::memory_order_relaxed) > kSettle) settle(blocks);
  }
  raise_peak(account.settled.load(std::memory_order_relaxed) +
             blocks.bytes.load(std::memory_order_relaxed));
  renew_headroom(blocks);
}

void charge_slow(int64_t bytes) {
  Request request{bytes};
  charge_request(request);
}

void* take_charged_slow(uint32_t size_class, int64_t bytes) {
  Request request{bytes};
  for (;;) {
    if (has_headroom(bytes)) [[likely]] {
      charge(bytes);
    } else {
      charge_request(request);
    }
    if (void* block = try_take_class(size_class)) [[likely]]
      return block;
    discharge(bytes);
    if (!request.relieve()) fail_out_of_memory(class_size(size_class));
  }
}

void renew_headroom(Blocks& blocks) noexcept {
  const int64_t settled = account.settled.load(std::memory_order_relaxed);
  const int64_t peak = account.peak.load(std::memory_order_relaxed) - settled;
  // Without a limit there is nothing to subtract from: the shared sum may be below 0 for a while.
  const int64_t bound = std::min(account.limit.load(std::memory_order_relaxed),
                                 account.soft_limit.load(std::memory_order_relaxed));
  const int64_t limit = bound == INT64_MAX ? kSettle : bound - settled;
  blocks.headroom = std::min({kSettle, peak, limit});
}

uint64_t memory_current() noexcept {
  int64_t total = account.settled.load(std::memory_order_relaxed);
  for (ThreadRecord* r = first_thread_record(); r != nullptr; r = r->next) {
    total += r->blocks.bytes.load(std::memory_order_relaxed);
  }
  return total > 0 ? static_cast<uint64_t>(total) : 0;  // readers may meet a block half-way
}

uint64_t memory_peak() noexcept {
  const int64_t peak = account.peak.load(std::memory_order_relaxed);
  const uint64_t current = memory_current();
  return peak > static_cast<int64_t>(current) ? static_cast<uint64_t>(peak) : current;
}

void memory_peak_reset() noexcept {
  account.peak.store(static_cast<int64_t>(memory_current()), std::memory_order_relaxed);
  if (ThreadRecord* mine = record) renew_headroom(mine->blocks);
}

void memory_limit_set(uint64_t bytes) noexcept {
  const bool none = bytes == 0 || bytes > static_cast<uint64_t>(INT64_MAX);
  account.limit.store(none ? INT64_MAX : static_cast<int64_t>(bytes), std::memory_order_relaxed);
  if (ThreadRecord* mine = record) renew_headroom(mine->blocks);
}

void memory_soft_limit_set(uint64_t bytes) noexcept {
  const bool none = bytes == 0 || bytes > static_cast<uint64_t>(INT64_MAX);
  account.soft_limit.store(none ? INT64_MAX : static_cast<int64_t>(bytes),
                           std::memory_order_relaxed);
  if (ThreadRecord* mine = record) renew_headroom(mine->blocks);
}

uint64_t memory_cached() noexcept {
  return static_cast<uint64_t>(large_bytes.load(std::memory_order_relaxed) +
                               pack_bytes.load(std::memory_order_relaxed));
}

void trim_first(void (*drop)() noexcept) noexcept {
  drop_first.store(drop, std::memory_order_relaxed);
}

void memory_trim() noexcept {
  if (auto* drop = drop_first.load(std::memory_order_relaxed)) drop();
  for (uint32_t i = kSmallClasses; i < kClasses; ++i) {
    FreeBlock* list = nullptr;
    {
      DepotGuard guard;
      list = depot.large[i - kSmallClasses];
      depot.large[i - kSmallClasses] = nullptr;
    }
    const size_t size = class_size(i);
    while (list != nullptr) {
      FreeBlock* next = list->next;
      large_bytes.fetch_sub(static_cast<int64_t>(size), std::memory_order_relaxed);
      system_give_back(list, size);
      list = next;
    }
  }
}

void pack_bytes_add(int64_t bytes) noexcept {
  pack_bytes.fetch_add(bytes, std::memory_order_relaxed);
}

#ifdef TG_FAULT_INJECTION
namespace {
struct Faults {
  uint64_t counted;
  uint64_t fail_at;
  bool lasting;
};
thread_local constinit Faults faults{};
}  // namespace

uint64_t fail_allocation(uint64_t k, bool lasting) noexcept {
  const uint64_t counted = faults.counted;
  faults = {0, k, lasting};
  return counted;
}

bool allocation_fails() noexcept {
  const uint64_t number = ++faults.counted;
  return faults.fail_at != 0 &&
         (number == faults.fail_at || (faults.lasting && number > faults.fail_at));
}
#endif

}  // namespace tg
