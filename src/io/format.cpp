// SPDX-License-Identifier: MIT
#include "io/format.h"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tg {

namespace {

constexpr int kDigits = 4;
constexpr int64_t kLineWidth = 80;
constexpr int64_t kThreshold = 1000;  // elements; above, only the edges are shown
constexpr int64_t kEdge = 3;

struct Number {  // fits any double in fixed form with 4 digits
  char text[352];
  size_t length = 0;
  std::string_view view() const { return {text, length}; }
};

Number written(double value, std::chars_format form, int digits) {
  Number number;
  if (std::isnan(value)) {
    number.text[0] = number.text[2] = 'n';
    number.text[1] = 'a';
    number.length = 3;
    return number;
  }
  const auto end =
      std::to_chars(number.text, number.text + sizeof number.text, value, form, digits);
  number.length = static_cast<size_t>(end.ptr - number.text);
  return number;
}

Number written(int64_t value) {
  Number number;
  const auto end = std::to_chars(number.text, number.text + sizeof number.text, value);
  number.length = static_cast<size_t>(end.ptr - number.text);
  return number;
}

// Reads the element at an offset of the storage, counted from the tensor's first one.
struct Reader {
  const Tensor& x;

  double floating(int64_t at) const {
    switch (x.dtype()) {
      case DType::float32: return read<float>(at);
      case DType::float64: return read<double>(at);
      case DType::float16: return to_float(read<Float16>(at));
      default: return to_float(read<BFloat16>(at));
    }
  }
  int64_t integer(int64_t at) const {
    switch (x.dtype()) {
      case DType::int8: return read<int8_t>(at);
      case DType::int16: return read<int16_t>(at);
      case DType::int32: return read<int32_t>(at);
      case DType::int64: return read<int64_t>(at);
      default: return read<uint8_t>(at);
    }
  }
  template <class T>
  T read(int64_t at) const {
    return reinterpret_cast<const T*>(x.data())[at];
  }
};

class Formatter {
 public:
  explicit Formatter(const Tensor& x) : reader_{x}, summarize_(x.numel() > kThreshold) {
    if (is_floating(x.dtype())) choose_form();
    measure();
  }

  void append(String& out, int dim, int64_t at, int64_t indent) const {
    const Tensor& x = reader_.x;
    if (x.rank() == 0) return append_text(out, text_of(at).view(), false);
    if (dim + 1 == x.rank()) return append_row(out, dim, at, indent);
    out.push_back('[');
    bool first = true;
    each_shown(dim, [&](int64_t i) {
      if (!first) {
        out.push_back(',');
        out.append(static_cast<size_t>(x.rank() - dim - 1), '\n');
        out.append(static_cast<size_t>(indent + 1), ' ');
      }
      first = false;
      if (i < 0) {
        out.append("...");
      } else {
        append(out, dim + 1, at + i * x.stride(dim), indent + 1);
      }
    });
    out.push_back(']');
  }

 private:
  // Calls f with the indices that are shown, -1 for those left out.
  template <class F>
  void each_shown(int dim, F&& f) const {
    const int64_t size = reader_.x.size(dim);
    const bool cut = summarize_ && size > 2 * kEdge;
    for (int64_t i = 0; i < (cut ? kEdge : size); ++i) f(i);
    if (!cut) return;
    f(int64_t{-1});
    for (int64_t i = size - kEdge; i < size; ++i) f(i);
  }

  template <class F>
  void each_element(int dim, int64_t at, F&& f) const {
    if (dim == reader_.x.rank()) return f(at);
    each_shown(dim, [&](int64_t i) {
      if (i >= 0) each_element(dim + 1, at + i * reader_.x.stride(dim), f);
    });
  }

  void choose_form() {
    double least = INFINITY, greatest = 0;
    bool whole = true;
    each_element(0, 0, [&](int64_t at) {
      const double value = reader_.floating(at);
      if (!std::isfinite(value) || value == 0) return;
      least = std::min(least, std::fabs(value));
      greatest = std::max(greatest, std::fabs(value));
      whole = whole && value == std::ceil(value);
    });
    if (greatest == 0) return;
    whole_ = whole;
    scientific_ = greatest / least > 1000 || greatest > 1e8 || (!whole && least < 1e-4);
  }

