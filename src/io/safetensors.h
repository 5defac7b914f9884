// SPDX-License-Identifier: MIT
// Dicts as safetensors files: names and dtypes of PyTorch's state dicts.
#pragma once

#include <cstddef>

#include "io/dict.h"

namespace tg {

void save_safetensors(const char* path, const Dict& dict);
// map: tensors borrow from a private mapping and are read-only; the caller trusts the file.
Dict load_safetensors(const char* path, bool map);
Dict load_safetensors_memory(const void* bytes, size_t size);

}  // namespace tg
