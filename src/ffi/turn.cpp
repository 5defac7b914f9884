// SPDX-License-Identifier: MIT
#include "ffi/turn.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"

namespace tg::ffi {

namespace {

void wait_for(const std::atomic<uint32_t>& word, uint32_t value) noexcept {
  const ErrnoKeeper keep;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void wake_one(const std::atomic<uint32_t>& word) noexcept {
  const ErrnoKeeper keep;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

// A thread that sleeps, on its own stack.
struct Waiter {
  const ThreadRecord* thread;
  const Turn* turn;
  Waiter* next;
};

struct Waiters {
  Lock lock;  // of all turns as well
  Waiter* first;
  uint32_t epoch;  // of the process whose threads they are
};
constinit Waiters waiters{};

// The threads that waited when the process forked do not exist here.
void forget_other_process(uint32_t epoch) noexcept {
  if (waiters.epoch != epoch) waiters.first = nullptr;
  waiters.epoch = epoch;
}

}  // namespace

// Each thread waits for one turn at most, and a turn has one owner, so this is a walk, no search.
bool Turn::would_never_end(const ThreadRecord* mine, uint32_t epoch) const {
  for (const Turn* turn = this; turn->is_held(epoch);) {
    if (turn->owner_ == mine) return true;
    const Waiter* waiter = waiters.first;
    while (waiter != nullptr && waiter->thread != turn->owner_) waiter = waiter->next;
    if (waiter == nullptr) return false;
    turn = waiter->turn;
  }
  return false;
}

void Turn::begin(const char* op, const char* flag) {
  const ThreadRecord* const mine = &thread_record();
  const uint32_t epoch = fork_epoch();
  for (;;) {
    Waiter self{mine, this, nullptr};
    uint32_t seen = 0;
    {
      const LockGuard guard(waiters.lock);
      forget_other_process(epoch);
      if (!is_held(epoch)) {
        if (epoch_ != epoch) waiting_ = 0;
        owner_ = mine;
        epoch_ = epoch;
        depth_ = 1;
        return;
      }
      if (owner_ == mine) {
        ++depth_;
        return;
      }
      if (!would_never_end(mine, epoch)) {
        self.next = waiters.first;
        waiters.first = &self;
        ++waiting_;
        seen = ended_.load(std::memory_order_relaxed);
      } else {
        self.turn = nullptr;
      }
    }
    if (self.turn == nullptr) {
      fail(TG_ERROR_MODE, op,
           ": its turn is held by a thread that waits for the turn of an operator whose function "
           "runs here; create the operators with ",
           flag, ", or do not call one from the other's function");
    }
    wait_for(ended_, seen);
    const LockGuard guard(waiters.lock);
    --waiting_;
    Waiter** place = &waiters.first;
    while (*place != &self) place = &(*place)->next;
    *place = self.next;
  }
}

void Turn::end() noexcept {
  bool wake = false;
  {
    const LockGuard guard(waiters.lock);
    if (--depth_ > 0) return;
    owner_ = nullptr;
    ended_.fetch_add(1, std::memory_order_relaxed);
    wake = waiting_ > 0;
  }
  if (wake) wake_one(ended_);
}

}  // namespace tg::ffi
