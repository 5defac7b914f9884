// SPDX-License-Identifier: MIT
// The header of NumPy's .npy files, read strictly and written: dtype, order and shape. It knows no
// tensor and touches no data, so that a file is judged before anything is allocated for it.
//
// Format: NumPy's NEP 1 and the docstring of numpy.lib.format. The text is a literal of Python's
// dict, read by a grammar of its own: three keys, texts, True, False and tuples of decimal digits.
// Stricter than NumPy in three points: no key twice, no `1_0` or `0x2`, no byte behind the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/blocks.h"
#include "base/dtype.h"
#include "io/refusal.h"

namespace tg::io {

inline constexpr int kMaxNpyRank = 16;                // the contract's bound on ranks
inline constexpr size_t kMaxNpyHeaderBytes = 65'536;  // what version 1.0 can say, and one more
inline constexpr size_t kNpyStartBytes = 8;           // magic and version
inline constexpr size_t kMaxNpyLengthBytes = 4;

struct NpyHeader {
  DType dtype;
  bool swapped;  // the elements are big-endian
  bool fortran;  // the first index runs fastest
  int rank;
  int64_t shape[kMaxNpyRank];
  uint64_t data_bytes;  // what shape and dtype need: exactly what the file has behind the header
};

// All three throw TG_ERROR_FORMAT; the error's number is the offset in the file or member.

// From the first 8 bytes: how many bytes the header's length takes behind them. bytes: of the file.
size_t npy_length_bytes(const Place& place, const char* start, uint64_t bytes);
// From the first 8 bytes and those of the length: how long the text behind them is. Above the
// bound: TG_ERROR_LIMIT.
size_t npy_text_bytes(const Place& place, const char* start, size_t length_bytes, uint64_t bytes);
// text_at: where the text begins. Also TG_ERROR_LIMIT (rank) and TG_ERROR_UNSUPPORTED (a descr
// without a dtype of ours, in a header that is sound otherwise).
NpyHeader parse_npy_header(const Place& place, std::string_view text, size_t text_at,
                           uint64_t bytes);

// Throws TG_ERROR_UNSUPPORTED for a dtype that NumPy lacks. name: what the message calls the
// tensor.
void check_npy_dtype(DType dtype, std::string_view name);
// The first bytes of a file of version 1.0, a multiple of 64. Of a dtype that was checked.
String write_npy_header(DType dtype, const int64_t* shape, int rank);

}  // namespace tg::io
