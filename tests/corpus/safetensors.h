// SPDX-License-Identifier: MIT
// Safetensors files that must be refused, and odd ones that must be read, built byte by byte. The
// rows S1, S2, ... group them by the fault; every row says which status and which words it gives.
// It needs the public header alone, so that tests of the inside and of the C ABI share it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tapegrad/tapegrad.h"

namespace corpus {

struct File {
  std::string row;     // "S10: same name twice"
  std::string bytes;   // the whole file
  tg_status status;    // what reading it gives
  std::string phrase;  // what the message holds; empty where the file is sound
};

inline std::string length_bytes(uint64_t length) {
  std::string bytes;
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(length >> (8 * i) & 0xff);
  return bytes;
}

// Header with its own length in front, then the data.
inline std::string file(const std::string& header, const std::string& data = "") {
  return length_bytes(header.size()) + header + data;
}
inline std::string file(const std::string& header, size_t data_bytes) {
  return file(header, std::string(data_bytes, '\1'));
}

inline std::string entry(const std::string& name, const std::string& dtype,
                         const std::string& shape, const std::string& offsets) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape +
         ",\"data_offsets\":" + offsets + "}";
}
inline std::string sound_entry(const std::string& name) {
  return entry(name, "F32", "[2,2]", "[0,16]");
}

inline std::string repeated(const std::string& text, size_t count) {
  std::string out;
  out.reserve(text.size() * count);
  for (size_t i = 0; i < count; ++i) out += text;
  return out;
}

// Many tensors without elements: sound, and 60 bytes of header for each.
inline std::string many_entries(int count) {
  std::string header = "{";
  for (int i = 0; i < count; ++i) {
    std::string name = std::to_string(i);
    name.insert(0, 8 - name.size(), '0');
    header += (i == 0 ? "" : ",") + entry(name, "F32", "[0]", "[0,0]");
  }
  return file(header + "}");
}

