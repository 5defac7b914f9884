// SPDX-License-Identifier: MIT
#include "autograd/saved_hooks.h"

#include "autograd/engine.h"
#include "autograd/modes.h"
#include "autograd/node_extras.h"
#include "autograd/sites.h"

namespace tg {

namespace {

// A thread that ends leaves what it entered.
void leave_at_end(ThreadRecord&) noexcept { leave_saved_hooks_until(nullptr); }

}  // namespace

bool SavedTensorHooks::replay(const char*, std::span<Tensor>) { return false; }
void SavedTensorHooks::keep(const char*, std::span<const Tensor>) {}

// ---- the stack ----

SavedTensorHooks* saved_hooks() noexcept {
  const ThreadRecord* mine = record;
  return mine != nullptr ? static_cast<SavedTensorHooks*>(mine->saved_hooks) : nullptr;
}

void enter_saved_hooks(SavedTensorHooks& hooks) {
  ThreadRecord& mine = thread_record();
  hooks.outer_ = static_cast<SavedTensorHooks*>(mine.saved_hooks);
  hooks.callbacks_ = mine.callbacks;
  hooks.share();
  hooks.entered_.store(true, std::memory_order_release);
  mine.saved_hooks = &hooks;
  mine.leave_saved_hooks = leave_at_end;
  update_watched();
}

bool may_leave_saved_hooks(const SavedTensorHooks& hooks) noexcept {
  return saved_hooks() == &hooks && hooks.callbacks_ == record->callbacks;
}

void leave_saved_hooks() noexcept {
  SavedTensorHooks* innermost = saved_hooks();
  record->saved_hooks = innermost->outer_;
  innermost->outer_ = nullptr;
  innermost->entered_.store(false, std::memory_order_release);
  update_watched();
  innermost->let_go();
}

bool leave_saved_hooks_until(const void* outer) noexcept {
  bool any = false;
  for (; saved_hooks() != outer && saved_hooks() != nullptr; any = true) leave_saved_hooks();
  return any;
}

OtherSavedHooks::OtherSavedHooks(SavedTensorHooks* hooks)
    : before_(std::exchange(thread_record().saved_hooks, hooks)), word_(state) {
  update_watched();
}
OtherSavedHooks::~OtherSavedHooks() {
  record->saved_hooks = before_;
  state = word_;
}

// ---- what hooks gave ----

namespace {

// Of a saved input; a result has none yet, and a rule's own tensor none that is known.
Edge past_of(Node& node, const Saved& saved) {
  const uint32_t which = saved.source();
  if (which < kSavedExtra) return node.inputs()[which];
  return saved.is_output() || which < kUserInputs ? Edge() : node.inputs()[which - kUserInputs];
}

}  // namespace

Packed::Packed(SavedTensorHooks* hooks, const Tensor& x, Edge past)
    : version_(x.storage().version.load(std::memory_order_relaxed)),
      meta_{x.dtype(), x.shape()},
      birth_(birth_here()) {
  if (hooks == nullptr) {
    held_ = second_head(x);
    return;
  }
  const OtherSavedHooks none(nullptr);
  value_ = hooks->pack(second_head(x), past);
  if (x.storage().version.load(std::memory_order_relaxed) != version_) {
    hooks->free_packed(value_);
    fail(TG_ERROR_CALLBACK, "pack changed ", Named{x},
         ", which it was handed, in place; tg_clone it and change the clone");
  }
  hooks->share();
  hooks_ = hooks;
}

Packed::~Packed() {
  if (hooks_ == nullptr) return;
  hooks_->free_packed(value_);
  hooks_->let_go();
}

void Packed::swap(Packed& other) noexcept {
  std::swap(hooks_, other.hooks_);
  std::swap(value_, other.value_);
  std::swap(held_, other.held_);
  std::swap(version_, other.version_);
  std::swap(meta_, other.meta_);
  std::swap(birth_, other.birth_);
}

Tensor Packed::unpack(const char* op) const {
  if (hooks_ == nullptr) {
    const uint32_t found = held_.storage().version.load(std::memory_order_relaxed);
    if (found != version_) fail_version(op, held_, version_, found, birth_);
    return held_;
  }
  Tensor x;
  {
    const OtherSavedHooks none(nullptr);
    x = hooks_->unpack(value_);
  }
  if (x.is_inference()) {
    fail(
        TG_ERROR_MODE, "unpack gave ", Named{x}, " for a tensor that ", op,
        " saved: an inference tensor cannot enter a backward pass; make it outside inference mode");
  }
  if (x.dtype() != meta_.dtype || !(x.shape() == meta_.shape)) {
    fail(x.dtype() != meta_.dtype ? TG_ERROR_DTYPE : TG_ERROR_SHAPE, "unpack gave ", Named{x},
         " for a tensor that ", op, " saved as ", meta_.dtype, meta_.shape,
         "; give what pack was handed");
  }
  return x;
}

void note_node(Node& node, const Tensor& result) {
  NodeExtra extra;
  extra.birth = birth_here();
  SavedTensorHooks* hooks = saved_hooks();
  if (hooks != nullptr && node.saved_n != 0) {
    extra.packed.reserve(node.saved_n);
    for (const Saved& saved : node.saved()) {
      const bool scratch = saved.is_output() && result;
      extra.packed.emplace_back(hooks, scratch ? result : saved.tensor, past_of(node, saved));
    }
  }
  if (extra.birth.site == 0 && extra.packed.empty()) return;
  const bool packs = !extra.packed.empty();
  put_extra(node, extra);
  if (!packs) return;
  for (Saved& saved : node.saved()) {
    drop_saved(node, saved);
    saved.which |= kPackedAway;
  }
}

}  // namespace tg
