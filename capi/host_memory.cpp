// SPDX-License-Identifier: MIT
#include "capi/host_memory.h"

#include "base/checked.h"
#include "capi/seam.h"
#include "capi/user_calls.h"

namespace tg::capi {

namespace {

// The host's memory behind a storage, until its deleter has run.
struct HostMemory final : Owner, Deferred {
  tg_deleter deleter;
  void* user_data;
  void* data;  // as the caller gave it
};

void end_host_memory(Deferred* self) noexcept {
  auto* memory = static_cast<HostMemory*>(self);
  call_user("deleter", [&] { memory->deleter(memory->user_data, memory->data); });
  give_back(memory, sizeof(HostMemory));
}

void release_host_memory(const Owner* owner, std::byte*) noexcept {
  defer(const_cast<HostMemory*>(static_cast<const HostMemory*>(owner)));
}

// What a borrowed layout covers: bytes from its lowest to past its highest element.
struct Extent {
  int64_t below;  // elements before the first one
  int64_t bytes;
};
Extent extent_of(const Layout& layout, int64_t item) {
  int64_t below = 0, above = 0;
  for (int d = 0; d < layout.shape.rank; ++d) {
    if (layout.shape[d] == 0) return {0, 0};
    int64_t reach = 0;
    int64_t& side = layout.strides[d] < 0 ? below : above;
    if (!checked_multiply(layout.shape[d] - 1, layout.strides[d], &reach) ||
        !checked_add(side, reach, &side)) {
      fail(TG_ERROR_SHAPE, "shape ", layout.shape,
           " with these strides reaches past 2^63 - 1 elements; strides count elements, not bytes");
    }
  }
  int64_t bytes = 0;
  if (below == INT64_MIN || !checked_add(above, -below, &bytes) || !checked_add(bytes, 1, &bytes) ||
      !checked_multiply(bytes, item, &bytes) || bytes > static_cast<int64_t>(Storage::kBytesMask)) {
    fail(TG_ERROR_SHAPE, "shape ", layout.shape,
         " with these strides covers more memory than an "
         "address space holds; strides count elements, not bytes");
  }
  return {-below, bytes};
}

}  // namespace

Tensor borrow(void* data, DType dtype, const Layout& given, uint32_t flags, tg_deleter deleter,
              void* user_data) {
  Layout layout = given;
  const int64_t item = size_of(dtype);
  const Extent extent = extent_of(layout, item);
  if (data == nullptr && extent.bytes > 0) fail_null("data");
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(item) != 0) {
    fail(TG_ERROR_INVALID_ARGUMENT, "data is not aligned to the ", item, " bytes of dtype ", dtype,
         "; align it, or copy it by tg_tensor_create");
  }
  const auto address = reinterpret_cast<uintptr_t>(data);
  const auto below = static_cast<uintptr_t>(extent.below * item);
  if (below > address || static_cast<uintptr_t>(extent.bytes) > UINTPTR_MAX - (address - below)) {
    fail(TG_ERROR_SHAPE, "shape ", layout.shape,
         " with these strides leaves the address space; strides count elements, not bytes");
  }
  layout.offset = extent.below;
  HostMemory* owner = nullptr;
  struct Guard {
    HostMemory*& memory;
    ~Guard() {
      if (memory != nullptr) give_back(memory, sizeof(HostMemory));
    }
  } guard{owner};
  if (deleter != nullptr) {
    owner = new (take(sizeof(HostMemory))) HostMemory{};
    owner->release = release_host_memory;
    owner->next = nullptr;
    owner->run = end_host_memory;
    owner->deleter = deleter;
    owner->user_data = user_data;
    owner->data = data;
  }
  Tensor x = make_borrowed(static_cast<std::byte*>(data) - extent.below * item, dtype, layout,
                           extent.bytes, owner, (flags & TG_READ_ONLY) != 0);
  owner = nullptr;
  return x;
}

}  // namespace tg::capi
