// SPDX-License-Identifier: MIT
// What a foreign routine takes and gives, read from text. The language, with its grammar, is that
// of docs/ffi.md.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/blocks.h"
#include "base/dtype.h"
#include "core/shape.h"

namespace tg::ffi {

inline constexpr size_t kMaxSignature = 4096;  // bytes
inline constexpr int kMaxParameters = 24;
inline constexpr int kMaxNames = 24;
inline constexpr size_t kMaxNameLength = 31;
inline constexpr int kMaxExtents = 8;  // the rank of an array
inline constexpr int kMaxFactors = 4;

enum class Direction : uint8_t {
  element,  // of an operand, in an elementwise signature
  out_element,
  input,
  output,
  inout,
  work,
  number,  // a size, an argument of the call, a constant
  status,
};
// In a backward signature: what of the forward call an array is.
enum class Of : uint8_t { value, grad, result };

// A product. constant is the product of the integers; names are those of Signature::names.
struct Size {
  int64_t constant = 1;
  int8_t count = 0;
  int8_t names[kMaxFactors] = {};

  bool is_name() const { return constant == 1 && count == 1; }
};

struct Parameter {
  Direction direction;
  DType dtype;
  Of of = Of::value;
  int8_t rank = 0;
  uint16_t at = 0, length = 0;  // the name, in the text
  Size size;                    // of a number
  Size extents[kMaxExtents];    // of an array

  bool is_input() const {
    return direction == Direction::element || direction == Direction::input ||
           direction == Direction::inout;
  }
  bool is_output() const {
    return direction == Direction::out_element || direction == Direction::output ||
           direction == Direction::inout;
  }
};

// A name that stands for a number: a size that an input array tells, or an argument of the call.
struct Name {
  uint16_t at, length;
  bool is_integer;  // else an argument that is a floating-point number
  bool is_told;     // by an input array
  bool is_passed;   // as a parameter, which told whether it is an integer
};

enum class Returns : uint8_t { nothing, element, value, status };

struct Signature {
  String text;
  bool is_elementwise = false;
  double factor = 1;  // of the results of an elementwise function
  Returns returns = Returns::nothing;
  DType returned = DType::float64;
  uint16_t returned_at = 0, returned_length = 0;
  Vector<Parameter> parameters;
  Vector<Name> names;  // in the order in which they first appear

  std::string_view name_of(const Parameter& parameter) const {
    return std::string_view(text).substr(parameter.at, parameter.length);
  }
  std::string_view name_of(const Name& name) const {
    return std::string_view(text).substr(name.at, name.length);
  }
  std::string_view returned_name() const {
    return std::string_view(text).substr(returned_at, returned_length);
  }
  int inputs() const;   // operands
  int outputs() const;  // results; what is returned is the last
  int arguments() const;
};

// what: the name of the argument that the text came in, for messages. backward: the words grad and
// result are known. Throws TG_ERROR_FORMAT with the byte offset.
Signature parse_signature(std::string_view text, const char* what, bool backward);

[[noreturn, gnu::cold]] void fail_signature(const char* what, size_t at, const char* text,
                                            std::string_view came);

}  // namespace tg::ffi
