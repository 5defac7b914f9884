// SPDX-License-Identifier: MIT
// What few objects of a kind have, so that the others need no room for it: a table of linked lists,
// found by the object's address and locked in stripes. Under its locks nothing is asked for, ended
// or called that is the host's.
#pragma once

#include <bit>
#include <cstdint>
#include <utility>

#include "base/blocks.h"
#include "base/lock.h"

namespace tg {

template <class Object, class Value, size_t kBucketCount>
class SideTable {
 public:
  struct Entry {
    Entry* next;
    Object* object;
    Value value;
  };
  static constexpr size_t kBuckets = kBucketCount;

  // An entry that is not yet in the table. Throws where memory runs out; value is then as it was.
  static Entry* make(Object& object, Value&& value = {}) {
    return new (tg::take(sizeof(Entry))) Entry{nullptr, &object, std::move(value)};
  }
  static void end(Entry* entry) noexcept {
    if (entry == nullptr) return;
    entry->~Entry();
    give_back(entry, sizeof(Entry));
  }

  // What look gives, which sees the object's value; null: it has none.
  template <class Look>
  auto see(const Object& object, Look&& look) noexcept {
    LockGuard guard(lock_of(object));
    Entry* entry = *find(object);
    return look(entry != nullptr ? &entry->value : nullptr);
  }
  // fresh comes into the table unless its object has an entry already; change sees the one that is
  // there. Gives back the one that was not used, which the caller ends.
  template <class Change>
  Entry* put(Entry* fresh, Change&& change) noexcept {
    LockGuard guard(lock_of(*fresh->object));
    Entry** place = find(*fresh->object);
    Entry* unused = nullptr;
    if (*place == nullptr) {
      *place = fresh;
    } else {
      unused = fresh;
    }
    change((*place)->value);
    return unused;
  }
  // Out of the table, to be ended by the caller; null: there is none.
  Entry* take(const Object& object) noexcept {
    LockGuard guard(lock_of(object));
    Entry** place = find(object);
    Entry* entry = *place;
    if (entry != nullptr) *place = entry->next;
    return entry;
  }
  // look sees a bucket's first entry; null: it is empty.
  template <class Look>
  void see_bucket(size_t bucket, Look&& look) noexcept {
    LockGuard guard(locks_[bucket % kStripes]);
    look(buckets_[bucket]);
  }

 private:
  static constexpr size_t kStripes = 64;

  static size_t bucket_of(const Object& object) {
    // Fibonacci hashing (Knuth, TAOCP 3, 6.4): objects lie at multiples of 16.
    constexpr int kBits = std::countr_zero(kBuckets);
    static_assert(kBuckets == size_t{1} << kBits);
    const auto address = reinterpret_cast<uintptr_t>(&object) >> 4;
    return static_cast<size_t>((address * 0x9e3779b97f4a7c15u) >> (64 - kBits));
  }
  Lock& lock_of(const Object& object) { return locks_[bucket_of(object) % kStripes]; }
  Entry** find(const Object& object) {
    Entry** place = &buckets_[bucket_of(object)];
    while (*place != nullptr && (*place)->object != &object) place = &(*place)->next;
    return place;
  }

  Lock locks_[kStripes]{};
  Entry* buckets_[kBuckets]{};
};

}  // namespace tg
