// SPDX-License-Identifier: MIT
// .npz archives that must be refused, and odd ones that must be read. The rows X1, X2, ... group
// them by the fault; every row says which status and which words it gives.
#pragma once

#include "corpus/zip.h"

namespace corpus {

inline const std::string& small_npz() {
  static const std::string file = zip(stored("a.npy", small_npy()));
  return file;
}

inline std::vector<File> hostile_npz() {
  std::vector<File> files;
  const auto add = [&](const std::string& row, const std::string& bytes, const std::string& phrase,
                       tg_status status = TG_ERROR_FORMAT) {
    files.push_back({row, bytes, status, phrase});
  };
  const std::string& npy = small_npy();
  const ZipMember sound = stored("a.npy", npy);
  const auto small = std::to_string(npy.size());
  // The sound member, with both of its records or one of them changed.
  const auto both = [&](const auto& change) {
    ZipMember member = sound;
    change(member.front), change(member.entry);
    return zip(member);
  };
  const auto front = [&](const auto& change) {
    ZipMember member = sound;
    change(member.front);
    return zip(member);
  };
  const auto entry = [&](const auto& change) {
    ZipMember member = sound;
    change(member.entry);
    return zip(member);
  };

  const std::string head = npy_file("<f4", "(32,)", "");
  ZipMember bomb = deflated("a.npy", head + std::string(128, '\0'), deflated_zeros(head, 16 << 20));
  add("X1: 16 MiB for less", zip(bomb), "do not give " + std::to_string(head.size() + 128));
  bomb = deflated("a.npy", npy_file("<f4", "(262144,)", ""), deflated_zeros(head, 128));
  bomb.front.bytes = bomb.entry.bytes = 1 << 20;
  add("X1: 1 MiB of 1,015 bytes at most", zip(bomb), "cannot be 1048576 bytes deflated");

  Archive twice;
  twice.add(sound).add(sound);
  add("X2: a member twice", twice.whole(), "two members have the key \"a\"");
  Archive key;
  key.add(sound).add(stored("a", npy));
  add("X2: a.npy and a", key.whole(), "two members have the key \"a\"");
  for (const std::string name : {"a", "a.npy/", "a.txt", "a.NPY", ""}) {
    add("a member that is no .npy: " + name, zip(stored(name, npy)),
        "member \"" + name + "\": is no .npy file", TG_ERROR_UNSUPPORTED);
  }
  add("X3: NUL in a name", zip(stored(std::string("a.npy\0b.npy", 11), npy)), "has a NUL");
  add("X3: a name that is not UTF-8", zip(stored("\xff.npy", npy)), "name is not UTF-8");
  add("X3: a name that is not marked as UTF-8", zip(stored("\xc3\xa9.npy", npy)),
      "neither ASCII nor marked as UTF-8", TG_ERROR_UNSUPPORTED);

  add("X4: stored, sizes differ", both([](ZipRecord& r) { ++r.bytes; }),
      "its " + small + " bytes at byte 35 cannot be " + std::to_string(npy.size() + 1) +
          " bytes as they are stored");
  const std::string packed = stored_block(npy);
  for (const size_t size : {packed.size() - 1, size_t{20}, size_t{5}, size_t{1}}) {
    add("X4: deflated, cut at " + std::to_string(size),
        zip(deflated("a.npy", npy, packed.substr(0, size))), "are damaged");
  }
  add("X4: deflated, a byte behind", zip(deflated("a.npy", npy, packed + '\0')), "are damaged");
  ZipMember longer = deflated("a.npy", npy, packed);
  ++longer.front.bytes, ++longer.entry.bytes;
  add("X4: deflated, declared longer", zip(longer), "needs 16 bytes, 17 follow the header");
  add("X4: no deflate at all", zip(deflated("a.npy", npy, npy)), "are damaged");
  add("X4: a member without bytes", zip(stored("a.npy", "")), "member \"a.npy\": has 0 bytes");

  add("X5: wrong CRC", both([](ZipRecord& r) { r.crc = 1; }),
      "member \"a.npy\": CRC-32 is 00000001, the data at byte 35 give ");
  ZipMember wrong = deflated("a.npy", npy, packed);
  wrong.front.crc = wrong.entry.crc = 0x10;
  add("X5: wrong CRC, deflated", zip(wrong), "CRC-32 is 00000010, the data at byte 35 give ");
  add("X5: CRC differs in front", front([](ZipRecord& r) { r.crc = 2; }),
      "CRC-32 is 00000002 in front of the data");

  add("X6: another name", front([](ZipRecord& r) { r.name = "b.npy"; }),
      "its name in the directory");
  add("X6: a longer name", front([](ZipRecord& r) { r.name = "a.npyy"; }),
      "its name in the directory");
  add("X6: another size", front([](ZipRecord& r) { --r.bytes; }), "its size in the directory");
  add("X6: another packed size", front([](ZipRecord& r) { --r.packed_bytes; }),
      "its size in the directory");
  add("X6: another method", front([](ZipRecord& r) { r.method = 8; }),
      "its method in the directory");
  add("X6: other flags", front([](ZipRecord& r) { r.flags = 8; }), "its flags in the directory");
  add("X6: encrypted in front", front([](ZipRecord& r) { r.flags = 1; }),
      "its flags in the directory");
  std::string unsigned_header = small_npz();
  unsigned_header[1] = 'L';
  add("X6: no header in front", unsigned_header, "its name in the directory");

  const std::string member = zip_header(sound.front) + sound.data;
  const std::string directory = zip_entry(sound.entry);
  const uint64_t at = member.size(), size = directory.size();
  add("X7: nothing", "", "is no whole zip archive: no end record before its end at byte 0");
  add("X7: 21 bytes", zip_end(0, 0, 0).substr(0, 21), "no end record before its end at byte 21");
  add("X7: a .npy file", npy, "is no whole zip archive");
  add("X7: no directory", member, "is no whole zip archive");
  add("X7: no end", member + directory, "is no whole zip archive");
  add("X7: a byte behind", small_npz() + '\0', "is no whole zip archive");
  add("X7: a byte in front", "x" + small_npz(), "the directory has");
  add("X7: the directory past the end", member + directory + zip_end(1, size, at + 1000),
      "from byte " + std::to_string(at + 1000) + " on, and should end at byte");
  add("X7: a longer directory", member + directory + zip_end(1, size + 1000, at),
      "the directory has " + std::to_string(size + 1000) + " bytes");
  add("X7: a directory in front of itself", member + directory + zip_end(1, size, at - 1),
      "from byte " + std::to_string(at - 1) + " on, and should end");
  add("X7: one member more", member + directory + zip_end(2, size, at), "cannot hold 2 members");
  add("X7: 65,534 members", member + directory + zip_end(65'534, size, at), "cannot hold 65534");
  add("X7: one member less", member + directory + zip_end(0, size, at),
      "the directory has " + std::to_string(size) + " bytes behind its 0 entries");
  const std::string padded = directory + std::string(46, '\0');
  add("X7: no second entry", member + padded + zip_end(2, padded.size(), at),
      "entry 2 of 2 of the directory expected");
  ZipRecord long_name = sound.entry;
  std::string passing = zip_entry(long_name);
  passing[28] = '\x7f';
  add("X7: a name past the directory", member + passing + zip_end(1, size, at),
      "an entry that passes the directory's end");

  for (const unsigned flag : {0x1u, 0x41u, 0x2000u}) {
    add("X8: encrypted", both([&](ZipRecord& r) { r.flags = flag; }),
        "member \"a.npy\": is encrypted", TG_ERROR_UNSUPPORTED);
  }
  add("X8: a patch", both([](ZipRecord& r) { r.flags = 0x20; }), "is a patch",
      TG_ERROR_UNSUPPORTED);
  for (const unsigned method : {1u, 9u, 12u, 14u, 93u, 99u}) {
    add("X8: method " + std::to_string(method), both([&](ZipRecord& r) { r.method = method; }),
        "member \"a.npy\": is compressed by method " + std::to_string(method) +
            "; stored (0) and deflate (8) are read",
        TG_ERROR_UNSUPPORTED);
  }
  std::string disks = small_npz();
  disks[disks.size() - 18] = '\1';
  add("X8: the second disk", disks, "the end of one of several disks", TG_ERROR_UNSUPPORTED);
  add("X8: a member on another disk", entry([](ZipRecord& r) { r.disk = 1; }),
      "lies on another disk", TG_ERROR_UNSUPPORTED);

  const std::string huge = little_endian(1, 2) + little_endian(16, 2) +
                           little_endian(uint64_t{1} << 63, 8) +
                           little_endian(uint64_t{1} << 63, 8);
  const auto full = [&](ZipRecord& r) {
    r.bytes = r.packed_bytes = 0xffffffff;
    r.extra = huge;
  };
  add("X9: sizes of 2^63", both(full), "its 9223372036854775808 bytes from byte 0 on");
  add("X9: FFFFFFFF without a field", both([](ZipRecord& r) { r.bytes = 0xffffffff; }),
      "has a size or offset of zip64, but no zip64 field");
  add("X9: FFFFFFFF in front without a field", front([](ZipRecord& r) { r.bytes = 0xffffffff; }),
      "has a size of zip64 at byte 0, but no zip64 field");
  add("X9: an offset of FFFFFFFF", entry([](ZipRecord& r) { r.header_at = 0xffffffff; }),
      "has a size or offset of zip64, but no zip64 field");
  add("X9: a field that is too short", both([](ZipRecord& r) {
        r.bytes = 0xffffffff;
        r.extra = little_endian(1, 2) + little_endian(4, 2) + little_endian(1, 4);
      }),
      "has a size or offset of zip64, but no zip64 field");
  add("X9: a field cut by the entry", both([](ZipRecord& r) {
        r.bytes = 0xffffffff;
        r.extra = little_endian(1, 2) + little_endian(16, 2) + little_endian(1, 8);
      }),
      "has a size or offset of zip64, but no zip64 field");
  const std::string records = member + directory;
  const std::string end = zip_end(0xffff, 0xffffffff, 0xffffffff);
  add("X9: an end record elsewhere", records + zip64_end(1, size, at, records.size() + 40) + end,
      "the zip64 end record should be");
  add("X9: an end record of 2^64 - 1", records + zip64_end(1, size, at, UINT64_MAX) + end,
      "the zip64 end record should be");
  add("X9: another end record", records + zip64_end(1, size, at, records.size() - 1) + end,
      "a zip64 end record expected");
  add("X9: 2^63 members", records + zip64_end(uint64_t{1} << 63, size, at, records.size()) + end,
      "cannot hold 9223372036854775808 members");
  add("X9: a directory of 2^64 - 1 bytes",
      records + zip64_end(1, UINT64_MAX, at, records.size()) + end, "the directory has");
  add("X9: a directory at 2^63",
      records + zip64_end(1, size, uint64_t{1} << 63, records.size()) + end, "the directory has");
  add("X9: two end records that differ",
      records + zip64_end(1, size, at, records.size()) + zip_end(2, size, at),
      "the end record says 2, the zip64 end record 1");
  add("X9: no zip64 end record", records + end, "the directory has 4294967295 bytes");

  // b.npy lies inside of a.npy, whose data is what is stored there.
  const ZipMember inner = stored("b.npy", npy);
  const std::string text = zip_header(inner.front) + inner.data;
  const ZipMember outer =
      stored("a.npy", npy_file("|u1", "(" + std::to_string(text.size()) + ",)", text));
  ZipMember hidden = inner;
  hidden.entry.header_at = zip_header(outer.front).size() + outer.data.size() - text.size();
  const std::string front_part = zip_header(outer.front) + outer.data;
  const std::string overlapping = zip_entry(outer.entry) + zip_entry(hidden.entry);
  add("X10: a member in another's data",
      front_part + overlapping + zip_end(2, overlapping.size(), front_part.size()),
      "member \"b.npy\": begins at byte " + std::to_string(hidden.entry.header_at) +
          ", inside of \"a.npy\"");
  const std::string one_twice = directory + directory;
  add("X10: two entries of one member", member + one_twice + zip_end(2, one_twice.size(), at),
      "begins at byte 0, inside of \"a.npy\"");
  ZipMember behind = sound;
  behind.entry.header_at = at;
  add("X10: an offset into the directory", zip(behind), "in or behind the directory");
  behind.entry.header_at = 0x7fffffff;
  add("X10: an offset past the end", zip(behind), "should begin at byte 2147483647");
  add("X10: data that reach into the directory",
      both([](ZipRecord& r) { r.bytes += 1, r.packed_bytes += 1; }),
      "do not end before the directory");

  // Whatever is wrong with a file is wrong with a member.
  for (const File& file : hostile_npy()) {
    if (file.row.rfind("N7: cut", 0) == 0 || file.bytes.size() > 70'000) continue;
    add(file.row + ", as a member", zip(stored("a.npy", file.bytes)), file.phrase, file.status);
    if (file.bytes.size() > 60'000) continue;
    add(file.row + ", deflated", zip(deflated("a.npy", file.bytes, stored_block(file.bytes))),
        file.phrase, file.status);
  }
  return files;
}

// Archives that are read. Each member holds small_npy(), and has the key "a", "b", ...
inline std::vector<File> sound_npz() {
  const std::string& npy = small_npy();
  const ZipMember sound = stored("a.npy", npy);
  std::vector<File> files;
  const auto add = [&](const std::string& row, const std::string& bytes) {
    files.push_back({row, bytes, TG_OK, ""});
  };
  const auto both = [&](ZipMember member, const auto& change) {
    change(member.front), change(member.entry);
    return zip(member);
  };
  add("stored", small_npz());
  add("deflated, a stored block", zip(deflated("a.npy", npy, stored_block(npy))));
  add("deflated, a fixed block", zip(deflated("a.npy", npy, deflated_zeros(npy, 0))));
  Archive two;
  two.add(sound).add(deflated("b.npy", npy, stored_block(npy)));
  add("two members", two.whole());
  const std::string member = zip_header(sound.front) + sound.data;
  const std::string directory = zip_entry(sound.entry), records = member + directory;
  const uint64_t at = member.size(), size = directory.size();
  add("X7: empty", zip_end(0, 0, 0));
  add("X7: a comment", records + zip_end(1, size, at, "PK\x05\x06 is no end record"));
  ZipMember streamed = sound;
  streamed.front.flags = streamed.entry.flags = 8;
  add("X8: bit 3, with sizes in front", zip(streamed));
  streamed.front.bytes = streamed.front.packed_bytes = streamed.front.crc = 0;
  Archive described;
  described.add(streamed);
  described.bytes += "PK\x07\x08" + little_endian(sound.entry.crc, 4) +
                     little_endian(npy.size(), 4) + little_endian(npy.size(), 4);
  add("X8: bit 3, with sizes behind", described.whole());
  ZipMember wide = sound;
  for (ZipRecord* record : {&wide.front, &wide.entry}) {
    record->bytes = record->packed_bytes = 0xffffffff;
    record->extra = little_endian(0x5455, 2) + little_endian(1, 2) + "x" + little_endian(1, 2) +
                    little_endian(16, 2) + little_endian(npy.size(), 8) +
                    little_endian(npy.size(), 8);
  }
  add("X9: zip64 fields behind another", zip(wide));
  wide.entry = sound.entry;
  add("X9: a zip64 field in front alone", zip(wide));
  add("X9: zip64 end record",
      records + zip64_end(1, size, at, records.size()) + zip_end(0xffff, 0xffffffff, 0xffffffff));
  add("X9: zip64 end record that is not needed",
      records + zip64_end(1, size, at, records.size()) + zip_end(1, size, at));
  ZipMember with_extra = sound;
  with_extra.front.extra = std::string("\x99\x99\x03\x00xyz\0", 8);  // and a byte that is no field
  with_extra.entry.comment = "a comment";
  add("an extra field in front, a comment in the directory", zip(with_extra));
  Archive gap;
  gap.bytes = "something else";
  gap.add(sound);
  add("bytes of no member", gap.whole());
  add("X3: marked as UTF-8", both(sound, [](ZipRecord& r) { r.flags = 0x800; }));
  return files;
}

}  // namespace corpus
