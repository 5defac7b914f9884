// SPDX-License-Identifier: MIT
// Calls of foreign functions in each of their forms; calls/world.h has the objects.
#pragma once

#include "calls/world.h"

namespace calls {

template <int kind>
tg_status make_foreign(World& w) {
  const tg_ffi_definition from = foreign_definition(kind);
  return tg_ffi_operator(&from, w.out());
}
inline tg_status apply_elements(World& w, tg_operator op, tg_tensor x) {
  return tg_operator_apply(op, &x, 1, nullptr, 0, w.out(), 1);
}
inline tg_status apply_arrays(World& w, tg_operator op, tg_tensor x) {
  const tg_value weight = foreign_weight();
  return tg_operator_apply(op, &x, 1, &weight, 1, w.out(), 1);
}

inline const std::vector<Scenario>& scenarios_ffi() {
  static const std::vector<Scenario> rows = {
      {"tg_ffi_operator", make_foreign<0>},
      {"tg_ffi_operator", make_foreign<1>},
      {"tg_ffi_operator", make_foreign<2>},
      {"tg_ffi_operator", make_foreign<4>},
      {"tg_ffi_operator",
       [](World& w) {
         tg_ffi_definition from = foreign_definition(2);
         from.signature = "i32 m, i32 n, f32 w, f32 x[m][n], out f32 y[n], status i32 info?";
         return expects(TG_ERROR_FORMAT, tg_ffi_operator(&from, w.out()));
       }},
      {"tg_operator_apply", [](World& w) { return apply_elements(w, w.foreign[0], w.x); }},
      {"tg_operator_apply", [](World& w) { return apply_elements(w, w.foreign[0], w.view); }},
      {"tg_operator_apply", [](World& w) { return apply_elements(w, w.foreign[1], w.x); }},
      {"tg_operator_apply", [](World& w) { return apply_arrays(w, w.foreign[2], w.x); }},
      {"tg_operator_apply", [](World& w) { return apply_arrays(w, w.foreign[2], w.view_of_x); }},
      {"tg_operator_apply", [](World& w) { return apply_arrays(w, w.foreign[3], w.x); }},
      {"tg_operator_apply", [](World& w) { return apply_arrays(w, w.foreign[4], w.p); }},
      {"tg_alias", [](World& w) { return tg_alias(w.foreign[0], w.out()); }},
      {"tg_backward", [](World& w) { return tg_backward(w.foreign_loss[0]); }},
      {"tg_backward", [](World& w) { return tg_backward(w.foreign_loss[2]); }},
      {"tg_backward", [](World& w) { return tg_backward(w.foreign_loss[4]); }},
      {"tg_grad",
       [](World& w) {
         return tg_grad(&w.foreign_loss[2], nullptr, 1, &w.x, 1, TG_CREATE_GRAPH, w.out());
       }},
      {"tg_grad",
       [](World& w) {
         return tg_grad(&w.foreign_loss[4], nullptr, 1, &w.x, 1, TG_CREATE_GRAPH, w.out());
       }},
  };
  return rows;
}

}  // namespace calls
