// SPDX-License-Identifier: MIT
// Streams of each kind of block that RFC 1951 knows, written by another program (zlib), and the
// same ones cut, lengthened and damaged.
#include "io/inflate.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "corpus/zip.h"

namespace {

using Bytes = std::vector<unsigned char>;

const Bytes kStored = {0x01, 0x05, 0x00, 0xfa, 0xff, 'h', 'e', 'l', 'l', 'o'};
const Bytes kEmpty = {0x03, 0x00};
const Bytes kFixed = {0x4b, 0x4c, 0x4a, 0x06, 0x00};              // "abc"
const Bytes kRepeated = {0x4b, 0x4c, 0x1c, 0x05, 0xc4, 0x02, 0};  // 300 times "a"
const Bytes kDynamic = {
    0x5d, 0x92, 0x31, 0x0e, 0x43, 0x31, 0x08, 0x43, 0xaf, 0xc2, 0x11, 0x02, 0x24, 0x24, 0x51, 0x4e,
    0x53, 0xa9, 0x1d, 0x3a, 0xb6, 0x55, 0xef, 0x5f, 0xfc, 0x27, 0xdc, 0x31, 0x08, 0xd9, 0xcf, 0x26,
    0x4d, 0x3e, 0xaf, 0xef, 0xed, 0xfd, 0xb8, 0xcb, 0xf3, 0x23, 0xed, 0x88, 0xd6, 0xb7, 0x1e, 0xb1,
    0xfa, 0xee, 0x47, 0xbc, 0xbe, 0xf7, 0x91, 0x4e, 0xfb, 0x71, 0x64, 0xd4, 0x81, 0x8d, 0x23, 0x51,
    0x07, 0x9e, 0x1b, 0x93, 0x24, 0x53, 0x63, 0xd5, 0x41, 0xa4, 0xc9, 0xae, 0x83, 0x95, 0x14, 0xda,
    0xc8, 0xa6, 0x01, 0x94, 0x49, 0x0d, 0x5b, 0x04, 0xab, 0x3d, 0x95, 0xd4, 0x99, 0x2f, 0xdd, 0x94,
    0x91, 0x77, 0x12, 0x29, 0x43, 0x83, 0x5a, 0x83, 0x73, 0x60, 0x8b, 0xc0, 0x6d, 0x41, 0x8b, 0xd0,
    0xdd, 0xe0, 0xb8, 0x39, 0x2f, 0x3a, 0x24, 0xfa, 0x0e, 0x7a, 0x23, 0xfa, 0xde, 0xb1, 0xc5, 0x55,
    0xaf, 0xd4, 0x32, 0xa2, 0x1f, 0x96, 0x8e, 0x46, 0xf4, 0x63, 0x26, 0x97, 0x11, 0x7d, 0x80, 0xde,
    0x88, 0x3e, 0xae, 0x2d, 0xa2, 0x9f, 0x97, 0x16, 0xd1, 0xcf, 0xcb, 0x91, 0xab, 0x07, 0x97, 0x13,
    0xfd, 0x06, 0xbd, 0x13, 0xfd, 0x46, 0x46, 0xe7, 0xee, 0x1b, 0xaa, 0x70, 0x2e, 0xbf, 0xa1, 0x31,
    0xe7, 0xf6, 0x15, 0xc5, 0xfa, 0xe0, 0x53, 0x22, 0x81, 0x07, 0xcf, 0x70, 0x26, 0xa7, 0x08, 0xea,
    0xb8, 0xa6, 0xaf, 0xbf, 0x9b, 0xc3, 0x97, 0x42, 0xe8, 0xc0, 0xdf, 0xf8, 0x01};

std::string squares() {
  std::string text;
  for (int n = 0; n < 40; ++n) {
    text += std::to_string(n) + " squared is " + std::to_string(n * n) + "; ";
  }
  return text;
}

// Blocks of the very sizes, so that the address sanitizer sees one byte more. "?": refused.
std::string inflated(const Bytes& stream, size_t size) {
  const std::unique_ptr<unsigned char[]> in(new unsigned char[stream.size()]),
      out(new unsigned char[size]);
  std::copy(stream.begin(), stream.end(), in.get());
  if (!tg::io::inflate(in.get(), stream.size(), out.get(), size)) return "?";
  return {out.get(), out.get() + size};
}

struct Stream {
  const Bytes& bytes;
  std::string text;
};
std::vector<Stream> streams() {
  return {{kStored, "hello"},
          {kEmpty, ""},
          {kFixed, "abc"},
          {kRepeated, std::string(300, 'a')},
          {kDynamic, squares()}};
}

}  // namespace

TEST_CASE("blocks of each kind are read", "[io]") {
  for (const Stream& stream : streams()) {
    CHECK(inflated(stream.bytes, stream.text.size()) == stream.text);
  }
}

TEST_CASE("a stream of another length than was said is refused", "[io]") {
  for (const Stream& stream : streams()) {
    CHECK(inflated(stream.bytes, stream.text.size() + 1) == "?");
    if (!stream.text.empty()) CHECK(inflated(stream.bytes, stream.text.size() - 1) == "?");
    Bytes longer = stream.bytes;
    longer.push_back(0);
    CHECK(inflated(longer, stream.text.size()) == "?");
  }
}

