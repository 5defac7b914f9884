// SPDX-License-Identifier: MIT
// Random calls of functional derivatives, with functions that call back and often fail.
#pragma once

#include "calls/random_rows.h"

namespace calls {

// Often a function that can be differentiated; else whatever random calls make of it.
inline int32_t many_function(void* user_data, const tg_tensor* inputs, size_t count,
                             tg_tensor* outs, size_t out_count) {
  auto& player = *static_cast<Player*>(user_data);
  const bool calls_back = player.chance(20);
  const int32_t result = calls_back ? callback(user_data) : 0;
  for (size_t i = 0; i < out_count; ++i) {
    const tg_tensor x = count > 0 ? inputs[player.below(count)] : player.handle(Kind::tensor);
    switch (player.below(calls_back ? 6 : 5)) {
      case 0: tg_sin(x, &outs[i]); break;
      case 1: tg_mul(x, x, &outs[i]); break;
      case 2: tg_sum(x, &outs[i]); break;
      case 3: tg_alias(x, &outs[i]); break;
      case 4: tg_mul(x, count > 0 ? inputs[0] : x, &outs[i]); break;
      default: outs[i] = player.handle(Kind::generator); break;
    }
  }
  return result;
}

struct RandomFunction {
  tg_function fn;
  std::vector<tg_handle> inputs, others;
  size_t outs;
  RandomFunction(Player& p, bool as_many) : fn(p.chance(99) ? many_function : nullptr) {
    const uint64_t count = p.chance(5) ? 0 : p.below(2) + 1;
    for (uint64_t i = 0; i < count; ++i) inputs.push_back(p.handle(Kind::tensor));
    outs = p.chance(5) ? 0 : static_cast<size_t>(p.below(2)) + 1;
    const size_t more = as_many ? inputs.size() : outs;
    for (size_t i = 0; i < more; ++i) {
      others.push_back(p.chance(40)              ? 0
                       : p.chance(60) && as_many ? inputs[i]
                                                 : p.handle(Kind::tensor));
    }
  }
};

inline tg_status random_vjp(Player& p, Call& call) {
  const RandomFunction f(p, false);
  return tg_vjp(f.fn, &p, p.array(call, f.inputs), f.inputs.size(),
                p.chance(40) ? nullptr : p.array(call, f.others),
                p.chance(30) ? nullptr : p.out_handles(call, Kind::tensor, f.outs), f.outs,
                p.chance(98) ? p.out_handles(call, Kind::tensor, f.inputs.size()) : nullptr);
}
inline tg_status random_jvp(Player& p, Call& call) {
  const RandomFunction f(p, true);
  return tg_jvp(f.fn, &p, p.array(call, f.inputs), p.array(call, f.others), f.inputs.size(),
                p.chance(30) ? nullptr : p.out_handles(call, Kind::tensor, f.outs),
                p.chance(98) ? p.out_handles(call, Kind::tensor, f.outs) : nullptr, f.outs);
}
inline tg_status random_hvp(Player& p, Call& call) {
  const RandomFunction f(p, true);
  return tg_hvp(f.fn, &p, p.array(call, f.inputs), p.array(call, f.others), f.inputs.size(),
                p.chance(98) ? p.out_handles(call, Kind::tensor, f.inputs.size()) : nullptr);
}
inline tg_status random_gradcheck(Player& p, Call& call) {
  RandomFunction f(p, true);
  tg_tensor own = 0;  // float64, which few are
  const int64_t sizes[] = {2};
  if (p.chance(60) && tg_rand(0, TG_FLOAT64, sizes, 1, &own) == TG_OK) f.inputs = {own};
  const auto setting = [&] { return p.chance(90) ? 0.0 : p.number(); };
  const tg_status status =
      tg_gradcheck(f.fn, &p, p.array(call, f.inputs), f.inputs.size(), f.outs,
                   static_cast<int32_t>(p.below(4)), setting(), setting(), setting(),
                   p.out<int32_t>(call), nullptr, p.below(20) == 0 ? 1 : 0, nullptr);
  if (own != 0 && tg_is_valid(own) == 1) tg_release(own);  // fn may have ended its scope
  return status;
}

}  // namespace calls
