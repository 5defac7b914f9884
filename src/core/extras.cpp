// SPDX-License-Identifier: MIT
#include "core/extras.h"

#include "base/side_table.h"

namespace tg {

namespace {

struct Extra {
  String name;
  Tensor grad;
  bool grad_set_by_user = false;
  History* asleep = nullptr;
};
using Table = SideTable<const TensorHead, Extra, 1024>;
constinit Table table{};

bool has_extra(const TensorHead& head) { return head.has_flag(TensorHead::kExtras); }

template <class Change>
void change(const TensorHead& head, Change&& change_entry) {
  Table::end(table.put(Table::make(head), [&](Extra& extra) {
    const_cast<TensorHead&>(head).flags.fetch_or(TensorHead::kExtras, std::memory_order_relaxed);
    change_entry(extra);
  }));
}

}  // namespace

void set_name(const Tensor& x, const char* name) {
  String text(name);
  change(*x.head(), [&](Extra& extra) { extra.name.swap(text); });
}

bool append_name(const TensorHead& head, Message& message) {
  return has_extra(head) && table.see(head, [&](const Extra* extra) {
    if (extra == nullptr || extra->name.empty()) return false;
    message << std::string_view(extra->name.data(), extra->name.size());
    return true;
  });
}

String name_of_tensor(const TensorHead& head) {
  String name;
  // Memory is asked for outside the lock, so as often as others lengthen the name meanwhile.
  while (has_extra(head)) {
    const size_t size = table.see(head, [&](const Extra* extra) {
      const size_t needed = extra != nullptr ? extra->name.size() : 0;
      if (needed != 0 && needed <= name.capacity()) name.assign(extra->name);
      return needed;
    });
    if (size <= name.capacity()) break;
    name.reserve(size);
  }
  return name;
}

Tensor extra_grad(const TensorHead& head, bool* set_by_user) {
  if (!has_extra(head)) return {};
  return table.see(head, [&](const Extra* extra) {
    if (extra == nullptr) return Tensor();
    if (set_by_user != nullptr) *set_by_user = extra->grad_set_by_user;
    return extra->grad;
  });
}

void set_extra_grad(const TensorHead& head, Tensor grad, bool set_by_user) {
  if (replace_extra_grad(head, grad, set_by_user) || !grad) return;
  change(head, [&](Extra& extra) {
    std::swap(extra.grad, grad);  // the former one goes after the lock is left
    extra.grad_set_by_user = set_by_user;
  });
}

void reserve_extra(const TensorHead& head) {
  if (!has_extra(head)) change(head, [](Extra&) {});
}

bool replace_extra_grad(const TensorHead& head, Tensor& grad, bool set_by_user) noexcept {
  return has_extra(head) && table.see(head, [&](Extra* extra) {
    if (extra == nullptr) return false;
    std::swap(extra->grad, grad);
    extra->grad_set_by_user = set_by_user;
    return true;
  });
}

void put_asleep(const TensorHead& head, History* past) noexcept {
  table.see(head, [&](Extra* extra) { std::swap(extra->asleep, past); });
  if (past != nullptr) let_go(past);
}

History* wake(const TensorHead& head) noexcept {
  if (!has_extra(head)) return nullptr;
  return table.see(head, [](Extra* extra) {
    return extra != nullptr ? std::exchange(extra->asleep, nullptr) : nullptr;
  });
}

void forget_extras(TensorHead& head) noexcept {
  Table::Entry* entry = table.take(head);
  if (entry == nullptr) return;
  if (entry->value.asleep != nullptr) let_go(entry->value.asleep);
  Table::end(entry);
}

namespace {

bool same_elements(const TensorHead& a, const TensorHead& b) {
  return a.storage == b.storage && a.offset == b.offset && a.rank == b.rank &&
         std::memcmp(a.sizes(), b.sizes(), 2 * sizeof(int64_t) * a.rank) == 0;
}

bool append_name_of_elements(const TensorHead& head, Message& message) {
  for (size_t bucket = 0; bucket < Table::kBuckets && message.length() == 0; ++bucket) {
    table.see_bucket(bucket, [&](const Table::Entry* first) {
      for (const auto* entry = first; entry != nullptr && message.length() == 0;
           entry = entry->next) {
        const String& name = entry->value.name;
        if (!name.empty() && same_elements(*entry->object, head)) {
          message << std::string_view(name.data(), name.size());
        }
      }
    });
  }
  return message.length() != 0;
}

template <class Append>
Message& tell_named(Message& message, const Tensor& x, Append&& append) {
  char text[256];
  Message name(text, sizeof text);
  if (!append(*x.head(), name)) return message << Described{x};
  return message << '"' << Quoted{text} << "\" (" << Described{x} << ')';
}

}  // namespace

Message& operator<<(Message& message, const Named& named) {
  return tell_named(message, named.tensor, append_name);
}

Message& operator<<(Message& message, const NamedSomewhere& named) {
  return tell_named(message, named.tensor, [](const TensorHead& head, Message& name) {
    return append_name(head, name) || append_name_of_elements(head, name);
  });
}

}  // namespace tg
