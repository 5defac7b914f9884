// SPDX-License-Identifier: MIT
// The library's own worker pool. Work is cut by its shape alone, and the pool runs the parts on as
// many threads as there are: so the number of threads never changes a result.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/kept.h"

namespace tg {

using Job = void (*)(void* job, size_t index);  // throws nothing

// Runs each index below count exactly once and returns when all are done. The caller works too.
// Workers are started at the first call that can use them; they sleep on a futex, block every
// signal and run with the caller's floating-point control bits (rounding, FTZ, DAZ). A call from
// within a job, a second caller while the pool is busy, and a caller whose workers cannot be made
// run their indices themselves. A child of fork() starts a pool of its own.
void parallel_for(size_t count, Job run, void* job) noexcept;

// Threads that a parallel_for uses, the caller included. Until it is set: TG_NUM_THREADS, else the
// processors that this process may run on. 0 sets the latter.
inline constexpr int kMaxThreads = 256;
int thread_count() noexcept;
void set_thread_count(int count) noexcept;
int processor_count() noexcept;  // that this process may run on; asks the system each time

// Ends and joins the workers (tg_shutdown, dlclose); the next parallel_for starts afresh.
void end_pool() noexcept;

// The host's own pool instead of ours (tg_parallel_for_set): a return other than 0 says that it did
// not run all of them; what it left is run here.
struct KeptPool : Kept {
  int32_t (*call)(KeptPool* self, size_t count, Job run, void* job) noexcept;
};
extern constinit KeptPlace lent_pool;

}  // namespace tg
