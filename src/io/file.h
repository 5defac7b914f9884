// SPDX-License-Identifier: MIT
// Regular files: read by exact offsets, and written so that under the target's name stands either
// the old content or the new one, whole. Failures are TG_ERROR_IO with path, reason and errno.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/blocks.h"

namespace tg::io {

// Every system call of the room goes through this table, so that a test can fail the k-th one.
// Set only while no other thread is in here.
struct FileOperations {
  int (*open)(const char* path, int flags, mode_t mode);
  int (*close)(int descriptor);
  int (*fstat)(int descriptor, struct stat* out);
  int (*lstat)(const char* path, struct stat* out);
  char* (*realpath)(const char* path, char* out);
  ssize_t (*pread)(int descriptor, void* out, size_t size, off_t offset);
  ssize_t (*write)(int descriptor, const void* bytes, size_t size);
  int (*fsync)(int descriptor);
  int (*rename)(const char* from, const char* to);
  int (*unlink)(const char* path);
  void* (*mmap)(void* address, size_t size, int protection, int flags, int descriptor,
                off_t offset);
};
extern FileOperations file_operations;

// A regular file that is open for reading.
class File {
 public:
  // Follows links; anything but a regular file is refused, and a FIFO without waiting for its
  // writer. The text of `path` must outlive the file: messages name it.
  static File open_for_reading(const char* path);

  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  const char* path() const { return path_; }
  uint64_t size() const { return size_; }  // when it was opened

  // All of the bytes or an error: a file that has become shorter is TG_ERROR_IO.
  void read_at(uint64_t offset, void* out, size_t size) const;

  // Private, read-only mapping of all its bytes, for a caller who trusts the file not to be
  // truncated (a read of a page that is gone is SIGBUS). Ended by munmap(address, size()). An empty
  // file gives a null pointer.
  const std::byte* map() const;

 private:
  File(int descriptor, const char* path, uint64_t size)
      : descriptor_(descriptor), path_(path), size_(size) {}

  int descriptor_;
  const char* path_;
  uint64_t size_;
};

// Writes a new file beside the target; commit() puts it in the target's place. Without commit() the
// target stays as it was and the new file is removed.
class SafeWriter {
 public:
  // A link is followed; a target that is there and no regular file is refused. The new file has the
  // umask's mode, and no wider one than the file that it replaces.
  explicit SafeWriter(const char* path);
  SafeWriter(const SafeWriter&) = delete;
  SafeWriter& operator=(const SafeWriter&) = delete;
  ~SafeWriter();

  void write(const void* bytes, size_t size);
  // fsync, close, rename; then fsync of the folder, whose failure is not an error: the new content
  // stands whole under its name, and a power cut can only bring the old one back.
  void commit();

 private:
  void write_out(const char* bytes, size_t size);
  void flush();

  const char* path_;     // as the caller wrote it, for messages
  String target_;        // links resolved
  String temporary_;     // empty: nothing to remove
  Vector<char> buffer_;  // gathers small pieces
  int descriptor_ = -1;
};

}  // namespace tg::io
