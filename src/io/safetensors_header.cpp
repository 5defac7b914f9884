// SPDX-License-Identifier: MIT
#include "io/safetensors_header.h"

#include <algorithm>

#include "base/checked.h"
#include "io/json_scanner.h"

namespace tg::io {

namespace {

// Names of the format (huggingface/safetensors:safetensors/src/tensor.rs, enum Dtype). Those
// without a dtype of ours are sound all the same.
constexpr uint8_t kForeign = 0;
struct FormatDtype {
  std::string_view name;
  uint8_t bits;
  uint8_t dtype;  // a DType, or kForeign
};
constexpr uint8_t number(DType dtype) { return static_cast<uint8_t>(dtype); }
constexpr FormatDtype kFormatDtypes[] = {
    {"F32", 32, number(DType::float32)},
    {"F64", 64, number(DType::float64)},
    {"F16", 16, number(DType::float16)},
    {"BF16", 16, number(DType::bfloat16)},
    {"I8", 8, number(DType::int8)},
    {"I16", 16, number(DType::int16)},
    {"I32", 32, number(DType::int32)},
    {"I64", 64, number(DType::int64)},
    {"U8", 8, number(DType::uint8)},
    {"BOOL", 8, number(DType::boolean)},
    {"U16", 16, kForeign},
    {"U32", 32, kForeign},
    {"U64", 64, kForeign},
    {"C64", 64, kForeign},
    {"F8_E4M3", 8, kForeign},
    {"F8_E5M2", 8, kForeign},
    {"F8_E8M0", 8, kForeign},
    {"F8_E4M3FNUZ", 8, kForeign},
    {"F8_E5M2FNUZ", 8, kForeign},
    {"F6_E2M3", 6, kForeign},
    {"F6_E3M2", 6, kForeign},
    {"F4", 4, kForeign},
};

struct Sizes {
  const int64_t* sizes;
  size_t rank;
};
Message& operator<<(Message& message, Sizes shape) {
  message << '[';
  for (size_t i = 0; i < shape.rank; ++i) message << (i == 0 ? "" : ", ") << shape.sizes[i];
  return message << ']';
}

}  // namespace

std::string_view format_name(DType dtype) {
  for (const FormatDtype& known : kFormatDtypes) {
    if (known.dtype == number(dtype)) return known.name;
  }
  fail(TG_ERROR_INTERNAL, "dtype ", dtype, " has no name in the safetensors format");
}

uint64_t header_bytes(std::string_view source, const void* first_bytes, uint64_t file_bytes) {
  if (file_bytes < kLengthBytes) {
    fail_number(TG_ERROR_FORMAT, 0, Quoted{source},
                ": header length at byte 0 takes 8 bytes, the file has ", file_bytes);
  }
  const auto* bytes = static_cast<const unsigned char*>(first_bytes);
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= uint64_t{bytes[i]} << (8 * i);
  // Never 8 + length: that may wrap.
  if (length > file_bytes - kLengthBytes) {
    fail_number(TG_ERROR_FORMAT, 0, Quoted{source}, ": header length at byte 0 is ", length,
                ", the file has ", file_bytes, " bytes");
  }
  if (length > kMaxHeaderBytes) {
    fail_number(TG_ERROR_LIMIT, 0, Quoted{source}, ": header length at byte 0 is ", length,
                ", at most ", kMaxHeaderBytes, " bytes are read");
  }
  if (length == 0) {
    fail_number(TG_ERROR_FORMAT, 0, Quoted{source},
                ": header length at byte 0 is 0, the least header is {}");
  }
  return length;
}

// The grammar is three levels deep (file, entry, list) and each level has its own function, so
// depth needs no counter: a fourth level is a byte that is not expected.
class HeaderParser {
 public:
  HeaderParser(Header& out, std::string_view source, std::string_view text, uint64_t data_bytes)
      : out_(out), scanner_(source, text, kLengthBytes, out.unescaped_), data_bytes_(data_bytes) {}

