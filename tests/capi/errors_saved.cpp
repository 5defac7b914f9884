// SPDX-License-Identifier: MIT
// Errors of hooks on saved tensors, checkpoints, anomaly mode and sites.
#include "capi/rows.h"

using namespace capi;

namespace {

int32_t pack(void*, tg_tensor, void** packed) {
  *packed = nullptr;
  return 0;
}
int32_t unpack(void*, void*, tg_tensor*) { return 0; }
int32_t copy(void*, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  return tg_mul(inputs[0], inputs[0], &outs[0]);
}
// Where nothing may be kept, nothing may end either.
void never(void*) { FAIL_CHECK("a destructor after a call that failed"); }

}  // namespace

TEST_CASE("hooks on saved tensors that are refused", "[errors]") {
  const Tensor w = leaf({1, 2});
  Rows rows{w};
  const auto enter = [&](tg_pack_fn p, tg_unpack_fn u, tg_hook* out) {
    return tg_saved_tensor_hooks_enter(p, u, nullptr, nullptr, never, out);
  };
  rows.fails("tg_saved_tensor_hooks_enter", TG_ERROR_INVALID_ARGUMENT, {"pack is NULL"},
             enter(nullptr, unpack, rows.out()));
  rows.fails("tg_saved_tensor_hooks_enter", TG_ERROR_INVALID_ARGUMENT, {"unpack is NULL"},
             enter(pack, nullptr, rows.out()));
  rows.fails("tg_saved_tensor_hooks_enter", TG_ERROR_INVALID_ARGUMENT, {"out is NULL"},
             enter(pack, unpack, nullptr));
  rows.fails("tg_saved_tensor_hooks_exit", TG_ERROR_INVALID_HANDLE, {"hooks is 0"},
             tg_saved_tensor_hooks_exit(0));
  rows.fails("tg_saved_tensor_hooks_exit", TG_ERROR_INVALID_HANDLE, {"hooks is", "wrong kind"},
             tg_saved_tensor_hooks_exit(w));
  tg_hook outer = 0, inner = 0;
  ok(tg_saved_tensor_hooks_enter(pack, unpack, nullptr, nullptr, nullptr, &outer));
  ok(tg_saved_tensor_hooks_enter(pack, unpack, nullptr, nullptr, nullptr, &inner));
  Rows inside{w};
  inside.fails("tg_saved_tensor_hooks_exit", TG_ERROR_MODE, {"not this thread's innermost"},
               tg_saved_tensor_hooks_exit(outer));
  inside.fails("tg_release", TG_ERROR_MODE, {"tg_saved_tensor_hooks_exit"}, tg_release(inner));
  inside.fails("tg_alias", TG_ERROR_UNSUPPORTED, {"saved-tensor hooks", "one owner"},
               tg_alias(inner, inside.out()));
  ok(tg_saved_tensor_hooks_exit(inner));
  // Those of a caller are not left in its callback.
  static tg_hook around;
  around = outer;
  ok(tg_inference_mode_call(
      0,
      [](void*) -> int32_t {
        fails(tg_saved_tensor_hooks_exit(around), TG_ERROR_MODE, {"outside the callback"});
        return 0;
      },
      nullptr));
  ok(tg_saved_tensor_hooks_exit(outer));
  rows.fails("tg_saved_tensor_hooks_exit", TG_ERROR_INVALID_HANDLE, {"hooks is"},
             tg_saved_tensor_hooks_exit(outer));
}

TEST_CASE("checkpoints that are refused", "[errors]") {
  const Tensor w = leaf({1, 2}), y = make(tg_mul_scalar, w, 1.0);
  const Tensor i0 = of_kind("i0", {1, 2}, {2});
  Rows rows{w, i0};
  const auto run = [&](tg_function fn, tg_tensor input, tg_tensor* outs, size_t n = 1) {
    const tg_tensor inputs[] = {input};
    return tg_checkpoint(fn, nullptr, never, inputs, 1, outs, n);
  };
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_ARGUMENT, {"fn is NULL"},
             run(nullptr, w, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_ARGUMENT, {"outs is NULL"}, run(copy, w, nullptr));
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_ARGUMENT, {"inputs is NULL"},
             tg_checkpoint(copy, nullptr, never, nullptr, 1, rows.out(), 1));
  tg_tensor none = 0;
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_ARGUMENT, {"out_count is 0"},
             run(copy, w, &none, 0));
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_HANDLE, {"inputs[0] is 0"},
             run(copy, 0, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_INVALID_HANDLE, {"outs[0] is"},
             run(
                 [](void*, const tg_tensor*, size_t, tg_tensor* outs, size_t) -> int32_t {
                   outs[0] = UINT64_MAX;
                   return 0;
                 },
                 w, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_CALLBACK, {"fn returned 3"},
             run([](void*, const tg_tensor*, size_t, tg_tensor*, size_t) -> int32_t { return 3; },
                 w, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_CALLBACK, {"no tensor in outs[0]"},
             run([](void*, const tg_tensor*, size_t, tg_tensor*, size_t) -> int32_t { return 0; },
                 w, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_MODE, {"fn left the modes"},
             run(
                 [](void*, const tg_tensor* in, size_t, tg_tensor* outs, size_t) -> int32_t {
                   tg_no_grad_enter();
                   return tg_mul(in[0], in[0], &outs[0]);
                 },
                 w, rows.out()));
  static tg_tensor param;
  param = w;
  rows.fails("tg_checkpoint", TG_ERROR_MODE, {"inference tensor", kClone},
             run(
                 [](void*, const tg_tensor* in, size_t, tg_tensor* outs, size_t) -> int32_t {
                   tg_tensor square = 0;
                   const tg_status status = tg_mul(param, param, &square);
                   tg_tensor copy_of_input = 0;
                   tg_clone(in[0], &copy_of_input);
                   tg_release(copy_of_input);
                   outs[0] = square;
                   return status;
                 },
                 i0, rows.out()));
  rows.fails("tg_checkpoint", TG_ERROR_UNSUPPORTED, {"inputs[0]", "in place", kClone},
             run(
                 [](void*, const tg_tensor* in, size_t, tg_tensor* outs, size_t) -> int32_t {
                   tg_mul_(in[0], in[0]);
                   return tg_exp(in[0], &outs[0]);
                 },
                 y, rows.out()));
}

TEST_CASE("anomaly mode and sites that are refused", "[errors]") {
  Rows rows;
  rows.fails("tg_anomaly_mode_exit", TG_ERROR_MODE, {"is not on"}, tg_anomaly_mode_exit());
  ok(tg_anomaly_mode_enter());
  rows.fails("tg_anomaly_mode_enter", TG_ERROR_MODE, {"is on already"}, tg_anomaly_mode_enter());
  ok(tg_anomaly_mode_exit());
  rows.fails("tg_site_set", TG_ERROR_INVALID_ARGUMENT, {"line is -1"}, tg_site_set("a.c", -1));
  rows.fails("tg_site_set", TG_ERROR_INVALID_ARGUMENT, {"line is -1"}, tg_site_set(nullptr, -1));
  rows.fails("tg_site_set", TG_ERROR_INVALID_ARGUMENT, {"file", "UTF-8"}, tg_site_set("\xff", 1));
}
