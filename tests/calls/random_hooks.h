// SPDX-License-Identifier: MIT
// Random hooks: they give nothing, what they were handed, or any tensor; they fail now and then.
#pragma once

#include "calls/random_rows.h"

namespace calls {

inline int32_t random_hook(void* user_data, tg_tensor, tg_tensor grad, tg_tensor* out) {
  auto& p = *static_cast<Player*>(user_data);
  if (p.chance(3)) return static_cast<int32_t>(p.below(20));
  if (p.chance(30) && grad != 0) return tg_mul_scalar(grad, 0.5, out);
  if (p.chance(5)) {
    tg_alias(p.handle(Kind::tensor), out);
  } else if (p.chance(2)) {
    *out = p.random() | uint64_t{1} << 60;  // no handle is as great
  }
  return 0;
}
inline int32_t random_node_hook(void* user_data, tg_node, const tg_tensor* inputs,
                                size_t input_count, const tg_tensor* outputs, size_t output_count,
                                tg_tensor* replaced) {
  auto& p = *static_cast<Player*>(user_data);
  if (p.chance(3)) return static_cast<int32_t>(p.below(20));
  const tg_tensor* grads = inputs != nullptr ? inputs : outputs;
  const size_t count = inputs != nullptr ? input_count : output_count;
  for (size_t i = 0; i < count; ++i) {
    if (p.chance(30) && grads[i] != 0) {
      tg_mul_scalar(grads[i], 0.5, &replaced[i]);
    } else if (p.chance(2)) {
      tg_alias(p.handle(Kind::tensor), &replaced[i]);
    }
  }
  return 0;
}

template <class Register>
tg_status hooked(Player& p, Register hang) {
  ++p.destructors_due;
  const tg_status status = hang();
  if (status != TG_OK) --p.destructors_due;
  return status;
}

inline tg_status tensor_hook(Player& p, Call& call) {
  return hooked(p, [&] {
    return tg_tensor_hook(p.handle(Kind::tensor), p.chance(98) ? random_hook : nullptr, &p,
                          end_function,
                          p.chance(99) ? p.out_handles(call, Kind::hook, 1) : nullptr);
  });
}
inline tg_status post_accumulate_grad_hook(Player& p, Call& call) {
  return hooked(p, [&] {
    return tg_post_accumulate_grad_hook(
        p.handle(Kind::tensor), p.chance(98) ? random_hook : nullptr, &p, end_function,
        p.chance(99) ? p.out_handles(call, Kind::hook, 1) : nullptr);
  });
}
inline tg_status node_hook(Player& p, Call& call) {
  return hooked(p, [&] {
    return tg_node_hook(p.handle(Kind::node), static_cast<int32_t>(p.below(p.chance(95) ? 2 : 9)),
                        p.chance(98) ? random_node_hook : nullptr, &p, end_function,
                        p.chance(99) ? p.out_handles(call, Kind::hook, 1) : nullptr);
  });
}

}  // namespace calls
