// SPDX-License-Identifier: MIT
// Operators that users made at run time: the part of ops/run.h that they share. Their nodes keep
// the operator itself, the inputs' shapes, and what its backward reads of inputs and results.
#pragma once

#include <span>

#include "autograd/record.h"
#include "ops/run.h"

struct tg_value;

namespace tg {

inline constexpr int kMaxUserMask = 30;  // inputs, or results, that a mask can tell

// What tg_operator_apply calls.
class CallableOperator : public UserOperator {
 public:
  virtual void apply(Operands inputs, std::span<const tg_value> arguments,
                     std::span<Tensor> outs) = 0;

 protected:
  ~CallableOperator() = default;
};

// A counted pointer: to an operator, or to what operators share.
template <class T>
class Counted {
 public:
  Counted() = default;
  explicit Counted(T* object) noexcept : object_(object) {}  // takes the count over
  Counted(Counted&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Counted& operator=(Counted&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Counted() {
    if (object_ != nullptr) object_->let_go();
  }
  T* get() const { return object_; }
  T* give_up() { return std::exchange(object_, nullptr); }
  T& operator*() const { return *object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

template <class T, class... Arguments>
T* make_counted(Arguments&&... arguments) {
  void* memory = take(sizeof(T));
  struct Guard {
    void* memory;
    ~Guard() {
      if (memory != nullptr) give_back(memory, sizeof(T));
    }
  } guard{memory};
  T* made = new (memory) T(std::forward<Arguments>(arguments)...);
  guard.memory = nullptr;
  return made;
}

// The rules of modes.md 3. Bit i: the call may record, and input i requires grad. saved: the inputs
// that backward reads.
uint32_t plan_user(const char* op, Operands inputs, SaveMask saved);

struct UserRecording {
  UserOperator& op;
  uint32_t wanted;            // inputs that require grad
  SaveMask inputs, outputs;   // that backward reads
  size_t argument_bytes = 0;  // behind the operator: user_arguments
};
Node* reserve_user_node(const UserRecording& recording, Operands inputs,
                        std::span<const Tensor> outs);
inline std::byte* user_arguments(Node& node) { return node.arguments() + sizeof(UserOperator*); }
// Bit j of differentiable: result j requires grad from now on. There is at least one.
void link_user(Node* node, std::span<const Tensor> outs, uint32_t differentiable) noexcept;

}  // namespace tg
