// SPDX-License-Identifier: MIT
#include "io/inflate.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace tg::io {

namespace {

constexpr int kLongestCode = 15;

// A canonical Huffman code as RFC 1951, 3.2.2 has it: how many codes each length has, and the
// symbols in the order of their codes.
struct Code {
  uint16_t count[kLongestCode + 1];
  uint16_t symbols[288];

  // lengths[n] is the length of symbol n, 0 where it has no code. false: more codes than fit, or,
  // but for a single code, fewer.
  bool make(const uint8_t* lengths, int symbols_n) noexcept {
    std::memset(count, 0, sizeof count);
    for (int n = 0; n < symbols_n; ++n) ++count[lengths[n]];
    uint16_t first[kLongestCode + 1];
    first[1] = 0;
    int left = 1;
    for (int length = 1; length <= kLongestCode; ++length) {
      left = 2 * left - count[length];
      if (left < 0) return false;
      if (length < kLongestCode) {
        first[length + 1] = static_cast<uint16_t>(first[length] + count[length]);
      }
    }
    for (int n = 0; n < symbols_n; ++n) {
      if (lengths[n] != 0) symbols[first[lengths[n]]++] = static_cast<uint16_t>(n);
    }
    const int coded = symbols_n - count[0];
    count[0] = 0;
    return left == 0 || coded <= 1;
  }
};

class Stream {
 public:
  Stream(const unsigned char* in, size_t length, unsigned char* out, size_t size)
      : in_(in), in_end_(in + length), begin_(out), put_(out), out_(out), out_end_(out + size) {}
  Stream(InflatePieces& pieces, uint64_t size, unsigned char* window)
      : Stream(nullptr, 0, window, static_cast<size_t>(std::min<uint64_t>(size, kInflateWindow))) {
    pieces_ = &pieces;
    left_ = size - static_cast<uint64_t>(out_end_ - window);
  }

  bool run() {
    bool last = false;
    while (!last) {
      last = bits(1) != 0;
      bool whole = false;
      switch (bits(2)) {
        case 0: whole = stored(); break;
        case 1: whole = fixed(); break;
        case 2: whole = dynamic(); break;
        default: break;
      }
      if (!whole || spent_) return false;
    }
    if (pieces_ != nullptr) pieces_->put(put_, static_cast<size_t>(out_ - put_));
    return out_ == out_end_ && left_ == 0 && !more();
  }

 private:
  static constexpr size_t kFarthest = 32768;  // that a repetition reaches back

  bool more() {
    if (in_ != in_end_) return true;
    if (pieces_ == nullptr) return false;
    const auto piece = pieces_->more();
    in_ = piece.data();
    in_end_ = in_ + piece.size();
    return !piece.empty();
  }

  // Room for a byte at least, if the stream may have one: of a window the far half is kept.
  bool room() {
    if (out_ != out_end_) return true;
    if (left_ == 0) return false;
    pieces_->put(put_, static_cast<size_t>(out_ - put_));
    std::memcpy(begin_, out_ - kFarthest, kFarthest);
    put_ = out_ = begin_ + kFarthest;
    const auto size = static_cast<size_t>(std::min<uint64_t>(left_, kInflateWindow - kFarthest));
    out_end_ = out_ + size;
    left_ -= size;
    return true;
  }

  // Bits come from the low end of each byte. Past the end they are 0, and the stream is spent.
  uint32_t bits(int n) {
    while (held_ < n) {
      if (!more()) {
        spent_ = true;
        return 0;
      }
      bits_ |= static_cast<uint32_t>(*in_++) << held_;
      held_ += 8;
    }
    const uint32_t value = bits_ & ((1u << n) - 1);
    bits_ >>= n;
    held_ -= n;
    return value;
  }

