// SPDX-License-Identifier: MIT
// Dictionaries, and safetensors files saved through the C ABI: bit for bit what was there, laid out
// for other readers, all or nothing.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <set>
#include <string>
#include <vector>

#include "capi/safetensors_files.h"

using namespace files;

TEST_CASE("what is saved is loaded bit for bit, in every dtype", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  // NaNs with payloads, -0, subnormals and both infinities, as bytes of each dtype.
  const std::string patterns[] = {
      std::string("\x01\x00\x80\x7f\x00\x00\x00\x80\x01\x00\x00\x00\x00\x00\x80\xff", 16),
      std::string("\x01\x00\x00\x00\x00\x00\xf0\x7f\x00\x00\x00\x00\x00\x00\x00\x80", 16),
      std::string("\x01\x7c\x00\x80\x01\x00\x00\xfc\xff\xff\x00\x7c\x01\xfc\x00\x00", 16),
      std::string("\x81\x7f\x00\x80\x01\x00\x80\xff\xff\xff\x80\x7f\x81\xff\x00\x00", 16),
      std::string("\x80\x7f\x00\xff\x80\x7f\x00\xff\x80\x7f\x00\xff\x80\x7f\x00\xff", 16),
      std::string("\x00\x80\xff\x7f\x00\x00\xff\xff\x00\x80\xff\x7f\x00\x00\xff\xff", 16),
      std::string("\x00\x00\x00\x80\xff\xff\xff\x7f\x00\x00\x00\x80\xff\xff\xff\x7f", 16),
      std::string("\x00\x00\x00\x00\x00\x00\x00\x80\xff\xff\xff\xff\xff\xff\xff\x7f", 16),
      std::string("\x00\x7f\x80\xff\x00\x7f\x80\xff\x00\x7f\x80\xff\x00\x7f\x80\xff", 16),
      std::string("\x00\x01\x00\x01\x01\x01\x00\x00\x00\x01\x00\x01\x01\x01\x00\x00", 16)};
  const int sizes[] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  const State before;
  {
    Handle dict;
    REQUIRE(tg_dict_create(dict.out()) == TG_OK);
    for (int dtype = TG_FLOAT32; dtype <= TG_BOOL; ++dtype) {
      const int64_t shape[] = {2, 8 / sizes[dtype]};
      Handle x;
      REQUIRE(tg_tensor_create(patterns[dtype - 1].data(), dtype, shape, 2, 0, x.out()) == TG_OK);
      REQUIRE(tg_dict_set(dict, std::to_string(dtype).c_str(), x) == TG_OK);
    }
    REQUIRE(tg_dict_metadata_set(dict, "format", "\"pt\"\n") == TG_OK);
    REQUIRE(tg_safetensors_save(path.c_str(), dict) == TG_OK);
    const std::string file = get(path);
    for (const Loader& load : kLoaders) {
      Handle loaded;
      REQUIRE(load(file, folder / "b", loaded.out()) == TG_OK);
      for (int dtype = TG_FLOAT32; dtype <= TG_BOOL; ++dtype) {
        CAPTURE(load.function, load.flags, dtype);
        Handle x;
        REQUIRE(tg_dict_get(loaded, std::to_string(dtype).c_str(), x.out()) == TG_OK);
        CHECK(shape_of(x) == std::vector<int64_t>{2, 8 / sizes[dtype]});
        CHECK((bytes_of(x, 16) == patterns[dtype - 1]));
      }
      char value[16];
      CHECK(tg_dict_metadata_get(loaded, "format", value, sizeof value, nullptr) == TG_OK);
      CHECK(std::string(value) == "\"pt\"\n");
      // Saved once more it is the same file.
      REQUIRE(tg_safetensors_save((folder / "c").c_str(), loaded) == TG_OK);
      CHECK((get(folder / "c") == file));
    }
  }
  CHECK(State() == before);
}

