// SPDX-License-Identifier: MIT
// What the tests of safetensors files share: a folder that goes away, the three ways to load, and
// what a failed call may not change.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "corpus/safetensors.h"
#include "tapegrad/tapegrad.h"

namespace files {

// Of the last error: errno, or the offset in a file.
inline int64_t error_number() {
  int64_t number = -1;
  tg_last_error_detail(&number, nullptr);
  return number;
}

namespace fs = std::filesystem;

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/tapegrad-test-XXXXXX";
    REQUIRE(mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  std::set<std::string> names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.insert(entry.path().filename());
    return names;
  }

 private:
  std::string path_;
};

inline void put(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}
inline std::string get(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Of this thread: the machine may be busy with other things.
inline double processor_seconds() {
  struct timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A handle that is released.
struct Handle {
  tg_handle handle = 0;
  Handle() = default;
  explicit Handle(tg_handle value) : handle(value) {}
  Handle(const Handle&) = delete;
  ~Handle() { tg_release(handle); }
  operator tg_handle() const { return handle; }
  tg_handle* out() { return &handle; }
};

// What a call may not change when it fails.
struct State {
  uint64_t handles = tg_live_handles(), memory = tg_memory_current(), modes = 0;
  State() { REQUIRE(tg_state_get(&modes) == TG_OK); }
  bool operator==(const State& other) const {
    return handles == other.handles && memory == other.memory && modes == other.modes;
  }
};

inline size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// One way to load: from memory, from a file, from a mapped file.
struct Loader {
  const char* function;
  uint32_t flags;
  bool from_memory;
  tg_status operator()(const std::string& bytes, const std::string& path, tg_dict* out) const {
    if (from_memory) return tg_safetensors_load_memory(bytes.data(), bytes.size(), out);
    put(path, bytes);
    return tg_safetensors_load(path.c_str(), flags, out);
  }
};
inline const Loader kLoaders[] = {{"tg_safetensors_load_memory", 0, true},
                                  {"tg_safetensors_load", 0, false},
                                  {"tg_safetensors_load", TG_FILE_MAP, false}};

inline std::string bytes_of(tg_tensor x, size_t size) {
  std::string bytes(size, '?');
  REQUIRE(tg_tensor_copy_out(x, bytes.data(), size) == TG_OK);
  return bytes;
}
inline std::string name_at(tg_dict dict, size_t index) {
  size_t length = 0;
  REQUIRE(tg_dict_name_at(dict, index, nullptr, 0, &length) == TG_OK);
  std::string name(length + 1, '?');
  REQUIRE(tg_dict_name_at(dict, index, name.data(), name.size(), nullptr) == TG_OK);
  name.resize(length);
  return name;
}
inline std::vector<int64_t> shape_of(tg_tensor x) {
  int64_t shape[16];
  int32_t rank = 0;
  REQUIRE(tg_tensor_shape(x, shape, 16, &rank) == TG_OK);
  return {shape, shape + rank};
}

inline const corpus::File& sound_file(const std::string& row) {
  static const std::vector<corpus::File> files = corpus::sound();
  for (const corpus::File& file : files) {
    if (file.row == row) return file;
  }
  FAIL("no such row: " << row);
  return files[0];
}

}  // namespace files
