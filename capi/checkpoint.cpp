// SPDX-License-Identifier: MIT
// Functions that backward runs again instead of keeping what they saved.
#include "ops/checkpoint.h"

#include "capi/tensor_function.h"
#include "capi/user_calls.h"
#include "ops/user.h"

namespace tg::capi {

namespace {

struct HostKeptFunction final : KeptFunction, UserData<HostKeptFunction> {
  tg_function fn;

  HostKeptFunction(tg_function its_fn, void* data) : UserData(data, nullptr), fn(its_fn) {}

  void operator()(std::span<const Tensor> inputs, std::span<Tensor> outs) override {
    call_tensor_function(fn, user_data, inputs, outs);
  }
  void end() noexcept override { end_data(); }
};

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_checkpoint(tg_function fn, void* user_data, tg_destructor destructor,
                        const tg_tensor* inputs, size_t count, tg_tensor* outs, size_t out_count) {
  return guarded(__func__, [&] {
    check_pointer(outs, "outs");
    clear_outs(outs, out_count, "outs");
    check_function(fn);
    const TensorPins at(inputs, count, "inputs");
    if (out_count == 0) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "out_count is 0; give at least one");
    }
    Results results(outs, out_count);
    tg::Counted<HostKeptFunction> kept(tg::make_counted<HostKeptFunction>(fn, user_data));
    tg::checkpoint(*kept, at.tensors(), results.tensors());
    // A call that fails keeps nothing, user_data included.
    kept->destructor = destructor;
    results.publish();
  });
}
