// SPDX-License-Identifier: MIT
#include "io/npz.h"

#include <algorithm>
#include <cstring>

#include "base/token.h"
#include "io/crc32.h"
#include "io/inflate.h"
#include "io/npy.h"
#include "io/zip.h"
#include "ops/elementwise.h"

namespace tg {

namespace {

constexpr std::string_view kSuffix = ".npy";

std::string_view key_of(std::string_view member) {
  return member.ends_with(kSuffix) ? member.substr(0, member.size() - kSuffix.size()) : member;
}

// Each name gives one key, of which NumPy's reader would show one tensor.
void check_names(const io::Place& file, const io::ZipDirectory& directory) {
  const auto sorted = directory.sorted([](const io::ZipMember* a, const io::ZipMember* b) {
    return key_of(a->name) < key_of(b->name);
  });
  for (size_t i = 1; i < sorted.size(); ++i) {
    const std::string_view key = key_of(sorted[i]->name);
    if (key != key_of(sorted[i - 1]->name)) continue;
    io::refuse(TG_ERROR_FORMAT, sorted[i]->header_at, file,
               {"two members have the key \"", key, "\""});
  }
  for (const io::ZipMember& member : directory.members()) {
    if (member.name.ends_with(kSuffix)) continue;
    io::refuse(TG_ERROR_UNSUPPORTED, member.header_at, {file.source, member.name, true},
               {"is no .npy file; take it out"});
  }
}

// Brings a deflated member to its reader, through a window.
class Unpacking final : public io::InflatePieces {
 public:
  Unpacking(const io::File& file, const io::ZipMember& member, io::NpyReader& reader)
      : bytes_{file, member.data_at}, left_(member.packed_bytes), reader_(reader) {}

  uint32_t crc() const { return crc_; }

  std::span<const unsigned char> more() override {
    const auto size = static_cast<size_t>(std::min<uint64_t>(left_, in_.size()));
    bytes_.read(std::as_writable_bytes(std::span(in_.data(), size)), false);
    left_ -= size;
    return {reinterpret_cast<unsigned char*>(in_.data()), size};
  }
  void put(const unsigned char* bytes, size_t size) override {
    ask_token();
    crc_ = io::crc32(crc_, bytes, size);
    while (size > 0) {
      const auto wanted = reader_.wanted().subspan(given_);
      const size_t piece = std::min(wanted.size(), size);
      std::memcpy(wanted.data(), bytes, piece);
      bytes += piece;
      size -= piece;
      given_ += piece;
      if (piece < wanted.size()) continue;
      given_ = 0;
      reader_.filled();
    }
  }

 private:
  io::FileBytes bytes_;
  uint64_t left_;  // of the packed bytes
  io::NpyReader& reader_;
  size_t given_ = 0;  // of what the reader wants
  uint32_t crc_ = 0;
  Vector<char> in_ = Vector<char>(size_t{32} << 10);
};

Tensor load_member(const io::File& file, const io::ZipMember& member) {
  const io::Place place{file.path(), member.name, true};
  io::NpyReader reader(place, member.bytes);
  uint32_t crc;
  if (member.method == io::kZipStored) {
    io::FileBytes bytes{file, member.data_at};
    for (; !reader.wanted().empty(); reader.filled()) bytes.read(reader.wanted(), true);
    crc = bytes.crc;
  } else {
    Unpacking unpacking(file, member, reader);
    Vector<char> window(io::kInflateWindow);
    auto* room = reinterpret_cast<unsigned char*>(window.data());
    if (!io::inflate(unpacking, member.bytes, room)) {
      io::refuse(TG_ERROR_FORMAT, member.data_at, place,
                 {"its ", member.packed_bytes, " deflated bytes at byte ", member.data_at,
                  " are damaged, or do not give ", member.bytes, " bytes"});
    }
    crc = unpacking.crc();
  }
  if (crc != member.crc) {
    io::refuse(TG_ERROR_FORMAT, member.data_at, place,
               {"CRC-32 is ", io::Part::hexadecimal(member.crc), ", the data at byte ",
                member.data_at, " give ", io::Part::hexadecimal(crc)});
  }
  return reader.finish();
}

}  // namespace

Dict load_npz(const char* path) {
  const io::File file = io::File::open_for_reading(path);
  io::ZipDirectory directory;
  directory.read(file);
  check_names({path, {}}, directory);
  Dict dict;
  for (const io::ZipMember& member : directory.members()) {
    dict.append(key_of(member.name), load_member(file, member));
  }
  return dict;
}

void save_npz(const char* path, const Dict& dict) {
  for (size_t i = 0; i < dict.size(); ++i) {
    const Dict::Entry& entry = dict.at(i);
    io::check_npy_dtype(entry.tensor.dtype(), entry.name);
    const size_t longest = io::kMaxZipNameBytes - kSuffix.size();
    if (entry.name.size() > longest) {
      fail(TG_ERROR_LIMIT, "the name \"", Quoted{entry.name}, "\" has ", entry.name.size(),
           " bytes, at most ", longest, " are written");
    }
  }
  io::SafeWriter writer(path);
  String front, entries, name;
  uint64_t at = 0;
  for (size_t i = 0; i < dict.size(); ++i) {
    ask_token();
    const Tensor x = packed(dict.at(i).tensor);
    const auto data_bytes = static_cast<size_t>(x.numel() * size_of(x.dtype()));
    const String header = io::write_npy_header(x.dtype(), x.sizes(), x.rank());
    name = dict.at(i).name;
    name += kSuffix;
    const uint64_t bytes = header.size() + data_bytes;
    const uint32_t crc =
        io::crc32(io::crc32(0, header.data(), header.size()), x.data(), data_bytes);
    const io::ZipMember member{
        .name = name, .header_at = at, .packed_bytes = bytes, .bytes = bytes, .crc = crc};
    front.clear();
    io::append_zip_header(front, member);
    io::append_zip_entry(entries, member);
    front += header;
    writer.write(front.data(), front.size());
    writer.write(x.data(), data_bytes);
    at += front.size() + data_bytes;
  }
  const size_t directory_bytes = entries.size();
  io::append_zip_end(entries, dict.size(), directory_bytes, at);
  writer.write(entries.data(), entries.size());
  writer.commit();
}

}  // namespace tg
