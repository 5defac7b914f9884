// SPDX-License-Identifier: MIT
// Derivatives of a host's functions of tensors: vjp, jvp, hvp, and the check of gradients.
#include "ops/functional.h"

#include <cmath>

#include "capi/tensor_function.h"
#include "ops/gradcheck.h"

namespace tg::capi {

namespace {

class HostTensorFunction final : public TensorFunction {
 public:
  HostTensorFunction(tg_function fn, void* user_data) : fn_(fn), user_data_(user_data) {}

  void operator()(std::span<const Tensor> inputs, std::span<Tensor> outs) override {
    call_tensor_function(fn_, user_data_, inputs, outs);
  }

 private:
  tg_function fn_;
  void* user_data_;
};

void check_count(size_t count, const char* what) {
  if (count == 0) fail(TG_ERROR_INVALID_ARGUMENT, what, " is 0; give at least one");
}

// A setting of gradcheck: 0 takes the usual value.
double setting(double value, const char* what, double usual) {
  if (!(value >= 0) || std::isinf(value)) {
    fail(TG_ERROR_INVALID_ARGUMENT, what, " is ", value,
         "; give a positive number, or 0 for the usual ", usual);
  }
  return value != 0 ? value : usual;
}

void clear_results(tg_tensor* places, size_t count, const char* what) {
  check_pointer(places, what);
  clear_outs(places, count, what);
}
void clear_unwanted(tg_tensor* places, size_t count) {
  if (places != nullptr) clear_outs(places, count, "outs");
}

}  // namespace

void call_tensor_function(tg_function fn, void* user_data, std::span<const Tensor> inputs,
                          std::span<Tensor> outs) {
  const LentHandles lent(inputs);
  GivenHandles given(outs.size());
  {
    Callback callback;
    callback.check(fn(user_data, lent.data(), inputs.size(), given.places(), outs.size()), "fn");
  }
  for (size_t i = 0; i < outs.size(); ++i) {
    if (given[i] == 0) {
      fail(TG_ERROR_CALLBACK, "fn returned 0 but gave no tensor in outs[", i, "]; set each of its ",
           outs.size(), " outs");
    }
    char text[64];
    Message(text, sizeof text) << "outs[" << i << ']';
    outs[i] = *TensorPin(given[i], text);
  }
}

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_vjp(tg_function fn, void* user_data, const tg_tensor* inputs, size_t count,
                 const tg_tensor* cotangents, tg_tensor* outs, size_t out_count, tg_tensor* grads) {
  return guarded(__func__, [&] {
    clear_unwanted(outs, out_count);
    clear_results(grads, count, "grads");
    check_function(fn);
    const TensorPins at(inputs, count, "inputs");
    const TensorPins weights(cotangents, cotangents != nullptr ? out_count : 0, "cotangents", true);
    check_count(count, "count");
    check_count(out_count, "out_count");
    Results values(outs, out_count), found(grads, count);
    HostTensorFunction host(fn, user_data);
    tg::vjp(host, at.tensors(), weights.tensors(), values.tensors(), found.tensors());
    values.publish();
    found.publish();
  });
}

tg_status tg_jvp(tg_function fn, void* user_data, const tg_tensor* inputs,
                 const tg_tensor* tangents, size_t count, tg_tensor* outs, tg_tensor* out_tangents,
                 size_t out_count) {
  return guarded(__func__, [&] {
    clear_unwanted(outs, out_count);
    clear_results(out_tangents, out_count, "out_tangents");
    check_function(fn);
    const TensorPins at(inputs, count, "inputs");
    const TensorPins along(tangents, count, "tangents", true);
    check_count(count, "count");
    check_count(out_count, "out_count");
    Results values(outs, out_count), found(out_tangents, out_count);
    HostTensorFunction host(fn, user_data);
    tg::jvp(host, at.tensors(), along.tensors(), values.tensors(), found.tensors());
    values.publish();
    found.publish();
  });
}

tg_status tg_hvp(tg_function fn, void* user_data, const tg_tensor* inputs, const tg_tensor* vectors,
                 size_t count, tg_tensor* outs) {
  return guarded(__func__, [&] {
    clear_results(outs, count, "outs");
    check_function(fn);
    const TensorPins at(inputs, count, "inputs");
    const TensorPins along(vectors, count, "vectors", true);
    check_count(count, "count");
    Results found(outs, count);
    HostTensorFunction host(fn, user_data);
    tg::hvp(host, at.tensors(), along.tensors(), found.tensors());
    found.publish();
  });
}

tg_status tg_gradcheck(tg_function fn, void* user_data, const tg_tensor* inputs, size_t count,
                       size_t out_count, int32_t order, double eps, double atol, double rtol,
                       int32_t* passed, char* report, size_t capacity, size_t* length) {
  return guarded(__func__, [&] {
    check_out(passed, "passed");
    if (report == nullptr && capacity > 0) fail_null("report");
    check_function(fn);
    const TensorPins at(inputs, count, "inputs");
    check_count(count, "count");
    check_count(out_count, "out_count");
    if (order != 1 && order != 2) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "order is ", order, "; give 1 or 2");
    }
    const tg::Gradcheck settings{order, setting(eps, "eps", 1e-6), setting(atol, "atol", 1e-5),
                                 setting(rtol, "rtol", 1e-3)};
    HostTensorFunction host(fn, user_data);
    tg::String text;
    const bool agree = tg::gradcheck(host, at.tensors(), out_count, settings, text);
    put_text({text.data(), text.size()}, report, capacity, length);
    *passed = agree ? 1 : 0;
  });
}
