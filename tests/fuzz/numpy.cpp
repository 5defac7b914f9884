// SPDX-License-Identifier: MIT
// Fuzz target of NumPy's files, with two mains. A file is read from memory: the table of file
// operations gives it. A check sum that fits is no reason to trust, so archives are also read with
// each CRC-32 made right after mutation: else hardly any would come behind it.
//
// libFuzzer:  clang++ -fsanitize=fuzzer,address,undefined ... ; run it on a folder of seeds.
// TG_FUZZ_MAIN: a plain program for ordinary test runs:
//   numpy [FILE...]           runs the target on each file, or on the built-in corpus
//   numpy --write DIR         writes the corpus as seeds for libFuzzer
//   numpy --mutate N SEED     runs N mutations of files of the corpus, the same for the same seed
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread.h"
#include "io/crc32.h"
#include "io/file.h"
#include "io/inflate.h"
#include "io/npy.h"
#include "io/npz.h"

namespace {

// A property that every input must have; a fuzzer sees the trap.
void require(bool holds) {
  if (!holds) __builtin_trap();
}

// ---- the file, which is in memory ----

std::string_view current;

const tg::io::FileOperations kInMemory = {
    [](const char*, int, mode_t) { return 1000; },
    [](int) { return 0; },
    [](int, struct stat* out) {
      *out = {};
      out->st_mode = S_IFREG;
      out->st_size = static_cast<off_t>(current.size());
      return 0;
    },
    [](const char*, struct stat*) { return -1; },
    [](const char*, char*) -> char* { return nullptr; },
    [](int, void* out, size_t size, off_t offset) -> ssize_t {
      // What is asked for was checked against the file's size.
      require(offset >= 0 && static_cast<size_t>(offset) <= current.size());
      require(size <= current.size() - static_cast<size_t>(offset));
      std::memcpy(out, current.data() + offset, size);
      return static_cast<ssize_t>(size);
    },
    [](int, const void*, size_t) -> ssize_t { return -1; },
    [](int) { return -1; },
    [](const char*, const char*) { return -1; },
    [](const char*) { return -1; },
    [](void*, size_t, int, int, int, off_t) -> void* { return nullptr; },
};

void check_tensor(const tg::Tensor& x) {
  require(x.rank() <= tg::io::kMaxNpyRank && x.row_major());
  const auto bytes = static_cast<size_t>(x.numel() * tg::size_of(x.dtype()));
  require(bytes <= 1032 * current.size());
  // What was read can be written, and reads as the same again.
  const tg::String header = tg::io::write_npy_header(x.dtype(), x.sizes(), x.rank());
  const std::string_view text(header.data() + 10, header.size() - 10);
  const auto again = tg::io::parse_npy_header({"file", {}}, text, 10, header.size() + bytes);
  require(again.dtype == x.dtype() && again.rank == x.rank() && again.data_bytes == bytes);
  require(std::equal(again.shape, again.shape + again.rank, x.sizes()));
  if (x.dtype() != tg::DType::boolean) return;
  for (size_t i = 0; i < bytes; ++i) require(static_cast<uint8_t>(x.data()[i]) <= 1);
}

template <class Read>
void read(std::string_view bytes, const Read& run) {
  current = bytes;
  try {
    run();
  } catch (const tg::Error& error) {
    require(error.code == TG_ERROR_FORMAT || error.code == TG_ERROR_LIMIT ||
            error.code == TG_ERROR_UNSUPPORTED || error.code == TG_ERROR_OUT_OF_MEMORY);
    require(error.code == TG_ERROR_OUT_OF_MEMORY ||
            std::string_view(tg::thread_record().error.text).substr(0, 6) == "file: ");
  }
}
void read_npy(std::string_view bytes) {
  read(bytes, [] { check_tensor(tg::load_npy("file")); });
}
void read_npz(std::string_view bytes) {
  read(bytes, [] {
    const tg::Dict dict = tg::load_npz("file");
    for (size_t i = 0; i < dict.size(); ++i) check_tensor(dict.at(i).tensor);
  });
}

// ---- check sums ----

uint32_t number(const std::string& bytes, size_t at, size_t size) {
  uint32_t value = 0;
  std::memcpy(&value, bytes.data() + at, size);
  return value;
}

// Of a member whose records can be followed at all; in both of its records.
void fix_crc(std::string& bytes, size_t entry) {
  const size_t at = number(bytes, entry + 42, 4), packed = number(bytes, entry + 20, 4);
  const size_t size = number(bytes, entry + 24, 4);
  if (at + 30 > bytes.size() || packed > bytes.size() || size > 1'000'000) return;
  const size_t data_at = at + 30 + number(bytes, at + 26, 2) + number(bytes, at + 28, 2);
  if (data_at + packed > bytes.size()) return;
  uint32_t crc = 0;
  if (number(bytes, entry + 10, 2) == 8) {
    std::vector<unsigned char> unpacked(size);
    const auto* data = reinterpret_cast<const unsigned char*>(bytes.data() + data_at);
    if (!tg::io::inflate(data, packed, unpacked.data(), size)) return;
    crc = tg::io::crc32(0, unpacked.data(), size);
  } else {
    crc = tg::io::crc32(0, bytes.data() + data_at, packed);
  }
  std::memcpy(bytes.data() + at + 14, &crc, 4);
  std::memcpy(bytes.data() + entry + 16, &crc, 4);
}

std::string with_right_sums(std::string_view given) {
  std::string bytes(given);
  for (size_t at = 0; (at = bytes.find("PK\1\2", at)) != std::string::npos; at += 4) {
    if (bytes.size() - at >= 46) fix_crc(bytes, at);
  }
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  tg::io::file_operations = kInMemory;
  tg::memory_limit_set(uint64_t{64} << 20);
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.substr(0, 1) == "\x93") {
    read_npy(bytes);
  } else {
    read_npz(bytes);
    read_npz(with_right_sums(bytes));
  }
  return 0;
}

