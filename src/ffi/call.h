// SPDX-License-Identifier: MIT
// A call of a C function whose types are known at run time alone, through libffi. It knows no
// function and no name: those who call bring address, types and values.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace tg::ffi {

enum class Type : uint8_t { none, int32, uint32, int64, uint64, size, number, pointer };

inline constexpr size_t kMostParameters = 16;

// What a C function takes and gives.
struct Signature {
  Type returns;
  uint8_t count;
  Type parameters[kMostParameters];
};

// One value of any of the types.
union Cell {
  int32_t int32;
  uint32_t uint32;
  int64_t int64;
  uint64_t uint64;
  size_t size;
  double number;
  const void* pointer;
};

// Where libffi keeps what it makes of a signature: made at the first call, then only read. All
// zeros at the start, so that a table of them needs no constructor, and never freed.
struct Interface {
  std::atomic<uint32_t> ready;
  alignas(16) std::byte description[64];  // an ffi_cif, whose size only libffi's header knows
  void* types[kMostParameters];
};

// Calls `function` with `signature.count` values. `interface` belongs to the signature. Any thread
// may call. Throws TG_ERROR_INTERNAL where libffi does not take the signature, before the call.
void call(const Signature& signature, Interface& interface, void (*function)(),
          const Cell* arguments, Cell* result);

}  // namespace tg::ffi
