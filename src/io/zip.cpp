// SPDX-License-Identifier: MIT
#include "io/zip.h"

#include <algorithm>
#include <cstring>

#include "base/token.h"
#include "io/json_scanner.h"
#include "io/refusal.h"

namespace tg::io {

namespace {

// Signatures and fixed sizes of the records, without what varies behind them.
constexpr uint32_t kHeader = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator = 0x07064b50;
constexpr size_t kHeaderBytes = 30, kEntryBytes = 46, kEndBytes = 22;
constexpr size_t kEnd64Bytes = 56, kLocatorBytes = 20;
constexpr size_t kMostComment = 65'535;

// A number that stands in an extra field, or in the zip64 end record, is all ones in its place.
constexpr uint32_t kFull16 = 0xffff, kFull32 = 0xffffffff;
constexpr uint16_t kZip64Field = 1;

constexpr uint16_t kEncrypted = 1 << 0 | 1 << 6 | 1 << 13;
constexpr uint16_t kSizesBehind = 1 << 3;  // the header has none: they follow the data
constexpr uint16_t kPatch = 1 << 5;
constexpr uint16_t kUtf8 = 1 << 11;

// Deflate's greatest ratio: 258 bytes for two bits.
constexpr uint64_t kGreatestRatio = 1032;

uint64_t number(const char* bytes, size_t size) {
  uint64_t value = 0;
  std::memcpy(&value, bytes, size);
  return value;
}
uint32_t u16(const char* bytes) { return static_cast<uint32_t>(number(bytes, 2)); }
uint32_t u32(const char* bytes) { return static_cast<uint32_t>(number(bytes, 4)); }
uint64_t u64(const char* bytes) { return number(bytes, 8); }

// The zip64 field among extra fields; empty: there is none. Each is passed over by its own length.
std::string_view zip64_field(std::string_view extra) {
  while (extra.size() >= 4) {
    const size_t size = u16(extra.data() + 2);
    const std::string_view field = extra.substr(4, size);
    if (field.size() < size) break;
    if (u16(extra.data()) == kZip64Field) return field;
    extra.remove_prefix(4 + size);
  }
  return {};
}

// Takes the next number of a field. false: it has no more.
bool take(std::string_view* field, size_t size, uint64_t* out) {
  if (field->size() < size) return false;
  *out = number(field->data(), size);
  field->remove_prefix(size);
  return true;
}

}  // namespace

class ZipReader {
 public:
  ZipReader(ZipDirectory& out, const File& file)
      : out_(out), file_(file), place_{file.path(), {}} {}

  void run() {
    find_end();
    read_entries();
    for (ZipMember& member : out_.members_) check_header(member);
    refuse_overlaps();
    // Last, so that UNSUPPORTED means: sound, but not for us.
    for (const ZipMember& member : out_.members_) refuse_unsupported(member);
  }

 private:
  [[noreturn]] void refuse_here(uint64_t at, std::initializer_list<Part> parts) const {
    refuse_byte(TG_ERROR_FORMAT, at, place_, parts);
  }
  [[noreturn]] void refuse_member(tg_status code, const ZipMember& member,
                                  std::initializer_list<Part> parts) const {
    refuse(code, member.header_at, {place_.source, member.name, true}, parts);
  }

  // The last record whose comment ends where the file ends.
  void find_end() {
    const uint64_t size = file_.size();
    Vector<char> tail(std::min<uint64_t>(size, kEndBytes + kMostComment));
    const uint64_t tail_at = size - tail.size();
    file_.read_at(tail_at, tail.data(), tail.size());
    for (size_t i = tail.size(); i-- > 0;) {
      const size_t left = tail.size() - i;
      if (left < kEndBytes || u32(&tail[i]) != kEnd) continue;
      if (u16(&tail[i + 20]) == left - kEndBytes) return read_end(&tail[i], tail_at + i);
    }
    refuse(TG_ERROR_FORMAT, size, place_,
           {"is no whole zip archive: no end record before its end at byte ", size});
  }