#ifdef TG_FUZZ_MAIN
#include "corpus/npz.h"
#include "fuzz/files.h"

namespace {

std::vector<std::string> whole_corpus(size_t longest) {
  std::vector<std::string> all;
  const auto add = [&](const std::string& bytes) {
    if (bytes.size() <= longest) all.push_back(bytes);
  };
  for (const corpus::File& file : corpus::hostile_npy()) add(file.bytes);
  for (const corpus::SoundNpy& file : corpus::sound_npy()) add(file.bytes);
  for (const corpus::File& file : corpus::hostile_npz()) add(file.bytes);
  for (const corpus::File& file : corpus::sound_npz()) add(file.bytes);
  for (const corpus::SoundNpy& file : corpus::sound_npy()) {
    add(corpus::zip(corpus::deflated("a.npy", file.bytes, corpus::deflated_zeros(file.bytes, 0))));
  }
  return all;
}

void run(const std::string& bytes) {
  // Of the very size, so that the address sanitizer sees one byte more.
  const std::vector<uint8_t> exact(bytes.begin(), bytes.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

int write_seeds(const std::string& folder) {
  int count = 0;
  for (const std::string& bytes : whole_corpus(4096)) {
    const std::string path = folder + "/" + std::to_string(count++);
    std::FILE* out = std::fopen(path.c_str(), "wb");
    if (out == nullptr || std::fwrite(bytes.data(), 1, bytes.size(), out) != bytes.size() ||
        std::fclose(out) != 0) {
      return 1;
    }
  }
  return 0;
}

void mutate(std::string& bytes, std::mt19937_64& random, const std::vector<std::string>& files) {
  const auto below = [&](size_t bound) { return bound == 0 ? 0 : random() % bound; };
  const size_t at = below(bytes.size());
  constexpr std::string_view kBytes = "\0\1\xff{}()[]'\",:0129<>|fiub \n\x8\x2";
  constexpr std::string_view kWords[] = {"True",   "False",       "'shape'", "'descr'",
                                         "(1,)",   "<f8",         "PK\1\2",  "PK\3\4",
                                         "PK\5\6", "\x93NUMPY\1", ".npy"};
  constexpr uint64_t kNumbers[] = {0,      1,          8,          0x7f,       0xff,
                                   0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX, uint64_t{1} << 63};
  switch (random() % 8) {
    case 0: bytes[at] = static_cast<char>(random()); break;
    case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8)); break;
    case 2: bytes[at] = kBytes[below(kBytes.size())]; break;
    case 3: bytes.erase(at, below(9)); break;
    case 4: bytes.insert(at, bytes.substr(below(bytes.size()), below(60))); break;
    case 5: {
      const std::string_view word = kWords[below(std::size(kWords))];
      bytes.replace(at, random() % 2 == 0 ? word.size() : 0, word);
      break;
    }
    case 6: {
      const uint64_t number =
          random() % 4 == 0 ? bytes.size() - below(70) : kNumbers[below(std::size(kNumbers))];
      const size_t size = std::min(bytes.size() - at, size_t{1} << random() % 4);
      std::memcpy(bytes.data() + at, &number, size);
      break;
    }
    default: {
      const std::string& other = files[below(files.size())];
      const size_t from = below(other.size());
      bytes.replace(at, below(80), other.substr(from, below(80)));
    }
  }
}

int run_mutations(size_t count, uint64_t seed) {
  const std::vector<std::string> files = whole_corpus(2000);
  std::mt19937_64 random(seed);
  for (size_t i = 0; i < count; ++i) {
    std::string bytes = files[random() % files.size()];
    for (uint64_t n = random() % 4 + 1; n > 0 && !bytes.empty(); --n) mutate(bytes, random, files);
    run(bytes);
  }
  std::printf("%zu mutations of %zu files\n", count, files.size());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string first = count > 1 ? arguments[1] : "";
  if (first == "--write" && count == 3) return write_seeds(arguments[2]);
  if (first == "--mutate" && count == 4) {
    return run_mutations(std::strtoull(arguments[2], nullptr, 10),
                         std::strtoull(arguments[3], nullptr, 10));
  }
  if (count > 1) return run_on_files(count - 1, arguments + 1, run);
  int runs = 0;
  for (const std::string& bytes : whole_corpus(SIZE_MAX)) run(bytes), ++runs;
  std::printf("%d files\n", runs);
  return 0;
}
#endif
