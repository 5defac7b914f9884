// SPDX-License-Identifier: MIT
// What stands behind handles of generators, dicts, modules and optimizers: a counted box around the
// library's own object.
#pragma once

#include "capi/handles.h"
#include "ops/random.h"

namespace tg::capi {

template <class T>
struct Box final : Object {
  T value;
  template <class... Arguments>
  explicit Box(Kind kind, Arguments&&... arguments)
      : Object(kind), value(std::forward<Arguments>(arguments)...) {}
  void destroy() noexcept override {
    this->~Box();
    give_back(this, sizeof(Box));
  }
};

template <class T, class... Arguments>
Box<T>* make_object(Kind kind, Arguments&&... arguments) {
  void* memory = take(sizeof(Box<T>));
  struct Guard {
    void* memory;
    ~Guard() {
      if (memory != nullptr) give_back(memory, sizeof(Box<T>));
    }
  } guard{memory};
  auto* box = new (memory) Box<T>(kind, std::forward<Arguments>(arguments)...);
  guard.memory = nullptr;
  return box;
}

template <class T>
T& object_of(const Pin& pin) {
  return static_cast<Box<T>*>(static_cast<Object*>(pin.object()))->value;
}

// A generator argument: 0 is the default one.
class GeneratorPin {
 public:
  explicit GeneratorPin(tg_generator handle) {
    if (handle == 0) {
      generator_ = &default_generator();
      return;
    }
    Pin pin(handle, Kind::generator, "generator");
    generator_ = &object_of<Generator>(pin);
    slot_ = pin.keep();
  }
  ~GeneratorPin() {
    if (slot_ != nullptr) unpin(slot_);
  }
  GeneratorPin(const GeneratorPin&) = delete;
  GeneratorPin& operator=(const GeneratorPin&) = delete;
  Generator& operator*() const { return *generator_; }
  Generator* operator->() const { return generator_; }

 private:
  Generator* generator_ = nullptr;
  Slot* slot_ = nullptr;
};

}  // namespace tg::capi
