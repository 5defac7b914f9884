// SPDX-License-Identifier: MIT
// Safetensors files are loaded through the C ABI: every hostile file of the corpus, from memory and
// from disk, leaves nothing behind; paths that are no files, and files that change.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "capi/safetensors_files.h"

using namespace files;

TEST_CASE("a hostile safetensors file is refused and costs nothing", "[capi]") {
  const Folder folder;
  const std::string path = folder / "model.safetensors";
  const std::string sound = sound_file("one tensor").bytes;
  const size_t descriptors = open_descriptors();
  for (const Loader& load : kLoaders) {
    for (const corpus::File& file : corpus::hostile()) {
      CAPTURE(load.function, load.flags, file.row);
      const State before;
      tg_memory_peak_reset();
      const double start = processor_seconds();
      tg_dict dict = 77;
      errno = 7777;
      const tg_status status = load(file.bytes, path, &dict);
      const double time = processor_seconds() - start;
      CHECK(status == file.status);
      CHECK(dict == 0);
      const std::string message = tg_last_error_message();
      CHECK(message.substr(0, std::strlen(load.function) + 2) == std::string(load.function) + ": ");
      CHECK(holds(message, load.from_memory ? "memory: " : path + ": "));
      if (!holds(message, file.phrase)) {
        FAIL_CHECK("\"" << message << "\" does not hold \"" << file.phrase << "\"");
      }
      int64_t offset = -1;
      tg_last_error_detail(&offset, nullptr);
      CHECK((offset >= 0 && offset <= static_cast<int64_t>(file.bytes.size())));
      CHECK(message.size() < 4096);
      CHECK(tg_memory_peak() == before.memory);  // no tensor was begun
      CHECK(State() == before);
      CHECK(time < 1);

      Handle after;
      CHECK(load(sound, path, after.out()) == TG_OK);
    }
  }
  CHECK(open_descriptors() == descriptors);
}

TEST_CASE("the file's own memory is all that a hostile safetensors file takes", "[capi]") {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  const std::vector<corpus::File> files = corpus::hostile();
  struct rlimit old;
  REQUIRE(getrlimit(RLIMIT_AS, &old) == 0);
  for (const corpus::File& file : files) {
    CAPTURE(file.row);
    tg_dict dict = 0;
    tg_safetensors_load_memory(file.bytes.data(), file.bytes.size(), &dict);
    uint64_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    // Small blocks come from slabs of at most 4 MiB, one of which may be due.
    struct rlimit tight = old;
    tight.rlim_cur = pages * 4096 + file.bytes.size() + 65'536 + (4 << 20);
    REQUIRE(setrlimit(RLIMIT_AS, &tight) == 0);
    const tg_status status =
        tg_safetensors_load_memory(file.bytes.data(), file.bytes.size(), &dict);
    REQUIRE(setrlimit(RLIMIT_AS, &old) == 0);
    CHECK(status == file.status);
  }
#endif
}

TEST_CASE("S5: a header above 100,000,000 bytes is refused before it is read", "[capi]") {
  const Folder folder;
  const std::string path = folder / "sparse";
  put(path, corpus::length_bytes(200'000'000) + "{");
  REQUIRE(truncate(path.c_str(), 300'000'000) == 0);
  const double start = processor_seconds();
  tg_dict dict = 77;
  CHECK(tg_safetensors_load(path.c_str(), 0, &dict) == TG_ERROR_LIMIT);
  CHECK(holds(tg_last_error_message(),
              "header length at byte 0 is 200000000, at most 100000000 bytes are read"));
  CHECK(dict == 0);
  const double time = processor_seconds() - start;
  CHECK(time < 0.1);
}

TEST_CASE("an odd but sound safetensors file is loaded", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  for (const Loader& load : kLoaders) {
    for (const corpus::File& file : corpus::sound()) {
      CAPTURE(load.function, load.flags, file.row);
      const State before;
      {
        Handle dict;
        CHECK(load(file.bytes, path, dict.out()) == TG_OK);
        size_t size = 99;
        CHECK(tg_dict_size(dict, &size) == TG_OK);
        for (size_t i = 0; i < size; ++i) {
          Handle x;
          CHECK(tg_dict_get(dict, name_at(dict, i).c_str(), x.out()) == TG_OK);
        }
      }
      CHECK(State() == before);
    }
  }
}

