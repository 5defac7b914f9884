// SPDX-License-Identifier: MIT
#include "io/npy_header.h"

#include <charconv>

#include "base/checked.h"
#include "io/json_scanner.h"

namespace tg::io {

namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
constexpr size_t kAlignment = 64;  // of the data in written files, as NumPy's own

// Kind and size of a descr; in front of them stands the order of the bytes.
struct Known {
  char text[3];
  DType dtype;
};
constexpr Known kKnown[] = {
    {"f4", DType::float32}, {"f8", DType::float64}, {"f2", DType::float16},
    {"b1", DType::boolean}, {"u1", DType::uint8},   {"i1", DType::int8},
    {"i2", DType::int16},   {"i4", DType::int32},   {"i8", DType::int64},
};
constexpr const Known* known(DType dtype) {
  for (const Known& one : kKnown) {
    if (one.dtype == dtype) return &one;
  }
  return nullptr;
}

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The grammar has no level inside another but for a descr that is a list, and of that only the
// brackets are counted; so there is no recursion.
class NpyHeaderParser {
 public:
  NpyHeaderParser(const Place& place, std::string_view text, size_t text_at)
      : place_(place), text_(text), text_at_(text_at) {}

  NpyHeader run(uint64_t bytes) {
    expect('{', "'{' of the header");
    if (!take('}')) {
      do {
        parse_pair();
      } while (take(',') && !at('}'));
      expect('}', "',' or '}' behind a value");
    }
    skip_blanks();
    if (at_ < text_.size()) refuse_expected("the end of the header");
    for (size_t k = 0; k < 3; ++k) {
      if (seen_[k] == 0) {
        refuse(0, {"the header has no \"", kKeys[k], "\""});
      }
    }
    find_dtype();
    check_size(bytes - text_at_ - text_.size());
    return out_;
  }

 private:
  static constexpr std::string_view kKeys[] = {"descr", "fortran_order", "shape"};

  [[noreturn]] void refuse(size_t at, std::initializer_list<Part> parts) const {
    refuse_byte(TG_ERROR_FORMAT, text_at_ + at, place_, parts);
  }
  [[noreturn]] void refuse_expected(std::string_view expected) const {
    refuse(at_, {expected, " expected, ", Part::found(text_, at_)});
  }

  void skip_blanks() {
    constexpr std::string_view kBlanks = " \t\r\n";
    while (at_ < text_.size() && kBlanks.find(text_[at_]) != kBlanks.npos) ++at_;
  }
  bool at(char c) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == c;
  }
  bool take(char c) {
    const bool is = at(c);
    at_ += is;
    return is;
  }
  void expect(char c, std::string_view expected) {
    if (!take(c)) refuse_expected(expected);
  }

