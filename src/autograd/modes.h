// SPDX-License-Identifier: MIT
// Entering and leaving modes, and the rules of nesting (modes.md 1). Reading the current pair is in
// core/mode.h.
#pragma once

#include <cstdint>

#include "base/thread.h"
#include "core/mode.h"

namespace tg {

// Numbers of the entries in the mode word; 0 is no entry.
enum class ModeEntry : uint8_t {
  no_grad = 1,
  enable_grad = 2,
  set_grad_off = 3,
  set_grad_on = 4,
  inference_on = 5,
  inference_off = 6,
};
// What an exit may close.
enum class ModeKind : uint8_t { no_grad, enable_grad, set_grad_enabled, inference_mode };

// Throws TG_ERROR_MODE where the nesting rule refuses, TG_ERROR_LIMIT past the greatest depth.
void enter_mode(ModeEntry entry);
// Throws TG_ERROR_MODE where the innermost entry is of another kind, or belongs to a running call.
void exit_mode(ModeKind kind);

// The common cases of the two, inline: an enter that no rule can refuse from a stack with room, and
// an exit back to a thread's first state. false: nothing was done, the functions above decide.
inline bool enter_mode_fast(ModeEntry entry) noexcept {
  const uint64_t word = state;
  if ((word & ~(kNestingAllowed | kAnomaly)) != 0) return false;  // some mode is on
  const uint64_t entered = word | static_cast<uint64_t>(entry) << 4;
  switch (entry) {
    case ModeEntry::no_grad:
    case ModeEntry::set_grad_off: state = entered | kNoGradNow; return true;
    case ModeEntry::inference_on: state = entered | kNoGradNow | kInferenceNow; return true;
    default: state = entered; return true;
  }
}
// entry: the only kind that the stack may hold.
inline bool exit_mode_fast(ModeEntry entry) noexcept {
  const ThreadRecord* thread = record;
  if (thread != nullptr && (thread->mode_floor | thread->mode_depth) != 0) return false;
  const uint64_t word = state & kStateMask & ~(kNestingAllowed | kAnomaly);
  if (word != static_cast<uint64_t>(entry) << 4) return false;
  state &= kNestingAllowed | kAnomaly | kWatched;
  return true;
}

// Puts a word of this thread back; whether it is watched may have changed meanwhile.
void restore_state(uint64_t word) noexcept;
// After a change of what kWatched follows from.
inline void update_watched() noexcept { restore_state(state); }
void set_anomaly(bool on);  // throws TG_ERROR_MODE where it is so already
inline bool anomaly_mode() noexcept { return (state & kAnomaly) != 0; }

void set_nesting(int32_t nesting);
uint64_t get_state();  // throws TG_ERROR_LIMIT where the stack is too deep
uint64_t set_state(uint64_t word, bool wants_former);  // gives the former word

// The stack as a *_call found it: what fn does to it is undone when the call ends.
class ModeScope {
 public:
  explicit ModeScope(ModeEntry entry);  // enters; throws as enter_mode
  ~ModeScope();                         // puts everything back
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;
  bool is_balanced() const;  // fn left the stack as it found it

 private:
  uint64_t before_;  // the word before the entry
  uint64_t inside_;  // and after
  uint32_t depth_;   // of the spilled part
  uint32_t floor_;
};

// The thread's stack put aside, spilled entries included, and put back at the end.
class FreshStack {
 public:
  FreshStack();
  ~FreshStack();
  FreshStack(const FreshStack&) = delete;
  FreshStack& operator=(const FreshStack&) = delete;

 private:
  uint64_t before_;
  uint32_t depth_;
  uint32_t floor_;
  void* spill_;
};

// The engine's own modes during a backward, and those of a callback: grad mode as asked, inference
// mode off unless said, a fresh stack for what callbacks enter.
class EngineModes : FreshStack {
 public:
  explicit EngineModes(bool grad, bool inference = false);
};

// For the rules that a backward runs: where they are recorded they get sites and hooks.
inline void leave_watch_to_pass(bool records) noexcept {
  state = records ? state | kPassChecks : state & ~kWatched;
}

// A task's modes in place of the thread's, for the length of a call that brings them along.
class TaskModes : FreshStack {
 public:
  explicit TaskModes(uint64_t word);  // of get_state; throws as set_state
};

}  // namespace tg
