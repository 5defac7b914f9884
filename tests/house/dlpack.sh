#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The structs of src/io/dlpack.h against those of DLPack itself: the legacy ones of Debian's header
# (0.6), and all of them of a header of 1.x, which comes in a wheel and is fetched once a build folder.
# Without a network the second half is passed over, and says so.
set -u
work=$TG_BUILD_DIR/dlpack
mkdir -p "$work"
compare() { # name, include folder, 1: the versioned structs too
  cat >"$work/$1.cpp" <<CODE
#include <cstddef>
#include <type_traits>
#include <dlpack/dlpack.h>
#include "io/dlpack.h"
namespace own = tg::io::dlpack;
#define SIZE(ours, theirs) static_assert(sizeof(own::ours) == sizeof(theirs))
#define FIELD(ours, a, theirs, b)                                        \\
  static_assert(offsetof(own::ours, a) == offsetof(theirs, b) &&         \\
                sizeof(own::ours::a) == sizeof(theirs::b))
SIZE(Device, DLDevice);
FIELD(Device, type, DLDevice, device_type);
FIELD(Device, id, DLDevice, device_id);
SIZE(Type, DLDataType);
FIELD(Type, code, DLDataType, code);
FIELD(Type, bits, DLDataType, bits);
FIELD(Type, lanes, DLDataType, lanes);
SIZE(View, DLTensor);
FIELD(View, data, DLTensor, data);
FIELD(View, device, DLTensor, device);
FIELD(View, rank, DLTensor, ndim);
FIELD(View, type, DLTensor, dtype);
FIELD(View, shape, DLTensor, shape);
FIELD(View, strides, DLTensor, strides);
FIELD(View, byte_offset, DLTensor, byte_offset);
SIZE(Managed, DLManagedTensor);
FIELD(Managed, view, DLManagedTensor, dl_tensor);
FIELD(Managed, context, DLManagedTensor, manager_ctx);
FIELD(Managed, deleter, DLManagedTensor, deleter);
static_assert(own::kCpu == kDLCPU);
static_assert(int(own::Code::integer) == kDLInt && int(own::Code::unsigned_integer) == kDLUInt);
static_assert(int(own::Code::floating) == kDLFloat && int(own::Code::bfloat) == kDLBfloat);
#if $3
SIZE(Version, DLPackVersion);
FIELD(Version, major, DLPackVersion, major);
FIELD(Version, minor, DLPackVersion, minor);
SIZE(ManagedVersioned, DLManagedTensorVersioned);
FIELD(ManagedVersioned, version, DLManagedTensorVersioned, version);
FIELD(ManagedVersioned, context, DLManagedTensorVersioned, manager_ctx);
FIELD(ManagedVersioned, deleter, DLManagedTensorVersioned, deleter);
FIELD(ManagedVersioned, flags, DLManagedTensorVersioned, flags);
FIELD(ManagedVersioned, view, DLManagedTensorVersioned, dl_tensor);
static_assert(own::kMajor == DLPACK_MAJOR_VERSION && own::kMinor <= DLPACK_MINOR_VERSION);
static_assert(int(own::Code::boolean) == kDLBool);
static_assert(own::kReadOnly == DLPACK_FLAG_BITMASK_READ_ONLY);
static_assert(own::kIsCopied == DLPACK_FLAG_BITMASK_IS_COPIED);
#endif
int main() {}
CODE
  "$CXX" -std=c++20 -fsyntax-only -I"$TG_SOURCE_DIR/src" -I"$TG_SOURCE_DIR/include" -I"$2" \
    "$work/$1.cpp" || {
    echo "dlpack: the structs differ from those of the header in $2"
    exit 1
  }
}

[ -f /usr/include/dlpack/dlpack.h ] || {
  echo "dlpack: Debian's libdlpack-dev is missing"
  exit 1
}
compare legacy /usr/include 0

include=$work/wheel/tvm_ffi/include
if [ ! -f "$include/dlpack/dlpack.h" ]; then
  rm -rf "$work/wheel" "$work"/*.whl
  if ! timeout 300 python3 -m pip download -q --disable-pip-version-check --no-deps \
    --only-binary :all: --dest "$work" apache-tvm-ffi >"$work/download.log" 2>&1; then
    cat "$work/download.log"
    echo "dlpack: SKIPPED the structs of 1.x: the wheel that has their header could not be fetched"
    exit 77
  fi
  python3 -m zipfile -e "$work"/apache_tvm_ffi-*.whl "$work/wheel" || exit 1
fi
compare versioned "$include" 1
echo "dlpack: structs as in Debian's header and in that of $(sed -n \
  's/^#define DLPACK_M[A-Z]*_VERSION //p' "$include/dlpack/dlpack.h" | paste -sd.)"
