// SPDX-License-Identifier: MIT
// .npy files that must be refused, and odd ones that must be read, built byte by byte. The rows N1,
// N2, ... group them by the fault; every row says which status and which words it gives.
#pragma once

#include "corpus/safetensors.h"

namespace corpus {

inline std::string little_endian(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

// Magic, version, length, text and data, as they are given.
inline std::string npy(const std::string& text, const std::string& data = "", int major = 1) {
  return std::string("\x93NUMPY") + static_cast<char>(major) + '\0' +
         little_endian(text.size(), major == 1 ? 2 : 4) + text + data;
}
inline std::string npy(const std::string& text, size_t data_bytes) {
  return npy(text, std::string(data_bytes, '\1'));
}
inline std::string npy_text(const std::string& descr, const std::string& order,
                            const std::string& shape) {
  return "{'descr': " + descr + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}
inline std::string npy_file(const std::string& descr, const std::string& shape,
                            const std::string& data) {
  return npy(npy_text("'" + descr + "'", "False", shape), data);
}

inline const std::string& small_npy() {
  static const std::string file = npy_file("<f4", "(2, 2)", std::string(16, '\1'));
  return file;
}

inline std::vector<File> hostile_npy() {
  std::vector<File> files;
  const auto add = [&](const std::string& row, const std::string& bytes, const std::string& phrase,
                       tg_status status = TG_ERROR_FORMAT) {
    files.push_back({row, bytes, status, phrase});
  };
  const auto add_text = [&](const std::string& row, const std::string& text,
                            const std::string& phrase, tg_status status = TG_ERROR_FORMAT) {
    add(row, npy(text, 16), phrase, status);
  };
  const auto add_descr = [&](const std::string& row, const std::string& descr,
                             const std::string& phrase, tg_status status = TG_ERROR_UNSUPPORTED) {
    add_text(row, npy_text(descr, "False", "(2, 2)"), phrase, status);
  };
  const auto add_shape = [&](const std::string& row, const std::string& shape,
                             const std::string& phrase, tg_status status = TG_ERROR_FORMAT) {
    add_text(row, npy_text("'<f4'", "False", shape), phrase, status);
  };
  const std::string sound = npy_text("'<f4'", "False", "(2, 2)");

  for (size_t size = 0; size < 10; ++size) {
    add("N1: " + std::to_string(size) + " bytes", small_npy().substr(0, size),
        "has " + std::to_string(size) + " bytes; magic, version and length at byte 0 take 10");
  }
  std::string other = small_npy();
  other[0] = '\x94';
  add("N2: first byte 94", other, "magic bytes 93 NUMPY at byte 0");
  add("N2: a pickle", "\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00(K\x01K\x02t.", "magic");
  add("N2: a zip archive", "PK\x03\x04" + std::string(60, '\1'), "tg_npz_load");
  for (const std::string& version :
       {std::string("\0\0", 2), std::string("\1\1"), std::string("\4\0", 2), std::string("\2\1")}) {
    other = small_npy();
    other.replace(6, 2, version);
    add("N3: version " + std::to_string(version[0]) + "." + std::to_string(version[1]), other,
        "version at byte 6 is " + std::to_string(version[0]) + "." + std::to_string(version[1]));
  }
  add("N4: length 65535 past the end", std::string("\x93NUMPY\1\0\xff\xff", 10) + sound,
      "header length at byte 8 is 65535");
  add("N4: length one past the end",
      std::string("\x93NUMPY\1\0", 8) + little_endian(sound.size() + 1, 2) + sound,
      "header length at byte 8 is " + std::to_string(sound.size() + 1));
  for (size_t size = 10; size < 13; ++size) {
    add("N4: version 2, length FFFFFFF0, " + std::to_string(size) + " bytes",
        std::string("\x93NUMPY\2\0\xf0\xff\xff\xff", 12).substr(0, size),
        "header length at byte 8");
  }
  add("N5: a header of 1 MiB, really there",
      npy(sound + std::string((1 << 20) - sound.size(), ' '), std::string(16, '\1'), 2),
      "header length at byte 8 is 1048576, at most 65536", TG_ERROR_LIMIT);
  add_text("N6: length 0", "", "byte 10: '{' of the header expected, the header ends");
  add_text("N7: a list", "['descr', '<f4']", "byte 10: '{' of the header expected, found '['");
  add_text("N7: text behind", sound + " x", "the end of the header expected, found 'x'");
  add_text("N7: a second dict", sound + sound, "the end of the header expected, found '{'");
  add_text("N7: a NUL behind", sound + std::string(1, '\0'), "found byte 00");
  add_text("N7: a call", "{'descr': '<f4', 'fortran_order': False, 'shape': tuple([2,2])}",
           "'(' of the shape expected, found 't'");
  add_text("N7: an operator", npy_text("'<f4'", "False", "(2, 1+1)"), "found '+'");
  add_text("N7: 60,000 brackets", "{'shape': " + std::string(60'000, '('),
           "a size in decimal digits expected, found '('");
  add_text("N7: 60,000 brackets as descr", "{'descr': " + std::string(60'000, '['),
           "a descr without its closing bracket");
  add_text("N7: no closing quote", "{'descr", "byte 11: a text without its closing quote");
  add_text("N7: an escape", "{'\\x64escr': '<f4'}", "no plain character of a text, found '\\'");
  add_text("N7: a prefix", "{b'descr': '<f4'}", "a key in quotes expected, found 'b'");
  add_text("N7: two texts", "{'de' 'scr': '<f4'}", "\"de\" is no key of the format");
  add_text("N7: no colon", "{'descr' '<f4'}", "':' behind a key expected");
  add_text("N7: no comma", "{'descr': '<f4' 'shape': ()}", "',' or '}' behind a value expected");
  add_text("N7: a comma alone", "{,}", "a key in quotes expected, found ','");
  for (size_t size = 1; size < sound.size(); ++size) {
    add_text("N7: cut at " + std::to_string(size), sound.substr(0, size), "byte ");
  }
  add_text("N8: empty dict", "{}", "the header has no \"descr\"");
  add_text("N8: no descr", "{'fortran_order': False, 'shape': (2, 2)}", "no \"descr\"");
  add_text("N8: no order", "{'descr': '<f4', 'shape': (2, 2)}", "no \"fortran_order\"");
  add_text("N8: no shape", "{'descr': '<f4', 'fortran_order': False}", "no \"shape\"");
  add_text("N8: another key", "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), 'x': 1}",
           "\"x\" is no key of the format");
  add_text("N8: shape twice",
           "{'descr': '<f4', 'shape': (2, 2), 'fortran_order': False, 'shape': (2, 2)}",
           "\"shape\" appears twice, before at byte 27");
  add_text("N9: order 1", npy_text("'<f4'", "1", "(2, 2)"), "True or False of fortran_order");
  add_text("N9: order 'True'", npy_text("'<f4'", "'True'", "(2, 2)"), "True or False");
  add_text("N9: order true", npy_text("'<f4'", "true", "(2, 2)"), "True or False");
  add_descr("N10: a pickle of objects", "'|O'", "byte 20: descr '|O' is a pickled object array");
  add_descr("N11: text", "'<U4'", "descr '<U4' has no dtype here");
  add_descr("N11: structured", "[('a', '<f4'), ('b', '<i4', (2,))]",
            "descr '[('a', '<f4'), ('b', '<i4', (2,))]' has no dtype here");
  add_descr("N11: a tuple", "('<f4', (2,))", "descr '('<f4', (2,))'");
  for (const std::string descr : {"<c8", "<M8[ns]", "<u2", "<u4", "<u8", "<f16", "|S4", "|V2"}) {
    add_descr("N11: " + descr, "'" + descr + "'", "descr '" + descr + "' has no dtype here");
  }
  for (const std::string descr :
       {"", "<", "<f3", "<ixy", "f4", "=f4", "|f4", "<f04", "<f4 ", " <f4", "<f-4", "<F4", "4f<"}) {
    add_descr("N12: descr '" + descr + "'", "'" + descr + "'",
              "descr '" + descr + "' has no dtype");
  }
  add_descr("N12: <f999...", "'<f" + std::string(5000, '9') + "'", "descr '<f999");
  add_descr("N12: a number", "4", "a descr in quotes expected, found '4'", TG_ERROR_FORMAT);
  add_shape("N14: a list", "[2, 2]", "'(' of the shape expected, found '['");
  add_shape("N14: no tuple", "(4)", "',' of a shape of one size expected");
  add_shape("N14: a number", "4", "'(' of the shape expected, found '4'");
  add_shape("N14: negative", "(-2, -2)", "a size in decimal digits expected, found '-'");
  add_shape("N14: -1", "(-1,)", "a size in decimal digits expected, found '-'");
  add_shape("N14: plus", "(+4,)", "a size in decimal digits expected, found '+'");
  add_shape("N14: a fraction", "(2.0, 2)", "',' or ')' behind a size expected, found '.'");
  add_shape("N14: an exponent", "(4e0,)", "found 'e'");
  add_shape("N14: True", "(True, 4)", "a size in decimal digits expected, found 'T'");
  add_shape("N14: an underscore", "(1_0, 2)", "found '_'");
  add_shape("N14: hexadecimal", "(0x2, 2)", "found 'x'");
  add_shape("N14: a leading zero", "(02, 2)", "a size has a leading zero");
  add_shape("N14: nested", "((2, 2),)", "a size in decimal digits expected, found '('");
  add_shape("N14: a comma alone", "(,)", "a size in decimal digits expected, found ','");
  add_shape("N14: two commas", "(2,, 2)", "a size in decimal digits expected, found ','");
  add_shape("N15: 2^32, 2^32", "(4294967296, 4294967296)", "needs more than 2^63 - 1 bytes");
  add_shape("N15: 2^64 + 2", "(18446744073709551618,)", "a size is above 2^63 - 1");
  add_shape("N15: 2^63", "(9223372036854775808, 0)", "a size is above 2^63 - 1");
  add_shape("N15: bytes wrap", "(4611686018427387908,)", "needs more than 2^63 - 1 bytes");
  add_shape("N15: hidden by a 0", "(4294967296, 4294967296, 0)", "needs more than 2^63 - 1 bytes");
  add_shape("N15: a 0 in front", "(0, 4294967296, 4294967296)", "needs more than 2^63 - 1 bytes");
  add("N16: one byte short", npy(sound, 15), "shape (2, 2) of '<f4' needs 16 bytes, 15 follow");
  add("N16: no data", npy(sound, size_t{0}), "needs 16 bytes, 0 follow the header");
  add_shape("N16: 2^40 elements", "(1099511627776,)",
            "shape (1099511627776,) of '<f4' needs 4398046511104 bytes, 16 follow");
  add("N17: one byte behind", npy(sound, 17), "needs 16 bytes, 17 follow the header at byte");
  add_shape("N18: rank 17", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2,2)", "more than 16 dimensions",
            TG_ERROR_LIMIT);
  std::string many = "(";
  for (int i = 0; i < 10'000; ++i) many += "1,";
  add_shape("N18: rank 10,000", many + ")", "more than 16 dimensions", TG_ERROR_LIMIT);
  return files;
}

// Files that are read, with the elements that they give in row-major order.
struct SoundNpy {
  std::string row, bytes;
  int32_t dtype;
  std::vector<int64_t> shape;
  std::string elements;
};

inline std::vector<SoundNpy> sound_npy() {
  const std::string data("\x00\x00\x80\x3f\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40", 16);
  const std::string big("\x3f\x80\x00\x00\x40\x00\x00\x00\x40\x40\x00\x00\x40\x80\x00\x00", 16);
  const std::string crossed =
      data.substr(0, 4) + data.substr(8, 4) + data.substr(4, 4) + data.substr(12, 4);
  const std::string text = npy_text("'<f4'", "False", "(2, 2)");
  const std::string one = data.substr(0, 4);
  return {
      {"N6: not padded", npy(text, data), TG_FLOAT32, {2, 2}, data},
      {"padded to 64",
       npy(text + std::string(54 + 64 - text.size(), ' '), data),
       TG_FLOAT32,
       {2, 2},
       data},
      {"N5: a header of 65535 bytes",
       npy(text + std::string(65'535 - text.size(), ' '), data),
       TG_FLOAT32,
       {2, 2},
       data},
      {"N5: a header of 65536 bytes",
       npy(text + std::string(65'536 - text.size(), ' '), data, 2),
       TG_FLOAT32,
       {2, 2},
       data},
      {"version 2", npy(text, data, 2), TG_FLOAT32, {2, 2}, data},
      {"version 3", npy(text, data, 3), TG_FLOAT32, {2, 2}, data},
      {"blanks and other quotes",
       npy(" \t{ \"shape\" :( 2 ,\n2 , ) ,\r\"fortran_order\":False,\"descr\":'<f4'}\n", data),
       TG_FLOAT32,
       {2, 2},
       data},
      {"N9: Fortran order",
       npy(npy_text("'<f4'", "True", "(2, 2)"), data),
       TG_FLOAT32,
       {2, 2},
       crossed},
      {"N13: big-endian", npy(npy_text("'>f4'", "False", "(2, 2)"), big), TG_FLOAT32, {2, 2}, data},
      {"N13: big-endian in Fortran order",
       npy(npy_text("'>f4'", "True", "(2, 2)"), big),
       TG_FLOAT32,
       {2, 2},
       crossed},
      {"N14: Python 2's long numbers", npy_file("<f4", "(2L, 2L)", data), TG_FLOAT32, {2, 2}, data},
      {"N18: a scalar", npy_file("<f4", "()", one), TG_FLOAT32, {}, one},
      {"N18: no element", npy_file("<f4", "(0, 3)", ""), TG_FLOAT32, {0, 3}, ""},
      {"N18: no element, Fortran order",
       npy(npy_text("'<f4'", "True", "(3, 0)")),
       TG_FLOAT32,
       {3, 0},
       ""},
      {"N18: rank 16", npy_file("<f4", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)", one), TG_FLOAT32,
       std::vector<int64_t>(16, 1), one},
      {"bools of 07 and FF",
       npy_file("|b1", "(3,)", std::string("\7\xff\0", 3)),
       TG_BOOL,
       {3},
       std::string("\1\1\0", 3)},
      {"a byte with an order", npy_file("<u1", "(2,)", "ab"), TG_UINT8, {2}, "ab"},
  };
}

}  // namespace corpus
