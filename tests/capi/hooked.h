// SPDX-License-Identifier: MIT
// What the tests of hooks share: hooks that run a function of the case and count their life.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "capi/tensors.h"

namespace capi {

// A hook with its handle; `runs` in it as a function, and everything about its life is counted.
class Hook {
 public:
  using See = std::function<int32_t(tg_tensor x, tg_tensor grad, tg_tensor* out)>;
  using SeeNode = std::function<int32_t(tg_node node, const std::vector<tg_tensor>* inputs,
                                        const std::vector<tg_tensor>& outputs, tg_tensor* out)>;
  struct State {
    See see;
    SeeNode see_node;
    int runs = 0, ends = 0;
    Values last;
    std::thread::id thread;
  };

  static Hook on(tg_tensor x, See see = {}) {
    Hook hook;
    hook.state->see = std::move(see);
    ok(tg_tensor_hook(x, on_tensor, hook.state.get(), ended, hook.handle.out()));
    return hook;
  }
  static Hook accumulated(tg_tensor x, See see = {}) {
    Hook hook;
    hook.state->see = std::move(see);
    ok(tg_post_accumulate_grad_hook(x, on_tensor, hook.state.get(), ended, hook.handle.out()));
    return hook;
  }
  static Hook node(tg_node node, int32_t when, SeeNode see = {}) {
    Hook hook;
    hook.state->see_node = std::move(see);
    ok(tg_node_hook(node, when, on_node, hook.state.get(), ended, hook.handle.out()));
    return hook;
  }
  int runs() const { return state->runs; }
  int ends() const { return state->ends; }
  const Values& last() const { return state->last; }  // the gradient of the last run

  std::unique_ptr<State> state = std::make_unique<State>();
  Handle handle;  // ends before the state

 private:
  static int32_t on_tensor(void* self, tg_tensor x, tg_tensor grad, tg_tensor* out) {
    auto* state = static_cast<State*>(self);
    ++state->runs;
    state->thread = std::this_thread::get_id();
    state->last = grad != 0 ? values(grad) : Values{};
    CHECK(*out == 0);
    return state->see ? state->see(x, grad, out) : 0;
  }
  static int32_t on_node(void* self, tg_node node, const tg_tensor* inputs, size_t input_count,
                         const tg_tensor* outputs, size_t output_count, tg_tensor* replaced) {
    auto* state = static_cast<State*>(self);
    ++state->runs;
    const std::vector<tg_tensor> in(inputs, inputs + (inputs != nullptr ? input_count : 0));
    const std::vector<tg_tensor> out(outputs, outputs + output_count);
    if (!out.empty() && out[0] != 0) state->last = values(out[0]);
    if (!state->see_node) return 0;
    return state->see_node(node, inputs != nullptr ? &in : nullptr, out, replaced);
  }
  static void ended(void* self) { ++static_cast<State*>(self)->ends; }
};

// What hooks often do.
inline Hook::See times(double factor) {
  return
      [=](tg_tensor, tg_tensor grad, tg_tensor* out) { return tg_mul_scalar(grad, factor, out); };
}
inline Hook::See notes(std::string& log, char letter) {
  return [&log, letter](tg_tensor, tg_tensor, tg_tensor*) {
    log += letter;
    return 0;
  };
}
inline Hook::SeeNode notes_node(std::string& log, char letter) {
  return [&log, letter](tg_node, const std::vector<tg_tensor>*, const std::vector<tg_tensor>&,
                        tg_tensor*) {
    log += letter;
    return 0;
  };
}

inline Values gradient(tg_tensor root, tg_tensor input, uint32_t flags = 0) {
  const tg_tensor roots[] = {root}, inputs[] = {input};
  Tensor out;
  ok(tg_grad(roots, nullptr, 1, inputs, 1, flags, out.out()));
  return values(out);
}
inline Handle input_node(tg_node node, size_t index) {
  tg_node inputs[8] = {};
  size_t count = 0;
  ok(tg_node_inputs(node, inputs, 8, &count));
  REQUIRE(index < count);
  Handle wanted;
  for (size_t i = 0; i < count; ++i) {
    Handle each(inputs[i]);
    if (i == index) wanted = std::move(each);
  }
  return wanted;
}

// No handle is left of what a case made.
struct NoLeak {
  uint64_t live = tg_live_handles();
  ~NoLeak() { CHECK(tg_live_handles() == live); }
};

}  // namespace capi
