// SPDX-License-Identifier: MIT
// Version, life of the library, handles, objects of extensions, deferred destruction.
#include "base/parallel.h"
#include "capi/dlpack.h"
#include "capi/scopes.h"
#include "capi/seam.h"
#include "capi/user_calls.h"
#include "core/extras.h"

namespace tg::capi {

namespace {

// An extension's own object behind a handle.
struct ForeignObject final : Object, Deferred {
  String type;
  void* payload;
  tg_destructor destructor;

  ForeignObject(const char* name, void* data, tg_destructor end)
      : Object(Kind::object),
        Deferred{nullptr, finish},
        type(name),
        payload(data),
        destructor(end) {}

  void destroy() noexcept override {
    if (destructor != nullptr) {
      defer(this);
    } else {
      finish(this);
    }
  }
  static void finish(Deferred* self) noexcept {
    auto* object = static_cast<ForeignObject*>(self);
    if (object->destructor != nullptr)
      call_user("destructor", [&] { object->destructor(object->payload); });
    object->~ForeignObject();
    give_back(object, sizeof(ForeignObject));
  }
};

// What tg_drain_set was given.
struct HostWake {
  tg_callback wake;
  void* user_data;
  tg_destructor destructor;

  static int32_t call(void* self) {
    const auto* host = static_cast<HostWake*>(self);
    call_user("wake", [&] { host->wake(host->user_data); });
    return 0;
  }
  static void end(void* self) {
    auto* host = static_cast<HostWake*>(self);
    if (host->destructor != nullptr)
      call_user("destructor", [&] { host->destructor(host->user_data); });
    give_back(host, sizeof(HostWake));
  }
};

void set_drain(tg_callback wake, void* user_data, tg_destructor destructor) {
  if (wake == nullptr) return drain_set(nullptr, nullptr, nullptr);
  struct Guard {
    HostWake* host;
    ~Guard() {
      if (host != nullptr) give_back(host, sizeof(HostWake));
    }
  } guard{new (take(sizeof(HostWake))) HostWake{wake, user_data, destructor}};
  drain_set(HostWake::call, guard.host, HostWake::end);
  guard.host = nullptr;
}

bool same_object(const Pin& a, const Pin& b) { return a.object() == b.object(); }

void end_all() {
  ThreadRecord& mine = thread_record();
  if (mine.callbacks > 0) {
    fail(TG_ERROR_MODE,
         "the library cannot shut down inside a callback; call it after the call "
         "that runs the callback has returned");
  }
  if (const uint64_t live = live_handles(); live > 0) {
    fail(TG_ERROR_MODE, live, " handles are alive; release them first");
  }
  if (const uint64_t lent = exported_tensors(); lent > 0) {
    fail(TG_ERROR_MODE, lent,
         " tensors that tg_to_dlpack gave are alive; let their users call the deleters first");
  }
  for (ThreadRecord* r = first_thread_record(); r != nullptr; r = r->next) {
    if (r != &mine && r->calls.load(std::memory_order_relaxed) != 0) {
      fail(TG_ERROR_MODE, "another thread is inside a call; wait for it first");
    }
  }
  if (any_pinned()) {
    fail(TG_ERROR_MODE, "another thread is inside a call; wait for it first");
  }
  drain();
  end_pool();
  memory_trim();
}

}  // namespace

void end_handle(tg_handle handle) noexcept {
  Slot* slot = slot_of(handle);
  uint64_t word = slot->word.load(std::memory_order_acquire);
  while (!slot->word.compare_exchange_weak(word, word & ~Slot::kLive, std::memory_order_acq_rel)) {
  }
  if ((word & Slot::kPins) == 0) drop_slot(slot);
}

[[noreturn, gnu::cold]] static void fail_element(tg_tensor handle, const char* what, size_t i) {
  char text[64];
  Message name(text, sizeof text);
  name << what << '[' << i << ']';
  fail_handle(handle, Kind::tensor, text);
}

TensorPins::TensorPins(const tg_tensor* handles, size_t count, const char* what, bool zero_allowed)
    : pins_(count), list_(count) {
  if (count > 0) check_pointer(handles, what);
  for (size_t i = 0; i < count; ++i) {
    Pinned& one = pins_[i];
    list_[i] = reinterpret_cast<const Tensor*>(&one.head);
    if (handles[i] == 0 && zero_allowed) continue;
    one.slot = pin_if(handles[i], Kind::tensor);
    if (one.slot == nullptr) [[unlikely]]
      fail_element(handles[i], what, i);
    one.head = static_cast<TensorHead*>(one.slot->object.load(std::memory_order_relaxed));
  }
}

}  // namespace tg::capi

using tg::capi::guarded;
using tg::capi::guarded_always;
using tg::capi::Kind;
using tg::capi::Pin;

uint32_t tg_version(void) { return 100; }
const char* tg_version_string(void) { return "0.1.0"; }

tg_status tg_shutdown(void) {
  return guarded(__func__, [] { tg::capi::end_all(); });
}