  void measure() {
    const bool floating = is_floating(reader_.x.dtype());
    each_element(0, 0, [&](int64_t at) {
      if (floating) {
        const double value = reader_.floating(at);
        if (!std::isfinite(value) || value == 0) return;
      }
      width_ = std::max(width_, text_of(at).length);
    });
  }

  Number text_of(int64_t at) const {
    const DType dtype = reader_.x.dtype();
    if (dtype == DType::boolean) {
      Number number;
      const std::string_view text = reader_.integer(at) != 0 ? "True" : "False";
      text.copy(number.text, text.size());
      number.length = text.size();
      return number;
    }
    if (!is_floating(dtype)) return written(reader_.integer(at));
    const double value = reader_.floating(at);
    if (scientific_) return written(value, std::chars_format::scientific, kDigits);
    if (!whole_) return written(value, std::chars_format::fixed, kDigits);
    Number number = written(value, std::chars_format::fixed, 0);
    if (std::isfinite(value)) number.text[number.length++] = '.';
    return number;
  }

  void append_text(String& out, std::string_view text, bool pad) const {
    if (pad && text.size() < width_) out.append(width_ - text.size(), ' ');
    out.append(text);
  }

  void append_row(String& out, int dim, int64_t at, int64_t indent) const {
    const int64_t width = static_cast<int64_t>(width_) + 2;
    const int64_t per_line = std::max<int64_t>(1, (kLineWidth - indent) / width);
    int64_t n = 0;
    out.push_back('[');
    each_shown(dim, [&](int64_t i) {
      if (n > 0) {
        out.append(n % per_line == 0 ? ",\n" : ", ");
        if (n % per_line == 0) out.append(static_cast<size_t>(indent + 1), ' ');
      }
      ++n;
      if (i < 0) {
        out.append(" ...");
      } else {
        append_text(out, text_of(at + i * reader_.x.stride(dim)).view(), true);
      }
    });
    out.push_back(']');
  }

  Reader reader_;
  bool summarize_;
  bool whole_ = true;  // all values are integers: "1."
  bool scientific_ = false;
  size_t width_ = 1;
};

void append_number(String& out, int64_t value) { out.append(written(value).view()); }

}  // namespace

String format_tensor(const Tensor& x, std::string_view past) {
  constexpr std::string_view prefix = "tensor(";
  const auto indent = static_cast<int64_t>(prefix.size());
  String out(prefix);
  Vector<String> suffixes;
  const bool empty = x.numel() == 0;
  if (empty) {
    out.append("[]");
    if (x.rank() != 1) {
      String size("size=(");
      for (int d = 0; d < x.rank(); ++d) {
        if (d > 0) size.append(", ");
        append_number(size, x.size(d));
      }
      size.push_back(')');
      suffixes.push_back(std::move(size));
    }
  } else {
    Formatter(x).append(out, 0, 0, indent);
  }
  const bool told_by_elements =
      x.dtype() == DType::float32 ||
      (!empty && (x.dtype() == DType::int64 || x.dtype() == DType::boolean));
  if (!told_by_elements) {
    String dtype("dtype=");
    dtype.append(name_of(x.dtype()));
    suffixes.push_back(std::move(dtype));
  }
  if (!past.empty()) suffixes.push_back(String(past));
  const size_t newline = out.rfind('\n');
  auto last_line =
      static_cast<int64_t>(newline == String::npos ? out.size() + 2 : out.size() - newline + 1);
  for (const String& suffix : suffixes) {
    const auto length = static_cast<int64_t>(suffix.size());
    if (last_line + length + 2 > kLineWidth) {
      out.append(",\n");
      out.append(static_cast<size_t>(indent), ' ');
      last_line = indent + length;
    } else {
      out.append(", ");
      last_line += length + 2;
    }
    out.append(suffix);
  }
  out.push_back(')');
  return out;
}

}  // namespace tg
