// SPDX-License-Identifier: MIT
// Making tensors: from data, from memory of the host, from numbers, from a generator.
#include "autograd/record.h"
#include "capi/objects.h"
#include "capi/seam.h"
#include "capi/user_calls.h"
#include "kernels/random.h"
#include "ops/ops.h"
#include "ops/random.h"

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

// A function that makes one tensor from a dtype and a shape.
template <class F>
tg_status make(const char* function, tg_tensor* out, int32_t dtype, const int64_t* shape,
               int32_t rank, F&& body) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const DType type = dtype_of(dtype);
    *out = handle.publish(body(type, shape_of(shape, rank, type)));
  });
}

template <class F>
tg_status make_plain(const char* function, tg_tensor* out, F&& body) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    *out = handle.publish(body());
  });
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_tensor_create(const void* data, int32_t dtype, const int64_t* shape, int32_t rank,
                           int32_t requires_grad, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    const bool wants_grad = boolean(requires_grad, "requires_grad");
    if (wants_grad && !tg::is_floating(type)) {
      tg::fail(TG_ERROR_DTYPE, "a tensor of dtype ", type,
               " cannot require grad: only floating "
               "dtypes can");
    }
    tg::Tensor x = tg::zeros(type, sizes);
    if (data != nullptr && x.storage().bytes() > 0) {
      std::memcpy(x.data(), data, static_cast<size_t>(x.storage().bytes()));
      tg::make_bools_sound(x);
    }
    if (wants_grad) tg::set_requires_grad(x, true);
    return x;
  });
}

tg_status tg_tensor_from_memory(void* data, int32_t dtype, const int64_t* shape,
                                const int64_t* strides, int32_t rank, uint32_t flags,
                                tg_deleter deleter, void* user_data, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    check_flags(flags, TG_READ_ONLY);
    tg::Layout layout;
    layout.shape = sizes;
    if (strides == nullptr) {
      tg::row_major_strides(sizes.sizes, sizes.rank, layout.strides);
    } else {
      for (int d = 0; d < sizes.rank; ++d) layout.strides[d] = strides[d];
    }
    return borrow(data, type, layout, flags, deleter, user_data);
  });
}

tg_status tg_scalar(double value, int32_t dtype, tg_tensor* out) {
  return make_plain(__func__, out, [&] { return tg::scalar(value, dtype_of(dtype)); });
}
tg_status tg_empty(int32_t dtype, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, tg::zeros);
}
tg_status tg_zeros(int32_t dtype, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, tg::zeros);
}
tg_status tg_ones(int32_t dtype, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, tg::ones);
}
tg_status tg_full(double value, int32_t dtype, const int64_t* shape, int32_t rank, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank,
              [&](tg::DType type, const tg::Shape& sizes) { return tg::full(type, sizes, value); });
}
tg_status tg_full_int64(int64_t value, int32_t dtype, const int64_t* shape, int32_t rank,
                        tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    return tg::full_int64(type, sizes, value);
  });
}
tg_status tg_eye(int32_t dtype, int64_t rows, int64_t columns, tg_tensor* out) {
  return make_plain(__func__, out, [&] { return tg::eye(dtype_of(dtype), rows, columns); });
}
tg_status tg_arange(double start, double end, double step, int32_t dtype, tg_tensor* out) {
  return make_plain(__func__, out, [&] { return tg::arange(start, end, step, dtype_of(dtype)); });
}
tg_status tg_zeros_like(tg_tensor x, tg_tensor* out) {
  return call(__func__, out, tg::zeros_like, x);
}
tg_status tg_ones_like(tg_tensor x, tg_tensor* out) {
  return call(__func__, out, tg::ones_like, x);
}

// ---- random numbers ----

tg_status tg_manual_seed(uint64_t seed) {
  return guarded(__func__, [&] { tg::default_generator().set(seed, 0); });
}

tg_status tg_generator_create(uint64_t seed, tg_generator* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    auto* object = make_object<tg::Generator>(Kind::generator);
    object->value.set(seed, 0);
    *out = handle.publish(Kind::generator, static_cast<Object*>(object));
  });
}

tg_status tg_generator_state_get(tg_generator generator, uint64_t* seed, uint64_t* offset) {
  return guarded(__func__, [&] {
    check_out(seed, "seed");
    check_out(offset, "offset");
    const GeneratorPin pin(generator);
    pin->get(seed, offset);
  });
}

tg_status tg_generator_state_set(tg_generator generator, uint64_t seed, uint64_t offset) {
  return guarded(__func__, [&] {
    const GeneratorPin pin(generator);
    pin->set(seed, offset);
  });
}

tg_status tg_rand(tg_generator generator, int32_t dtype, const int64_t* shape, int32_t rank,
                  tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    const GeneratorPin pin(generator);
    return tg::rand(*pin, type, sizes);
  });
}
tg_status tg_randn(tg_generator generator, int32_t dtype, const int64_t* shape, int32_t rank,
                   tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    const GeneratorPin pin(generator);
    return tg::randn(*pin, type, sizes);
  });
}
tg_status tg_randint(tg_generator generator, int64_t low, int64_t high, int32_t dtype,
                     const int64_t* shape, int32_t rank, tg_tensor* out) {
  return make(__func__, out, dtype, shape, rank, [&](tg::DType type, const tg::Shape& sizes) {
    const GeneratorPin pin(generator);
    return tg::randint(*pin, low, high, type, sizes);
  });
}
tg_status tg_randperm(tg_generator generator, int64_t n, tg_tensor* out) {
  return make_plain(__func__, out, [&] {
    const GeneratorPin pin(generator);
    return tg::randperm(*pin, n);
  });
}