TEST_CASE("a strided tensor is saved row-major", "[capi]") {
  const Folder folder;
  const float values[] = {1, 2, 3, 4, 5, 6};
  const float transposed[] = {1, 4, 2, 5, 3, 6};
  const int64_t shape[] = {2, 3};
  Handle x, t, dict, loaded, back;
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, shape, 2, 1, x.out()) == TG_OK);
  REQUIRE(tg_t(x, t.out()) == TG_OK);
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_dict_set(dict, "t", t) == TG_OK);
  REQUIRE(tg_safetensors_save((folder / "a").c_str(), dict) == TG_OK);
  REQUIRE(tg_safetensors_load((folder / "a").c_str(), 0, loaded.out()) == TG_OK);
  REQUIRE(tg_dict_get(loaded, "t", back.out()) == TG_OK);
  CHECK(shape_of(back) == std::vector<int64_t>{3, 2});
  CHECK(std::memcmp(bytes_of(back, 24).data(), transposed, 24) == 0);
}

TEST_CASE("W1, W2: no name is written that a reader refuses", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old");
  Handle dict, x;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, nullptr, 0, x.out()) == TG_OK);
  REQUIRE(tg_dict_set(dict, "__metadata__", x) == TG_OK);
  CHECK(tg_safetensors_save(path.c_str(), dict) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(holds(tg_last_error_message(), "tg_safetensors_save: "));
  CHECK(holds(tg_last_error_message(), "__metadata__"));
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
  REQUIRE(tg_dict_set(dict, "__metadata__", 0) == TG_OK);

  // A name set twice is one name.
  REQUIRE(tg_dict_set(dict, "w", x) == TG_OK);
  REQUIRE(tg_dict_set(dict, "w", x) == TG_OK);
  REQUIRE(tg_safetensors_save(path.c_str(), dict) == TG_OK);
  Handle loaded;
  REQUIRE(tg_safetensors_load(path.c_str(), 0, loaded.out()) == TG_OK);
  size_t size = 0;
  CHECK(tg_dict_size(loaded, &size) == TG_OK);
  CHECK(size == 1);
}

TEST_CASE("W3: a file may be saved over while its tensors are mapped", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const int64_t shape[] = {1000};
  Handle dict, ones, zeros, mapped, x;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, shape, 1, ones.out()) == TG_OK);
  REQUIRE(tg_zeros(TG_FLOAT32, shape, 1, zeros.out()) == TG_OK);
  REQUIRE(tg_dict_set(dict, "x", ones) == TG_OK);
  REQUIRE(tg_safetensors_save(path.c_str(), dict) == TG_OK);
  REQUIRE(tg_safetensors_load(path.c_str(), TG_FILE_MAP, mapped.out()) == TG_OK);
  REQUIRE(tg_dict_get(mapped, "x", x.out()) == TG_OK);
  CHECK(tg_mul_scalar_(x, 2) == TG_ERROR_UNSUPPORTED);  // read-only
  REQUIRE(tg_dict_set(dict, "x", zeros) == TG_OK);
  REQUIRE(tg_safetensors_save(path.c_str(), dict) == TG_OK);
  CHECK((bytes_of(x, 4000) == bytes_of(ones, 4000)));
  // Onto the very file that it is mapped from.
  REQUIRE(tg_safetensors_save(path.c_str(), mapped) == TG_OK);
  Handle again, y;
  REQUIRE(tg_safetensors_load(path.c_str(), 0, again.out()) == TG_OK);
  REQUIRE(tg_dict_get(again, "x", y.out()) == TG_OK);
  CHECK((bytes_of(y, 4000) == bytes_of(ones, 4000)));
}