TEST_CASE("names, order, shapes and bytes of a loaded file are the file's", "[capi]") {
  const Folder folder;
  const std::string bytes = corpus::file(
      "{" + corpus::entry("b", "I16", "[2,3]", "[8,20]") + ",\"__metadata__\":{\"k\":\"v\\n\"}," +
          corpus::entry("\\u0061\\ud83d\\ude00", "I64", "[]", "[0,8]") + "," +
          corpus::entry("", "F32", "[0,7]", "[20,20]") + "}",
      std::string("\1\2\3\4\5\6\7\10"
                  "abcdefghijkl"));
  for (const Loader& load : kLoaders) {
    Handle dict;
    REQUIRE(load(bytes, folder / "a", dict.out()) == TG_OK);
    CHECK(name_at(dict, 0) == "b");
    CHECK(name_at(dict, 1) == "a\xf0\x9f\x98\x80");
    CHECK(name_at(dict, 2) == "");
    Handle b, a, empty;
    REQUIRE(tg_dict_get(dict, "b", b.out()) == TG_OK);
    REQUIRE(tg_dict_get(dict, "a\xf0\x9f\x98\x80", a.out()) == TG_OK);
    REQUIRE(tg_dict_get(dict, "", empty.out()) == TG_OK);
    CHECK(shape_of(b) == std::vector<int64_t>{2, 3});
    CHECK(bytes_of(b, 12) == "abcdefghijkl");
    CHECK(shape_of(a) == std::vector<int64_t>{});
    CHECK(bytes_of(a, 8) == "\1\2\3\4\5\6\7\10");
    CHECK(shape_of(empty) == std::vector<int64_t>{0, 7});
    int32_t dtype = 0, requires_grad = 1;
    CHECK(tg_tensor_dtype(b, &dtype) == TG_OK);
    CHECK(dtype == TG_INT16);
    CHECK(tg_tensor_requires_grad(b, &requires_grad) == TG_OK);
    CHECK(requires_grad == 0);
    char value[8];
    size_t length = 0;
    CHECK(tg_dict_metadata_get(dict, "k", value, sizeof value, &length) == TG_OK);
    CHECK(std::string(value) == "v\n");
  }
}

TEST_CASE("S28: bytes of BOOL become 0 or 1, and no read is misaligned", "[capi]") {
  const Folder folder;
  for (const Loader& load : kLoaders) {
    Handle dict, b;
    REQUIRE(load(sound_file("S28: BOOL of 07 and FF").bytes, folder / "a", dict.out()) == TG_OK);
    REQUIRE(tg_dict_get(dict, "b", b.out()) == TG_OK);
    CHECK(bytes_of(b, 3) == std::string("\1\1\0", 3));

    Handle other, d, twice;
    REQUIRE(load(sound_file("S28: F64 after one U8").bytes, folder / "a", other.out()) == TG_OK);
    REQUIRE(tg_dict_get(other, "d", d.out()) == TG_OK);
    void* address = nullptr;
    REQUIRE(tg_tensor_data(d, &address) == TG_OK);
    CHECK(reinterpret_cast<uintptr_t>(address) % alignof(double) == 0);
    CHECK(bytes_of(d, 16) == std::string(16, '\1'));
    CHECK(tg_add(d, d, twice.out()) == TG_OK);
  }
}

TEST_CASE("S30: a million tensors are loaded in seconds", "[capi]") {
  const std::string bytes = corpus::many_entries(1'000'000);
  const double start = processor_seconds();
  Handle dict;
  const tg_status status = tg_safetensors_load_memory(bytes.data(), bytes.size(), dict.out());
  const double time = processor_seconds() - start;
  CHECK((status == TG_OK || status == TG_ERROR_LIMIT));
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  CHECK(time < 60);
#else
  CHECK(time < 5);
#endif
}

