// SPDX-License-Identifier: MIT
#include "io/file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace tg::io {

namespace {

// Those of the C library that take varargs, or whose names are macros in some builds.
int system_open(const char* path, int flags, mode_t mode) { return ::open(path, flags, mode); }
int system_fstat(int descriptor, struct stat* out) { return ::fstat(descriptor, out); }
int system_lstat(const char* path, struct stat* out) { return ::lstat(path, out); }
char* system_realpath(const char* path, char* out) { return ::realpath(path, out); }
ssize_t system_pread(int descriptor, void* out, size_t size, off_t offset) {
  return ::pread(descriptor, out, size, offset);
}

// The C library's English reason, in the middle of a sentence: "Is a directory" loses its capital,
// "RFS specific error" keeps it. strerror() would follow the locale.
struct Reason {
  int code;
};
Message& operator<<(Message& message, Reason reason) {
  const char* text = ::strerrordesc_np(reason.code);
  const char* name = ::strerrorname_np(reason.code);
  if (text == nullptr || name == nullptr) return message << "error " << reason.code;
  if (text[0] >= 'A' && text[0] <= 'Z' && text[1] >= 'a' && text[1] <= 'z') {
    message << static_cast<char>(text[0] - 'A' + 'a') << text + 1;
  } else {
    message << text;
  }
  return message << " (" << name << ')';
}

[[noreturn]] void fail_io(const char* path, std::string_view what, int code) {
  if (path[0] == 0) fail_number(TG_ERROR_IO, code, "the path is empty: ", Reason{code});
  fail_number(TG_ERROR_IO, code, Quoted{path}, ": ", what, Reason{code});
}

// A system call that a signal interrupted is made again: it has done nothing yet.
template <class Call>
auto uninterrupted(const Call& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[noreturn]] void refuse_kind(const char* path, mode_t mode) {
  if (S_ISDIR(mode)) fail_io(path, "", EISDIR);
  std::string_view kind = "no regular file";
  if (S_ISFIFO(mode)) kind = "a named pipe, not a regular file";
  if (S_ISSOCK(mode)) kind = "a socket, not a regular file";
  if (S_ISCHR(mode) || S_ISBLK(mode)) kind = "a device, not a regular file";
  fail_number(TG_ERROR_IO, EINVAL, Quoted{path}, ": is ", kind);
}

// After close() the descriptor is gone whatever it returned; on Linux also after EINTR.
void close_quietly(int descriptor) noexcept {
  if (descriptor >= 0) file_operations.close(descriptor);
}

// Calls write(2) and pread(2) transfer at most this much at once (man 2 read, NOTES).
constexpr size_t kLargestTransfer = 0x7ffff000;

}  // namespace

constinit FileOperations file_operations = {
    system_open, ::close, system_fstat, system_lstat, system_realpath, system_pread,
    ::write,     ::fsync, ::rename,     ::unlink,     ::mmap,
};

File File::open_for_reading(const char* path) {
  const ErrnoKeeper keeper;
  // O_NONBLOCK: the open of a FIFO would wait. O_NOCTTY: a terminal would become the process's own.
  const int descriptor = uninterrupted(
      [&] { return file_operations.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0); });
  if (descriptor < 0) fail_io(path, "", errno);
  File file(descriptor, path, 0);
  struct stat status;
  if (uninterrupted([&] { return file_operations.fstat(descriptor, &status); }) != 0) {
    fail_io(path, "", errno);
  }
  if (!S_ISREG(status.st_mode)) refuse_kind(path, status.st_mode);
  file.size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

File::File(File&& other) noexcept
    : descriptor_(other.descriptor_), path_(other.path_), size_(other.size_) {
  other.descriptor_ = -1;
}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(path_, other.path_);
  std::swap(size_, other.size_);
  return *this;
}

File::~File() {
  const ErrnoKeeper keeper;
  close_quietly(descriptor_);
}

void File::read_at(uint64_t offset, void* out, size_t size) const {
  const ErrnoKeeper keeper;
  auto* next = static_cast<char*>(out);
  while (size > 0) {
    const ssize_t got = uninterrupted([&] {
      return file_operations.pread(descriptor_, next, std::min(size, kLargestTransfer),
                                   static_cast<off_t>(offset));
    });
    if (got < 0) fail_io(path_, "", errno);
    if (got == 0) {
      fail_number(TG_ERROR_IO, 0, Quoted{path_}, ": truncated: ends at byte ", offset, ", had ",
                  size_, " bytes when it was opened");
    }
    const auto done = static_cast<size_t>(got);
    next += done;
    offset += done;
    size -= done;
  }
}

