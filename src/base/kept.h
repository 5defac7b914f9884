// SPDX-License-Identifier: MIT
// A callback of the host that is kept until another takes its place, perhaps on one thread while it
// runs on another: whoever runs it holds it, and it ends when nobody does.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

#include "base/lock.h"

namespace tg {

struct Kept {
  uint32_t holders;                  // its place, and calls that run; under the place's lock
  void (*end)(Kept* self) noexcept;  // runs the host's destructor and gives the memory back
};

class KeptPlace {
 public:
  // What the common road asks: one load.
  bool is_taken() const noexcept { return taken_.load(std::memory_order_relaxed) != 0; }

  // null: none. Takes over the holder that `fresh` was made with.
  void put(Kept* fresh) noexcept {
    {
      LockGuard guard(lock_);
      std::swap(kept_, fresh);
      taken_.store(kept_ != nullptr ? 1 : 0, std::memory_order_relaxed);
    }
    if (fresh != nullptr) let_go(fresh);
  }

 private:
  friend class KeptUse;
  Kept* hold() noexcept {
    LockGuard guard(lock_);
    if (kept_ != nullptr) ++kept_->holders;
    return kept_;
  }
  void let_go(Kept* kept) noexcept {
    {
      LockGuard guard(lock_);
      if (--kept->holders > 0) return;
    }
    kept->end(kept);
  }

  Lock lock_;
  Kept* kept_ = nullptr;
  std::atomic<uint32_t> taken_{0};
};

// Holds what is kept, if anything, for a block.
class KeptUse {
 public:
  explicit KeptUse(KeptPlace& place) noexcept : place_(place), kept_(place.hold()) {}
  ~KeptUse() {
    if (kept_ != nullptr) place_.let_go(kept_);
  }
  KeptUse(const KeptUse&) = delete;
  KeptUse& operator=(const KeptUse&) = delete;
  Kept* get() const noexcept { return kept_; }

 private:
  KeptPlace& place_;
  Kept* kept_;
};

}  // namespace tg
