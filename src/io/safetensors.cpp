// SPDX-License-Identifier: MIT
// The tensors of safetensors files. The header is proved whole before the first tensor's memory is
// taken (io/safetensors_header.h).
#include "io/safetensors.h"

#include <sys/mman.h>

#include <atomic>
#include <cstring>

#include "base/token.h"
#include "io/file.h"
#include "io/safetensors_header.h"
#include "ops/elementwise.h"
#include "ops/ops.h"

namespace tg {

namespace {

// A mapping of a file that several tensors borrow from.
struct Mapping final : Owner {
  mutable std::atomic<uint32_t> refs{1};
  void* address = nullptr;
  size_t size = 0;
};

void release_mapping(const Owner* owner, std::byte*) noexcept {
  const auto* mapping = static_cast<const Mapping*>(owner);
  if (mapping->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  const ErrnoKeeper keep;
  if (mapping->address != nullptr) munmap(mapping->address, mapping->size);
  give_back(const_cast<Mapping*>(mapping), sizeof(Mapping));
}

class MappingRef {
 public:
  explicit MappingRef(Mapping* mapping) : mapping_(mapping) {}
  ~MappingRef() { release_mapping(mapping_, nullptr); }
  MappingRef(const MappingRef&) = delete;
  MappingRef& operator=(const MappingRef&) = delete;
  Mapping* operator->() const { return mapping_; }
  Mapping* get() const { return mapping_; }

 private:
  Mapping* mapping_;
};

// Makes the tensors of a header, whose elements `read` puts in place.
template <class Read>
Dict dict_of(const io::Header& header, Read&& make) {
  Dict dict;
  for (const io::Entry& entry : header.entries()) {
    ask_token();
    dict.append(entry.name, make(entry));
  }
  for (const io::MetadataPair& pair : header.metadata()) dict.append_metadata(pair.key, pair.value);
  return dict;
}

template <class Read>
auto copying(Read&& read) {
  return [read](const io::Entry& entry) {
    Tensor x = make_tensor(entry.dtype, entry.shape, entry.rank);
    if (entry.end > entry.begin) read(entry, x.data());
    make_bools_sound(x);
    return x;
  };
}

Dict load_mapped(const io::File& file, const io::Header& header, uint64_t data_at) {
  MappingRef mapping(new (take(sizeof(Mapping))) Mapping);
  mapping->release = release_mapping;
  mapping->size = file.size();
  mapping->address = const_cast<std::byte*>(file.map());
  auto* bytes = static_cast<std::byte*>(mapping->address);
  return dict_of(header, [&](const io::Entry& entry) {
    std::byte* data = bytes + data_at + entry.begin;
    const auto size = static_cast<int64_t>(entry.end - entry.begin);
    const bool aligned =
        reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(size_of(entry.dtype)) == 0;
    // Bytes of a bool are made sound by copying; what is empty borrows nothing.
    if (!aligned || entry.dtype == DType::boolean || size == 0) {
      Tensor x = make_tensor(entry.dtype, entry.shape, entry.rank);
      if (size > 0) std::memcpy(x.data(), data, static_cast<size_t>(size));
      make_bools_sound(x);
      return x;
    }
    Layout layout;
    layout.shape = Shape(entry.shape, entry.rank);
    row_major_strides(entry.shape, entry.rank, layout.strides);
    layout.offset = 0;
    Tensor x = make_borrowed(data, entry.dtype, layout, size, mapping.get(), true);
    mapping->refs.fetch_add(1, std::memory_order_relaxed);
    return x;
  });
}

}  // namespace

Dict load_safetensors(const char* path, bool map) {
  const io::File file = io::File::open_for_reading(path);
  char first[io::kLengthBytes] = {};
  if (file.size() >= sizeof first) file.read_at(0, first, sizeof first);
  const uint64_t length = io::header_bytes(path, first, file.size());
  Vector<char> text(length);
  file.read_at(sizeof first, text.data(), length);
  const uint64_t data_at = sizeof first + length;
  io::Header header;
  header.parse(path, text.data(), length, file.size() - data_at);
  if (map) return load_mapped(file, header, data_at);
  return dict_of(header, copying([&](const io::Entry& entry, std::byte* to) {
                   file.read_at(data_at + entry.begin, to, entry.end - entry.begin);
                 }));
}

Dict load_safetensors_memory(const void* memory, size_t size) {
  const auto* bytes = static_cast<const char*>(memory);
  char first[io::kLengthBytes] = {};
  if (size >= sizeof first) std::memcpy(first, bytes, sizeof first);
  const uint64_t length = io::header_bytes("memory", first, size);
  const uint64_t data_at = sizeof first + length;
  io::Header header;
  header.parse("memory", bytes + sizeof first, length, size - data_at);
  return dict_of(header, copying([&](const io::Entry& entry, std::byte* to) {
                   std::memcpy(to, bytes + data_at + entry.begin, entry.end - entry.begin);
                 }));
}

void save_safetensors(const char* path, const Dict& dict) {
  Vector<io::Item> items;
  items.reserve(dict.size());
  for (size_t i = 0; i < dict.size(); ++i) {
    const Tensor& x = dict.at(i).tensor;
    items.push_back({dict.at(i).name, x.sizes(), x.rank(), x.dtype()});
  }
  Vector<io::MetadataPair> metadata;
  for (const Dict::Text& text : dict.all_metadata()) metadata.push_back({text.key, text.value});
  const io::WrittenHeader header = io::write_header(items, metadata);
  io::SafeWriter writer(path);
  writer.write(header.bytes.data(), header.bytes.size());
  for (const uint32_t i : header.order) {
    ask_token();
    const Tensor x = packed(dict.at(i).tensor);
    writer.write(x.data(), static_cast<size_t>(x.numel() * size_of(x.dtype())));
  }
  writer.commit();
}

}  // namespace tg
