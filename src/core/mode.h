// SPDX-License-Identifier: MIT
// The mode word of a thread: what tg_state_get carries, and a cache of the pair that follows from
// it. Reading a mode is one load; entering and leaving are in autograd/modes.h.
#pragma once

#include <cstdint>

namespace tg {

// Low 52 bits, from bit 0:
//   2  the pair below the stack: bit 0 grad mode off, bit 1 inference mode on
//   1  nesting rule (0 refuse, 1 allow)
//   1  anomaly mode
//  48  sixteen entries of 3 bits, the innermost lowest; 0 is no entry
// Above: the current pair and the bits below it, which tg_state_get masks off. Grad mode is stored
// inverted, so that a thread's first word is 0.
extern thread_local constinit uint64_t state;

inline constexpr int kStateBits = 52;
inline constexpr uint64_t kStateMask = (uint64_t{1} << kStateBits) - 1;
inline constexpr uint64_t kNoGradNow = uint64_t{1} << 52;
inline constexpr uint64_t kInferenceNow = uint64_t{1} << 53;
// A pressure function runs on this thread, inside another call.
inline constexpr uint64_t kRestricted = uint64_t{1} << 54;
// Operators are looked at on this thread (ops/watch.h): in anomaly mode, with a call site set, or
// with hooks on saved tensors. Follows from kAnomaly and the thread's record.
inline constexpr uint64_t kWatched = uint64_t{1} << 55;
// Beside it: a backward that checks for itself what anomaly mode asks for runs its rules.
inline constexpr uint64_t kPassChecks = uint64_t{1} << 56;
inline constexpr uint64_t kNestingAllowed = uint64_t{1} << 2;
inline constexpr uint64_t kAnomaly = uint64_t{1} << 3;

inline bool grad_mode() noexcept { return (state & kNoGradNow) == 0; }
inline bool inference_mode() noexcept { return (state & kInferenceNow) != 0; }
// Grad mode on and inference mode off: the only pair in which operators record.
inline bool recording_mode() noexcept {
  return (state & (kNoGradNow | kInferenceNow | kRestricted)) == 0;
}
// The same where nobody watches, in one comparison. Where it is false, is_watched is to be asked.
inline bool records_unwatched() noexcept { return state <= kStateMask; }
inline bool is_watched() noexcept { return (state & kWatched) != 0; }

[[noreturn, gnu::cold]] void fail_restricted();
// Where calls ask that pass no other gate; never in a recording mode.
inline void check_unrestricted() {
  if ((state & kRestricted) != 0) [[unlikely]]
    fail_restricted();
}

}  // namespace tg