  void read_end(const char* end, uint64_t end_at) {
    uint64_t disk = u16(end + 4), directory_disk = u16(end + 6), here = u16(end + 8);
    count_ = u16(end + 10);
    size_ = u32(end + 12);
    at_ = u32(end + 16);
    uint64_t directory_end = end_at;
    char locator[kLocatorBytes];
    if (end_at >= kLocatorBytes) file_.read_at(end_at - kLocatorBytes, locator, kLocatorBytes);
    if (end_at >= kLocatorBytes && u32(locator) == kLocator) {
      const uint64_t locator_at = end_at - kLocatorBytes;
      directory_end = u64(locator + 8);
      char record[kEnd64Bytes];
      if (directory_end > locator_at || locator_at - directory_end < kEnd64Bytes) {
        refuse_here(locator_at, {"the zip64 end record should be at byte ", directory_end,
                                 ", which is not in front of here"});
      }
      file_.read_at(directory_end, record, kEnd64Bytes);
      if (u32(record) != kEnd64 || u64(record + 4) != locator_at - directory_end - 12) {
        refuse_here(directory_end, {"a zip64 end record expected that ends at byte ", locator_at});
      }
      const auto take_64 = [&](uint64_t* value, uint64_t full, uint64_t wide) {
        if (*value != full && *value != wide) {
          refuse_here(end_at, {"the end record says ", *value, ", the zip64 end record ", wide});
        }
        *value = wide;
      };
      take_64(&disk, kFull16, u32(record + 16));
      take_64(&directory_disk, kFull16, u32(record + 20));
      take_64(&here, kFull16, u64(record + 24));
      take_64(&count_, kFull16, u64(record + 32));
      take_64(&size_, kFull32, u64(record + 40));
      take_64(&at_, kFull32, u64(record + 48));
    }
    if (disk != 0 || directory_disk != 0 || here != count_) {
      refuse_byte(TG_ERROR_UNSUPPORTED, end_at, place_,
                  {"the end of one of several disks; join them"});
    }
    if (size_ > directory_end || at_ != directory_end - size_) {
      refuse_here(end_at, {"the directory has ", size_, " bytes from byte ", at_,
                           " on, and should end at byte ", directory_end});
    }
    if (count_ > size_ / kEntryBytes) {
      refuse_here(end_at, {"a directory of ", size_, " bytes cannot hold ", count_, " members"});
    }
    if (size_ > kMaxZipDirectoryBytes) {
      refuse(TG_ERROR_LIMIT, end_at, place_,
             {"the directory at byte ", at_, " has ", size_, " bytes, at most 100000000 are read"});
    }
  }

  void read_entries() {
    out_.bytes_.resize(size_);
    out_.members_.reserve(count_);
    file_.read_at(at_, out_.bytes_.data(), size_);
    std::string_view rest(out_.bytes_.data(), size_);
    for (uint64_t i = 0; i < count_; ++i) {
      const uint64_t entry_at = at_ + size_ - rest.size();
      if (rest.size() < kEntryBytes || u32(rest.data()) != kEntry) {
        refuse_here(entry_at, {"entry ", i + 1, " of ", count_, " of the directory expected"});
      }
      const char* entry = rest.data();
      const size_t name_bytes = u16(entry + 28), extra_bytes = u16(entry + 30);
      const size_t entry_bytes = kEntryBytes + name_bytes + extra_bytes + u16(entry + 32);
      if (rest.size() < entry_bytes) {
        refuse_here(entry_at, {"an entry that passes the directory's end"});
      }
      ZipMember member{};
      member.name = rest.substr(kEntryBytes, name_bytes);
      member.flags = static_cast<uint16_t>(u16(entry + 8));
      member.method = static_cast<uint16_t>(u16(entry + 10));
      member.crc = u32(entry + 16);
      read_sizes(member, entry, rest.substr(kEntryBytes + name_bytes, extra_bytes), entry_at);
      check_name(member, entry_at);
      out_.members_.push_back(member);
      rest.remove_prefix(entry_bytes);
    }
    if (!rest.empty()) {
      refuse_here(at_ + size_ - rest.size(),
                  {"the directory has ", rest.size(), " bytes behind its ", count_, " entries"});
    }
  }

  // APPNOTE 4.5.3: those that are full stand in the field, in this order, and no others.
  void read_sizes(ZipMember& member, const char* entry, std::string_view extra, uint64_t entry_at) {
    std::string_view wide = zip64_field(extra);
    uint64_t disk = u16(entry + 34);
    member.packed_bytes = u32(entry + 20);
    member.bytes = u32(entry + 24);
    member.header_at = u32(entry + 42);
    if ((member.bytes == kFull32 && !take(&wide, 8, &member.bytes)) ||
        (member.packed_bytes == kFull32 && !take(&wide, 8, &member.packed_bytes)) ||
        (member.header_at == kFull32 && !take(&wide, 8, &member.header_at)) ||
        (disk == kFull16 && !take(&wide, 4, &disk))) {
      refuse_here(entry_at, {"member \"", member.name,
                             "\" has a size or offset of zip64, but no zip64 field"});
    }
    if (disk != 0) {
      refuse(TG_ERROR_UNSUPPORTED, entry_at, {place_.source, member.name, true},
             {"lies on another disk; join them"});
    }
  }

  void check_name(const ZipMember& member, uint64_t entry_at) const {
    if (member.name.find('\0') != std::string_view::npos) {
      refuse_here(entry_at, {"a member's name has a NUL, which would end a C text early"});
    }
    if (valid_utf8_prefix(member.name) < member.name.size()) {
      refuse_here(entry_at, {"a member's name is not UTF-8"});
    }
  }

