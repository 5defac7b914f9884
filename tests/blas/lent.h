// SPDX-License-Identifier: MIT
// A pool of threads lent for a block, as a host would lend one.
#pragma once

#include "base/parallel.h"

class Lending : tg::KeptPool {
 public:
  using Function = int32_t (*)(void* user, size_t count, tg::Job run, void* job);
  Lending(Function function, void* user) : function_(function), user_(user) {
    holders = 1;
    end = [](tg::Kept*) noexcept {};
    call = [](tg::KeptPool* self, size_t count, tg::Job run, void* job) noexcept {
      const auto* mine = static_cast<Lending*>(self);
      return mine->function_(mine->user_, count, run, job);
    };
    tg::lent_pool.put(this);
  }
  ~Lending() { tg::lent_pool.put(nullptr); }
  Lending(const Lending&) = delete;
  Lending& operator=(const Lending&) = delete;

 private:
  Function function_;
  void* user_;
};
