// SPDX-License-Identifier: MIT
// One pass from left to right, one token ahead, no recursion.
#include "ffi/signature.h"

#include <charconv>

#include "ffi/lexer.h"

namespace tg::ffi {

namespace {

bool find_type(std::string_view word, DType& dtype) {
  if (word == "f32")
    dtype = DType::float32;
  else if (word == "f64")
    dtype = DType::float64;
  else if (word == "i32")
    dtype = DType::int32;
  else if (word == "i64")
    dtype = DType::int64;
  else
    return false;
  return true;
}

bool find_direction(std::string_view word, Direction& direction) {
  if (word == "in")
    direction = Direction::input;
  else if (word == "out")
    direction = Direction::output;
  else if (word == "inout")
    direction = Direction::inout;
  else if (word == "work")
    direction = Direction::work;
  else
    return false;
  return true;
}

bool is_reserved(std::string_view word) {
  DType dtype;
  Direction direction;
  return find_type(word, dtype) || find_direction(word, direction) || word == "status" ||
         word == "grad" || word == "result";
}

class Parser {
 public:
  Parser(Signature& signature, const char* what, bool backward)
      : s_(signature), what_(what), backward_(backward), lexer_(signature.text) {
    token_ = lexer_.next();
  }

  void parse() {
    factor();
    for (;;) {
      parameter();
      if (token_.kind != TokenKind::comma) break;
      take();
    }
    if (token_.kind == TokenKind::arrow) returns();
    if (token_.kind != TokenKind::end) expected("',', '->' or the end");
    finish();
  }

 private:
  [[noreturn]] void expected(const char* text) { fail_signature(what_, token_.at, text, came()); }
  [[noreturn]] void wrong(size_t at, const char* text) { fail_signature(what_, at, text, {}); }
  std::string_view came() const { return token_.kind == TokenKind::end ? "the end" : token_.text; }

  Token take() {
    const Token taken = token_;
    token_ = lexer_.next();
    return taken;
  }

  void factor() {
    if (token_.kind != TokenKind::integer && token_.kind != TokenKind::real) return;
    const Token number = take();
    const char* const end = number.text.data() + number.text.size();
    const auto [stop, error] = std::from_chars(number.text.data(), end, s_.factor);
    if (error != std::errc() || stop != end) wrong(number.at, "the factor is no double");
    if (token_.kind != TokenKind::star) expected("'*' behind the factor");
    take();
    has_factor_ = true;
    form(true, number.at);
  }

  // The first word that belongs to one form alone decides; then none of the other may come.
  void form(bool elementwise, size_t at) {
    if (has_form_ && elementwise != s_.is_elementwise) {
      wrong(at, elementwise ? "an element without a name does not go with arrays and statuses"
                            : "arrays, statuses and named results do not go with elements, which "
                              "have no name, or with a factor");
    }
    has_form_ = true;
    s_.is_elementwise = elementwise;
  }

  DType type() {
    DType dtype;
    if (token_.kind != TokenKind::word || !find_type(token_.text, dtype)) {
      expected("a type (f32, f64, i32 or i64)");
    }
    take();
    return dtype;
  }

  Token name() {
    if (token_.kind != TokenKind::word) expected("a name");
    if (is_reserved(token_.text)) expected("a name, which no word of the language is");
    if (token_.text.size() > kMaxNameLength) wrong(token_.at, "the name has more than 31 bytes");
    return take();
  }

  void parameter() {
    if (s_.parameters.size() == kMaxParameters) wrong(token_.at, "more than 24 parameters");
    Parameter p{};
    p.at = token_.at;
    bool directed = false;
    if (token_.kind == TokenKind::word && token_.text == "status") {
      form(false, take().at);
      p.direction = Direction::status;
      p.dtype = integer_type();
      set_name(p, name());
      check_fresh(p);
      s_.parameters.push_back(p);
      return;
    }
    if (token_.kind == TokenKind::word) directed = find_direction(token_.text, p.direction);
    const Token direction = token_;
    if (directed) take();
    p.dtype = type();
    if (token_.kind == TokenKind::word) {
      named(p, directed);
    } else if (token_.kind == TokenKind::integer) {
      if (directed) expected("the name of an array");
      p.direction = Direction::number;
      size(p.size, p.dtype);
    } else {
      if (directed && p.direction != Direction::output) expected("the name of an array");
      form(true, directed ? direction.at : p.at);
      p.direction = directed ? Direction::out_element : Direction::element;
    }
    s_.parameters.push_back(p);
  }

