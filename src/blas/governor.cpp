// SPDX-License-Identifier: MIT
#include "blas/governor.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <climits>
#include <cstring>

#include "base/cpu.h"
#include "base/error.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/parallel.h"
#include "base/thread.h"

namespace tg::blas {

constinit Governor governor{};

namespace {

constexpr size_t kMiB = size_t{1} << 20;
constexpr size_t kToOpen = 640 * kMiB;      // the openmp build of OpenBLAS hangs in dlopen with 200
constexpr size_t kForABuffer = 192 * kMiB;  // each maps 128 MiB, aligned

constexpr uint64_t kInside = 1, kInsideMask = 0xffff;
constexpr uint64_t kWaiting = uint64_t{1} << 16, kWaitingMask = uint64_t{0x7fff} << 16;
constexpr uint64_t kSwitching = uint64_t{1} << 31;
constexpr uint64_t epoch_bits(uint32_t epoch) { return uint64_t{epoch} << 32; }

constinit Lock fork_lock;

void futex_wait(const void* word, uint32_t value) noexcept {
  ErrnoKeeper keep;
  syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}
void futex_wake(const void* word, int count) noexcept {
  ErrnoKeeper keep;
  syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, count, nullptr, nullptr, 0);
}
// The futex is the half of the gate that holds the counts.
const void* gate_futex() noexcept {
  static_assert(sizeof(std::atomic<uint64_t>) == 8);
  constexpr size_t kLow = std::endian::native == std::endian::little ? 0 : 4;
  return reinterpret_cast<const char*>(&governor.gate) + kLow;
}

// OpenBLAS waits for ever where it cannot map its buffer; so we ask first.
bool has_address_space(size_t size) noexcept {
  ErrnoKeeper keep;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  munmap(memory, size);
  return true;
}

// Reads the start of a small file of /proc; the length, 0 where there is none.
size_t read_proc(const char* path, char* text, size_t capacity) noexcept {
  ErrnoKeeper keep;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  ssize_t size = 0;
  do {
    size = read(file, text, capacity);
  } while (size < 0 && errno == EINTR);
  close(file);
  return size > 0 ? static_cast<size_t>(size) : 0;
}

// Of this process, in bytes; 0 where /proc does not tell.
int64_t mapped_bytes() noexcept {
  char text[64];
  const size_t size = read_proc("/proc/self/statm", text, sizeof text);
  int64_t pages = 0;
  for (size_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i) {
    pages = pages * 10 + (text[i] - '0');
  }
  return pages * sysconf(_SC_PAGESIZE);
}

// Does the system promise no more memory than it has (overcommit_memory 2)?
bool strict_memory() noexcept {
  char mode;
  return read_proc("/proc/sys/vm/overcommit_memory", &mode, 1) == 1 && mode == '2';
}

// As has_address_space, but without the cost of asking (4 us) where nothing limits it.
bool has_room_for_a_buffer() noexcept {
  ErrnoKeeper keep;
  rlimit limit;
  if (!governor.found.strict_memory && getrlimit(RLIMIT_AS, &limit) == 0 &&
      limit.rlim_cur == RLIM_INFINITY) {
    return true;
  }
  return has_address_space(kForABuffer);
}

// Threads that a BLAS starts inherit the mask of the thread that makes them start.
class SignalsBlocked {
 public:
  SignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    blocked_ = pthread_sigmask(SIG_SETMASK, &all, &before_) == 0;
  }
  ~SignalsBlocked() {
    if (blocked_) pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;

 private:
  sigset_t before_;
  bool blocked_;
};

// ---- what was found ----

uint32_t number_after(const char* text, const char* key) noexcept {
  const char* at = std::strstr(text, key);
  if (at == nullptr) return 0;
  uint32_t number = 0;
  for (at += std::strlen(key); *at >= '0' && *at <= '9' && number < 100000; ++at) {
    number = number * 10 + static_cast<uint32_t>(*at - '0');
  }
  return number;
}

void settle_rules(Found& f) noexcept {
  const Symbols& s = f.library.symbols;
  uint32_t limit = 1;
  if (f.library.vendor == Vendor::openblas) {
    const int parallel = s.get_parallel();
    f.build = parallel == 1   ? Build::pthread
              : parallel == 2 ? Build::openmp
              : parallel == 0 ? Build::serial
                              : Build::unknown;
    f.keeps_count =
        f.build == Build::pthread && s.get_num_threads != nullptr && s.set_num_threads != nullptr;
    f.keeps_openmp = f.build == Build::openmp && s.omp_get_max_threads != nullptr &&
                     s.omp_set_num_threads != nullptr;
    const bool one_thread_a_call = f.keeps_count || f.keeps_openmp;
    if (one_thread_a_call && s.memory_alloc != nullptr && s.memory_free != nullptr) {
      limit = static_cast<uint32_t>(processor_count());
      // It has two buffers for each of its threads; the host's own callers need some.
      const uint32_t most =
          s.get_config == nullptr ? 0 : number_after(s.get_config(), "MAX_THREADS=");
      if (most > 0 && limit > most / 2) limit = most / 2;
      if (limit > kMostCalls) limit = kMostCalls;
      if (limit < 1) limit = 1;
    }
  }
  f.probes = f.library.shared_with_host && f.library.vendor == Vendor::openblas;
  f.strict_memory = strict_memory();
  governor.limit.store(limit, std::memory_order_relaxed);
  governor.gate.store(epoch_bits(fork_epoch()), std::memory_order_release);
}

// One buffer a ticket, now: so no later product maps anything, and none meets a limit that came
// meanwhile. The self-test has made the first.
void make_buffers(Found& f) noexcept {
  const Symbols& s = f.library.symbols;
  const uint32_t limit = governor.limit.load(std::memory_order_relaxed);
  f.buffers = 1;
  if (limit <= 1) return;
  void* made[kMostCalls];
  uint32_t count = 0;
  for (; count < limit; ++count) {
    if (count > 0 && !has_address_space(kForABuffer)) break;
    made[count] = s.memory_alloc(0);
    if (made[count] == nullptr) break;
  }
  for (uint32_t i = 0; i < count; ++i) s.memory_free(made[i]);
  f.buffers = count > 0 ? count : 1;
  governor.limit.store(f.buffers, std::memory_order_relaxed);
}

const char* try_library(Found& f, const char* name) noexcept {
  f.name = name;
  open_library(name, f.library);
  if (f.library.reason[0] != 0) return f.library.reason;
  settle_rules(f);
  if (f.build == Build::serial && f.library.shared_with_host) {
    return "its serial build is shared with the host, whose calls pass beside ours";
  }
  if (!has_address_space(kForABuffer)) return "address space";
  SelfTest& test = f.tests[0];
  {
    Ticket ticket;
    test = self_test(f.library.symbols, DType::float32);
  }
  if (test.no_memory) return "no memory for the self-test";
  if (!test.passed) return "the self-test failed";
  if (f.library.vendor == Vendor::openblas) make_buffers(f);
  return "";
}

// OpenBLAS takes kernels of long ago for a processor that is younger than itself (0.3.21 those of
// Prescott, without AVX, on a Sapphire Rapids: 1024x1024x1024 at 33 GFLOP/s, where our own do 141).
bool is_behind_the_processor(const Symbols& s) noexcept {
  if (best_target() < Target::avx2 || s.get_corename == nullptr) return false;
  // Its names of all processors that have no AVX (OpenBLAS, driver/others/dynamic.c).
  constexpr const char* kWithoutAvx[] = {"Katmai",     "Coppermine",   "Northwood", "Prescott",
                                         "Banias",     "Atom",         "Core2",     "Penryn",
                                         "Dunnington", "Nehalem",      "Athlon",    "Opteron",
                                         "Nano",       "Opteron_SSE3", "Barcelona", "Bobcat"};
  for (const char* name : kWithoutAvx) {
    if (std::strcmp(s.get_corename(), name) == 0) return true;
  }
  return false;
}

// "" if the BLAS is to be used.
const char* find_blas(Found& f) noexcept {
  const char* wish = environment_blas();
  if (wish != nullptr && *wish == 0) wish = nullptr;
  f.name = wish;
  if (wish != nullptr && std::strcmp(wish, "none") == 0) return "TG_BLAS is none";
  if (!has_address_space(kToOpen)) return "address space";
  if (wish != nullptr) return try_library(f, wish);
  const char* reason = try_library(f, "libopenblas.so.0");
  // One that was asked for by name is used whatever its kernels are.
  if (reason[0] == 0 && is_behind_the_processor(f.library.symbols)) {
    return "it does not know this processor: its kernels are older and slower than tapegrad's own";
  }
  if (reason[0] == 0 || f.library.symbols.sgemm != nullptr) return reason;
  return try_library(f, "libblas.so.3");
}

bool open_blas() noexcept {
  ErrnoKeeper keep;
  SignalsBlocked blocked;
  Found& f = governor.found;
  const int64_t before = mapped_bytes();
  const char* reason = find_blas(f);
  f.address_space = mapped_bytes() - before;
  f.reason = reason;
  return reason[0] == 0;
}

bool test_double() noexcept {
  ErrnoKeeper keep;
  SignalsBlocked blocked;
  Found& f = governor.found;
  Ticket ticket;
  if (ticket.admitted()) f.tests[1] = self_test(f.library.symbols, DType::float64);
  return f.tests[1].passed;
}

void log_opened() noexcept {
  const Found& f = governor.found;
  const char* name = f.name != nullptr ? f.name : "none";
  char line[512];
  Message text(line, sizeof line);
  if (f.reason[0] == 0) {
    text << "the BLAS " << Quoted{name} << " was loaded, for large products";
    return log_line(TG_LOG_INFO, line);
  }
  text << "no BLAS is used (asked for: " << Quoted{name} << "): " << Quoted{f.reason}
       << "; large products run on the library's own kernels";
  log_line(TG_LOG_WARNING, line);
}

// ---- the gate ----

// The first inside: one thread a call from here on.
void hold_count() noexcept {
  const Symbols& s = governor.found.library.symbols;
  const int threads = s.get_num_threads();
  governor.host_threads.store(threads, std::memory_order_relaxed);
  if (threads != 1) s.set_num_threads(1);
}
// The last one out. Another number than ours is the host's newer wish.
void give_count_back() noexcept {
  const Symbols& s = governor.found.library.symbols;
  const int threads = governor.host_threads.load(std::memory_order_relaxed);
  if (threads != 1 && s.get_num_threads() == 1) s.set_num_threads(threads);
}

// In a child of fork(). Calls that were inside stayed in the parent: locks of the BLAS may be held
// for ever and its buffers are lost, so then the child computes without it.
void open_gate_anew(uint32_t epoch) noexcept {
  LockGuard guard(fork_lock);
  const uint64_t word = governor.gate.load(std::memory_order_relaxed);
  if (word >> 32 == epoch) return;
  const Found& f = governor.found;
  if ((word & kInsideMask) != 0) {
    governor.limit.store(0, std::memory_order_relaxed);
  } else if (f.keeps_count && f.library.symbols.get_num_threads() != 1) {
    // OpenBLAS starts its threads again at the next change of their number: not now and here, where
    // they would take the host's signals.
    SignalsBlocked blocked;
    f.library.symbols.set_num_threads(f.library.symbols.get_num_threads());
  }
  governor.gate.store(epoch_bits(epoch), std::memory_order_release);
}

// The number of calls inside is as large as it may be, or someone changes the number of threads.
bool closed(uint64_t word, uint32_t limit) {
  return (word & kSwitching) != 0 || (word & kInsideMask) >= limit;
}

// false: no call can be let in, now or later.
bool enter() noexcept {
  const uint32_t epoch = fork_epoch();
  bool counted = false;  // as waiting
  uint64_t word = governor.gate.load(std::memory_order_relaxed);
  for (;;) {
    if (word >> 32 != epoch) [[unlikely]] {
      open_gate_anew(epoch);
      counted = false;
      word = governor.gate.load(std::memory_order_acquire);
      continue;
    }
    const uint32_t limit = governor.limit.load(std::memory_order_relaxed);
    if (limit == 0) return false;
    if (!closed(word, limit)) {
      const bool first = governor.found.keeps_count && (word & kInsideMask) == 0;
      const uint64_t next = word + kInside - (counted ? kWaiting : 0) + (first ? kSwitching : 0);
      if (!governor.gate.compare_exchange_weak(word, next, std::memory_order_acquire,
                                               std::memory_order_relaxed)) {
        continue;
      }
      if (first) {
        hold_count();
        const uint64_t then = governor.gate.fetch_sub(kSwitching, std::memory_order_release);
        if ((then & kWaitingMask) != 0) futex_wake(gate_futex(), static_cast<int>(limit));
      }
      return true;
    }
    if (!counted) {
      if (!governor.gate.compare_exchange_weak(word, word + kWaiting, std::memory_order_relaxed)) {
        continue;
      }
      counted = true;
      governor.waited.fetch_add(1, std::memory_order_relaxed);
      word += kWaiting;
    }
    futex_wait(gate_futex(), static_cast<uint32_t>(word));
    word = governor.gate.load(std::memory_order_relaxed);
  }
}

void leave() noexcept {
  uint64_t word = governor.gate.load(std::memory_order_relaxed);
  for (;;) {
    const bool last = governor.found.keeps_count && (word & kInsideMask) == kInside;
    const uint64_t next = last ? word + kSwitching : word - kInside;
    if (!governor.gate.compare_exchange_weak(word, next, std::memory_order_acq_rel,
                                             std::memory_order_relaxed)) {
      continue;
    }
    int woken = 1;
    if (last) {
      give_count_back();
      word = governor.gate.fetch_sub(kSwitching + kInside, std::memory_order_release);
      woken = static_cast<int>(governor.limit.load(std::memory_order_relaxed));
    }
    if ((word & kWaitingMask) != 0) futex_wake(gate_futex(), woken);
    return;
  }
}

}  // namespace

