// SPDX-License-Identifier: MIT
#include "core/extras.h"

#include "base/lock.h"

namespace tg {

namespace {

struct Extra {
  Extra* next;
  const TensorHead* head;
  String name;
  Tensor grad;
  bool grad_set_by_user;
  History* asleep;
};

constexpr size_t kBuckets = 1024;
constexpr size_t kStripes = 32;

struct Table {
  Lock locks[kStripes];
  Extra* buckets[kBuckets];
};
constinit Table table{};

size_t bucket_of(const TensorHead* head) {
  // Fibonacci hashing (Knuth, TAOCP 3, 6.4): heads lie at multiples of 16.
  const auto address = reinterpret_cast<uintptr_t>(head) >> 4;
  return static_cast<size_t>((address * 0x9e3779b97f4a7c15u) >> 54);
}

Extra** find(const TensorHead* head) {
  Extra** place = &table.buckets[bucket_of(head)];
  while (*place != nullptr && (*place)->head != head) place = &(*place)->next;
  return place;
}

Lock& lock_of(const TensorHead* head) { return table.locks[bucket_of(head) % kStripes]; }

void destroy(Extra* extra) noexcept {
  if (extra->asleep != nullptr) let_go(extra->asleep);
  extra->~Extra();
  give_back(extra, sizeof(Extra));
}

// A new entry, not yet in the table: what can fail happens before the lock is taken.
Extra* make(const TensorHead* head) {
  return new (take(sizeof(Extra))) Extra{nullptr, head, {}, {}, false, nullptr};
}

// Puts `fresh` into the table unless the head has an entry, which is then used instead.
template <class Change>
void change(TensorHead& head, Extra* fresh, Change&& change_entry) {
  Extra* unused = nullptr;
  {
    LockGuard guard(lock_of(&head));
    Extra** place = find(&head);
    if (*place == nullptr) {
      *place = fresh;
      head.flags.fetch_or(TensorHead::kExtras, std::memory_order_relaxed);
    } else {
      unused = fresh;
    }
    change_entry(**place);
  }
  if (unused != nullptr) destroy(unused);
}

}  // namespace

void set_name(const Tensor& x, const char* name) {
  TensorHead& head = *x.head();
  String text(name);
  change(head, make(&head), [&](Extra& entry) { entry.name.swap(text); });
}

bool append_name(const TensorHead& head, Message& message) {
  if (!head.has_flag(TensorHead::kExtras)) return false;
  LockGuard guard(lock_of(&head));
  const Extra* entry = *find(&head);
  if (entry == nullptr || entry->name.empty()) return false;
  message << std::string_view(entry->name.data(), entry->name.size());
  return true;
}

String name_of_tensor(const TensorHead& head) {
  if (!head.has_flag(TensorHead::kExtras)) return {};
  LockGuard guard(lock_of(&head));
  const Extra* entry = *find(&head);
  return entry != nullptr ? entry->name : String();
}

Tensor extra_grad(const TensorHead& head, bool* set_by_user) {
  if (!head.has_flag(TensorHead::kExtras)) return {};
  LockGuard guard(lock_of(&head));
  const Extra* entry = *find(&head);
  if (entry == nullptr) return {};
  if (set_by_user != nullptr) *set_by_user = entry->grad_set_by_user;
  return entry->grad;
}

void set_extra_grad(const TensorHead& head, Tensor grad, bool set_by_user) {
  if (replace_extra_grad(head, grad, set_by_user) || !grad) return;
  auto& changed = const_cast<TensorHead&>(head);
  change(changed, make(&head), [&](Extra& entry) {
    std::swap(entry.grad, grad);  // the former one goes after the lock is left
    entry.grad_set_by_user = set_by_user;
  });
}

void reserve_extra(const TensorHead& head) {
  if (head.has_flag(TensorHead::kExtras)) return;
  change(const_cast<TensorHead&>(head), make(&head), [](Extra&) {});
}

bool replace_extra_grad(const TensorHead& head, Tensor& grad, bool set_by_user) noexcept {
  if (!head.has_flag(TensorHead::kExtras)) return false;
  LockGuard guard(lock_of(&head));
  Extra* entry = *find(&head);
  if (entry == nullptr) return false;
  std::swap(entry->grad, grad);
  entry->grad_set_by_user = set_by_user;
  return true;
}

void put_asleep(const TensorHead& head, History* past) noexcept {
  {
    LockGuard guard(lock_of(&head));
    std::swap((*find(&head))->asleep, past);
  }
  if (past != nullptr) let_go(past);
}

History* wake(const TensorHead& head) noexcept {
  if (!head.has_flag(TensorHead::kExtras)) return nullptr;
  LockGuard guard(lock_of(&head));
  Extra* entry = *find(&head);
  return entry != nullptr ? std::exchange(entry->asleep, nullptr) : nullptr;
}

void forget_extras(TensorHead& head) noexcept {
  Extra* entry = nullptr;
  {
    LockGuard guard(lock_of(&head));
    Extra** place = find(&head);
    entry = *place;
    if (entry != nullptr) *place = entry->next;
  }
  if (entry != nullptr) destroy(entry);
}

Message& operator<<(Message& message, const Named& named) {
  char text[256];
  Message name(text, sizeof text);
  if (!append_name(*named.tensor.head(), name)) return message << Described{named.tensor};
  return message << '"' << Quoted{text} << "\" (" << Described{named.tensor} << ')';
}

}  // namespace tg