  DType integer_type() {
    const size_t at = token_.at;
    const DType dtype = type();
    if (is_floating(dtype)) wrong(at, "a status is i32 or i64");
    return dtype;
  }

  void set_name(Parameter& p, const Token& name) {
    p.at = name.at;
    p.length = static_cast<uint16_t>(name.text.size());
  }

  void named(Parameter& p, bool directed) {
    bool role = false;
    if (token_.text == "grad" || token_.text == "result") {
      if (!backward_) wrong(token_.at, "grad and result belong into a backward signature");
      p.of = take().text == "grad" ? Of::grad : Of::result;
      role = true;
    }
    const Token token = name();
    set_name(p, token);
    if (token_.kind == TokenKind::open) {
      form(false, token.at);
      if (!directed) p.direction = Direction::input;
      extents(p);
      check_fresh(p);
      return;
    }
    if (directed || role) expected("'['");
    p.direction = Direction::number;
    add_name(p.size, token, is_floating(p.dtype) ? Use::real : Use::integer);
    more_factors(p.size, p.dtype);
  }

  void extents(Parameter& p) {
    while (token_.kind == TokenKind::open) {
      if (p.rank == kMaxExtents) wrong(token_.at, "an array has more than 8 dimensions");
      const Token open = take();
      if (token_.kind == TokenKind::close && p.rank == 0) {
        take();
        if (token_.kind == TokenKind::open) wrong(open.at, "[] stands alone: it has no dimension");
        return;
      }
      Size& extent = p.extents[p.rank++];
      if (token_.kind == TokenKind::word) {
        add_name(extent, name(), Use::extent);
        more_factors(extent, DType::int64);
      } else {
        size(extent, DType::int64);
      }
      if (token_.kind != TokenKind::close) expected("']' or '*'");
      take();
    }
  }

  // A product that begins with an integer.
  void size(Size& size, DType dtype) {
    if (token_.kind != TokenKind::integer) expected("a name or an integer");
    integer(size);
    more_factors(size, dtype);
  }
  void more_factors(Size& size, DType dtype) {
    for (int factors = 1; token_.kind == TokenKind::star; ++factors) {
      if (factors == kMaxFactors) wrong(token_.at, "a product has more than 4 factors");
      if (is_floating(dtype)) wrong(token_.at, "a product is of integers");
      take();
      if (token_.kind == TokenKind::integer) {
        integer(size);
      } else {
        add_name(size, name(), Use::extent);
      }
    }
  }
  void integer(Size& size) {
    const Token number = take();
    int64_t value = 0;
    const char* const end = number.text.data() + number.text.size();
    const auto [stop, error] = std::from_chars(number.text.data(), end, value);
    if (error != std::errc() || stop != end ||
        !checked_multiply(size.constant, value, &size.constant)) {
      wrong(number.at, "the number is greater than 2^63 - 1");
    }
  }

  // extent: a name that stands in a size is an integer, whatever it is passed as.
  enum class Use : uint8_t { integer, real, extent };
  void add_name(Size& size, const Token& token, Use use) {
    for (const Parameter& p : s_.parameters) {
      if (p.direction != Direction::number && p.length != 0 && s_.name_of(p) == token.text) {
        wrong(token.at, "the name is that of an array or a status");
      }
    }
    const bool is_integer = use != Use::real;
    for (size_t i = 0; i < s_.names.size(); ++i) {
      Name& known = s_.names[i];
      if (s_.name_of(known) != token.text) continue;
      if (known.is_integer != is_integer) {
        wrong(token.at, "the name stands for an integer and for a floating-point number");
      }
      known.is_passed = known.is_passed || use != Use::extent;
      size.names[size.count++] = static_cast<int8_t>(i);
      return;
    }
    if (s_.names.size() == kMaxNames) wrong(token.at, "more than 24 names of numbers");
    s_.names.push_back({token.at, static_cast<uint16_t>(token.text.size()), is_integer, false,
                        use != Use::extent});
    size.names[size.count++] = static_cast<int8_t>(s_.names.size() - 1);
  }

