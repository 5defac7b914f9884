// SPDX-License-Identifier: MIT
// What the tests of NumPy's files share: the two ways to load, as one.
#pragma once

#include "capi/safetensors_files.h"
#include "corpus/npz.h"

namespace files {

// Of .npy files, or of .npz archives. What is loaded is a tensor, or a dictionary.
struct NumpyLoader {
  const char* function;
  tg_status (*load)(const char* path, tg_handle* out);
  std::vector<corpus::File> (*hostile)();
  const std::string& (*sound)();
};
inline const NumpyLoader kNumpyLoaders[] = {
    {"tg_npy_load", tg_npy_load, corpus::hostile_npy, corpus::small_npy},
    {"tg_npz_load", tg_npz_load, corpus::hostile_npz, corpus::small_npz}};

inline std::string stored_file(const std::string& name) {
  return TG_TESTS_DIR "/corpus/numpy/" + name;
}

inline int32_t dtype_of(tg_tensor x) {
  int32_t dtype = 0;
  REQUIRE(tg_tensor_dtype(x, &dtype) == TG_OK);
  return dtype;
}
inline size_t item_size(int32_t dtype) {
  constexpr size_t kSizes[] = {0, 4, 8, 2, 2, 1, 2, 4, 8, 1, 1};
  return kSizes[dtype];
}
inline std::string bytes_of(tg_tensor x) {
  size_t count = item_size(dtype_of(x));
  for (const int64_t size : shape_of(x)) count *= static_cast<size_t>(size);
  return bytes_of(x, count);
}

}  // namespace files