  // In quotes of either kind. An escape has no place in a key or a descr.
  std::string_view take_text(std::string_view expected) {
    if (!at('\'') && !at('"')) refuse_expected(expected);
    const char quote = text_[at_];
    const size_t first = ++at_;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' || static_cast<unsigned char>(text_[at_]) < ' ') {
        refuse(at_, {"no plain character of a text, ", Part::found(text_, at_)});
      }
      ++at_;
    }
    if (at_ == text_.size()) refuse(first - 1, {"a text without its closing quote"});
    return text_.substr(first, at_++ - first);
  }

  void parse_pair() {
    skip_blanks();
    const size_t start = at_;
    const std::string_view key = take_text("a key in quotes");
    size_t k = 0;
    while (k < 3 && kKeys[k] != key) ++k;
    if (k == 3) {
      refuse(start, {"\"", key, "\" is no key of the format; descr, fortran_order and shape are"});
    }
    if (seen_[k] != 0) {
      refuse(start, {"\"", key, "\" appears twice, before at byte ", text_at_ + seen_[k]});
    }
    seen_[k] = start;
    expect(':', "':' behind a key");
    if (k == 0) parse_descr();
    if (k == 1) parse_order();
    if (k == 2) parse_shape();
  }

  void parse_descr() {
    structured_ = at('[') || at('(');
    descr_at_ = at_;
    if (!structured_) {
      descr_ = take_text("a descr in quotes");
      return;
    }
    int64_t depth = 0;
    do {
      if (at_ == text_.size()) refuse(descr_at_, {"a descr without its closing bracket"});
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        take_text("");
        continue;
      }
      if (c == '[' || c == '(') ++depth;
      if (c == ']' || c == ')') --depth;
      ++at_;
    } while (depth > 0);
    descr_ = text_.substr(descr_at_, at_ - descr_at_);
  }

  void parse_order() {
    skip_blanks();
    for (const bool fortran : {false, true}) {
      const std::string_view word = fortran ? "True" : "False";
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      out_.fortran = fortran;
      return;
    }
    refuse_expected("True or False of fortran_order");
  }

  void parse_shape() {
    expect('(', "'(' of the shape");
    shape_at_ = at_ - 1;
    bool comma = true;
    while (!take(')')) {
      if (!comma) refuse_expected("',' or ')' behind a size");
      const int64_t size = take_size();
      if (out_.rank == kMaxNpyRank) {
        refuse_byte(TG_ERROR_LIMIT, text_at_ + at_, place_,
                    {"the shape has more than 16 dimensions"});
      }
      out_.shape[out_.rank++] = size;
      comma = take(',');
    }
    shape_ = text_.substr(shape_at_, at_ - shape_at_);
    if (out_.rank == 1 && !comma) refuse(at_ - 1, {"',' of a shape of one size expected"});
  }

  // Decimal digits alone; the L of Python 2's long numbers is passed over.
  int64_t take_size() {
    skip_blanks();
    const size_t first = at_;
    int64_t value = 0;
    for (; at_ < text_.size() && is_digit(text_[at_]); ++at_) {
      if (!checked_multiply(value, 10, &value) || !checked_add(value, text_[at_] - '0', &value)) {
        refuse(first, {"a size is above 2^63 - 1"});
      }
    }
    if (at_ == first) refuse_expected("a size in decimal digits");
    if (at_ - first > 1 && text_[first] == '0') refuse(first, {"a size has a leading zero"});
    if (at_ < text_.size() && text_[at_] == 'L') ++at_;
    return value;
  }

  void find_dtype() {
    const std::string_view kind = descr_.substr(descr_.empty() ? 0 : 1);
    const char order = descr_.empty() ? ' ' : descr_[0];
    for (const Known& one : kKnown) {
      if (structured_ || kind != std::string_view(one.text, 2)) continue;
      if (order != '<' && order != '>' && (order != '|' || size_of(one.dtype) != 1)) continue;
      out_.dtype = one.dtype;
      out_.swapped = order == '>' && size_of(one.dtype) > 1;
      return;
    }
    const bool pickled = !structured_ && !kind.empty() && kind[0] == 'O';
    refuse_byte(TG_ERROR_UNSUPPORTED, text_at_ + descr_at_, place_,
                {"descr '", descr_,
                 pickled ? "' is a pickled object array, which is never read; save numbers instead"
                         : "' has no dtype here; numpy's astype converts the array"});
  }

  // The product of the sizes that are not 0 must fit as well: a 0 among them may not hide it.
  void check_size(uint64_t there) {
    int64_t bytes = size_of(out_.dtype);
    bool fits = true, empty = false;
    for (int i = 0; i < out_.rank; ++i) {
      const int64_t size = out_.shape[i];
      empty = empty || size == 0;
      if (size != 0) fits = fits && checked_multiply(bytes, size, &bytes);
    }
    if (!fits) refuse(shape_at_, {"shape ", shape_, " needs more than 2^63 - 1 bytes"});
    out_.data_bytes = empty ? 0 : static_cast<uint64_t>(bytes);
    if (out_.data_bytes != there) {
      refuse(shape_at_, {"shape ", shape_, " of '", descr_, "' needs ", out_.data_bytes, " bytes, ",
                         there, " follow the header at byte ", text_at_ + text_.size()});
    }
  }

  const Place& place_;
  const std::string_view text_;
  const size_t text_at_;
  size_t at_ = 0;
  NpyHeader out_{};
  size_t seen_[3] = {};  // where a key stands; never at 0, where the '{' is
  std::string_view descr_;
  std::string_view shape_;
  size_t descr_at_ = 0, shape_at_ = 0;
  bool structured_ = false;
};

}  // namespace

