// SPDX-License-Identifier: MIT
// Callbacks of users that a backward runs (modes.md 7). All hang on nodes: those of a tensor on the
// node that made it and the number of the output, those of a leaf on its accumulator. A node with
// hooks is marked, so that the others cost nothing. Hooks keep neither nodes nor tensors.
#pragma once

#include <span>

#include "autograd/node.h"

namespace tg {

enum class HookKind : uint8_t {
  gradient,     // of a tensor
  accumulated,  // of a leaf, after its .grad was written
  before,       // of a node
  after,
};

// Counted: by its owner, and by each pass that is about to run it.
class Hook {
 public:
  explicit Hook(HookKind kind) : kind_(kind) {}
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  HookKind kind() const { return kind_; }
  void share() noexcept { count_up(refs_); }
  void let_go() noexcept {
    if (was_last(refs_)) end();
  }

  // gradient, accumulated: the hooked tensor (null if it is gone) and the gradient, which may be
  // null for `accumulated`. Gives what takes the gradient's place; null keeps it.
  virtual Tensor see_gradient(const Tensor& tensor, const Tensor& grad) = 0;
  // before (no inputs) and after: null tensors where no gradient is; what is put into `replaced`
  // takes the place of the outputs' gradients, or of the inputs'.
  virtual void see_node(Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                        std::span<Tensor> replaced) = 0;

 protected:
  ~Hook() = default;

 private:
  friend struct HookTable;
  friend class Hooks;
  virtual void end() noexcept = 0;     // nobody counts it any more
  virtual void expire() noexcept = 0;  // nothing can run it any more; ends the count of the caller

  std::atomic<uint32_t> refs_{1};
  const HookKind kind_;
  uint32_t born_ = 0;           // the pass that had begun last: it runs in later ones
  uint32_t output_ = 0;         // gradient: whose
  Node* node_ = nullptr;        // null: the node is gone, or the leaf gave its accumulator up
  TensorHead* head_ = nullptr;  // gradient, accumulated: the tensor; null: it is gone
  Hook* next_of_node_ = nullptr;
  Hook* next_of_head_ = nullptr;
};

// ---- hanging on and taking away ----

void hook_tensor(const Tensor& x, Hook& hook);
void hook_node(Node& node, Hook& hook) noexcept;
void unhook(Hook& hook) noexcept;
uint32_t leaf_hooks() noexcept;  // hooks on leaves, in the whole process

void forget_hooks(Node& node) noexcept;  // the node ends
// detach in place: a leaf's hooks wait until it is a leaf again; those of other tensors stay with
// their node.
void part_from_hooks(TensorHead& head, bool was_leaf) noexcept;
void resume_hooks(TensorHead& head, Accumulator& accumulator) noexcept;

// ---- running ----

// Who is handed a gradient by a pass may read it, and keep it, but not write it (H15): other
// gradients, or the caller's own tensors, may lie in the same memory.
class LentGradient {
 public:
  explicit LentGradient(const Tensor& grad) : storage_(grad ? &grad.storage() : nullptr) {
    if (storage_ == nullptr) return;
    const uint64_t before = storage_->extent.fetch_or(Storage::kLent, std::memory_order_relaxed);
    if ((before & Storage::kLent) != 0) storage_ = nullptr;  // somebody has it already, and ends it
  }
  ~LentGradient() {
    if (storage_ != nullptr) storage_->extent.fetch_and(~Storage::kLent, std::memory_order_relaxed);
  }
  LentGradient(LentGradient&& other) noexcept : storage_(std::exchange(other.storage_, nullptr)) {}
  LentGradient& operator=(LentGradient&&) = delete;

 private:
  Storage* storage_;
};

struct HookPass {
  uint32_t id;
  bool create_graph;
};

// The hooks of one list as they are now: one that is taken away meanwhile still runs (H21).
class Hooks {
 public:
  Hooks(const Node& node, HookKind kind, uint32_t output, HookPass pass);
  ~Hooks();
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;
  bool empty() const { return list_.empty(); }
  std::span<Hook* const> list() const { return list_; }

 private:
  Vector<Hook*> list_;
};

// The tensor that a hook was registered on; null if it is gone.
Tensor hooked_tensor(const Hook& hook) noexcept;

// Each may put other gradients in the place of those that it is given.
void run_gradient_hooks(Node& node, uint32_t output, Tensor& grad, HookPass pass);
void run_hooks_before(Node& node, const char* name, std::span<Tensor> outputs, HookPass pass);
void run_hooks_after(const Hooks& hooks, Node& node, const char* name, std::span<Tensor> inputs,
                     std::span<Tensor> outputs, HookPass pass);

}  // namespace tg
