// SPDX-License-Identifier: MIT
// What a thread may have looked at while its operators run: saved tensors by hooks, results by
// anomaly mode, and where in the host's code a call stands.
#include "autograd/saved_hooks.h"

#include "autograd/modes.h"
#include "autograd/sites.h"
#include "capi/lent.h"
#include "capi/user_calls.h"

namespace tg::capi {

namespace {

struct SavedHooksObject final : Object, SavedTensorHooks, UserData<SavedHooksObject> {
  tg_pack_fn pack_fn;
  tg_unpack_fn unpack_fn;
  tg_packed_free_fn free_fn;

  SavedHooksObject(tg_pack_fn pack, tg_unpack_fn unpack, tg_packed_free_fn free_packed, void* data,
                   tg_destructor end)
      : Object(Kind::saved_hooks),
        UserData(data, end),
        pack_fn(pack),
        unpack_fn(unpack),
        free_fn(free_packed) {}

  void destroy() noexcept override { SavedTensorHooks::let_go(); }
  void end() noexcept override { end_data(); }

  // What pack gave. It counts the hooks until free_packed has run, which may be put off.
  struct Value final : Deferred {
    SavedHooksObject* hooks;
    void* packed = nullptr;
    explicit Value(SavedHooksObject* its) : Deferred{nullptr, finish}, hooks(its) {}
    static void finish(Deferred* self) noexcept {
      auto* value = static_cast<Value*>(self);
      SavedHooksObject* hooks = value->hooks;
      if (hooks->free_fn != nullptr) {
        call_user("free_packed", [&] { hooks->free_fn(hooks->user_data, value->packed); });
      }
      give_back(value, sizeof(Value));
      hooks->SavedTensorHooks::let_go();
    }
  };

  void* pack(const Tensor& x, Edge) override {
    struct Guard {
      SavedHooksObject* hooks;
      Value* value;
      bool packed = false;  // then it is the library's
      ~Guard() {
        if (packed) {
          hooks->free_packed(value);
        } else if (value != nullptr) {
          give_back(value, sizeof(Value));
        }
      }
    } guard{this, new (take(sizeof(Value))) Value(this)};
    const EngineModes modes(false);
    const LentHandle lent(x);
    {
      Callback callback;
      const int32_t status = pack_fn(user_data, lent, &guard.value->packed);
      if (status == 0) SavedTensorHooks::share();
      guard.packed = status == 0;
      callback.check(status, "pack");
    }
    guard.packed = false;
    return std::exchange(guard.value, nullptr);
  }
  Tensor unpack(void* packed) override {
    const EngineModes modes(false);
    GivenHandles given(1);
    {
      Callback callback;
      callback.check(unpack_fn(user_data, static_cast<Value*>(packed)->packed, given.places()),
                     "unpack");
    }
    if (given[0] == 0) {
      fail(TG_ERROR_CALLBACK, "unpack returned 0 but gave no tensor; set *out");
    }
    return *TensorPin(given[0], "*out of unpack");
  }
  void free_packed(void* packed) noexcept override {
    auto* value = static_cast<Value*>(packed);
    if (free_fn != nullptr) {
      defer(value);
    } else {
      Value::finish(value);
    }
  }
};

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_saved_tensor_hooks_enter(tg_pack_fn pack, tg_unpack_fn unpack,
                                      tg_packed_free_fn free_packed, void* user_data,
                                      tg_destructor destructor, tg_hook* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    if (pack == nullptr) fail_null("pack");
    if (unpack == nullptr) fail_null("unpack");
    NewHandle handle;
    auto* hooks = new (tg::take(sizeof(SavedHooksObject)))
        SavedHooksObject(pack, unpack, free_packed, user_data, destructor);
    tg::enter_saved_hooks(*hooks);
    *out = handle.publish(Kind::saved_hooks, static_cast<Object*>(hooks));
  });
}

tg_status tg_saved_tensor_hooks_exit(tg_hook hooks) {
  return guarded(__func__, [&] {
    {
      const Pin pin(hooks, Kind::saved_hooks, "hooks");
      auto* its = static_cast<SavedHooksObject*>(static_cast<Object*>(pin.object()));
      if (tg::may_leave_saved_hooks(*its)) {
        tg::leave_saved_hooks();
      } else if (its->is_entered()) {
        tg::fail(TG_ERROR_MODE, "hooks ", hooks,
                 " are not this thread's innermost saved-tensor hooks, or were entered outside the "
                 "callback that runs; leave those inside them first, on the thread and in the "
                 "function that entered them");
      }
    }
    end_handle(hooks);
  });
}

tg_status tg_anomaly_mode_enter(void) {
  return guarded(__func__, [] { tg::set_anomaly(true); });
}

tg_status tg_anomaly_mode_exit(void) {
  return guarded(__func__, [] { tg::set_anomaly(false); });
}

tg_status tg_site_set(const char* file, int32_t line) {
  return guarded(__func__, [&] {
    if (file != nullptr) check_text(file, "file");
    if (line < 0) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "line is ", line,
               "; lines begin with 1, and 0 stands for none");
    }
    tg::thread_record().site = file != nullptr ? tg::make_site(file, line) : 0;
    tg::update_watched();
  });
}