size_t npy_length_bytes(const Place& place, const char* start, uint64_t bytes) {
  if (bytes < kNpyStartBytes + 2) {
    refuse(TG_ERROR_FORMAT, 0, place,
           {"has ", bytes, " bytes; magic, version and length at byte 0 take 10"});
  }
  const std::string_view magic(start, kMagic.size());
  if (magic != kMagic) {
    const bool zip = magic.substr(0, 2) == "PK";
    refuse(TG_ERROR_FORMAT, 0, place,
           {"the magic bytes 93 NUMPY at byte 0 are not there",
            zip ? "; for zip archives there is tg_npz_load" : ""});
  }
  const auto major = static_cast<unsigned char>(start[6]);
  const auto minor = static_cast<unsigned char>(start[7]);
  if (major < 1 || major > 3 || minor != 0) {
    refuse(TG_ERROR_FORMAT, 6, place,
           {"version at byte 6 is ", major, ".", minor, "; 1.0, 2.0 and 3.0 are read"});
  }
  return major == 1 ? 2 : 4;
}

size_t npy_text_bytes(const Place& place, const char* start, size_t length_bytes, uint64_t bytes) {
  uint64_t length = 0;
  for (size_t i = length_bytes; i > 0; --i) {
    length = length << 8 | static_cast<unsigned char>(start[kNpyStartBytes + i - 1]);
  }
  const uint64_t text_at = kNpyStartBytes + length_bytes;
  if (bytes < text_at || length > bytes - text_at) {
    refuse(TG_ERROR_FORMAT, kNpyStartBytes, place,
           {"header length at byte 8 is ", length, ", there are ", bytes, " bytes"});
  }
  if (length > kMaxNpyHeaderBytes) {
    refuse(TG_ERROR_LIMIT, kNpyStartBytes, place,
           {"header length at byte 8 is ", length, ", at most ", kMaxNpyHeaderBytes,
            " bytes are read"});
  }
  return static_cast<size_t>(length);
}

NpyHeader parse_npy_header(const Place& place, std::string_view text, size_t text_at,
                           uint64_t bytes) {
  return NpyHeaderParser(place, text, text_at).run(bytes);
}

void check_npy_dtype(DType dtype, std::string_view name) {
  if (known(dtype) != nullptr) return;
  fail(TG_ERROR_UNSUPPORTED, Quoted{name}, " is ", dtype,
       ", which NumPy's files lack; tg_to_dtype converts it, to TG_FLOAT32 without a loss");
}

String write_npy_header(DType dtype, const int64_t* shape, int rank) {
  String out(kMagic);
  out.append("\1\0\0\0{'descr': '", 15);
  out += size_of(dtype) == 1 ? '|' : '<';
  out += known(dtype)->text;
  out += "', 'fortran_order': False, 'shape': (";
  for (int i = 0; i < rank; ++i) {
    char digits[20];  // of 2^63 - 1
    if (i > 0) out += ' ';
    out.append(digits, std::to_chars(digits, digits + sizeof digits, shape[i]).ptr);
    if (i + 1 < rank || rank == 1) out += ',';
  }
  out += "), }";
  out.append((2 * kAlignment - 1 - out.size() % kAlignment) % kAlignment, ' ');
  out += '\n';
  // Rank 16 and 19 digits a size: below 512.
  const size_t length = out.size() - kNpyStartBytes - 2;
  out[8] = static_cast<char>(length & 255);
  out[9] = static_cast<char>(length >> 8);
  return out;
}

}  // namespace tg::io
