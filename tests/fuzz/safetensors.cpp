// SPDX-License-Identifier: MIT
// Fuzz target of the safetensors header, with two mains.
//
// libFuzzer:  clang++ -fsanitize=fuzzer,address,undefined ... ; run it on a folder of seeds.
// TG_FUZZ_MAIN: a plain program for ordinary test runs:
//   safetensors [FILE...]     runs the target on each file, or on the built-in corpus
//   safetensors --write DIR   writes the corpus as seeds for libFuzzer
//   safetensors --stdin       reads records (length as 4 bytes, little-endian, then a file) and
//                             prints what was read of each: the line that oracle.py compares
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread.h"
#include "io/safetensors_header.h"

namespace {

// A property that every input must have; a fuzzer sees the trap.
void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check_entries(const tg::io::Header& header, uint64_t data_bytes) {
  uint64_t bytes = 0;
  for (const tg::io::Entry& entry : header.entries()) {
    require(entry.rank <= tg::io::kMaxHeaderRank);
    require(entry.begin <= entry.end && entry.end <= data_bytes);
    require(entry.name.find('\0') == std::string_view::npos);
    uint64_t needed = static_cast<uint64_t>(tg::size_of(entry.dtype));
    for (int i = 0; i < entry.rank; ++i) {
      require(entry.shape[i] >= 0);
      needed *= static_cast<uint64_t>(entry.shape[i]);
    }
    require(needed == entry.end - entry.begin);
    bytes += needed;
  }
  require(bytes == data_bytes);
}

// What was read can be written, and reads as the same again.
void check_round_trip(const tg::io::Header& header, uint64_t data_bytes) {
  std::vector<tg::io::Item> items;
  for (const tg::io::Entry& entry : header.entries()) {
    items.push_back({entry.name, entry.shape, entry.rank, entry.dtype});
  }
  const auto written = tg::io::write_header(items, header.metadata());
  require(written.bytes.size() % 8 == 0);
  require(written.data_bytes == data_bytes);
  tg::io::Header again;
  again.parse("written", written.bytes.data() + 8, written.bytes.size() - 8, written.data_bytes);
  require(again.entries().size() == items.size());
  require(again.metadata().size() == header.metadata().size());
  for (size_t k = 0; k < items.size(); ++k) {
    const tg::io::Item& item = items[written.order[k]];
    const tg::io::Entry& entry = again.entries()[k];
    require(entry.name == item.name && entry.dtype == item.dtype && entry.rank == item.rank);
    require(std::equal(entry.shape, entry.shape + entry.rank, item.shape));
  }
  for (size_t k = 0; k < header.metadata().size(); ++k) {
    require(again.metadata()[k].key == header.metadata()[k].key);
    require(again.metadata()[k].value == header.metadata()[k].value);
  }
}

tg_status read(const char* text, size_t size, uint64_t data_bytes, tg::io::Header& header) {
  try {
    header.parse("memory", text, size, data_bytes);
  } catch (const tg::Error& error) {
    require(error.code == TG_ERROR_FORMAT || error.code == TG_ERROR_LIMIT ||
            error.code == TG_ERROR_UNSUPPORTED);
    require(std::string_view(tg::thread_record().error.text).substr(0, 8) == "memory: ");
    return error.code;
  }
  check_entries(header, data_bytes);
  check_round_trip(header, data_bytes);
  return TG_OK;
}

tg_status read_file(const char* bytes, size_t size, tg::io::Header& header) {
  uint64_t length = 0;
  try {
    length = tg::io::header_bytes("memory", bytes, size);
  } catch (const tg::Error& error) {
    require(error.code == TG_ERROR_FORMAT || error.code == TG_ERROR_LIMIT);
    return error.code;
  }
  require(length <= size - 8);
  return read(bytes + 8, length, size - 8 - length, header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto* bytes = reinterpret_cast<const char*>(data);
  tg::io::Header header;
  read_file(bytes, size, header);
  // Most mutations make the length wrong, so the text is judged without it as well.
  if (size >= 8) read(bytes + 8, size - 8, data[0] + (uint64_t{data[1]} << 8), header);
  return 0;
}

#ifdef TG_FUZZ_MAIN
#include "corpus/safetensors.h"
#include "fuzz/files.h"

namespace {

std::string hexadecimal(std::string_view text) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

// "0 name:dtype:2,3:0:24 ... @key=value ...", texts in hexadecimal; or the status alone.
std::string line_of(const std::string& file) {
  tg::io::Header header;
  const tg_status status = read_file(file.data(), file.size(), header);
  std::string line = std::to_string(status);
  if (status != TG_OK) return line;
  for (const tg::io::Entry& entry : header.entries()) {
    line +=
        ' ' + hexadecimal(entry.name) + ':' + std::string(tg::io::format_name(entry.dtype)) + ':';
    for (int i = 0; i < entry.rank; ++i) {
      if (i > 0) line += ',';
      line += std::to_string(entry.shape[i]);
    }
    line += ':' + std::to_string(entry.begin) + ':' + std::to_string(entry.end);
  }
  for (const tg::io::MetadataPair& pair : header.metadata()) {
    line += " @" + hexadecimal(pair.key) + '=' + hexadecimal(pair.value);
  }
  return line;
}

int answer_records() {
  unsigned char length[4];
  while (std::fread(length, 1, 4, stdin) == 4) {
    std::string file(static_cast<size_t>(length[0]) | static_cast<size_t>(length[1]) << 8 |
                         static_cast<size_t>(length[2]) << 16 |
                         static_cast<size_t>(length[3]) << 24,
                     '\0');
    if (std::fread(file.data(), 1, file.size(), stdin) != file.size()) return 1;
    std::puts(line_of(file).c_str());
  }
  return 0;
}

std::vector<corpus::File> whole_corpus() {
  std::vector<corpus::File> files = corpus::sound();
  for (corpus::File& file : corpus::hostile()) files.push_back(std::move(file));
  return files;
}

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

int write_seeds(const std::string& folder) {
  int number = 0;
  for (const corpus::File& file : whole_corpus()) {
    if (file.bytes.size() > 4096) continue;
    const std::string path = folder + "/" + std::to_string(number++);
    std::FILE* out = std::fopen(path.c_str(), "wb");
    if (out == nullptr ||
        std::fwrite(file.bytes.data(), 1, file.bytes.size(), out) != file.bytes.size() ||
        std::fclose(out) != 0) {
      return 1;
    }
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string first = count > 1 ? arguments[1] : "";
  if (first == "--stdin") return answer_records();
  if (first == "--write" && count == 3) return write_seeds(arguments[2]);
  if (count > 1) return run_on_files(count - 1, arguments + 1, run);
  int runs = 0;
  for (const corpus::File& file : whole_corpus()) run(file.bytes), ++runs;
  std::printf("%d files\n", runs);
  return 0;
}
#endif
