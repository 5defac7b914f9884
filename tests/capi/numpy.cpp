// SPDX-License-Identifier: MIT
// NumPy's files are loaded through the C ABI: every hostile .npy and .npz file of the corpus leaves
// nothing behind; what numpy itself wrote is read; paths that are no files, and files that change.
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include "capi/numpy_files.h"

using namespace files;

TEST_CASE("N1-N18, X1-X10: a hostile file of NumPy's is refused and costs nothing", "[capi]") {
  const Folder folder;
  const std::string path = folder / "file";
  const size_t descriptors = open_descriptors();
  for (const NumpyLoader& loader : kNumpyLoaders) {
    for (const corpus::File& file : loader.hostile()) {
      CAPTURE(loader.function, file.row);
      put(path, file.bytes);
      const State before;
      tg_memory_peak_reset();
      const double start = processor_seconds();
      tg_handle out = 77;
      errno = 7777;
      const tg_status status = loader.load(path.c_str(), &out);
      const double time = processor_seconds() - start;
      CHECK(errno == 7777);
      CHECK(status == file.status);
      CHECK(out == 0);
      const std::string message = tg_last_error_message();
      CHECK(holds(message, std::string(loader.function) + ": " + path + ": "));
      if (!holds(message, file.phrase)) {
        FAIL_CHECK("\"" << message << "\" does not hold \"" << file.phrase << "\"");
      }
      int64_t offset = -1;
      tg_last_error_detail(&offset, nullptr);
      CHECK((offset >= 0 && offset <= static_cast<int64_t>(file.bytes.size())));
      CHECK((holds(message, " byte") || holds(message, "member \"") || holds(message, "key \"")));
      CHECK(message.size() < 4096);
      CHECK(tg_memory_peak() <= before.memory + 4096);  // a member's tensor, until its check
      CHECK(State() == before);
      CHECK(time < 1);

      put(path, loader.sound());
      Handle after;
      CHECK(loader.load(path.c_str(), after.out()) == TG_OK);
    }
  }
  CHECK(open_descriptors() == descriptors);
  CHECK(folder.names() == std::set<std::string>{"file"});
}