inline std::vector<File> hostile() {
  std::vector<File> files;
  const auto add = [&](const std::string& row, const std::string& bytes, const std::string& phrase,
                       tg_status status = TG_ERROR_FORMAT) {
    files.push_back({row, bytes, status, phrase});
  };
  // One tensor "w" whose entry is `value`, in front of 16 bytes of data.
  const auto add_value = [&](const std::string& row, const std::string& value,
                             const std::string& phrase, tg_status status = TG_ERROR_FORMAT) {
    add(row, file("{\"w\":" + value + "}", 16), phrase, status);
  };
  const auto add_entry = [&](const std::string& row, const std::string& dtype,
                             const std::string& shape, const std::string& offsets,
                             const std::string& phrase, tg_status status = TG_ERROR_FORMAT) {
    add(row, file("{" + entry("w", dtype, shape, offsets) + "}", 16), phrase, status);
  };
  const std::string sound = "{" + sound_entry("w") + "}";

  for (size_t size = 0; size < 8; ++size) {
    add("S1: " + std::to_string(size) + " bytes", std::string(size, '\0'),
        "header length at byte 0 takes 8 bytes, the file has " + std::to_string(size));
  }
  const std::string size_of_sound = std::to_string(8 + sound.size());
  for (const uint64_t more : {1, 1000}) {
    add("S2: header " + std::to_string(more) + " past the end",
        length_bytes(sound.size() + more) + sound,
        "header length at byte 0 is " + std::to_string(sound.size() + more) + ", the file has " +
            size_of_sound + " bytes");
  }
  add("S3: length 0", length_bytes(0), "header length at byte 0 is 0");
  add("S3: length 0, text behind", length_bytes(0) + sound, "header length at byte 0 is 0");
  add("S4: length 2^63", length_bytes(uint64_t{1} << 63) + sound,
      "header length at byte 0 is 9223372036854775808, the file has " + size_of_sound);
  add("S4: length 2^64 - 8", length_bytes(UINT64_MAX - 7) + sound, "is 18446744073709551608");
  add("S4: length 2^32 too long", length_bytes((uint64_t{1} << 32) + sound.size()) + sound,
      "header length at byte 0 is");

  add("S6: byte FF in a name", file("{\"a\xff\":" + sound),
      "header byte 3: the header is not UTF-8");
  add("S6: overlong NUL", file("{\"a\xc0\x80\":" + sound),
      "header byte 3: the header is not UTF-8");
  add("S6: overlong slash of three", file("{\"a\xe0\x80\xaf\":" + sound), "not UTF-8");
  add("S6: overlong of four", file("{\"a\xf0\x80\x80\xaf\":" + sound), "not UTF-8");
  add("S6: surrogate", file("{\"a\xed\xa0\x80\":" + sound),
      "header byte 3: the header is not UTF-8");
  add("S6: above U+10FFFF", file("{\"a\xf4\x90\x80\x80\":" + sound), "not UTF-8");
  add("S6: lead byte F5", file("{\"a\xf5\x80\x80\x80\":" + sound), "not UTF-8");
  add("S6: continuation alone", file("{\"a\x80\":" + sound), "not UTF-8");
  add("S6: character cut by the end", file("{\"a\xe2\x82"),
      "header byte 3: the header is not UTF-8");
  add("S6: character that ends in the data", file("{\"a\xe2\x82", "\x82\":{}}"),
      "header byte 3: the header is not UTF-8");
  add("S6: character cut by a quote", file("{\"a\xe2\x82\":" + sound), "not UTF-8");

  add("S7: begins with [", file("[" + sound + "]", 16),
      "header byte 0: '{' of the header expected");
  add("S7: byte order mark", file("\xef\xbb\xbf" + sound, 16), "found byte EF");
  add("S7: a text", file("\"w\"  "), "'{' of the header expected, found '\"'");
  add("S7: blanks alone", file("        "), "'{' of the header expected, the header ends");
  add("S7: form feed in front", file("\f" + sound, 16),
      "header byte 0: '{' of the header expected");

  for (size_t size = 1; size < sound.size(); ++size) {
    add("S8: JSON cut at " + std::to_string(size), file(sound.substr(0, size), 16), "header byte");
  }
  add("S8: comma before }", file("{" + sound_entry("w") + ",}", 16), "a tensor's name in quotes");
  add("S8: comma in an entry", file("{\"w\":{\"dtype\":\"F32\",}}", 16),
      "a key in quotes expected");
  add("S8: comma in a shape", file("{" + entry("w", "F32", "[4,]", "[0,16]") + "}", 16),
      "a number in digits expected, found ']'");
  add("S8: comma alone", file("{,}"), "a tensor's name in quotes expected");
  add("S8: no comma", file("{" + sound_entry("w") + sound_entry("v") + "}", 16),
      "',' or '}' behind an entry expected");
  add("S8: text behind }", file(sound + "x", 16), "the end of the header expected, found 'x'");
  add("S8: second object", file(sound + sound, 16), "the end of the header expected, found '{'");
  add("S8: padded with NUL", file(sound + std::string(3, '\0'), 16),
      "the end of the header expected, found byte 00");
  add("S8: comment", file("/* w */" + sound, 16), "'{' of the header expected, found '/'");
  add("S8: comment inside", file("{//\n" + sound_entry("w") + "}", 16), "found '/'");
  add("S8: control character in a name", file("{" + sound_entry("a\nb") + "}", 16),
      "header byte 3: control character in a text, found byte 0A");
  add("S8: last control character in a name", file("{" + sound_entry("a\x1f") + "}", 16),
      "header byte 3: control character in a text, found byte 1F");
  add("S8: NUL in a name", file("{" + sound_entry(std::string("a\0b", 3)) + "}", 16),
      "header byte 3: control character in a text, found byte 00");
  add("S8: no colon", file("{\"w\"{}}"), "':' behind a name expected");
  add("S8: key without quotes", file("{w:{}}"), "a tensor's name in quotes expected, found 'w'");
  add("S8: quotes of another kind", file("{'w':{}}"), "a tensor's name in quotes expected");
  add("S8: unknown escape", file("{" + sound_entry("a\\x41") + "}", 16), "no escape of JSON");
  add("S8: \\u with 3 digits", file("{" + sound_entry("a\\u041") + "}", 16),
      "4 hexadecimal digits expected");
  add("S8: \\u with a sign", file("{" + sound_entry("a\\u+041") + "}", 16),
      "4 hexadecimal digits expected");
  add("S8: backslash at the end", file("{\"a\\"), "the text that begins here has no end");
  add("S8: escaped quote at the end", file("{\"a\\\""), "the text that begins here has no end");

  add_value("S9: 100,000 [", repeated("[", 100'000),
            "'{' of the tensor's entry expected, found '['");
  add("S9: 100,000 objects", file(repeated("{\"a\":", 100'000)),
      "tensor \"a\" (header byte 2): key \"a\" at header byte 7 is none of");
  add_entry("S9: depth 4", "F32", "[[2,2]]", "[0,16]", "a number in digits expected, found '['");
  add_entry("S9: depth 4 below data_offsets", "F32", "[2,2]", "[[0],16]", "a number in digits");

  add("S10: same name twice", file("{" + sound_entry("w") + "," + sound_entry("w") + "}", 16),
      "tensor \"w\" appears twice (header bytes 2 and ");
  add("S10: same name, other bytes",
      file("{" + entry("w", "F32", "[2]", "[0,8]") + "," + entry("w", "F32", "[2]", "[8,16]") + "}",
           16),
      "tensor \"w\" appears twice (header bytes 2 and ");
  add("S10: the first is empty",
      file("{" + entry("w", "F32", "[0]", "[0,0]") + "," + sound_entry("w") + "}", 16),
      "tensor \"w\" appears twice (header bytes 2 and ");
  add("S10: second spelled \\u0077",
      file("{" + entry("w", "F32", "[0]", "[0,0]") + "," + sound_entry("\\u0077") + "}", 16),
      "tensor \"w\" appears twice (header bytes 2 and ");
  add("S10: far apart",
      file("{" + entry("w", "F32", "[0]", "[0,0]") + "," + sound_entry("v") + "," +
               entry("w", "F32", "[0]", "[16,16]") + "}",
           16),
      "tensor \"w\" appears twice");
  add("S10: both empty names",
      file("{" + entry("", "F32", "[0]", "[0,0]") + "," + sound_entry("") + "}", 16),
      "tensor \"\" appears twice");

  add_value("S11: dtype twice",
            "{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "tensor \"w\" (header byte 2): dtype appears twice");
  add_value("S11: shape twice",
            "{\"dtype\":\"F32\",\"shape\":[],\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "tensor \"w\" (header byte 2): shape appears twice");
  add_value("S11: data_offsets twice",
            "{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,0],\"data_offsets\":[0,16]}",
            "tensor \"w\" (header byte 2): data_offsets appears twice");
  add_value("S11: dtype twice, one escaped",
            "{\"dtype\":\"F32\",\"d\\u0074ype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "dtype appears twice");
  const std::string metadata = "\"__metadata__\":{\"k\":\"v\"},";
  add("S11: __metadata__ twice", file("{" + metadata + metadata + sound_entry("w") + "}", 16),
      "__metadata__ appears twice");
  add("S11: __metadata__ twice, one escaped",
      file("{" + metadata + "\"\\u005f_metadata__\":{}," + sound_entry("w") + "}", 16),
      "__metadata__ appears twice");
  add("S11: empty __metadata__ twice", file("{\"__metadata__\":{},\"__metadata__\":{}}"),
      "__metadata__ appears twice");
  add("S11: key of __metadata__ twice",
      file("{\"__metadata__\":{\"k\":\"v\",\"a\":\"\",\"\\u006b\":\"v\"}," + sound_entry("w") + "}",
           16),
      "__metadata__: key \"k\" appears twice");

  add_value("S12: no dtype", "{\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "tensor \"w\" (header byte 2): has no dtype");
  add_value("S12: no shape", "{\"dtype\":\"F32\",\"data_offsets\":[0,16]}",
            "tensor \"w\" (header byte 2): has no shape");
  add_value("S12: no data_offsets", "{\"dtype\":\"F32\",\"shape\":[2,2]}",
            "tensor \"w\" (header byte 2): has no data_offsets");
  add_value("S12: nothing", "{}", "tensor \"w\" (header byte 2): has no dtype");
  add_value("S12: a fourth key",
            "{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16],\"x\":1}",
            "key \"x\" at header byte ");
  add_value("S12: key of another case", "{\"Dtype\":\"F32\"}", "key \"Dtype\" at header byte ");

  add_entry("S13: dtype F33", "F33", "[2,2]", "[0,16]", "dtype \"F33\" at header byte ");
  add_entry("S13: dtype f32", "f32", "[2,2]", "[0,16]", "dtype \"f32\" at header byte ");
  add_entry("S13: empty dtype", "", "[2,2]", "[0,16]", "dtype \"\" at header byte ");
  for (const char* dtype : {"F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ"}) {
    add_entry("S13: dtype " + std::string(dtype), dtype, "[4,4]", "[0,16]",
              "tensor \"w\" (header byte 2): dtype " + std::string(dtype) + " is sound",
              TG_ERROR_UNSUPPORTED);
  }
  add_entry("S13: dtype U16", "U16", "[4,2]", "[0,16]", "dtype U16 is sound", TG_ERROR_UNSUPPORTED);
  add_entry("S13: dtype U32", "U32", "[2,2]", "[0,16]", "dtype U32 is sound", TG_ERROR_UNSUPPORTED);
  add_entry("S13: dtype U64", "U64", "[2]", "[0,16]", "dtype U64 is sound", TG_ERROR_UNSUPPORTED);
  add_entry("S13: dtype C64", "C64", "[2]", "[0,16]", "dtype C64 is sound", TG_ERROR_UNSUPPORTED);
  add_entry("S13: dtype F4", "F4", "[32]", "[0,16]", "dtype F4 is sound", TG_ERROR_UNSUPPORTED);
  add("S13: dtype F6_E2M3", file("{" + entry("w", "F6_E2M3", "[4]", "[0,3]") + "}", 3),
      "dtype F6_E2M3 is sound", TG_ERROR_UNSUPPORTED);
  add("S13: dtype F6_E3M2", file("{" + entry("w", "F6_E3M2", "[8]", "[0,6]") + "}", 6),
      "dtype F6_E3M2 is sound", TG_ERROR_UNSUPPORTED);
  add("S13: F4 of 12 bits", file("{" + entry("w", "F4", "[3]", "[0,1]") + "}", 1),
      "shape [3] of F4 is no whole number of bytes");
  add_entry("S13: F8_E4M3 of another size", "F8_E4M3", "[4]", "[0,16]",
            "shape [4] of F8_E4M3 needs 4 bytes, data_offsets [0, 16] give 16");
  add("S13: unsupported and unsound: unsound",
      file("{" + entry("v", "U16", "[4]", "[0,8]") + "," + entry("w", "F32", "[2]", "[8,12]") + "}",
           16),
      "tensor \"w\"");

  add_value("S14: null", "null", "tensor \"w\" (header byte 2): header byte 5");
  add_value("S14: list of numbers", "[1,2]", "'{' of the tensor's entry expected");
  add_value("S14: tuple", "[\"F32\",[2,2],[0,16]]", "'{' of the tensor's entry expected");
  add_value("S14: text", "\"F32\"", "'{' of the tensor's entry expected");
  add_value("S14: true", "true", "'{' of the tensor's entry expected");
  add_value("S14: dtype a number", "{\"dtype\":5,\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "dtype as a text in quotes expected, found '5'");
  add_value("S14: dtype a map",
            "{\"dtype\":{\"F32\":null},\"shape\":[2,2],\"data_offsets\":[0,16]}",
            "dtype as a text in quotes expected, found '{'");
  add_entry("S14: shape a text", "F32", "\"2,2\"", "[0,16]", "'[' of the shape expected");
  add_entry("S14: shape null", "F32", "null", "[0,16]", "'[' of the shape expected");
  add_entry("S14: shape of texts", "F32", "[\"2\"]", "[0,16]", "a number in digits expected");
  add_entry("S14: offsets a number", "F32", "[2,2]", "16", "'[' of data_offsets expected");
  add_entry("S14: no offset", "F32", "[2,2]", "[]", "a number in digits expected");
  add_entry("S14: one offset", "F32", "[2,2]", "[16]", "',' between two data_offsets expected");
  add_entry("S14: three offsets", "F32", "[2,2]", "[0,16,16]", "']' behind two data_offsets");

  add_entry("S15: negative sizes", "F32", "[-2,-2]", "[0,16]", "shape at header byte ");
  add_entry("S15: negative size and 0", "F32", "[0,-1]", "[0,0]", "has a sign");
  add_entry("S15: negative offset", "F32", "[2,2]", "[-16,0]", "data_offsets at header byte ");
  add_entry("S15: minus alone", "F32", "[-]", "[0,16]", "has a sign");

  add_entry("S16: 2.0", "F32", "[2.0,2]", "[0,16]", "is no whole number in digits");
  add_entry("S16: 1.6e1", "F32", "[2,2]", "[0,1.6e1]", "is no whole number in digits");
  add_entry("S16: 1e1", "F32", "[2,2]", "[0,1e1]", "is no whole number in digits");
  add_entry("S16: 4E0", "F32", "[4E0]", "[0,16]", "is no whole number in digits");
  add_entry("S16: true", "F32", "[true,4]", "[0,16]", "a number in digits expected, found 't'");
  add_entry("S16: -0", "F32", "[2,2]", "[-0,16]", "has a sign");
  add_entry("S16: +2", "F32", "[+2,2]", "[0,16]", "a number in digits expected, found '+'");
  add_entry("S16: .5", "F32", "[.5]", "[0,16]", "a number in digits expected, found '.'");
  add_entry("S16: 0x2", "F32", "[0x2]", "[0,16]", "',' or ']' of the shape expected, found 'x'");
  add_entry("S16: 1_0", "F32", "[1_0]", "[0,16]", "',' or ']' of the shape expected, found '_'");
  add_entry("S16: NaN", "F32", "[NaN]", "[0,16]", "a number in digits expected, found 'N'");

  add_entry("S17: size 2^64 + 2", "F32", "[18446744073709551618,2]", "[0,16]",
            "shape at header byte 29 is above 2^63 - 1");
  add_entry("S17: offset 2^64 + 16", "F32", "[2,2]", "[0,18446744073709551632]",
            "is above 2^63 - 1");
  add_entry("S17: offsets below 2^64", "F32", "[2,2]",
            "[18446744073709551596,18446744073709551612]", "is above 2^63 - 1");
  add_entry("S17: offsets below 2^63", "F32", "[2,2]", "[9223372036854775791,9223372036854775807]",
            "truncated: data_offsets [9223372036854775791, 9223372036854775807]");
  add_entry("S17: size 2^63", "U8", "[9223372036854775808]", "[0,16]", "is above 2^63 - 1");
  add_entry("S17: 02", "F32", "[02,2]", "[0,16]", "has a leading zero");
  add_entry("S17: 00", "F32", "[2,2]", "[00,16]", "has a leading zero");
  add_entry("S17: 1,000 digits", "F32", "[" + repeated("9", 1000) + "]", "[0,16]",
            "is above 2^63 - 1");

  add_entry("S18: end before begin", "F32", "[2,2]", "[16,0]",
            "data_offsets [16, 0] end before they begin");

  add("S19: two overlap",
      file("{" + entry("a", "F32", "[2,2]", "[0,16]") + "," + entry("b", "F32", "[2,2]", "[8,24]") +
               "}",
           24),
      "tensor \"b\" (header byte 58): data_offsets [8, 24] overlap tensor \"a\", which ends at 16");
  {
    std::string header = "{" + sound_entry("t0");
    for (int i = 1; i < 10; ++i) header += "," + sound_entry("t" + std::to_string(i));
    add("S19: ten names on one range", file(header + "}", 16), "overlap tensor \"t");
  }
  add("S19: an empty tensor inside of another",
      file("{" + sound_entry("a") + "," + entry("b", "F32", "[0]", "[8,8]") + "}", 16),
      "tensor \"b\" (header byte 58): data_offsets [8, 8] overlap tensor \"a\"");

  add("S20: first offset 8", file("{" + entry("w", "F32", "[2]", "[8,16]") + "}", 16),
      "tensor \"w\" (header byte 2): data_offsets [8, 16]: bytes 0 to 8 belong to no tensor");
  add("S20: gap between two",
      file("{" + entry("a", "F32", "[1]", "[0,4]") + "," + entry("b", "F32", "[2]", "[8,16]") + "}",
           16),
      "bytes 4 to 8 belong to no tensor");

  add("S21: one byte short", file(sound, 15),
      "tensor \"w\" (header byte 2): truncated: data_offsets [0, 16], the file has 15 bytes");
  add("S21: no data", file(sound), "truncated: data_offsets [0, 16], the file has 0 bytes");
  add("S21: far past the end",
      file("{" + entry("w", "F32", "[2,2]", "[1000000000000,1000000000016]") + "}", 16),
      "truncated: data_offsets [1000000000000, 1000000000016], the file has 16 bytes");

  add("S22: a byte behind the last tensor", file(sound, 17),
      "file byte 81: 1 bytes behind the last tensor belong to no tensor");
  add("S22: no tensor but data", file("{}", 4), "file byte 10: 4 bytes behind the last tensor");

  add_entry("S23: shape needs more", "F32", "[1000,1000]", "[0,16]",
            "tensor \"w\" (header byte 2): shape [1000, 1000] of F32 needs 4000000 bytes, "
            "data_offsets [0, 16] give 16");
  add_entry("S23: shape needs fewer", "F32", "[2]", "[0,16]",
            "shape [2] of F32 needs 8 bytes, data_offsets [0, 16] give 16");
  add_entry("S23: scalar of 16 bytes", "F32", "[]", "[0,16]", "shape [] of F32 needs 4 bytes");
  add_entry("S23: empty shape of 16 bytes", "F32", "[4,0]", "[0,16]",
            "shape [4, 0] of F32 needs 0");

  const auto add_empty_span = [&](const std::string& shape, const std::string& dtype) {
    add("S24: " + shape + " of " + dtype, file("{" + entry("w", dtype, shape, "[0,0]") + "}"),
        "needs more than 2^63 - 1 bytes");
  };
  add_empty_span("[4294967296,4294967296]", "U8");
  add_empty_span("[65536,65536,65536,65536]", "U8");
  add_empty_span("[65536,65536,65536,65536]", "F32");
  add_empty_span("[4611686018427387905,4]", "U8");
  add_empty_span("[4611686018427387904]", "F32");
  add_empty_span("[4611686018427387908]", "F32");
  add_empty_span("[4294967296,4294967296,0]", "F32");
  add_empty_span("[0,4294967296,4294967296]", "F32");
  add_empty_span("[4294967296,0,4294967296]", "F32");
  add_empty_span("[0,9223372036854775807]", "F64");
  add_empty_span("[4294967296,4294967296]", "F4");
  add("S24: 2^62 + 4 elements of F32 on 16 bytes",
      file("{" + entry("w", "F32", "[4611686018427387908]", "[0,16]") + "}", 16),
      "needs more than 2^63 - 1 bytes");

  const auto ones = [](int rank) {
    return "[" + repeated("1,", static_cast<size_t>(rank - 1)) + "1]";
  };
  add("S25: rank 17", file("{" + entry("w", "F32", ones(17), "[0,4]") + "}", 4),
      "tensor \"w\" (header byte 2): shape has more than 16 dimensions", TG_ERROR_LIMIT);
  add("S25: rank 10,000", file("{" + entry("w", "F32", ones(10'000), "[0,4]") + "}", 4),
      "tensor \"w\" (header byte 2): shape has more than 16 dimensions", TG_ERROR_LIMIT);

  for (const char* value :
       {"{\"k\":1}", "{\"k\":{}}", "{\"k\":[]}", "{\"k\":null}", "{\"k\":true}"}) {
    add("S27: __metadata__ " + std::string(value),
        file("{\"__metadata__\":" + std::string(value) + "}"),
        "__metadata__: header byte 21: a text in quotes expected");
  }
  add("S27: __metadata__ null", file("{\"__metadata__\":null}"),
      "__metadata__: header byte 16: '{' of a map of texts expected, found 'n'");
  add("S27: __metadata__ a text", file("{\"__metadata__\":\"k\"}"), "'{' of a map of texts");
  add("S27: __metadata__ a list", file("{\"__metadata__\":[]}"), "'{' of a map of texts");
  add("S27: __metadata__ as a tensor", file("{" + sound_entry("__metadata__") + "}", 16),
      "__metadata__: header byte ");

  add("S29: \\u0000 in a name", file("{" + sound_entry("a\\u0000b") + "}", 16),
      "header byte 3: \\u0000, a NUL");
  add("S29: \\u0000 in a key of __metadata__", file("{\"__metadata__\":{\"a\\u0000\":\"\"}}"),
      "__metadata__: header byte 19: \\u0000, a NUL");
  add("S29: \\u0000 in a value of __metadata__", file("{\"__metadata__\":{\"a\":\"\\u0000\"}}"),
      "\\u0000, a NUL");
  add("S29: high surrogate alone", file("{" + sound_entry("\\ud800") + "}", 16),
      "header byte 2: half of a surrogate pair");
  add("S29: low surrogate alone", file("{" + sound_entry("\\udc00") + "}", 16),
      "header byte 2: half of a surrogate pair");
  add("S29: two high surrogates", file("{" + sound_entry("\\ud800\\ud800") + "}", 16),
      "header byte 2: half of a surrogate pair");
  add("S29: two low surrogates", file("{" + sound_entry("\\udc00\\udc00") + "}", 16),
      "header byte 2: half of a surrogate pair");
  add("S29: surrogate and letter", file("{" + sound_entry("\\ud800\\u0041") + "}", 16),
      "half of a surrogate pair");
  add("S29: name of 1 MiB in an error",
      file("{" + entry(repeated("\xc3\xa4", 1 << 19), "F32", "[3]", "[0,16]") + "}", 16),
      "\xc3\xa4...\" (header byte 2): shape [3] of F32 needs 12 bytes");
  add("S29: dtype of 1 MiB",
      file("{" + entry("w", repeated("F", 1 << 20), "[3]", "[0,16]") + "}", 16),
      "FFF...\" at header byte ");
  add("S29: %s%n in an error", file("{" + entry("%s%n%99999d", "F32", "[3]", "[0,16]") + "}", 16),
      "tensor \"%s%n%99999d\" (header byte 2): shape [3]");

  add("S30: 4,000,000 [", file(repeated("[", 4'000'000)), "header byte 0: '{' of the header");
  add("S30: 4,000,000 { in a name", file("{\"" + repeated("{", 4'000'000) + "\":0}"),
      "'{' of the tensor's entry expected, found '0'");
  return files;
}

inline std::vector<File> sound() {
  std::vector<File> files;
  const auto add = [&](const std::string& row, const std::string& bytes) {
    files.push_back({row, bytes, TG_OK, ""});
  };
  const std::string w = sound_entry("w");
  add("one tensor", file("{" + w + "}", 16));
  add("S7: blanks in front", file(" \t\r\n{" + w + "}", 16));
  add("blanks everywhere", file(" { \"w\" : { \"dtype\" : \"F32\" , \"shape\" : [ 2 ,\n2 ] , "
                                "\"data_offsets\"\t: [ 0 , 16 ]"
                                " } } \r\n",
                                16));
  add("keys in another order",
      file("{\"w\":{\"data_offsets\":[0,16],\"shape\":[2,2],\"dtype\":\"F32\"}}", 16));
  add("keys with escapes",
      file("{\"w\":{\"d\\u0074ype\":\"\\u00463\\u0032\",\"shape\":[2,2],\"data_offsets\":[0,16]}}",
           16));
  add("S26: scalar", file("{" + entry("s", "F32", "[]", "[0,4]") + "}", 4));
  add("S26: empty between two",
      file("{" + entry("a", "F32", "[2]", "[0,8]") + "," + entry("e", "F32", "[2,0]", "[8,8]") +
               "," + entry("b", "F32", "[2]", "[8,16]") + "}",
           16));
  add("S26: empty at the end", file("{" + entry("a", "F32", "[2]", "[0,8]") + "," +
                                        entry("e", "F32", "[2,0]", "[8,8]") + "}",
                                    8));
  add("S26: empty file", file("{}"));
  add("S26: empty file, padded", file("{}      "));
  add("metadata alone",
      file("{\"__metadata__\":{\"format\":\"pt\",\"\":\"\",\"a\\\"b\":\"\\u00e4\"}}"));
  add("metadata last", file("{" + w + ",\"__metadata__\":{}}", 16));
  add("order of data is not order of names",
      file("{" + entry("a", "F32", "[2]", "[8,16]") + "," + entry("b", "I64", "[1]", "[0,8]") + "}",
           16));
  add("S28: header of no multiple of 8", file("{" + entry("d", "F64", "[2]", "[0,16]") + " }", 16));
  add("S28: F64 after one U8",
      file("{" + entry("u", "U8", "[1]", "[0,1]") + "," + entry("d", "F64", "[2]", "[1,17]") + "}",
           17));
  add("S28: BOOL of 07 and FF",
      file("{" + entry("b", "BOOL", "[3]", "[0,3]") + "}", std::string("\x07\xff\x00", 3)));
  {
    std::string header = "{";
    size_t end = 0;
    const char* names[] = {"F64", "I64", "F32", "I32", "F16", "BF16", "I16", "I8", "U8", "BOOL"};
    const size_t sizes[] = {8, 8, 4, 4, 2, 2, 2, 1, 1, 1};
    for (int i = 0; i < 10; ++i) {
      header += (i == 0 ? "" : ",") +
                entry(names[i], names[i], "[2,1]",
                      "[" + std::to_string(end) + "," + std::to_string(end + 2 * sizes[i]) + "]");
      end += 2 * sizes[i];
    }
    add("every dtype", file(header + "}", end));
  }
  add("rank 16",
      file("{" + entry("r", "F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4));
  add("large sizes beside a 0, but below 2^63 bytes",
      file("{" + entry("z", "U8", "[4294967296,0,2147483647]", "[0,0]") + "}"));
  add("S29: empty name", file("{" + sound_entry("") + "}", 16));
  add("S29: a path as name", file("{" + sound_entry("../../etc/passwd") + "}", 16));
  add("S29: surrogate pair", file("{" + sound_entry("\\ud83d\\ude00") + "}", 16));
  add("all escapes", file("{" + sound_entry("\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\u20AC") + "}", 16));
  add("UTF-8 of every length",
      file("{" + sound_entry("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80") + "}", 16));
  add("names that differ late", file("{" + entry("w", "F32", "[2]", "[0,8]") + "," +
                                         entry("w ", "F32", "[2]", "[8,16]") + "}",
                                     16));
  return files;
}

}  // namespace corpus