bool Once::must_ask(Answer* answer) noexcept {
  const uint32_t mine = fork_epoch() << 2;
  uint32_t word = word_.load(std::memory_order_acquire);
  for (;;) {
    const auto now = static_cast<Answer>(word & 3u);
    if (now == yes || now == no) {
      *answer = now;
      return false;
    }
    if (now == unknown) {
      if (word_.compare_exchange_weak(word, mine | asking, std::memory_order_acquire)) return true;
    } else if ((word & ~3u) != mine) {  // who asked is in the parent process
      if (word_.compare_exchange_weak(word, no, std::memory_order_acquire)) word = no;
    } else {
      futex_wait(&word_, word);
      word = word_.load(std::memory_order_acquire);
    }
  }
}

void Once::set(Answer answer) noexcept {
  word_.store(answer, std::memory_order_release);
  futex_wake(&word_, INT_MAX);
}

int64_t own_threshold() noexcept {
  // Up to here the own kernel is at least as fast as OpenBLAS 0.3.21 with its kernels for the same
  // instructions (GFLOP/s on one thread of a Zen 4, own and OpenBLAS. AVX-512: n = 100 110 and 112,
  // 128 116 and 100, 256 110 and 104; AVX2: n = 64 113 and 94, 100 106 and 97, 160 100 and 103;
  // plain amd64: n = 8 6 and 8, 16 10 and 18).
  constexpr int64_t thresholds[kTargets] = {8 * 8 * 8, 100 * 100 * 100, 256 * 256 * 256};
  return thresholds[static_cast<int>(best_target())];
}

