// SPDX-License-Identifier: MIT
// Errors of saving and loading safetensors files; hostile ones stand in safetensors.cpp.
#include <cerrno>

#include "capi/rows.h"
#include "capi/safetensors_files.h"

using namespace capi;

TEST_CASE("loading: breaches of the format, bounds and dtypes of others", "[errors]") {
  const files::Folder folder;
  const std::string path = folder / "file";
  const std::string broken = corpus::file("{\"w\" 1}", 4);
  const std::string cut = corpus::length_bytes(2) + "{";
  const std::string deep = corpus::file(
      "{" + corpus::entry("w", "F32", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[0,4]") + "}", 4);
  const std::string foreign =
      corpus::file("{" + corpus::entry("w", "F8_E4M3", "[4]", "[0,4]") + "}", 4);
  const auto from_memory = [](const std::string& bytes, tg_dict* out) {
    return tg_safetensors_load_memory(bytes.data(), bytes.size(), out);
  };
  const auto from_file = [&](const std::string& bytes, uint32_t flags, tg_dict* out) {
    files::put(path, bytes);
    return tg_safetensors_load(path.c_str(), flags, out);
  };
  Rows rows;
  rows.fails("tg_safetensors_load_memory", TG_ERROR_FORMAT, {"header byte 5", "':' behind a name"},
             from_memory(broken, rows.out()));
  CHECK(files::error_number() == 13);
  rows.fails("tg_safetensors_load_memory", TG_ERROR_FORMAT, {"byte"}, from_memory(cut, rows.out()));
  rows.fails("tg_safetensors_load_memory", TG_ERROR_FORMAT, {"byte 0"},
             from_memory("", rows.out()));
  rows.fails("tg_safetensors_load_memory", TG_ERROR_LIMIT, {"more than 16 dimensions"},
             from_memory(deep, rows.out()));
  rows.fails("tg_safetensors_load_memory", TG_ERROR_UNSUPPORTED, {"F8_E4M3"},
             from_memory(foreign, rows.out()));
  for (const uint32_t flags : {uint32_t{0}, uint32_t{TG_FILE_MAP}}) {
    rows.fails("tg_safetensors_load", TG_ERROR_FORMAT, {path, "header byte 5", "':' behind a name"},
               from_file(broken, flags, rows.out()));
    CHECK(files::error_number() == 13);
    rows.fails("tg_safetensors_load", TG_ERROR_LIMIT, {path, "more than 16 dimensions"},
               from_file(deep, flags, rows.out()));
    rows.fails("tg_safetensors_load", TG_ERROR_UNSUPPORTED, {path, "F8_E4M3"},
               from_file(foreign, flags, rows.out()));
    rows.fails("tg_safetensors_load", TG_ERROR_IO, {folder / "none", "ENOENT"},
               tg_safetensors_load((folder / "none").c_str(), flags, rows.out()));
    CHECK(files::error_number() == ENOENT);
    rows.fails("tg_safetensors_load", TG_ERROR_IO, {"EISDIR"},
               tg_safetensors_load((folder / ".").c_str(), flags, rows.out()));
    CHECK(files::error_number() == EISDIR);
  }
  rows.fails("tg_safetensors_load", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"},
             tg_safetensors_load("a\xff", 0, rows.out()));
  rows.fails("tg_safetensors_load", TG_ERROR_INVALID_ARGUMENT, {"flags", "2"},
             tg_safetensors_load("a", 2, rows.out()));
}

TEST_CASE("saving: paths, names and headers that no reader would take", "[errors]") {
  const files::Folder folder;
  const Tensor x = vec({1});
  const Handle dict = make(tg_dict_create), reserved = make(tg_dict_create),
               long_name = make(tg_dict_create);
  ok(tg_dict_set(dict, "x", x));
  ok(tg_dict_set(reserved, "__metadata__", x));
  // Six bytes of the header for each byte of the name: \u0001.
  ok(tg_dict_set(long_name, std::string(16'700'000, '\1').c_str(), x));
  const std::string path = folder / "file", missing = folder / "none/file";
  files::put(path, "former");
  Rows rows{x};
  rows.fails("tg_safetensors_save", TG_ERROR_IO, {missing, "ENOENT"},
             tg_safetensors_save(missing.c_str(), dict));
  CHECK(files::error_number() == ENOENT);
  rows.fails("tg_safetensors_save", TG_ERROR_INVALID_ARGUMENT, {"__metadata__", "rename"},
             tg_safetensors_save(path.c_str(), reserved));
  rows.fails("tg_safetensors_save", TG_ERROR_INVALID_ARGUMENT, {"path", "UTF-8"},
             tg_safetensors_save("a\xff", dict));
  rows.fails("tg_safetensors_save", TG_ERROR_LIMIT, {"header of 1002000", "at most 100000000"},
             tg_safetensors_save(path.c_str(), long_name));
  CHECK(files::get(path) == "former");
  CHECK(folder.names() == std::set<std::string>{"file"});
}
