// SPDX-License-Identifier: MIT
// Operators of the caller: made, called and differentiated, with every function of a context.
#pragma once

#include "calls/custom.h"
#include "calls/world.h"

namespace calls {

template <int kind>
tg_status make_custom(World& w) {
  const tg_operator_definition from = custom_definition(kind);
  return tg_operator_create(&from, w.out());
}
inline tg_status apply_custom(World& w, int kind, std::initializer_list<tg_tensor> inputs) {
  return tg_operator_apply(w.custom[kind], inputs.begin(), inputs.size(), nullptr, 0,
                           w.outs(kind == 1 ? 2 : 1), kind == 1 ? 2 : 1);
}
inline tg_status apply_product(World& w) { return apply_custom(w, 0, {w.x, w.b}); }
inline tg_status differentiate_custom(World& w) {
  return tg_grad(&w.custom_loss[0], nullptr, 1, &w.x, 1, TG_RETAIN_GRAPH, w.out());
}
inline tg_status mark_dirty_by_leaf(World& w) {
  return expects(TG_ERROR_AUTOGRAD, apply_custom(w, 2, {w.x}));
}

inline const std::vector<Scenario>& scenarios_custom() {
  static const std::vector<Scenario> rows = {
      {"tg_operator_create", make_custom<0>},
      {"tg_operator_create", make_custom<1>},
      {"tg_operator_apply", apply_product},
      {"tg_operator_apply", [](World& w) { return apply_custom(w, 0, {w.x}); }},
      {"tg_operator_apply",
       [](World& w) {
         return apply_custom(w, 1, {w.x, w.p});
       }},
      {"tg_operator_apply",
       [](World& w) {
         return apply_custom(w, 1, {w.view_of_x, w.t});
       }},
      {"tg_operator_apply",
       [](World& w) {
         return apply_custom(w, 0, {w.p, w.q});
       }},
      // Each by the callbacks of such a call.
      {"tg_context_save_for_backward", apply_product},
      {"tg_context_set_data", apply_product},
      {"tg_context_data", apply_product},
      {"tg_context_needs_input_grad", apply_product},
      {"tg_context_mark_non_differentiable",
       [](World& w) {
         return apply_custom(w, 1, {w.x, w.b});
       }},
      {"tg_context_mark_dirty", mark_dirty_by_leaf},
      {"tg_grad", differentiate_custom},
      {"tg_context_saved_tensor",
       [](World& w) { return tg_backward_from(&w.custom_loss[0], nullptr, 1, TG_RETAIN_GRAPH); }},
      {"tg_backward", [](World& w) { return tg_backward(w.custom_loss[1]); }},
      {"tg_grad",
       [](World& w) {
         return tg_grad(&w.custom_loss[0], nullptr, 1, &w.x, 1, TG_CREATE_GRAPH, w.out());
       }},
  };
  return rows;
}

}  // namespace calls