  void check_header(ZipMember& member) {
    char header[kHeaderBytes];
    if (at_ < kHeaderBytes || member.header_at > at_ - kHeaderBytes) {
      refuse(TG_ERROR_FORMAT, at_, {place_.source, member.name, true},
             {"should begin at byte ", member.header_at, ", in or behind the directory at byte ",
              at_});
    }
    ask_token();
    file_.read_at(member.header_at, header, sizeof header);
    const size_t name_bytes = u16(header + 26), extra_bytes = u16(header + 28);
    if (u32(header) != kHeader || name_bytes != member.name.size()) disagree(member, "its name");
    const uint64_t room = at_ - member.header_at - kHeaderBytes;
    if (room < name_bytes + extra_bytes || member.packed_bytes > room - name_bytes - extra_bytes) {
      refuse_member(TG_ERROR_FORMAT, member,
                    {"its ", member.packed_bytes, " bytes from byte ", member.header_at,
                     " on do not end before the directory at byte ", at_});
    }
    Vector<char> behind(name_bytes + extra_bytes);
    file_.read_at(member.header_at + kHeaderBytes, behind.data(), behind.size());
    const std::string_view texts(behind.data(), behind.size());
    if (texts.substr(0, name_bytes) != member.name) disagree(member, "its name");
    member.data_at = member.header_at + kHeaderBytes + behind.size();

    constexpr uint32_t kSame = kEncrypted | kSizesBehind | kPatch | kUtf8;
    if (((u16(header + 6) ^ member.flags) & kSame) != 0) disagree(member, "its flags");
    if (u16(header + 8) != member.method) disagree(member, "its method");
    uint64_t packed_bytes = u32(header + 18), bytes = u32(header + 22);
    const uint32_t crc = u32(header + 14);
    std::string_view wide = zip64_field(texts.substr(name_bytes));
    if ((bytes == kFull32 && !take(&wide, 8, &bytes)) ||
        (packed_bytes == kFull32 && !take(&wide, 8, &packed_bytes))) {
      refuse_member(TG_ERROR_FORMAT, member,
                    {"has a size of zip64 at byte ", member.header_at, ", but no zip64 field"});
    }
    const bool behind_data = (member.flags & kSizesBehind) != 0;
    if (behind_data && packed_bytes == 0 && bytes == 0 && crc == 0) return;
    if (bytes != member.bytes || packed_bytes != member.packed_bytes) disagree(member, "its size");
    if (crc != member.crc) {
      refuse_member(TG_ERROR_FORMAT, member,
                    {"CRC-32 is ", Part::hexadecimal(crc), " in front of the data at byte ",
                     member.data_at, ", ", Part::hexadecimal(member.crc), " in the directory"});
    }
  }
  [[noreturn]] void disagree(const ZipMember& member, std::string_view what) const {
    refuse_member(TG_ERROR_FORMAT, member,
                  {what, " in the directory is not what stands at byte ", member.header_at,
                   " in front of its data"});
  }

  void refuse_overlaps() {
    const auto sorted = out_.sorted(
        [](const ZipMember* a, const ZipMember* b) { return a->header_at < b->header_at; });
    for (size_t i = 1; i < sorted.size(); ++i) {
      const ZipMember &before = *sorted[i - 1], &member = *sorted[i];
      if (before.data_at + before.packed_bytes > member.header_at) {
        refuse_member(TG_ERROR_FORMAT, member,
                      {"begins at byte ", member.header_at, ", inside of \"", before.name, "\""});
      }
    }
  }

  void refuse_unsupported(const ZipMember& member) const {
    if ((member.flags & (kEncrypted | kPatch)) != 0) {
      refuse_member(TG_ERROR_UNSUPPORTED, member,
                    {"is ", (member.flags & kPatch) != 0 ? "a patch" : "encrypted",
                     "; save it by numpy.savez"});
    }
    if (member.method != kZipStored && member.method != kZipDeflated) {
      refuse_member(TG_ERROR_UNSUPPORTED, member,
                    {"is compressed by method ", member.method,
                     "; stored (0) and deflate (8) are read: save it by numpy.savez"});
    }
    if ((member.flags & kUtf8) == 0 && std::any_of(member.name.begin(), member.name.end(),
                                                   [](char c) { return (c & 0x80) != 0; })) {
      refuse_member(TG_ERROR_UNSUPPORTED, member,
                    {"its name is neither ASCII nor marked as UTF-8; rename it"});
    }
    if (member.method == kZipStored ? member.bytes != member.packed_bytes
                                    : member.bytes / kGreatestRatio > member.packed_bytes) {
      refuse_member(TG_ERROR_FORMAT, member,
                    {"its ", member.packed_bytes, " bytes at byte ", member.data_at, " cannot be ",
                     member.bytes, " bytes ",
                     member.method == kZipStored ? "as they are stored" : "deflated"});
    }
  }

