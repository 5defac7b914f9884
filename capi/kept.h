// SPDX-License-Identifier: MIT
// A host's callback with its user_data, in the place that base/kept.h keeps for it.
#pragma once

#include "base/kept.h"
#include "capi/seam.h"
#include "capi/user_calls.h"

namespace tg::capi {

// Base: KeptLog and its kin, with the `call` that the library makes.
template <class Base, class Fn>
struct HostCallback final : Base, Deferred {
  Fn fn;
  void* user_data;
  tg_destructor destructor;

  static void end_kept(Kept* self) noexcept {
    defer(static_cast<HostCallback*>(static_cast<Base*>(self)));
  }
  static void finish(Deferred* self) noexcept {
    auto* mine = static_cast<HostCallback*>(self);
    if (mine->destructor != nullptr) {
      call_user("destructor", [&] { mine->destructor(mine->user_data); });
    }
    give_back(mine, sizeof(HostCallback));
  }
};

// fn null: none. The former one's destructor runs when no call of it does any more.
template <class Base, class Fn, class Call>
void keep(KeptPlace& place, Call call, Fn fn, void* user_data, tg_destructor destructor) {
  HostCallback<Base, Fn>* fresh = nullptr;
  if (fn != nullptr) {
    using Host = HostCallback<Base, Fn>;
    fresh = new (take(sizeof(Host))) Host{};
    fresh->holders = 1;
    fresh->Kept::end = Host::end_kept;
    fresh->Base::call = call;
    fresh->run = Host::finish;
    fresh->fn = fn;
    fresh->user_data = user_data;
    fresh->destructor = destructor;
  }
  place.put(fresh);
}

}  // namespace tg::capi
