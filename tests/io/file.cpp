// SPDX-License-Identifier: MIT
// Reading files: what is refused and in which words, short reads and signals, files that change.
#include "io/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "io/failing_files.h"

using namespace files;

TEST_CASE("a file is read by exact offsets", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "0123456789");
  File file = File::open_for_reading(path.c_str());
  CHECK(file.size() == 10);
  char bytes[4] = {};
  file.read_at(3, bytes, 3);
  CHECK(std::string(bytes) == "345");
  file.read_at(10, bytes, 0);
  File other = std::move(file);
  other.read_at(7, bytes, 3);
  CHECK(std::string(bytes) == "789");

  const Outcome past = outcome([&] { other.read_at(8, bytes, 4); });
  CHECK(past.status == TG_ERROR_IO);
  CHECK(past.message == path + ": truncated: ends at byte 10, had 10 bytes when it was opened");
}

TEST_CASE("a link to a file is followed when reading", "[io]") {
  const Folder folder;
  put(folder / "a", "x");
  REQUIRE(symlink("a", (folder / "link").c_str()) == 0);
  CHECK(open(folder / "link").status == TG_OK);
}

TEST_CASE("what is no regular file is refused with its kind", "[io]") {
  const Folder folder;
  const auto refused = [&](const std::string& path, const std::string& reason, int code) {
    const Outcome result = open(path);
    CHECK(result.status == TG_ERROR_IO);
    CHECK(result.message == path + ": " + reason);
    CHECK(result.number == code);
  };
  const size_t descriptors = open_descriptors();
  REQUIRE(mkdir((folder / "models").c_str(), 0700) == 0);
  refused(folder / "models", "is a directory (EISDIR)", EISDIR);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  refused(folder / "pipe", "is a named pipe, not a regular file", EINVAL);  // and does not wait
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(descriptor, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0);
  close(descriptor);
  refused(folder / "socket", "no such device or address (ENXIO)", ENXIO);
  refused("/dev/null", "is a device, not a regular file", EINVAL);
  refused("/dev/zero", "is a device, not a regular file", EINVAL);
  refused(folder / "missing", "no such file or directory (ENOENT)", ENOENT);
  REQUIRE(symlink("missing", (folder / "dangling").c_str()) == 0);
  refused(folder / "dangling", "no such file or directory (ENOENT)", ENOENT);
  REQUIRE(symlink("loop", (folder / "loop").c_str()) == 0);
  refused(folder / "loop", "too many levels of symbolic links (ELOOP)", ELOOP);
  put(folder / "file", "x");
  refused((folder / "file") + "/a", "not a directory (ENOTDIR)", ENOTDIR);
  const Outcome long_path = open(std::string(5000, 'p'));
  CHECK(long_path.status == TG_ERROR_IO);
  const std::string shown(200, 'p');
  CHECK(long_path.message == shown + "...: file name too long (ENAMETOOLONG)");
  const Outcome empty = open("");
  CHECK(empty.status == TG_ERROR_IO);
  CHECK(empty.message == "the path is empty: no such file or directory (ENOENT)");
  if (geteuid() != 0) {  // root may read everything
    put(folder / "secret", "x");
    REQUIRE(chmod((folder / "secret").c_str(), 0) == 0);
    refused(folder / "secret", "permission denied (EACCES)", EACCES);
  }
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("short reads and signals do not show", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  std::string bytes;
  for (int i = 0; i < 1000; ++i) bytes += static_cast<char>(i);
  put(path, bytes);
  for (const int interrupted : {1, 2, 3, 5, 100}) {
    Plan wanted;
    wanted.fail_at = interrupted;
    wanted.code = EINTR;
    wanted.shortest = 7;
    const Failing failing(wanted);
    std::string got(1000, '\0');
    const Outcome result =
        outcome([&] { File::open_for_reading(path.c_str()).read_at(0, got.data(), got.size()); });
    CHECK(result.status == TG_OK);
    CHECK((got == bytes));
    CHECK(plan.counted > 140);
  }
}

TEST_CASE("every failing operation of a reader is reported and nothing stays open", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "0123456789");
  const size_t descriptors = open_descriptors();
  const auto run = [&] {
    char bytes[10];
    File file = File::open_for_reading(path.c_str());
    file.read_at(0, bytes, 10);
    const std::byte* map = file.map();
    munmap(const_cast<std::byte*>(map), 10);
  };
  for (const bool once : {true, false}) {
    for (int k = 1; k <= 4; ++k) {
      Plan wanted;
      wanted.fail_at = k;
      wanted.once = once;
      const Failing failing(wanted);
      const Outcome result = outcome(run);
      CAPTURE(k, once);
      CHECK(result.status == TG_ERROR_IO);
      CHECK(result.number == EIO);
      CHECK(result.message.find("input/output error (EIO)") != std::string::npos);
      CHECK(result.message.find(path) == 0);
    }
  }
  const Failing failing(Plan{});
  CHECK(outcome(run).status == TG_OK);
  CHECK(plan.counted == 5);  // open, fstat, pread, mmap, close: no further system call
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("a file that shrinks while it is read is an error", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, std::string(100, 'x'));
  File file = File::open_for_reading(path.c_str());
  REQUIRE(truncate(path.c_str(), 40) == 0);
  char bytes[100];
  const Outcome result = outcome([&] { file.read_at(0, bytes, 100); });
  CHECK(result.status == TG_ERROR_IO);
  CHECK(result.message == path + ": truncated: ends at byte 40, had 100 bytes when it was opened");
  CHECK(result.number == 0);  // no errno: the system refused nothing
  put(path + "2", std::string(100, 'y'));
  REQUIRE(rename((path + "2").c_str(), path.c_str()) == 0);
  CHECK_NOTHROW(file.read_at(0, bytes, 40));  // still the old file
  CHECK(bytes[0] == 'x');
}

TEST_CASE("a mapped file shows its bytes", "[io]") {
  const Folder folder;
  put(folder / "a", "0123456789");
  put(folder / "empty", "");
  const std::string path = folder / "a", empty = folder / "empty";
  const std::byte* map = nullptr;
  {
    const File file = File::open_for_reading(path.c_str());
    map = file.map();
  }  // the mapping outlives the descriptor
  CHECK(std::memcmp(map, "0123456789", 10) == 0);
  CHECK(munmap(const_cast<std::byte*>(map), 10) == 0);
  CHECK(File::open_for_reading(empty.c_str()).map() == nullptr);
}
