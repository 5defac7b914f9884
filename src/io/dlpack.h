// SPDX-License-Identifier: MIT
// The structs of DLPack, by which libraries hand tensors to each other in one process
// (github.com/dmlc/dlpack, include/dlpack/dlpack.h): the legacy form of versions 0.x and the
// versioned one of 1.x. Names are our own; tests/house/dlpack.sh compares them with both headers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/dtype.h"

namespace tg::io::dlpack {

inline constexpr uint32_t kMajor = 1, kMinor = 0;  // what is written; any minor is read
inline constexpr int32_t kCpu = 1;

enum class Code : uint8_t {
  integer = 0,
  unsigned_integer = 1,
  floating = 2,
  bfloat = 4,
  boolean = 6
};

struct Version {
  uint32_t major, minor;
};
struct Device {
  int32_t type, id;
};
struct Type {
  uint8_t code, bits;
  uint16_t lanes;
};

struct View {
  void* data;
  Device device;
  int32_t rank;
  Type type;
  int64_t* shape;
  int64_t* strides;  // in elements; null: row-major
  uint64_t byte_offset;
};

struct Managed {
  View view;
  void* context;
  void (*deleter)(Managed* self);
};

inline constexpr uint64_t kReadOnly = 1, kIsCopied = 2;
struct ManagedVersioned {
  Version version;
  void* context;
  void (*deleter)(ManagedVersioned* self);
  uint64_t flags;
  View view;
};

static_assert(sizeof(void*) == 8 && sizeof(View) == 48 && offsetof(View, shape) == 24);
static_assert(sizeof(Managed) == 64 && offsetof(Managed, deleter) == 56);
static_assert(sizeof(ManagedVersioned) == 80 && offsetof(ManagedVersioned, view) == 32);

inline constexpr Type type_of(DType dtype) {
  const auto bits = static_cast<uint8_t>(8 * size_of(dtype));
  switch (dtype) {
    case DType::bfloat16: return {static_cast<uint8_t>(Code::bfloat), bits, 1};
    case DType::boolean: return {static_cast<uint8_t>(Code::boolean), bits, 1};
    case DType::uint8: return {static_cast<uint8_t>(Code::unsigned_integer), bits, 1};
    default:
      return {static_cast<uint8_t>(is_floating(dtype) ? Code::floating : Code::integer), bits, 1};
  }
}

// false: none of ours.
inline constexpr bool dtype_of(Type type, DType* dtype) {
  if (type.lanes != 1) return false;
  for (int32_t number = TG_FLOAT32; is_dtype(number); ++number) {
    const Type known = type_of(static_cast<DType>(number));
    if (known.code != type.code || known.bits != type.bits) continue;
    *dtype = static_cast<DType>(number);
    return true;
  }
  return false;
}

}  // namespace tg::io::dlpack
