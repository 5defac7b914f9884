// SPDX-License-Identifier: MIT
// Where in the host's code things happened, as far as the host says it (tg_site_set): nodes know
// where they were recorded, and the last writes in place where they were made.
#pragma once

#include <cstdint>

#include "base/error.h"
#include "core/storage.h"

namespace tg {

// File and line in one number, the file as the number of its text; 0: not said. Each text is kept
// once, until the library is unloaded.
uint64_t make_site(const char* file, int32_t line);
struct Site {
  uint64_t word;
};
Message& operator<<(Message& message, Site site);  // "train.c:12"

// Where something was saved, and how many writes with a site came before it.
struct Birth {
  uint64_t site = 0, writes = 0;
};
Birth birth_here() noexcept;  // on this thread, now

// A write to the storage at this thread's site, if there is one, which made this version.
void note_write(const Storage& storage, uint32_t version) noexcept;
// The site of the write that made a version, among the last few thousand and those since `birth`;
// 0: not known. The storage lived all that time.
uint64_t site_of_write(const Storage& storage, uint32_t version, Birth birth) noexcept;

}  // namespace tg
