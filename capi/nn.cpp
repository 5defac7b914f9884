// SPDX-License-Identifier: MIT
// Modules and their state.
#include "nn/module.h"

#include "autograd/record.h"
#include "base/token.h"
#include "capi/objects.h"
#include "capi/seam.h"
#include "capi/user_calls.h"
#include "io/dict.h"
#include "ops/gradients.h"
#include "ops/ops.h"

namespace tg::capi {

namespace {

struct ModulePin {
  Pin pin;
  explicit ModulePin(tg_module handle, const char* what = "module")
      : pin(handle, Kind::module, what) {}
  ModuleRef& operator*() const { return object_of<ModuleRef>(pin); }
  Module* operator->() const { return object_of<ModuleRef>(pin).get(); }
};

template <class F>
tg_status make_module(const char* function, tg_module* out, F&& body) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    auto* box = make_object<ModuleRef>(Kind::module);  // first: a module draws numbers
    struct Guard {
      Object* box;
      ~Guard() {
        if (box != nullptr) drop_object(Kind::module, box);
      }
    } guard{box};
    box->value = body();
    guard.box = nullptr;
    *out = handle.publish(Kind::module, static_cast<Object*>(box));
  });
}

// ---- a host's function as a module ----

struct HostCall final : Deferred {
  tg_function fn;
  void* user_data;
  tg_destructor destructor;
};

// Handles that a callback set belong to the library, also where it failed.
struct CallbackOut {
  tg_tensor handle = 0;
  ~CallbackOut() {
    if (handle != 0) try_release(handle);
  }
};

Tensor call_host(const HostFunction& self, const Tensor& x) {
  const auto* call = static_cast<const HostCall*>(self.data[0]);
  NewHandle lent;
  CallbackOut input, output;
  input.handle = lent.publish(Kind::tensor, Tensor(x).give_up());
  Callback callback;
  callback.check(call->fn(call->user_data, &input.handle, 1, &output.handle, 1), "fn");
  if (output.handle == 0) {
    fail(TG_ERROR_CALLBACK, "fn returned 0 but gave no tensor; set outs[0]");
  }
  const TensorPin result(output.handle, "outs[0]");
  return *result;
}

void run_destructor(Deferred* self) noexcept {
  auto* call = static_cast<HostCall*>(self);
  if (call->destructor != nullptr)
    call_user("destructor", [&] { call->destructor(call->user_data); });
  give_back(call, sizeof(HostCall));
}

void end_host(HostFunction& self) noexcept { defer(static_cast<HostCall*>(self.data[0])); }

// ---- parameters ----

// A tensor that several children share is one parameter.
Vector<NamedTensor> distinct_parameters(const Module& module) {
  Vector<NamedTensor> all, distinct;
  module.parameters({}, all);
  for (NamedTensor& parameter : all) {
    bool known = false;
    for (const NamedTensor& other : distinct) {
      known = known || other.tensor.head() == parameter.tensor.head();
    }
    if (!known) distinct.push_back(std::move(parameter));
  }
  return distinct;
}

NamedTensor parameter_at(const Module& module, size_t index) {
  Vector<NamedTensor> list = distinct_parameters(module);
  if (index >= list.size()) {
    fail(TG_ERROR_INDEX, "index is ", index, "; the module has ", list.size(),
         " parameters, so it must be below that");
  }
  return std::move(list[index]);
}

void report_shape(String& report, const String& name, const Tensor& there, const Tensor& here) {
  char line[512];
  Message text(line, sizeof line);
  text << "shape: " << Quoted{name} << ": " << SizesText{there.sizes(), there.rank()}
       << " in the file, " << SizesText{here.sizes(), here.rank()} << " here\n";
  report.append(line);
}

struct Loading {
  Vector<NamedTensor> parameters;
  Vector<Tensor> sources;
  String report;
  size_t missing = 0, unexpected = 0, misshapen = 0;
};

Loading compare(const Module& module, const Dict& dict) {
  Loading loading;
  module.parameters({}, loading.parameters);
  for (const NamedTensor& parameter : loading.parameters) {
    Tensor source = dict.get(parameter.name);
    if (!source) {
      ++loading.missing;
      loading.report.append("missing: ").append(parameter.name).append("\n");
    } else if (!same_shape(source, parameter.tensor)) {
      ++loading.misshapen;
      report_shape(loading.report, parameter.name, source, parameter.tensor);
    }
    loading.sources.push_back(std::move(source));
  }
  for (size_t i = 0; i < dict.size(); ++i) {
    bool known = false;
    for (const NamedTensor& parameter : loading.parameters) {
      known = known || parameter.name == dict.at(i).name;
    }
    if (known) continue;
    ++loading.unexpected;
    loading.report.append("unexpected: ").append(dict.at(i).name).append("\n");
  }
  return loading;
}

