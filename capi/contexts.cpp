// SPDX-License-Identifier: MIT
// The functions that a callback of a user's operator calls with its context.
#include "capi/contexts.h"

#include "capi/seam.h"
#include "capi/user_calls.h"

namespace tg::capi {

LentContext::LentContext(CustomCall* call, CustomReplay* replay) {
  NewHandle handle;
  auto* box = make_object<Context>(Kind::context, Context{call, replay, &thread_record()});
  handle_ = handle.publish(Kind::context, static_cast<Object*>(box));
}
LentContext::~LentContext() { end_handle(handle_); }

namespace {

class ContextPin {
 public:
  explicit ContextPin(tg_context handle) : pin_(handle, Kind::context, "context") {}
  // What the run is: behind the checks of the other arguments.
  Context& operator*() const {
    auto& context = object_of<Context>(pin_);
    if (context.thread != record) {
      fail(TG_ERROR_MODE,
           "context belongs to a callback that runs on another thread; use it on that thread");
    }
    return context;
  }
  CustomCall& forward() const {
    Context& context = **this;
    if (context.call == nullptr) {
      fail(TG_ERROR_MODE, "context is that of a backward or jvp; call this in forward");
    }
    return *context.call;
  }
  CustomReplay& replay() const {
    Context& context = **this;
    if (context.replay == nullptr) {
      fail(TG_ERROR_MODE,
           "context is that of a forward, which has saved nothing yet; call this in "
           "backward");
    }
    return *context.replay;
  }
  Attachment& data() const {
    Context& context = **this;
    return context.call != nullptr ? context.call->data : context.replay->data();
  }

 private:
  Pin pin_;
};

void check_index(const char* what, size_t index, size_t count, const char* of) {
  if (index < count) return;
  fail(TG_ERROR_INDEX, what, " is ", index, "; there are ", count, ' ', of,
       ", so it must be below that");
}

// What tg_context_set_data gave.
struct ContextData final : Deferred {
  void* data;
  tg_destructor destructor;
};
void end_data(Deferred* self) noexcept {
  auto* its = static_cast<ContextData*>(self);
  if (its->destructor != nullptr) call_user("destructor", [&] { its->destructor(its->data); });
  give_back(its, sizeof(ContextData));
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_context_save_for_backward(tg_context context, const tg_tensor* tensors, size_t count) {
  return guarded(__func__, [&] {
    const ContextPin pinned(context);
    const TensorPins saved(tensors, count, "tensors");
    pinned.forward().save(saved.tensors());
  });
}

tg_status tg_context_saved_tensor(tg_context context, size_t index, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const ContextPin pinned(context);
    const tg::CustomReplay& replay = pinned.replay();
    check_index("index", index, replay.saved_count(), "saved tensors");
    *out = handle.publish(tg::Tensor(replay.saved(index)));
  });
}

tg_status tg_context_set_data(tg_context context, void* data, tg_destructor destructor) {
  return guarded(__func__, [&] {
    const ContextPin pinned(context);
    tg::Attachment& place = pinned.data();
    auto* fresh = new (tg::take(sizeof(ContextData))) ContextData{};
    fresh->run = end_data;
    fresh->data = data;
    fresh->destructor = destructor;
    place.put(fresh);
  });
}

tg_status tg_context_data(tg_context context, void** out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const ContextPin pinned(context);
    const tg::Deferred* held = pinned.data().get();
    *out = held != nullptr ? static_cast<const ContextData*>(held)->data : nullptr;
  });
}

tg_status tg_context_needs_input_grad(tg_context context, size_t input, int32_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    const ContextPin pinned(context);
    const Context& its = *pinned;
    check_index("input", input,
                its.call != nullptr ? its.call->inputs().size() : its.replay->inputs(), "inputs");
    *out = (its.call != nullptr ? its.call->wants(input) : its.replay->wants(input)) ? 1 : 0;
  });
}

tg_status tg_context_mark_dirty(tg_context context, size_t input) {
  return guarded(__func__, [&] {
    const ContextPin pinned(context);
    tg::CustomCall& call = pinned.forward();
    check_index("input", input, call.inputs().size(), "inputs");
    call.mark_dirty(input);
  });
}

tg_status tg_context_mark_non_differentiable(tg_context context, size_t out_index) {
  return guarded(__func__, [&] {
    const ContextPin pinned(context);
    tg::CustomCall& call = pinned.forward();
    check_index("out_index", out_index, call.results(), "results");
    call.mark_non_differentiable(out_index);
  });
}
