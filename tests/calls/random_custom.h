// SPDX-License-Identifier: MIT
// Random calls of the caller's operators and of the functions of a context: definitions that are
// sound but for a field now and then, and contexts of the callbacks that run and of others.
#pragma once

#include "calls/custom.h"
#include "calls/random_rows.h"

namespace calls {

// A context of a callback that has ended, or something else: a live one is used by its callback.
inline tg_context context_of(Player& p) { return p.chance(70) ? p.any_handle() : p.random(); }

inline tg_status operator_create(Player& p, Call& call) {
  tg_operator_definition from = custom_definition(static_cast<int>(p.below(kCustom)));
  if (p.chance(5)) from.name = p.text(call);
  if (p.chance(3)) from.out_count = p.below(4);
  if (p.chance(2)) from.struct_size = p.below(200);
  if (p.chance(2)) from.reserved = 1;
  if (p.chance(2)) from.forward = nullptr;
  if (p.chance(10)) from.flags ^= static_cast<uint32_t>(p.random());
  return tg_operator_create(p.chance(99) ? &from : nullptr,
                            p.chance(99) ? p.out_handles(call, Kind::op, 1) : nullptr);
}
inline tg_status context_save(Player& p, Call& call) {
  std::vector<tg_handle> tensors(p.below(3));
  for (tg_handle& x : tensors) x = p.handle(Kind::tensor);
  return tg_context_save_for_backward(context_of(p), p.array(call, tensors), tensors.size());
}
inline tg_status context_saved(Player& p, Call& call) {
  return tg_context_saved_tensor(context_of(p), p.below(3), p.out_handles(call, Kind::tensor, 1));
}
inline tg_status context_set_data(Player& p, Call&) {
  return tg_context_set_data(context_of(p), &p, nullptr);
}
inline tg_status context_data(Player& p, Call& call) {
  return tg_context_data(context_of(p), p.out<void*>(call));
}
inline tg_status context_needs(Player& p, Call& call) {
  return tg_context_needs_input_grad(context_of(p), p.below(3), p.out<int32_t>(call));
}
inline tg_status context_dirty(Player& p, Call&) {
  return tg_context_mark_dirty(context_of(p), p.below(3));
}
inline tg_status context_non_differentiable(Player& p, Call&) {
  return tg_context_mark_non_differentiable(context_of(p), p.below(3));
}

}  // namespace calls