  void run() {
    scanner_.check_utf8();
    parse_file();
    set_shapes();
    refuse_equal_names();
    refuse_equal_keys();
    check_coverage();
    // Last, so that UNSUPPORTED means: sound, but not for us.
    if (foreign_dtype_ != nullptr) {
      const Entry& entry = out_.entries_[foreign_entry_];
      scanner_.speak_of_tensor(entry.name, entry.header_byte);
      scanner_.refuse_as(TG_ERROR_UNSUPPORTED, entry.header_byte, "dtype ", foreign_dtype_->name,
                         " is sound, but there is no such dtype here; convert the file");
    }
  }

 private:
  void parse_file() {
    scanner_.expect('{', "'{' of the header");
    bool metadata_seen = false;
    if (!scanner_.take('}')) {
      do {
        size_t start;
        const std::string_view name = scanner_.take_text("a tensor's name in quotes", &start);
        scanner_.expect(':', "':' behind a name");
        if (name == "__metadata__") {
          if (metadata_seen) {
            scanner_.refuse(start, "__metadata__ appears twice, again at header byte ", start);
          }
          metadata_seen = true;
          parse_metadata();
        } else {
          parse_entry(name, start);
        }
        scanner_.speak_of_file();
      } while (scanner_.take(','));
      scanner_.expect('}', "',' or '}' behind an entry");
    }
    scanner_.expect_end();
  }

  void parse_metadata() {
    scanner_.speak_of_metadata();
    scanner_.expect('{', "'{' of a map of texts");
    if (scanner_.take('}')) return;
    do {
      size_t start;
      MetadataPair pair;
      pair.key = scanner_.take_text("a key in quotes", &start);
      scanner_.expect(':', "':' behind a key");
      pair.value = scanner_.take_text("a text in quotes", &start);
      out_.metadata_.push_back(pair);
    } while (scanner_.take(','));
    scanner_.expect('}', "',' or '}' behind a text");
  }

  void parse_entry(std::string_view name, size_t name_start) {
    scanner_.speak_of_tensor(name, name_start);
    reserve_rest();
    Entry entry{};
    entry.name = name;
    entry.header_byte = static_cast<uint32_t>(name_start);
    const FormatDtype* dtype = nullptr;
    bool shape_seen = false, offsets_seen = false;
    scanner_.expect('{', "'{' of the tensor's entry");
    if (!scanner_.take('}')) {
      do {
        size_t start;
        const std::string_view key = scanner_.take_text("a key in quotes", &start);
        scanner_.expect(':', "':' behind a key");
        const auto once = [&](bool seen) {
          if (seen) scanner_.refuse(start, key, " appears twice, again at header byte ", start);
        };
        if (key == "dtype") {
          once(dtype != nullptr);
          dtype = parse_dtype();
        } else if (key == "shape") {
          once(shape_seen);
          shape_seen = true;
          parse_shape(entry);
        } else if (key == "data_offsets") {
          once(offsets_seen);
          offsets_seen = true;
          parse_offsets(entry);
        } else {
          scanner_.refuse(start, "key \"", Quoted{key}, "\" at header byte ", start,
                          " is none of dtype, shape, data_offsets");
        }
      } while (scanner_.take(','));
      scanner_.expect('}', "',' or '}' behind a value");
    }
    if (dtype == nullptr) scanner_.refuse(name_start, "has no dtype");
    if (!shape_seen) scanner_.refuse(name_start, "has no shape");
    if (!offsets_seen) scanner_.refuse(name_start, "has no data_offsets");
    check_entry(entry, *dtype);
    if (dtype->dtype != kForeign) {
      entry.dtype = static_cast<DType>(dtype->dtype);
    } else if (foreign_dtype_ == nullptr) {
      foreign_dtype_ = dtype;
      foreign_entry_ = out_.entries_.size();
    }
    out_.entries_.push_back(entry);
  }

