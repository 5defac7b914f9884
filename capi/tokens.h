// SPDX-License-Identifier: MIT
// Tokens behind handles, and which one is in use on a thread. The use holds the token: it stays in
// use, and can be found cancelled, after its last handle was released.
#pragma once

#include "base/token.h"
#include "capi/handles.h"

namespace tg::capi {

struct TokenObject final : Object, Token {
  TokenObject() : Object(Kind::token) {}
  void destroy() noexcept override;
};

// A token handle that may be 0 (none), pinned.
class TokenPin {
 public:
  TokenPin(tg_token handle, const char* what);
  ~TokenPin();
  TokenPin(const TokenPin&) = delete;
  TokenPin& operator=(const TokenPin&) = delete;
  TokenObject* object() const { return object_; }  // null: none

 private:
  Slot* slot_ = nullptr;
  TokenObject* object_ = nullptr;
};

// Puts a token (null: none) in use on this thread in place of the one that is, and back at the end.
// `handle` is what tg_token_use gives as previous meanwhile.
class TokenInUse {
 public:
  TokenInUse(TokenObject* token, tg_token handle);
  ~TokenInUse();
  TokenInUse(const TokenInUse&) = delete;
  TokenInUse& operator=(const TokenInUse&) = delete;

 private:
  TokenObject* former_;  // counted
  tg_token former_handle_;
};

// What a callback does to the token in use is undone after it, and the token lives until then.
class TokenKept {
 public:
  TokenKept();
  ~TokenKept() = default;
  TokenKept(const TokenKept&) = delete;
  TokenKept& operator=(const TokenKept&) = delete;

 private:
  TokenInUse use_;
};

}  // namespace tg::capi