TEST_CASE("many keys of metadata take no quadratic time", "[capi]") {
  std::string header = "{\"__metadata__\":{";
  for (int i = 0; i < 100'000; ++i) {
    header += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":\"\"";
  }
  const std::string bytes = corpus::file(header + "}}");
  const double start = processor_seconds();
  Handle dict;
  CHECK(tg_safetensors_load_memory(bytes.data(), bytes.size(), dict.out()) == TG_OK);
  const double time = processor_seconds() - start;
  CHECK(time < 5);
}

TEST_CASE("X11, W6: a path that is no regular file is an error with path and reason", "[capi]") {
  const Folder folder;
  REQUIRE(mkdir((folder / "models").c_str(), 0700) == 0);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  const int descriptor = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (folder / "socket").c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(descriptor, reinterpret_cast<struct sockaddr*>(&address), sizeof address) == 0);
  close(descriptor);
  REQUIRE(symlink("missing", (folder / "dangling").c_str()) == 0);
  REQUIRE(symlink("loop", (folder / "loop").c_str()) == 0);
  put(folder / "file", "x");
  const struct {
    std::string path, loading, saving;
  } paths[] = {
      {folder / "models", "is a directory (EISDIR)", "is a directory (EISDIR)"},
      {folder / "pipe", "is a named pipe, not a regular", "is a named pipe, not a regular"},
      {folder / "socket", "no such device or address (ENXIO)", "is a socket, not a regular file"},
      {"/dev/null", "is a device, not a regular file", "is a device, not a regular file"},
      {folder / "dangling", "no such file or directory", "no such file or directory (ENOENT)"},
      {folder / "loop", "(ELOOP)", "(ELOOP)"},
      {folder / "file/a", "not a directory (ENOTDIR)", "not a directory (ENOTDIR)"},
      {folder / "no/such", "no such file or directory", "no such file or directory (ENOENT)"},
      {std::string(5000, 'p'), "file name too long (ENAMETOOLONG)", "(ENAMETOOLONG)"},
      {"", "the path is empty", "the path is empty"},
  };
  Handle dict;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  const size_t descriptors = open_descriptors();
  for (const auto& row : paths) {
    CAPTURE(row.path);
    const State before;
    for (const uint32_t flags : {uint32_t{0}, uint32_t{TG_FILE_MAP}}) {
      tg_dict out = 77;
      CHECK(tg_safetensors_load(row.path.c_str(), flags, &out) == TG_ERROR_IO);
      CHECK(out == 0);
      const std::string message = tg_last_error_message();
      CHECK(holds(message, "tg_safetensors_load: " + row.path.substr(0, 200)));
      CHECK(holds(message, row.loading));
    }
    CHECK(tg_safetensors_save(row.path.c_str(), dict) == TG_ERROR_IO);
    const std::string message = tg_last_error_message();
    CHECK(holds(message, "tg_safetensors_save: " + row.path.substr(0, 200)));
    CHECK(holds(message, row.saving));
    CHECK(State() == before);
  }
  tg_dict out = 0;
  tg_safetensors_load((folder / "missing").c_str(), 0, &out);
  int64_t number = 0;
  tg_last_error_detail(&number, nullptr);
  CHECK(number == ENOENT);
  CHECK(open_descriptors() == descriptors);
  CHECK(folder.names() ==
        std::set<std::string>{"dangling", "file", "loop", "models", "pipe", "socket"});

  put(folder / "good", sound_file("one tensor").bytes);
  REQUIRE(symlink("good", (folder / "link").c_str()) == 0);
  Handle loaded;
  CHECK(tg_safetensors_load((folder / "link").c_str(), 0, loaded.out()) == TG_OK);
}

