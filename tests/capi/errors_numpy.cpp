// SPDX-License-Identifier: MIT
// Errors of saving and loading NumPy's files; hostile ones stand in numpy.cpp.
#include <cerrno>

#include "capi/numpy_files.h"
#include "capi/rows.h"

using namespace capi;

TEST_CASE("loading .npy: breaches of the format, bounds and types of others", "[errors]") {
  const files::Folder folder;
  const std::string path = folder / "file.npy", missing = folder / "none";
  const auto from_file = [&](const std::string& bytes, tg_tensor* out) {
    files::put(path, bytes);
    return tg_npy_load(path.c_str(), out);
  };
  const std::string deep = "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)";
  Rows rows;
  rows.fails("tg_npy_load", TG_ERROR_FORMAT,
             {path + ": byte 60: shape (3,) of '<f4' needs 12 bytes, 4 follow"},
             from_file(corpus::npy_file("<f4", "(3,)", "1234"), rows.out()));
  CHECK(files::error_number() == 60);
  rows.fails("tg_npy_load", TG_ERROR_LIMIT, {path, "more than 16 dimensions"},
             from_file(corpus::npy_file("<f4", deep, "1234"), rows.out()));
  rows.fails("tg_npy_load", TG_ERROR_UNSUPPORTED, {path, "descr '<c8'", "astype"},
             from_file(corpus::npy_file("<c8", "()", "12345678"), rows.out()));
  CHECK(files::error_number() == 20);
  rows.fails("tg_npy_load", TG_ERROR_UNSUPPORTED, {path, "byte 20", "pickled", "never read"},
             from_file(corpus::npy_file("|O", "()", "12345678"), rows.out()));
  rows.fails("tg_npy_load", TG_ERROR_IO, {missing, "ENOENT"},
             tg_npy_load(missing.c_str(), rows.out()));
  CHECK(files::error_number() == ENOENT);
  rows.fails("tg_npy_load", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"},
             tg_npy_load("a\xff", rows.out()));
  rows.fails("tg_npy_load", TG_ERROR_INVALID_ARGUMENT, {"path"}, tg_npy_load(nullptr, rows.out()));
  rows.fails("tg_npy_load", TG_ERROR_INVALID_ARGUMENT, {"out"}, tg_npy_load("a", nullptr));
}

TEST_CASE("loading .npz: breaches of the format, bounds and members of others", "[errors]") {
  const files::Folder folder;
  const std::string path = folder / "file.npz", missing = folder / "none";
  const auto from_file = [&](const std::string& bytes, tg_dict* out) {
    files::put(path, bytes);
    return tg_npz_load(path.c_str(), out);
  };
  const std::string& npy = corpus::small_npy();
  corpus::ZipMember wrong = corpus::stored("a.npy", npy);
  wrong.front.crc = wrong.entry.crc = 1;
  const std::string deep = "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1)";
  Rows rows;
  rows.fails("tg_npz_load", TG_ERROR_FORMAT,
             {path + ": member \"a.npy\": CRC-32 is 00000001, the data at byte 35 give "},
             from_file(corpus::zip(wrong), rows.out()));
  CHECK(files::error_number() == 35);
  rows.fails("tg_npz_load", TG_ERROR_FORMAT, {path, "two members have the key \"a\""},
             from_file(corpus::Archive()
                           .add(corpus::stored("a.npy", npy))
                           .add(corpus::stored("a.npy", npy))
                           .whole(),
                       rows.out()));
  rows.fails("tg_npz_load", TG_ERROR_LIMIT, {path, "member \"a.npy\": ", "more than 16 dimensions"},
             from_file(corpus::zip(corpus::stored("a.npy", corpus::npy_file("<f4", deep, "1234"))),
                       rows.out()));
  rows.fails("tg_npz_load", TG_ERROR_UNSUPPORTED, {path, "member \"a.txt\": is no .npy file"},
             from_file(corpus::zip(corpus::stored("a.txt", "text")), rows.out()));
  rows.fails("tg_npz_load", TG_ERROR_IO, {missing, "ENOENT"},
             tg_npz_load(missing.c_str(), rows.out()));
  CHECK(files::error_number() == ENOENT);
  rows.fails("tg_npz_load", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"},
             tg_npz_load("a\xff", rows.out()));
  rows.fails("tg_npz_load", TG_ERROR_INVALID_ARGUMENT, {"path"}, tg_npz_load(nullptr, rows.out()));
  rows.fails("tg_npz_load", TG_ERROR_INVALID_ARGUMENT, {"out"}, tg_npz_load("a", nullptr));
}