TEST_CASE("an odd but sound .npy file is loaded", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  for (const corpus::SoundNpy& file : corpus::sound_npy()) {
    CAPTURE(file.row);
    const State before;
    put(path, file.bytes);
    {
      Handle x;
      REQUIRE(tg_npy_load(path.c_str(), x.out()) == TG_OK);
      CHECK(dtype_of(x) == file.dtype);
      CHECK(shape_of(x) == file.shape);
      CHECK((bytes_of(x) == file.elements));
      int32_t contiguous = 0;
      CHECK(tg_tensor_is_contiguous(x, &contiguous) == TG_OK);
      CHECK(contiguous == 1);
    }
    CHECK(State() == before);
    // And as a member, stored and deflated.
    if (file.bytes.size() > 60'000) continue;
    for (const bool deflated : {false, true}) {
      put(path, corpus::zip(deflated ? corpus::deflated("a.npy", file.bytes,
                                                        corpus::stored_block(file.bytes))
                                     : corpus::stored("a.npy", file.bytes)));
      Handle dict, x;
      REQUIRE(tg_npz_load(path.c_str(), dict.out()) == TG_OK);
      REQUIRE(tg_dict_get(dict, "a", x.out()) == TG_OK);
      CHECK(dtype_of(x) == file.dtype);
      CHECK(shape_of(x) == file.shape);
      CHECK((bytes_of(x) == file.elements));
    }
    CHECK(State() == before);
  }
}

TEST_CASE("an odd but sound .npz archive is loaded", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const std::string elements(16, '\1');
  for (const corpus::File& file : corpus::sound_npz()) {
    CAPTURE(file.row);
    const State before;
    put(path, file.bytes);
    {
      Handle dict;
      const tg_status status = tg_npz_load(path.c_str(), dict.out());
      INFO(tg_last_error_message());
      REQUIRE(status == TG_OK);
      size_t size = 99;
      CHECK(tg_dict_size(dict, &size) == TG_OK);
      CHECK(size == (file.row == "X7: empty" ? 0 : file.row == "two members" ? 2 : 1));
      for (size_t i = 0; i < size; ++i) {
        CHECK(name_at(dict, i) == std::string(1, static_cast<char>('a' + i)));
        Handle x;
        REQUIRE(tg_dict_get(dict, name_at(dict, i).c_str(), x.out()) == TG_OK);
        CHECK(shape_of(x) == std::vector<int64_t>{2, 2});
        CHECK((bytes_of(x) == elements));
      }
    }
    CHECK(State() == before);
  }
}

TEST_CASE("X3: a member's name is a key alone", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  corpus::Archive archive;
  const std::string long_name(65'531, 'n');
  for (const std::string& name :
       {std::string("../../evil"), std::string("/etc/passwd"), std::string(), std::string("%s%n"),
        std::string("x.npy"), long_name}) {
    archive.add(corpus::stored(name + ".npy", corpus::small_npy()));
  }
  put(path, archive.whole());
  Handle dict;
  REQUIRE(tg_npz_load(path.c_str(), dict.out()) == TG_OK);
  CHECK(name_at(dict, 0) == "../../evil");
  CHECK(name_at(dict, 1) == "/etc/passwd");
  CHECK(name_at(dict, 2) == "");
  CHECK(name_at(dict, 3) == "%s%n");
  CHECK(name_at(dict, 4) == "x.npy");
  CHECK(name_at(dict, 5) == long_name);
  CHECK(folder.names() == std::set<std::string>{"a"});
  archive.add(corpus::stored("%s%n%d" + std::string(1000, 'k'), corpus::small_npy()));
  put(path, archive.whole());
  tg_dict out = 77;
  CHECK(tg_npz_load(path.c_str(), &out) == TG_ERROR_UNSUPPORTED);
  CHECK(holds(tg_last_error_message(), "member \"%s%n%dkkk"));
  CHECK(holds(tg_last_error_message(), "kkk...\": is no .npy file"));
}

TEST_CASE("X1: what a deflated member may become is bounded by the memory limit", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  constexpr size_t kElements = 256 << 20;
  const std::string head = corpus::npy_file("|u1", "(" + std::to_string(kElements) + ",)", "");
  corpus::ZipMember member = corpus::deflated("a.npy", "", corpus::deflated_zeros(head, kElements));
  member.front.bytes = member.entry.bytes = head.size() + kElements;
  put(path, corpus::zip(member));
  const State before;
  REQUIRE(tg_memory_limit_set(tg_memory_current() + (16 << 20)) == TG_OK);
  tg_memory_peak_reset();
  tg_dict dict = 77;
  CHECK(tg_npz_load(path.c_str(), &dict) == TG_ERROR_OUT_OF_MEMORY);
  CHECK(dict == 0);
  CHECK(tg_memory_peak() <= before.memory + (16 << 20));
  REQUIRE(tg_memory_limit_set(0) == TG_OK);
  CHECK(State() == before);
}

// The rule by which numpy's files were made: corpus/numpy/make.py.
namespace {

void check_stored(tg_tensor x, int32_t dtype, const std::vector<int64_t>& shape) {
  CHECK(dtype_of(x) == dtype);
  CHECK(shape_of(x) == shape);
  Handle wide;
  REQUIRE(tg_to_dtype(x, TG_FLOAT64, wide.out()) == TG_OK);
  const std::string bytes = bytes_of(wide);
  for (size_t n = 0; n < bytes.size() / 8; ++n) {
    double element = 0;
    std::memcpy(&element, bytes.data() + 8 * n, 8);
    const auto number = static_cast<double>(n);
    CAPTURE(n);
    CHECK(element == (dtype == TG_BOOL ? (n % 3 == 0) : 3 * number - (dtype == TG_UINT8 ? 0 : 4)));
  }
}

}  // namespace

TEST_CASE("what numpy saved is loaded: every dtype, order of bytes and of elements", "[capi]") {
  const struct {
    const char* name;
    int32_t dtype;
    std::vector<int64_t> shape;
  } rows[] = {
      {"f4", TG_FLOAT32, {2, 3}},        {"f8", TG_FLOAT64, {2, 3}},
      {"f2", TG_FLOAT16, {2, 3}},        {"b1", TG_BOOL, {2, 3}},
      {"u1", TG_UINT8, {2, 3}},          {"i1", TG_INT8, {2, 3}},
      {"i2", TG_INT16, {2, 3}},          {"i4", TG_INT32, {2, 3}},
      {"i8", TG_INT64, {2, 3}},          {"big_f4", TG_FLOAT32, {2, 3}},
      {"big_f8", TG_FLOAT64, {2, 3}},    {"big_f2", TG_FLOAT16, {2, 3}},
      {"big_i2", TG_INT16, {2, 3}},      {"big_i4", TG_INT32, {2, 3}},
      {"big_i8", TG_INT64, {2, 3}},      {"fortran", TG_FLOAT32, {2, 3, 4}},
      {"scalar", TG_FLOAT64, {}},        {"big_fortran", TG_INT32, {3, 2}},
      {"empty", TG_FLOAT32, {0, 3}},     {"one", TG_INT64, {5}},
      {"version_2", TG_FLOAT32, {2, 3}}, {"version_3", TG_FLOAT32, {2, 3}},
  };
  for (const auto& row : rows) {
    CAPTURE(row.name);
    Handle x;
    REQUIRE(tg_npy_load(stored_file(row.name + std::string(".npy")).c_str(), x.out()) == TG_OK);
    check_stored(x, row.dtype, row.shape);
  }
}

TEST_CASE("what numpy packed into archives is loaded", "[capi]") {
  for (const char* name : {"savez.npz", "compressed.npz", "stream.npz"}) {
    CAPTURE(name);
    Handle dict;
    REQUIRE(tg_npz_load(stored_file(name).c_str(), dict.out()) == TG_OK);
    const bool compressed = std::string(name) == "compressed.npz";
    size_t size = 0;
    CHECK(tg_dict_size(dict, &size) == TG_OK);
    CHECK(size == (compressed ? 6 : 5));
    const auto check = [&](const char* key, int32_t dtype, const std::vector<int64_t>& shape) {
      CAPTURE(key);
      Handle x;
      REQUIRE(tg_dict_get(dict, key, x.out()) == TG_OK);
      check_stored(x, dtype, shape);
    };
    check("f4", TG_FLOAT32, {2, 3});
    check("b1", TG_BOOL, {7});
    check("\xc3\xa9\xc3\xa8", TG_INT64, {5});
    check("scalar", TG_FLOAT64, {});
    check("empty", TG_FLOAT32, {0, 3});
    if (compressed) check("long", TG_INT32, {50, 60});
  }
}

TEST_CASE("X11: a path that is no regular file is an error of NumPy's files too", "[capi]") {
  const Folder folder;
  REQUIRE(mkdir((folder / "models").c_str(), 0700) == 0);
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  REQUIRE(symlink("missing", (folder / "dangling").c_str()) == 0);
  REQUIRE(symlink("loop", (folder / "loop").c_str()) == 0);
  put(folder / "file", "x");
  const struct {
    std::string path, reason;
  } paths[] = {
      {folder / "models", "is a directory (EISDIR)"},
      {folder / "pipe", "is a named pipe, not a regular file"},
      {"/dev/null", "is a device, not a regular file"},
      {folder / "dangling", "no such file or directory (ENOENT)"},
      {folder / "loop", "(ELOOP)"},
      {folder / "file/a", "not a directory (ENOTDIR)"},
      {folder / "no/such", "no such file or directory (ENOENT)"},
      {std::string(5000, 'p'), "(ENAMETOOLONG)"},
      {"", "the path is empty"},
  };
  Handle dict, x;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, nullptr, 0, x.out()) == TG_OK);
  const size_t descriptors = open_descriptors();
  for (const auto& row : paths) {
    CAPTURE(row.path);
    const State before;
    const std::string shown = row.path.substr(0, 200);
    for (const NumpyLoader& loader : kNumpyLoaders) {
      tg_handle out = 77;
      CHECK(loader.load(row.path.c_str(), &out) == TG_ERROR_IO);
      CHECK(out == 0);
      CHECK(holds(tg_last_error_message(), loader.function + (": " + shown)));
      CHECK(holds(tg_last_error_message(), row.reason));
    }
    CHECK(tg_npy_save(row.path.c_str(), x) == TG_ERROR_IO);
    CHECK(holds(tg_last_error_message(), "tg_npy_save: " + shown));
    CHECK(holds(tg_last_error_message(), row.reason));
    CHECK(tg_npz_save(row.path.c_str(), dict) == TG_ERROR_IO);
    CHECK(holds(tg_last_error_message(), "tg_npz_save: " + shown));
    CHECK(State() == before);
  }
  CHECK(open_descriptors() == descriptors);
  CHECK(folder.names() == std::set<std::string>{"dangling", "file", "loop", "models", "pipe"});
  for (const NumpyLoader& loader : kNumpyLoaders) {
    put(folder / "good", loader.sound());
    if (loader.load == tg_npy_load) REQUIRE(symlink("good", (folder / "link").c_str()) == 0);
    Handle loaded;
    CHECK(loader.load((folder / "link").c_str(), loaded.out()) == TG_OK);
  }
}

