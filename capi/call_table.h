// SPDX-License-Identifier: MIT
// What a call by name must know of each function, and the text that tg_describe gives. Both are
// made from api/api.json when the library is built (scripts/call_table): constants without a
// pointer in them, but for the one list of addresses.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ffi/call.h"

namespace tg::capi {

// What stands for one parameter of a C function.
enum class Way : uint8_t {
  // An argument of its own.
  handle,
  int32,
  uint32,
  int64,
  uint64,
  size,
  number,
  text,
  pointer,       // an address, a callback, a struct
  int64s,        // array in
  handles,       // array in
  numbers,       // array in
  buffer,        // bytes in and out, text out, array out
  tensor_bytes,  // bytes in, as many as dtype, shape and rank at `partner` and behind it say
  // The count of the argument at another parameter.
  length32,
  length,
  // A place for a result.
  out_handle,
  out_int32,
  out_uint32,
  out_int64,
  out_uint64,
  out_size,
  out_number,
  out_pointer,
  // A place for a count or a length, which a call that fails may also give.
  out_length32,
  out_length,
};

struct CallParameter {
  Way way;
  uint8_t partner;  // of an array or buffer: the parameter that has its count; else its own number
  uint16_t name;    // offset into kCallTexts
};

// What a function returns.
enum class Returns : uint8_t { status, nothing, int32, uint32, int64, uint64, size, number, text };

// Why a function may not be called by its name.
enum class Barred : uint8_t { no, in_a_frame, always };

struct CallEntry {
  uint16_t name;   // offset into kCallTexts
  uint16_t first;  // parameter, in kCallParameters
  uint8_t parameters;
  uint8_t signature;  // in kCallSignatures
  uint8_t arguments;
  uint8_t results;
  Returns returns;
  Barred barred;
};

extern const char kCallTexts[];  // names, each ended by NUL
extern const CallParameter kCallParameters[];
extern const CallEntry kCallEntries[];
extern void (*const kCallAddresses[])();  // by number of the entry
extern const ffi::Signature kCallSignatures[];
extern constinit ffi::Interface call_interfaces[];  // by number of the signature

// A name of api.json and where its entry stands in the text.
struct DescribedName {
  uint16_t name;  // offset into kCallTexts
  uint16_t name_length;
  uint32_t offset;  // of the entry
  uint32_t length;  // of the entry
};
inline constexpr uint16_t kNoName = 0xffff;
// Functions come first, so that their numbers are those of their entries.
extern const uint16_t kFunctionNames;
extern const DescribedName kDescribedNames[];
// Numbers of names at the places that name_hash gives, or behind it; kNoName: none.
extern const uint32_t kNamePlacesMask;
extern const uint16_t kNamePlaces[];

// Of a name's bytes, eight at a time; the last eight may have met before. scripts/call_table
// computes the same.
inline uint32_t name_hash(const char* name, size_t length) {
  if (length < 8) return static_cast<uint32_t>(length);
  uint64_t hash = length;
  auto take = [&](size_t at) {
    uint64_t bytes;
    std::memcpy(&bytes, name + at, 8);
    if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
    hash = (hash ^ bytes) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  };
  for (size_t at = 0; at + 8 < length; at += 8) take(at);
  take(length - 8);
  return static_cast<uint32_t>(hash);
}
// The number of a name; kNoName: api.json has none such.
uint16_t find_name(const char* name) noexcept;

// The text of api.json, in pieces that are deflated each by itself (RFC 1951).
inline constexpr size_t kTextPiece = 32768;  // bytes of text in a piece; the last one has fewer
extern const uint32_t kTextBytes;
extern const uint32_t kTextPieces[];  // where each begins in kDeflatedText, and where all end
extern const unsigned char kDeflatedText[];

}  // namespace tg::capi
