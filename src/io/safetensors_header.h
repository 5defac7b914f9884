// SPDX-License-Identifier: MIT
// The header of a safetensors file, read strictly and written: names, dtypes, shapes and where the
// bytes lie. It knows no tensor and touches no data, so that all of a file is judged before
// anything is allocated for it.
//
// Format: https://huggingface.co/docs/safetensors, section "Format". Stricter than its reference
// reader in four points: no name or key twice, no `\u0000` in a text, no null `__metadata__`, no
// key in an entry beyond the three. Blanks before the `{` are taken, never written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/blocks.h"
#include "base/dtype.h"

namespace tg::io {

inline constexpr int kMaxHeaderRank = 16;                 // the contract's bound on ranks
inline constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference reader's bound
inline constexpr size_t kLengthBytes = 8;                 // the little-endian length in front

// A tensor of the file. begin and end count from the first byte behind the header.
struct Entry {
  std::string_view name;  // unescaped, no NUL in it; may be empty
  const int64_t* shape;   // rank sizes
  uint64_t begin, end;    // end - begin is what shape and dtype need
  uint32_t header_byte;   // where the name stands in the header's text, for messages
  DType dtype;
  uint8_t rank;
};

struct MetadataPair {
  std::string_view key, value;
};

std::string_view format_name(DType dtype);  // "F32"

// The length that stands in front, checked against the size of the file and the bound.
// first_bytes: as many of the first 8 bytes as the file has. source: the path or "memory".
uint64_t header_bytes(std::string_view source, const void* first_bytes, uint64_t file_bytes);

// A header that was read. Texts without escapes stay where they are, so `text` must outlive this.
class Header {
 public:
  // Takes the whole text or throws: TG_ERROR_FORMAT, TG_ERROR_LIMIT (rank), TG_ERROR_UNSUPPORTED
  // (a dtype that is sound but not ours, in a file that is sound otherwise). The error's number is
  // the offset in the file. One pass without recursion, then two sorts: O(n log n).
  // data_bytes: what the file holds behind the header; the entries must cover it exactly.
  void parse(std::string_view source, const char* text, size_t size, uint64_t data_bytes);

  std::span<const Entry> entries() const { return entries_; }           // in the file's order
  std::span<const MetadataPair> metadata() const { return metadata_; }  // in the file's order

 private:
  friend class HeaderParser;

  Vector<Entry> entries_;
  Vector<int64_t> sizes_;  // all shapes, one behind the other
  Vector<MetadataPair> metadata_;
  Vector<Vector<char>> unescaped_;  // texts that had escapes; a chunk never grows in place
};

// What is to be written.
struct Item {
  std::string_view name;
  const int64_t* shape;
  int rank;
  DType dtype;
};

struct WrittenHeader {
  String bytes;             // length, text and padding: the file's first bytes, a multiple of 8
  Vector<uint32_t> order;   // items in the order of their data: large alignment first, then by name
  uint64_t data_bytes = 0;  // of all items together, laid without gaps
};

// Throws TG_ERROR_INVALID_ARGUMENT for the name `__metadata__`, a name or key given twice and text
// that is not UTF-8 or holds a NUL, TG_ERROR_LIMIT for what header_bytes() would refuse.
WrittenHeader write_header(std::span<const Item> items, std::span<const MetadataPair> metadata);

}  // namespace tg::io
