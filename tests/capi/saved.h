// SPDX-License-Identifier: MIT
// What the tests of hooks on saved tensors share: hooks that keep clones in a list and count.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "capi/hooked.h"

namespace capi {

class SavedHooks {
 public:
  struct State {
    std::map<uintptr_t, Tensor> kept;
    std::function<int32_t(tg_tensor x)> before_pack;
    std::function<int32_t(tg_tensor kept, tg_tensor* out)> unpack;  // else a tg_alias
    std::vector<Values> packed;
    uintptr_t last = 0;
    int unpacked = 0, freed = 0, ends = 0;
  };

  SavedHooks() {
    ok(tg_saved_tensor_hooks_enter(pack, unpack, free_packed, state.get(), ended, &handle_));
  }
  ~SavedHooks() {
    if (handle_ != 0) leave();
  }
  SavedHooks(const SavedHooks&) = delete;
  SavedHooks& operator=(const SavedHooks&) = delete;

  void leave() { ok(tg_saved_tensor_hooks_exit(std::exchange(handle_, 0))); }
  tg_hook handle() const { return handle_; }
  size_t packs() const { return state->packed.size(); }

  std::unique_ptr<State> state = std::make_unique<State>();

 private:
  static int32_t pack(void* self, tg_tensor x, void** packed) {
    auto* state = static_cast<State*>(self);
    if (state->before_pack) {
      if (const int32_t r = state->before_pack(x); r != 0) return r;
    }
    CHECK(tg_is_grad_enabled() == 0);
    CHECK(requires_grad(x) == 0);
    state->packed.push_back(values(x));
    state->kept[++state->last] = make(tg_clone, x);
    *packed = reinterpret_cast<void*>(state->last);
    return 0;
  }
  static int32_t unpack(void* self, void* packed, tg_tensor* out) {
    auto* state = static_cast<State*>(self);
    ++state->unpacked;
    const auto found = state->kept.find(reinterpret_cast<uintptr_t>(packed));
    REQUIRE(found != state->kept.end());
    if (state->unpack) return state->unpack(found->second, out);
    return tg_alias(found->second, out);
  }
  static void free_packed(void* self, void* packed) {
    auto* state = static_cast<State*>(self);
    ++state->freed;
    CHECK(state->kept.erase(reinterpret_cast<uintptr_t>(packed)) == 1);
  }
  static void ended(void* self) {
    auto* state = static_cast<State*>(self);
    ++state->ends;
    CHECK(state->kept.empty());
  }

  tg_hook handle_ = 0;
};

}  // namespace capi
