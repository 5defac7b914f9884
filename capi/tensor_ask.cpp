// SPDX-License-Identifier: MIT
// Asking tensors: sizes, flags, elements, text, gradient and past.
#include "autograd/record.h"
#include "capi/seam.h"
#include "core/extras.h"
#include "io/format.h"
#include "kernels/strided.h"
#include "ops/ops.h"

namespace tg::capi {

namespace {

template <class T, class F>
tg_status ask(const char* function, tg_tensor x, T* out, F&& question) {
  return guarded_always(function, [&] {
    check_out(out, "out");
    const TensorPin tensor(x, "x");
    *out = static_cast<T>(question(*tensor));
  });
}

void put_sizes(const int64_t* from, int32_t n, int64_t* to, int32_t capacity, int32_t* rank) {
  check_out(rank, "rank");
  if (capacity < 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "capacity is ", capacity, "; it must not be negative");
  }
  if (to == nullptr && capacity > 0) fail_null("the array");
  if (to != nullptr && capacity < n) {
    *rank = n;
    fail(TG_ERROR_LIMIT, "the tensor has rank ", n, ", the array has room for ", capacity,
         "; give a larger array");
  }
  for (int32_t d = 0; to != nullptr && d < n; ++d) to[d] = from[d];
  *rank = n;
}

double item_of(const Tensor& x) {
  return with_dtype(x.dtype(), [&]<class T>() -> double {
    if constexpr (std::is_same_v<T, bool>) {  // the host's memory may hold any byte
      return *reinterpret_cast<const uint8_t*>(x.data()) != 0 ? 1 : 0;
    }
    const T value = *reinterpret_cast<const T*>(x.data());
    if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
      return to_float(value);
    } else {
      if constexpr (std::is_same_v<T, int64_t>) {
        const auto number = static_cast<double>(value);
        if (number >= 0x1p63 || static_cast<int64_t>(number) != value) {
          fail(TG_ERROR_DTYPE, "the element is ", value,
               ", which a double cannot hold; use "
               "tg_tensor_item_int64");
        }
      }
      return static_cast<double>(value);
    }
  });
}

// grad_fn=<MulBackward> or requires_grad=True, as PyTorch prints at the end.
void describe_past(const Tensor& x, char* buffer, size_t capacity) {
  Message text(buffer, capacity);
  if (x.is_view() && is_behind(*x.head())) renew_history(x);
  const Edge edge = take_edge(*x.head());
  if (edge && !is_accumulator(edge.node())) {
    text << "grad_fn=<" << operator_of(*edge.node()).name << "Backward>";
  } else if (requires_grad(x)) {
    text << "requires_grad=True";
  }
  if (edge) let_go(edge.node());
}

