// SPDX-License-Identifier: MIT
#include "base/thread.h"

#include <pthread.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "base/lock.h"

namespace tg {

thread_local constinit ThreadRecord* record = nullptr;

namespace {

constinit std::atomic<ThreadRecord*> all_records{nullptr};
constinit pthread_once_t key_once = PTHREAD_ONCE_INIT;
pthread_key_t key;
bool key_made = false;

void thread_ends(void* memory) {
  auto* mine = static_cast<ThreadRecord*>(memory);
  if (mine->scope != nullptr) mine->leave_scope(*mine);
  if (mine->token != nullptr) mine->leave_token(*mine);
  if (mine->saved_hooks != nullptr) mine->leave_saved_hooks(*mine);
  settle_and_give_up(*mine);
  record = nullptr;
  mine->used.store(0, std::memory_order_release);
}

void make_key() { key_made = pthread_key_create(&key, thread_ends) == 0; }

ThreadRecord* recycled_record() noexcept {
  for (ThreadRecord* r = first_thread_record(); r != nullptr; r = r->next) {
    uint32_t unused = 0;
    if (r->used.load(std::memory_order_relaxed) == 0 &&
        r->used.compare_exchange_strong(unused, 1, std::memory_order_acquire)) {
      return r;
    }
  }
  return nullptr;
}

// What belongs to the thread, not to the record, starts afresh; lists and spare slots stay.
void start_afresh(ThreadRecord& r) noexcept {
  r.calls.store(0, std::memory_order_relaxed);
  r.callbacks = 0;
  r.in_log = 0;
  r.in_pressure = 0;
  r.drop_list = nullptr;
  r.scope = nullptr;
  r.token = nullptr;
  r.token_handle = 0;
  r.saved_hooks = nullptr;
  r.site = 0;
  r.mode_depth = 0;
  r.mode_floor = 0;
  r.error.code = TG_OK;
  r.error.operand = -1;
  r.error.number = 0;
  r.error.text[0] = 0;
}

// dlclose: the key must not call into unmapped code, and nothing stays behind. Priorities: 102 runs
// after the destructors of all other files, 101 (base/lock.cpp) after that.
[[gnu::destructor(102)]] void library_ends() {
  if (key_made) pthread_key_delete(key);
  if (another_thread_lives()) return;
  for (ThreadRecord* r = all_records.exchange(nullptr); r != nullptr;) {
    ThreadRecord* next = r->next;
    std::free(r->mode_spill);
    std::free(r);
    r = next;
  }
  record = nullptr;
  free_all_blocks();
}

struct Environment {
  std::atomic<uint32_t> read;
  const char* blas;
  const char* num_threads;
};
constinit Environment environment{};
constinit Lock environment_lock;

void read_environment() noexcept {
  if (environment.read.load(std::memory_order_acquire) != 0) return;
  LockGuard guard(environment_lock);
  if (environment.read.load(std::memory_order_relaxed) != 0) return;
  environment.blas = secure_getenv("TG_BLAS");
  environment.num_threads = secure_getenv("TG_NUM_THREADS");
  environment.read.store(1, std::memory_order_release);
}

}  // namespace

bool another_thread_lives() noexcept {
  for (ThreadRecord* r = first_thread_record(); r != nullptr; r = r->next) {
    if (r != record && r->used.load(std::memory_order_acquire) != 0) return true;
  }
  return false;
}

ThreadRecord* first_thread_record() noexcept { return all_records.load(std::memory_order_acquire); }

ThreadRecord* make_thread_record() noexcept {
  ErrnoKeeper keep;
  pthread_once(&key_once, make_key);
  ThreadRecord* mine = recycled_record();
  if (mine == nullptr) {
    // Zeroed memory is a record in its first state, atomics included, but for the room in its
    // lists.
    mine = static_cast<ThreadRecord*>(std::calloc(1, sizeof(ThreadRecord)));
    if (mine == nullptr) return nullptr;
    for (uint32_t i = 0; i < kSmallClasses; ++i) mine->blocks.room[i] = batch_size(i);
    mine->used.store(1, std::memory_order_relaxed);
    mine->next = all_records.load(std::memory_order_relaxed);
    while (!all_records.compare_exchange_weak(mine->next, mine, std::memory_order_release)) {
    }
  }
  start_afresh(*mine);
  record = mine;
  if (key_made) pthread_setspecific(key, mine);
  return mine;
}

ThreadRecord& make_thread_record_or_throw() {
  ThreadRecord* mine = make_thread_record();
  if (mine == nullptr) fail_out_of_memory(sizeof(ThreadRecord));
  return *mine;
}

const char* environment_blas() noexcept {
  read_environment();
  return environment.blas;
}

const char* environment_num_threads() noexcept {
  read_environment();
  return environment.num_threads;
}

}  // namespace tg
