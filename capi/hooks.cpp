// SPDX-License-Identifier: MIT
// Hooks: callbacks of users on gradients and nodes, which backward runs.
#include "autograd/hooks.h"

#include "autograd/graph.h"
#include "autograd/record.h"
#include "capi/lent.h"
#include "capi/user_calls.h"

namespace tg::capi {

namespace {

// One owner: the handle. When that ends the hook is taken away; its destructor runs when no pass is
// about to run it any more. It runs before that where nothing is left that could run the hook.
struct HookObject final : Object, Hook, UserData<HookObject> {
  tg_tensor_hook_fn tensor_fn = nullptr;
  tg_node_hook_fn node_fn = nullptr;

  HookObject(HookKind kind, void* data, tg_destructor end)
      : Object(Kind::hook), Hook(kind), UserData(data, end) {}

  void destroy() noexcept override {
    unhook(*this);
    Hook::let_go();
  }
  void end() noexcept override { end_data(); }
  void expire() noexcept override {
    if (destructor == nullptr) return Hook::let_go();
    Deferred::run = finish_early;
    defer(this);
  }
  static void finish_early(Deferred* self) noexcept {
    auto* hook = static_cast<HookObject*>(self);
    const tg_destructor end_of_data = std::exchange(hook->destructor, nullptr);
    call_user("destructor", [&] { end_of_data(hook->user_data); });
    hook->Hook::let_go();
  }
  Tensor see_gradient(const Tensor& tensor, const Tensor& grad) override {
    const LentHandle its(tensor), its_grad(grad);
    GivenHandles out(1);
    {
      Callback callback;
      callback.check(tensor_fn(user_data, its, its_grad, out.places()), who(tensor).text);
    }
    if (out[0] == 0) return {};
    if (Hook::kind() == HookKind::accumulated) {
      fail(TG_ERROR_INVALID_ARGUMENT,
           "a post-accumulate-grad hook gave a gradient, and .grad is written already; leave *out "
           "0 and change .grad itself, or use tg_tensor_hook");
    }
    const TensorPin given(out[0], "*out of the hook");
    return *given;
  }

  struct Text {
    char text[400];
  };
  Text who(const Tensor& tensor) const {
    Text made;
    Message message(made.text, sizeof made.text);
    message << (Hook::kind() == HookKind::accumulated ? "the post-accumulate-grad hook"
                                                      : "the hook");
    tensor ? message << " of " << Named{tensor} : message << " of a tensor that is gone";
    return made;
  }
  static Text who(Node& node, bool after) {
    Text made;
    Message message(made.text, sizeof made.text);
    append_node_name(node, operator_of, message << "the hook " << (after ? "after " : "before "));
    return made;
  }

  void see_node(Node& node, std::span<const Tensor> inputs, std::span<const Tensor> outputs,
                std::span<Tensor> replaced) override {
    const LentHandle its(node);
    const LentHandles lent_inputs(inputs), lent_outputs(outputs);
    GivenHandles out(replaced.size());
    {
      Callback callback;
      const bool after = Hook::kind() == HookKind::after;
      callback.check(node_fn(user_data, its, after ? lent_inputs.data() : nullptr, inputs.size(),
                             lent_outputs.data(), outputs.size(), out.places()),
                     who(node, after).text);
    }
    for (size_t i = 0; i < replaced.size(); ++i) {
      if (out[i] == 0) continue;
      const TensorPin given(out[i], "an item of replaced of the hook");
      replaced[i] = *given;
    }
  }
};

HookObject* make_hook(HookKind kind, void* user_data, tg_destructor destructor) {
  return new (take(sizeof(HookObject))) HookObject(kind, user_data, destructor);
}

// register: hangs the hook on something, or throws; then nothing of it is kept.
template <class Register>
tg_hook publish_hook(HookObject* hook, Register&& hang) {
  struct Guard {
    HookObject* hook;
    ~Guard() {
      if (hook == nullptr) return;
      hook->destructor = nullptr;  // a call that fails keeps nothing
      hook->destroy();
    }
  } guard{hook};
  NewHandle handle;
  hang();
  guard.hook = nullptr;
  return handle.publish(Kind::hook, static_cast<Object*>(hook));
}

void check_hooked(const Tensor& x) {
  if (!x.is_inference()) return;
  fail_operand(TG_ERROR_MODE, 0, Named{x},
               " is an inference tensor and gets no gradient; tg_clone it outside inference mode, "
               "or make it outside inference mode");
}

[[noreturn, gnu::cold]] void fail_needs_no_grad(const Tensor& x) {
  fail_operand(TG_ERROR_AUTOGRAD, 0, Named{x},
               " does not require grad, so that no gradient ever comes to it; call "
               "tg_tensor_set_requires_grad on it, or on the tensors it is computed from");
}

tg_hook hook_on_tensor(const Tensor& x, HookKind kind, tg_tensor_hook_fn fn, void* user_data,
                       tg_destructor destructor) {
  HookObject* hook = make_hook(kind, user_data, destructor);
  hook->tensor_fn = fn;
  return publish_hook(hook, [&] { hook_tensor(x, *hook); });
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_tensor_hook(tg_tensor x, tg_tensor_hook_fn fn, void* user_data,
                         tg_destructor destructor, tg_hook* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    const TensorPin tensor(x, "x");
    if (fn == nullptr) fail_null("fn");
    check_hooked(tensor);
    if (tensor->is_view()) tg::use_history("tensor_hook", tensor);
    if (!tg::requires_grad(tensor)) fail_needs_no_grad(tensor);
    *out = hook_on_tensor(tensor, tg::HookKind::gradient, fn, user_data, destructor);
  });
}

tg_status tg_post_accumulate_grad_hook(tg_tensor leaf, tg_tensor_hook_fn fn, void* user_data,
                                       tg_destructor destructor, tg_hook* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    const TensorPin tensor(leaf, "leaf");
    if (fn == nullptr) fail_null("fn");
    check_hooked(tensor);
    if (!tg::requires_grad(tensor)) fail_needs_no_grad(tensor);
    if (!tg::is_leaf(*tensor->head())) {
      tg::fail_operand(TG_ERROR_AUTOGRAD, 0, tg::Named{*tensor},
                       " is no leaf, and backward gives .grad to leaves alone; use tg_tensor_hook, "
                       "which sees the gradient of any tensor");
    }
    *out = hook_on_tensor(tensor, tg::HookKind::accumulated, fn, user_data, destructor);
  });
}

tg_status tg_node_hook(tg_node node, int32_t when, tg_node_hook_fn fn, void* user_data,
                       tg_destructor destructor, tg_hook* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    const Pin pin(node, Kind::node, "node");
    if (fn == nullptr) fail_null("fn");
    if (when != TG_BEFORE && when != TG_AFTER) {
      tg::fail(TG_ERROR_INVALID_ARGUMENT, "when is ", when, "; give TG_BEFORE (0) or TG_AFTER (1)");
    }
    const auto kind = when == TG_BEFORE ? tg::HookKind::before : tg::HookKind::after;
    HookObject* hook = make_hook(kind, user_data, destructor);
    hook->node_fn = fn;
    *out = publish_hook(hook, [&] { tg::hook_node(*static_cast<tg::Node*>(pin.object()), *hook); });
  });
}
