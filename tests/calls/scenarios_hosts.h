// SPDX-License-Identifier: MIT
// One call of each function for hosts; calls/world.h has the objects.
#pragma once

#include "calls/world.h"

namespace calls {

// The structs of DLPack, as another library would declare them.
struct DlTensor {
  void* data;
  int32_t device_type, device_id, rank;
  uint8_t code, bits;
  uint16_t lanes;
  const int64_t* shape;
  const int64_t* strides;
  uint64_t byte_offset;
};
struct DlManaged {
  DlTensor tensor;
  void* context;
  void (*deleter)(DlManaged*);
};
struct DlManagedVersioned {
  uint32_t major, minor;
  void* context;
  void (*deleter)(DlManagedVersioned*);
};

template <class Managed>
tg_status export_and_end(tg_tensor x, uint32_t flags) {
  void* out = nullptr;
  const tg_status status = tg_to_dlpack(x, flags, &out);
  if (status != TG_OK) return status;
  auto* managed = static_cast<Managed*>(out);
  managed->deleter(managed);
  return TG_OK;
}
inline tg_status import(World& w, uint32_t flags) {
  static DlManaged managed;
  managed = {{w.memory, 1, 0, 2, 2, 32, 1, kShape, nullptr, 0}, nullptr, [](DlManaged*) {}};
  return tg_from_dlpack(&managed, flags, w.out());
}

inline void take_line(void*, int32_t, const char*) {}
inline int32_t give_up(void*, uint64_t, uint64_t) { return 1; }
inline int32_t run_none(void*, size_t, tg_job_fn, void*) { return 1; }

inline const std::vector<Scenario>& scenarios_hosts() {
  static const std::vector<Scenario> rows = {
      {"tg_token_create", [](World& w) { return tg_token_create(w.out()); }},
      {"tg_token_cancel", [](World& w) { return tg_token_cancel(w.token); }},
      {"tg_token_is_cancelled", [](World& w) { return tg_token_is_cancelled(w.token, &w.number); }},
      {"tg_token_use", [](World& w) { return tg_token_use(w.token, &w.handle); }},
      {"tg_to_dlpack",
       [](World& w) { return export_and_end<DlManagedVersioned>(w.view, TG_DLPACK_VERSIONED); }},
      {"tg_to_dlpack", [](World& w) { return export_and_end<DlManaged>(w.view, TG_DLPACK_COPY); }},
      {"tg_from_dlpack", [](World& w) { return import(w, 0); }},
      {"tg_from_dlpack", [](World& w) { return import(w, TG_DLPACK_COPY); }},
      {"tg_log_set", [](World&) { return tg_log_set(take_line, nullptr, nullptr); }},
      {"tg_memory_pressure_set",
       [](World&) { return tg_memory_pressure_set(give_up, nullptr, nullptr, 0); }},
      {"tg_parallel_for_set",
       [](World&) { return tg_parallel_for_set(run_none, nullptr, nullptr); }},
  };
  return rows;
}

}  // namespace calls
