// SPDX-License-Identifier: MIT
// The directory of a zip archive, read and written, also where sizes and offsets need zip64: sparse
// files of many gigabytes, of which only the records are read.
#include "io/zip.h"

#include "corpus/npz.h"
#include "failing_files.h"

using tg::io::ZipDirectory;
using tg::io::ZipMember;

namespace {

constexpr uint64_t kHuge = uint64_t{5} << 30;

// The text of `name` must outlive it.
ZipMember member(std::string_view name, uint64_t bytes, uint64_t header_at) {
  ZipMember out{};
  out.name = name;
  out.bytes = out.packed_bytes = bytes;
  out.header_at = header_at;
  out.crc = 0x12345678;
  return out;
}

void put_at(const std::string& path, uint64_t at, const tg::String& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(at));
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

}  // namespace

TEST_CASE("the directory of each sound archive is read", "[io]") {
  const files::Folder folder;
  const std::string path = folder / "a";
  for (const corpus::File& sound : corpus::sound_npz()) {
    CAPTURE(sound.row);
    files::put(path, sound.bytes);
    ZipDirectory directory;
    const files::File file = files::File::open_for_reading(path.c_str());
    directory.read(file);
    for (const ZipMember& one : directory.members()) {
      CHECK(one.name.substr(1) == ".npy");
      CHECK(one.bytes == corpus::small_npy().size());
      CHECK(one.data_at + one.packed_bytes < sound.bytes.size());
      CHECK(one.crc == corpus::crc32(corpus::small_npy()));
    }
  }
}

TEST_CASE("small archives are written without zip64", "[io]") {
  tg::String bytes, directory, end;
  const ZipMember one = member("a.npy", 3, 0);
  append_zip_header(bytes, one);
  CHECK(bytes.size() == 30 + 5);
  append_zip_entry(directory, one);
  CHECK(directory.size() == 46 + 5);
  tg::io::append_zip_end(end, 1, directory.size(), bytes.size());
  CHECK(end.size() == 22);
  CHECK(std::string(end) == corpus::zip_end(1, directory.size(), bytes.size()));
  end.clear();
  tg::io::append_zip_end(end, 65'534, 0xfffffffe, 0xfffffffe);
  CHECK(end.size() == 22);
}

TEST_CASE("sizes, offsets and counts that need zip64 are written and read", "[io]") {
  const files::Folder folder;
  const std::string path = folder / "a";
  tg::String front, directory, end;
  // A huge member, one behind it, and one whose size alone is full.
  std::vector<ZipMember> members = {member("huge.npy", kHuge, 0)};
  const auto end_of = [&](const ZipMember& one) {
    front.clear();
    append_zip_header(front, one);
    return one.header_at + front.size() + one.bytes;
  };
  members.push_back(member("far.npy", 7, end_of(members[0])));
  members.push_back(member("full.npy", 0xffffffff, end_of(members[1])));
  const uint64_t directory_at = end_of(members[2]);
  files::put(path, "");
  for (const ZipMember& one : members) {
    end_of(one);
    put_at(path, one.header_at, front);
    append_zip_entry(directory, one);
  }
  tg::io::append_zip_end(end, members.size(), directory.size(), directory_at);
  CHECK(end.size() == 56 + 20 + 22);
  put_at(path, directory_at, directory + end);
  ZipDirectory read;
  const files::File file = files::File::open_for_reading(path.c_str());
  read.read(file);
  REQUIRE(read.members().size() == members.size());
  for (size_t i = 0; i < members.size(); ++i) {
    const ZipMember& one = read.members()[i];
    CHECK(one.name == members[i].name);
    CHECK(one.bytes == members[i].bytes);
    CHECK(one.packed_bytes == members[i].bytes);
    CHECK(one.header_at == members[i].header_at);
    CHECK(one.crc == 0x12345678);
    CHECK(one.data_at + one.bytes == (i < 2 ? members[i + 1].header_at : directory_at));
  }
}

TEST_CASE("more members than 16 bits can count are written and read", "[io]") {
  const files::Folder folder;
  const std::string path = folder / "a";
  for (const size_t count : {size_t{65'534}, size_t{65'535}, size_t{70'000}}) {
    tg::String bytes, directory, end;
    for (size_t i = 0; i < count; ++i) {
      const std::string name = std::to_string(i);
      const ZipMember one = member(name, 0, bytes.size());
      append_zip_header(bytes, one);
      append_zip_entry(directory, one);
    }
    tg::io::append_zip_end(end, count, directory.size(), bytes.size());
    CHECK(end.size() == (count < 65'535 ? 22 : 98));
    files::put(path, std::string(bytes + directory + end));
    ZipDirectory read;
    const files::File file = files::File::open_for_reading(path.c_str());
    read.read(file);
    CHECK(read.members().size() == count);
    CHECK(read.members().back().name == std::to_string(count - 1));
  }
}