tg_status tg_alias(tg_handle handle, tg_handle* out) {
  return guarded(__func__, [&] {
    tg::capi::clear_out(out, "out");
    tg::capi::NewHandle fresh;
    const Pin pin(handle, Kind::none, "handle");
    const Kind kind = pin.kind();
    if (kind == Kind::scope) {
      tg::fail(TG_ERROR_MODE,
               "handle is a scope, which has one handle alone; it ends by "
               "tg_scope_exit");
    }
    if (kind == Kind::hook || kind == Kind::saved_hooks || kind == Kind::context) {
      tg::fail(TG_ERROR_UNSUPPORTED, "handle is a ", tg::capi::name_of(kind),
               ", which has one owner alone");
    }
    tg::capi::share_object(kind, pin.object());
    *out = fresh.publish(kind, pin.object(), kind == Kind::tensor || kind == Kind::node);
  });
}

namespace {

// Apart and in tail position, so that the common release needs no frame.
[[gnu::noinline]] tg_status release_guarded(tg_handle handle) {
  return guarded_always("tg_release", [&] { tg::capi::release(handle); });
}
[[gnu::noinline]] tg_status free_other(tg::TensorHead* head) {
  tg::free_head_slow(head);
  return TG_OK;
}
[[gnu::noinline]] tg_status free_recorded(tg::TensorHead* head, tg::ThreadRecord& mine) {
  tg::forget_history(*head);
  if (tg::free_head_fast(head, mine)) return TG_OK;
  tg::TensorHead* base;
  if (!tg::free_view_fast(head, mine, base)) return free_other(head);
  return tg::last_count(base) ? free_other(base) : TG_OK;
}

template <bool kAlone>
[[gnu::always_inline]] inline tg_status release_fast(tg_handle handle) {
  tg::ThreadRecord* mine = tg::record;
  tg::TensorHead* head;
  if (!tg::capi::end_tensor_handle(handle, mine, head, kAlone)) [[unlikely]]
    return release_guarded(handle);
  if (!tg::was_last(head->refs, kAlone) || tg::free_head_fast(head, *mine)) return TG_OK;
  if (head->history.load(std::memory_order_relaxed) != 0) return free_recorded(head, *mine);
  tg::TensorHead* base;
  if (!tg::free_view_fast(head, *mine, base)) return free_other(head);
  return tg::was_last(base->refs, kAlone) ? free_other(base) : TG_OK;
}

}  // namespace

tg_status tg_release(tg_handle handle) {
  return tg::single_threaded() ? release_fast<true>(handle) : release_fast<false>(handle);
}

tg_status tg_release_many(const tg_handle* handles, size_t count) {
  return guarded_always(__func__, [&] {
    if (count > 0) tg::capi::check_pointer(handles, "handles");
    tg_handle bad = 0;
    auto first = tg::capi::Released::yes;
    for (size_t i = 0; i < count; ++i) {
      if (handles[i] == 0) continue;
      const tg_handle handle = handles[i];  // a destructor may write to the caller's array
      const auto done = tg::capi::try_release(handle);
      if (done == tg::capi::Released::yes || bad != 0) continue;
      bad = handle;
      first = done;
    }
    if (bad != 0) tg::capi::fail_release(bad, first);
  });
}

int32_t tg_is_valid(tg_handle handle) { return tg::capi::is_live(handle) ? 1 : 0; }

tg_status tg_is_same(tg_handle a, tg_handle b, int32_t* out) {
  return guarded_always(__func__, [&] {
    tg::capi::check_out(out, "out");
    const Pin first(a, Kind::none, "a"), second(b, Kind::none, "b");
    *out = tg::capi::same_object(first, second) ? 1 : 0;
  });
}

uint64_t tg_live_handles(void) { return tg::capi::live_handles(); }

tg_status tg_drain(void) {
  return guarded_always(__func__, [] { tg::drain(); });
}

tg_status tg_drain_set(tg_callback wake, void* user_data, tg_destructor destructor) {
  return guarded(__func__, [&] { tg::capi::set_drain(wake, user_data, destructor); });
}

tg_status tg_object_create(const char* type, void* payload, tg_destructor destructor,
                           tg_object* out) {
  return guarded(__func__, [&] {
    tg::capi::clear_out(out, "out");
    tg::capi::check_text(type, "type");
    tg::capi::NewHandle handle;
    void* memory = tg::take(sizeof(tg::capi::ForeignObject));
    struct Guard {
      void* memory;
      ~Guard() {
        if (memory != nullptr) tg::give_back(memory, sizeof(tg::capi::ForeignObject));
      }
    } guard{memory};
    auto* object = new (memory) tg::capi::ForeignObject(type, payload, destructor);
    guard.memory = nullptr;
    *out = handle.publish(Kind::object, static_cast<tg::capi::Object*>(object));
  });
}

tg_status tg_object_payload(tg_object object, const char* type, void** out) {
  return guarded_always(__func__, [&] {
    tg::capi::check_out(out, "out");
    tg::capi::check_text(type, "type");
    const Pin pin(object, Kind::object, "object");
    auto* found =
        static_cast<tg::capi::ForeignObject*>(static_cast<tg::capi::Object*>(pin.object()));
    if (std::strcmp(found->type.c_str(), type) != 0) {
      tg::fail(TG_ERROR_INVALID_HANDLE, "object is of the type \"", tg::Quoted{found->type.c_str()},
               "\", not \"", tg::Quoted{type}, "\": wrong kind");
    }
    *out = found->payload;
  });
}
