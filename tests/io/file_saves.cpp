// SPDX-License-Identifier: MIT
// Saving files: a save that fails at its k-th system call, or is killed there, leaves the old
// content whole; what is no regular file is left alone.
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <set>
#include <string>

#include "io/failing_files.h"

using namespace files;

TEST_CASE("a save puts the new content in the place of the old", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  CHECK(save(path, "first").status == TG_OK);
  CHECK(get(path) == "first");
  const std::string large(100'000, 'x');
  CHECK(save(path, large).status == TG_OK);
  CHECK((get(path) == large));
  CHECK(save(path, "").status == TG_OK);
  CHECK(get(path) == "");
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("pieces of any size arrive in order", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  std::string all;
  SafeWriter writer(path.c_str());
  for (size_t size : {1, 0, 3, 32'764, 1, 32'768, 32'769, 5, 100'000, 32'763, 6}) {
    std::string piece;
    for (size_t i = 0; i < size; ++i) piece += static_cast<char>(all.size() + i * 7);
    writer.write(piece.data(), piece.size());
    all += piece;
  }
  CHECK(!fs::exists(path));
  writer.commit();
  CHECK((get(path) == all));
}

TEST_CASE("a save that is given up leaves nothing", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old");
  const size_t descriptors = open_descriptors();
  {
    SafeWriter writer(path.c_str());
    writer.write("new", 3);
    CHECK(folder.names().size() == 2);
  }
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("a save in the working directory needs no folder in its path", "[io]") {
  const Folder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder / "");
  const Outcome result = save("a", "x");
  fs::current_path(before);
  CHECK(result.status == TG_OK);
  CHECK(get(folder / "a") == "x");
}

TEST_CASE("a name as long as the file system allows can be saved", "[io]") {
  const Folder folder;
  const std::string path = folder / std::string(255, 'n');
  CHECK(save(path, "x").status == TG_OK);
  CHECK(get(path) == "x");
}

TEST_CASE("two writers and a leftover of a killed one do not meet", "[io]") {
  const Folder folder;
  const std::string a = folder / "a", b = folder / "b";
  SafeWriter first(a.c_str());
  SafeWriter second(b.c_str());
  CHECK(folder.names().size() == 2);
  first.write("1", 1);
  second.write("2", 1);
  second.commit();
  first.commit();
  CHECK(get(a) == "1");
  CHECK(get(b) == "2");
}

TEST_CASE("a save refuses what is no regular file and leaves it", "[io]") {
  const Folder folder;
  const auto refused = [&](const std::string& path, const std::string& reason) {
    const Outcome result = save(path, "x");
    CHECK(result.status == TG_ERROR_IO);
    CHECK(result.message == path + ": " + reason);
  };
  REQUIRE(mkdir((folder / "models").c_str(), 0700) == 0);
  refused(folder / "models", "is a directory (EISDIR)");
  refused((folder / "models") + "/", "is a directory (EISDIR)");
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  refused(folder / "pipe", "is a named pipe, not a regular file");
  refused("/dev/null", "is a device, not a regular file");
  REQUIRE(symlink("pipe", (folder / "to-pipe").c_str()) == 0);
  refused(folder / "to-pipe", "is a named pipe, not a regular file");
  REQUIRE(symlink("missing", (folder / "dangling").c_str()) == 0);
  refused(folder / "dangling", "no such file or directory (ENOENT)");
  refused(folder / "no/a", "no file can be made beside it: no such file or directory (ENOENT)");
  CHECK(save("", "x").message == "the path is empty: no such file or directory (ENOENT)");
  CHECK(save(std::string(5000, 'p'), "x").status == TG_ERROR_IO);
  CHECK(folder.names() == std::set<std::string>{"dangling", "models", "pipe", "to-pipe"});
  struct stat status;
  REQUIRE(lstat((folder / "pipe").c_str(), &status) == 0);
  CHECK(S_ISFIFO(status.st_mode));
}

TEST_CASE("a save through a link writes the file that it names", "[io]") {
  const Folder folder;
  REQUIRE(mkdir((folder / "deep").c_str(), 0700) == 0);
  put(folder / "deep/a", "old");
  REQUIRE(symlink("deep/a", (folder / "link").c_str()) == 0);
  CHECK(save(folder / "link", "new").status == TG_OK);
  CHECK(get(folder / "deep/a") == "new");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(folder.names() == std::set<std::string>{"deep", "link"});
}

TEST_CASE("a new file has the umask's mode, and no wider one than the old", "[io]") {
  const Folder folder;
  const auto mode = [&](const std::string& name) {
    struct stat status;
    REQUIRE(stat((folder / name).c_str(), &status) == 0);
    return status.st_mode & 07777;
  };
  const mode_t before = umask(027);
  CHECK(save(folder / "a", "x").status == TG_OK);
  CHECK(mode("a") == 0640);
  REQUIRE(chmod((folder / "a").c_str(), 0600) == 0);
  CHECK(save(folder / "a", "y").status == TG_OK);
  CHECK(mode("a") == 0600);
  umask(077);
  CHECK(save(folder / "b", "x").status == TG_OK);
  CHECK(mode("b") == 0600);
  umask(before);
}

TEST_CASE("a target that somebody has mapped keeps its bytes there", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old old old");
  const std::byte* map = File::open_for_reading(path.c_str()).map();
  CHECK(save(path, "new").status == TG_OK);
  CHECK(std::memcmp(map, "old old old", 11) == 0);
  munmap(const_cast<std::byte*>(map), 11);
}

TEST_CASE("a save whose k-th operation fails leaves the old file whole", "[io]") {
  const Folder folder;
  const std::string path = folder / "a", link = folder / "link";
  REQUIRE(symlink("a", link.c_str()) == 0);
  const std::string content(100'000, 'n');
  const size_t descriptors = open_descriptors();
  for (const std::string& target : {path, link}) {
    put(path, "old");
    int count = 0;
    {
      const Failing failing(Plan{});
      REQUIRE(save(target, content).status == TG_OK);
      count = plan.counted;
    }
    // lstat, open, write, fsync, close, rename, and the folder's open, fsync, close
    CHECK(count >= 9);
    CHECK((get(path) == content));
    int failed = 0;
    for (const int code : {EIO, ENOSPC, EDQUOT, EROFS}) {
      for (const bool once : {true, false}) {
        for (int k = 1; k <= count; ++k) {
          CAPTURE(target, code, once, k);
          put(path, "old");
          Outcome result;
          {
            Plan wanted;
            wanted.fail_at = k;
            wanted.code = code;
            wanted.once = once;
            const Failing failing(wanted);
            result = save(target, content);
          }
          if (result.status == TG_OK) {
            // Only the folder's own three calls may fail unseen: the file stands already.
            CHECK(k > count - 3);
            CHECK((get(path) == content));
          } else {
            ++failed;
            CHECK(result.status == TG_ERROR_IO);
            CHECK(result.number == code);
            CHECK(result.message.find(target) == 0);
            CHECK(get(path) == "old");
          }
          // The temporary file can stay only where its removal was made to fail.
          std::set<std::string> expected{"a", "link"};
          if (once || result.status == TG_OK) {
            CHECK(folder.names() == expected);
          } else {
            for (const std::string& name : folder.names()) {
              if (expected.count(name) == 0) fs::remove(folder / name);
            }
          }
          CHECK(open_descriptors() == descriptors);
          CHECK(save(target, "again").status == TG_OK);
        }
      }
    }
    CHECK(failed == 2 * 4 * (count - 3));
  }
}

TEST_CASE("a save bears signals and short writes at every operation", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  std::string content;
  for (int i = 0; i < 70'000; ++i) content += static_cast<char>(i * 31 >> 3);
  for (int k = 1; k <= 30; ++k) {
    put(path, "old");
    Plan wanted;
    wanted.fail_at = k;
    wanted.code = EINTR;
    wanted.shortest = 4'001;
    const Failing failing(wanted);
    CAPTURE(k);
    const Outcome result = save(path, content);
    CHECK(result.status == TG_OK);
    CHECK((get(path) == content));
    CHECK(plan.counted > 20);
  }
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("a save killed at its k-th operation leaves the old content or the new", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  const std::string content(100'000, 'n');
  int old_found = 0, new_found = 0;
  for (int k = 1; k <= 9; ++k) {
    put(path, "old");
    const pid_t child = fork();
    if (child == 0) {
      Plan wanted;
      wanted.fail_at = k;
      wanted.kill = true;
      const Failing failing(wanted);
      try {
        SafeWriter writer(path.c_str());
        writer.write(content.data(), content.size());
        writer.commit();
      } catch (...) {
      }
      _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    const std::string got = get(path);
    if (got == "old") {
      ++old_found;
    } else {
      CHECK((got == content));
      ++new_found;
    }
  }
  CHECK(old_found == 6);  // lstat, open, write, fsync, close, rename: killed in front of each
  CHECK(new_found == 3);
  // A leftover does not keep the next save from working.
  CHECK(save(path, "after").status == TG_OK);
  CHECK(get(path) == "after");
}

TEST_CASE("a write that moves nothing ends the save", "[io]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old");
  Plan wanted;
  wanted.full = true;
  const Failing failing(wanted);
  const Outcome result = save(path, "new");
  CHECK(result.status == TG_ERROR_IO);
  CHECK(result.message == path + ": nothing can be written: no space left on device (ENOSPC)");
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("a full disk is told, and the old file stays", "[io]") {
  // /dev/full is no regular file; a limit on file size says the same to write(2): EFBIG.
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old");
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const std::string content(100'000, 'n');
    int code = 1;
    try {
      SafeWriter writer(path.c_str());
      writer.write(content.data(), content.size());
      writer.commit();
    } catch (const tg::Error& error) {
      code = error.code == TG_ERROR_IO && error.number == EFBIG ? 0 : 2;
    }
    _exit(code);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
}
