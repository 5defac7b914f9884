// SPDX-License-Identifier: MIT
// NumPy's files saved through the C ABI: bit for bit what was there, the bytes that numpy itself
// would write of the header's fields, all or nothing.
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cstring>

#include "capi/numpy_files.h"
#include "tapegrad/tapegrad.hpp"

using namespace files;
namespace tg = tapegrad;

namespace {

// A .npy file as the library writes it: padded so that the data begin at a multiple of 64.
std::string written(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string text = "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  while ((10 + text.size() + 1) % 64 != 0) text += ' ';
  return corpus::npy(text + '\n', data);
}

struct Dtype {
  int32_t dtype;
  const char* descr;
};
constexpr Dtype kDtypes[] = {{TG_FLOAT32, "<f4"}, {TG_FLOAT64, "<f8"}, {TG_FLOAT16, "<f2"},
                             {TG_INT8, "|i1"},    {TG_INT16, "<i2"},   {TG_INT32, "<i4"},
                             {TG_INT64, "<i8"},   {TG_UINT8, "|u1"},   {TG_BOOL, "|b1"}};

// NaNs with payloads, subnormals, -0 in some of the dtypes; 0 and 1 for bool.
std::string pattern(int32_t dtype) {
  if (dtype == TG_BOOL) return std::string("\0\1\0\1\1\1\0\0\0\1\0\1\1\1\0\0", 16);
  return std::string("\x01\x7c\x80\x7f\x00\x00\xf0\x80\x01\xfc\x00\x00\x00\x00\xf0\xff", 16);
}

}  // namespace

TEST_CASE("what is saved as .npy and .npz is loaded bit for bit, in every dtype", "[capi]") {
  const Folder folder;
  const std::string npy = folder / "a.npy", npz = folder / "a.npz";
  const State before;
  {
    Handle dict;
    REQUIRE(tg_dict_create(dict.out()) == TG_OK);
    for (const Dtype& row : kDtypes) {
      CAPTURE(row.descr);
      const int64_t columns = static_cast<int64_t>(8 / item_size(row.dtype));
      const int64_t shape[] = {2, columns};
      Handle x, y;
      REQUIRE(tg_tensor_create(pattern(row.dtype).data(), row.dtype, shape, 2, 0, x.out()) ==
              TG_OK);
      REQUIRE(tg_npy_save(npy.c_str(), x) == TG_OK);
      CHECK((get(npy) ==
             written(row.descr, "(2, " + std::to_string(columns) + ")", pattern(row.dtype))));
      REQUIRE(tg_npy_load(npy.c_str(), y.out()) == TG_OK);
      CHECK(dtype_of(y) == row.dtype);
      CHECK(shape_of(y) == std::vector<int64_t>{2, columns});
      CHECK((bytes_of(y) == pattern(row.dtype)));
      REQUIRE(tg_dict_set(dict, row.descr, x) == TG_OK);
    }
    REQUIRE(tg_npz_save(npz.c_str(), dict) == TG_OK);
    const std::string file = get(npz);
    Handle loaded;
    REQUIRE(tg_npz_load(npz.c_str(), loaded.out()) == TG_OK);
    for (size_t i = 0; i < std::size(kDtypes); ++i) {
      CAPTURE(kDtypes[i].descr);
      CHECK(name_at(loaded, i) == kDtypes[i].descr);
      Handle x;
      REQUIRE(tg_dict_get(loaded, kDtypes[i].descr, x.out()) == TG_OK);
      CHECK(dtype_of(x) == kDtypes[i].dtype);
      CHECK((bytes_of(x) == pattern(kDtypes[i].dtype)));
    }
    // Saved once more it is the same file.
    REQUIRE(tg_npz_save(npz.c_str(), loaded) == TG_OK);
    CHECK((get(npz) == file));
  }
  CHECK(State() == before);
}

TEST_CASE("an archive is written as records say that stand beside each other", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a";
  const float values[] = {1, 2};
  const int64_t shape[] = {2};
  Handle dict, x;
  REQUIRE(tg_dict_create(dict.out()) == TG_OK);
  REQUIRE(tg_npz_save(path.c_str(), dict) == TG_OK);
  CHECK((get(path) == corpus::zip_end(0, 0, 0)));
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, shape, 1, 0, x.out()) == TG_OK);
  REQUIRE(tg_dict_set(dict, "w", x) == TG_OK);
  REQUIRE(tg_dict_set(dict, "\xc3\xa9", x) == TG_OK);
  REQUIRE(tg_dict_metadata_set(dict, "left", "out") == TG_OK);
  REQUIRE(tg_npz_save(path.c_str(), dict) == TG_OK);
  const std::string npy =
      written("<f4", "(2,)", std::string("\x00\x00\x80\x3f\x00\x00\x00\x40", 8));
  corpus::Archive expected;
  corpus::ZipMember marked = corpus::stored("\xc3\xa9.npy", npy);
  marked.front.flags = marked.entry.flags = 0x800;
  expected.add(corpus::stored("w.npy", npy)).add(marked);
  std::string file = get(path);
  REQUIRE(file.size() == expected.whole().size());
  // Made by: Unix, 4.5. Rights: a regular file, rw-r--r--.
  for (size_t at = expected.bytes.size(), i = 0; i < 2; ++i, at += 46 + 5) {
    REQUIRE(file.substr(at, 6) == std::string("PK\x01\x02\x2d\x03", 6));
    CHECK((file.substr(at + 38, 4) == std::string("\x00\x00\xa4\x81", 4)));
    file.replace(at + 4, 2, std::string("\x14\x00", 2));
    file.replace(at + 38, 4, std::string(4, '\0'));
  }
  CHECK((file == expected.whole()));
}