const std::byte* File::map() const {
  if (size_ == 0) return nullptr;
  const ErrnoKeeper keeper;
  void* address = file_operations.mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor_, 0);
  if (address == MAP_FAILED) fail_io(path_, "cannot be mapped: ", errno);
  return static_cast<const std::byte*>(address);
}

// ---- writing ----

namespace {

constexpr size_t kBufferSize = size_t{32} << 10;

std::string_view folder_of(const String& path) {
  const size_t slash = path.rfind('/');
  return slash == String::npos ? std::string_view() : std::string_view(path).substr(0, slash + 1);
}

// A name of its own in the target's folder, so that rename stays within one file system. The
// target's name is no part of it: that may be as long as the file system allows.
String temporary_name(const String& target, unsigned attempt) {
  String name(folder_of(target));
  char digits[12];
  const auto append = [&](unsigned number) {
    name.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
  };
  name += ".tapegrad-";
  append(static_cast<unsigned>(::getpid()));
  name += '-';
  append(attempt);
  name += ".part";
  return name;
}

// What a chain of links ends at. The room that realpath wants is too large for small stacks.
String resolved(const char* path) {
  String room(PATH_MAX, '\0');
  if (file_operations.realpath(path, room.data()) == nullptr) fail_io(path, "", errno);
  room.resize(std::strlen(room.data()));
  return room;
}

}  // namespace

SafeWriter::SafeWriter(const char* path) : path_(path), target_(path) {
  const ErrnoKeeper keeper;
  struct stat status;
  const auto look = [&] {
    return uninterrupted([&] { return file_operations.lstat(target_.c_str(), &status); }) == 0;
  };
  bool exists = look();
  if (exists && S_ISLNK(status.st_mode)) {
    target_ = resolved(path);
    exists = look();
  }
  if (!exists && (errno != ENOENT || path[0] == 0)) fail_io(path, "", errno);
  if (exists && !S_ISREG(status.st_mode)) refuse_kind(path, status.st_mode);
  // Reading rights of a private file must not widen when it is replaced.
  const mode_t mode = exists ? status.st_mode & 0666 : 0666;

  buffer_.reserve(kBufferSize);
  constexpr unsigned kAttempts = 10'000;  // names that live writers and killed ones hold
  for (unsigned attempt = 0; descriptor_ < 0; ++attempt) {
    String name = temporary_name(target_, attempt);
    descriptor_ = uninterrupted([&] {
      return file_operations.open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    });
    if (descriptor_ >= 0) {
      temporary_ = static_cast<String&&>(name);
    } else if (errno != EEXIST || attempt == kAttempts) {
      fail_io(path, "no file can be made beside it: ", errno);
    }
  }
}

SafeWriter::~SafeWriter() {
  const ErrnoKeeper keeper;
  close_quietly(descriptor_);
  if (!temporary_.empty()) file_operations.unlink(temporary_.c_str());
}

void SafeWriter::write(const void* bytes, size_t size) {
  const ErrnoKeeper keeper;
  const auto* next = static_cast<const char*>(bytes);
  if (size > kBufferSize - buffer_.size()) flush();
  if (size > kBufferSize) {
    write_out(next, size);
  } else {
    buffer_.insert(buffer_.end(), next, next + size);
  }
}

void SafeWriter::write_out(const char* bytes, size_t size) {
  while (size > 0) {
    const ssize_t put = uninterrupted([&] {
      return file_operations.write(descriptor_, bytes, std::min(size, kLargestTransfer));
    });
    if (put < 0) fail_io(path_, "", errno);
    if (put == 0) fail_io(path_, "nothing can be written: ", ENOSPC);
    bytes += put;
    size -= static_cast<size_t>(put);
  }
}

void SafeWriter::flush() {
  write_out(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void SafeWriter::commit() {
  const ErrnoKeeper keeper;
  flush();
  if (uninterrupted([&] { return file_operations.fsync(descriptor_); }) != 0) {
    fail_io(path_, "", errno);
  }
  // Some file systems tell only here that there is no room. EINTR: closed, and fsync was done.
  const int closed = file_operations.close(descriptor_);
  descriptor_ = -1;
  if (closed != 0 && errno != EINTR) fail_io(path_, "", errno);
  if (uninterrupted([&] { return file_operations.rename(temporary_.c_str(), target_.c_str()); }) !=
      0) {
    fail_io(path_, "", errno);
  }
  temporary_.clear();

  String folder(folder_of(target_));
  if (folder.empty()) folder = ".";
  const int descriptor = uninterrupted(
      [&] { return file_operations.open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0); });
  if (descriptor < 0) return;
  uninterrupted([&] { return file_operations.fsync(descriptor); });
  close_quietly(descriptor);
}

}  // namespace tg::io
