// SPDX-License-Identifier: MIT
#include "autograd/sites.h"

#include <string_view>
#include <utility>

#include "base/lock.h"
#include "base/thread.h"

namespace tg {

namespace {

// ---- texts of files ----

constexpr uint32_t kMostFiles = uint32_t{1} << 31;
constexpr size_t kBuckets = 256;

struct File {
  File* next_by_text;
  File* next_by_number;
  uint32_t number;  // from 1
  String text;
};
struct Files {
  Lock lock;
  uint32_t count;
  File* by_text[kBuckets];
  File* by_number[kBuckets];
};
constinit Files files{};

// FNV-1a (Fowler, Noll, Vo).
size_t bucket_of(std::string_view text) {
  uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  return hash % kBuckets;
}

File* find(std::string_view text) {
  File* file = files.by_text[bucket_of(text)];
  while (file != nullptr && std::string_view(file->text) != text) file = file->next_by_text;
  return file;
}

uint32_t number_of(std::string_view text) {
  {
    LockGuard guard(files.lock);
    if (const File* file = find(text)) return file->number;
  }
  // Memory is asked for outside the lock: that may run a host's function.
  auto* fresh = new (take(sizeof(File))) File{};
  struct Guard {
    File* unused;
    ~Guard() {
      if (unused == nullptr) return;
      unused->~File();
      give_back(unused, sizeof(File));
    }
  } unused{fresh};
  fresh->text.assign(text);
  LockGuard guard(files.lock);
  if (const File* file = find(text)) return file->number;
  if (files.count + 1 == kMostFiles) fail_out_of_memory(sizeof(File));
  unused.unused = nullptr;
  fresh->number = ++files.count;
  File*& of_text = files.by_text[bucket_of(text)];
  File*& of_number = files.by_number[fresh->number % kBuckets];
  fresh->next_by_text = std::exchange(of_text, fresh);
  fresh->next_by_number = std::exchange(of_number, fresh);
  return fresh->number;
}

// ---- writes ----

// A ring: who asks compares version and age too, so one that was written over is not found.
constexpr uint64_t kWrites = 4096;
struct Write {
  const Storage* storage;
  uint32_t version;
  uint64_t number;  // from 1
  uint64_t site;
};
struct Writes {
  Lock lock;
  std::atomic<uint64_t> count;
  Write last[kWrites];
};
constinit Writes writes{};

}  // namespace

uint64_t make_site(const char* file, int32_t line) {
  return uint64_t{number_of(file)} << 32 | static_cast<uint32_t>(line);
}

// Texts stay, so the lock is needed to find them alone.
Message& operator<<(Message& message, Site site) {
  const auto number = static_cast<uint32_t>(site.word >> 32);
  const File* file = nullptr;
  {
    LockGuard guard(files.lock);
    file = files.by_number[number % kBuckets];
    while (file->number != number) file = file->next_by_number;
  }
  const auto line = static_cast<uint32_t>(site.word);
  if (file->text.empty()) return message << "line " << line;
  message << Quoted{file->text};
  return line != 0 ? message << ':' << line : message;
}

void note_write(const Storage& storage, uint32_t version) noexcept {
  const ThreadRecord* mine = record;
  if (mine == nullptr || mine->site == 0) return;
  LockGuard guard(writes.lock);
  const uint64_t number = writes.count.load(std::memory_order_relaxed) + 1;
  writes.last[number % kWrites] = {&storage, version, number, mine->site};
  writes.count.store(number, std::memory_order_release);
}

Birth birth_here() noexcept {
  return {record != nullptr ? record->site : 0, writes.count.load(std::memory_order_acquire)};
}

uint64_t site_of_write(const Storage& storage, uint32_t version, Birth birth) noexcept {
  LockGuard guard(writes.lock);
  for (const Write& write : writes.last) {
    if (write.storage == &storage && write.version == version && write.number > birth.writes) {
      return write.site;
    }
  }
  return 0;
}

}  // namespace tg
