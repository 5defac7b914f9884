// SPDX-License-Identifier: MIT
// The rows of the table of random calls that need more than words: callbacks, memory that is lent,
// sizes that must fit what the call states.
#pragma once

#include "calls/arguments.h"
#include "calls/values.h"

namespace calls {

const std::vector<Row>& table();          // calls/random_table.h
void play(Player& player, size_t which);  // one call, and what must hold after it

// ---- callbacks ----

// Runs a few more calls, then returns 0, the status of a call, or a number of its own.
inline int32_t callback(void* user_data) {
  auto& player = *static_cast<Player*>(user_data);
  for (uint64_t n = player.below(3); n > 0 && player.depth < 3; --n) {
    play(player, player.below(table().size()));
  }
  switch (player.below(6)) {
    case 0: return tg_mm(0, 0, nullptr);
    case 1: return static_cast<int32_t>(player.small());
    case 2: return tg_error_set(TG_ERROR_TIMEOUT, 3, "late");
    default: return 0;
  }
}

inline int32_t function(void* user_data, const tg_tensor* inputs, size_t count, tg_tensor* outs,
                        size_t out_count) {
  auto& player = *static_cast<Player*>(user_data);
  const int32_t result = callback(user_data);
  if (count != 1 || out_count != 1) player.findings.push_back("function: counts");
  switch (player.below(6)) {
    case 0: return result;  // perhaps 0 without an out
    case 1: outs[0] = player.handle(Kind::generator); return result;
    case 2: return tg_relu(inputs[0], &outs[0]);
    case 3: tg_zeros_like(inputs[0], &outs[0]); return result;
    default: return tg_alias(inputs[0], &outs[0]);
  }
}
inline void end_function(void* user_data) { --static_cast<Player*>(user_data)->destructors_due; }

struct Payload {
  Player* player;
};
inline void end_payload(void* payload) {
  auto* one = static_cast<Payload*>(payload);
  --one->player->destructors_due;
  delete one;
}
inline void end_memory(void* user_data, void* data) {
  auto& player = *static_cast<Player*>(user_data);
  if (data == nullptr) return;  // a tensor without elements over no memory
  const auto lent = player.memory_lent.find(data);
  if (lent == player.memory_lent.end()) {
    player.findings.push_back("a deleter ran twice");
    return;
  }
  std::free(static_cast<char*>(data) - lent->second);
  player.memory_lent.erase(lent);
}
inline int32_t wake(void*) { return 7; }

inline constexpr auto Callback = [](Player& p, Call&) -> std::tuple<tg_callback, void*> {
  return {p.chance(99) ? callback : nullptr, &p};
};

// ---- rows that need more than words ----

inline tg_status create(Player& p, Call& call) {
  const auto [shape, rank] = shape_in(p, call, true);
  const int32_t dtype = p.dtype();
  uint64_t bytes = item_size(dtype);
  for (int32_t d = 0; shape != nullptr && d < rank; ++d) {
    const bool fits = shape[d] >= 0 && shape[d] < 1000 && bytes < 100000;
    bytes = fits ? bytes * static_cast<uint64_t>(shape[d]) : 0;
    if (!fits) break;
  }
  void* data = p.chance(40) || bytes == 0 ? nullptr : p.block<unsigned char>(call, bytes);
  if (data != nullptr && p.chance(60)) {  // small numbers, good as indices and as values
    for (size_t i = 0; i < bytes / item_size(dtype); ++i) {
      const auto small = static_cast<int64_t>(p.below(4));
      auto* at = static_cast<unsigned char*>(data) + i * item_size(dtype);
      const auto single = static_cast<float>(small);
      const auto wide = static_cast<double>(small);
      if (dtype == TG_FLOAT32)
        std::memcpy(at, &single, 4);
      else if (dtype == TG_FLOAT64)
        std::memcpy(at, &wide, 8);
      else if (dtype >= TG_INT8)
        std::memcpy(at, &small, item_size(dtype));
    }
  }
  return tg_tensor_create(data, dtype, shape, rank, p.chance(50) ? p.boolean() : 0,
                          p.chance(99) ? p.out_handles(call, Kind::tensor, 1) : nullptr);
}

inline tg_status from_memory(Player& p, Call& call) {
  const std::vector<int64_t> sizes = p.sizes(false);
  const int32_t dtype = p.dtype();
  const auto item = static_cast<int64_t>(item_size(dtype));
  std::vector<int64_t> strides(sizes.size());
  int64_t below = 0, above = 0, product = 1;
  bool sound = item > 0, empty = false;
  for (size_t d = sizes.size(); d-- > 0;) {
    strides[d] = p.chance(60) ? product : static_cast<int64_t>(p.below(7)) - 3;
    if (sizes[d] < 0) sound = false;
    if (sizes[d] == 0) empty = true;
    if (sizes[d] > 0) product *= sizes[d];
    (strides[d] < 0 ? below : above) += strides[d] * (sizes[d] - 1);
  }
  if (empty || !sound) below = above = 0;
  const size_t before = static_cast<size_t>(-below * (item > 0 ? item : 1));
  const size_t bytes = before + static_cast<size_t>((above + 1) * (item > 0 ? item : 1));
  char* memory = static_cast<char*>(std::malloc(bytes));
  std::memset(memory, 1, bytes);
  tg_tensor* out = p.out_handles(call, Kind::tensor, 1);
  const bool with_deleter = p.chance(80);
  void* first = memory + before;
  p.memory_lent[first] = before;
  const bool absent = p.chance(1);
  const tg_status status =
      tg_tensor_from_memory(absent ? nullptr : first, dtype, p.array(call, sizes),
                            p.array(call, strides), static_cast<int32_t>(sizes.size()),
                            with_deleter && p.chance(30) ? static_cast<uint32_t>(p.below(3)) : 0u,
                            with_deleter ? end_memory : nullptr, &p, out);
  if (status != TG_OK || absent) {
    end_memory(&p, first);
  } else if (!with_deleter) {  // the caller's own memory: it outlives the tensor for certain
    const tg_handle made = *out;
    *out = 0;
    tg_release(made);
    end_memory(&p, first);
  }
  return status;
}

inline tg_status object_create(Player& p, Call& call) {
  auto* payload = new Payload{&p};
  ++p.destructors_due;
  const tg_status status =
      tg_object_create(p.text(call), payload, end_payload, p.out_handles(call, Kind::object, 1));
  if (status != TG_OK) end_payload(payload);
  return status;
}

inline tg_status nn_function(Player& p, Call& call) {
  ++p.destructors_due;
  const tg_status status = tg_nn_function(p.chance(98) ? function : nullptr, &p, end_function,
                                          p.out_handles(call, Kind::module, 1));
  if (status != TG_OK) --p.destructors_due;
  return status;
}

inline tg_status drain_set(Player& p, Call&) {
  const bool on = p.chance(50);
  if (on) ++p.destructors_due;
  const tg_status status = tg_drain_set(on ? wake : nullptr, &p, on ? end_function : nullptr);
  if (on && status != TG_OK) --p.destructors_due;
  return status;
}

inline tg_status copy_out(Player& p, Call& call) {
  const tg_tensor x = p.handle(Kind::tensor);
  const size_t bytes = p.bytes_of(x);
  return tg_tensor_copy_out(x, p.chance(98) ? p.block<char>(call, bytes) : nullptr, bytes);
}
inline tg_status copy_in(Player& p, Call& call) {
  const tg_tensor x = p.handle(Kind::tensor);
  const size_t bytes = p.bytes_of(x);
  return tg_tensor_copy_in(x, p.chance(98) ? p.block<char>(call, bytes) : nullptr, bytes);
}
inline tg_status data(Player& p, Call& call) {
  const tg_tensor x = p.handle(Kind::tensor);
  void** out = p.out<void*>(call);
  const tg_status status = tg_tensor_data(x, out);
  int64_t elements = 0;
  if (status == TG_OK && tg_tensor_numel(x, &elements) == TG_OK && elements > 0) {
    volatile char first = *static_cast<char*>(*out);  // an address that can be read
    static_cast<void>(first);
  }
  return status;
}

inline tg_status release(Player& p, Call&) {
  const size_t kind = p.below(kKinds);
  auto& own = p.pool[kind];
  if (own.empty() || p.chance(20)) return tg_release(p.any_handle());
  const size_t place = p.below(own.size());
  const tg_handle handle = own[place];
  if (static_cast<Kind>(kind) != Kind::scope) p.forget(kind, place);
  return tg_release(handle);
}
inline tg_status scope_exit(Player& p, Call&) {
  const tg_scope scope = p.handle(Kind::scope);
  const tg_status status = tg_scope_exit(scope);
  auto& own = p.pool[static_cast<size_t>(Kind::scope)];
  for (size_t i = 0; status == TG_OK && i < own.size(); ++i) {
    if (own[i] == scope) p.forget(static_cast<size_t>(Kind::scope), i);
  }
  return status;
}

inline tg_status state_get(Player& p, Call& call) {
  uint64_t* state = p.out<uint64_t>(call);
  const tg_status status = tg_state_get(state);
  if (status == TG_OK && p.states.size() < 50) p.states.push_back(*state);
  return status;
}
inline tg_status state_set(Player& p, Call& call) {
  const bool known = !p.states.empty() && p.chance(80);
  return tg_state_set(known ? p.states[p.below(p.states.size())] : p.random() >> p.below(64),
                      p.chance(50) ? p.block<uint64_t>(call, 1) : nullptr);
}

using OutRoots = std::tuple<const tg_tensor*, const tg_tensor*, size_t>;
inline OutRoots roots(Player& p, Call& call) {
  std::vector<tg_handle> outputs, grads;
  for (uint64_t n = p.below(20) == 0 ? 0 : p.below(3) + 1; n > 0; --n) {
    outputs.push_back(p.handle(Kind::tensor));
    grads.push_back(p.chance(60) ? 0 : p.handle(Kind::tensor));
  }
  return {p.chance(99) ? p.array(call, outputs) : nullptr,
          p.chance(50) ? p.array(call, grads) : nullptr, outputs.size()};
}
inline tg_status grad(Player& p, Call& call) {
  const auto [outputs, grads, count] = roots(p, call);
  std::vector<tg_handle> inputs;
  for (uint64_t n = p.below(20) == 0 ? 0 : p.below(3) + 1; n > 0; --n) {
    inputs.push_back(p.handle(Kind::tensor));
  }
  tg_handle* outs = p.chance(98) ? p.out_handles(call, Kind::tensor, inputs.size()) : nullptr;
  return tg_grad(outputs, grads, count, p.array(call, inputs), inputs.size(), kFlags<7>(p, call),
                 outs);
}

// A struct of the legacy form, as another library would declare it.
struct DlManaged {
  void* data;
  int32_t device_type, device_id, ndim;
  uint8_t code, bits;
  uint16_t lanes;
  int64_t* shape;
  int64_t* strides;
  uint64_t byte_offset;
  void* context;
  void (*deleter)(DlManaged*);
};

inline tg_status to_dlpack(Player& p, Call& call) {
  const tg_handle x = p.handle(Kind::tensor);
  void* out = nullptr;
  // Never the versioned form: its deleter stands elsewhere.
  const uint32_t flags = p.chance(5) ? 4 : p.chance(30) ? TG_DLPACK_COPY : 0;
  const tg_status status = tg_to_dlpack(x, flags, p.chance(97) ? &out : nullptr);
  if (status != TG_OK) return status;
  if (p.chance(50) && tg_from_dlpack(out, 0, p.out_handles(call, Kind::tensor, 1)) == TG_OK) {
    return TG_OK;
  }
  auto* managed = static_cast<DlManaged*>(out);
  managed->deleter(managed);
  return TG_OK;
}

inline tg_status from_dlpack(Player& p, Call& call) {
  const std::vector<int64_t> sizes = p.sizes(false);
  const int32_t dtype = p.chance(90) ? TG_FLOAT32 : TG_FLOAT64;
  int64_t count = 1;
  for (const int64_t size : sizes) count *= size < 0 ? 1 : size;
  auto* memory = new char[static_cast<size_t>(count) * 8 + sizeof(DlManaged) + 16 * sizes.size()];
  auto* managed = new (memory) DlManaged{};
  auto* shape = reinterpret_cast<int64_t*>(managed + 1);
  for (size_t d = 0; d < sizes.size(); ++d) shape[d] = sizes[d];
  managed->data = p.chance(97) ? shape + 2 * sizes.size() : nullptr;
  if (managed->data != nullptr) std::memset(managed->data, 0, static_cast<size_t>(count) * 8);
  managed->device_type = p.chance(97) ? 1 : static_cast<int32_t>(p.random());
  managed->ndim = p.chance(98) ? static_cast<int32_t>(sizes.size()) : -1;
  managed->code = p.chance(97) ? 2 : static_cast<uint8_t>(p.random());
  managed->bits = static_cast<uint8_t>(8 * item_size(dtype));
  managed->lanes = p.chance(97) ? 1 : static_cast<uint16_t>(p.random());
  managed->shape = p.chance(97) ? shape : nullptr;
  ++p.destructors_due;
  static int64_t* due;
  due = &p.destructors_due;
  managed->deleter = [](DlManaged* self) {
    --*due;
    delete[] reinterpret_cast<char*>(self);
  };
  const tg_status status =
      tg_from_dlpack(managed, static_cast<uint32_t>(p.chance(70) ? 0 : TG_DLPACK_COPY),
                     p.out_handles(call, Kind::tensor, 1));
  if (status != TG_OK) managed->deleter(managed);
  return status;
}

// What a host lends: each calls back now and then.
template <class Set>
tg_status lend(Player& p, Set&& set) {
  const bool on = p.chance(50);
  if (on) ++p.destructors_due;
  const tg_status status = set(on);
  if (on && status != TG_OK) --p.destructors_due;
  return status;
}
inline tg_status log_set(Player& p, Call&) {
  const tg_log_fn log = [](void*, int32_t, const char*) { static_cast<void>(tg_release(1)); };
  return lend(
      p, [&](bool on) { return tg_log_set(on ? log : nullptr, &p, on ? end_function : nullptr); });
}
inline tg_status pressure_set(Player& p, Call&) {
  const tg_pressure_fn relieve = [](void*, uint64_t current, uint64_t) -> int32_t {
    static_cast<void>(tg_no_grad_enter());
    return current % 2 == 0 ? tg_memory_trim() : 1;
  };
  return lend(p, [&](bool on) {
    return tg_memory_pressure_set(on ? relieve : nullptr, &p, on ? end_function : nullptr,
                                  p.below(4000));
  });
}
inline tg_status parallel_for_set(Player& p, Call&) {
  const tg_parallel_for_fn run_one = [](void*, size_t count, tg_job_fn run, void* job) -> int32_t {
    run(job, count - 1);
    return 1;
  };
  return lend(p, [&](bool on) {
    return tg_parallel_for_set(on ? run_one : nullptr, &p, on ? end_function : nullptr);
  });
}

// An operator by its name, with the right kinds of values or not, now and then with a frame.
inline tg_status call_by_name(Player& p, Call& call) {
  constexpr const char* kNames[] = {"tg_add", "tg_mul", "tg_maximum", "tg_nothing"};
  const char* name = p.chance(97) ? kNames[p.below(3)] : kNames[p.below(4)];
  tg_value* arguments = p.block<tg_value>(call, 2, false);
  for (int i = 0; i < 2; ++i) {
    arguments[i] = of_handle(p.handle(Kind::tensor));
    if (p.chance(2)) arguments[i].type = static_cast<int32_t>(p.small());
  }
  tg_value* result = p.block<tg_value>(call, 1);
  tg_handle* out = p.out_handles(call, Kind::tensor, 1);
  *out = 0;
  char* text = p.block<char>(call, 100);
  tg_frame frame{sizeof frame, 0, 0, 0, text, 100, 0};
  if (p.chance(5)) frame.state = p.random();
  if (p.chance(5)) frame.scope = p.handle(Kind::scope);
  const bool with_frame = p.chance(50);
  const tg_status status =
      tg_call(with_frame ? &frame : nullptr, name, arguments, p.chance(98) ? 2 : p.below(3), result,
              p.chance(98) ? 1 : 0, p.chance(50) ? p.block<size_t>(call, 1) : nullptr);
  if (status == TG_OK) *out = result->as.handle;
  // A scope's handles are released with it, and the player counts on those that it got.
  return status != TG_OK && with_frame ? tg_error_set(status, 0, text) : status;
}

inline tg_status load_memory(Player& p, Call& call) {
  std::string bytes = p.saved.substr(0, p.chance(70) ? p.saved.size() : p.below(p.saved.size()));
  for (uint64_t n = p.chance(50) ? 0 : p.below(4); n > 0 && !bytes.empty(); --n) {
    bytes[p.below(bytes.size())] = static_cast<char>(p.random());
  }
  std::vector<char> exact(bytes.begin(), bytes.end());
  return tg_safetensors_load_memory(p.array(call, exact), exact.size(),
                                    p.out_handles(call, Kind::dict, 1));
}

inline constexpr auto RandomSteps = [](Player& p, Call&) -> std::tuple<double, double, double> {
  const double start = p.number();
  return {start, p.chance(90) ? start + static_cast<double>(p.below(20)) : p.number(),
          p.chance(90) ? 0.5 * static_cast<double>(p.below(4)) : p.number()};
};
inline constexpr auto Limit = [](Player& p, Call&) {
  return (uint64_t{256} << 20) + p.below(1 << 20);
};
inline constexpr auto Threads = [](Player& p, Call&) {
  return p.chance(80) ? static_cast<int32_t>(p.below(4)) : static_cast<int32_t>(p.small());
};
// All but TG_ERROR_INTERNAL, which would be a finding.
inline constexpr auto Status = [](Player& p, Call&) {
  const auto drawn = static_cast<int32_t>(p.below(18)) + 1;
  return drawn == TG_ERROR_INTERNAL ? TG_ERROR_PEER : drawn;
};
inline constexpr auto ErrorText = [](Player& p, Call& call) -> std::tuple<char*, size_t> {
  const size_t capacity = p.below(300);
  return {p.block<char>(call, capacity), capacity};
};
inline constexpr auto Detail = [](Player& p, Call& call) -> std::tuple<int64_t*, int32_t*> {
  return {p.out<int64_t>(call), p.out<int32_t>(call)};
};
inline constexpr auto StridedIn =
    [](Player& p, Call& call) -> std::tuple<const int64_t*, const int64_t*, int32_t, int64_t> {
  const std::vector<int64_t> sizes = p.sizes(false);
  std::vector<int64_t> strides;
  for (size_t d = 0; d < sizes.size(); ++d)
    strides.push_back(p.chance(97) ? p.below(4) : p.small());
  return {p.array(call, sizes), p.array(call, strides), static_cast<int32_t>(sizes.size()),
          p.chance(97) ? static_cast<int64_t>(p.below(3)) : p.small()};
};
inline constexpr auto MaybeI64 = [](Player& p, Call& call) -> int64_t* {
  return p.chance(90) ? p.block<int64_t>(call, 1) : nullptr;
};
inline constexpr auto MaybeF64 = [](Player& p, Call& call) -> double* {
  return p.chance(90) ? p.block<double>(call, 1) : nullptr;
};
inline constexpr auto MaybeT = [](Player& p, Call& call) { return p.chance(50) ? 0 : T(p, call); };
inline constexpr auto MaybeText = [](Player& p, Call& call) {
  return p.chance(30) ? nullptr : p.text(call);
};
// Borrowed: what comes is no new handle.
inline constexpr auto Previous = [](Player& p, Call& call) { return p.block<tg_scope>(call, 1); };
inline constexpr auto NoScope = [](Player& p, Call& call) {
  return p.chance(40) ? 0 : Scope(p, call);
};
inline constexpr auto NoToken = [](Player& p, Call& call) {
  return p.chance(40) ? 0 : Token(p, call);
};
inline constexpr auto NoGenerator = [](Player& p, Call& call) {
  return p.chance(50) ? 0 : Gen(p, call);
};
inline constexpr auto IgnoreIndex = [](Player& p, Call&) {
  return p.chance(50) ? -100 : p.small();
};

// With TG_CREATE_GRAPH a .grad can hold its own leaf (a ring, as the header says), so only every
// other epoch has it, and the rest can hold memory to its start.
inline constexpr auto BackwardFlags = [](Player& p, Call& call) {
  return kFlags<3>(p, call) & ~(p.may_leave_rings ? 0u : uint32_t{TG_CREATE_GRAPH});
};

// An alias: of what kind, only the handle knows.
inline constexpr auto OutAlias = [](Player& p, Call& call) -> tg_handle* {
  return p.out_handles(call, Kind::object, 1);
};

}  // namespace calls