TEST_CASE("shapes of every rank, without elements, strided and expanded are saved", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a", archive = folder / "b";
  const float values[] = {1, 2, 3, 4, 5, 6};
  const int64_t two_three[] = {2, 3}, wide[] = {4, 2, 3}, none[] = {0, 3};
  const std::vector<int64_t> sixteen(16, 1);
  Handle base, turned, narrow, expanded, scalar, empty, deep, leaf;
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, two_three, 2, 0, base.out()) == TG_OK);
  REQUIRE(tg_t(base, turned.out()) == TG_OK);
  REQUIRE(tg_narrow(base, 1, 1, 2, narrow.out()) == TG_OK);
  REQUIRE(tg_expand(base, wide, 3, expanded.out()) == TG_OK);
  REQUIRE(tg_scalar(7, TG_INT64, scalar.out()) == TG_OK);
  REQUIRE(tg_zeros(TG_FLOAT16, none, 2, empty.out()) == TG_OK);
  REQUIRE(tg_ones(TG_BOOL, sixteen.data(), 16, deep.out()) == TG_OK);
  REQUIRE(tg_tensor_create(values, TG_FLOAT32, two_three, 2, 1, leaf.out()) == TG_OK);
  for (const tg_tensor x :
       {tg_tensor{base}, tg_tensor{turned}, tg_tensor{narrow}, tg_tensor{expanded},
        tg_tensor{scalar}, tg_tensor{empty}, tg_tensor{deep}, tg_tensor{leaf}}) {
    CAPTURE(shape_of(x));
    Handle dict, loaded, back, member;
    REQUIRE(tg_npy_save(path.c_str(), x) == TG_OK);
    REQUIRE(tg_npy_load(path.c_str(), back.out()) == TG_OK);
    REQUIRE(tg_dict_create(dict.out()) == TG_OK);
    REQUIRE(tg_dict_set(dict, "x", x) == TG_OK);
    REQUIRE(tg_npz_save(archive.c_str(), dict) == TG_OK);
    REQUIRE(tg_npz_load(archive.c_str(), loaded.out()) == TG_OK);
    REQUIRE(tg_dict_get(loaded, "x", member.out()) == TG_OK);
    for (const tg_tensor y : {tg_tensor{back}, tg_tensor{member}}) {
      CHECK(dtype_of(y) == dtype_of(x));
      CHECK(shape_of(y) == shape_of(x));
      CHECK((bytes_of(y) == bytes_of(x)));
      int32_t requires_grad = 1;
      CHECK(tg_tensor_requires_grad(y, &requires_grad) == TG_OK);
      CHECK(requires_grad == 0);
    }
  }
}

TEST_CASE("what is loaded in inference mode is an inference tensor", "[capi]") {
  const Folder folder;
  const std::string path = folder / "a", archive = folder / "b";
  put(path, corpus::npy(corpus::npy_text("'>f4'", "True", "(2, 2)"), 16));
  put(archive, corpus::small_npz());
  for (const bool inference : {false, true}) {
    Handle x, dict, y;
    if (inference) REQUIRE(tg_inference_mode_enter(1) == TG_OK);
    CHECK(tg_npy_load(path.c_str(), x.out()) == TG_OK);
    CHECK(tg_npz_load(archive.c_str(), dict.out()) == TG_OK);
    CHECK(tg_npy_save((folder / "c").c_str(), x) == TG_OK);
    if (inference) REQUIRE(tg_inference_mode_exit() == TG_OK);
    REQUIRE(tg_dict_get(dict, "a", y.out()) == TG_OK);
    for (const tg_tensor one : {tg_tensor{x}, tg_tensor{y}}) {
      int32_t is = -1;
      CHECK(tg_tensor_is_inference(one, &is) == TG_OK);
      CHECK(is == inference);
    }
  }
}

TEST_CASE("a failed save of a NumPy file leaves the old one and no other", "[capi]") {
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
    const bool told = tg_npy_save(path.c_str(), x) == TG_ERROR_IO &&
                      std::strstr(tg_last_error_message(), "file too large (EFBIG)") != nullptr &&
                      tg_npz_save(path.c_str(), dict) == TG_ERROR_IO &&
                      std::strstr(tg_last_error_message(), "file too large (EFBIG)") != nullptr;
    _exit(told ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(get(path) == "old");
  CHECK(folder.names() == std::set<std::string>{"a"});
}

TEST_CASE("the forms of C++ save, load and throw", "[capi]") {
  const Folder folder;
  const State before;
  {
    const tg::Tensor x = tg::tensor({1.0f, 2.0f, 3.0f});
    tg::npy::save(folder / "a.npy", x);
    const tg::Tensor y = tg::npy::load(folder / "a.npy");
    CHECK((bytes_of(y.handle()) == bytes_of(x.handle())));
    tg::Dict dict;
    dict.set("x", x).set("y", y);
    tg::npz::save(folder / "a.npz", dict);
    const tg::Dict loaded = tg::npz::load(folder / "a.npz");
    CHECK(loaded.names() == std::vector<std::string>{"x", "y"});
    CHECK((bytes_of(loaded["y"].handle()) == bytes_of(x.handle())));
    CHECK_THROWS_AS(tg::npy::load(folder / "a.npz"), tg::Error);
    CHECK_THROWS_AS(tg::npz::load(folder / "none"), tg::Error);
  }
  CHECK(State() == before);
}
