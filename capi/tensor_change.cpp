// SPDX-License-Identifier: MIT
// Changing tensors: flags, gradient, name, elements; and copies of them.
#include "autograd/record.h"
#include "autograd/retained.h"
#include "capi/seam.h"
#include "core/extras.h"
#include "ops/ops.h"

namespace tg::capi {

namespace {

constexpr const char* kCloneRemedy =
    "; tg_clone it outside inference mode, or make it outside inference mode";

void change_grad(const Tensor& x, const Tensor& grad) {
  if (!grad) return set_grad(x, {}, false);
  if (x.head() == grad.head()) {
    fail(TG_ERROR_INVALID_ARGUMENT, "grad is the tensor itself; give another tensor");
  }
  check_may_hold_grad(x, grad);
  // A second head without history: no ring x -> .grad -> graph -> x can arise (abi.md 13).
  set_grad(x, detach(grad), true);
}

void keep_grad(const Tensor& x) {
  if (x.is_inference()) {
    fail(TG_ERROR_MODE, Named{x}, " is an inference tensor and gets no gradient", kCloneRemedy);
  }
  // A stale view that is a leaf has nothing to retain (T15).
  const bool idle = x.is_view() && is_stale(*x.head()) && is_leaf(*x.head());
  if (x.is_view() && requires_grad(x) && !idle) use_history("retain_grad", x);
  if (!requires_grad(x)) {
    fail(TG_ERROR_AUTOGRAD, Named{x},
         " does not require grad; call tg_tensor_set_requires_grad "
         "on the tensors it is computed from");
  }
  if (!is_leaf(*x.head())) retain_grad(x);
}

void mark_written(const Tensor& x) {
  check_writable("mark_written", x);
  x.storage().raise_version();
}

template <class F>
tg_status change(const char* function, tg_tensor x, F&& body) {
  return guarded(function, [&] {
    const TensorPin tensor(x, "x");
    body(*tensor);
  });
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;
using tg::Tensor;

tg_status tg_tensor_set_requires_grad(tg_tensor x, int32_t requires_grad) {
  return change(__func__, x, [&](const Tensor& t) {
    tg::set_requires_grad(t, boolean(requires_grad, "requires_grad"));
  });
}
tg_status tg_tensor_set_grad(tg_tensor x, tg_tensor grad) {
  return guarded(__func__, [&] {
    const TensorPin tensor(x, "x");
    const OptionalPin given(grad, "grad");
    change_grad(*tensor, *given);
  });
}
tg_status tg_tensor_set_name(tg_tensor x, const char* name) {
  return guarded(__func__, [&] {
    check_pointer(name, "name");
    const TensorPin tensor(x, "x");
    check_text(name, "name");
    tg::set_name(*tensor, name);
  });
}
tg_status tg_tensor_retain_grad(tg_tensor x) { return change(__func__, x, keep_grad); }
tg_status tg_tensor_mark_written(tg_tensor x) { return change(__func__, x, mark_written); }

tg_status tg_tensor_copy_in(tg_tensor x, const void* buffer, size_t bytes) {
  return change(__func__, x, [&](const Tensor& t) {
    const auto needed = static_cast<size_t>(t.numel() * tg::size_of(t.dtype()));
    if (needed > 0) check_pointer(buffer, "buffer");
    if (bytes != needed) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "bytes is ", bytes, ", ", tg::Named{t}, " has ", needed,
               "; they must be equal");
    }
    tg::copy_in_(t, static_cast<const std::byte*>(buffer));
  });
}

tg_status tg_detach(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::detach, x); }
tg_status tg_detach_(tg_tensor x) { return change(__func__, x, tg::detach_in_place); }
tg_status tg_clone(tg_tensor x, tg_tensor* out) { return call(__func__, out, tg::clone, x); }
tg_status tg_contiguous(tg_tensor x, tg_tensor* out) {
  return call(__func__, out, tg::contiguous, x);
}
tg_status tg_to_dtype(tg_tensor x, int32_t dtype, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin tensor(x, "x");
    *out = handle.publish(tg::to_dtype(*tensor, dtype_of(dtype)));
  });
}
tg_status tg_copy_(tg_tensor x, tg_tensor source) {
  return guarded(__func__, [&] {
    const TensorPin target(x, "x"), from(source, "source");
    tg::copy_(*target, *from);
  });
}
tg_status tg_fill_(tg_tensor x, double value) {
  return change(__func__, x, [&](const Tensor& t) { tg::fill_(t, value); });
}
tg_status tg_fill_int64_(tg_tensor x, int64_t value) {
  return change(__func__, x, [&](const Tensor& t) { tg::fill_int64_(t, value); });
}
tg_status tg_zero_(tg_tensor x) {
  return change(__func__, x, [](const Tensor& t) { tg::fill_(t, 0); });
}
