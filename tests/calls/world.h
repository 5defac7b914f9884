// SPDX-License-Identifier: MIT
// The objects that the scenarios of all functions work on, and a fingerprint of everything about
// them that a caller can see, so that a test can say that a failed call changed nothing.
#pragma once

#include <tapegrad/tapegrad.h>
#include <unistd.h>
#include "calls/callbacks.h"

#include <array>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "calls/custom.h"
#include "calls/foreign.h"

namespace calls {

inline constexpr int64_t kShape[] = {2, 3};
inline constexpr int64_t kTurned[] = {3, 2};
inline constexpr int64_t kCube[] = {2, 2, 3};
inline constexpr int64_t kCubeTurned[] = {2, 3, 2};
inline constexpr int64_t kCubeSquare[] = {2, 2, 2};
inline constexpr int64_t kTall[] = {4, 3};
inline constexpr int64_t kSquare[] = {2, 2};
inline constexpr int64_t kOverlapping[] = {1, 1};
inline constexpr int64_t kOtherStrides[] = {1, 2};
inline constexpr int64_t kLarge[] = {64, 64};
inline constexpr int64_t kFlat[] = {6};
inline constexpr int64_t kThree[] = {3};
inline constexpr int64_t kTwo[] = {2};
inline constexpr int64_t kDims[] = {-1, 0};
inline constexpr int64_t kOrder[] = {1, 0};
inline constexpr float kNumbers[] = {1, 2, 3, 0.5f, 1.5f, 2.5f, 1, 2, 3, 0.5f, 1.5f, 2.5f};
inline constexpr int64_t kIndices[] = {0, 1, 1, 0, 1, 0};
inline constexpr unsigned char kBools[] = {0, 1, 1, 0, 1, 0};

inline void must(tg_status status, const char* what) {
  if (status == TG_OK) return;
  throw std::runtime_error(std::string("the world: ") + what + ": " + tg_last_error_message());
}

class Folder {
 public:
  Folder() {
    char name[] = "/tmp/tapegrad-calls-XXXXXX";
    if (mkdtemp(name) == nullptr) throw std::runtime_error("no folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::string bytes_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class World {
 public:
  World() {
    must(tg_manual_seed(1), "seed");
    make_tensors();
    make_graphs();
    make_others();
  }
  ~World() {
    tg_drain_set(nullptr, nullptr, nullptr);
    tg_log_set(nullptr, nullptr, nullptr);
    tg_memory_pressure_set(nullptr, nullptr, nullptr, 0);
    tg_parallel_for_set(nullptr, nullptr, nullptr);
    tg_token_use(0, nullptr);
    tg_state_set(0, nullptr);
    tg_mode_nesting_set(TG_NESTING_REFUSE);
    for (; !entered_.empty(); entered_.pop_back()) {
      if (entered_.back() != 0) tg_scope_exit(entered_.back());
    }
    tg_scope_exit(scope);
    release_made();
    for (const tg_handle handle : owned_) tg_release(handle);
    tg_drain();
    tg_num_threads_set(0);
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // ---- what scenarios use ----

  tg_tensor x, b, r, t, batch, batch_t, large, mm_bias;  // leaves that require grad; x has a .grad
  tg_tensor p, q, o, tp, mm, q_row, h, one, wide;        // plain ones; o and mm are written by _out
  tg_tensor cube, cube_t, cube_o, row_o, cat_o, stack_o;  // and these: what ends in _o is written
  tg_tensor i, index, classes, place_o, number_int, c;    // integers and bool
  tg_tensor y, z, loss, fan;                              // with a past
  tg_tensor view, view_of_x, view_of_p, inference, scoped, spare;
  tg_module module, frozen;
  tg_optimizer sgd, fresh_adam;
  tg_generator generator;
  tg_dict dict, module_state, sgd_state;
  tg_node node;
  tg_object object;
  tg_token token;
  tg_scope scope;
  tg_handle spares[2], pair[2], plain_pair[2], roots[2], root_grads[2];
  tg_module modules[3];
  tg_operator foreign[5];       // calls/foreign.h
  tg_tensor foreign_loss[5];    // each made with the operator of the same number
  tg_operator custom[kCustom];  // calls/custom.h
  tg_tensor custom_loss[2];     // of the first two
  std::string path, file, npy, npz;
  float memory[6] = {1, 2, 3, 4, 5, 6};

  // Places for results.
  char text[4000];
  int32_t number;
  uint32_t u32;
  int64_t integer;
  uint64_t u64, u64_too;
  double real;
  size_t length;
  void* pointer;
  int64_t sizes[16];
  tg_handle handle;
  tg_handle* places;

  const std::vector<tg_handle>& handles() const { return owned_; }

  tg_handle* outs(size_t count) {
    made_.emplace_back(count, tg_handle{12345});
    return places = made_.back().data();
  }
  tg_handle* out() { return outs(1); }
  tg_scope* entered() { return &entered_.emplace_back(0); }
  const std::deque<std::vector<tg_handle>>& made() const { return made_; }
  // After a failed call: no place has a handle.
  bool gave_nothing() const {
    for (const auto& some : made_) {
      for (const tg_handle one_made : some) {
        if (one_made != 0) return false;
      }
    }
    return true;
  }
  void release_made() {
    for (const auto& some : made_) {
      for (const tg_handle one_made : some) tg_release(one_made);
    }
    made_.clear();
  }

  // Enters, then leaves by a function under test; entering needs no memory here.
  static tg_status left(tg_status entered_so, tg_status (*leave)()) {
    return entered_so == TG_OK ? leave() : entered_so;
  }
  static int32_t wake(void*) { return 0; }
  static void end_memory(void*, void*) {}
  static int32_t make_in_callback(void* user_data) {
    return may_fail([&]() -> int32_t {
      auto& w = *static_cast<World*>(user_data);
      return tg_add(w.x, w.r, w.out());
    });
  }
  static int32_t function(void*, const tg_tensor* inputs, size_t, tg_tensor* results, size_t) {
    return may_fail([&]() -> int32_t { return tg_mul_scalar(inputs[0], 2, results); });
  }
  static void end_function(void*) {}

  // ---- the fingerprint ----

  // with_saved: whether bytes that nodes keep for backward count.
  std::string fingerprint(bool with_saved = true) {
    with_saved_ = with_saved;
    std::string all;
    uint64_t state = 0;
    add(all, tg_state_get(&state));
    add(all, state);
    add(all, tg_is_grad_enabled());
    add(all, tg_is_inference_mode_enabled());
    add(all, tg_live_handles());
    add(all, tg_memory_current());
    for (const tg_handle one_owned : owned_) add(all, tg_is_valid(one_owned));
    for (const tg_tensor tensor : tensors_) add_tensor(all, tensor);
    for (const tg_module some : {module, frozen}) add_module(all, some);
    for (const tg_optimizer some : {sgd, fresh_adam}) {
      tg_dict entries = 0;
      must(tg_optimizer_state_dict(some, &entries), "state_dict");
      add_dict(all, entries, false);
      tg_release(entries);
    }
    for (const tg_dict some : {dict, module_state, sgd_state}) add_dict(all, some, true);
    for (const tg_generator some : {generator, tg_generator{0}}) {
      uint64_t seed = 0, offset = 0;
      must(tg_generator_state_get(some, &seed, &offset), "generator");
      add(all, seed);
      add(all, offset);
    }
    all.append(reinterpret_cast<const char*>(memory), sizeof memory);
    all += bytes_of_file(path);
    return all;
  }

 private:
  template <class T>
  static void add(std::string& all, T value) {
    all += std::to_string(value);
    all += ' ';
  }

  void add_tensor(std::string& all, tg_tensor tensor, bool with_identity = true) const {
    int32_t valid = tg_is_valid(tensor), flag = 0, rank = 0;
    add(all, valid);
    if (valid == 0) return;
    int64_t lengths[16], strides[16], offset = 0, version = 0;
    uint64_t bytes = 0, storage = 0, saved = 0, sequence = 0;
    for (auto ask : {tg_tensor_dtype, tg_tensor_requires_grad, tg_tensor_is_leaf, tg_tensor_is_view,
                     tg_tensor_is_inference}) {
      must(ask(tensor, &flag), "question");
      add(all, flag);
    }
    must(tg_tensor_shape(tensor, lengths, 16, &rank), "shape");
    must(tg_tensor_strides(tensor, strides, 16, &rank), "strides");
    for (int32_t d = 0; d < rank; ++d) add(all, lengths[d]), add(all, strides[d]);
    must(tg_tensor_storage_offset(tensor, &offset), "offset");
    must(tg_tensor_storage_id(tensor, &storage), "storage");
    add(all, offset);
    if (with_identity) add(all, storage);
    add(all, tg_tensor_version(tensor, &version));
    add(all, version);
    must(tg_tensor_nbytes(tensor, &bytes), "nbytes");
    std::string elements(bytes, '\0');
    must(tg_tensor_copy_out(tensor, elements.data(), bytes), "copy_out");
    all += elements;
    char name[200];
    must(tg_tensor_name(tensor, name, sizeof name, nullptr), "name");
    all += name;
    tg_node past = 0;
    must(tg_tensor_grad_fn(tensor, &past), "grad_fn");
    if (past != 0) {
      must(tg_node_name(past, name, sizeof name, nullptr), "node");
      must(tg_node_saved_bytes(past, &saved), "saved");
      must(tg_node_sequence(past, &sequence), "sequence");
      all += name;
      if (with_saved_) add(all, saved);
      if (with_identity) add(all, sequence);
      tg_release(past);
    }
    tg_tensor grad = 0;
    must(tg_tensor_grad(tensor, &grad), "grad");
    all += grad != 0 ? "grad " : "none ";
    if (grad != 0) add_tensor(all, grad);
    tg_release(grad);
  }

  void add_module(std::string& all, tg_module some) const {
    int32_t training = 0;
    size_t count = 0;
    must(tg_module_is_training(some, &training), "training");
    must(tg_module_parameter_count(some, &count), "count");
    add(all, training);
    for (size_t n = 0; n < count; ++n) {
      tg_tensor parameter = 0;
      must(tg_module_parameter_at(some, n, &parameter), "parameter");
      add_tensor(all, parameter);
      tg_release(parameter);
    }
  }

  void add_dict(std::string& all, tg_dict some, bool with_identity) const {
    size_t size = 0;
    must(tg_dict_size(some, &size), "size");
    for (size_t n = 0; n < size; ++n) {
      char name[200];
      tg_tensor entry = 0;
      must(tg_dict_name_at(some, n, name, sizeof name, nullptr), "name");
      must(tg_dict_get(some, name, &entry), "entry");
      all += name;
      add_tensor(all, entry, with_identity);
      tg_release(entry);
    }
    char format[200] = "";
    add(all, tg_dict_metadata_get(some, "format", format, sizeof format, nullptr));
    all += format;
  }

  // ---- making ----

  tg_handle own(tg_handle made) {
    owned_.push_back(made);
    return made;
  }
  tg_tensor tensor(tg_tensor made) {
    tensors_.push_back(made);
    return own(made);
  }
  tg_tensor make(const void* data, int32_t dtype, const int64_t* shape, int32_t rank,
                 int32_t requires_grad) {
    tg_tensor made = 0;
    must(tg_tensor_create(data, dtype, shape, rank, requires_grad, &made), "create");
    return tensor(made);
  }
  tg_tensor product(tg_tensor left_one, tg_tensor right_one) {
    tg_tensor made = 0;
    must(tg_mul(left_one, right_one, &made), "mul");
    return tensor(made);
  }
  tg_tensor sum(tg_tensor of) {
    tg_tensor made = 0;
    must(tg_sum(of, &made), "sum");
    return tensor(made);
  }

  void make_tensors() {
    x = make(kNumbers, TG_FLOAT32, kShape, 2, 1);
    b = make(kNumbers + 1, TG_FLOAT32, kShape, 2, 1);
    r = make(kNumbers, TG_FLOAT32, kThree, 1, 1);
    t = make(kNumbers, TG_FLOAT32, kTurned, 2, 1);
    batch = make(kNumbers, TG_FLOAT32, kCube, 3, 1);
    batch_t = make(kNumbers, TG_FLOAT32, kCubeTurned, 3, 1);
    large = make(nullptr, TG_FLOAT32, kLarge, 2, 1);
    mm_bias = make(kNumbers, TG_FLOAT32, kTwo, 1, 1);
    p = make(kNumbers, TG_FLOAT32, kShape, 2, 0);
    q = make(kNumbers + 2, TG_FLOAT32, kShape, 2, 0);
    o = make(nullptr, TG_FLOAT32, kShape, 2, 0);
    tp = make(kNumbers, TG_FLOAT32, kTurned, 2, 0);
    mm = make(nullptr, TG_FLOAT32, kSquare, 2, 0);
    q_row = make(kNumbers, TG_FLOAT32, kThree, 1, 0);
    cube = make(kNumbers, TG_FLOAT32, kCube, 3, 0);
    cube_t = make(kNumbers, TG_FLOAT32, kCubeTurned, 3, 0);
    cube_o = make(nullptr, TG_FLOAT32, kCubeSquare, 3, 0);
    row_o = make(nullptr, TG_FLOAT32, kTwo, 1, 0);
    cat_o = make(nullptr, TG_FLOAT32, kTall, 2, 0);
    stack_o = make(nullptr, TG_FLOAT32, kCube, 3, 0);
    plain_pair[0] = p, plain_pair[1] = q;
    const double two = 2;
    one = make(&two, TG_FLOAT64, nullptr, 0, 0);
    i = make(kIndices, TG_INT64, kShape, 2, 0);
    index = make(kIndices, TG_INT64, kTwo, 1, 0);
    classes = make(kIndices, TG_INT64, kTwo, 1, 0);
    place_o = make(nullptr, TG_INT64, kTwo, 1, 0);
    number_int = make(kIndices, TG_INT64, nullptr, 0, 0);
    c = make(kBools, TG_BOOL, kShape, 2, 0);
    spare = own(0);
    must(tg_to_dtype(p, TG_FLOAT16, &h), "to_dtype");
    tensor(h);
    must(tg_to_dtype(p, TG_FLOAT64, &wide), "to_dtype");
    tensor(wide);
    must(tg_tensor_set_name(x, "x of the world"), "set_name");
    must(tg_tensor_set_grad(x, q), "set_grad");
    must(tg_inference_mode_enter(1), "enter");
    must(tg_ones(TG_FLOAT32, kShape, 2, &inference), "ones");
    must(tg_inference_mode_exit(), "exit");
    tensor(inference);
    must(tg_t(p, &view), "t");
    must(tg_t(x, &view_of_x), "t");
    must(tg_as_strided(p, kShape, kOtherStrides, 2, 0, &view_of_p), "as_strided");
    for (const tg_tensor some : {view, view_of_x, view_of_p}) tensor(some);
    for (tg_handle* place : {&spare, &spares[0], &spares[1]}) {
      must(tg_scalar(3, TG_FLOAT32, place), "scalar");
      tensor(*place);
    }
  }

  void make_graphs() {
    y = product(x, b);
    z = product(x, b);
    loss = sum(product(y, y));
    // Many leaves, one of them with a .grad, and a tensor in the middle that retains its gradient.
    const tg_tensor middle = product(x, r);
    must(tg_tensor_retain_grad(middle), "retain_grad");
    fan = product(middle, middle);
    for (int n = 0; n < 20; ++n) {
      fan = product(fan, make(kNumbers, TG_FLOAT32, kThree, 1, 1));
    }
    fan = sum(fan);
    must(tg_tensor_grad_fn(y, &node), "grad_fn");
    own(node);
    pair[0] = x, pair[1] = b;
    roots[0] = y, roots[1] = loss;
    root_grads[0] = q, root_grads[1] = 0;
  }

  void make_others() {
    must(tg_nn_linear(3, 2, 1, TG_FLOAT32, &modules[0]), "linear");
    must(tg_nn_relu(&modules[1]), "relu");
    must(tg_nn_function(function, nullptr, end_function, &modules[2]), "function");
    must(tg_nn_sequential(modules, 3, &module), "sequential");
    must(tg_nn_linear(3, 2, 1, TG_FLOAT32, &frozen), "linear");
    must(tg_module_set_requires_grad(frozen, 0), "freeze");
    must(tg_module_state_dict(module, &module_state), "state_dict");
    must(tg_optim_sgd(pair, 2, 0.1, &sgd), "sgd");
    must(tg_optimizer_set(sgd, "momentum", 0.9), "momentum");
    must(tg_optimizer_state_dict(sgd, &sgd_state), "state_dict");
    must(tg_optim_adam(pair, 2, 0.1, &fresh_adam), "adam");
    must(tg_generator_create(9, &generator), "generator");
    must(tg_dict_create(&dict), "dict");
    must(tg_dict_set(dict, "x", p), "dict");
    must(tg_dict_set(dict, "turned", view), "dict");
    must(tg_dict_metadata_set(dict, "format", "pt"), "metadata");
    must(tg_object_create("payload", this, nullptr, &object), "object");
    must(tg_token_create(&token), "token");
    for (const tg_handle some : {modules[0], modules[1], modules[2], module, frozen, module_state,
                                 sgd, sgd_state, fresh_adam, generator, dict, object, token}) {
      own(some);
    }
    make_foreign();
    make_custom();
    static const Folder folder;
    path = folder.path() + "/file.safetensors";
    must(tg_safetensors_save(path.c_str(), dict), "save");
    file = bytes_of_file(path);
    static const Folder others;  // that of path holds one file
    npy = others.path() + "/file.npy", npz = others.path() + "/file.npz";
    must(tg_npy_save(npy.c_str(), view), "save");
    must(tg_npz_save(npz.c_str(), dict), "save");
    must(tg_mode_nesting_set(TG_NESTING_ALLOW), "nesting");
    must(tg_scope_enter(&scope), "scope");
    must(tg_scalar(1, TG_FLOAT32, &scoped), "scalar");
    tensor(scoped);
    std::memset(text, 0, sizeof text);
  }

  void make_foreign() {
    for (int kind = 0; kind < 5; ++kind) {
      const tg_ffi_definition from = foreign_definition(kind);
      const tg_value weight = foreign_weight();
      tg_tensor result = 0;
      must(tg_ffi_operator(&from, &foreign[kind]), "foreign");
      must(tg_operator_apply(own(foreign[kind]), &x, 1, &weight, kind < 2 ? 0 : 1, &result, 1),
           "apply");
      foreign_loss[kind] = sum(product(tensor(result), result));
    }
    // The first call of the checked one was that above, so it is made anew.
    const tg_ffi_definition from = foreign_definition(3);
    must(tg_ffi_operator(&from, &foreign[3]), "foreign");
    own(foreign[3]);
  }

  void make_custom() {
    for (int kind = 0; kind < kCustom; ++kind) {
      const tg_operator_definition from = custom_definition(kind);
      must(tg_operator_create(&from, &custom[kind]), "custom");
      own(custom[kind]);
      if (kind == 2) continue;
      tg_tensor results[2] = {0, 0};
      must(tg_operator_apply(custom[kind], pair, 2, nullptr, 0, results, from.out_count), "apply");
      custom_loss[kind] = sum(product(tensor(results[0]), results[0]));
      if (results[1] != 0) tensor(results[1]);
    }
  }

  std::vector<tg_handle> owned_;
  std::vector<tg_tensor> tensors_;
  std::deque<std::vector<tg_handle>> made_;
  std::deque<tg_scope> entered_;
  bool with_saved_ = true;
};

struct Scenario {
  const char* name;
  tg_status (*call)(World&);
};

// For functions that give no status, or that are expected to give another one than TG_OK.
template <class T>
tg_status no_status(T) {
  return TG_OK;
}
inline tg_status done() { return TG_OK; }
inline tg_status expects(tg_status wanted, tg_status came) {
  return came == wanted ? TG_OK : came != TG_OK ? came : TG_ERROR_INTERNAL;
}

}  // namespace calls