TEST_CASE("a zip directory above 100,000,000 bytes is refused before it is read", "[errors]") {
  const files::Folder folder;
  const std::string path = folder / "sparse";
  files::put(path, "");
  REQUIRE(truncate(path.c_str(), 200'000'000) == 0);
  std::ofstream(path, std::ios::binary | std::ios::app) << corpus::zip_end(1, 200'000'000, 0);
  Rows rows;
  rows.fails("tg_npz_load", TG_ERROR_LIMIT,
             {path, "the directory at byte 0 has 200000000 bytes, at most 100000000 are read"},
             tg_npz_load(path.c_str(), rows.out()));
}

TEST_CASE("saving NumPy's files: paths, dtypes and names that no reader would take", "[errors]") {
  const files::Folder folder;
  const Tensor x = vec({1}), brain = zeros(TG_BFLOAT16, {2});
  const Handle dict = make(tg_dict_create), brains = make(tg_dict_create),
               long_name = make(tg_dict_create);
  ok(tg_dict_set(dict, "x", x));
  ok(tg_dict_set(brains, "weight", brain));
  ok(tg_dict_set(long_name, std::string(65'532, 'n').c_str(), x));
  const std::string path = folder / "file", missing = folder / "none/file";
  files::put(path, "former");
  Rows rows{x};
  rows.fails("tg_npy_save", TG_ERROR_IO, {missing, "ENOENT"}, tg_npy_save(missing.c_str(), x));
  CHECK(files::error_number() == ENOENT);
  rows.fails("tg_npy_save", TG_ERROR_UNSUPPORTED, {"x is bfloat16", "tg_to_dtype"},
             tg_npy_save(path.c_str(), brain));
  rows.fails("tg_npy_save", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"}, tg_npy_save("a\xff", x));
  rows.fails("tg_npz_save", TG_ERROR_IO, {missing, "ENOENT"}, tg_npz_save(missing.c_str(), dict));
  rows.fails("tg_npz_save", TG_ERROR_UNSUPPORTED, {"weight is bfloat16", "tg_to_dtype"},
             tg_npz_save(path.c_str(), brains));
  rows.fails("tg_npz_save", TG_ERROR_LIMIT, {"has 65532 bytes, at most 65531"},
             tg_npz_save(path.c_str(), long_name));
  rows.fails("tg_npz_save", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"},
             tg_npz_save("a\xff", dict));
  rows.fails("tg_npy_save", TG_ERROR_INVALID_ARGUMENT, {"path"}, tg_npy_save(nullptr, x));
  rows.fails("tg_npz_save", TG_ERROR_INVALID_ARGUMENT, {"path"}, tg_npz_save(nullptr, dict));
  rows.fails("tg_npy_save", TG_ERROR_INVALID_HANDLE, {"x is 0"}, tg_npy_save(path.c_str(), 0));
  rows.fails("tg_npy_save", TG_ERROR_INVALID_HANDLE, {"x is "}, tg_npy_save(path.c_str(), dict));
  rows.fails("tg_npz_save", TG_ERROR_INVALID_HANDLE, {"dict is "}, tg_npz_save(path.c_str(), x));
  CHECK(files::get(path) == "former");
  CHECK(folder.names() == std::set<std::string>{"file"});
}
