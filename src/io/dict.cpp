// SPDX-License-Identifier: MIT
#include "io/dict.h"

namespace tg {

void Dict::set(std::string_view name, Tensor tensor) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (std::string_view(entries_[i].name) != name) continue;
    if (tensor) {
      entries_[i].tensor = std::move(tensor);
    } else {
      entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(i));
    }
    return;
  }
  if (tensor) append(name, std::move(tensor));
}

void Dict::append(std::string_view name, Tensor tensor) {
  entries_.push_back({String(name), std::move(tensor)});
}

Tensor Dict::get(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (std::string_view(entry.name) == name) return entry.tensor;
  }
  return {};
}

void Dict::set_metadata(std::string_view key, const char* value) {
  for (size_t i = 0; i < metadata_.size(); ++i) {
    if (std::string_view(metadata_[i].key) != key) continue;
    if (value != nullptr) {
      metadata_[i].value = value;
    } else {
      metadata_.erase(metadata_.begin() + static_cast<ptrdiff_t>(i));
    }
    return;
  }
  if (value != nullptr) metadata_.push_back({String(key), String(value)});
}

void Dict::append_metadata(std::string_view key, std::string_view value) {
  metadata_.push_back({String(key), String(value)});
}

const String* Dict::metadata(std::string_view key) const {
  for (const Text& text : metadata_) {
    if (std::string_view(text.key) == key) return &text.value;
  }
  return nullptr;
}

}  // namespace tg