  const FormatDtype* parse_dtype() {
    size_t start;
    const std::string_view name = scanner_.take_text("dtype as a text in quotes", &start);
    for (const FormatDtype& known : kFormatDtypes) {
      if (known.name == name) return &known;
    }
    scanner_.refuse(start, "dtype \"", Quoted{name}, "\" at header byte ", start,
                    " is none of the format");
  }

  void parse_shape(Entry& entry) {
    scanner_.expect('[', "'[' of the shape");
    if (scanner_.take(']')) return;
    do {
      if (entry.rank == kMaxHeaderRank) {
        scanner_.refuse_as(TG_ERROR_LIMIT, scanner_.at(), "shape has more than ", kMaxHeaderRank,
                           " dimensions at header byte ", scanner_.at());
      }
      out_.sizes_.push_back(scanner_.take_size("shape"));
      ++entry.rank;
    } while (scanner_.take(','));
    scanner_.expect(']', "',' or ']' of the shape");
  }

  void parse_offsets(Entry& entry) {
    scanner_.expect('[', "'[' of data_offsets");
    entry.begin = static_cast<uint64_t>(scanner_.take_size("data_offsets"));
    scanner_.expect(',', "',' between two data_offsets");
    entry.end = static_cast<uint64_t>(scanner_.take_size("data_offsets"));
    scanner_.expect(']', "']' behind two data_offsets");
  }

  // After some entries the rest of the text tells how many more there can be: growing by doubling
  // would take three times the memory for a moment. A brace or comma inside of a name only makes
  // the reserve larger, and the least entry bounds that.
  void reserve_rest() {
    constexpr size_t kFew = 64;
    constexpr size_t kLeastEntry = sizeof R"("":{"dtype":"F4","shape":[],"data_offsets":[0,0]})";
    if (out_.entries_.size() != kFew) return;
    const std::string_view rest = scanner_.text().substr(scanner_.at());
    const auto braces = static_cast<size_t>(std::count(rest.begin(), rest.end(), '{'));
    const auto commas = static_cast<size_t>(std::count(rest.begin(), rest.end(), ','));
    const size_t entries = std::min(braces, rest.size() / kLeastEntry + 1);
    out_.entries_.reserve(kFew + entries);
    // An entry of rank r has r - 1 commas in its shape, 3 elsewhere and one behind it.
    const size_t others = entries * 3;
    out_.sizes_.reserve(out_.sizes_.size() + (commas > others ? commas - others : 0) + 1);
  }

  // ---- what the numbers mean ----
  void check_entry(const Entry& entry, const FormatDtype& dtype) {
    const size_t at = entry.header_byte;
    const Sizes shape{out_.sizes_.data() + out_.sizes_.size() - entry.rank, entry.rank};
    if (entry.end < entry.begin) {
      scanner_.refuse(at, "data_offsets [", entry.begin, ", ", entry.end,
                      "] end before they begin");
    }
    if (entry.end > data_bytes_) {
      scanner_.refuse(at, "truncated: data_offsets [", entry.begin, ", ", entry.end,
                      "], the file has ", data_bytes_, " bytes of data");
    }
    // The product of the sizes that are not 0, so that [0, huge, huge] is no way round the check.
    int64_t elements = 1, bytes = 0;
    bool empty = false, fits = true;
    for (size_t i = 0; i < shape.rank; ++i) {
      if (shape.sizes[i] == 0) {
        empty = true;
      } else {
        fits = fits && checked_multiply(elements, shape.sizes[i], &elements);
      }
    }
    if (dtype.bits >= 8) {
      fits = fits && checked_multiply(elements, dtype.bits / 8, &bytes);
    } else if (fits) {
      const int64_t rest = elements % 8 * dtype.bits;
      if (!empty && rest % 8 != 0) {
        scanner_.refuse(at, "shape ", shape, " of ", dtype.name, " is no whole number of bytes");
      }
      bytes = elements / 8 * dtype.bits + rest / 8;
    }
    if (!fits) {
      scanner_.refuse(at, "shape ", shape, " of ", dtype.name, " needs more than 2^63 - 1 bytes");
    }
    if (empty) bytes = 0;
    const uint64_t span = entry.end - entry.begin;
    if (static_cast<uint64_t>(bytes) != span) {
      scanner_.refuse(at, "shape ", shape, " of ", dtype.name, " needs ", bytes,
                      " bytes, data_offsets [", entry.begin, ", ", entry.end, "] give ", span);
    }
  }

