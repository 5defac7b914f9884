// SPDX-License-Identifier: MIT
// tg_describe: the text of api.json, which lies in the library in deflated pieces.
#include "capi/call_table.h"
#include "capi/seam.h"
#include "io/inflate.h"

namespace tg::capi {

namespace {

// Hands `length` bytes of the text from `offset` on to `out`, piece by piece.
void read_text(size_t offset, size_t length, char* out) {
  if (length == 0) return;
  struct Piece {
    unsigned char* bytes = static_cast<unsigned char*>(take(kTextPiece));
    ~Piece() { give_back(bytes, kTextPiece); }
  } piece;
  while (length > 0) {
    const size_t number = offset / kTextPiece, begin = number * kTextPiece;
    const size_t size = kTextBytes - begin < kTextPiece ? kTextBytes - begin : kTextPiece;
    if (!io::inflate(kDeflatedText + kTextPieces[number],
                     kTextPieces[number + 1] - kTextPieces[number], piece.bytes, size)) {
      fail(TG_ERROR_INTERNAL, "the description of the library is damaged; please report this");
    }
    const size_t from = offset - begin, some = size - from < length ? size - from : length;
    std::memcpy(out, piece.bytes + from, some);
    out += some;
    offset += some;
    length -= some;
  }
}

void describe(const char* name, char* buffer, size_t capacity, size_t* length) {
  check_text_out(buffer, capacity);
  size_t offset = 0, whole = kTextBytes;
  if (name != nullptr) {
    check_text(name, "name");
    const uint16_t number = find_name(name);
    if (number == kNoName) {
      fail(TG_ERROR_NOT_FOUND, "there is no function, constant, type or callback \"", Quoted{name},
           "\"; tg_describe(NULL, ...) lists all");
    }
    offset = kDescribedNames[number].offset;
    whole = kDescribedNames[number].length;
  }
  if (capacity > 0) {
    // What does not fit is cut at a whole character. All but the documentation is ASCII, and the
    // text itself is valid UTF-8, so a look at the first byte that does not fit is enough.
    size_t some = whole < capacity - 1 ? whole : capacity - 1;
    read_text(offset, some, buffer);
    if (some < whole) {
      char next = 0;
      read_text(offset + some, 1, &next);
      while (some > 0 && (static_cast<unsigned char>(next) & 0xc0u) == 0x80u) next = buffer[--some];
    }
    buffer[some] = 0;
  }
  if (length != nullptr) *length = whole;
}

}  // namespace

}  // namespace tg::capi

tg_status tg_describe(const char* name, char* buffer, size_t capacity, size_t* length) {
  return tg::capi::guarded(__func__, [&] { tg::capi::describe(name, buffer, capacity, length); });
}
