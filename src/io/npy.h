// SPDX-License-Identifier: MIT
// Tensors as .npy files, alone and as members of an archive. The header is proved before the
// tensor's memory is taken (io/npy_header.h).
#pragma once

#include <cstddef>
#include <span>

#include "core/tensor.h"
#include "io/file.h"
#include "io/npy_header.h"

namespace tg {

void save_npy(const char* path, const Tensor& x);
Tensor load_npy(const char* path);

namespace io {

// Reads a .npy file whose bytes come in order, from wherever:
//
//   NpyReader reader(place, bytes);
//   while (!reader.wanted().empty()) fill what is wanted, then reader.filled();
//   x = reader.finish();
class NpyReader {
 public:
  // bytes: of the file. What `place` names must outlive this.
  NpyReader(const Place& place, uint64_t bytes);

  // Where the next bytes of the file belong; empty: there are no more.
  std::span<std::byte> wanted() const { return wanted_; }
  void filled();
  Tensor finish();

 private:
  enum class Stage : uint8_t { start, length, text, data };

  const Place place_;
  const uint64_t bytes_;
  Stage stage_ = Stage::start;
  size_t length_bytes_ = 0;
  std::byte start_[kNpyStartBytes + kMaxNpyLengthBytes] = {};
  std::span<std::byte> wanted_;
  Vector<char> text_;
  NpyHeader header_{};
  Tensor x_;
};

// Reads pieces of a file in order. A call that was cancelled ends between two of them.
struct FileBytes {
  const File& file;
  uint64_t at;
  uint32_t crc = 0;  // of what was read, if that is asked for
  void read(std::span<std::byte> out, bool check);
};

}  // namespace io

}  // namespace tg
