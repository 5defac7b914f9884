// SPDX-License-Identifier: MIT
// Making tensors: from data, from memory of the host, from numbers, from a generator.
#include "autograd/record.h"
#include "capi/host_memory.h"
#include "capi/objects.h"
#include "capi/seam.h"
#include "kernels/random.h"
#include "ops/ops.h"
#include "ops/random.h"

namespace tg::capi {

namespace {

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
  return guarded_always(__func__, [&] {
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
