// SPDX-License-Identifier: MIT
// What the tests of files share: a folder that goes away, and the table of file operations made to
// fail, to be interrupted or to end the process at its k-th call.
#pragma once

#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "base/thread.h"
#include "io/file.h"

namespace files {

namespace fs = std::filesystem;
using tg::io::File;
using tg::io::file_operations;
using tg::io::FileOperations;
using tg::io::SafeWriter;

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

struct Outcome {
  tg_status status;
  std::string message;
  int64_t number;
};
template <class Run>
Outcome outcome(const Run& run) {
  errno = 7777;
  Outcome result{TG_OK, "", 0};
  try {
    run();
  } catch (const tg::Error& error) {
    result = {error.code, tg::thread_record().error.text, error.number};
  }
  CHECK(errno == 7777);  // the host's errno stays
  return result;
}
inline Outcome open(const std::string& path) {
  return outcome([&] { File::open_for_reading(path.c_str()); });
}
inline Outcome save(const std::string& path, const std::string& bytes) {
  return outcome([&] {
    SafeWriter writer(path.c_str());
    writer.write(bytes.data(), bytes.size());
    writer.commit();
  });
}

inline size_t open_descriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator("/proc/self/fd")) ++count;
  return count;
}

// ---- the table of operations, made to fail ----

struct Plan {
  int counted = 0;
  int fail_at = 0;      // 0: none
  int code = EIO;       // what the failing one gives
  bool once = true;     // EINTR: the same call made again succeeds
  bool kill = false;    // the process ends instead
  size_t shortest = 0;  // 0: none; else reads and writes move at most this many bytes
  bool full = false;    // writes move nothing and give no error
};
inline Plan plan;
inline FileOperations real;

inline bool fails() {
  ++plan.counted;
  const bool now =
      plan.once ? plan.counted == plan.fail_at : plan.fail_at != 0 && plan.counted >= plan.fail_at;
  if (!now) return false;
  if (plan.kill) raise(SIGKILL);
  errno = plan.code;
  return true;
}
inline size_t moved(size_t size) {
  return plan.shortest == 0 ? size : std::min(size, plan.shortest);
}

inline const FileOperations kFailing = {
    [](const char* path, int flags, mode_t mode) {
      return fails() ? -1 : real.open(path, flags, mode);
    },
    // Closed all the same, as Linux does.
    [](int descriptor) {
      const bool failing = fails();
      const int code = errno;
      const int result = real.close(descriptor);
      errno = code;
      return failing ? -1 : result;
    },
    [](int descriptor, struct stat* out) { return fails() ? -1 : real.fstat(descriptor, out); },
    [](const char* path, struct stat* out) { return fails() ? -1 : real.lstat(path, out); },
    [](const char* path, char* out) { return fails() ? nullptr : real.realpath(path, out); },
    [](int descriptor, void* out, size_t size, off_t offset) {
      return fails() ? ssize_t{-1} : real.pread(descriptor, out, moved(size), offset);
    },
    [](int descriptor, const void* bytes, size_t size) {
      return fails() ? ssize_t{-1} : plan.full ? 0 : real.write(descriptor, bytes, moved(size));
    },
    [](int descriptor) { return fails() ? -1 : real.fsync(descriptor); },
    [](const char* from, const char* to) { return fails() ? -1 : real.rename(from, to); },
    [](const char* path) { return fails() ? -1 : real.unlink(path); },
    [](void* address, size_t size, int protection, int flags, int descriptor, off_t offset) {
      return fails() ? MAP_FAILED : real.mmap(address, size, protection, flags, descriptor, offset);
    },
};

class Failing {
 public:
  explicit Failing(const Plan& wanted) {
    plan = wanted;
    real = file_operations;
    file_operations = kFailing;
  }
  ~Failing() { file_operations = real; }
};

}  // namespace files
