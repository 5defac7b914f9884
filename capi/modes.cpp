// SPDX-License-Identifier: MIT
// The modes' C entries: enter and exit, the call form, and the word that carries a task's modes.
#include "autograd/modes.h"

#include "capi/seam.h"

namespace tg::capi {

namespace {

ModeEntry inference_entry(int32_t mode) {
  return boolean(mode, "mode") ? ModeEntry::inference_on : ModeEntry::inference_off;
}
ModeEntry grad_entry(int32_t enabled) {
  return boolean(enabled, "enabled") ? ModeEntry::set_grad_on : ModeEntry::set_grad_off;
}

tg_status enter(const char* function, ModeEntry entry) {
  return guarded(function, [&] { enter_mode(entry); });
}
tg_status leave(const char* function, ModeKind kind) {
  return guarded(function, [&] { exit_mode(kind); });
}

// The decorator form: fn runs once in the mode, which is left on every path.
void run_in(ModeEntry entry, tg_callback fn, void* user_data) {
  check_pointer(reinterpret_cast<const void*>(fn), "fn");
  const ModeScope scope(entry);
  Callback callback;
  callback.check(fn(user_data), "fn");
  if (!scope.is_balanced()) {
    fail(TG_ERROR_MODE,
         "fn left the modes other than it found them; they were put back, so leave "
         "in fn what fn enters");
  }
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;
using tg::ModeEntry;
using tg::ModeKind;

tg_status tg_inference_mode_enter(int32_t mode) {
  if (mode == 1 && tg::enter_mode_fast(ModeEntry::inference_on)) return TG_OK;
  return guarded(__func__, [&] { tg::enter_mode(inference_entry(mode)); });
}
tg_status tg_inference_mode_exit(void) {
  if (tg::exit_mode_fast(ModeEntry::inference_on)) return TG_OK;
  return leave(__func__, ModeKind::inference_mode);
}
tg_status tg_no_grad_enter(void) {
  if (tg::enter_mode_fast(ModeEntry::no_grad)) return TG_OK;
  return enter(__func__, ModeEntry::no_grad);
}
tg_status tg_no_grad_exit(void) {
  if (tg::exit_mode_fast(ModeEntry::no_grad)) return TG_OK;
  return leave(__func__, ModeKind::no_grad);
}
tg_status tg_enable_grad_enter(void) { return enter(__func__, ModeEntry::enable_grad); }
tg_status tg_enable_grad_exit(void) { return leave(__func__, ModeKind::enable_grad); }
tg_status tg_set_grad_enabled_enter(int32_t enabled) {
  return guarded(__func__, [&] { tg::enter_mode(grad_entry(enabled)); });
}
tg_status tg_set_grad_enabled_exit(void) { return leave(__func__, ModeKind::set_grad_enabled); }

int32_t tg_is_inference_mode_enabled(void) { return tg::inference_mode() ? 1 : 0; }
int32_t tg_is_grad_enabled(void) { return tg::grad_mode() ? 1 : 0; }

tg_status tg_inference_mode_call(int32_t mode, tg_callback fn, void* user_data) {
  return guarded(__func__, [&] { run_in(inference_entry(mode), fn, user_data); });
}
tg_status tg_no_grad_call(tg_callback fn, void* user_data) {
  return guarded(__func__, [&] { run_in(ModeEntry::no_grad, fn, user_data); });
}
tg_status tg_enable_grad_call(tg_callback fn, void* user_data) {
  return guarded(__func__, [&] { run_in(ModeEntry::enable_grad, fn, user_data); });
}
tg_status tg_set_grad_enabled_call(int32_t enabled, tg_callback fn, void* user_data) {
  return guarded(__func__, [&] { run_in(grad_entry(enabled), fn, user_data); });
}

tg_status tg_mode_nesting_set(int32_t nesting) {
  return guarded(__func__, [&] { tg::set_nesting(nesting); });
}
tg_status tg_state_get(uint64_t* state) {
  return guarded_always(__func__, [&] {
    check_out(state, "state");
    *state = tg::get_state();
  });
}
tg_status tg_state_set(uint64_t state, uint64_t* previous) {
  return guarded(__func__, [&] {
    const uint64_t former = tg::set_state(state, previous != nullptr);
    if (previous != nullptr) *previous = former;
  });
}