TEST_CASE("W4: the file is laid out by alignment and name, padded with blanks", "[capi]") {
  const Folder folder;
  const int64_t shape[] = {3};
  Handle dict;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  const struct {
    const char* name;
    int32_t dtype;
  } tensors[] = {{"u", TG_UINT8}, {"z", TG_FLOAT32}, {"d", TG_FLOAT64}, {"a", TG_INT32}};
  for (const auto& tensor : tensors) {
    Handle x;
    REQUIRE(tg_zeros(tensor.dtype, shape, 1, x.out()) == TG_OK);
    REQUIRE(tg_dict_set(dict, tensor.name, x) == TG_OK);
  }
  REQUIRE(tg_safetensors_save((folder / "a").c_str(), dict) == TG_OK);
  std::string header = R"({"d":{"dtype":"F64","shape":[3],"data_offsets":[0,24]},)"
                       R"("a":{"dtype":"I32","shape":[3],"data_offsets":[24,36]},)"
                       R"("z":{"dtype":"F32","shape":[3],"data_offsets":[36,48]},)"
                       R"("u":{"dtype":"U8","shape":[3],"data_offsets":[48,51]}})";
  header.append((8 - header.size() % 8) % 8, ' ');
  CHECK((get(folder / "a") == corpus::file(header, std::string(51, '\0'))));
}

TEST_CASE("W5: a failed save leaves the old file and no other", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  put(path, "old");
  const int64_t shape[] = {100'000};
  Handle dict, x;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, shape, 1, x.out()) == TG_OK);
  REQUIRE(tg_dict_set(dict, "x", x) == TG_OK);
  const pid_t child = fork();
  if (child == 0) {  // where files may have 4096 bytes
    signal(SIGXFSZ, SIG_IGN);
    const struct rlimit limit = {4096, 4096};
    setrlimit(RLIMIT_FSIZE, &limit);
    const bool told = tg_safetensors_save(path.c_str(), dict) == TG_ERROR_IO &&
                      std::strstr(tg_last_error_message(), "file too large (EFBIG)") != nullptr;
    _exit(told ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("a dict keeps order, takes names away and says which are missing", "[capi]") {
  Handle dict, x, y, got;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_ones(TG_FLOAT32, nullptr, 0, x.out()) == TG_OK);
  REQUIRE(tg_zeros(TG_FLOAT32, nullptr, 0, y.out()) == TG_OK);
  for (const char* name : {"c", "a", "b"}) REQUIRE(tg_dict_set(dict, name, x) == TG_OK);
  REQUIRE(tg_dict_set(dict, "a", y) == TG_OK);  // keeps its place
  CHECK(name_at(dict, 0) == "c");
  CHECK(name_at(dict, 1) == "a");
  CHECK(name_at(dict, 2) == "b");
  REQUIRE(tg_dict_get(dict, "a", got.out()) == TG_OK);
  int32_t same = 0;
  CHECK(tg_is_same(got, y, &same) == TG_OK);
  CHECK(same == 1);
  REQUIRE(tg_dict_set(dict, "c", 0) == TG_OK);
  REQUIRE(tg_dict_set(dict, "never there", 0) == TG_OK);
  size_t size = 0;
  CHECK(tg_dict_size(dict, &size) == TG_OK);
  CHECK(size == 2);
  CHECK(name_at(dict, 0) == "a");
  tg_tensor none = 77;
  CHECK(tg_dict_get(dict, "c", &none) == TG_ERROR_NOT_FOUND);
  CHECK(none == 0);
  CHECK(holds(tg_last_error_message(), "\"c\""));
  CHECK(tg_dict_name_at(dict, 2, nullptr, 0, nullptr) == TG_ERROR_INDEX);
  CHECK(tg_dict_set(dict, "\xc0\x80", x) == TG_ERROR_INVALID_ARGUMENT);
  CHECK(tg_dict_set(dict, nullptr, x) == TG_ERROR_INVALID_ARGUMENT);

  REQUIRE(tg_dict_metadata_set(dict, "k", "1") == TG_OK);
  REQUIRE(tg_dict_metadata_set(dict, "k", "22") == TG_OK);
  char value[2];
  size_t length = 0;
  CHECK(tg_dict_metadata_get(dict, "k", value, sizeof value, &length) == TG_OK);
  CHECK(length == 2);
  CHECK(std::string(value) == "2");
  REQUIRE(tg_dict_metadata_set(dict, "k", nullptr) == TG_OK);
  CHECK(tg_dict_metadata_get(dict, "k", value, sizeof value, &length) == TG_ERROR_NOT_FOUND);
}
