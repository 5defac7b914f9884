// SPDX-License-Identifier: MIT
// Stands between the library and a BLAS: opens it when a product first needs it, tests it, lets
// only so many calls in at once, keeps each call to one thread and gives the host's settings back.
// Why each of these is needed: docs/blas.md.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/dtype.h"
#include "blas/self_test.h"
#include "blas/symbols.h"

namespace tg::blas {

inline constexpr uint32_t kMostCalls = 32;  // at once: each may need a buffer of 128 MiB

// A question that is answered once a process, by whoever asks first; the others wait for the
// answer. Where the one who was to answer stayed behind in a fork, the answer is no.
class Once {
 public:
  enum Answer : uint32_t { unknown = 0, asking = 1, yes = 2, no = 3 };
  Answer answer() const noexcept {
    return static_cast<Answer>(word_.load(std::memory_order_acquire) & 3u);
  }
  // true: the caller must find the answer and call set. false: *answer is set.
  bool must_ask(Answer* answer) noexcept;
  void set(Answer answer) noexcept;

 private:
  std::atomic<uint32_t> word_{0};  // Answer, above it the fork epoch of the one who asks
};

enum class Build : uint8_t { unknown, pthread, serial, openmp };

// What was found when the BLAS was opened: written by the one who opened it, read by all once the
// answer is known.
struct Found {
  Library library;
  const char* name;    // asked for; null: nothing was
  const char* reason;  // "" if it is used
  Build build;
  bool keeps_count;   // its process-wide number of threads is set to 1 while calls are inside
  bool keeps_openmp;  // OpenMP's number of each calling thread is
  bool probes;        // the host may take our buffers: address space is checked before each call
  bool strict_memory;
  uint32_t buffers;
  int64_t address_space;  // bytes that opening and testing it mapped; 0: not known
  SelfTest tests[2];      // float32, float64
};

struct Governor {
  Once opened;
  Once tested;  // float64; float32 is part of opening
  Found found;

  // epoch of the process 32 bits | switching 1 | waiting 15 | inside 16
  alignas(64) std::atomic<uint64_t> gate;
  std::atomic<uint32_t> limit;
  std::atomic<int> host_threads;  // what the host's number was, while it is 1 for us
  std::atomic<uint64_t> waited;
};
extern constinit Governor governor;

// m n k up to which the own kernel computes, so that no BLAS is opened. By the processor alone.
int64_t own_threshold() noexcept;

// May products of m n k = size go to the BLAS? Opens and tests it if the size calls for it. The
// answer for a size and dtype never changes (but in a child that was forked while the BLAS was
// being opened, where it is no).
bool wants_blas(DType dtype, double size) noexcept;

struct GateState {
  uint32_t inside, limit;
  bool lost;  // this process was forked while calls were inside: it goes without the BLAS
};
GateState gate_state() noexcept;

// One call inside. Only after wants_blas said yes; no lock may be held.
class Ticket {
 public:
  Ticket() noexcept;
  ~Ticket();
  Ticket(const Ticket&) = delete;
  Ticket& operator=(const Ticket&) = delete;
  // false: do not call the BLAS. The address space is too small for a buffer of it, or this process
  // was forked while calls were inside.
  bool admitted() const { return admitted_; }

 private:
  bool admitted_;
  int openmp_threads_;
};

}  // namespace tg::blas
