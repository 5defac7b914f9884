// SPDX-License-Identifier: MIT
// What a signature says, and that no text at all brings its reader to anything but an answer or an
// error with a place in the text.
#include "ffi/signature.h"

#include <catch2/catch.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"

using namespace tg::ffi;
using tg::DType;

namespace {

Signature parsed(std::string_view text, bool backward = false) {
  return parse_signature(text, "signature", backward);
}

}  // namespace

TEST_CASE("the short form says elements, numbers, results and a factor", "[ffi]") {
  const Signature s = parsed("-1.5e1*i32 n,f64\t,i64 3 , out f32->f64");
  CHECK(s.is_elementwise);
  CHECK(s.factor == -15);
  REQUIRE(s.parameters.size() == 4);
  CHECK(s.parameters[0].direction == Direction::number);
  CHECK(s.parameters[1].direction == Direction::element);
  CHECK(s.parameters[2].size.constant == 3);
  CHECK(s.parameters[3].direction == Direction::out_element);
  CHECK(s.parameters[3].dtype == DType::float32);
  CHECK(s.returns == Returns::element);
  CHECK(s.inputs() == 1);
  CHECK(s.outputs() == 2);
  CHECK(s.arguments() == 1);
}

TEST_CASE("the long form says arrays and who tells their sizes", "[ffi]") {
  const Signature s = parsed(
      "i32 m, i64 n, in f64 a[m][n], work f32 w[2*m*n], inout i64 k[3][p], out f64 y[q], f64 t,\n"
      "status i32 info -> i64 status");
  CHECK_FALSE(s.is_elementwise);
  REQUIRE(s.parameters.size() == 8);
  const Parameter& w = s.parameters[3];
  CHECK(w.direction == Direction::work);
  CHECK(w.rank == 1);
  CHECK(w.extents[0].constant == 2);
  CHECK(w.extents[0].count == 2);
  CHECK(s.name_of(w) == "w");
  CHECK(s.parameters[4].direction == Direction::inout);
  CHECK(s.parameters[4].extents[0].constant == 3);
  CHECK(s.parameters[7].direction == Direction::status);
  CHECK(s.returns == Returns::status);
  CHECK(s.returned == DType::int64);
  REQUIRE(s.names.size() == 5);
  const char* const names[] = {"m", "n", "p", "q", "t"};
  const bool told[] = {true, true, true, false, false};
  for (size_t i = 0; i < 5; ++i) {
    CHECK(s.name_of(s.names[i]) == names[i]);
    CHECK(s.names[i].is_told == told[i]);
    CHECK(s.names[i].is_integer == (i < 4));
  }
  CHECK(s.inputs() == 2);
  CHECK(s.outputs() == 2);
  CHECK(s.arguments() == 2);
}

TEST_CASE("roles belong to a backward, where each gradient has a way in and a way out", "[ffi]") {
  const Signature s =
      parsed("f64 b[n], f64 result b[n], f64 grad b[n], out f64 grad b[n], f64 grad s[]", true);
  REQUIRE(s.parameters.size() == 5);
  CHECK(s.parameters[0].of == Of::value);
  CHECK(s.parameters[1].of == Of::result);
  CHECK(s.parameters[2].of == Of::grad);
  CHECK(s.parameters[3].of == Of::grad);
  CHECK(s.parameters[4].rank == 0);
  CHECK(s.inputs() == 4);
  CHECK(s.outputs() == 1);
}

TEST_CASE("any text at all is a signature or an error with a place in it", "[ffi][random]") {
  const char* const pieces[] = {
      "f64",    "f32",  "i32",    "i64", "in", "out", "inout", "work",
      "status", "grad", "result", "x",   "n",  "m_1", "[",     "]",
      "[]",     ",",    "->",     "*",   "-",  "7",   "0",     "2.5",
      "-1e3",   " ",    "\t",     "\n",  ".",  "\0",  "\xc3",  "9999999999999999999999"};
  const char* const good[] = {"f64 -> f64", "f32, f64 -> f32", "i32 n, f64 x[n], out f64 y[n]",
                              "f64 a[m][n], inout f64 b[n], work f64 w[4*n] -> i32 status"};
  std::mt19937_64 random(20240811);
  size_t sound = 0, wrong = 0;
  for (int game = 0; game < 200'000; ++game) {
    std::string text;
    if (random() % 4 == 0) {  // a sound one with a piece put over some of its letters
      text = good[random() % std::size(good)];
      const size_t at = random() % (text.size() + 1);
      text.replace(at, random() % 4, pieces[random() % std::size(pieces)]);
    } else {
      for (uint64_t n = random() % 14; n > 0; --n) {
        text += pieces[random() % std::size(pieces)];
        if (random() % 3 == 0) text += ' ';
      }
    }
    if (random() % 50 == 0) {
      for (char& c : text) c = static_cast<char>(random());
    }
    const bool backward = random() % 2 == 0;
    try {
      const Signature s = parsed(text, backward);
      ++sound;
      CHECK(s.outputs() > 0);
      CHECK(s.parameters.size() <= kMaxParameters);
    } catch (const tg::Error& error) {
      ++wrong;
      if (error.code != TG_ERROR_FORMAT || error.number < 0 ||
          error.number > static_cast<int64_t>(text.size())) {
        FAIL_CHECK(text << ": code " << error.code << ", byte " << error.number);
      }
    }
  }
  WARN(sound << " signatures, " << wrong << " errors");
  CHECK(sound > 200);
  CHECK(wrong > 100'000);
}