TEST_CASE("X12: a NumPy file that changes while it is loaded gives old values or an error",
          "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const std::string first = corpus::npy_file("|u1", "(40000,)", std::string(40'000, '\1'));
  const std::string second = corpus::npy_file("|u1", "(40000,)", std::string(40'000, '\2'));
  for (const NumpyLoader& loader : kNumpyLoaders) {
    const bool archive = loader.load == tg_npz_load;
    const auto file = [&](const std::string& bytes) {
      return archive ? corpus::zip(corpus::stored("w.npy", bytes)) : bytes;
    };
    put(path, file(first));
    std::atomic<bool> stop{false};
    std::thread vandal([&] {
      for (int i = 0; !stop.load(); ++i) {
        switch (i % 4) {
          case 0: (void)!truncate(path.c_str(), i * 97 % 40'000); break;
          case 1: (void)!truncate(path.c_str(), 60'000); break;
          case 2:
            put(path + "2", file(second)), (void)!rename((path + "2").c_str(), path.c_str());
            break;
          default: put(path, file(first));
        }
      }
    });
    int loaded = 0, refused = 0, wrong = 0;
    for (int i = 0; i < 20'000 && (i < 300 || loaded == 0 || refused == 0); ++i) {
      Handle out;
      const tg_status status = loader.load(path.c_str(), out.out());
      if (status == TG_OK) {
        ++loaded;
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
}

TEST_CASE("a NumPy file that is cut anywhere, or has another byte, is read or refused", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const State before;
  for (const NumpyLoader& loader : kNumpyLoaders) {
    const std::string& sound = loader.sound();
    int taken = 0, wrong = 0;
    const auto try_one = [&](const std::string& bytes) {
      put(path, bytes);
      Handle out;
      const tg_status status = loader.load(path.c_str(), out.out());
      if (status == TG_OK) {
        ++taken;
      } else if (status != TG_ERROR_FORMAT && status != TG_ERROR_LIMIT &&
                 status != TG_ERROR_UNSUPPORTED && status != TG_ERROR_IO) {
        ++wrong;
      }
    };
    for (size_t size = 0; size < sound.size(); ++size) try_one(sound.substr(0, size));
    CHECK(taken == 0);
    for (size_t at = 0; at < sound.size(); ++at) {
      for (const char byte : {'\0', '\xff', static_cast<char>(sound[at] + 1), '\'', '{', '('}) {
        std::string bytes = sound;
        bytes[at] = byte;
        try_one(bytes);
      }
    }
    CHECK(wrong == 0);
  }
  CHECK(State() == before);
}

TEST_CASE("eight threads load hostile and sound files of NumPy's at once", "[capi]") {
  const Folder folder;
  const State before;
  for (const NumpyLoader& loader : kNumpyLoaders) {
    const std::vector<corpus::File> files = loader.hostile();
    for (size_t i = 0; i < files.size(); ++i) put(folder / std::to_string(i), files[i].bytes);
    put(folder / "sound", loader.sound());
    std::vector<int> wrong(8, 0);
    std::vector<std::thread> threads;
    for (size_t t = 0; t < wrong.size(); ++t) {
      threads.emplace_back([&, t] {
        for (size_t i = 0; i < files.size(); ++i) {
          tg_handle out = 77;
          const tg_status status = loader.load((folder / std::to_string(i)).c_str(), &out);
          if (status != files[i].status || out != 0 ||
              !holds(tg_last_error_message(), files[i].phrase)) {
            ++wrong[t];
          }
          Handle loaded;
          if (loader.load((folder / "sound").c_str(), loaded.out()) != TG_OK) ++wrong[t];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(8, 0));
  }
  CHECK(State() == before);
}

TEST_CASE("hostile files of NumPy's are refused on a stack of 64 KiB", "[capi]") {
  const Folder folder;
  pthread_attr_t attributes;
  REQUIRE(pthread_attr_init(&attributes) == 0);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  REQUIRE(pthread_attr_setstacksize(&attributes, 512 << 10) == 0);  // their frames are larger
#else
  REQUIRE(pthread_attr_setstacksize(&attributes, 64 << 10) == 0);
#endif
  for (const NumpyLoader& loader : kNumpyLoaders) {
    struct Job {
      const NumpyLoader* loader;
      std::vector<corpus::File> files;
      std::vector<std::string> paths;
      int wrong = 0;
    } job{&loader, loader.hostile(), {}};
    for (const corpus::File& file : job.files) {
      job.paths.push_back(folder / std::to_string(job.paths.size()));
      put(job.paths.back(), file.bytes);
    }
    const auto run = [](void* argument) -> void* {
      auto& job = *static_cast<Job*>(argument);
      for (size_t i = 0; i < job.files.size(); ++i) {
        tg_handle out = 0;
        job.wrong += job.loader->load(job.paths[i].c_str(), &out) != job.files[i].status;
      }
      return nullptr;
    };
    pthread_t thread;
    REQUIRE(pthread_create(&thread, &attributes, run, &job) == 0);
    REQUIRE(pthread_join(thread, nullptr) == 0);
    CHECK(job.wrong == 0);
  }
  pthread_attr_destroy(&attributes);
}
