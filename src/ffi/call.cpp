// SPDX-License-Identifier: MIT
#include "ffi/call.h"

#include <ffi.h>

#include <new>

#include "base/error.h"
#include "base/lock.h"

namespace tg::ffi {

namespace {

static_assert(sizeof(ffi_cif) <= sizeof(Interface::description) && alignof(ffi_cif) <= 16);

constinit Lock lock;  // held while an interface is made

ffi_type* type_of(Type type) {
  switch (type) {
    case Type::none: return &ffi_type_void;
    case Type::int32: return &ffi_type_sint32;
    case Type::uint32: return &ffi_type_uint32;
    case Type::int64: return &ffi_type_sint64;
    case Type::uint64: return &ffi_type_uint64;
    case Type::size: return sizeof(size_t) == 8 ? &ffi_type_uint64 : &ffi_type_uint32;
    case Type::number: return &ffi_type_double;
    case Type::pointer: break;
  }
  return &ffi_type_pointer;
}

ffi_cif* cif_of(Interface& interface) {
  return std::launder(reinterpret_cast<ffi_cif*>(interface.description));
}

// In a child of fork() that came in the middle of it all is written anew, to the same bytes.
[[gnu::cold, gnu::noinline]] void make(const Signature& signature, Interface& interface) {
  const LockGuard guard(lock);
  if (interface.ready.load(std::memory_order_relaxed) != 0) return;
  auto* types = reinterpret_cast<ffi_type**>(interface.types);
  for (size_t i = 0; i < signature.count; ++i) types[i] = type_of(signature.parameters[i]);
  auto* cif = new (interface.description) ffi_cif;
  const ffi_status status =
      ffi_prep_cif(cif, FFI_DEFAULT_ABI, signature.count, type_of(signature.returns), types);
  if (status != FFI_OK) {
    fail(TG_ERROR_INTERNAL, "libffi does not take the types of a function, status ",
         static_cast<int>(status), "; please report this");
  }
  interface.ready.store(1, std::memory_order_release);
}

}  // namespace

void call(const Signature& signature, Interface& interface, void (*function)(),
          const Cell* arguments, Cell* result) {
  if (interface.ready.load(std::memory_order_acquire) == 0) [[unlikely]]
    make(signature, interface);
  // libffi only reads behind these pointers; its interface is older than const.
  void* places[kMostParameters];
  for (size_t i = 0; i < signature.count; ++i) places[i] = const_cast<Cell*>(&arguments[i]);
  // An integer that is narrower than a register comes as a whole register.
  union {
    ffi_arg integer;
    double number;
    void* pointer;
    uint64_t room;
  } came;
  came.room = 0;
  ffi_call(cif_of(interface), function, &came, places);
  switch (signature.returns) {
    case Type::none: break;
    case Type::int32: result->int32 = static_cast<int32_t>(came.integer); break;
    case Type::uint32: result->uint32 = static_cast<uint32_t>(came.integer); break;
    case Type::int64: result->uint64 = came.room; break;
    case Type::uint64: result->uint64 = came.room; break;
    case Type::size: result->size = static_cast<size_t>(came.integer); break;
    case Type::number: result->number = came.number; break;
    case Type::pointer: result->pointer = came.pointer; break;
  }
}

}  // namespace tg::ffi
