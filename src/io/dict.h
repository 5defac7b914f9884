// SPDX-License-Identifier: MIT
// An ordered map from text to tensor, with metadata from text to text: state dicts and the content
// of safetensors files. Entries keep their place when their tensor changes.
#pragma once

#include <string_view>

#include "base/lock.h"
#include "core/tensor.h"

namespace tg {

class Dict {
 public:
  struct Entry {
    String name;
    Tensor tensor;
  };
  struct Text {
    String key, value;
  };

  void set(std::string_view name, Tensor tensor);     // a null tensor takes the name away
  void append(std::string_view name, Tensor tensor);  // the name is known to be new
  Tensor get(std::string_view name) const;            // null: no such name
  size_t size() const { return entries_.size(); }
  const Entry& at(size_t i) const { return entries_[i]; }
  void append_metadata(std::string_view key, std::string_view value);  // the key is new
  void set_metadata(std::string_view key, const char* value);          // null takes the key away
  const String* metadata(std::string_view key) const;
  const Vector<Text>& all_metadata() const { return metadata_; }

 private:
  Vector<Entry> entries_;
  Vector<Text> metadata_;
};

}  // namespace tg
