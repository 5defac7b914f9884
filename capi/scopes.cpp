// SPDX-License-Identifier: MIT
#include "capi/scopes.h"

#include "capi/seam.h"

namespace tg::capi {

namespace {

// Guards all lists of scopes. Handles made outside scopes never come here.
constinit Lock lock;

void take_off(Scope* scope, Slot* slot) noexcept {
  (slot->previous != nullptr ? slot->previous->next : scope->first) = slot->next;
  if (slot->next != nullptr) slot->next->previous = slot->previous;
}

void unlink(Slot* slot) noexcept {
  Scope* scope = slot->scope.load(std::memory_order_relaxed);
  if (scope == nullptr) return;
  take_off(scope, slot);
  // Released to whoever sees null without the lock and hands the slot on: its links are done with.
  slot->scope.store(nullptr, std::memory_order_release);
}

void put(Scope* scope, Slot* slot) noexcept {
  slot->previous = nullptr;
  slot->next = scope->first;
  if (scope->first != nullptr) scope->first->previous = slot;
  scope->first = slot;
  slot->scope.store(scope, std::memory_order_relaxed);
}

Scope* current() { return static_cast<Scope*>(thread_record().scope); }

bool in_chain_of(const Scope* innermost, const Scope* scope) {
  for (; innermost != nullptr; innermost = innermost->enclosing) {
    if (innermost == scope) return true;
  }
  return false;
}

// Makes `scope` the thread's innermost one. Under the lock, which guards used_by and inside.
void put_in_use(ThreadRecord& mine, Scope* scope) noexcept {
  if (auto* former = static_cast<Scope*>(mine.scope)) former->used_by = nullptr;
  if (scope != nullptr) scope->used_by = &mine;
  mine.scope = scope;
}

// A thread that ends leaves its chain to tg_scope_use.
void leave_at_end(ThreadRecord& mine) noexcept {
  LockGuard guard(lock);
  put_in_use(mine, nullptr);
}

// One handle of the scope's list, taken off it; 0: the list is empty.
tg_handle take_first(Scope* scope) noexcept {
  LockGuard guard(lock);
  Slot* slot = scope->first;
  if (slot == nullptr) return 0;
  // While the slot is linked nobody hands it on; once it is not, it may have another tenant.
  const uint64_t generation = Slot::generation(slot->word.load(std::memory_order_relaxed));
  unlink(slot);
  return generation << kSlotBits | slot->number;
}

}  // namespace

void Scope::destroy() noexcept {
  this->~Scope();
  give_back(this, sizeof(Scope));
}

void link_to_scope(Slot* slot) noexcept {
  LockGuard guard(lock);
  put(static_cast<Scope*>(record->scope), slot);
}

void unlink_from_scope(Slot* slot) noexcept {
  LockGuard guard(lock);
  unlink(slot);
}

void scope_enter(tg_scope* out) {
  NewHandle handle;
  auto* scope = new (take(sizeof(Scope))) Scope;
  ThreadRecord& mine = thread_record();
  mine.leave_scope = leave_at_end;
  LockGuard guard(lock);
  scope->enclosing = current();
  if (scope->enclosing != nullptr) ++scope->enclosing->inside;
  put_in_use(mine, scope);
  *out = scope->handle = handle.publish(Kind::scope, scope);
}

void scope_keep(tg_scope handle, tg_handle kept) {
  const Pin pin(handle, Kind::scope, "scope");
  const Pin kept_pin(kept, Kind::none, "handle");
  auto* scope = static_cast<Scope*>(static_cast<Object*>(pin.object()));
  if (!in_chain_of(current(), scope)) {
    fail(TG_ERROR_MODE, "scope ", handle, " is not in use on this thread; call tg_scope_use first");
  }
  LockGuard guard(lock);
  Slot* slot = kept_pin.slot();
  if (slot->scope.load(std::memory_order_relaxed) != scope) return;
  if (scope->enclosing == nullptr) return unlink(slot);
  // Never without a scope in between: a release on another thread looks without the lock.
  take_off(scope, slot);
  put(scope->enclosing, slot);
}

void scope_exit(tg_scope handle) {
  Scope* scope = nullptr;
  {
    const Pin pin(handle, Kind::scope, "scope");
    scope = static_cast<Scope*>(static_cast<Object*>(pin.object()));
    if (current() != scope) {
      fail(TG_ERROR_MODE, "scope ", handle,
           " is not the innermost one of this thread; leave the "
           "scopes inside it first, or call tg_scope_use on its thread");
    }
  }
  ThreadRecord& mine = thread_record();
  // Off the thread first: destructors that run now may make handles, which are not the scope's.
  {
    LockGuard guard(lock);
    if (scope->enclosing != nullptr) --scope->enclosing->inside;
    put_in_use(mine, scope->enclosing);
    scope->used_by = &mine;  // until its end, so that no other thread takes it up
  }
  while (const tg_handle owned = take_first(scope)) try_release(owned);
  end_handle(handle);
}

void scope_use(tg_scope handle, tg_scope* previous) {
  ThreadRecord& mine = thread_record();
  Scope* former = current();
  Scope* next = nullptr;
  if (handle != 0) {
    const Pin pin(handle, Kind::scope, "scope");
    next = static_cast<Scope*>(static_cast<Object*>(pin.object()));
    LockGuard guard(lock);
    if (next != former && (next->used_by != nullptr || next->inside > 0)) {
      fail(TG_ERROR_MODE, "scope ", handle,
           next->inside > 0
               ? " has another scope inside it; use the innermost one of the task"
               : " is in use on another thread; take it off there by tg_scope_use(0, ...)");
    }
    mine.leave_scope = leave_at_end;
    put_in_use(mine, next);
  } else {
    LockGuard guard(lock);
    put_in_use(mine, nullptr);
  }
  if (previous != nullptr) *previous = former != nullptr ? former->handle : 0;
}

TaskScope::TaskScope(tg_scope handle) : thread_(thread_record()), own_(current()) {
  // Inside a pressure function the one in use is what refuses handles (hosts.cpp).
  if ((state & kRestricted) != 0) [[unlikely]]
    return;
  if (handle == 0) {
    thread_.scope = nullptr;
    return;
  }
  const Pin pin(handle, Kind::scope, "frame->scope");
  auto* scope = static_cast<Scope*>(static_cast<Object*>(pin.object()));
  LockGuard guard(lock);
  if (scope->used_by != nullptr || scope->inside > 0) {
    fail(TG_ERROR_MODE, "frame->scope, ", handle,
         scope->inside > 0 ? ", has another scope inside it; use the innermost one of the task"
                           : ", is in use on a thread; take it off there by tg_scope_use(0, ...)");
  }
  thread_.leave_scope = leave_at_end;
  scope->used_by = &thread_;
  thread_.scope = scope;
}

TaskScope::~TaskScope() {
  if (thread_.scope == own_) return;  // neither has one
  LockGuard guard(lock);
  if (auto* scope = static_cast<Scope*>(thread_.scope)) scope->used_by = nullptr;
  thread_.scope = own_;
}

}  // namespace tg::capi

using tg::capi::guarded;

tg_status tg_scope_enter(tg_scope* out) {
  return guarded(__func__, [&] {
    tg::capi::clear_out(out, "out");
    tg::capi::scope_enter(out);
  });
}
tg_status tg_scope_keep(tg_scope scope, tg_handle handle) {
  return guarded(__func__, [&] { tg::capi::scope_keep(scope, handle); });
}
tg_status tg_scope_exit(tg_scope scope) {
  return guarded(__func__, [&] { tg::capi::scope_exit(scope); });
}
tg_status tg_scope_use(tg_scope scope, tg_scope* previous) {
  return guarded(__func__, [&] {
    if (previous != nullptr) *previous = 0;
    tg::capi::scope_use(scope, previous);
  });
}
