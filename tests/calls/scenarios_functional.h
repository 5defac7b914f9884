// SPDX-License-Identifier: MIT
// Calls of functional derivatives, of gradcheck and of pictures; calls/world.h has the objects.
#pragma once

#include "calls/callbacks.h"
#include "calls/world.h"

namespace calls {

inline int32_t product_and_sum(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t n) {
  return may_fail([&]() -> int32_t {
    const tg_status status = tg_mul(inputs[0], inputs[0], &outs[0]);
    return status == TG_OK && n > 1 ? tg_sum(inputs[0], &outs[1]) : status;
  });
}
inline int32_t one_number(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  return may_fail([&]() -> int32_t {
    tg_tensor square = 0;
    tg_status status = tg_mul(inputs[0], inputs[0], &square);
    if (status == TG_OK) status = tg_sum(square, &outs[0]);
    tg_release(square);
    return status;
  });
}

inline const std::vector<Scenario>& scenarios_functional() {
  static const std::vector<Scenario> rows = {
      {"tg_vjp",
       [](World& w) {
         const tg_tensor inputs[] = {w.x, w.r}, cotangents[] = {w.q, 0};
         w.outs(4);
         return tg_vjp(product_and_sum, &w, inputs, 2, cotangents, w.places, 2, w.places + 2);
       }},
      {"tg_vjp",
       [](World& w) { return tg_vjp(one_number, &w, &w.x, 1, nullptr, nullptr, 1, w.out()); }},
      {"tg_jvp",
       [](World& w) {
         const tg_tensor inputs[] = {w.x, w.r}, tangents[] = {w.q, 0};
         w.outs(4);
         return tg_jvp(product_and_sum, &w, inputs, tangents, 2, w.places, w.places + 2, 2);
       }},
      {"tg_hvp", [](World& w) { return tg_hvp(one_number, &w, &w.x, &w.q, 1, w.out()); }},
      {"tg_gradcheck",
       [](World& w) {
         return tg_gradcheck(product_and_sum, &w, &w.wide, 1, 2, 2, 0, 0, 0, &w.number, w.text,
                             sizeof w.text, &w.length);
       }},
      {"tg_explain", [](World& w) { return tg_explain(w.loss, w.text, sizeof w.text, &w.length); }},
      {"tg_explain",
       [](World& w) { return tg_explain(w.view_of_x, w.text, sizeof w.text, &w.length); }},
      {"tg_graph_dot",
       [](World& w) { return tg_graph_dot(w.loss, w.text, sizeof w.text, &w.length); }},
      {"tg_graph_json",
       [](World& w) { return tg_graph_json(w.fan, w.text, sizeof w.text, &w.length); }},
  };
  return rows;
}

}  // namespace calls
