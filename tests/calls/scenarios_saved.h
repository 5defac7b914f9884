// SPDX-License-Identifier: MIT
// Hooks on saved tensors, checkpoints, anomaly mode and sites: entered, used by operators and
// passes, left again.
#pragma once

#include "calls/callbacks.h"
#include "calls/scenarios_functional.h"

namespace calls {

struct SavedTensors {
  // What is packed is an alias, in memory of its own.
  static int32_t pack(void*, tg_tensor x, void** packed) {
    tg_tensor alias = 0;
    const int32_t result = may_fail([&]() -> int32_t { return tg_alias(x, &alias); });
    if (result == TG_OK) {
      *packed = new tg_tensor(alias);
    } else {
      tg_release(alias);  // what fails packs nothing
    }
    return result;
  }
  static int32_t unpack(void*, void* packed, tg_tensor* out) {
    return may_fail([&]() -> int32_t { return tg_alias(*static_cast<tg_tensor*>(packed), out); });
  }
  static void free_packed(void*, void* packed) {
    tg_release(*static_cast<tg_tensor*>(packed));
    delete static_cast<tg_tensor*>(packed);
  }

  template <class Body>
  static tg_status inside(World& w, Body body) {
    tg_hook hooks = 0;
    tg_status status = tg_saved_tensor_hooks_enter(pack, unpack, free_packed, &w, nullptr, &hooks);
    if (status != TG_OK) return status;
    status = body();
    const tg_status left = tg_saved_tensor_hooks_exit(hooks);
    return status != TG_OK ? status : left;
  }
  // x * x of the world and its gradient, by way of `product`.
  template <class Product>
  static tg_status differentiated(World& w, Product product) {
    tg_tensor square = 0, sum = 0;
    tg_status status = product(&square);
    if (status == TG_OK) status = tg_sum(square, &sum);
    if (status == TG_OK) {
      status = tg_grad(&sum, nullptr, 1, &w.x, 1, TG_CREATE_GRAPH, w.out());
    }
    tg_release(square);
    tg_release(sum);
    return status;
  }
  static tg_status square(World& w, tg_tensor* out) { return tg_mul(w.x, w.x, out); }
  static int32_t two_products(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
    return may_fail([&]() -> int32_t {
      tg_tensor square = 0;
      tg_status status = tg_mul(inputs[0], inputs[0], &square);
      if (status == TG_OK) status = tg_mul(square, inputs[0], &outs[0]);
      tg_release(square);
      return status;
    });
  }
  static int32_t nested(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
    return may_fail([&]() -> int32_t {
      tg_tensor inner = 0;
      tg_status status = tg_checkpoint(two_products, nullptr, nullptr, inputs, 1, &inner, 1);
      if (status == TG_OK) status = tg_exp(inner, &outs[0]);
      tg_release(inner);
      return status;
    });
  }
  static tg_status checkpointed(World& w, tg_function fn, tg_tensor* out) {
    return tg_checkpoint(fn, &w, nullptr, &w.x, 1, out, 1);
  }
};

inline const std::vector<Scenario>& scenarios_saved() {
  using S = SavedTensors;
  static const std::vector<Scenario> rows = {
      {"tg_saved_tensor_hooks_enter",
       [](World& w) { return S::inside(w, [&] { return S::square(w, w.out()); }); }},
      {"tg_saved_tensor_hooks_enter",
       [](World& w) {
         return S::inside(w, [&] {
           return S::differentiated(w, [&](tg_tensor* out) { return S::square(w, out); });
         });
       }},
      {"tg_saved_tensor_hooks_exit", [](World& w) { return S::inside(w, [] { return TG_OK; }); }},
      {"tg_checkpoint", [](World& w) { return S::checkpointed(w, S::two_products, w.out()); }},
      {"tg_checkpoint",
       [](World& w) {
         return S::differentiated(
             w, [&](tg_tensor* out) { return S::checkpointed(w, S::nested, out); });
       }},
      {"tg_anomaly_mode_enter",
       [](World&) { return World::left(tg_anomaly_mode_enter(), tg_anomaly_mode_exit); }},
      {"tg_anomaly_mode_exit",
       [](World& w) {
         tg_status status = tg_anomaly_mode_enter();
         if (status != TG_OK) return status;
         status = S::differentiated(w, [&](tg_tensor* out) { return S::square(w, out); });
         const tg_status left = tg_anomaly_mode_exit();
         return status != TG_OK ? status : left;
       }},
      {"tg_site_set",
       [](World& w) {
         tg_status status = tg_site_set("world.c", 1);
         if (status != TG_OK) return status;
         status = S::differentiated(w, [&](tg_tensor* out) { return S::square(w, out); });
         const tg_status left = tg_site_set(nullptr, 0);
         return status != TG_OK ? status : left;
       }},
  };
  return rows;
}

}  // namespace calls
