// SPDX-License-Identifier: MIT
// Dicts as .npz archives: zip files of .npy members, stored or deflated.
#pragma once

#include "io/dict.h"

namespace tg {

void save_npz(const char* path, const Dict& dict);
Dict load_npz(const char* path);

}  // namespace tg
