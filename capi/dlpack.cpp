// SPDX-License-Identifier: MIT
// DLPack in both directions. What goes out holds its tensor until the other library calls the
// deleter; what comes in is memory of the host whose deleter is the struct's own.
#include "capi/dlpack.h"

#include "autograd/record.h"
#include "capi/host_memory.h"
#include "capi/seam.h"
#include "capi/user_calls.h"
#include "io/dlpack.h"
#include "ops/ops.h"

namespace tg::capi {

namespace {

using io::dlpack::Managed;
using io::dlpack::ManagedVersioned;
using io::dlpack::View;

constinit std::atomic<uint64_t> exported{0};

// ---- out ----

// One block: the struct that goes out first, and behind this the sizes and strides.
template <class M>
struct Exported {
  M managed;
  Tensor tensor;

  static size_t bytes(int rank) { return sizeof(Exported) + 16 * static_cast<size_t>(rank); }
};

// Called by the other library, once, on any thread.
template <class M>
void end_export(M* managed) {
  if (managed == nullptr) return;
  const ErrnoKeeper keep;
  auto* mine = static_cast<Exported<M>*>(managed->context);
  const size_t bytes = Exported<M>::bytes(mine->tensor.rank());
  mine->~Exported();
  give_back(mine, bytes);
  exported.fetch_sub(1, std::memory_order_release);  // last: tg_shutdown may follow
}

template <class M>
void* export_as(Tensor x, M managed) {
  const int rank = x.rank();
  auto* mine = static_cast<Exported<M>*>(take(Exported<M>::bytes(rank)));
  auto* sizes = reinterpret_cast<int64_t*>(mine + 1);
  for (int d = 0; d < rank; ++d) {
    sizes[d] = x.size(d);
    sizes[rank + d] = x.stride(d);
  }
  managed.view = {x.data(), {io::dlpack::kCpu, 0}, rank, io::dlpack::type_of(x.dtype()),
                  sizes,    sizes + rank,          0};
  managed.context = mine;
  managed.deleter = end_export<M>;
  // From now on others may write: nothing may be cached by content any more.
  x.storage().extent.fetch_or(Storage::kEscaped, std::memory_order_relaxed);
  new (mine) Exported<M>{managed, std::move(x)};
  exported.fetch_add(1, std::memory_order_relaxed);
  return &mine->managed;
}

void* to_dlpack(const Tensor& x, uint32_t flags) {
  const bool versioned = (flags & TG_DLPACK_VERSIONED) != 0;
  const bool copies = (flags & TG_DLPACK_COPY) != 0;
  if (requires_grad(x)) {
    fail_operand(TG_ERROR_AUTOGRAD, 0, "x, ", Named{x},
                 ", requires grad, which DLPack cannot carry; give its tg_detach");
  }
  const bool read_only = x.storage().is_read_only() && !copies;
  if (read_only && !versioned) {
    fail_operand(TG_ERROR_UNSUPPORTED, 0, "x, ", Named{x},
                 ", is read-only memory, which the legacy form cannot say; give "
                 "TG_DLPACK_VERSIONED or TG_DLPACK_COPY");
  }
  Tensor shared = x;
  if (copies) {
    shared = make_tensor(x.dtype(), x.sizes(), x.rank());
    copy_elements(shared, x);
    make_bools_sound(shared);
  }
  if (!versioned) return export_as(std::move(shared), Managed{});
  ManagedVersioned managed{};
  managed.version = {io::dlpack::kMajor, io::dlpack::kMinor};
  managed.flags = (read_only ? io::dlpack::kReadOnly : 0) | (copies ? io::dlpack::kIsCopied : 0);
  return export_as(std::move(shared), managed);
}

// ---- in ----

// Ends a struct of the other library.
template <class M>
void end_import(void* struct_of_host, void*) {
  auto* managed = static_cast<M*>(struct_of_host);
  managed->deleter(managed);
}

DType dtype_of(const View& view) {
  DType dtype{};
  if (!io::dlpack::dtype_of(view.type, &dtype)) {
    fail(TG_ERROR_UNSUPPORTED, "the tensor's type has code ", view.type.code, ", ", view.type.bits,
         " bits and ", view.type.lanes,
         " lanes, which no dtype has: they are float 16, 32, 64 (code 2), bfloat 16 (4), int 8 to "
         "64 (0), uint 8 (1) and bool 8 (6), of 1 lane");
  }
  return dtype;
}

Layout layout_of(const View& view, DType dtype) {
  if (view.rank > 0) check_pointer(view.shape, "the tensor's shape");
  Layout layout;
  layout.shape = shape_of(view.shape, view.rank, dtype);
  if (view.strides == nullptr) {
    row_major_strides(layout.shape.sizes, layout.shape.rank, layout.strides);
  } else {
    for (int d = 0; d < layout.shape.rank; ++d) layout.strides[d] = view.strides[d];
  }
  return layout;
}

template <class M>
Tensor import_view(M& managed, bool read_only, bool copies) {
  const View& view = managed.view;
  if (view.device.type != io::dlpack::kCpu) {
    fail(TG_ERROR_UNSUPPORTED, "the tensor is on a device of type ", view.device.type,
         "; only the CPU's (1) is read, so bring it there first");
  }
  const DType dtype = dtype_of(view);
  const Layout layout = layout_of(view, dtype);
  const auto address = reinterpret_cast<uintptr_t>(view.data);
  if (view.byte_offset > UINTPTR_MAX - address) {
    fail(TG_ERROR_INVALID_ARGUMENT, "the tensor's byte_offset is ", view.byte_offset,
         ", which leaves the address space");
  }
  void* data = view.data != nullptr ? static_cast<char*>(view.data) + view.byte_offset : nullptr;
  const uint32_t flags = read_only ? TG_READ_ONLY : 0;
  const bool ends = managed.deleter != nullptr;
  if (!copies) return borrow(data, dtype, layout, flags, ends ? end_import<M> : nullptr, &managed);
  const Tensor lent = borrow(data, dtype, layout, flags, nullptr, nullptr);
  Tensor copy = make_tensor(dtype, lent.sizes(), lent.rank());
  copy_elements(copy, lent);
  make_bools_sound(copy);
  if (ends) call_user("deleter", [&] { managed.deleter(&managed); });
  return copy;
}

Tensor from_dlpack(void* managed, uint32_t flags) {
  const bool copies = (flags & TG_DLPACK_COPY) != 0;
  if ((flags & TG_DLPACK_VERSIONED) == 0) {
    return import_view(*static_cast<Managed*>(managed), false, copies);
  }
  auto& versioned = *static_cast<ManagedVersioned*>(managed);
  if (versioned.version.major != io::dlpack::kMajor) {  // nothing behind it may be read then
    fail(TG_ERROR_UNSUPPORTED, "the tensor is of DLPack ", versioned.version.major, ".",
         versioned.version.minor, "; versions 1.x are read");
  }
  return import_view(versioned, (versioned.flags & io::dlpack::kReadOnly) != 0, copies);
}

constexpr uint32_t kFlags = TG_DLPACK_VERSIONED | TG_DLPACK_COPY;

}  // namespace

uint64_t exported_tensors() noexcept { return exported.load(std::memory_order_acquire); }

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_to_dlpack(tg_tensor x, uint32_t flags, void** managed_tensor) {
  return guarded(__func__, [&] {
    check_out(managed_tensor, "managed_tensor");
    const TensorPin tensor(x, "x");
    check_flags(flags, kFlags);
    *managed_tensor = to_dlpack(*tensor, flags);
  });
}

tg_status tg_from_dlpack(void* managed_tensor, uint32_t flags, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    check_pointer(managed_tensor, "managed_tensor");
    check_flags(flags, kFlags);
    NewHandle handle;
    *out = handle.publish(from_dlpack(managed_tensor, flags));
  });
}
