// SPDX-License-Identifier: MIT
// What a host lends the library: its log, its collector under memory pressure, its pool of threads.
#include "base/log.h"
#include "base/parallel.h"
#include "base/pressure.h"
#include "capi/kept.h"
#include "capi/tokens.h"

namespace tg::capi {

namespace {

using HostLog = HostCallback<KeptLog, tg_log_fn>;
using HostPressure = HostCallback<KeptPressure, tg_pressure_fn>;
using HostPool = HostCallback<KeptPool, tg_parallel_for_fn>;

void call_log(KeptLog* self, int32_t level, const char* text) noexcept {
  const auto* host = static_cast<HostLog*>(self);
  call_user("log", [&] { host->fn(host->user_data, level, text); });
}

// While a pressure function runs its thread is in the middle of another call, so all but releases
// and questions are refused: by Inside, and for operators, which have none, by what they look at
// anyway: the mode word, and the scope in use.
class Restricted {
 public:
  Restricted() noexcept
      : mine_(*record), scope_(mine_.scope), floor_(mine_.mode_floor), modes_(state) {
    mine_.scope = &kNoScope;
    mine_.mode_floor = UINT32_MAX;
    state |= kRestricted;
  }
  ~Restricted() {
    mine_.scope = scope_;
    mine_.mode_floor = floor_;
    state = modes_;
  }
  Restricted(const Restricted&) = delete;
  Restricted& operator=(const Restricted&) = delete;

 private:
  static inline constinit char kNoScope = 0;
  ThreadRecord& mine_;
  void* scope_;
  uint32_t floor_;
  uint64_t modes_;
};

int32_t call_pressure(KeptPressure* self, uint64_t current, uint64_t wanted) noexcept {
  const auto* host = static_cast<HostPressure*>(self);
  int32_t answer = 1;  // of one that throws
  call_user("pressure", [&] {
    const Restricted restricted;
    answer = host->fn(host->user_data, current, wanted);
  });
  return answer;
}

int32_t call_pool(KeptPool* self, size_t count, Job run, void* job) noexcept {
  const auto* host = static_cast<HostPool*>(self);
  int32_t answer = 1;
  call_user("parallel_for", [&] {
    const TokenKept token;
    answer = host->fn(host->user_data, count, run, job);
  });
  return answer;
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_log_set(tg_log_fn fn, void* user_data, tg_destructor destructor) {
  return guarded(__func__,
                 [&] { keep<tg::KeptLog>(tg::log_place, call_log, fn, user_data, destructor); });
}

tg_status tg_memory_pressure_set(tg_pressure_fn fn, void* user_data, tg_destructor destructor,
                                 uint64_t soft_limit) {
  return guarded_always(__func__, [&] {
    keep<tg::KeptPressure>(tg::pressure_place, call_pressure, fn, user_data, destructor);
    tg::memory_soft_limit_set(fn != nullptr ? soft_limit : 0);
  });
}

tg_status tg_parallel_for_set(tg_parallel_for_fn fn, void* user_data, tg_destructor destructor) {
  return guarded(__func__,
                 [&] { keep<tg::KeptPool>(tg::lent_pool, call_pool, fn, user_data, destructor); });
}
