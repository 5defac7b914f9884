// SPDX-License-Identifier: MIT
// Zip archives built record by record, so that each number in them can be made to lie, and streams
// of deflate that are long in little room.
#pragma once

#include "corpus/npy.h"

namespace corpus {

// Bit by bit, as ISO 3309 defines it: another way than the library's.
inline uint32_t crc32(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

// What a record says of a member. In the directory and in front of the data it may differ.
struct ZipRecord {
  std::string name;
  uint64_t packed_bytes = 0, bytes = 0, header_at = 0;
  uint32_t crc = 0;
  unsigned method = 0, flags = 0, disk = 0;
  std::string extra, comment;
};

inline std::string zip_common(const ZipRecord& record) {
  return little_endian(20, 2) + little_endian(record.flags, 2) + little_endian(record.method, 2) +
         little_endian(0x210000, 4) + little_endian(record.crc, 4) +
         little_endian(record.packed_bytes, 4) + little_endian(record.bytes, 4) +
         little_endian(record.name.size(), 2) + little_endian(record.extra.size(), 2);
}
inline std::string zip_header(const ZipRecord& record) {
  return "PK\x03\x04" + zip_common(record) + record.name + record.extra;
}
inline std::string zip_entry(const ZipRecord& record) {
  return "PK\x01\x02" + little_endian(20, 2) + zip_common(record) +
         little_endian(record.comment.size(), 2) + little_endian(record.disk, 2) +
         std::string(6, '\0') + little_endian(record.header_at, 4) + record.name + record.extra +
         record.comment;
}
inline std::string zip_end(uint64_t count, uint64_t directory_bytes, uint64_t directory_at,
                           const std::string& comment = "") {
  return "PK\x05\x06" + std::string(4, '\0') + little_endian(count, 2) + little_endian(count, 2) +
         little_endian(directory_bytes, 4) + little_endian(directory_at, 4) +
         little_endian(comment.size(), 2) + comment;
}
inline std::string zip64_end(uint64_t count, uint64_t directory_bytes, uint64_t directory_at,
                             uint64_t at) {
  return "PK\x06\x06" + little_endian(44, 8) + little_endian(45, 2) + little_endian(45, 2) +
         std::string(8, '\0') + little_endian(count, 8) + little_endian(count, 8) +
         little_endian(directory_bytes, 8) + little_endian(directory_at, 8) + "PK\x06\x07" +
         std::string(4, '\0') + little_endian(at, 8) + little_endian(1, 4);
}

// A member as it should be: stored, or deflated where `packed` is given.
struct ZipMember {
  ZipRecord front, entry;
  std::string data;
};
inline ZipMember stored(const std::string& name, const std::string& bytes) {
  ZipRecord record;
  record.name = name;
  record.packed_bytes = record.bytes = bytes.size();
  record.crc = crc32(bytes);
  return {record, record, bytes};
}
inline ZipMember deflated(const std::string& name, const std::string& bytes,
                          const std::string& packed) {
  ZipMember member = stored(name, bytes);
  for (ZipRecord* record : {&member.front, &member.entry}) {
    record->method = 8;
    record->packed_bytes = packed.size();
  }
  member.data = packed;
  return member;
}

// Members one behind the other, their directory, its end.
struct Archive {
  std::string bytes, directory;
  size_t count = 0;

  Archive& add(ZipMember member) {
    if (member.entry.header_at == 0) member.entry.header_at = bytes.size();
    bytes += zip_header(member.front) + member.data;
    directory += zip_entry(member.entry);
    ++count;
    return *this;
  }
  std::string whole() const {
    return bytes + directory + zip_end(count, directory.size(), bytes.size());
  }
};
inline std::string zip(const ZipMember& member) { return Archive().add(member).whole(); }

// RFC 1951: one block of type 0.
inline std::string stored_block(const std::string& bytes) {
  return std::string(1, '\1') + little_endian(bytes.size(), 2) +
         little_endian(~bytes.size() & 0xffff, 2) + bytes;
}

// `head`, then zeros: literals, and repetitions of the last byte, 258 in 13 bits (RFC 1951, 3.2.6).
inline std::string deflated_zeros(const std::string& head, size_t zeros) {
  std::string out;
  uint32_t held = 0;
  int bits = 0;
  const auto put = [&](uint32_t value, int count) {
    held |= value << bits;
    for (bits += count; bits >= 8; bits -= 8, held >>= 8) out += static_cast<char>(held & 0xff);
  };
  const auto code = [&](uint32_t value, int count) {  // from its highest bit
    for (int i = count - 1; i >= 0; --i) put(value >> i & 1, 1);
  };
  const auto literal = [&](unsigned char byte) {
    byte < 144 ? code(0x30u + byte, 8) : code(0x190u + byte - 144, 9);
  };
  put(1, 1), put(1, 2);
  for (const char c : head) literal(static_cast<unsigned char>(c));
  if (zeros > 0) literal(0), --zeros;
  for (; zeros >= 258; zeros -= 258) code(0xc5, 8), code(0, 5);
  for (; zeros > 0; --zeros) literal(0);
  code(0, 7);
  if (bits > 0) put(0, 8 - bits);
  return out;
}

}  // namespace corpus