void check_single(const Tensor& x) {
  if (x.numel() != 1) {
    fail(TG_ERROR_SHAPE, Named{x}, " has ", x.numel(),
         " elements, not one; use "
         "tg_tensor_copy_out, or select one element");
  }
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;
using tg::Tensor;

tg_status tg_tensor_dtype(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return static_cast<int32_t>(t.dtype()); });
}
tg_status tg_tensor_rank(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.rank(); });
}
tg_status tg_tensor_shape(tg_tensor x, int64_t* shape, int32_t capacity, int32_t* rank) {
  return guarded_always(__func__, [&] {
    check_out(rank, "rank");
    const TensorPin t(x, "x");
    put_sizes(t->sizes(), t->rank(), shape, capacity, rank);
  });
}
tg_status tg_tensor_strides(tg_tensor x, int64_t* strides, int32_t capacity, int32_t* rank) {
  return guarded_always(__func__, [&] {
    check_out(rank, "rank");
    const TensorPin t(x, "x");
    put_sizes(t->strides(), t->rank(), strides, capacity, rank);
  });
}
tg_status tg_tensor_storage_offset(tg_tensor x, int64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.offset(); });
}
tg_status tg_tensor_size(tg_tensor x, int64_t dim, int64_t* out) {
  return ask(__func__, x, out, [&](const Tensor& t) {
    if (t.rank() == 0) tg::fail(TG_ERROR_INDEX, "dim is ", dim, "; a tensor of rank 0 has none");
    return t.size(tg::wrap_dim(dim, t.rank()));
  });
}
tg_status tg_tensor_numel(tg_tensor x, int64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.numel(); });
}
tg_status tg_tensor_nbytes(tg_tensor x, uint64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.numel() * tg::size_of(t.dtype()); });
}
tg_status tg_tensor_data(tg_tensor x, void** out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const TensorPin t(x, "x");
    // From now on the caller may write: nothing may be cached by content any more.
    t->storage().extent.fetch_or(tg::Storage::kEscaped, std::memory_order_relaxed);
    *out = t->data();
  });
}
tg_status tg_tensor_storage_nbytes(tg_tensor x, uint64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.storage().bytes(); });
}
tg_status tg_tensor_storage_id(tg_tensor x, uint64_t* out) {
  return ask(__func__, x, out,
             [](const Tensor& t) { return reinterpret_cast<uintptr_t>(&t.storage()) >> 4; });
}
tg_status tg_tensor_copy_out(tg_tensor x, void* buffer, size_t bytes) {
  return guarded_always(__func__, [&] {
    const TensorPin t(x, "x");
    const auto needed = static_cast<size_t>(t->numel() * tg::size_of(t->dtype()));
    if (needed > 0) check_pointer(buffer, "buffer");
    if (bytes != needed) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "bytes is ", bytes, ", ", tg::Named{*t}, " has ", needed,
               "; they must be equal");
    }
    tg::copy_out(*t, static_cast<std::byte*>(buffer));
  });
}
tg_status tg_tensor_item(tg_tensor x, double* out) {
  return ask(__func__, x, out, [](const Tensor& t) {
    check_single(t);
    return item_of(t);
  });
}
tg_status tg_tensor_item_int64(tg_tensor x, int64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) {
    if (tg::is_floating(t.dtype())) {
      tg::fail(TG_ERROR_DTYPE, tg::Named{t},
               " is floating; use tg_tensor_item, or convert it by "
               "tg_to_dtype");
    }
    check_single(t);
    int64_t value = 0;
    const int64_t stride = 1, size = 1;
    tg::kernels::copy(tg::DType::int64, &value, &stride, t.dtype(), t.data(), &stride, &size, 1);
    return value;
  });
}
tg_status tg_tensor_format(tg_tensor x, char* buffer, size_t capacity, size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const TensorPin t(x, "x");
    char past[128];
    describe_past(*t, past, sizeof past);
    const tg::String text = tg::format_tensor(*t, past);
    put_text({text.data(), text.size()}, buffer, capacity, length);
  });
}
tg_status tg_tensor_is_contiguous(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.row_major(); });
}
tg_status tg_tensor_is_view(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.is_view(); });
}
tg_status tg_tensor_is_leaf(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return tg::is_leaf(*t.head()); });
}
tg_status tg_tensor_is_inference(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return t.is_inference(); });
}
tg_status tg_tensor_requires_grad(tg_tensor x, int32_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) { return tg::requires_grad(t); });
}
tg_status tg_tensor_version(tg_tensor x, int64_t* out) {
  return ask(__func__, x, out, [](const Tensor& t) {
    if (t.is_inference()) {
      tg::fail(TG_ERROR_MODE, tg::Named{t},
               " is an inference tensor, whose version is not "
               "tracked; ask tg_tensor_is_inference first, or tg_clone it outside inference mode");
    }
    return t.storage().version.load(std::memory_order_relaxed);
  });
}
tg_status tg_tensor_grad(tg_tensor x, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin t(x, "x");
    if (Tensor grad = tg::grad_of(*t)) *out = handle.publish(std::move(grad));
  });
}
tg_status tg_tensor_grad_fn(tg_tensor x, tg_node* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const TensorPin t(x, "x");
    if (t->is_view()) tg::use_history("grad_fn", *t);
    const tg::Edge edge = tg::take_edge(*t->head());
    if (!edge) return;
    if (tg::is_accumulator(edge.node())) {
      tg::let_go(edge.node());
      return;
    }
    *out = handle.publish(Kind::node, edge.node(), true);
  });
}
tg_status tg_tensor_name(tg_tensor x, char* buffer, size_t capacity, size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const TensorPin t(x, "x");
    const tg::String name = tg::name_of_tensor(*t->head());
    put_text({name.data(), name.size()}, buffer, capacity, length);
  });
}
