/* SPDX-License-Identifier: MIT */
/* NumPy's files from C89: a tensor alone, and a dictionary, there and back. */
#include <string.h>

#include "check.h"

int main(void) {
  const float values[4] = {1, 2, 3, 4};
  const int64_t shape[2] = {2, 2};
  const char *npy = "numpy_files.npy", *npz = "numpy_files.npz";
  float back[4];
  tg_tensor x, loaded, member;
  tg_dict dict, archive;
  size_t count = 0;

  CHECK(tg_tensor_create(values, TG_FLOAT32, shape, 2, 0, &x) == TG_OK);
  CHECK(tg_npy_save(npy, x) == TG_OK);
  CHECK(tg_npy_load(npy, &loaded) == TG_OK);
  CHECK(tg_tensor_copy_out(loaded, back, sizeof back) == TG_OK);
  CHECK(memcmp(back, values, sizeof values) == 0);

  CHECK(tg_dict_create(&dict) == TG_OK);
  CHECK(tg_dict_set(dict, "weight", loaded) == TG_OK);
  CHECK(tg_npz_save(npz, dict) == TG_OK);
  CHECK(tg_npz_load(npz, &archive) == TG_OK);
  CHECK(tg_dict_size(archive, &count) == TG_OK && count == 1);
  CHECK(tg_dict_get(archive, "weight", &member) == TG_OK);
  memset(back, 0, sizeof back);
  CHECK(tg_tensor_copy_out(member, back, sizeof back) == TG_OK);
  CHECK(memcmp(back, values, sizeof values) == 0);

  CHECK(tg_release(archive) == TG_OK);
  CHECK(tg_npz_load(npy, &archive) == TG_ERROR_FORMAT);
  CHECK(tg_release(x) == TG_OK && tg_release(loaded) == TG_OK && tg_release(member) == TG_OK);
  CHECK(tg_release(dict) == TG_OK);
  CHECK(tg_live_handles() == 0);
  remove(npy);
  remove(npz);
  return failures;
}
