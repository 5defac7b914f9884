// SPDX-License-Identifier: MIT
// Hooks on saved tensors (modes.md H14): what a node saves goes to `pack`, which keeps it as it
// likes, and comes back from `unpack` when the node's rule reads it. A checkpoint is such a pair
// too (ops/checkpoint.h). Nodes whose tensors were packed are marked, so that others cost nothing.
#pragma once

#include "autograd/node.h"
#include "autograd/sites.h"

namespace tg {

// Counted: by the thread that entered it, and by each tensor that it packed.
class SavedTensorHooks {
 public:
  SavedTensorHooks() = default;
  SavedTensorHooks(const SavedTensorHooks&) = delete;
  SavedTensorHooks& operator=(const SavedTensorHooks&) = delete;

  void share() noexcept { count_up(refs_); }
  void let_go() noexcept {
    if (was_last(refs_)) end();
  }

  // x has no past; the one that it stands for has that which is said, where it is known. What is
  // given stands for it until free_packed.
  virtual void* pack(const Tensor& x, Edge past) = 0;
  virtual Tensor unpack(void* packed) = 0;
  virtual void free_packed(void* packed) noexcept = 0;

  SavedTensorHooks* outer() const noexcept { return outer_; }  // while they are entered
  bool is_entered() const noexcept { return entered_.load(std::memory_order_acquire); }

  // Of a checkpoint: an operator of the caller's that is never run twice (TG_OPERATOR_ORDERED) is
  // called inside. true: it ran before, and outs are what it gave then.
  virtual bool replay(const char* op, std::span<Tensor> outs);
  virtual void keep(const char* op, std::span<const Tensor> outs);
  virtual bool is_checkpoint() const { return false; }

 protected:
  ~SavedTensorHooks() = default;

 private:
  friend void enter_saved_hooks(SavedTensorHooks& hooks);
  friend bool may_leave_saved_hooks(const SavedTensorHooks& hooks) noexcept;
  friend void leave_saved_hooks() noexcept;
  virtual void end() noexcept = 0;  // nobody counts it any more

  std::atomic<uint32_t> refs_{1};
  SavedTensorHooks* outer_ = nullptr;
  uint32_t callbacks_ = 0;  // how deep in callbacks it was entered
  std::atomic<bool> entered_{false};
};

// ---- this thread's stack ----

SavedTensorHooks* saved_hooks() noexcept;  // the innermost; null: none
void enter_saved_hooks(SavedTensorHooks& hooks);
// Whether they are the innermost here, and were entered in the callback that runs now.
bool may_leave_saved_hooks(const SavedTensorHooks& hooks) noexcept;
void leave_saved_hooks() noexcept;
// Leaves those that were entered since `outer` was the innermost. false: there were none.
bool leave_saved_hooks_until(const void* outer) noexcept;

// Others in place of the thread's stack, or none.
class OtherSavedHooks {
 public:
  explicit OtherSavedHooks(SavedTensorHooks* hooks);
  ~OtherSavedHooks();
  OtherSavedHooks(const OtherSavedHooks&) = delete;
  OtherSavedHooks& operator=(const OtherSavedHooks&) = delete;

 private:
  void* before_;
  uint64_t word_;
};

// ---- what they gave ----

// A tensor in the care of hooks; where there are none it is held itself.
class Packed {
 public:
  Packed() = default;
  // Throws what pack throws; then nothing is kept.
  Packed(SavedTensorHooks* hooks, const Tensor& x, Edge past = Edge());
  Packed(Packed&& other) noexcept { swap(other); }
  Packed& operator=(Packed&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Packed();

  // `op` saved it. Throws where hooks give a tensor of another dtype or shape, or an inference
  // tensor; where it is held, if it was changed since.
  Tensor unpack(const char* op) const;

 private:
  void swap(Packed& other) noexcept;

  SavedTensorHooks* hooks_ = nullptr;
  void* value_ = nullptr;
  Tensor held_;
  uint32_t version_ = 0;
  Meta meta_{};
  Birth birth_;
};

// Gives what the node saved to the thread's innermost hooks, and writes down the thread's site.
// The node's result is not seen by anyone yet. result: the elements of what it saves of its result,
// where that is not written yet; else null. Throws where a hook fails; then the node has kept all
// that it saved.
void note_node(Node& node, const Tensor& result = Tensor());

}  // namespace tg
