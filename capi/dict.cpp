// SPDX-License-Identifier: MIT
// Dictionaries, and files of tensors.
#include "io/dict.h"

#include "capi/objects.h"
#include "capi/seam.h"
#include "io/npy.h"
#include "io/npz.h"
#include "io/safetensors.h"

namespace tg::capi {

namespace {

struct DictPin {
  Pin pin;
  explicit DictPin(tg_dict handle) : pin(handle, Kind::dict, "dict") {}
  Dict& operator*() const { return object_of<Dict>(pin); }
  Dict* operator->() const { return &object_of<Dict>(pin); }
};

template <class F>
tg_status make_dict(const char* function, tg_dict* out, F&& body) {
  return guarded(function, [&] {
    clear_out(out, "out");
    NewHandle handle;
    auto* box = make_object<Dict>(Kind::dict, body());
    *out = handle.publish(Kind::dict, static_cast<Object*>(box));
  });
}

}  // namespace

}  // namespace tg::capi

using namespace tg::capi;

tg_status tg_dict_create(tg_dict* out) {
  return make_dict(__func__, out, [] { return tg::Dict(); });
}
tg_status tg_dict_set(tg_dict dict, const char* name, tg_tensor x) {
  return guarded(__func__, [&] {
    const DictPin pinned(dict);
    const OptionalPin tensor(x, "x");
    check_text(name, "name");
    pinned->set(name, *tensor);
  });
}
tg_status tg_dict_get(tg_dict dict, const char* name, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    const DictPin pinned(dict);
    check_text(name, "name");
    tg::Tensor x = pinned->get(name);
    if (!x) {
      tg::fail(TG_ERROR_NOT_FOUND, "the dict has no \"", tg::Quoted{name},
               "\"; tg_dict_name_at tells the names it has");
    }
    *out = handle.publish(std::move(x));
  });
}
tg_status tg_dict_size(tg_dict dict, size_t* out) {
  return guarded_always(__func__, [&] {
    check_out(out, "out");
    *out = DictPin(dict)->size();
  });
}
tg_status tg_dict_name_at(tg_dict dict, size_t index, char* buffer, size_t capacity,
                          size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const DictPin pinned(dict);
    if (index >= pinned->size()) {
      tg::fail(TG_ERROR_INDEX, "index is ", index, "; the dict has ", pinned->size(),
               " names, so it must be below that");
    }
    put_text(pinned->at(index).name, buffer, capacity, length);
  });
}
tg_status tg_dict_metadata_set(tg_dict dict, const char* key, const char* value) {
  return guarded(__func__, [&] {
    const DictPin pinned(dict);
    check_text(key, "key");
    if (value != nullptr) check_text(value, "value");
    pinned->set_metadata(key, value);
  });
}
tg_status tg_dict_metadata_get(tg_dict dict, const char* key, char* buffer, size_t capacity,
                               size_t* length) {
  return guarded_always(__func__, [&] {
    check_text_out(buffer, capacity);
    const DictPin pinned(dict);
    check_text(key, "key");
    const tg::String* value = pinned->metadata(key);
    if (value == nullptr) {
      tg::fail(TG_ERROR_NOT_FOUND, "the dict has no metadata \"", tg::Quoted{key},
               "\"; tg_dict_metadata_set gives it one");
    }
    put_text({value->data(), value->size()}, buffer, capacity, length);
  });
}

tg_status tg_safetensors_save(const char* path, tg_dict dict) {
  return guarded(__func__, [&] {
    const DictPin pinned(dict);
    check_text(path, "path");
    tg::save_safetensors(path, *pinned);
  });
}
tg_status tg_safetensors_load(const char* path, uint32_t flags, tg_dict* out) {
  return make_dict(__func__, out, [&] {
    check_text(path, "path");
    check_flags(flags, TG_FILE_MAP);
    return tg::load_safetensors(path, (flags & TG_FILE_MAP) != 0);
  });
}
tg_status tg_safetensors_load_memory(const void* bytes, size_t size, tg_dict* out) {
  return make_dict(__func__, out, [&] {
    if (size > 0) check_pointer(bytes, "bytes");
    return tg::load_safetensors_memory(bytes, size);
  });
}

tg_status tg_npy_save(const char* path, tg_tensor x) {
  return guarded(__func__, [&] {
    const TensorPin tensor(x, "x");
    check_text(path, "path");
    tg::save_npy(path, *tensor);
  });
}
tg_status tg_npy_load(const char* path, tg_tensor* out) {
  return guarded(__func__, [&] {
    clear_out(out, "out");
    NewHandle handle;
    check_text(path, "path");
    *out = handle.publish(tg::load_npy(path));
  });
}
tg_status tg_npz_save(const char* path, tg_dict dict) {
  return guarded(__func__, [&] {
    const DictPin pinned(dict);
    check_text(path, "path");
    tg::save_npz(path, *pinned);
  });
}
tg_status tg_npz_load(const char* path, tg_dict* out) {
  return make_dict(__func__, out, [&] {
    check_text(path, "path");
    return tg::load_npz(path);
  });
}
