// SPDX-License-Identifier: MIT
// Random calls of foreign functions: definitions that are sound but for a field now and then, and
// operands and numbers that often fit.
#pragma once

#include "calls/foreign.h"
#include "calls/random_rows.h"

namespace calls {

inline tg_status ffi_operator(Player& p, Call& call) {
  tg_ffi_definition from = foreign_definition(static_cast<int>(p.below(5)));
  if (p.chance(5)) from.name = p.text(call);
  if (p.chance(3)) from.signature = p.text(call);
  if (p.chance(3)) from.backward_signature = p.text(call);
  if (p.chance(3)) from.library = p.text(call);
  if (p.chance(3)) from.symbol = p.text(call);
  if (p.chance(2)) from.address = nullptr;
  if (p.chance(2)) from.backward_address = nullptr;
  if (p.chance(2)) from.struct_size = p.below(200);
  if (p.chance(2)) from.reserved = 1;
  // By address or by value is between the caller and the function: no wrong one is tried.
  if (p.chance(5)) from.flags ^= static_cast<uint32_t>(p.random()) & ~uint32_t{TG_FFI_FORTRAN};
  return tg_ffi_operator(p.chance(99) ? &from : nullptr,
                         p.chance(99) ? p.out_handles(call, Kind::op, 1) : nullptr);
}

inline tg_status operator_apply(Player& p, Call& call) {
  const size_t count = p.chance(95) ? 1 : static_cast<size_t>(p.below(4));
  std::vector<tg_handle> inputs;
  for (size_t i = 0; i < count; ++i) inputs.push_back(p.handle(Kind::tensor));
  std::vector<tg_value> numbers(p.below(3), foreign_weight());
  for (tg_value& value : numbers) {
    value.as.number = p.number();
    if (!p.chance(5)) continue;
    value.type = static_cast<int32_t>(p.below(20));
    // What stands for memory is as large as it says, or absent: an operator of the caller reads it.
    static const double kMemory[4] = {};
    value.as.array = p.chance(80) ? kMemory : nullptr;
    value.count = static_cast<uint32_t>(p.below(4));
  }
  const size_t outs = p.chance(95) ? 1 : static_cast<size_t>(p.below(4));
  return tg_operator_apply(p.handle(Kind::op), p.array(call, inputs), count, p.array(call, numbers),
                           numbers.size(), p.out_handles(call, Kind::tensor, outs), outs);
}

}  // namespace calls
