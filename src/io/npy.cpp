// SPDX-License-Identifier: MIT
#include "io/npy.h"

#include <algorithm>

#include "base/token.h"
#include "io/crc32.h"
#include "kernels/strided.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace io {

namespace {

const char* chars(const std::byte* bytes) { return reinterpret_cast<const char*>(bytes); }

void swap_bytes(const Tensor& x) {
  const int64_t size = size_of(x.dtype());
  std::byte* element = x.data();
  for (int64_t i = 0; i < x.numel(); ++i, element += size) std::reverse(element, element + size);
}

// x holds the elements with the first index running fastest.
Tensor from_fortran(const Tensor& x) {
  Tensor out = make_tensor(x.dtype(), x.sizes(), x.rank());
  int64_t strides[kMaxNpyRank], stride = 1;
  for (int d = 0; d < x.rank(); ++d) {
    strides[d] = stride;
    stride *= x.size(d);
  }
  kernels::copy(x.dtype(), out.data(), out.strides(), x.dtype(), x.data(), strides, x.sizes(),
                x.rank());
  return out;
}

}  // namespace

NpyReader::NpyReader(const Place& place, uint64_t bytes)
    : place_(place), bytes_(bytes), wanted_(start_, kNpyStartBytes) {
  if (bytes < kNpyStartBytes) npy_length_bytes(place_, chars(start_), bytes);  // says so
}

void NpyReader::filled() {
  switch (stage_) {
    case Stage::start:
      length_bytes_ = npy_length_bytes(place_, chars(start_), bytes_);
      wanted_ = {start_ + kNpyStartBytes, length_bytes_};
      stage_ = Stage::length;
      if (bytes_ >= kNpyStartBytes + length_bytes_) return;
      [[fallthrough]];  // which finds the length too long
    case Stage::length:
      text_.resize(npy_text_bytes(place_, chars(start_), length_bytes_, bytes_));
      wanted_ = std::as_writable_bytes(std::span(text_));
      stage_ = Stage::text;
      if (!text_.empty()) return;
      [[fallthrough]];  // which finds no header
    case Stage::text:
      header_ = parse_npy_header(place_, {text_.data(), text_.size()},
                                 kNpyStartBytes + length_bytes_, bytes_);
      x_ = make_tensor(header_.dtype, header_.shape, header_.rank);
      wanted_ = {x_.data(), static_cast<size_t>(header_.data_bytes)};
      stage_ = Stage::data;
      return;
    case Stage::data: wanted_ = {}; return;
  }
}

Tensor NpyReader::finish() {
  if (header_.swapped) swap_bytes(x_);
  if (header_.fortran && header_.rank > 1 && x_.numel() > 0) x_ = from_fortran(x_);
  make_bools_sound(x_);
  return std::move(x_);
}

void FileBytes::read(std::span<std::byte> out, bool check) {
  constexpr size_t kPiece = size_t{256} << 10;  // stays in the cache for its check
  while (!out.empty()) {
    ask_token();
    const auto piece = out.first(std::min(out.size(), kPiece));
    file.read_at(at, piece.data(), piece.size());
    if (check) crc = crc32(crc, piece.data(), piece.size());
    at += piece.size();
    out = out.subspan(piece.size());
  }
}

}  // namespace io

Tensor load_npy(const char* path) {
  const io::File file = io::File::open_for_reading(path);
  const io::Place place{path, {}};
  io::NpyReader reader(place, file.size());
  for (io::FileBytes bytes{file, 0}; !reader.wanted().empty(); reader.filled()) {
    bytes.read(reader.wanted(), false);
  }
  return reader.finish();
}

void save_npy(const char* path, const Tensor& x) {
  io::check_npy_dtype(x.dtype(), "x");
  const String header = io::write_npy_header(x.dtype(), x.sizes(), x.rank());
  io::SafeWriter writer(path);
  ask_token();
  const Tensor row_major = packed(x);
  writer.write(header.data(), header.size());
  writer.write(row_major.data(), static_cast<size_t>(x.numel() * size_of(x.dtype())));
  writer.commit();
}

}  // namespace tg