  void set_shapes() {
    const int64_t* next = out_.sizes_.data();
    for (Entry& entry : out_.entries_) {
      entry.shape = next;
      next += entry.rank;
    }
  }

  // order_ becomes 0, 1, ... count - 1, sorted. Sorting and no hash, because a hash that the
  // file's author can foresee may be made quadratic.
  template <class Before>
  void sort_order(size_t count, const Before& before) {
    order_.resize(count);
    for (size_t i = 0; i < count; ++i) order_[i] = static_cast<uint32_t>(i);
    std::sort(order_.begin(), order_.end(), before);
  }

  void refuse_equal_names() {
    const auto& entries = out_.entries_;
    sort_order(entries.size(), [&](uint32_t a, uint32_t b) {
      const int compared = entries[a].name.compare(entries[b].name);
      return compared != 0 ? compared < 0 : a < b;
    });
    for (size_t i = 1; i < order_.size(); ++i) {
      const Entry &first = entries[order_[i - 1]], &second = entries[order_[i]];
      if (first.name == second.name) {
        scanner_.refuse(second.header_byte, "tensor \"", Quoted{first.name},
                        "\" appears twice (header bytes ", first.header_byte, " and ",
                        second.header_byte, ")");
      }
    }
  }

  void refuse_equal_keys() {
    const auto& pairs = out_.metadata_;
    sort_order(pairs.size(), [&](uint32_t a, uint32_t b) { return pairs[a].key < pairs[b].key; });
    scanner_.speak_of_metadata();
    for (size_t i = 1; i < order_.size(); ++i) {
      const std::string_view key = pairs[order_[i]].key;
      if (key == pairs[order_[i - 1]].key) {
        scanner_.refuse(0, "key \"", Quoted{key}, "\" appears twice");
      }
    }
    scanner_.speak_of_file();
  }

  // One byte has one owner: sorted by offset, each tensor begins where the one before it ends.
  void check_coverage() {
    const auto& entries = out_.entries_;
    sort_order(entries.size(), [&](uint32_t a, uint32_t b) {
      return entries[a].begin != entries[b].begin ? entries[a].begin < entries[b].begin
                                                  : entries[a].end < entries[b].end;
    });
    uint64_t covered = 0;
    const Entry* before = nullptr;
    for (const uint32_t i : order_) {
      const Entry& entry = entries[i];
      if (entry.begin != covered) {
        scanner_.speak_of_tensor(entry.name, entry.header_byte);
        if (entry.begin > covered) {
          scanner_.refuse(entry.header_byte, "data_offsets [", entry.begin, ", ", entry.end,
                          "]: bytes ", covered, " to ", entry.begin, " belong to no tensor");
        }
        scanner_.refuse(entry.header_byte, "data_offsets [", entry.begin, ", ", entry.end,
                        "] overlap tensor \"", Quoted{before->name}, "\", which ends at ", covered);
      }
      covered = entry.end;
      before = &entry;
    }
    if (covered != data_bytes_) {
      const size_t at = scanner_.text().size() + covered;
      scanner_.refuse(at, "file byte ", kLengthBytes + at, ": ", data_bytes_ - covered,
                      " bytes behind the last tensor belong to no tensor");
    }
  }

  Header& out_;
  JsonScanner scanner_;
  const uint64_t data_bytes_;
  const FormatDtype* foreign_dtype_ = nullptr;  // the first one met
  size_t foreign_entry_ = 0;
  Vector<uint32_t> order_;
};

void Header::parse(std::string_view source, const char* text, size_t size, uint64_t data_bytes) {
  *this = Header();
  HeaderParser(*this, source, std::string_view(text, size), data_bytes).run();
}

}  // namespace tg::io
