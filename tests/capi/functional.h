// SPDX-License-Identifier: MIT
// Functions of tensors as C++ lambdas, for the calls that take one.
#pragma once

#include <functional>

#include "capi/rows.h"

namespace capi {

using Tensors = std::vector<tg_tensor>;
using HostFunction = std::function<tg_status(const tg_tensor* inputs, tg_tensor* outs)>;

inline int32_t run_host(void* user_data, const tg_tensor* inputs, size_t, tg_tensor* outs, size_t) {
  return (*static_cast<HostFunction*>(user_data))(inputs, outs);
}
inline void* data_of(const HostFunction& fn) { return const_cast<HostFunction*>(&fn); }

inline std::vector<Tensor> taken(const std::vector<tg_handle>& handles) {
  std::vector<Tensor> list;
  for (const tg_handle handle : handles) list.emplace_back(handle);
  return list;
}

struct Product {
  std::vector<Tensor> outs, found;
};
// The status of a call that must succeed is checked; cotangents empty: NULL.
inline Product vjp(const HostFunction& fn, const Tensors& inputs, const Tensors& cotangents,
                   size_t out_count = 1) {
  std::vector<tg_handle> outs(out_count), grads(inputs.size());
  ok(tg_vjp(run_host, data_of(fn), inputs.data(), inputs.size(),
            cotangents.empty() ? nullptr : cotangents.data(), outs.data(), out_count,
            grads.data()));
  return {taken(outs), taken(grads)};
}
inline Product jvp(const HostFunction& fn, const Tensors& inputs, const Tensors& tangents,
                   size_t out_count = 1) {
  std::vector<tg_handle> outs(out_count), found(out_count);
  ok(tg_jvp(run_host, data_of(fn), inputs.data(), tangents.data(), inputs.size(), outs.data(),
            found.data(), out_count));
  return {taken(outs), taken(found)};
}
inline std::vector<Tensor> hvp(const HostFunction& fn, const Tensors& inputs,
                               const Tensors& vectors) {
  std::vector<tg_handle> outs(inputs.size());
  ok(tg_hvp(run_host, data_of(fn), inputs.data(), vectors.data(), inputs.size(), outs.data()));
  return taken(outs);
}

}  // namespace capi
