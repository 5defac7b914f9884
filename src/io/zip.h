// SPDX-License-Identifier: MIT
// The directory of a zip archive, read strictly and written. It touches no member's data.
//
// Format: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3 (records) and 4.5 (extra fields, zip64). The
// directory counts, and what stands in front of each member must agree with it: two readers that
// trust one each would see different archives. For the same reason members may not overlap, nor
// have one name, and nothing stands between the directory and its end record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/blocks.h"
#include "io/file.h"

namespace tg::io {

inline constexpr uint64_t kMaxZipDirectoryBytes = 100'000'000;  // as for a safetensors header
inline constexpr size_t kMaxZipNameBytes = 65'535;              // what a record can say
inline constexpr uint16_t kZipStored = 0, kZipDeflated = 8;     // methods

struct ZipMember {
  std::string_view name;
  uint64_t header_at;     // in the archive: what stands in front of the data
  uint64_t data_at = 0;   // read alone
  uint64_t packed_bytes;  // in the archive
  uint64_t bytes;         // of the member itself
  uint32_t crc;
  uint16_t method = kZipStored;
  uint16_t flags = 0;
};

class ZipDirectory {
 public:
  // Takes the whole directory or throws: TG_ERROR_FORMAT, TG_ERROR_LIMIT (of its bytes),
  // TG_ERROR_UNSUPPORTED (encrypted, several disks, another method, in an archive that is sound
  // otherwise). The error's number is the offset in the archive.
  void read(const File& file);

  std::span<const ZipMember> members() const { return members_; }  // in the directory's order
  Vector<const ZipMember*> sorted(bool (*less)(const ZipMember*, const ZipMember*)) const;

 private:
  friend class ZipReader;

  Vector<char> bytes_;  // where the names stand
  Vector<ZipMember> members_;
};

// What stands in front of a stored member, its entry in the directory, and what ends an archive.
void append_zip_header(String& out, const ZipMember& member);
void append_zip_entry(String& directory, const ZipMember& member);
void append_zip_end(String& out, uint64_t count, uint64_t directory_bytes, uint64_t directory_at);

}  // namespace tg::io
