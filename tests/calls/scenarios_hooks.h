// SPDX-License-Identifier: MIT
// Hooks: registered, run by passes, released, and failing.
#pragma once

#include "calls/callbacks.h"
#include "calls/world.h"

namespace calls {

struct Hooks {
  static int32_t keep(void*, tg_tensor, tg_tensor, tg_tensor*) {
    return may_fail([&]() -> int32_t { return 0; });
  }
  static int32_t twice(void*, tg_tensor, tg_tensor grad, tg_tensor* out) {
    return may_fail([&]() -> int32_t { return tg_mul_scalar(grad, 2, out); });
  }
  static int32_t keep_all(void*, tg_node, const tg_tensor*, size_t, const tg_tensor*, size_t,
                          tg_tensor*) {
    return may_fail([&]() -> int32_t { return 0; });
  }
  static int32_t twice_all(void*, tg_node, const tg_tensor* inputs, size_t input_count,
                           const tg_tensor* outputs, size_t output_count, tg_tensor* replaced) {
    return may_fail([&]() -> int32_t {
      const tg_tensor* grads = inputs != nullptr ? inputs : outputs;
      const size_t count = inputs != nullptr ? input_count : output_count;
      for (size_t i = 0; i < count; ++i) {
        if (grads[i] == 0) continue;
        if (const tg_status status = tg_mul_scalar(grads[i], 2, &replaced[i]); status != TG_OK)
          return status;
      }
      return 0;
    });
  }

  // A pass over the world's graph with a hook in it, which goes again.
  template <class Register>
  static tg_status during_pass(World& w, Register hang) {
    tg_hook hook = 0;
    tg_status status = hang(&hook);
    if (status != TG_OK) return status;
    status = tg_backward_from(&w.loss, nullptr, 1, TG_RETAIN_GRAPH);
    const tg_status released = tg_release(hook);
    return status != TG_OK ? status : released;
  }
};

inline const std::vector<Scenario>& scenarios_hooks() {
  static const std::vector<Scenario> rows = {
      {"tg_tensor_hook",
       [](World& w) { return tg_tensor_hook(w.y, Hooks::keep, nullptr, nullptr, w.out()); }},
      {"tg_tensor_hook",
       [](World& w) { return tg_tensor_hook(w.x, Hooks::keep, nullptr, nullptr, w.out()); }},
      {"tg_tensor_hook",
       [](World& w) {
         return Hooks::during_pass(w, [&](tg_hook* out) {
           return tg_tensor_hook(w.y, Hooks::twice, nullptr, nullptr, out);
         });
       }},
      {"tg_tensor_hook",
       [](World& w) {
         return Hooks::during_pass(w, [&](tg_hook* out) {
           return tg_tensor_hook(w.x, Hooks::twice, nullptr, nullptr, out);
         });
       }},
      {"tg_post_accumulate_grad_hook",
       [](World& w) {
         return tg_post_accumulate_grad_hook(w.b, Hooks::keep, nullptr, nullptr, w.out());
       }},
      {"tg_node_hook",
       [](World& w) {
         return tg_node_hook(w.node, TG_BEFORE, Hooks::keep_all, nullptr, nullptr, w.out());
       }},
      {"tg_node_hook",
       [](World& w) {
         return Hooks::during_pass(w, [&](tg_hook* out) {
           return tg_node_hook(w.node, TG_AFTER, Hooks::twice_all, nullptr, nullptr, out);
         });
       }},
      {"tg_node_hook",
       [](World& w) {
         return Hooks::during_pass(w, [&](tg_hook* out) {
           return tg_node_hook(w.node, TG_BEFORE, Hooks::twice_all, nullptr, nullptr, out);
         });
       }},
  };
  return rows;
}

}  // namespace calls