bool wants_blas(DType dtype, double size) noexcept {
  if (size <= static_cast<double>(own_threshold())) return false;
  Once::Answer answer = governor.opened.answer();
  if (answer != Once::yes) {
    if (answer == Once::no) return false;
    if (governor.opened.must_ask(&answer)) {
      answer = open_blas() ? Once::yes : Once::no;
      governor.opened.set(answer);
      log_opened();
    }
    if (answer == Once::no) return false;
  }
  if (dtype == DType::float32) return true;
  answer = governor.tested.answer();
  if (answer == Once::yes || answer == Once::no) return answer == Once::yes;
  if (governor.tested.must_ask(&answer)) {
    answer = test_double() ? Once::yes : Once::no;
    governor.tested.set(answer);
    if (answer == Once::no)
      log_line(TG_LOG_WARNING, "the BLAS is not used for float64: its self-test failed");
  }
  return answer == Once::yes;
}

GateState gate_state() noexcept {
  const uint64_t word = governor.gate.load(std::memory_order_relaxed);
  const uint32_t inside = static_cast<uint32_t>(word & kInsideMask);
  const bool ours = word >> 32 == fork_epoch();
  const uint32_t limit = governor.limit.load(std::memory_order_relaxed);
  return {ours ? inside : 0, limit, limit == 0 || (!ours && inside != 0)};
}

Ticket::Ticket() noexcept : admitted_(enter()), openmp_threads_(0) {
  if (!admitted_) return;
  const Found& f = governor.found;
  if (f.probes && !has_room_for_a_buffer()) {
    leave();
    admitted_ = false;
    return;
  }
  if (f.keeps_openmp) {
    openmp_threads_ = f.library.symbols.omp_get_max_threads();
    if (openmp_threads_ != 1) f.library.symbols.omp_set_num_threads(1);
  }
}

Ticket::~Ticket() {
  if (!admitted_) return;
  const Found& f = governor.found;
  if (f.keeps_openmp && openmp_threads_ != 1) {
    f.library.symbols.omp_set_num_threads(openmp_threads_);
  }
  leave();
}

}  // namespace tg::blas