  // -1: no symbol. A code is read from its highest bit: codes of one length follow each other.
  int symbol(const Code& code) {
    int value = 0, first = 0, index = 0;
    for (int length = 1; length <= kLongestCode; ++length) {
      value |= static_cast<int>(bits(1));
      if (spent_) return -1;
      const int count = code.count[length];
      if (value - count < first) return code.symbols[index + (value - first)];
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    return -1;
  }

  bool stored() {
    bits_ = 0;
    held_ = 0;
    size_t length = bits(16);
    if (bits(16) != (~length & 0xffffu)) return false;
    while (length > 0) {
      if (!more() || !room()) return false;
      const size_t size = std::min(
          {length, static_cast<size_t>(in_end_ - in_), static_cast<size_t>(out_end_ - out_)});
      std::memcpy(out_, in_, size);
      in_ += size;
      out_ += size;
      length -= size;
    }
    return true;
  }

  // RFC 1951, 3.2.5: what a symbol above 256 says of a repetition, and how far back it lies.
  bool blocks(const Code& literals, const Code& distances) {
    static constexpr uint16_t kLength[] = {3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                           15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                           67, 83, 99, 115, 131, 163, 195, 227, 258};
    static constexpr uint8_t kLengthBits[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                              2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static constexpr uint16_t kDistance[] = {
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    static constexpr uint8_t kDistanceBits[] = {0, 0, 0,  0,  1,  1,  2,  2,  3,  3,
                                                4, 4, 5,  5,  6,  6,  7,  7,  8,  8,
                                                9, 9, 10, 10, 11, 11, 12, 12, 13, 13};
    for (;;) {
      const int one = symbol(literals);
      if (one < 0) return false;
      if (one < 256) {
        if (!room()) return false;
        *out_++ = static_cast<unsigned char>(one);
        continue;
      }
      if (one == 256) return true;
      const int at = one - 257;
      if (at >= 29) return false;
      const size_t length = kLength[at] + bits(kLengthBits[at]);
      const int far = symbol(distances);
      if (far < 0 || far >= 30) return false;
      const size_t distance = kDistance[far] + bits(kDistanceBits[far]);
      if (distance > static_cast<size_t>(out_ - begin_)) return false;
      // One by one: a repetition may begin inside itself.
      for (size_t i = 0; i < length; ++i, ++out_) {
        if (!room()) return false;
        *out_ = *(out_ - distance);
      }
    }
  }

  bool fixed() {
    uint8_t lengths[288];
    for (int n = 0; n < 288; ++n) {
      lengths[n] = n < 144 ? 8 : n < 256 ? 9 : n < 280 ? 7 : 8;
    }
    Code literals, distances;
    literals.make(lengths, 288);
    std::memset(lengths, 5, 32);
    distances.make(lengths, 32);
    return blocks(literals, distances);
  }

  // RFC 1951, 3.2.7: the lengths of both codes, themselves in a code.
  bool dynamic() {
    static constexpr uint8_t kOrder[] = {16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                         11, 4,  12, 3, 13, 2, 14, 1, 15};
    const int literals_n = static_cast<int>(bits(5)) + 257;
    const int distances_n = static_cast<int>(bits(5)) + 1;
    const int order_n = static_cast<int>(bits(4)) + 4;
    if (literals_n > 286 || distances_n > 30) return false;
    uint8_t lengths[286 + 30] = {};
    for (int n = 0; n < order_n; ++n) lengths[kOrder[n]] = static_cast<uint8_t>(bits(3));
    Code code;
    if (!code.make(lengths, 19)) return false;
    std::memset(lengths, 0, sizeof lengths);
    for (int n = 0; n < literals_n + distances_n;) {
      const int one = symbol(code);
      if (one < 0) return false;
      if (one < 16) {
        lengths[n++] = static_cast<uint8_t>(one);
        continue;
      }
      if (one == 16 && n == 0) return false;
      const uint8_t repeated = one == 16 ? lengths[n - 1] : uint8_t{0};
      int times = one == 16   ? 3 + static_cast<int>(bits(2))
                  : one == 17 ? 3 + static_cast<int>(bits(3))
                              : 11 + static_cast<int>(bits(7));
      if (n + times > literals_n + distances_n) return false;
      for (; times > 0; --times) lengths[n++] = repeated;
    }
    Code literals, distances;
    return lengths[256] != 0 && literals.make(lengths, literals_n) &&
           distances.make(lengths + literals_n, distances_n) && blocks(literals, distances);
  }

  const unsigned char* in_;
  const unsigned char* in_end_;
  unsigned char* begin_;
  unsigned char* put_;  // bytes before it were given away
  unsigned char* out_;
  unsigned char* out_end_;
  uint32_t bits_ = 0;
  int held_ = 0;
  bool spent_ = false;
  InflatePieces* pieces_ = nullptr;
  uint64_t left_ = 0;  // bytes that may come behind out_end_
};

}  // namespace

bool inflate(const unsigned char* deflated, size_t length, unsigned char* out,
             size_t size) noexcept {
  return Stream(deflated, length, out, size).run();
}

bool inflate(InflatePieces& pieces, uint64_t size, unsigned char* window) {
  return Stream(pieces, size, window).run();
}

}  // namespace tg::io