TEST_CASE("a stream that is cut is refused", "[io]") {
  for (const Stream& stream : streams()) {
    for (size_t length = 0; length < stream.bytes.size(); ++length) {
      const Bytes part(stream.bytes.begin(),
                       stream.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      INFO(length << " of " << stream.bytes.size() << " bytes");
      CHECK(inflated(part, stream.text.size()) == "?");
    }
  }
}

TEST_CASE("what no stream may have is refused", "[io]") {
  CHECK(inflated({0x07}, 0) == "?");  // a block of type 3
  CHECK(inflated({0x01, 0x05, 0x00, 0xfb, 0xff, 'h', 'e', 'l', 'l', 'o'}, 5) == "?");  // length
  CHECK(inflated({0x4b, 0x04, 0x12, 0x00}, 4) == "?");  // reaches before the first byte
  CHECK(inflated({0xfd, 0xff, 0xff, 0xff}, 4) == "?");  // more codes than fit
}

TEST_CASE("damaged streams end, inside their memory", "[io]") {
  std::mt19937_64 random(20240807);
  size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    for (const Stream& stream : streams()) {
      Bytes damaged = stream.bytes;
      for (uint64_t n = random() % 4 + 1; n > 0; --n) {
        damaged[random() % damaged.size()] ^= static_cast<unsigned char>(1u << random() % 8);
      }
      refused += inflated(damaged, stream.text.size()) == "?";
    }
  }
  CHECK(refused > 20'000);
}

namespace {

// Gives a stream in pieces of `step` bytes, and gathers what comes.
class Gathering final : public tg::io::InflatePieces {
 public:
  Gathering(const Bytes& stream, size_t step) : stream_(stream), step_(step) {}
  std::span<const unsigned char> more() override {
    const size_t size = std::min(step_, stream_.size() - at_);
    at_ += size;
    return {stream_.data() + at_ - size, size};
  }
  void put(const unsigned char* bytes, size_t size) override { text.append(bytes, bytes + size); }
  std::string text;

 private:
  const Bytes& stream_;
  const size_t step_;
  size_t at_ = 0;
};

std::string in_pieces(const Bytes& stream, size_t step, size_t size) {
  const std::unique_ptr<unsigned char[]> window(new unsigned char[tg::io::kInflateWindow]);
  Gathering pieces(stream, step);
  const bool whole = tg::io::inflate(pieces, size, window.get());
  CHECK(pieces.text.size() <= size);
  return whole ? pieces.text : "?";
}

}  // namespace

TEST_CASE("a stream in pieces gives what it gives as a whole", "[io]") {
  for (const Stream& stream : streams()) {
    for (const size_t step : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1000}}) {
      CHECK(in_pieces(stream.bytes, step, stream.text.size()) == stream.text);
      CHECK(in_pieces(stream.bytes, step, stream.text.size() + 1) == "?");
      if (!stream.text.empty()) CHECK(in_pieces(stream.bytes, step, stream.text.size() - 1) == "?");
    }
    for (size_t length = 0; length < stream.bytes.size(); ++length) {
      const Bytes part(stream.bytes.begin(),
                       stream.bytes.begin() + static_cast<std::ptrdiff_t>(length));
      CHECK(in_pieces(part, 5, stream.text.size()) == "?");
    }
  }
}

TEST_CASE("a stream that is longer than the window passes through it", "[io]") {
  // Around the window's ends: 64 KiB, and then 32 KiB each time.
  for (const size_t zeros : {65'530, 65'531, 65'532, 65'533, 98'298, 98'299, 98'300, 98'301, 98'302,
                             200'000, 1'000'000}) {
    const std::string packed = corpus::deflated_zeros("head", zeros);
    const Bytes stream(packed.begin(), packed.end());
    const std::string text = "head" + std::string(zeros, '\0');
    CHECK((in_pieces(stream, 4096, text.size()) == text));
    CHECK((in_pieces(stream, 4096, text.size() - 1) == "?"));
    CHECK((in_pieces(stream, 4096, text.size() + 1) == "?"));
    CHECK((in_pieces(stream, 4096, 1000) == "?"));
  }
  // Stored blocks, longer together than the window.
  std::string packed, text;
  for (const char letter : {'a', 'b', 'c'}) {
    const std::string piece(50'000, letter);
    std::string block = corpus::stored_block(piece);
    block[0] = letter == 'c' ? '\1' : '\0';
    packed += block;
    text += piece;
  }
  CHECK((in_pieces(Bytes(packed.begin(), packed.end()), 999, text.size()) == text));
}

TEST_CASE("damaged streams in pieces end, inside of their window", "[io]") {
  std::mt19937_64 random(20261130);
  size_t refused = 0;
  for (int i = 0; i < 5'000; ++i) {
    for (const Stream& stream : streams()) {
      Bytes damaged = stream.bytes;
      for (uint64_t n = random() % 4 + 1; n > 0; --n) {
        damaged[random() % damaged.size()] ^= static_cast<unsigned char>(1u << random() % 8);
      }
      refused += in_pieces(damaged, random() % 9 + 1, stream.text.size()) == "?";
    }
  }
  CHECK(refused > 5'000);
}