  // No other array of the same role has the name, nor has a number.
  void check_fresh(const Parameter& p) {
    for (const Name& known : s_.names) {
      if (s_.name_of(known) == s_.name_of(p)) wrong(p.at, "the name is that of a number");
    }
    for (const Parameter& other : s_.parameters) {
      if (other.length == 0 || other.direction == Direction::number) continue;
      if (other.of != p.of || s_.name_of(other) != s_.name_of(p)) continue;
      // The gradient of an inout array comes in and goes out, in two arrays or in one.
      const bool apart = p.of == Of::grad && !(p.is_input() && other.is_input()) &&
                         !(p.is_output() && other.is_output());
      if (!apart) wrong(p.at, "the name is given twice");
    }
  }

  void returns() {
    take();
    const size_t at = token_.at;
    s_.returned = type();
    if (token_.kind != TokenKind::word) {
      form(true, at);
      s_.returns = Returns::element;
      return;
    }
    form(false, at);
    if (token_.text == "status") {
      if (is_floating(s_.returned)) wrong(at, "a status is i32 or i64");
      take();
      s_.returns = Returns::status;
      return;
    }
    Parameter p{};
    p.direction = Direction::output;
    set_name(p, name());
    check_fresh(p);
    s_.returns = Returns::value;
    s_.returned_at = p.at;
    s_.returned_length = p.length;
  }

  void finish() {
    for (const Parameter& p : s_.parameters) {
      if (p.direction != Direction::input && p.direction != Direction::inout) continue;
      for (int d = 0; d < p.rank; ++d) {
        if (p.extents[d].is_name()) {
          s_.names[static_cast<size_t>(p.extents[d].names[0])].is_told = true;
        }
      }
    }
    bool element = false;
    for (const Parameter& p : s_.parameters) {
      element = element || p.direction == Direction::element;
      if (has_factor_ && p.direction == Direction::out_element && !is_floating(p.dtype)) {
        wrong(p.at, "a factor needs floating-point results");
      }
    }
    if (has_factor_ && s_.returns == Returns::element && !is_floating(s_.returned)) {
      wrong(s_.text.size(), "a factor needs floating-point results");
    }
    if (s_.is_elementwise && !element) wrong(s_.text.size(), "no element: give a type alone");
    if (s_.outputs() == 0) wrong(s_.text.size(), "no result: give an out array or a result");
  }

  Signature& s_;
  const char* what_;
  bool backward_;
  bool has_form_ = false, has_factor_ = false;
  Lexer lexer_;
  Token token_;
};

}  // namespace

int Signature::inputs() const {
  int n = 0;
  for (const Parameter& p : parameters) n += p.is_input();
  return n;
}
int Signature::outputs() const {
  int n = returns == Returns::element || returns == Returns::value;
  for (const Parameter& p : parameters) n += p.is_output();
  return n;
}
int Signature::arguments() const {
  int n = 0;
  for (const Name& name : names) n += !name.is_told;
  return n;
}

void fail_signature(const char* what, size_t at, const char* text, std::string_view came) {
  const auto byte = static_cast<int64_t>(at);
  if (came.empty()) {
    fail_number(TG_ERROR_FORMAT, byte, what, ", byte ", byte, ": ", text,
                "; docs/ffi.md has the grammar");
  }
  fail_number(TG_ERROR_FORMAT, byte, what, ", byte ", byte, ": expected ", text, ", came ",
              Quoted{came}, "; docs/ffi.md has the grammar");
}

Signature parse_signature(std::string_view text, const char* what, bool backward) {
  if (text.size() > kMaxSignature) {
    fail_signature(what, kMaxSignature, "the text is longer than 4096 bytes", {});
  }
  Signature signature;
  signature.text.assign(text.data(), text.size());
  Parser(signature, what, backward).parse();
  return signature;
}

}  // namespace tg::ffi