TEST_CASE("arguments of the safetensors functions are checked", "[capi]") {
  Handle dict;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  tg_dict out = 77;
  CHECK(tg_safetensors_load(nullptr, 0, &out) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(out == 0);
  CHECK(tg_safetensors_load("x", 2, &out) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_load("x\xff", 0, &out) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_load("x", 0, nullptr) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_load_memory(nullptr, 8, &out) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_load_memory("", 0, nullptr) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_load_memory(nullptr, 0, &out) == TG_ERROR_FORMAT);
  CHECK(tg_safetensors_save(nullptr, dict) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_safetensors_save("/tmp/x", 0) == TG_ERROR_INVALID_HANDLE);
  CHECK(tg_safetensors_save("/tmp/x", 12345) == TG_ERROR_INVALID_HANDLE);
}

TEST_CASE("X12: a file that changes while it is loaded gives old values or an error", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const std::string data(40'000, '\1'), other(40'000, '\2');
  const std::string header = "{" + corpus::entry("w", "U8", "[40000]", "[0,40000]") + "}";
  const std::string first = corpus::file(header, data), second = corpus::file(header, other);
  put(path, first);
  std::atomic<bool> stop{false};
  std::thread vandal([&] {
    for (int i = 0; !stop.load(); ++i) {
      switch (i % 4) {
        case 0: (void)!truncate(path.c_str(), i * 97 % 40'000); break;
        case 1: (void)!truncate(path.c_str(), 60'000); break;
        case 2: put(path + "2", second), (void)!rename((path + "2").c_str(), path.c_str()); break;
        default: put(path, first);
      }
    }
  });
  int loaded = 0, refused = 0, wrong = 0;
  for (int i = 0; i < 20'000 && (i < 500 || loaded == 0 || refused == 0); ++i) {
    Handle dict;
    const tg_status status = tg_safetensors_load(path.c_str(), 0, dict.out());
    if (status == TG_OK) {
      ++loaded;
      Handle x;
      if (tg_dict_get(dict, "w", x.out()) != TG_OK || bytes_of(x, 40'000).size() != 40'000) ++wrong;
    } else if (status == TG_ERROR_FORMAT || status == TG_ERROR_IO) {
      ++refused;
    } else {
      ++wrong;
    }
  }
  stop = true;
  vandal.join();
  CHECK(loaded > 0);
  CHECK(refused > 0);
  CHECK(wrong == 0);
}

TEST_CASE("eight threads load hostile and sound files at once", "[capi]") {
  const std::vector<corpus::File> files = corpus::hostile();
  const std::string sound = sound_file("every dtype").bytes;
  const State before;
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&files, &sound, &wrong, t] {
      for (const corpus::File& file : files) {
        tg_dict dict = 77;
        const tg_status status =
            tg_safetensors_load_memory(file.bytes.data(), file.bytes.size(), &dict);
        if (status != file.status || dict != 0 || !holds(tg_last_error_message(), file.phrase)) {
          ++wrong[t];
        }
        Handle loaded;
        if (tg_safetensors_load_memory(sound.data(), sound.size(), loaded.out()) != TG_OK) {
          ++wrong[t];
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
  CHECK(State() == before);
}

TEST_CASE("hostile files are refused on a stack of 64 KiB", "[capi]") {
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  REQUIRE(pthread_attr_setstacksize(&attributes, 512 << 10) == 0);  // their frames are larger
#else
  REQUIRE(pthread_attr_setstacksize(&attributes, 64 << 10) == 0);
#endif
  const std::vector<corpus::File> files = corpus::hostile();
  struct Job {
    const std::vector<corpus::File>* files;
    int wrong;
  } job{&files, 0};
  const auto run = [](void* argument) -> void* {
    auto* job = static_cast<Job*>(argument);
    for (const corpus::File& file : *job->files) {
      tg_dict dict = 0;
      const tg_status status =
          tg_safetensors_load_memory(file.bytes.data(), file.bytes.size(), &dict);
      if (status != file.status) ++job->wrong;
    }
    return nullptr;
  };
  pthread_t thread;
  REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
  REQUIRE(pthread_join(thread, nullptr) == 0);
  pthread_attr_destroy(&attributes);
  CHECK(job.wrong == 0);
}
