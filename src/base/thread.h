// SPDX-License-Identifier: MIT
// What the library keeps for each thread: one record, made at the thread's first need of it and
// recycled after the thread's end. Three words of thread-local storage in all; the others are the
// mode word of core/mode.h and the token of base/token.h.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/blocks.h"
#include "base/error.h"

namespace tg {

// The last error of the thread (abi.md 3). `text` is a buffer of the record, so that reporting an
// error needs no memory.
struct LastError {
  tg_status code;
  int32_t operand;
  int64_t number;
  uint64_t raised;  // counts the errors of this thread: tells whether one is new
  char text[kMessageCapacity];
};

inline constexpr uint32_t kSpareSlots = 64;

struct ThreadRecord {
  Blocks blocks;
  // capi/handles.cpp: free slots that belong to this thread.
  void* spare[kSpareSlots];
  uint32_t spare_count;
  std::atomic<uint32_t> calls;  // depth of calls into the library: callbacks call back in
  uint32_t callbacks;           // depth of user callbacks that run
  uint32_t callback_threw;      // 1: one was left by an exception; 2: it may have half-written
  uint16_t in_log;              // base/log.cpp: the host's log runs
  uint16_t in_pressure;         // base/pressure.cpp: its pressure function runs
  uint64_t sequence;            // autograd/node.h: number of the next node recorded here
  void* drop_list;              // autograd/node.cpp: nodes that wait to be freed
  void* scope;                  // capi/scopes.cpp: the scope in use
  void (*leave_scope)(ThreadRecord& mine) noexcept;  // at the thread's end, where one is in use
  void* token;  // capi/tokens.cpp: the object behind base/token.h's token_in_use
  uint64_t token_handle;
  void (*leave_token)(ThreadRecord& mine) noexcept;
  void* saved_hooks;  // autograd/saved_hooks.h: the innermost hooks on saved tensors
  void (*leave_saved_hooks)(ThreadRecord& mine) noexcept;
  uint64_t site;     // autograd/sites.h: where the host's code is; 0: not said
  void* mode_spill;  // autograd/modes.cpp: mode entries deeper than the word holds
  uint32_t mode_depth;
  uint32_t mode_floor;  // entries below it belong to a running tg_*_call
  LastError error;
  ThreadRecord* next;          // in the list of all records
  std::atomic<uint32_t> used;  // 0: free for the next thread
};

extern thread_local constinit ThreadRecord* record;

ThreadRecord* make_thread_record() noexcept;  // null: no memory

inline ThreadRecord* thread_record_or_null() noexcept {
  ThreadRecord* mine = record;
  return mine != nullptr ? mine : make_thread_record();
}
// Throws TG_ERROR_OUT_OF_MEMORY where no record can be made.
ThreadRecord& make_thread_record_or_throw();
inline ThreadRecord& thread_record() {
  ThreadRecord* mine = record;
  if (mine != nullptr) [[likely]]
    return *mine;
  return make_thread_record_or_throw();
}

// All records ever made, for sums over threads. Records are never freed while the library is
// loaded, so the walk needs no lock.
ThreadRecord* first_thread_record() noexcept;

// For destructors of the library: another thread that used it is alive. Then the process may be
// ending while that thread is inside a call, and its memory must stay.
bool another_thread_lives() noexcept;

// TG_BLAS and TG_NUM_THREADS: read once at first use, by secure_getenv; null: not set.
const char* environment_blas() noexcept;
const char* environment_num_threads() noexcept;

}  // namespace tg

#include "base/blocks-inl.h"
