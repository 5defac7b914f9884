// SPDX-License-Identifier: MIT
#include "capi/tokens.h"

#include "capi/seam.h"

namespace tg::capi {

namespace {

void share(TokenObject* token) noexcept {
  if (token != nullptr) share_object(Kind::token, static_cast<Object*>(token));
}
void let_go_of(TokenObject* token) noexcept {
  if (token != nullptr) drop_object(Kind::token, static_cast<Object*>(token));
}

TokenObject* current(const ThreadRecord& mine) { return static_cast<TokenObject*>(mine.token); }

// The thread takes over the caller's count of the token; the caller gets that of the former one.
TokenObject* exchange(ThreadRecord& mine, TokenObject* token, tg_token handle) noexcept {
  TokenObject* former = current(mine);
  mine.token = token;
  mine.token_handle = handle;
  token_in_use = token;
  return former;
}

void leave_at_end(ThreadRecord& mine) noexcept { let_go_of(exchange(mine, nullptr, 0)); }

TokenObject* make_token() { return new (take(sizeof(TokenObject))) TokenObject; }

}  // namespace

void TokenObject::destroy() noexcept {
  this->~TokenObject();
  give_back(this, sizeof(TokenObject));
}

TokenPin::TokenPin(tg_token handle, const char* what) {
  if (handle == 0) return;
  Pin pin(handle, Kind::token, what);
  object_ = static_cast<TokenObject*>(static_cast<Object*>(pin.object()));
  slot_ = pin.keep();
}
TokenPin::~TokenPin() {
  if (slot_ != nullptr) unpin(slot_);
}

TokenInUse::TokenInUse(TokenObject* token, tg_token handle) {
  ThreadRecord& mine = thread_record();
  mine.leave_token = leave_at_end;
  share(token);
  former_handle_ = mine.token_handle;
  former_ = exchange(mine, token, handle);
}
TokenKept::TokenKept() : use_(current(thread_record()), thread_record().token_handle) {}

TokenInUse::~TokenInUse() { let_go_of(exchange(*record, former_, former_handle_)); }

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_token_create(tg_token* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    *out = handle.publish(Kind::token, static_cast<Object*>(make_token()));
  });
}

tg_status tg_token_cancel(tg_token token) {
  return guarded_always(__func__, [&] {
    const Pin pin(token, Kind::token, "token");
    auto* object = static_cast<TokenObject*>(static_cast<Object*>(pin.object()));
    // Whoever finds it cancelled may read what the caller wrote before.
    object->cancelled.store(1, std::memory_order_release);
  });
}

tg_status tg_token_is_cancelled(tg_token token, int32_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const Pin pin(token, Kind::token, "token");
    const auto* object = static_cast<TokenObject*>(static_cast<Object*>(pin.object()));
    *out = object->cancelled.load(std::memory_order_acquire) != 0 ? 1 : 0;
  });
}

tg_status tg_token_use(tg_token token, tg_token* previous) {
  return guarded(__func__, [&] {
    if (previous != nullptr) *previous = 0;
    const TokenPin pin(token, "token");
    tg::ThreadRecord& mine = tg::thread_record();
    mine.leave_token = leave_at_end;
    share(pin.object());
    const tg_token former = mine.token_handle;
    let_go_of(exchange(mine, pin.object(), token));
    if (previous != nullptr) *previous = former;
  });
}