// All or nothing: what could be refused is found before the first element is written.
void load(const Loading& loading, bool strict) {
  if (loading.misshapen > 0) {
    fail(TG_ERROR_SHAPE, loading.misshapen,
         " parameters have another shape; the report names them:"
         "\n",
         loading.report.c_str());
  }
  if (strict && loading.missing + loading.unexpected > 0) {
    fail(TG_ERROR_NOT_FOUND, loading.missing, " names are missing, ", loading.unexpected,
         " are unexpected; load with strict 0 to pass over them:\n", loading.report.c_str());
  }
  Vector<Tensor> converted_sources;
  for (size_t i = 0; i < loading.parameters.size(); ++i) {
    const Tensor& target = loading.parameters[i].tensor;
    Tensor source = loading.sources[i];
    ask_token();
    if (source) {
      if (target.is_inference() && !inference_mode()) {
        plan_in_place("load_state_dict", target, false);  // throws: only inference mode may
      }
      if (target.storage().is_read_only()) {
        fail(TG_ERROR_UNSUPPORTED, "parameter ", loading.parameters[i].name.c_str(),
             " is read-only memory; load into a module that owns its parameters");
      }
      // A source in the target's own memory is copied first: parameters may be swapped.
      source = make_tensor(target.dtype(), target.sizes(), target.rank());
      copy_elements(source, loading.sources[i]);
    }
    converted_sources.push_back(std::move(source));
  }
  for (size_t i = 0; i < loading.parameters.size(); ++i) {
    if (!converted_sources[i]) continue;
    loading.parameters[i].tensor.storage().raise_version();
    copy_elements(loading.parameters[i].tensor, converted_sources[i]);
    loading.parameters[i].tensor.storage().written();
  }
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_nn_linear(int64_t in_features, int64_t out_features, int32_t bias, int32_t dtype,
                       tg_module* out) {
  return make_module(__func__, out, [&] {
    return tg::make_linear(in_features, out_features, boolean(bias, "bias"), dtype_of(dtype));
  });
}
tg_status tg_nn_relu(tg_module* out) { return make_module(__func__, out, tg::make_relu); }

tg_status tg_nn_function(tg_function fn, void* user_data, tg_destructor destructor,
                         tg_module* out) {
  return make_module(__func__, out, [&] {
    check_pointer(reinterpret_cast<const void*>(fn), "fn");
    auto* call = new (tg::take(sizeof(HostCall))) HostCall{};
    call->run = run_destructor;
    call->fn = fn;
    call->user_data = user_data;
    struct Guard {  // a call that fails keeps nothing: the destructor does not run
      HostCall* call;
      ~Guard() {
        if (call != nullptr) tg::give_back(call, sizeof(HostCall));
      }
    } guard{call};
    tg::ModuleRef module = tg::make_function({call_host, end_host, {call, nullptr, nullptr}});
    guard.call = nullptr;
    call->destructor = destructor;
    return module;
  });
}

tg_status tg_nn_sequential(const tg_module* modules, size_t count, tg_module* out) {
  return make_module(__func__, out, [&] {
    if (count > 0) check_pointer(modules, "modules");
    tg::Vector<tg::ModuleRef> children;
    for (size_t i = 0; i < count; ++i) {
      char text[40];
      tg::Message name(text, sizeof text);
      name << "modules[" << i << ']';
      children.push_back(*ModulePin(modules[i], text));
    }
    return tg::make_sequential(std::move(children));
  });
}

tg_status tg_module_forward(tg_module module, tg_tensor x, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const ModulePin pinned(module);
    const TensorPin operand(x, "x");
    *out = handle.publish(pinned->forward(*operand, false));
  });
}

tg_status tg_module_train(tg_module module, int32_t training) {
  return guarded(__func__, [&] {
    const ModulePin pinned(module);
    pinned->set_training(boolean(training, "training"));
  });
}
tg_status tg_module_eval(tg_module module) {
  return guarded(__func__, [&] { ModulePin(module)->set_training(false); });
}
tg_status tg_module_is_training(tg_module module, int32_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    *out = ModulePin(module)->is_training() ? 1 : 0;
  });
}
tg_status tg_module_set_requires_grad(tg_module module, int32_t requires_grad) {
  return guarded(__func__, [&] {
    const ModulePin pinned(module);
    tg::set_requires_grad(**pinned, boolean(requires_grad, "requires_grad"));
  });
}
tg_status tg_module_zero_grad(tg_module module) {
  return guarded(__func__, [&] { tg::zero_grad(**ModulePin(module)); });
}
tg_status tg_module_parameter_count(tg_module module, size_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    *out = distinct_parameters(**ModulePin(module)).size();
  });
}
tg_status tg_module_parameter_at(tg_module module, size_t index, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    *out = handle.publish(parameter_at(**ModulePin(module), index).tensor);
  });
}
tg_status tg_module_parameter_name(tg_module module, size_t index, char* buffer, size_t capacity,
                                   size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const tg::String name = parameter_at(**ModulePin(module), index).name;
    put_text({name.data(), name.size()}, buffer, capacity, length);
  });
}

tg_status tg_module_state_dict(tg_module module, tg_dict* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const ModulePin pinned(module);
    tg::Vector<tg::NamedTensor> list;
    pinned->parameters({}, list);
    auto* box = make_object<tg::Dict>(Kind::dict);
    struct Guard {
      Object* box;
      ~Guard() {
        if (box != nullptr) drop_object(Kind::dict, box);
      }
    } guard{box};
    for (const tg::NamedTensor& parameter : list) {
      box->value.append(parameter.name, tg::detach(parameter.tensor));
    }
    guard.box = nullptr;
    *out = handle.publish(Kind::dict, static_cast<Object*>(box));
  });
}

tg_status tg_module_load_state_dict(tg_module module, tg_dict dict, int32_t strict, char* report,
                                    size_t capacity, size_t* length) {
  return guarded(__func__, [&] {
    check_text_out(report, capacity);
    const ModulePin pinned(module);
    const Pin dict_pin(dict, Kind::dict, "dict");
    const bool is_strict = boolean(strict, "strict");
    const Loading loading = compare(**pinned, object_of<tg::Dict>(dict_pin));
    put_text({loading.report.data(), loading.report.size()}, report, capacity, length);
    load(loading, is_strict);
  });
}
