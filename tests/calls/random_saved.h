// SPDX-License-Identifier: MIT
// Random hooks on saved tensors, checkpoints, anomaly mode and sites.
#pragma once

#include "calls/random_functional.h"

namespace calls {

// What was packed: an alias, in memory of its own; sometimes nothing.
inline int32_t random_pack(void* user_data, tg_tensor x, void** packed) {
  auto& p = *static_cast<Player*>(user_data);
  if (p.chance(3)) return static_cast<int32_t>(p.below(20));
  tg_tensor alias = 0;
  if (tg_alias(x, &alias) != TG_OK) return TG_ERROR_OUT_OF_MEMORY;
  ++p.packed;
  *packed = new tg_tensor(alias);
  return 0;
}
inline int32_t random_unpack(void* user_data, void* packed, tg_tensor* out) {
  auto& p = *static_cast<Player*>(user_data);
  if (p.chance(3)) return static_cast<int32_t>(p.below(20));
  return tg_alias(
      packed != nullptr && p.chance(96) ? *static_cast<tg_tensor*>(packed) : p.handle(Kind::tensor),
      out);
}
inline void random_free_packed(void* user_data, void* packed) {
  if (packed == nullptr) return;
  --static_cast<Player*>(user_data)->packed;
  tg_release(*static_cast<tg_tensor*>(packed));
  delete static_cast<tg_tensor*>(packed);
}

inline tg_status saved_hooks_enter(Player& p, Call&) {
  // A callback leaves what it enters; and a ring would keep what is packed, and its handle.
  if (p.depth > 1 || p.may_leave_rings || p.saved_hooks.size() > 2) return TG_OK;
  tg_hook hooks = 0;
  ++p.destructors_due;
  const tg_status status = tg_saved_tensor_hooks_enter(
      p.chance(95) ? random_pack : nullptr, p.chance(95) ? random_unpack : nullptr,
      random_free_packed, &p, end_function, p.chance(98) ? &hooks : nullptr);
  if (status != TG_OK) --p.destructors_due;
  if (status == TG_OK) p.saved_hooks.push_back(hooks);
  return status;
}
// Often the innermost; also those further out, and what is none.
inline tg_status saved_hooks_exit(Player& p, Call&) {
  auto& own = p.saved_hooks;
  if (own.empty() || p.chance(15)) return tg_saved_tensor_hooks_exit(p.any_handle());
  const size_t place = p.chance(80) ? own.size() - 1 : p.below(own.size());
  const tg_status status = tg_saved_tensor_hooks_exit(own[place]);
  if (status == TG_OK) own.erase(own.begin() + static_cast<std::ptrdiff_t>(place));
  return status;
}

inline tg_status random_checkpoint(Player& p, Call& call) {
  const RandomFunction f(p, false);
  ++p.destructors_due;
  const tg_status status =
      tg_checkpoint(f.fn, &p, end_function, p.array(call, f.inputs), f.inputs.size(),
                    p.chance(98) ? p.out_handles(call, Kind::tensor, f.outs) : nullptr, f.outs);
  if (status != TG_OK) --p.destructors_due;
  return status;
}

inline tg_status site_set(Player& p, Call&) {
  static const char* const files[] = {nullptr, "a.c", "b/c.cpp", "", "\xff", "d.c"};
  return tg_site_set(files[p.below(6)], static_cast<int32_t>(p.below(40)) - 1);
}

}  // namespace calls
