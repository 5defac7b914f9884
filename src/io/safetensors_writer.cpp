// SPDX-License-Identifier: MIT
// The writing half of io/safetensors_header.h.
#include <algorithm>
#include <charconv>

#include "base/checked.h"
#include "io/json_scanner.h"
#include "io/safetensors_header.h"

namespace tg::io {

namespace {

void append_number(String& out, uint64_t value) {
  char digits[20];  // of 2^64 - 1
  out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
}

// In quotes, with the escapes that JSON asks for (RFC 8259, section 7) and no others.
void append_text(String& out, std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  constexpr std::string_view kMeant = "\"\\\b\f\n\r\t", kWritten = "\"\\bfnrt";
  out += '"';
  for (const char c : text) {
    if (const size_t k = kMeant.find(c); k != std::string_view::npos) {
      out += '\\';
      out += kWritten[k];
    } else if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void check_text(std::string_view what, std::string_view text) {
  if (text.find('\0') != std::string_view::npos) {
    fail(TG_ERROR_INVALID_ARGUMENT, what, " \"", Quoted{text}, "\" holds a NUL");
  }
  const size_t valid = valid_utf8_prefix(text);
  if (valid < text.size()) {
    fail_number(TG_ERROR_INVALID_ARGUMENT, static_cast<int64_t>(valid), what, " \"",
                Quoted{text.substr(0, valid)}, "\" is not UTF-8 from byte ", valid, " on");
  }
}

// Throws if two of count texts are equal.
template <class Get>
void check_distinct(std::string_view what, size_t count, const Get& get) {
  Vector<std::string_view> sorted;
  sorted.reserve(count);
  for (size_t i = 0; i < count; ++i) sorted.push_back(get(i));
  std::sort(sorted.begin(), sorted.end());
  const auto twice = std::adjacent_find(sorted.begin(), sorted.end());
  if (twice != sorted.end()) {
    fail(TG_ERROR_INVALID_ARGUMENT, what, " \"", Quoted{*twice}, "\" is given twice");
  }
}

int64_t bytes_of(const Item& item) {
  int64_t bytes = size_of(item.dtype);
  bool fits = true;
  for (int i = 0; i < item.rank; ++i) {
    // A size of 0 stays out, as in the reader: what is written must be readable.
    if (item.shape[i] != 0) fits = fits && checked_multiply(bytes, item.shape[i], &bytes);
  }
  if (!fits) {
    fail(TG_ERROR_LIMIT, "tensor \"", Quoted{item.name}, "\" needs more than 2^63 - 1 bytes");
  }
  for (int i = 0; i < item.rank; ++i) {
    if (item.shape[i] == 0) return 0;
  }
  return bytes;
}

void append_metadata(String& out, std::span<const MetadataPair> metadata) {
  append_text(out, "__metadata__");
  out += ":{";
  for (const MetadataPair& pair : metadata) {
    if (&pair != metadata.data()) out += ',';
    append_text(out, pair.key);
    out += ':';
    append_text(out, pair.value);
  }
  out += '}';
}

void append_entry(String& out, const Item& item, int64_t begin, int64_t end) {
  append_text(out, item.name);
  out += ":{\"dtype\":";
  append_text(out, format_name(item.dtype));
  out += ",\"shape\":[";
  for (int i = 0; i < item.rank; ++i) {
    if (i > 0) out += ',';
    append_number(out, static_cast<uint64_t>(item.shape[i]));
  }
  out += "],\"data_offsets\":[";
  append_number(out, static_cast<uint64_t>(begin));
  out += ',';
  append_number(out, static_cast<uint64_t>(end));
  out += "]}";
}

}  // namespace

WrittenHeader write_header(std::span<const Item> items, std::span<const MetadataPair> metadata) {
  for (const Item& item : items) {
    check_text("tensor name", item.name);
    if (item.name == "__metadata__") {
      fail(TG_ERROR_INVALID_ARGUMENT,
           "a tensor's name is __metadata__, which the format keeps for its own; rename it");
    }
    if (item.rank > kMaxHeaderRank) {
      fail(TG_ERROR_LIMIT, "tensor \"", Quoted{item.name}, "\" has rank ", item.rank, ", at most ",
           kMaxHeaderRank, " are read");
    }
  }
  for (const MetadataPair& pair : metadata) {
    check_text("metadata key", pair.key);
    check_text("metadata value", pair.value);
  }
  check_distinct("tensor name", items.size(), [&](size_t i) { return items[i].name; });
  check_distinct("metadata key", metadata.size(), [&](size_t i) { return metadata[i].key; });

  WrittenHeader out;
  out.order.resize(items.size());
  for (size_t i = 0; i < items.size(); ++i) out.order[i] = static_cast<uint32_t>(i);
  // Falling alignment keeps every tensor aligned to its own size behind an aligned header.
  std::sort(out.order.begin(), out.order.end(), [&](uint32_t a, uint32_t b) {
    const int64_t size_a = size_of(items[a].dtype), size_b = size_of(items[b].dtype);
    return size_a != size_b ? size_a > size_b : items[a].name < items[b].name;
  });

  out.bytes.assign(kLengthBytes, '\0');
  out.bytes += '{';
  if (!metadata.empty()) append_metadata(out.bytes, metadata);
  int64_t end = 0;
  for (const uint32_t i : out.order) {
    const int64_t begin = end;
    if (!checked_add(begin, bytes_of(items[i]), &end)) {
      fail(TG_ERROR_LIMIT, "the tensors together need more than 2^63 - 1 bytes");
    }
    if (out.bytes.size() > kLengthBytes + 1) out.bytes += ',';
    append_entry(out.bytes, items[i], begin, end);
  }
  out.bytes += '}';
  out.bytes.append((8 - out.bytes.size() % 8) % 8, ' ');
  out.data_bytes = static_cast<uint64_t>(end);

  const uint64_t length = out.bytes.size() - kLengthBytes;
  if (length > kMaxHeaderBytes) {
    fail(TG_ERROR_LIMIT, "names, shapes and metadata make a header of ", length, " bytes, at most ",
         kMaxHeaderBytes, " are read");
  }
  for (size_t i = 0; i < kLengthBytes; ++i) {
    out.bytes[i] = static_cast<char>(length >> (8 * i) & 0xff);
  }
  return out;
}

}  // namespace tg::io
