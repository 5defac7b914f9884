// SPDX-License-Identifier: MIT
#include "autograd/modes.h"

#include <utility>

#include "base/error.h"
#include "base/thread.h"

namespace tg {

thread_local constinit uint64_t state = 0;

void fail_restricted() {
  fail(TG_ERROR_MODE,
       "a pressure function runs on this thread: it may release handles, drain, ask questions and "
       "call the functions of memory, nothing else");
}

namespace {

constexpr int kEntryBits = 3;
constexpr uint64_t kEntryMask = 7;
constexpr uint64_t kEntryOnes = 0x249249249249;  // the lowest bit of each of sixteen entries
constexpr int kStackShift = 4;
constexpr int kWordDepth = 16;
constexpr uint64_t kRuleBits = 0xf;  // pair below the stack, nesting, anomaly
constexpr uint64_t kStackMask = kStateMask & ~kRuleBits;
constexpr int kOldestShift = kStackShift + (kWordDepth - 1) * kEntryBits;
// Entries older than the word holds, a byte each, with the inference mode that holds from it up.
// 65,536 deep is no program that ends.
constexpr uint32_t kSpillCapacity = 65536 - kWordDepth;
constexpr uint8_t kSpilledInference = 8;

uint64_t innermost(uint64_t word) { return (word >> kStackShift) & kEntryMask; }

int word_depth(uint64_t word) {
  int depth = 0;
  for (uint64_t stack = (word & kStackMask) >> kStackShift; stack != 0; stack >>= kEntryBits) {
    ++depth;
  }
  return depth;
}

uint32_t spilled() {
  const ThreadRecord* thread = record;
  return thread != nullptr ? thread->mode_depth : 0;
}

uint8_t* spill_of(ThreadRecord& thread) { return static_cast<uint8_t*>(thread.mode_spill); }

// Inference mode where no entry of the word says.
bool inference_below(uint64_t word) {
  const uint32_t deep = spilled();
  if (deep == 0) return (word & 2) != 0;
  return (spill_of(*record)[deep - 1] & kSpilledInference) != 0;
}

// Grad mode follows from the innermost entry alone; inference mode from the innermost of its kind.
uint64_t pair_of(uint64_t word) {
  uint64_t stack = (word & kStackMask) >> kStackShift;
  uint64_t pair = 0;
  if (stack == 0) {
    if ((word & 1) != 0) pair |= kNoGradNow;
    if ((word & 2) != 0) pair |= kInferenceNow;
    return pair;
  }
  switch (static_cast<ModeEntry>(stack & kEntryMask)) {
    case ModeEntry::no_grad:
    case ModeEntry::set_grad_off:
    case ModeEntry::inference_on: pair |= kNoGradNow; break;
    default: break;
  }
  for (; stack != 0; stack >>= kEntryBits) {
    const auto entry = static_cast<ModeEntry>(stack & kEntryMask);
    if (entry == ModeEntry::inference_on) return pair | kInferenceNow;
    if (entry == ModeEntry::inference_off) return pair;
  }
  return inference_below(word) ? pair | kInferenceNow : pair;
}

uint64_t watched_bit(uint64_t word) {
  const ThreadRecord* thread = record;
  const bool watches = thread != nullptr && (thread->site != 0 || thread->saved_hooks != nullptr);
  return watches || (word & kAnomaly) != 0 ? kWatched : 0;
}

void set_word(uint64_t word) { state = word | pair_of(word) | watched_bit(word); }

const char* entry_name(uint64_t entry) {
  switch (static_cast<ModeEntry>(entry)) {
    case ModeEntry::no_grad: return "no_grad";
    case ModeEntry::enable_grad: return "enable_grad";
    case ModeEntry::set_grad_off: return "set_grad_enabled(0)";
    case ModeEntry::set_grad_on: return "set_grad_enabled(1)";
    case ModeEntry::inference_on: return "inference_mode(1)";
    case ModeEntry::inference_off: return "inference_mode(0)";
  }
  return "none";
}

const char* kind_name(ModeKind kind) {
  switch (kind) {
    case ModeKind::no_grad: return "no_grad";
    case ModeKind::enable_grad: return "enable_grad";
    case ModeKind::set_grad_enabled: return "set_grad_enabled";
    case ModeKind::inference_mode: return "inference_mode";
  }
  return "";
}

bool closes(ModeKind kind, uint64_t entry) {
  switch (static_cast<ModeEntry>(entry)) {
    case ModeEntry::no_grad: return kind == ModeKind::no_grad;
    case ModeEntry::enable_grad: return kind == ModeKind::enable_grad;
    case ModeEntry::set_grad_off:
    case ModeEntry::set_grad_on: return kind == ModeKind::set_grad_enabled;
    case ModeEntry::inference_on:
    case ModeEntry::inference_off: return kind == ModeKind::inference_mode;
  }
  return false;
}

bool turns_grad_off(ModeEntry entry) {
  return entry == ModeEntry::no_grad || entry == ModeEntry::set_grad_off;
}

[[gnu::cold]] void check_nesting(ModeEntry entry) {
  constexpr const char* remedy =
      "; leave the outer mode first, or allow it by tg_mode_nesting_set(TG_NESTING_ALLOW)";
  if (turns_grad_off(entry) && inference_mode()) {
    fail(TG_ERROR_MODE, entry_name(static_cast<uint64_t>(entry)),
         " cannot be entered inside inference_mode(1)", remedy);
  }
  const uint64_t outer = innermost(state);
  if (entry == ModeEntry::inference_on && outer != 0 &&
      turns_grad_off(static_cast<ModeEntry>(outer))) {
    fail(TG_ERROR_MODE, "inference_mode(1) cannot be entered inside ", entry_name(outer), remedy);
  }
}

// The word is full: its oldest entry moves to the thread's record.
[[gnu::cold, gnu::noinline]] void spill_oldest() {
  ThreadRecord& thread = thread_record();
  if (thread.mode_depth >= kSpillCapacity) {
    fail(TG_ERROR_LIMIT, "the stack of modes holds at most ", kSpillCapacity + kWordDepth,
         " entries; leave some first");
  }
  if (thread.mode_spill == nullptr) thread.mode_spill = take(kSpillCapacity);
  const auto oldest = static_cast<ModeEntry>((state >> kOldestShift) & kEntryMask);
  const bool inference = oldest == ModeEntry::inference_on ||
                         (oldest != ModeEntry::inference_off && inference_below(state));
  spill_of(thread)[thread.mode_depth++] =
      static_cast<uint8_t>(static_cast<uint8_t>(oldest) | (inference ? kSpilledInference : 0));
}

[[noreturn, gnu::cold]] void fail_exit(ModeKind kind) {
  const uint64_t inner = innermost(state);
  const auto depth = static_cast<uint32_t>(word_depth(state)) + spilled();
  if (inner == 0) {
    fail(TG_ERROR_MODE, kind_name(kind),
         " is to be left, but no mode was entered on this thread (depth 0)");
  }
  if (!closes(kind, inner)) {
    fail(TG_ERROR_MODE, kind_name(kind), " is to be left, but the innermost entry is ",
         entry_name(inner), " at depth ", depth, "; leave that one first");
  }
  fail(TG_ERROR_MODE, "the innermost entry, ", entry_name(inner), " at depth ", depth,
       ", belongs to a running call; it is left when the call's function returns");
}

}  // namespace

void enter_mode(ModeEntry entry) {
  if ((state & kNestingAllowed) == 0 &&
      (turns_grad_off(entry) || entry == ModeEntry::inference_on) &&
      (state & (kNoGradNow | kInferenceNow | kStackMask)) != 0) {
    check_nesting(entry);
  }
  if ((state >> kOldestShift & kEntryMask) != 0) [[unlikely]]
    spill_oldest();
  const uint64_t stack = ((state & kStackMask) << kEntryBits) & kStackMask;
  const uint64_t word =
      (state & (kRuleBits | kWatched)) | stack | static_cast<uint64_t>(entry) << kStackShift;
  // The table of modes.md 1: what an entry makes of the pair before it.
  switch (entry) {
    case ModeEntry::no_grad:
    case ModeEntry::set_grad_off: state = word | kNoGradNow | (state & kInferenceNow); return;
    case ModeEntry::enable_grad:
    case ModeEntry::set_grad_on: state = word | (state & kInferenceNow); return;
    case ModeEntry::inference_on: state = word | kNoGradNow | kInferenceNow; return;
    case ModeEntry::inference_off: state = word; return;
  }
}

void exit_mode(ModeKind kind) {
  const uint64_t inner = innermost(state);
  if (inner == 0 || !closes(kind, inner)) fail_exit(kind);
  const ThreadRecord* thread = record;
  if (thread != nullptr && thread->mode_floor != 0 &&
      static_cast<uint32_t>(word_depth(state)) + thread->mode_depth <= thread->mode_floor) {
    fail_exit(kind);
  }
  uint64_t stack = (state & kStackMask) >> kEntryBits & kStackMask;
  if (thread != nullptr && thread->mode_depth > 0) [[unlikely]] {
    const uint64_t oldest = spill_of(*record)[--record->mode_depth] & kEntryMask;
    stack |= oldest << kOldestShift;
  }
  set_word((state & kRuleBits) | stack);
}

void restore_state(uint64_t word) noexcept {
  const uint64_t watched = watched_bit(word);
  // kPassChecks is there beside kWatched alone.
  state = (word & ~(watched != 0 ? kWatched : kWatched | kPassChecks)) | watched;
}

void set_anomaly(bool on) {
  if (anomaly_mode() == on) {
    fail(TG_ERROR_MODE, on ? "anomaly mode is on already on this thread; leave it first"
                           : "anomaly mode is to be left, but it is not on on this thread");
  }
  restore_state(state ^ kAnomaly);
}

void set_nesting(int32_t nesting) {
  if (nesting != TG_NESTING_REFUSE && nesting != TG_NESTING_ALLOW) {
    fail(TG_ERROR_INVALID_ARGUMENT, "nesting is ", nesting,
         "; give TG_NESTING_REFUSE (0) or TG_NESTING_ALLOW (1)");
  }
  state = nesting == TG_NESTING_ALLOW ? state | kNestingAllowed : state & ~kNestingAllowed;
}

uint64_t get_state() {
  if (spilled() > 0) {
    fail(TG_ERROR_LIMIT, "the stack of modes is ", spilled() + kWordDepth,
         " deep; a state word holds ", kWordDepth, "; leave some modes first");
  }
  return state & kStateMask;
}

uint64_t set_state(uint64_t word, bool wants_former) {
  // All entries at once: a bit for each that is 7, and for each that is there at all. They have no
  // gap: the innermost lies lowest.
  const uint64_t stack = (word & kStackMask) >> kStackShift;
  const uint64_t sevens = stack & stack >> 1 & stack >> 2 & kEntryOnes;
  const uint64_t entries = (stack | stack >> 1 | stack >> 2) & kEntryOnes;
  const bool sound =
      (word & ~kStateMask) == 0 && sevens == 0 && (entries >> kEntryBits & ~entries) == 0;
  if (!sound) {
    fail(TG_ERROR_INVALID_ARGUMENT, "state ", word, " is no word that tg_state_get gives");
  }
  const uint64_t former = wants_former ? get_state() : 0;
  if (ThreadRecord* thread = record) thread->mode_depth = 0;
  set_word(word);
  return former;
}

ModeScope::ModeScope(ModeEntry entry) : before_(state), depth_(spilled()) {
  ThreadRecord& thread = thread_record();
  floor_ = thread.mode_floor;
  enter_mode(entry);
  inside_ = state;
  thread.mode_floor = static_cast<uint32_t>(word_depth(state)) + thread.mode_depth;
}

bool ModeScope::is_balanced() const {
  const uint32_t spilled_inside = (before_ >> kOldestShift & kEntryMask) != 0 ? depth_ + 1 : depth_;
  return ((state ^ inside_) & ~kWatched) == 0 && spilled() == spilled_inside;
}

// Spilled entries below the floor cannot have been changed but by set_state, which only shortens:
// what it cut off is still in memory.
ModeScope::~ModeScope() {
  record->mode_depth = depth_;
  record->mode_floor = floor_;
  restore_state(before_);
}

FreshStack::FreshStack() : before_(state), depth_(spilled()) {
  ThreadRecord& thread = thread_record();
  floor_ = std::exchange(thread.mode_floor, 0);
  // Spilled entries below must not be written over.
  spill_ = depth_ > 0 ? std::exchange(thread.mode_spill, nullptr) : nullptr;
  thread.mode_depth = 0;
}

FreshStack::~FreshStack() {
  if (spill_ != nullptr) {
    if (record->mode_spill != nullptr) give_back(record->mode_spill, kSpillCapacity);
    record->mode_spill = spill_;
  }
  record->mode_depth = depth_;
  record->mode_floor = floor_;
  state = before_;
}

EngineModes::EngineModes(bool grad, bool inference) {
  set_word((state & kAnomaly) | (state & kNestingAllowed) | (grad ? 0u : 1u) |
           (inference ? 2u : 0u));
}

TaskModes::TaskModes(uint64_t word) {
  // Inside a pressure function no modes that a call brings along lift what is refused there.
  const bool restricted = (state & kRestricted) != 0;
  set_state(word, false);
  if (!restricted) [[likely]]
    return;
  state |= kRestricted;
  record->mode_floor = UINT32_MAX;
}

}  // namespace tg