  ZipDirectory& out_;
  const File& file_;
  const Place place_;
  uint64_t count_ = 0, size_ = 0, at_ = 0;  // of the directory
};

void ZipDirectory::read(const File& file) { ZipReader(*this, file).run(); }

Vector<const ZipMember*> ZipDirectory::sorted(bool (*less)(const ZipMember*,
                                                           const ZipMember*)) const {
  Vector<const ZipMember*> sorted;
  sorted.reserve(members_.size());
  for (const ZipMember& member : members_) sorted.push_back(&member);
  std::sort(sorted.begin(), sorted.end(), less);
  return sorted;
}

// ---- writing ----

namespace {

constexpr uint16_t kVersion = 20, kVersion64 = 45;  // needed to extract: APPNOTE 4.4.3
constexpr uint16_t kMadeBy = 3 << 8 | kVersion64;   // Unix, so that rights are as below
constexpr uint32_t kRights = 0100644u << 16;        // a regular file, rw-r--r--
constexpr uint32_t kDate = 1 << 5 | 1;              // 1980-01-01: the same bytes each time

void append(String& out, uint64_t value, size_t size) {
  for (size_t i = 0; i < size; ++i) out += static_cast<char>(value >> (8 * i) & 255);
}
uint64_t at_most(uint64_t value, uint64_t full) { return std::min(value, full); }

// What header and entry have in common, between their versions and the length of extra fields.
void append_common(String& out, const ZipMember& member, bool wide, size_t extra_bytes) {
  const bool ascii =
      std::all_of(member.name.begin(), member.name.end(), [](char c) { return (c & 0x80) == 0; });
  append(out, wide ? kVersion64 : kVersion, 2);
  append(out, ascii ? 0 : kUtf8, 2);
  append(out, kZipStored, 2);
  append(out, 0, 2);  // midnight
  append(out, kDate, 2);
  append(out, member.crc, 4);
  append(out, at_most(member.packed_bytes, kFull32), 4);
  append(out, at_most(member.bytes, kFull32), 4);
  append(out, member.name.size(), 2);
  append(out, extra_bytes, 2);
}

bool wide_sizes(const ZipMember& member) { return member.bytes >= kFull32; }

}  // namespace

void append_zip_header(String& out, const ZipMember& member) {
  const bool wide = wide_sizes(member);
  append(out, kHeader, 4);
  append_common(out, member, wide, wide ? 20 : 0);
  out += member.name;
  if (!wide) return;
  append(out, kZip64Field, 2);
  append(out, 16, 2);
  append(out, member.bytes, 8);
  append(out, member.packed_bytes, 8);
}

void append_zip_entry(String& directory, const ZipMember& member) {
  const bool wide = wide_sizes(member), far = member.header_at >= kFull32;
  const size_t field_bytes = (wide ? 16u : 0u) + (far ? 8u : 0u);
  append(directory, kEntry, 4);
  append(directory, kMadeBy, 2);
  append_common(directory, member, wide || far, field_bytes == 0 ? 0 : 4 + field_bytes);
  append(directory, 0, 2);  // comment
  append(directory, 0, 2);  // disk
  append(directory, 0, 2);  // internal attributes
  append(directory, kRights, 4);
  append(directory, at_most(member.header_at, kFull32), 4);
  directory += member.name;
  if (field_bytes == 0) return;
  append(directory, kZip64Field, 2);
  append(directory, field_bytes, 2);
  if (wide) append(directory, member.bytes, 8);
  if (wide) append(directory, member.packed_bytes, 8);
  if (far) append(directory, member.header_at, 8);
}

void append_zip_end(String& out, uint64_t count, uint64_t directory_bytes, uint64_t directory_at) {
  if (count >= kFull16 || directory_bytes >= kFull32 || directory_at >= kFull32) {
    append(out, kEnd64, 4);
    append(out, kEnd64Bytes - 12, 8);
    append(out, kMadeBy, 2);
    append(out, kVersion64, 2);
    append(out, 0, 8);  // both disks
    append(out, count, 8);
    append(out, count, 8);
    append(out, directory_bytes, 8);
    append(out, directory_at, 8);
    append(out, kLocator, 4);
    append(out, 0, 4);
    append(out, directory_at + directory_bytes, 8);
    append(out, 1, 4);  // disks in all
  }
  append(out, kEnd, 4);
  append(out, 0, 4);  // both disks
  append(out, at_most(count, kFull16), 2);
  append(out, at_most(count, kFull16), 2);
  append(out, at_most(directory_bytes, kFull32), 4);
  append(out, at_most(directory_at, kFull32), 4);
  append(out, 0, 2);  // comment
}

}  // namespace tg::io
