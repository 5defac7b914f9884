// SPDX-License-Identifier: MIT
// Calls of one operator of a user take turns, unless it says that it is thread-safe. A thread that
// has the turn may come again: its function called the library back. Two threads that would wait
// for each other's turn for ever are found before they do.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/thread.h"

namespace tg::ffi {

// Counted: an operator shares it with its backward.
class Turn {
 public:
  void share() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void let_go() noexcept {
    if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) give_back(this, sizeof(Turn));
  }
  // Waits. Throws TG_ERROR_MODE where the wait would have no end; flag: what says thread-safe.
  void begin(const char* op, const char* flag);
  void end() noexcept;

 private:
  bool is_held(uint32_t epoch) const { return owner_ != nullptr && epoch_ == epoch; }
  bool would_never_end(const ThreadRecord* mine, uint32_t epoch) const;

  // Guarded by the lock of all turns.
  const ThreadRecord* owner_ = nullptr;
  uint32_t epoch_ = 0;  // of the owner's process (base/lock.h)
  uint32_t depth_ = 0;
  uint32_t waiting_ = 0;
  std::atomic<uint32_t> ended_{0};  // turns so far: what waiting threads sleep on
  std::atomic<uint32_t> refs_{1};
};

inline Turn* make_turn() { return new (take(sizeof(Turn))) Turn; }

class InTurn {
 public:
  InTurn(Turn* turn, const char* op, const char* flag = "TG_FFI_THREAD_SAFE") : turn_(turn) {
    if (turn_ != nullptr) turn_->begin(op, flag);
  }
  ~InTurn() {
    if (turn_ != nullptr) turn_->end();
  }
  InTurn(const InTurn&) = delete;
  InTurn& operator=(const InTurn&) = delete;

 private:
  Turn* turn_;  // null: none is needed
};

}  // namespace tg::ffi
